/* SPDX-License-Identifier: Apache-2.0 */
/* One `ww bench` of a sweep, as a process in a session of its own. */
#ifndef WW_BENCH_SWEEP_CHILD_H
#define WW_BENCH_SWEEP_CHILD_H

#include "bench/sweep.h"

struct ww_sweep_child {
    char **words;          /* flags of `ww bench`, ended by NULL */
    const char *directory; /* of the run: gets the result, bench.txt and bench.log */
    const char *data;
    /* Called about once a second while it runs. */
    void (*tick)(void *context);
    void *context;
};

/*
 * Runs it to its end. WW_OK: it succeeded. WW_EIO: it failed, with its last words. WW_ECLOSED: ^C;
 * it was ended and has cleaned up.
 */
int ww_sweep_child_run(const struct ww_sweep_child *child, struct ww_error *error);

#endif
