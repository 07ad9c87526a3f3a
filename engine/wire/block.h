/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block is the unit of writing: a 64-byte header, sealed batches, zeros up to 4 KiB. The header
 * binds stream, position, epoch and the block before it, so that a block at a wrong place, or of an
 * earlier use of a recycled segment, fails its check.
 *
 * How a torn tail is told from damage: a crash may lose any of the writes that were in flight, and
 * keep later ones. Each header says which position its writer knew to be durable. When a valid
 * block behind a bad one says that the bad one was durable, the disk lost it: damage. Otherwise
 * the bad one and all behind it were never acknowledged, and are cut.
 */
#ifndef WW_WIRE_BLOCK_H
#define WW_WIRE_BLOCK_H

#include "engine/base/limits.h"

#include <stddef.h>
#include <stdint.h>

#define WW_BLOCK_MAGIC 0x4b4c4257u /* "WBLK" */

struct ww_block_header {
    uint32_t crc32c; /* over bytes 4 .. used_bytes */
    uint32_t magic;
    uint32_t used_bytes; /* header and batches; what follows up to 4 KiB is zero */
    uint32_t span_bytes; /* to the next block: used_bytes rounded up, or to the end of the span */
    uint64_t stream;
    uint64_t position; /* of this header in the stream */
    uint64_t durable;  /* every position below this was durable when the block was closed */
    uint32_t link;     /* crc32c of the block before; 0 for the first */
    uint32_t epoch;    /* how often the stream was opened: never goes down along the chain */
    uint32_t batches;
    uint32_t reserved[3];
};

_Static_assert(sizeof(struct ww_block_header) == WW_BLOCK_HEADER_BYTES, "64 bytes");

/* What a block must match to be the next of its chain. */
struct ww_block_place {
    uint64_t stream;
    uint64_t position;
};

/* Writes the header's checksum over the finished block; returns it (the next block's link). */
uint32_t ww_block_seal(struct ww_block_header *block);

/*
 * Checks a block of which `bytes` bytes are at hand: magic, stream, position, sizes, checksum, and
 * every batch inside. Returns NULL when it is whole, else what is wrong (a static string).
 * Link and epoch are the caller's to compare.
 */
const char *ww_block_check(const void *block, size_t bytes, struct ww_block_place place);

static inline uint32_t ww_align_up(uint32_t value, uint32_t alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}

#endif
