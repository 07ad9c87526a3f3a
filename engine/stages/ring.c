/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stages/ring.h"

#include "engine/base/assert.h"

#include <whitewater/status.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <stdlib.h>

int ww_ring_create(struct ww_ring *ring, const char *name, uint32_t item_bytes, uint32_t slots)
{
    ssize_t bytes = rte_ring_get_memsize_elem(item_bytes, slots);
    WW_ASSERT(bytes > 0);
    size_t aligned = ((size_t)bytes + RTE_CACHE_LINE_SIZE - 1) & ~(size_t)(RTE_CACHE_LINE_SIZE - 1);
    ring->item_bytes = item_bytes;
    ring->ring = aligned_alloc(RTE_CACHE_LINE_SIZE, aligned);
    if (ring->ring == NULL)
        return WW_ENOMEM;
    int status = rte_ring_init(ring->ring, name, slots, RING_F_SP_ENQ | RING_F_SC_DEQ);
    WW_ASSERT(status == 0);
    return WW_OK;
}

void ww_ring_destroy(struct ww_ring *ring)
{
    free(ring->ring);
    ring->ring = NULL;
}

bool ww_ring_push(struct ww_ring *ring, const void *item)
{
    return rte_ring_sp_enqueue_bulk_elem(ring->ring, item, ring->item_bytes, 1, NULL) == 1;
}

uint32_t ww_ring_pop(struct ww_ring *ring, void *items, uint32_t max)
{
    return rte_ring_sc_dequeue_burst_elem(ring->ring, items, ring->item_bytes, max, NULL);
}

uint32_t ww_ring_free(const struct ww_ring *ring)
{
    return rte_ring_free_count(ring->ring);
}
