/* SPDX-License-Identifier: Apache-2.0 */
/* A probe says when it measures, so that whoever else polls on the machine can be stopped then. */
#ifndef WW_BENCH_PROBE_QUIET_H
#define WW_BENCH_PROBE_QUIET_H

#include <stddef.h>

struct ww_probe_quiet {
    void (*begin)(void *context);
    void (*end)(void *context); /* follows on every begin, also when the probe failed */
    void *context;
};

static inline void ww_probe_quiet_begin(const struct ww_probe_quiet *quiet)
{
    if (quiet != NULL)
        quiet->begin(quiet->context);
}

static inline void ww_probe_quiet_end(const struct ww_probe_quiet *quiet)
{
    if (quiet != NULL)
        quiet->end(quiet->context);
}

#endif
