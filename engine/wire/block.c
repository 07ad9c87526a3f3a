/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/wire/block.h"

#include "engine/wire/batch.h"
#include "engine/wire/checksum.h"

uint32_t ww_block_seal(struct ww_block_header *block)
{
    block->crc32c = ww_crc32c(&block->magic, block->used_bytes - sizeof(block->crc32c));
    return block->crc32c;
}

static const char *check_batches(const struct ww_block_header *block)
{
    const uint8_t *bytes = (const uint8_t *)block;
    uint32_t at = WW_BLOCK_HEADER_BYTES;
    for (uint32_t i = 0; i < block->batches; i++) {
        const char *why;
        uint32_t size = ww_batch_check(bytes + at, block->used_bytes - at, &why);
        if (size == 0)
            return why;
        at += size;
    }
    return at == block->used_bytes ? NULL : "block: bytes are left over behind the last batch";
}

const char *ww_block_check(const void *data, size_t bytes, struct ww_block_place place)
{
    const struct ww_block_header *block = data;
    if (bytes < sizeof(*block))
        return "block: header is cut off";
    if (block->magic != WW_BLOCK_MAGIC)
        return "block: no block begins here";
    if (block->stream != place.stream)
        return "block: belongs to another stream";
    if (block->position != place.position)
        return "block: belongs to another position";
    if (block->used_bytes < sizeof(*block) || block->used_bytes > WW_BLOCK_MAX ||
        block->used_bytes > bytes || block->span_bytes < block->used_bytes ||
        block->span_bytes % WW_BLOCK_ALIGN != 0)
        return "block: size is out of range";
    if (block->crc32c != ww_crc32c(&block->magic, block->used_bytes - sizeof(block->crc32c)))
        return "block: checksum does not match";
    return check_batches(block);
}
