/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the load generator, between its files:
 *
 *   load.c        the course: phases, proposing, completing
 *   load_start.c  the client, the memory, and their end
 *   load_say.c    lines and files
 */
#ifndef WW_BENCH_LOAD_INTERNAL_H
#define WW_BENCH_LOAD_INTERNAL_H

#include "bench/ack_log.h"
#include "bench/gaps.h"
#include "bench/interval.h"
#include "bench/load.h"
#include "bench/load_trace.h"
#include "engine/base/idle.h"

#include <whitewater/client.h>

#define WW_SECOND_NS UINT64_C(1000000000)

struct load_group {
    uint64_t next;     /* sequence of the client's; that of the payload is behind load->base */
    uint64_t *sent_ns; /* when each sequence was (meant to be) sent: a ring */
};

/* Of the measured slices, or at one moment. */
struct load_totals {
    uint64_t clock_ns, cpu_ns, cycles;
    uint64_t busy, redirects, resent, drops;
};

struct load {
    const struct ww_load_options *options;
    struct ww_client *client;
    struct ww_payload *payload;
    struct ww_ack_writer acks;
    struct ww_load_trace trace;
    int in; /* where the parent says go */
    FILE *out;
    FILE *intervals;
    struct load_group *groups;
    uint64_t base;     /* sequence of the payload with which this process begins */
    uint32_t inflight; /* of this process */
    struct ww_arrivals arrivals;
    struct ww_lateness lateness; /* of the measured phase */
    struct ww_gap_writer gaps;
    uint32_t cursor; /* the group that gets the next entry */
    uint32_t window; /* entries per group: a power of two */
    uint64_t *ring_memory;
    struct ww_idle idle;

    uint32_t round;
    enum ww_load_phase phase;
    uint64_t phase_ns;        /* when it began, the same in all processes while it is measured */
    uint64_t deadline_ns;     /* of this phase */
    uint64_t interval_ns;     /* when this interval began */
    uint64_t interval_at;     /* and when it is due */
    struct load_totals begin; /* of this slice */
    struct load_totals sum;   /* of all slices */

    uint64_t proposed, acknowledged, refused;
    int refused_status;
    uint64_t measured_count, measured_bytes;
    uint64_t work_cycles; /* of the measured phase: TSC cycles in iterations that did something */
    struct ww_histogram *measured;  /* the measured phase */
    struct ww_histogram *interval;  /* the current second */
    struct ww_load_commit *commits; /* of the measured phase; memory that is there when used */
    uint32_t commit_count;
};

static inline uint64_t ww_load_in_flight(const struct load *load)
{
    return load->proposed - load->acknowledged - load->refused;
}

/* load_start.c; the end in any case */
int ww_load_start(struct load *load, struct ww_error *error);
void ww_load_end(struct load *load);

/* load_say.c */
void ww_load_say_pause(struct load *load);
int ww_load_say_interval(struct load *load, uint64_t now_ns, struct ww_error *error);
int ww_load_say_final(struct load *load, struct ww_error *error); /* with its files */

#endif
