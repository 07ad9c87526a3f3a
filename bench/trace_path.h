/* SPDX-License-Identifier: Apache-2.0 */
/* The way of one sampled entry, taken apart into stages: what its commit waited for. */
#ifndef WW_BENCH_TRACE_PATH_H
#define WW_BENCH_TRACE_PATH_H

#include "engine/base/limits.h"
#include "engine/stages/trace.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * In the order of the way. Between APPENDED and the commit it goes either over the leader's disk or
 * over a follower: over whichever completed the quorum.
 */
enum ww_stage_of_way {
    WW_WAY_CLIENT_WAIT,      /* meant to be sent -> its datagram left */
    WW_WAY_CLIENT_TO_LEADER, /* -> in the leader's log buffer */
    WW_WAY_LEADER_BATCHING,  /* own disk: -> its block is closed */
    WW_WAY_WAL_QUEUE,        /* -> LOG submits the write */
    WW_WAY_WAL_WRITE,        /* -> durable */
    WW_WAY_WAL_REPORT,       /* -> NET knows */
    WW_WAY_LEADER_SEND,      /* follower: in the leader's log buffer -> AppendEntries leaves */
    WW_WAY_REPLICATE,        /* -> in the follower's log buffer */
    WW_WAY_FOLLOWER_BATCHING,
    WW_WAY_FOLLOWER_QUEUE,
    WW_WAY_FOLLOWER_WRITE,
    WW_WAY_FOLLOWER_REPORT, /* durable -> the acknowledgement leaves */
    WW_WAY_ACK,             /* -> at the leader */
    WW_WAY_COMMIT_TO_APPLY, /* the quorum is complete -> given to APPLY */
    WW_WAY_APPLY_QUEUE,     /* -> APPLY begins with it */
    WW_WAY_APPLY,           /* -> the state machine has it */
    WW_WAY_ANSWER,          /* -> NET writes the answer */
    WW_WAY_LEADER_TO_CLIENT,
    WW_WAY_STAGES,
};

const char *ww_way_name(enum ww_stage_of_way stage);

/* All that is known of one entry; 0: not known. */
struct ww_trace_sample {
    uint64_t group, index;
    uint64_t meant_ns, sent_ns, answered_ns;        /* the client's: struct ww_load_trace_record */
    uint64_t at[WW_NODES_MAX + 1][WW_TRACE_POINTS]; /* by node id */
    uint64_t sent_to_ns[WW_NODES_MAX + 1];          /* by the leader; */
    uint64_t acked_by_ns[WW_NODES_MAX + 1];         /* at the leader */
};

enum ww_trace_verdict {
    WW_TRACE_COMPLETE,
    WW_TRACE_INCOMPLETE, /* a point of the way is missing */
    WW_TRACE_DISORDERED, /* a point comes before the one that it follows from */
};

/* Consecutive stages and how long each took. */
struct ww_trace_leg {
    uint64_t ns[WW_WAY_STAGES];
    bool has[WW_WAY_STAGES];
};

/* The leader that answered; 0: not known. */
uint32_t ww_trace_leader(const struct ww_trace_sample *sample);

/* From the leader's log buffer to the leader's knowledge that `node` has it. */
enum ww_trace_verdict ww_trace_replica(const struct ww_trace_sample *sample, uint32_t leader,
                                       uint32_t node, struct ww_trace_leg *leg);

/* The whole way, over the node that completed the quorum of `quorum` nodes, which is *decider; its
 * stages add up to answered_ns - meant_ns. */
enum ww_trace_verdict ww_trace_way(const struct ww_trace_sample *sample, uint32_t quorum,
                                   struct ww_trace_leg *way, uint32_t *decider);

#endif
