/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log buffer of a shard: a ring of memory that holds the newest part of the stream, byte for
 * byte as it is on disk. NET owns it: it appends sealed batches to the open block and closes it.
 *
 *   stream:  ...| block | block | open block ->           (positions only grow)
 *   memory:  position % size
 *
 * Everything from `keep` on must stay; the caller raises it (ww_log_buffer_keep) when older bytes
 * are durable, applied and no longer needed. A block never crosses a span (a multiple of `span`).
 */
#ifndef WW_GROUPS_LOG_BUFFER_H
#define WW_GROUPS_LOG_BUFFER_H

#include "engine/wire/block.h"

#include <stdbool.h>
#include <stdint.h>

struct ww_log_buffer {
    uint8_t *memory;    /* size bytes, owned by the node */
    uint64_t size;      /* a power of two */
    uint64_t span;      /* a power of two */
    uint64_t block_max; /* largest block */
    uint64_t padding;   /* a block ends at a multiple of it in its file: a power of two, at least
                           WW_BLOCK_ALIGN, less than the span */
    uint64_t
        batch_max;  /* a block is opened only where the largest batch fits before the span ends */
    uint64_t head;  /* where the next byte goes */
    uint64_t block; /* where the open block begins; no block is open when it equals head */
    uint64_t keep;
    uint32_t batches; /* in the open block */
    /* For the headers. */
    uint64_t stream;
    uint32_t epoch;
    uint32_t link; /* checksum of the last closed block */
};

/* A closed block on its way to LOG. */
struct ww_log_range {
    uint64_t position;
    uint32_t write_bytes; /* used bytes, aligned: what goes to the disk */
    uint32_t span_bytes;  /* to the next block */
    uint32_t entries;     /* in it: the caller's */
    /* Likewise: batches with sampled entries (engine/stages/trace.h), and where the first is. */
    uint32_t traced, traced_at;
};

enum ww_log_room {
    WW_LOG_ROOM,
    WW_LOG_BLOCK_FULL, /* close the block, then there is room */
    WW_LOG_FULL,       /* the oldest bytes must go first */
};

static inline void *ww_log_buffer_at(const struct ww_log_buffer *buffer, uint64_t position)
{
    return buffer->memory + (position & (buffer->size - 1));
}

static inline bool ww_log_buffer_open(const struct ww_log_buffer *buffer)
{
    return buffer->head != buffer->block;
}

/* Is there room for `bytes` more in the open block (or a new one), before position `limit`? */
enum ww_log_room ww_log_buffer_room(const struct ww_log_buffer *buffer, uint32_t bytes,
                                    uint64_t limit);

/* Bytes that surely fit into batches of any size before the buffer or `limit` is full. */
uint64_t ww_log_buffer_free(const struct ww_log_buffer *buffer, uint64_t limit);

/* The place of the next batch. ww_log_buffer_room held for what will be written there. */
void *ww_log_buffer_reserve(struct ww_log_buffer *buffer);

/* The batch of `bytes` at the reserved place is sealed; returns its position. */
uint64_t ww_log_buffer_commit(struct ww_log_buffer *buffer, uint32_t bytes);

/* Closes the open block: header, checksum, zeros up to its padded end. */
struct ww_log_range ww_log_buffer_close(struct ww_log_buffer *buffer, uint64_t durable);

#endif
