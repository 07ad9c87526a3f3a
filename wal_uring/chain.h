/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of blocks that a stream is, and what its next block must be (docs/wal.md, Recovery). */
#ifndef WW_WAL_CHAIN_H
#define WW_WAL_CHAIN_H

#include "engine/wire/block.h"

#include <stdbool.h>

struct ww_wal_chain {
    uint64_t stream;
    uint64_t segment_bytes;
    uint64_t position; /* of the next block */
    uint32_t link;     /* CRC32C of the last one */
    uint32_t epoch;    /* of it */
    bool linked; /* `link` is known: not for the oldest block that is kept, nor behind damage */
};

/* From `position` on, which is 0 or that of the oldest block that is kept. */
struct ww_wal_chain ww_wal_chain_begin(uint64_t stream, uint64_t segment_bytes, uint64_t position);

/* Why the `bytes` bytes at `block` are not the chain's next block: a static string, or NULL. */
const char *ww_wal_chain_refusal(const struct ww_wal_chain *chain,
                                 const struct ww_block_header *block, size_t bytes);

/* The block, which was not refused, is the last one now. */
void ww_wal_chain_add(struct ww_wal_chain *chain, const struct ww_block_header *block);

/* The chain as it would go on at a position behind its end: for blocks that lie there. */
struct ww_wal_chain ww_wal_chain_behind(const struct ww_wal_chain *chain, uint64_t position);

#endif
