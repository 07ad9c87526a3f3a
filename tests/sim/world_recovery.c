/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery of a simulated disk: the rule of docs/wal.md, without its files. */
#include "world.h"

#include <inttypes.h>
#include <string.h>

struct walk {
    struct world_disk *disk;
    uint64_t end;
    uint32_t link;
    uint32_t epoch;
    uint64_t blocks;
};

/* Why the bytes at the end of the walk are not the next block of the chain, or NULL. */
static const char *refusal(const struct walk *walk)
{
    size_t bytes;
    const struct ww_block_header *block =
        (const void *)world_disk_look(walk->disk, walk->end, &bytes);
    struct ww_block_place place = {walk->disk->base.stream_id, walk->end};
    const char *why = ww_block_check(block, bytes, place);
    if (why != NULL)
        return why;
    if (block->span_bytes > WORLD_SPAN - walk->end % WORLD_SPAN)
        return "block: its span crosses the end of the segment";
    if ((walk->blocks > 0 || walk->end == 0) && block->link != walk->link)
        return "block: does not follow the block before";
    if (block->epoch < walk->epoch)
        return "block: written before the block before it";
    return NULL;
}

static int follow(struct walk *walk, ww_log_visit visit, void *context, const char **why)
{
    while ((*why = refusal(walk)) == NULL) {
        const struct ww_block_header *block = (const void *)(walk->disk->bytes + walk->end);
        uint32_t offset = WW_BLOCK_HEADER_BYTES;
        for (uint32_t i = 0; i < block->batches; i++) {
            const struct ww_batch_header *batch = ww_batch_header((const uint8_t *)block + offset);
            int status = visit(context, walk->end, offset, batch);
            if (status < 0)
                return status;
            offset += batch->size_bytes;
        }
        walk->end += block->span_bytes;
        walk->link = block->crc32c;
        walk->epoch = block->epoch;
        walk->blocks++;
    }
    return WW_OK;
}

/* The chain ended. A later block of it that knew this place to be durable proves damage. */
static int search_behind(struct walk *walk, const char *why, struct ww_error *error)
{
    uint32_t last_good_epoch = walk->epoch;
    for (uint64_t at = walk->end + WW_BLOCK_ALIGN; at < walk->disk->end;) {
        size_t bytes;
        const struct ww_block_header *block = (const void *)world_disk_look(walk->disk, at, &bytes);
        struct ww_block_place place = {walk->disk->base.stream_id, at};
        if (block->magic != WW_BLOCK_MAGIC || ww_block_check(block, bytes, place) != NULL) {
            at += WW_BLOCK_ALIGN;
            continue;
        }
        if (block->epoch >= last_good_epoch) {
            if (block->durable > walk->end)
                return ww_fail(error, WW_EDAMAGED,
                               "stream position %" PRIu64 ": %s; but it was durable when the block "
                               "at %" PRIu64 " was written",
                               walk->end, why, at);
            walk->disk->cut_bytes = at + block->used_bytes - walk->end;
        }
        if (block->epoch > walk->epoch)
            walk->epoch = block->epoch;
        at += ww_align_up(block->used_bytes, WW_BLOCK_ALIGN);
    }
    return WW_OK;
}

int world_disk_recover(struct world_disk *disk, ww_log_visit visit, void *context,
                       struct ww_error *error)
{
    struct walk walk = {.disk = disk, .end = disk->begin};
    const char *why;
    disk->cut_bytes = 0;
    int status = follow(&walk, visit, context, &why);
    disk->damage = walk.end;
    if (status != WW_OK)
        return ww_fail(error, status, "recovery was stopped at position %" PRIu64, walk.end);
    status = search_behind(&walk, why, error);
    if (status != WW_OK)
        return status;
    if (walk.end < disk->identity_durable)
        return ww_fail(error, WW_EDAMAGED,
                       "stream position %" PRIu64 ": %s; but the log was durable up to %" PRIu64,
                       walk.end, why, disk->identity_durable);
    disk->base.start_position = walk.end;
    disk->base.start_link = walk.link;
    disk->base.epoch = walk.epoch + 1;
    disk->next = walk.end;
    disk->durable = walk.end;
    disk->identity_durable = walk.end;
    disk->failed = false;
    disk->released = 0;
    disk->operation_count = 0;
    disk->event_count = 0;
    return WW_OK;
}

/* Epochs may go back: nothing is left behind the cut that a later one would have to pass. */
void world_disk_cut(struct world_disk *disk)
{
    if (disk->end > disk->damage)
        memset(disk->bytes + disk->damage, 0, disk->end - disk->damage);
    disk->end = disk->damage;
    if (disk->identity_durable > disk->damage)
        disk->identity_durable = disk->damage;
    disk->recovering = true;
    disk->recovering_from = disk->damage > 0 ? disk->damage : 1;
}

void world_disk_lose(struct world_disk *disk)
{
    uint64_t stream = ww_random_mix(disk->base.stream_id), limit = disk->base.limit_position;
    world_disk_begin(disk, disk->world, disk->node);
    disk->base.stream_id = stream;
    disk->base.limit_position = limit;
    disk->recovering = true;
}

void world_disk_recovered(struct ww_log_store *store)
{
    ((struct world_disk *)store)->recovering = false;
}
