/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that a seed determines: splitmix64 (Steele, Lea, Flood 2014). */
#ifndef WW_CRASH_RANDOM_H
#define WW_CRASH_RANDOM_H

#include <stdint.h>

static inline uint64_t ww_crash_random(uint64_t *state)
{
    uint64_t value = *state += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

/* 0 .. below - 1 */
static inline uint64_t ww_crash_random_below(uint64_t *state, uint64_t below)
{
    return ww_crash_random(state) % below;
}

#endif
