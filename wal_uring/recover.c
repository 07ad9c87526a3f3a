/* SPDX-License-Identifier: Apache-2.0 */
#include "wal_uring/recover.h"

#include "engine/base/time_ns.h"
#include "wal_uring/ahead.h"

#include <inttypes.h>

struct walk {
    const struct ww_wal_directory *directory;
    uint64_t segment_bytes;
    struct ww_wal_ahead ahead;
    struct ww_error *error; /* the caller's, or that of damage that will be cut */
    bool damaged;
};

/* ww_wal_ahead_look; what cannot be read ends the walk. */
static int look(struct walk *walk, uint64_t position, const uint8_t **data, size_t *bytes)
{
    int status = ww_wal_ahead_look(&walk->ahead, position, data, bytes);
    if (status != WW_OK) {
        walk->damaged = walk->ahead.damage;
        *walk->error = walk->ahead.error;
    }
    return status;
}

/* Why `block` is not the next of the chain, or NULL. */
static const char *refusal(const struct walk *walk, const struct ww_wal_recovered *so_far,
                           const struct ww_block_header *block, size_t bytes)
{
    const char *why =
        ww_block_check(block, bytes,
                       (struct ww_block_place){.stream = walk->directory->identity.stream,
                                               .position = so_far->end});
    if (why != NULL)
        return why;
    uint64_t left = walk->segment_bytes - so_far->end % walk->segment_bytes;
    if (block->span_bytes > left)
        return "block: its span crosses the end of the segment";
    bool first = so_far->found.blocks == 0;
    if ((!first || so_far->end == 0) && block->link != so_far->link)
        return "block: does not follow the block before";
    if (block->epoch < so_far->epoch)
        return "block: written before the block before it";
    return NULL;
}

static int visit_batches(const struct walk *walk, const struct ww_block_header *block,
                         ww_log_visit visit, void *context)
{
    uint32_t offset = WW_BLOCK_HEADER_BYTES;
    for (uint32_t i = 0; i < block->batches; i++) {
        const struct ww_batch_header *batch = ww_batch_header((const uint8_t *)block + offset);
        int status = visit(context, block->position, offset, batch);
        if (status < 0)
            return ww_fail(walk->error, status,
                           "%s: recovery was stopped at the batch at stream position %" PRIu64,
                           walk->directory->path, block->position + offset);
        offset += batch->size_bytes;
    }
    return WW_OK;
}

/* Follows the chain to its end; *why says what ended it (NULL: the last file did). */
static int follow(struct walk *walk, ww_log_visit visit, void *context,
                  struct ww_wal_recovered *recovered, const char **why)
{
    *why = NULL;
    while (recovered->end < walk->ahead.end) {
        const uint8_t *data;
        size_t bytes;
        int status = look(walk, recovered->end, &data, &bytes);
        if (status != WW_OK)
            return status;
        const struct ww_block_header *block = (const void *)data;
        *why = refusal(walk, recovered, block, bytes);
        if (*why != NULL)
            return WW_OK;
        status = visit_batches(walk, block, visit, context);
        if (status != WW_OK)
            return status;
        recovered->end += block->span_bytes;
        recovered->link = block->crc32c;
        recovered->epoch = block->epoch;
        if (block->batches == 0) /* only a cut is sealed by such a block */
            recovered->found.cut_position = recovered->end;
        recovered->found.blocks++;
        recovered->found.batches += block->batches;
        recovered->found.bytes += block->used_bytes;
    }
    return WW_OK;
}

/* The position was durable once, as `proof` says, and is not whole. */
static int damaged(struct walk *walk, uint64_t position, const char *why, const char *proof,
                   uint64_t proof_position)
{
    struct ww_wal_name name = ww_wal_segment_name(position / walk->segment_bytes, ".seg");
    walk->damaged = true;
    return ww_fail(walk->error, WW_EDAMAGED,
                   "%s/wal/%s: offset %" PRIu64 " (stream position %" PRIu64
                   "): %s; but %s %" PRIu64,
                   walk->directory->path, name.text,
                   WW_SEGMENT_HEADER_BYTES + position % walk->segment_bytes, position, why, proof,
                   proof_position);
}

/*
 * The chain ended at recovered->end. Looks at every place behind for a block of this chain: one
 * that knew the bad position to be durable proves damage; the others were never acknowledged.
 */
static int search_behind(struct walk *walk, struct ww_wal_recovered *recovered, const char *why)
{
    uint64_t bad = recovered->end;
    uint32_t last_good_epoch = recovered->epoch;
    for (uint64_t at = bad + WW_BLOCK_ALIGN; at < walk->ahead.end;) {
        const uint8_t *data;
        size_t bytes;
        int status = look(walk, at, &data, &bytes);
        if (status != WW_OK)
            return status;
        const struct ww_block_header *block = (const void *)data;
        struct ww_block_place place = {.stream = walk->directory->identity.stream, .position = at};
        if (block->magic != WW_BLOCK_MAGIC || ww_block_check(block, bytes, place) != NULL) {
            at += WW_BLOCK_ALIGN;
            continue;
        }
        if (block->epoch >= last_good_epoch) {
            if (block->durable > bad)
                return damaged(walk, bad, why, "it was durable before the block at", at);
            recovered->found.cut_bytes = at + block->used_bytes - bad;
        }
        if (block->epoch > recovered->epoch)
            recovered->epoch = block->epoch;
        at += ww_align_up(block->used_bytes, WW_BLOCK_ALIGN);
    }
    return WW_OK;
}

static int recover(struct walk *walk, ww_log_visit visit, void *context,
                   struct ww_wal_recovered *recovered)
{
    uint64_t durable = walk->directory->identity.durable;
    recovered->end = walk->directory->identity.first_segment * walk->segment_bytes;
    const char *why;
    int status = follow(walk, visit, context, recovered, &why);
    if (status == WW_OK && why != NULL)
        status = search_behind(walk, recovered, why);
    if (status == WW_OK && recovered->end < durable)
        status = damaged(walk, recovered->end, why != NULL ? why : "the segment is missing",
                         "the log was durable up to", durable);
    return status;
}

int ww_wal_recover(const struct ww_wal_directory *directory, enum ww_wal_purpose purpose,
                   ww_log_visit visit, void *context, struct ww_wal_recovered *recovered,
                   struct ww_error *error)
{
    uint64_t began_ns = ww_time_ns(CLOCK_MONOTONIC);
    struct ww_error found = {0};
    struct walk walk = {
        .directory = directory,
        .segment_bytes = directory->identity.segment_bytes,
        .error = &found,
    };
    *recovered = (struct ww_wal_recovered){0};
    int status = ww_wal_ahead_open(&walk.ahead, directory, purpose != WW_WAL_TO_CHECK, error);
    if (status != WW_OK)
        return status;
    status = recover(&walk, visit, context, recovered);
    recovered->next_segment = walk.ahead.end / walk.segment_bytes;
    if (status != WW_OK && walk.damaged && purpose == WW_WAL_TO_REPAIR) {
        uint64_t last = recovered->end / walk.segment_bytes;
        bool whole = last < walk.ahead.bad_segment && recovered->end < walk.ahead.end;
        recovered->next_segment = last + whole;
        recovered->found.damage = found;
        status = WW_OK;
    }
    if (status != WW_OK && error != NULL)
        *error = found;
    recovered->found.read_bytes = (walk.ahead.next - walk.ahead.begin) * WW_WAL_WINDOW_BYTES;
    ww_wal_ahead_close(&walk.ahead);
    recovered->found.elapsed_ns = ww_time_ns(CLOCK_MONOTONIC) - began_ns;
    return status;
}
