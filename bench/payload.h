/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the load generator proposes: the bytes of entry (group, sequence) follow from the seed
 * alone, so that the verifier can make them again. Random entries begin with a number that is
 * unique to (group, sequence); the rest is a slice of a pool of random bytes. ITCH messages are
 * those of bench/itch.h, each group a stock.
 */
#ifndef WW_BENCH_PAYLOAD_H
#define WW_BENCH_PAYLOAD_H

#include "engine/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct ww_payload_options {
    const char *file;     /* entry n is line n (modulo their number); NULL: random bytes or ITCH */
    bool itch;            /* messages of an order flow */
    const char *size;     /* random: sizes of the entries (bench/sizes.h); NULL: all alike */
    uint32_t entry_bytes; /* then the bytes of every entry, at least 1 */
    uint64_t seed;
};

struct ww_payload;

/* Sets what comes from the flags "random|itch|FILE" and `size`, which is of random entries only. */
void ww_payload_choose(struct ww_payload_options *options, const char *payload, const char *size);

/* "itch", the file's name, or "random". */
const char *ww_payload_name(const struct ww_payload_options *options);

int ww_payload_create(const struct ww_payload_options *options, struct ww_payload **payload,
                      struct ww_error *error);
void ww_payload_destroy(struct ww_payload *payload);

/* The bytes of one entry, valid until the next call. */
const void *ww_payload_get(struct ww_payload *payload, uint32_t group, uint64_t sequence,
                           uint32_t *size);

/* Bytes of the `count` entries from `first_sequence` on, the same in every group. */
uint64_t ww_payload_bytes(const struct ww_payload *payload, uint64_t first_sequence,
                          uint64_t count);

uint32_t ww_payload_entry_max(const struct ww_payload *payload);
double ww_payload_entry_mean(const struct ww_payload *payload);

#endif
