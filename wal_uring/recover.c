/* SPDX-License-Identifier: Apache-2.0 */
#include "wal_uring/recover.h"

#include "engine/base/time_ns.h"
#include "wal_uring/ahead.h"
#include "wal_uring/chain.h"

#include <inttypes.h>

struct walk {
    const struct ww_wal_directory *directory;
    struct ww_wal_chain chain;
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
    while (walk->chain.position < walk->ahead.end) {
        const uint8_t *data;
        size_t bytes;
        int status = look(walk, walk->chain.position, &data, &bytes);
        if (status != WW_OK)
            return status;
        const struct ww_block_header *block = (const void *)data;
        *why = ww_wal_chain_refusal(&walk->chain, block, bytes);
        if (*why != NULL)
            return WW_OK;
        status = visit_batches(walk, block, visit, context);
        if (status != WW_OK)
            return status;
        ww_wal_chain_add(&walk->chain, block);
        if (block->batches == 0) /* only a cut is sealed by such a block */
            recovered->found.cut_position = walk->chain.position;
        recovered->found.blocks++;
        recovered->found.batches += block->batches;
        recovered->found.bytes += block->used_bytes;
    }
    return WW_OK;
}

/* Where the chain ends was durable once, as `proof` says, and is not whole. */
static int damaged(struct walk *walk, const char *why, const char *proof, uint64_t proof_position)
{
    uint64_t position = walk->chain.position, segment_bytes = walk->chain.segment_bytes;
    struct ww_wal_name name = ww_wal_segment_name(position / segment_bytes, ".seg");
    walk->damaged = true;
    return ww_fail(walk->error, WW_EDAMAGED,
                   "%s/wal/%s: offset %" PRIu64 " (stream position %" PRIu64
                   "): %s; but %s %" PRIu64,
                   walk->directory->path, name.text,
                   WW_SEGMENT_HEADER_BYTES + position % segment_bytes, position, why, proof,
                   proof_position);
}

/*
 * The chain ended. Looks at every place behind for a block of it: one that knew its end to be
 * durable proves damage; the others were never acknowledged.
 */
static int search_behind(struct walk *walk, struct ww_wal_recovered *recovered, const char *why)
{
    uint64_t bad = walk->chain.position;
    for (uint64_t at = bad + WW_BLOCK_ALIGN; at < walk->ahead.end;) {
        const uint8_t *data;
        size_t bytes;
        int status = look(walk, at, &data, &bytes);
        if (status != WW_OK)
            return status;
        const struct ww_block_header *block = (const void *)data;
        const struct ww_wal_chain behind = ww_wal_chain_behind(&walk->chain, at);
        if (ww_wal_chain_refusal(&behind, block, bytes) != NULL) {
            at += WW_BLOCK_ALIGN;
            continue;
        }
        if (block->durable > bad)
            return damaged(walk, why, "it was durable before the block at", at);
        recovered->found.cut_bytes = at + block->used_bytes - bad;
        at += ww_align_up(block->used_bytes, WW_BLOCK_ALIGN);
    }
    return WW_OK;
}

static int recover(struct walk *walk, ww_log_visit visit, void *context,
                   struct ww_wal_recovered *recovered)
{
    uint64_t durable = walk->directory->identity.durable;
    const char *why;
    int status = follow(walk, visit, context, recovered, &why);
    if (status == WW_OK && why != NULL)
        status = search_behind(walk, recovered, why);
    if (status == WW_OK && walk->chain.position < durable)
        status = damaged(walk, why != NULL ? why : "the segment is missing",
                         "the log was durable up to", durable);
    return status;
}

int ww_wal_recover(const struct ww_wal_directory *directory, enum ww_wal_purpose purpose,
                   ww_log_visit visit, void *context, struct ww_wal_recovered *recovered,
                   struct ww_error *error)
{
    uint64_t began_ns = ww_time_ns(CLOCK_MONOTONIC);
    struct ww_error found = {0};
    const struct ww_wal_identity *identity = &directory->identity;
    struct walk walk = {
        .directory = directory,
        .chain = ww_wal_chain_begin(identity->stream, identity->segment_bytes,
                                    identity->first_segment * identity->segment_bytes),
        .error = &found,
    };
    *recovered = (struct ww_wal_recovered){0};
    int status = ww_wal_ahead_open(&walk.ahead, directory, purpose != WW_WAL_TO_CHECK, error);
    if (status != WW_OK)
        return status;
    status = recover(&walk, visit, context, recovered);
    recovered->end = walk.chain.position;
    recovered->link = walk.chain.link;
    recovered->next_segment = walk.ahead.end / identity->segment_bytes;
    if (status != WW_OK && walk.damaged && purpose == WW_WAL_TO_REPAIR) {
        uint64_t last = recovered->end / identity->segment_bytes;
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
