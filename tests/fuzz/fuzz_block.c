/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a byte of repairs (1: the block's checksum, 2: stream and position, 4: the checksums of
 * its batches), then a block. What is accepted holds exactly its batches, and is accepted nowhere
 * else.
 */
#include "fuzz.h"

#include "engine/wire/batch.h"
#include "engine/wire/block.h"
#include "engine/wire/checksum.h"

static const struct ww_block_place place = {.stream = 0x57, .position = 5 * WW_BLOCK_ALIGN};

size_t fuzz_seed(uint32_t number, uint8_t *to)
{
    static uint8_t bytes[WW_BLOCK_ALIGN] __attribute__((aligned(8)));
    struct ww_block_header *block = (void *)bytes;
    uint32_t at = sizeof(*block);
    if (number > 3)
        return 0;
    memset(bytes, 0, sizeof(bytes));
    for (uint32_t i = 0; i < number; i++) {
        uint32_t size =
            ww_entry_encode(bytes + at + WW_BATCH_HEADER_BYTES, WW_ENTRY_DATA, "an entry", 8);
        struct ww_batch_header header = {.group = 1, .count = 1, .term = 4, .first_index = 10 + i};
        at += i == 2 ? ww_batch_seal_hard_state(bytes + at, 1, 4, 2)
                     : ww_batch_seal(bytes + at, &header, size);
    }
    *block = (struct ww_block_header){
        .magic = WW_BLOCK_MAGIC,
        .used_bytes = at,
        .span_bytes = WW_BLOCK_ALIGN,
        .stream = place.stream,
        .position = place.position,
        .durable = place.position,
        .epoch = 1,
        .batches = number,
    };
    ww_block_seal(block);
    to[0] = 7;
    memcpy(to + 1, bytes, at + number); /* some bytes of what lies behind */
    return 1 + at + number;
}

static void repair_batches(uint8_t *bytes, size_t size)
{
    for (size_t at = sizeof(struct ww_block_header); at + WW_BATCH_HEADER_BYTES <= size;) {
        struct ww_batch_header *batch = (void *)(bytes + at);
        if (batch->size_bytes < sizeof(*batch) || batch->size_bytes > size - at ||
            batch->size_bytes % WW_BATCH_ALIGN != 0)
            return;
        batch->crc32c = ww_crc32c(&batch->size_bytes, batch->size_bytes - 4);
        at += batch->size_bytes;
    }
}

static void repair(uint8_t *bytes, size_t size, uint8_t what)
{
    struct ww_block_header *block = (void *)bytes;
    if (size < sizeof(*block))
        return;
    if ((what & 2) != 0) {
        block->stream = place.stream;
        block->position = place.position;
    }
    if ((what & 4) != 0)
        repair_batches(bytes, size);
    if ((what & 1) != 0 && block->used_bytes >= sizeof(*block) && block->used_bytes <= size)
        ww_block_seal(block);
}

static void examine(struct ww_block_header *block)
{
    const uint8_t *bytes = (const uint8_t *)block;
    struct ww_block_place other = place;
    uint32_t at = sizeof(*block);
    for (uint32_t i = 0; i < block->batches; i++)
        at += ww_batch_header(bytes + at)->size_bytes;
    FUZZ_REQUIRE(at == block->used_bytes);
    FUZZ_REQUIRE(block->span_bytes >= at && block->span_bytes % WW_BLOCK_ALIGN == 0);
    FUZZ_REQUIRE(ww_block_check(block, at, place) == NULL);
    FUZZ_REQUIRE(ww_block_check(block, at - 1, place) != NULL);
    other.stream++;
    FUZZ_REQUIRE(ww_block_check(block, at, other) != NULL);
    other = place;
    other.position++;
    FUZZ_REQUIRE(ww_block_check(block, at, other) != NULL);
    uint32_t crc = block->crc32c;
    FUZZ_REQUIRE(ww_block_seal(block) == crc);
    block->epoch++;
    FUZZ_REQUIRE(ww_block_check(block, at, place) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > FUZZ_INPUT_MAX)
        return 0;
    uint8_t *bytes = fuzz_exact_copy(data + 1, size - 1);
    repair(bytes, size - 1, data[0]);
    if (ww_block_check(bytes, size - 1, place) == NULL)
        examine((struct ww_block_header *)bytes);
    free(bytes);
    return 0;
}
