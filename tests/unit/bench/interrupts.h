/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked in place of ww_cli_interrupted: was it, within `wait_ns`? */
#ifndef WW_TEST_BENCH_INTERRUPTS_H
#define WW_TEST_BENCH_INTERRUPTS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

static inline bool keep_waiting(uint64_t wait_ns)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)wait_ns}, NULL);
    return false;
}

static inline bool stop_at_once(uint64_t wait_ns)
{
    (void)wait_ns;
    return true;
}

#endif
