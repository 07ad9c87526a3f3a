/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which entries were acknowledged, and at which index: a file of runs that the load generator
 * writes and the verifier reads. As long as one leader serves, a group is one run.
 */
#ifndef WW_BENCH_ACK_LOG_H
#define WW_BENCH_ACK_LOG_H

#include "engine/base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define WW_ACK_LOG "acks" /* load.CLIENT.acks, a file of each load process */
/* Load process k makes the entries of the sequences from k times this on. */
#define WW_ACK_CLIENT_SEQUENCES (UINT64_C(1) << 40)

/* The entries first_sequence.. of the group stand at first_index..; 0: where is not known. */
struct ww_ack_run {
    uint64_t group;
    uint64_t count;
    uint64_t first_sequence;
    uint64_t first_index;
};

struct ww_ack_writer {
    FILE *file;
    struct ww_ack_run *open; /* per group: the run that still grows */
    uint32_t groups;
};

int ww_ack_writer_open(struct ww_ack_writer *writer, const char *path, uint32_t groups,
                       struct ww_error *error);
void ww_ack_writer_add(struct ww_ack_writer *writer, uint32_t group, uint64_t first_sequence,
                       uint64_t first_index, uint32_t count);
/* Writes the open runs and closes; fails if any write did. */
int ww_ack_writer_close(struct ww_ack_writer *writer, struct ww_error *error);

/*
 * A leader that no longer knows where entries stand acknowledges them with index 0. A client's
 * entries stand in the order of their sequences, so these lie between what it knows of the ones
 * before and behind them: at indexes in [low, high).
 */
struct ww_ack_loose {
    struct ww_ack_run run;
    uint64_t low, high;
};

/* All runs of all load processes, sorted by group and index; apart from them those without. */
struct ww_ack_log {
    struct ww_ack_run *runs;
    size_t count;
    struct ww_ack_loose *loose; /* by group and sequence */
    size_t loose_count;
    uint64_t acknowledged; /* entries */
};

/* Reads the files of the `clients` load processes of a run. */
int ww_ack_log_read(struct ww_ack_log *log, const char *directory, uint32_t clients,
                    struct ww_error *error);
void ww_ack_log_free(struct ww_ack_log *log);

#endif
