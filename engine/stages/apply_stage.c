/* SPDX-License-Identifier: Apache-2.0 */
/* APPLY: runs the state machine on committed entries, in place, and reports how far it came. */
#include "engine/base/assert.h"
#include "engine/groups/group.h"
#include "engine/stages/stages_internal.h"

#include <stdlib.h>

#define ITEMS_PER_POLL 64u

struct ww_apply {
    struct ww_committed items[ITEMS_PER_POLL];
};

int ww_apply_create(struct ww_shard *shard)
{
    shard->apply = calloc(1, sizeof(*shard->apply));
    return shard->apply != NULL ? WW_OK : WW_ENOMEM;
}

void ww_apply_destroy(struct ww_apply *apply)
{
    free(apply);
}

/* The machine's view of the entries [from, to] of a batch. */
static struct ww_apply_run run_of(const struct ww_committed *item)
{
    const struct ww_batch_header *batch = item->batch;
    uint32_t begin = sizeof(*batch);
    uint32_t end = begin + ww_batch_entries_bytes(batch);
    if (item->from != batch->first_index || item->to != ww_batch_last_index(batch)) {
        struct ww_entry entry;
        uint32_t cursor = 0;
        uint32_t before = begin;
        while (ww_batch_next(batch, &cursor, &entry) && entry.index <= item->to) {
            if (entry.index == item->from)
                begin = before;
            before = cursor;
            end = cursor;
        }
    }
    return (struct ww_apply_run){
        .group = batch->group,
        .count = (uint32_t)(item->to - item->from + 1),
        .first_index = item->from,
        .term = batch->term,
        .entries = (const uint8_t *)batch + begin,
        .entries_bytes = end - begin,
    };
}

static void report(struct ww_shard *shard, enum ww_apply_kind kind, uint32_t group, uint64_t index)
{
    struct ww_state_machine *machine = shard->machine;
    struct ww_applied applied = {
        .kind = kind,
        .group = group,
        .index = index,
        .digest = machine->digest != NULL ? machine->digest(machine->self, group) : 0,
    };
    bool pushed = ww_ring_push(&shard->applied, &applied);
    WW_ASSERT(pushed);
}

static int apply_batch(struct ww_shard *shard, const struct ww_committed *item, bool last)
{
    struct ww_apply_run run = run_of(item);
    int status = shard->machine->apply(shard->machine->self, &run);
    if (status != WW_OK)
        ww_shard_fence(shard, status, "the state machine refused a committed entry");
    else if (last)
        report(shard, WW_APPLY_BATCH, item->group, item->to);
    return status;
}

static void save(struct ww_shard *shard, const struct ww_committed *item)
{
    struct ww_applied applied = {
        .kind = WW_APPLY_SAVE,
        .group = item->group,
        .status = ww_apply_save(shard, item->job),
    };
    bool pushed = ww_ring_push(&shard->applied, &applied);
    WW_ASSERT(pushed);
}

static int restore(struct ww_shard *shard, const struct ww_committed *item)
{
    int status = ww_apply_restore(shard, item->job);
    if (status != WW_OK)
        ww_shard_fence(shard, status, "a snapshot could not be restored");
    else
        report(shard, WW_APPLY_RESTORE, item->group, item->job->about.index);
    return status;
}

uint32_t ww_apply_work(struct ww_shard *shard)
{
    struct ww_apply *apply = shard->apply;
    uint32_t room = ww_ring_free(&shard->applied);
    uint32_t count =
        ww_ring_pop(&shard->committed, apply->items, room < ITEMS_PER_POLL ? room : ITEMS_PER_POLL);
    for (uint32_t i = 0; i < count; i++) {
        const struct ww_committed *item = &apply->items[i];
        /* One report covers all neighbouring batches of the group. */
        bool last =
            i + 1 == count || item[1].kind != WW_APPLY_BATCH || item[1].group != item->group;
        int status = WW_OK;
        switch (item->kind) {
        case WW_APPLY_BATCH:
            status = apply_batch(shard, item, last);
            break;
        case WW_APPLY_SAVE:
            save(shard, item);
            break;
        case WW_APPLY_RESTORE:
            status = restore(shard, item);
            break;
        }
        if (status != WW_OK)
            return i;
    }
    return count;
}
