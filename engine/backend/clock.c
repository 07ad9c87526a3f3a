/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/backend/clock.h"

#include <time.h>

static uint64_t monotonic_now_ns(struct ww_clock *clock)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct ww_clock ww_clock_monotonic = {.now_ns = monotonic_now_ns};
