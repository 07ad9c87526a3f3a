/* SPDX-License-Identifier: Apache-2.0 */
#include "wal_uring/chain.h"

struct ww_wal_chain ww_wal_chain_begin(uint64_t stream, uint64_t segment_bytes, uint64_t position)
{
    return (struct ww_wal_chain){
        .stream = stream,
        .segment_bytes = segment_bytes,
        .position = position,
        .linked = position == 0,
    };
}

const char *ww_wal_chain_refusal(const struct ww_wal_chain *chain,
                                 const struct ww_block_header *block, size_t bytes)
{
    const struct ww_block_place place = {chain->stream, chain->position};
    const char *why = ww_block_check(block, bytes, place);
    if (why != NULL)
        return why;
    if (block->span_bytes > chain->segment_bytes - chain->position % chain->segment_bytes)
        return "block: its span crosses the end of the segment";
    if (chain->linked && block->link != chain->link)
        return "block: does not follow the block before";
    if (block->epoch < chain->epoch)
        return "block: written before the block before it";
    return NULL;
}

void ww_wal_chain_add(struct ww_wal_chain *chain, const struct ww_block_header *block)
{
    chain->position += block->span_bytes;
    chain->link = block->crc32c;
    chain->epoch = block->epoch;
    chain->linked = true;
}

struct ww_wal_chain ww_wal_chain_behind(const struct ww_wal_chain *chain, uint64_t position)
{
    struct ww_wal_chain behind = *chain;
    behind.position = position;
    behind.linked = false;
    return behind;
}
