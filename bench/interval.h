/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened in a second of the load. Each load process leaves its seconds with their histograms
 * in a file (WW_LOAD_INTERVALS), and `ww bench` puts those of all processes together.
 */
#ifndef WW_BENCH_INTERVAL_H
#define WW_BENCH_INTERVAL_H

#include "engine/base/error.h"
#include "engine/base/histogram.h"
#include "engine/base/limits.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum ww_load_phase {
    WW_LOAD_WARMUP,   /* before the first slice of the measured phase */
    WW_LOAD_RAMP,     /* before a later one */
    WW_LOAD_MEASURE,  /* a slice */
    WW_LOAD_COOLDOWN, /* the load goes on while the nodes are asked for their counters */
    WW_LOAD_DRAIN,    /* everything proposed gets its answer */
};

extern const char *const ww_load_phase_names[];

struct ww_interval {
    uint32_t round;            /* slice, from 1 */
    uint32_t phase;            /* enum ww_load_phase */
    uint64_t number;           /* second of the phase, from 0; in the same order in all processes */
    uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC */
    uint64_t in_flight;        /* at its end */
};

/* Both sides of the file. Reading gives WW_EIO when no whole interval is there. */
int ww_interval_write(FILE *file, const struct ww_interval *interval,
                      const struct ww_histogram *latency, struct ww_error *error);
int ww_interval_read(FILE *file, struct ww_interval *interval, struct ww_histogram *latency,
                     struct ww_error *error);

/* Called for each second of all processes, in time order. */
typedef void (*ww_interval_visitor)(void *context, const struct ww_interval *interval,
                                    const struct ww_histogram *latency);

struct ww_interval_slot;

struct ww_interval_merge {
    uint32_t processes;
    ww_interval_visitor visit;
    void *context;
    struct ww_interval_slot *slots; /* seconds that some process has not reported, in order */
    size_t count, room;
    uint64_t reached[WW_CLIENTS_MAX]; /* by each process */
};

/* One more second of `process`. Visits what is complete by it: a process that was held up for a
 * while reports one long interval, and is not waited for in the seconds that it left out. */
int ww_interval_merge_add(struct ww_interval_merge *merge, uint32_t process,
                          const struct ww_interval *interval, const struct ww_histogram *latency,
                          struct ww_error *error);

/* Visits what is left if `visit_rest`, and frees. */
void ww_interval_merge_end(struct ww_interval_merge *merge, int visit_rest);

#endif
