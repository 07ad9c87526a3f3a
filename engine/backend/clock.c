/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/backend/clock.h"

#include "engine/base/time_ns.h"

static uint64_t monotonic_now_ns(struct ww_clock *clock)
{
    return ww_time_ns(CLOCK_BOOTTIME);
}

struct ww_clock ww_clock_monotonic = {.now_ns = monotonic_now_ns};
