/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WW_BASE_TIME_NS_H
#define WW_BASE_TIME_NS_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds on a clock of this machine: CLOCK_MONOTONIC, CLOCK_THREAD_CPUTIME_ID ... */
static inline uint64_t ww_time_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* How far CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC: as long as the machine was suspended. */
static inline uint64_t ww_time_suspended_ns(void)
{
    uint64_t boot_ns = ww_time_ns(CLOCK_BOOTTIME);
    uint64_t monotonic_ns = ww_time_ns(CLOCK_MONOTONIC);
    return boot_ns > monotonic_ns ? boot_ns - monotonic_ns : 0; /* exactly 0 if it never was */
}

#endif
