/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded random numbers: splitmix64 (Steele, Lea, Flood 2014). Small state, good enough for timers,
 * payloads and simulation; not for secrets. */
#ifndef WW_BASE_RANDOM_H
#define WW_BASE_RANDOM_H

#include <stdint.h>

struct ww_random {
    uint64_t state;
};

static inline uint64_t ww_random_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline uint64_t ww_random_next(struct ww_random *random)
{
    random->state += 0x9e3779b97f4a7c15u;
    return ww_random_mix(random->state);
}

/* Uniform in [low, high); low when the range is empty. */
static inline uint64_t ww_random_range(struct ww_random *random, uint64_t low, uint64_t high)
{
    return high > low ? low + ww_random_next(random) % (high - low) : low;
}

#endif
