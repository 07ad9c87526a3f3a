/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sampled entries leave the times of their way: those whose index is a multiple of trace.every, a
 * power of two, on every replica the same, so that nothing of it travels with them. A stage looks
 * whether a range of entries holds such an index (one comparison), and reads the clock only then.
 *
 * Each stage writes into a ring of its own; the control thread takes the records out. A full ring
 * drops them, and counts.
 */
#ifndef WW_STAGES_TRACE_H
#define WW_STAGES_TRACE_H

#include "engine/backend/clock.h"
#include "engine/stages/ring.h"

#include <stdatomic.h>

/* The points of an entry's way on one node, in its order there. */
enum ww_trace_point {
    WW_TRACE_APPENDED,  /* NET copied it into the log buffer, from a client or from the leader */
    WW_TRACE_SENT,      /* leader: in an AppendEntries to `peer` */
    WW_TRACE_CLOSED,    /* its block is closed and on its way to LOG */
    WW_TRACE_SUBMITTED, /* LOG gives the write to the store */
    WW_TRACE_WRITTEN,   /* LOG learns that the write is durable */
    WW_TRACE_DURABLE,   /* NET learns it */
    WW_TRACE_ACK_SENT,  /* follower: an acknowledgement covers it */
    WW_TRACE_ACKED,     /* leader: one of `peer` that covers it arrived */
    WW_TRACE_COMMITTED, /* NET knows that it is */
    WW_TRACE_FED,       /* NET gives it to APPLY */
    WW_TRACE_TAKEN,     /* APPLY begins with its batch */
    WW_TRACE_APPLIED,   /* the state machine has it */
    WW_TRACE_ANSWERED,  /* leader: NET writes the client's answer */
    WW_TRACE_POINTS,
};

const char *ww_trace_point_name(enum ww_trace_point point);

struct ww_trace_record {
    uint64_t index;
    uint64_t ns; /* of the shard's clock */
    uint32_t group;
    uint16_t point; /* enum ww_trace_point */
    uint16_t peer;  /* SENT, ACKED: node id; else 0 */
};

/* The records of one stage, which is their writer. */
struct ww_trace {
    _Atomic uint64_t mask; /* index & mask: the last sampled index at or below; 0: there is none */
    struct ww_clock *clock;
    struct ww_ring ring;
    /* Read relaxed by others. */
    _Atomic uint64_t dropped;
    _Atomic uint64_t cycles; /* time stamp counter cycles that recording took */
};

/* Nothing is traced yet. WW_ENOMEM. */
int ww_trace_create(struct ww_trace *trace, struct ww_clock *clock, const char *name,
                    uint32_t slots);
void ww_trace_destroy(struct ww_trace *trace);

/* Every so many entries from now on, a power of two; 0: none. Any thread. */
void ww_trace_set(struct ww_trace *trace, uint32_t every);

/* By one thread at a time, not the stage's. */
uint32_t ww_trace_take(struct ww_trace *trace, struct ww_trace_record *records, uint32_t max);

static inline uint64_t ww_trace_mask(const struct ww_trace *trace)
{
    return atomic_load_explicit(&trace->mask, memory_order_relaxed);
}

static inline bool ww_trace_holds(const struct ww_trace *trace, uint64_t from, uint64_t to)
{
    return (to & ww_trace_mask(trace)) >= from;
}

/* Records the sampled indexes of [from, to]: `place` says where, with the time, or 0 for now; its
 * index is not looked at. */
void ww_trace_record(struct ww_trace *trace, struct ww_trace_record place, uint64_t from,
                     uint64_t to);

/* The same if there are some. Indexes begin at 1. */
static inline void ww_trace_range(struct ww_trace *trace, struct ww_trace_record place,
                                  uint64_t from, uint64_t to)
{
    if (__builtin_expect(ww_trace_holds(trace, from, to), 0))
        ww_trace_record(trace, place, from, to);
}

/* A position rose from *at to `to`, if it did. */
static inline void ww_trace_rise(struct ww_trace *trace, struct ww_trace_record place, uint64_t *at,
                                 uint64_t to)
{
    uint64_t from = *at + 1;
    if (to < from)
        return;
    *at = to;
    ww_trace_range(trace, place, from, to);
}

/* A point and its time; 0: now. */
struct ww_trace_stamp {
    enum ww_trace_point point;
    uint64_t ns;
};

/* Records what `batches` batches of a closed block hold that have sampled entries, the first of
 * them at offset `at`; returns how many of them were not found. */
uint32_t ww_trace_block(struct ww_trace *trace, const void *block, uint32_t at, uint32_t batches,
                        const struct ww_trace_stamp *stamps, uint32_t count);

#endif
