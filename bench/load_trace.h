/* SPDX-License-Identifier: Apache-2.0 */
/* What the load generator leaves of sampled entries (trace.every), for bench/trace.h. */
#ifndef WW_BENCH_LOAD_TRACE_H
#define WW_BENCH_LOAD_TRACE_H

#include "engine/base/error.h"

#include <whitewater/client.h>

#include <stdint.h>
#include <stdio.h>

/* Times are of CLOCK_MONOTONIC. */
struct ww_load_trace_record {
    uint64_t index;
    uint64_t meant_ns;    /* when it was (meant to be) sent: latency begins here */
    uint64_t sent_ns;     /* when its first datagram left; 0: not known */
    uint64_t answered_ns; /* latency ends here */
    uint64_t group;
};

struct ww_load_trace {
    uint64_t mask; /* as in struct ww_trace; 0: nothing is traced */
    uint64_t suspended_ns;
    FILE *file;
    char path[512];
};

/* `every` is 0 (nothing is traced, no file is made) or a power of two. */
int ww_load_trace_open(struct ww_load_trace *trace, const char *path, uint32_t every,
                       struct ww_error *error);

/* A committed run, in the poll that brought it; meant_ns[sequence & window_mask] is its begin. */
void ww_load_trace_add(struct ww_load_trace *trace, const struct ww_client *client,
                       const struct ww_completion *run, const uint64_t *meant_ns,
                       uint32_t window_mask, uint64_t now_ns);

/* Also of one that was never opened. */
int ww_load_trace_close(struct ww_load_trace *trace, struct ww_error *error);

#endif
