/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the drivers of peers share. A driver is a process that `ww experiment peers` starts and
 * speaks to in lines; each answer is a JSON object on a line of its own:
 *
 *   (nothing)                                       {"ready": true, ...} once a leader is known
 *   run INFLIGHT BYTES WARMUP_NS DURATION_NS PID... {"entries", "elapsed_ns", "p50", ...}: a closed
 *                                                   loop; PIDs are the nodes whose time is taken
 *   count                                           {"applied": [entries of each node asked], ...}
 *   the end of the input                            the driver ends
 */
#ifndef WW_BENCH_PEERS_DRIVER_H
#define WW_BENCH_PEERS_DRIVER_H

#include "engine/base/error.h"
#include "engine/base/histogram.h"
#include "engine/base/limits.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define WW_PEER_INFLIGHT_MAX (1u << 20)
#define WW_PEER_LINE_MAX 512u

/* One closed loop: `inflight` entries without an answer at any time. */
struct ww_peer_cell {
    uint32_t inflight;
    uint32_t entry_bytes; /* at least 8: each begins with its number */
    uint64_t warmup_ns, duration_ns;
    pid_t nodes[WW_NODES_MAX];
    uint32_t node_count;
};

/* Reads the words behind "run"; false with a sentence when they are not such a cell. */
bool ww_peer_cell_parse(const char *words, struct ww_peer_cell *cell, struct ww_error *error);

struct ww_peer_totals {
    uint64_t clock_ns, nodes_cpu_ns, driver_cpu_ns;
    uint64_t answered; /* entries, since the driver began */
};

enum ww_peer_phase { WW_PEER_IDLE, WW_PEER_WARMUP, WW_PEER_MEASURE, WW_PEER_DRAIN };

/* The course of one cell, whatever carries its entries. */
struct ww_peer_run {
    struct ww_peer_cell cell;
    enum ww_peer_phase phase;
    uint64_t deadline_ns;                 /* of this phase */
    struct ww_peer_totals begin, end;     /* of the measured phase */
    uint64_t proposed, answered;          /* entries, since the driver began: also their numbers */
    struct ww_histogram *latency;         /* of the measured phase */
    uint8_t filler[WW_PEER_LINE_MAX * 8]; /* what entries hold behind their number */
};

int ww_peer_run_init(struct ww_peer_run *run, struct ww_error *error);
void ww_peer_run_begin(struct ww_peer_run *run, const struct ww_peer_cell *cell);

/* How many entries may be proposed now; looks at the clock. 0 when this is over or drains. */
uint32_t ww_peer_run_room(struct ww_peer_run *run);

/* Writes the next entry's bytes at `to` and counts it as proposed. */
void ww_peer_run_fill(struct ww_peer_run *run, uint8_t *to);

/* `count` entries that were proposed at `sent_ns` are applied. */
void ww_peer_run_answer(struct ww_peer_run *run, uint64_t sent_ns, uint32_t count);

/* Says the result, once, when the cell is over and all of its entries were answered. */
void ww_peer_run_report(struct ww_peer_run *run, FILE *out);

/* Lines out of a file descriptor. */
struct ww_peer_input {
    char buffer[WW_PEER_LINE_MAX];
    size_t used;
};

/* Reads once; false at the end of the input. */
bool ww_peer_input_read(struct ww_peer_input *input, int fd);

/* Takes a whole line out; false when there is none. */
bool ww_peer_input_line(struct ww_peer_input *input, char line[WW_PEER_LINE_MAX]);

#endif
