/* SPDX-License-Identifier: Apache-2.0 */
/* What the client of the crash tests proposes: every byte of it follows from three numbers. */
#ifndef WW_CRASH_PAYLOAD_H
#define WW_CRASH_PAYLOAD_H

#include "tests/crash/random.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WW_CRASH_PAYLOAD_MAX 4096u

struct ww_crash_payload {
    uint64_t seed; /* of the client */
    uint64_t group;
    uint64_t sequence; /* in the group, from 0 */
};

/* Writes the entry to `to`, of WW_CRASH_PAYLOAD_MAX bytes; most are small. Returns its size. */
static inline size_t ww_crash_payload_write(struct ww_crash_payload payload, uint8_t *to)
{
    uint64_t random = payload.seed ^ payload.group << 56 ^ payload.sequence;
    size_t room = ww_crash_random_below(&random, 16) == 0 ? WW_CRASH_PAYLOAD_MAX : 512;
    size_t size = sizeof(payload) + ww_crash_random_below(&random, room - sizeof(payload));
    memcpy(to, &payload, sizeof(payload));
    for (size_t at = sizeof(payload); at < size; at += sizeof(uint64_t)) {
        uint64_t value = ww_crash_random(&random);
        size_t left = size - at;
        memcpy(to + at, &value, left < sizeof(value) ? left : sizeof(value));
    }
    return size;
}

#endif
