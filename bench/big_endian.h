/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WW_BENCH_BIG_ENDIAN_H
#define WW_BENCH_BIG_ENDIAN_H

#include <stdint.h>

/* The low `bytes` bytes of the value, the most significant first. */
static inline void ww_big_endian_put(uint8_t *at, uint64_t value, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

static inline uint64_t ww_big_endian_get(const uint8_t *at, uint32_t bytes)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

#endif
