/* SPDX-License-Identifier: Apache-2.0 */
/* All load processes of a run: starts them, and puts together what they say and leave. */
#ifndef WW_BENCH_LOADS_H
#define WW_BENCH_LOADS_H

#include "bench/interval.h"
#include "bench/load_process.h"

#include <stdbool.h>

struct ww_loads {
    const struct ww_load_options *options;
    uint32_t count;
    struct ww_load_process processes[WW_CLIENTS_MAX];
    FILE *intervals[WW_CLIENTS_MAX];
    struct ww_interval_merge merge;
    struct ww_histogram latency; /* of the interval that is read */
    uint32_t paused;             /* processes that wait for ww_loads_go */
    uint32_t ended;              /* ... that came to their end */
    bool told[WW_CLIENTS_MAX];   /* its totals */
    struct json_object *totals;  /* of those that gave their totals, added up; owned */
};

/* Starts options->clients of them. `visit` is called for every second of all together. Whatever
 * comes of it, ww_loads_stop ends and frees. */
int ww_loads_start(struct ww_loads *loads, const struct ww_load_options *options,
                   ww_interval_visitor visit, void *context, struct ww_error *error);

/* Hears what they say, for at most `timeout_ms`. WW_EIO when one ended before its time. */
int ww_loads_follow(struct ww_loads *loads, int timeout_ms, struct ww_error *error);

static inline bool ww_loads_paused(const struct ww_loads *loads)
{
    return loads->paused == loads->count;
}

static inline bool ww_loads_ended(const struct ww_loads *loads)
{
    return loads->ended == loads->count;
}

/* Behind a pause of all: the next slice begins at `begin_ns`. */
int ww_loads_go(struct ww_loads *loads, uint64_t begin_ns, struct ww_error *error);

/* When all have ended: the latency of all slices. */
int ww_loads_latency(const struct ww_loads *loads, struct ww_histogram *latency,
                     struct ww_error *error);

void ww_loads_stop(struct ww_loads *loads);

/* Adds the totals of one process to the sum: counts add up; of "elapsed_ns" and what ends in
 * "_max_ns" the longest counts. */
void ww_loads_add_totals(struct json_object *sum, struct json_object *line);

#endif
