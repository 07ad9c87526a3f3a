/* SPDX-License-Identifier: Apache-2.0 */
/* What the stages know of time: monotonic nanoseconds, of a clock that a simulator may replace. */
#ifndef WW_BACKEND_CLOCK_H
#define WW_BACKEND_CLOCK_H

#include <stdint.h>

struct ww_clock {
    uint64_t (*now_ns)(struct ww_clock *clock);
};

/* CLOCK_BOOTTIME: never goes back, and counts the time that the machine is suspended, so that no
 * lease outlives it. */
extern struct ww_clock ww_clock_monotonic;

static inline uint64_t ww_clock_now(struct ww_clock *clock)
{
    return clock->now_ns(clock);
}

#endif
