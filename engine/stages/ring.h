/* SPDX-License-Identifier: Apache-2.0 */
/* What joins two threads: a single-producer single-consumer ring of fixed-size items. */
#ifndef WW_STAGES_RING_H
#define WW_STAGES_RING_H

#include <stdbool.h>
#include <stdint.h>

struct rte_ring;

struct ww_ring {
    struct rte_ring *ring;
    uint32_t item_bytes; /* a multiple of 4 */
};

/* `slots` is a power of two; one of them stays empty. WW_ENOMEM. */
int ww_ring_create(struct ww_ring *ring, const char *name, uint32_t item_bytes, uint32_t slots);
void ww_ring_destroy(struct ww_ring *ring);
bool ww_ring_push(struct ww_ring *ring, const void *item);
uint32_t ww_ring_pop(struct ww_ring *ring, void *items, uint32_t max);
uint32_t ww_ring_free(const struct ww_ring *ring);

#endif
