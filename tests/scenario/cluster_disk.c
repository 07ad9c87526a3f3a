/* SPDX-License-Identifier: Apache-2.0 */
/* The disks of a scenario: what they hold before the start, what a crash and what damage leaves. */
#include "cluster.h"

#include "engine/wire/batch.h"
#include "engine/wire/block.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct world_disk *disk_of(const struct cluster *cluster, uint32_t id)
{
    return &cluster->world->nodes[id].disk;
}

/* ---- before the start ---- */

/* Seals a block with one batch, whose bytes stand behind the place of the block's header. */
static void add_block(struct world_disk *disk, uint32_t batch_bytes)
{
    struct ww_block_header *block = (void *)(disk->bytes + disk->end);
    uint32_t used = WW_BLOCK_HEADER_BYTES + batch_bytes;
    uint32_t span = ww_align_up(used, WW_BLOCK_ALIGN);
    memset((uint8_t *)block + used, 0, span - used);
    *block = (struct ww_block_header){
        .magic = WW_BLOCK_MAGIC,
        .used_bytes = used,
        .span_bytes = span,
        .stream = disk->base.stream_id,
        .position = disk->end,
        .durable = disk->end,
        .link = disk->base.start_link,
        .epoch = 1,
        .batches = 1,
    };
    disk->base.start_link = ww_block_seal(block);
    disk->end += span;
}

void cluster_preset_disk(struct cluster *cluster, uint32_t id)
{
    const struct cluster_preset *preset = &cluster->setup.presets[id];
    struct world_disk *disk = disk_of(cluster, id);
    if (preset->term == 0)
        return;
    add_block(disk, ww_batch_seal_hard_state(disk->bytes + disk->end + WW_BLOCK_HEADER_BYTES, 0,
                                             preset->term, preset->vote | WW_HARD_STATE_KNOWN));
    for (uint32_t i = 0; i < preset->count; i++) {
        uint8_t *batch = disk->bytes + disk->end + WW_BLOCK_HEADER_BYTES;
        char payload[CLUSTER_PAYLOAD_MAX];
        int size =
            snprintf(payload, sizeof(payload), "%" PRIu32 ".%" PRIu64, i + 1, preset->terms[i]);
        uint32_t bytes =
            ww_entry_encode(batch + WW_BATCH_HEADER_BYTES, WW_ENTRY_DATA, payload, (uint32_t)size);
        struct ww_batch_header header = {.count = 1,
                                         .term = preset->terms[i],
                                         .first_index = i + 1};
        add_block(disk, ww_batch_seal(batch, &header, bytes));
    }
}

/* ---- operations that wait ---- */

static struct world_operation *oldest(const struct cluster *cluster, uint32_t id)
{
    struct world_disk *disk = disk_of(cluster, id);
    for (uint32_t i = 0; i < disk->operation_count; i++)
        if (cluster_waits(cluster, disk, &disk->operations[i]))
            return &disk->operations[i];
    return NULL;
}

uint32_t cluster_writes(const struct cluster *cluster, uint32_t id)
{
    const struct world_disk *disk = disk_of(cluster, id);
    uint32_t count = 0;
    for (uint32_t i = 0; i < disk->operation_count; i++)
        count += cluster_waits(cluster, disk, &disk->operations[i]);
    return count;
}

void cluster_disk_done(struct cluster *cluster, uint32_t id, uint32_t count)
{
    for (; count > 0; count--)
        world_disk_done(disk_of(cluster, id), oldest(cluster, id));
    cluster_poll(cluster, id);
}

void cluster_disk_fail(struct cluster *cluster, uint32_t id)
{
    struct world_operation *write = oldest(cluster, id);
    if (write == NULL) {
        cluster->disk_fails[id] = true;
        return;
    }
    if (write->kind == WORLD_READ) {
        script_fail(cluster->line, "what waits there first is a read");
        return;
    }
    world_disk_fail(disk_of(cluster, id), write, WW_EIO, WORLD_SURVIVE_NONE);
    cluster_poll(cluster, id);
}

void cluster_crash(struct cluster *cluster, uint32_t id, uint32_t kept, bool torn)
{
    struct world_disk *disk = disk_of(cluster, id);
    for (; kept > 0; kept--)
        world_disk_done(disk, oldest(cluster, id)); /* its event dies with the process */
    struct world_operation *write = torn ? oldest(cluster, id) : NULL;
    if (write != NULL && write->kind == WORLD_WRITE) {
        memcpy(disk->bytes + write->position, write->data, WORLD_SECTOR / 8);
        disk->end = write->position + write->size_bytes;
    }
    world_crash(cluster->world, id, WORLD_SURVIVE_NONE);
    cluster->disk_fails[id] = false;
}

/* ---- damage ---- */

static bool holds_entry(const struct ww_block_header *block, uint64_t index)
{
    uint32_t at = WW_BLOCK_HEADER_BYTES;
    for (uint32_t i = 0; i < block->batches; i++) {
        const struct ww_batch_header *batch = ww_batch_header((const uint8_t *)block + at);
        if (batch->kind == WW_BATCH_ENTRIES && batch->first_index <= index &&
            ww_batch_last_index(batch) >= index)
            return true;
        at += batch->size_bytes;
    }
    return false;
}

/* The last block, or the last one with entry `index`; NULL: there is none. */
static uint8_t *find_block(struct world_disk *disk, uint64_t index)
{
    uint8_t *found = NULL;
    for (uint64_t at = disk->begin; at < disk->end;) {
        struct ww_block_header *block = (void *)(disk->bytes + at);
        struct ww_block_place place = {disk->base.stream_id, at};
        if (ww_block_check(block, disk->end - at, place) != NULL)
            break;
        if (index == 0 || holds_entry(block, index))
            found = disk->bytes + at;
        at += block->span_bytes;
    }
    return found;
}

static void damage_snapshot(struct cluster *cluster, uint32_t id)
{
    struct world_disk *disk = disk_of(cluster, id);
    struct world_snapshot *newest = NULL;
    for (uint32_t i = 0; i < disk->snapshot_count; i++)
        if (newest == NULL || disk->snapshots[i].index > newest->index)
            newest = &disk->snapshots[i];
    if (newest == NULL)
        script_fail(cluster->line, "node %" PRIu32 "'s disk has no snapshot", id);
    else
        newest->file.data[newest->file.bytes / 2] ^= 0x10;
}

void cluster_damage(struct cluster *cluster, uint32_t id, enum cluster_damage kind, uint64_t index)
{
    struct world_disk *disk = disk_of(cluster, id);
    if (kind == DAMAGE_SNAPSHOT) {
        damage_snapshot(cluster, id);
        return;
    }
    uint8_t *block = find_block(disk, index);
    if (block == NULL) {
        script_fail(cluster->line, "node %" PRIu32 "'s disk has no such block", id);
        return;
    }
    uint32_t span = ((const struct ww_block_header *)(void *)block)->span_bytes;
    uint64_t position = (uint64_t)(block - disk->bytes);
    const struct world_disk *other = disk_of(cluster, id % cluster->setup.nodes + 1);
    switch (kind) {
    case DAMAGE_FLIP:
        block[WW_BLOCK_HEADER_BYTES + 8] ^= 0x10;
        break;
    case DAMAGE_ZERO:
        memset(block, 0, span);
        break;
    case DAMAGE_MISPLACED:
        memmove(block, disk->bytes + disk->begin + (position == disk->begin ? span : 0), span);
        break;
    case DAMAGE_FOREIGN:
        memcpy(block, other->bytes + position, span);
        break;
    case DAMAGE_SNAPSHOT: /* above */
        break;
    }
}
