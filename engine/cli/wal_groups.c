/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/wal_groups.h"

#include "engine/wire/batch.h"

#include <stdlib.h>

int ww_wal_groups_init(struct ww_wal_groups *groups)
{
    groups->count = 0;
    groups->groups = calloc(WW_GROUPS_MAX, sizeof(*groups->groups));
    return groups->groups != NULL ? WW_OK : WW_ENOMEM;
}

void ww_wal_groups_free(struct ww_wal_groups *groups)
{
    free(groups->groups);
}

static void take_snapshot(struct ww_wal_group *group, const struct ww_batch_header *batch)
{
    group->snapshot_index = batch->first_index;
    group->snapshot_term = batch->term;
    if (batch->first_sequence != 0 && group->last_index > batch->first_sequence)
        group->last_index = batch->first_sequence;
    if (group->missing_to <= batch->first_index)
        group->missing_from = group->missing_to = 0;
    if (group->last_index <= batch->first_index) {
        group->first_index = batch->first_index + 1;
        group->last_index = 0;
    } else if (group->first_index <= batch->first_index) {
        group->first_index = batch->first_index + 1;
    }
}

static void take_entries(struct ww_wal_group *group, const struct ww_batch_header *batch)
{
    uint64_t last = ww_batch_last_index(batch);
    uint64_t end = group->last_index > 0 ? group->last_index : group->snapshot_index;
    group->entry_bytes += batch->size_bytes;
    if (last <= group->snapshot_index)
        return;
    /* The oldest batch that is kept after a release may begin anywhere. */
    bool known = group->last_index > 0 || group->snapshot_index > 0 || batch->first_index == 1;
    if (known && batch->first_index > end + 1 && group->missing_from == 0) {
        group->missing_from = end + 1;
        group->missing_to = batch->first_index - 1;
    }
    if (group->last_index == 0 || batch->first_index < group->first_index)
        group->first_index = batch->first_index > group->snapshot_index ? batch->first_index
                                                                        : group->snapshot_index + 1;
    group->last_index = last;
    group->last_term = batch->term;
}

static void take(struct ww_wal_group *group, const struct ww_batch_header *batch)
{
    group->seen = true;
    if (batch->kind == WW_BATCH_HARD_STATE) {
        if (batch->first_index & WW_HARD_STATE_ANEW)
            *group = (struct ww_wal_group){.seen = true, .entry_bytes = group->entry_bytes};
        group->term = batch->term;
        group->vote = ww_batch_vote(batch);
    } else if (batch->kind == WW_BATCH_SNAPSHOT) {
        take_snapshot(group, batch);
    } else {
        take_entries(group, batch);
    }
}

int ww_wal_groups_block(void *context, const struct ww_block_header *block)
{
    struct ww_wal_groups *groups = context;
    const uint8_t *at = (const uint8_t *)block + WW_BLOCK_HEADER_BYTES;
    for (uint32_t i = 0; i < block->batches; i++) {
        const struct ww_batch_header *batch = ww_batch_header(at);
        at += batch->size_bytes;
        if (batch->group >= WW_GROUPS_MAX)
            return WW_EDAMAGED;
        if (batch->group >= groups->count)
            groups->count = batch->group + 1;
        take(&groups->groups[batch->group], batch);
    }
    return WW_OK;
}
