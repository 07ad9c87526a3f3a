/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/groups/batch_table.h"

#include "engine/base/assert.h"
#include "engine/wire/batch.h"

void ww_batch_table_add(struct ww_batch_table *table, struct ww_batch_chain *chain,
                        const struct ww_batch_slot *slot)
{
    WW_ASSERT(ww_batch_table_free(table) > 0);
    uint64_t number = table->end++;
    struct ww_batch_slot *place = ww_batch_slot(table, number);
    *place = *slot;
    place->next = WW_BATCH_NONE;
    if (slot->kind != WW_BATCH_ENTRIES)
        return;
    if (chain->last != WW_BATCH_NONE)
        ww_batch_slot(table, chain->last)->next = number;
    else
        chain->first = number;
    chain->last = number;
}

void ww_batch_table_drop(struct ww_batch_table *table, struct ww_batch_chain *chain)
{
    WW_ASSERT(table->first < table->durable);
    if (chain->first == table->first) {
        chain->first = ww_batch_slot(table, table->first)->next;
        if (chain->first == WW_BATCH_NONE)
            chain->last = WW_BATCH_NONE;
    }
    table->first++;
}

void ww_batch_table_truncate(struct ww_batch_table *table, struct ww_batch_chain *chain,
                             uint64_t index)
{
    uint64_t last_kept = WW_BATCH_NONE;
    for (uint64_t number = chain->first; number != WW_BATCH_NONE;) {
        struct ww_batch_slot *slot = ww_batch_slot(table, number);
        uint64_t next = slot->next;
        if (slot->first_index < index) {
            last_kept = number;
            if (ww_batch_slot_last(slot) >= index)
                slot->count = (uint16_t)(index - slot->first_index);
        } else {
            slot->count = 0;
            slot->next = WW_BATCH_NONE;
        }
        number = next;
    }
    if (last_kept == WW_BATCH_NONE)
        chain->first = WW_BATCH_NONE;
    else
        ww_batch_slot(table, last_kept)->next = WW_BATCH_NONE;
    chain->last = last_kept;
}

uint64_t ww_batch_table_find(const struct ww_batch_table *table, const struct ww_batch_chain *chain,
                             uint64_t index, uint64_t hint)
{
    if (chain->first == WW_BATCH_NONE || index < ww_batch_slot(table, chain->first)->first_index ||
        index > ww_batch_slot_last(ww_batch_slot(table, chain->last)))
        return WW_BATCH_NONE;
    uint64_t number = chain->first;
    if (hint != WW_BATCH_NONE && hint >= chain->first && hint < table->end) {
        const struct ww_batch_slot *slot = ww_batch_slot(table, hint);
        if (slot->count > 0 && slot->first_index <= index)
            number = hint;
    }
    /* The newest batch is the most frequent answer. */
    if (ww_batch_slot(table, chain->last)->first_index <= index)
        return chain->last;
    while (ww_batch_slot_last(ww_batch_slot(table, number)) < index)
        number = ww_batch_slot(table, number)->next;
    return number;
}
