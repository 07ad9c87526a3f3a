/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a vote request waits for its answer behind append work. A follower (the engine's core)
 * handles one message after the other, and does not go on before what it must write is durable: a
 * block for every AppendEntries, a record for a vote. Another thread, its network, takes messages
 * as fast as they go into the queue between the two, which is therefore full:
 *
 *   BLOCKING     one queue under a mutex; the network waits until there is room
 *   BOUNDED      one lock-free ring; when it is full a message is refused, counted, and sent again
 *   VOTES_FIRST  two rings; the one of the votes is looked at before every other message
 */
#ifndef WW_BENCH_VOTE_QUEUE_H
#define WW_BENCH_VOTE_QUEUE_H

#include "engine/base/error.h"
#include "engine/base/histogram.h"

#include <stdbool.h>
#include <stdint.h>

enum ww_vote_queue_design {
    WW_VOTE_QUEUE_BLOCKING,
    WW_VOTE_QUEUE_BOUNDED,
    WW_VOTE_QUEUE_VOTES_FIRST,
    WW_VOTE_QUEUE_DESIGNS,
};

struct ww_vote_queue_options {
    enum ww_vote_queue_design design;
    uint32_t slots;       /* that the queue holds: a power of two less one, as rings do */
    const char *data;     /* a directory on the disk that is written */
    uint64_t warmup_ns;   /* votes before are not counted */
    uint64_t duration_ns; /* votes arrive for so long, one at least; each is waited for */
    uint64_t seed;
};

#define WW_VOTE_QUEUE_SLOTS_MAX 65536u

struct ww_vote_queue_result {
    struct ww_vote_queue_options options;
    struct ww_histogram latency; /* ns, from the arrival of a vote request until its answer */
    uint64_t votes;              /* the histogram's count */
    uint64_t votes_refused;      /* tries that found the queue full */
    uint64_t appended;           /* AppendEntries handled and durable, while measured */
    uint64_t appends_refused;
    uint64_t blocked_ns; /* that the network stood still, at most */
    uint64_t elapsed_ns;
};

/* Measures in a process of its own. WW_ECLOSED when `interrupted` says so. */
int ww_vote_queue_run(const struct ww_vote_queue_options *options,
                      bool (*interrupted)(uint64_t wait_ns), struct ww_vote_queue_result *result,
                      struct ww_error *error);

#endif
