/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An order flow in the message layout of NASDAQ TotalView-ITCH 5.0 (the specification of that name,
 * sections 4.1 to 4.6): one trading day of one stock, from the system events through orders that
 * are added, executed, cancelled, deleted and replaced to the closing cross. Every message about an
 * order names one that is on the book then. Prices, sizes and bursts follow from the seed; they are
 * made up, the layouts and the proportions of the message types are those of the real feed.
 *
 * Days follow each other without end: the same messages at the same times, but order reference and
 * match numbers go on, so no two messages about orders of a stock are alike.
 */
#ifndef WW_BENCH_ITCH_H
#define WW_BENCH_ITCH_H

#include "engine/base/error.h"

#include <stdint.h>

#define WW_ITCH_MESSAGE_MAX 44u /* bytes, of the types that are generated */

struct ww_itch {
    uint8_t *bytes;    /* the messages of the day, one after the other */
    uint32_t *offsets; /* messages + 1 of them */
    uint32_t messages;
    uint64_t orders, matches; /* numbers given in a day */
};

/* A day of `messages` (at least 64). WW_ENOMEM. */
int ww_itch_create(struct ww_itch *itch, uint32_t messages, uint64_t seed, struct ww_error *error);
void ww_itch_destroy(struct ww_itch *itch);

/* Message number `sequence` of a stock (any number: it becomes the locate code and the symbol);
 * returns its bytes. */
uint32_t ww_itch_message(const struct ww_itch *itch, uint32_t stock, uint64_t sequence,
                         uint8_t message[WW_ITCH_MESSAGE_MAX]);

/* Bytes of a message of this type; 0: it is not one of those that are generated. */
uint32_t ww_itch_size(char type);

#endif
