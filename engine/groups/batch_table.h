/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the batches in the log buffer are: a ring of descriptors in stream order, those of a group
 * chained by `next`. Descriptors are numbered for ever; number n stands in slot
 * n % capacity. NET owns it.
 */
#ifndef WW_GROUPS_BATCH_TABLE_H
#define WW_GROUPS_BATCH_TABLE_H

#include "engine/base/limits.h"

#include <stdbool.h>
#include <stdint.h>

#define WW_BATCH_NONE UINT64_MAX

struct ww_batch_slot {
    uint64_t position;    /* in the stream */
    uint64_t first_index; /* hard state: the vote */
    uint64_t term;
    uint64_t next; /* number of the group's next batch, or WW_BATCH_NONE */
    uint32_t size_bytes;
    uint32_t group;
    uint16_t count; /* entries that are still in the log: a truncation lowers it, to 0 at last */
    uint8_t kind;
};

struct ww_batch_table {
    struct ww_batch_slot *slots; /* capacity */
    uint32_t capacity;           /* a power of two */
    uint64_t first;              /* oldest number held */
    uint64_t end;                /* next number */
    uint64_t durable;            /* numbers below this are known durable */
};

/* The newest and oldest batches of a group in memory; part of struct ww_group. */
struct ww_batch_chain {
    uint64_t first;
    uint64_t last;
};

static inline struct ww_batch_slot *ww_batch_slot(const struct ww_batch_table *table,
                                                  uint64_t number)
{
    return &table->slots[number & (table->capacity - 1)];
}

static inline uint64_t ww_batch_slot_last(const struct ww_batch_slot *slot)
{
    return slot->first_index + slot->count - 1;
}

static inline uint32_t ww_batch_table_free(const struct ww_batch_table *table)
{
    return (uint32_t)(table->capacity - (table->end - table->first));
}

/* Adds a descriptor (its `next` is set here) to the table and, with entries, to its chain. */
void ww_batch_table_add(struct ww_batch_table *table, struct ww_batch_chain *chain,
                        const struct ww_batch_slot *slot);

/* Drops the oldest descriptor; `chain` is that of its group. */
void ww_batch_table_drop(struct ww_batch_table *table, struct ww_batch_chain *chain);

/* Takes entries >= index out of the group's chain. */
void ww_batch_table_truncate(struct ww_batch_table *table, struct ww_batch_chain *chain,
                             uint64_t index);

/*
 * The number of the group's batch that holds `index`, or WW_BATCH_NONE when it is not in memory.
 * `hint` (a former answer, or WW_BATCH_NONE) makes stepping on from there O(1).
 */
uint64_t ww_batch_table_find(const struct ww_batch_table *table, const struct ww_batch_chain *chain,
                             uint64_t index, uint64_t hint);

#endif
