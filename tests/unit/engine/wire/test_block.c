/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/wire/block.h"

#include "engine/wire/batch.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static uint8_t bytes[2 * WW_BLOCK_ALIGN] __attribute__((aligned(8)));
static struct ww_block_header *const block = (void *)bytes;
static const struct ww_block_place place = {.stream = 0xabcdef, .position = 3 * WW_BLOCK_ALIGN};

/* A block of three batches, one of them a hard state. */
static void make(void)
{
    uint32_t at = WW_BLOCK_HEADER_BYTES;
    memset(bytes, 0, sizeof(bytes));
    at += ww_batch_seal_hard_state(bytes + at, 1, 4, 2);
    for (uint64_t i = 0; i < 2; i++) {
        uint32_t size =
            ww_entry_encode(bytes + at + WW_BATCH_HEADER_BYTES, WW_ENTRY_DATA, "0123456789", 10);
        struct ww_batch_header header = {.group = 1, .count = 1, .term = 4, .first_index = 20 + i};
        at += ww_batch_seal(bytes + at, &header, size);
    }
    *block = (struct ww_block_header){
        .magic = WW_BLOCK_MAGIC,
        .used_bytes = at,
        .span_bytes = WW_BLOCK_ALIGN,
        .stream = place.stream,
        .position = place.position,
        .durable = 2 * WW_BLOCK_ALIGN,
        .link = 99,
        .epoch = 7,
        .batches = 3,
    };
    ww_block_seal(block);
}

static const char *why_not(size_t size)
{
    const char *why = ww_block_check(bytes, size, place);
    return why != NULL ? why : "it is whole";
}

Test(block, round_trip)
{
    make();
    cr_assert_str_eq(why_not(WW_BLOCK_ALIGN), "it is whole");
    cr_assert_str_eq(why_not(block->used_bytes), "it is whole", "the zeros need not be at hand");
    uint32_t link = block->crc32c;
    cr_assert_eq(ww_block_seal(block), link, "the next block's link");
}

Test(block, C18_a_flip_in_any_bit_is_caught)
{
    make();
    uint32_t used = block->used_bytes;
    for (uint32_t i = 0; i < used * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        cr_assert_str_neq(why_not(WW_BLOCK_ALIGN), "it is whole", "bit %u", i);
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
}

Test(block, C18_a_block_at_another_place_is_caught)
{
    make();
    struct ww_block_place other = place;
    other.stream++;
    cr_assert_str_eq(ww_block_check(bytes, WW_BLOCK_ALIGN, other),
                     "block: belongs to another stream");
    other = place;
    other.position += WW_BLOCK_ALIGN;
    cr_assert_str_eq(ww_block_check(bytes, WW_BLOCK_ALIGN, other),
                     "block: belongs to another position");
}

Test(block, C18_stream_position_link_and_epoch_are_under_the_checksum)
{
    struct ww_block_place moved = place;
    make();
    block->position = moved.position += WW_BLOCK_ALIGN;
    cr_assert_str_eq(ww_block_check(bytes, WW_BLOCK_ALIGN, moved), "block: checksum does not match",
                     "a rewritten position");
    make();
    moved = place;
    block->stream = ++moved.stream;
    cr_assert_str_eq(ww_block_check(bytes, WW_BLOCK_ALIGN, moved), "block: checksum does not match",
                     "a rewritten stream");
    make();
    block->link++;
    cr_assert_str_eq(why_not(WW_BLOCK_ALIGN), "block: checksum does not match");
    make();
    block->epoch++;
    cr_assert_str_eq(why_not(WW_BLOCK_ALIGN), "block: checksum does not match");
    make();
    block->durable++;
    cr_assert_str_eq(why_not(WW_BLOCK_ALIGN), "block: checksum does not match");
}

Test(block, truncated_at_every_length_is_caught)
{
    make();
    for (uint32_t length = 0; length < block->used_bytes; length++) {
        uint8_t *exact = malloc(length > 0 ? length : 1);
        memcpy(exact, bytes, length);
        cr_assert_not_null(ww_block_check(exact, length, place), "length %u", length);
        free(exact);
    }
}

Test(block, headers_that_lie_under_a_right_checksum_are_caught)
{
#define LIE(change, text)                                                                          \
    do {                                                                                           \
        make();                                                                                    \
        change;                                                                                    \
        ww_block_seal(block);                                                                      \
        cr_assert_str_eq(why_not(WW_BLOCK_ALIGN), text);                                           \
    } while (0)
    LIE(block->magic++, "block: no block begins here");
    LIE(block->batches = 2, "block: bytes are left over behind the last batch");
    LIE(block->batches = 4, "batch: header is cut off");
    LIE(block->batches = UINT32_MAX, "batch: header is cut off");
    LIE(block->used_bytes -= 8, "batch: size is out of range");
    LIE(block->used_bytes += 8, "block: bytes are left over behind the last batch");
    LIE(block->span_bytes += 1, "block: size is out of range");
    LIE(block->span_bytes = 0, "block: size is out of range");
    LIE(bytes[WW_BLOCK_HEADER_BYTES + 20] ^= 1, "batch: checksum does not match");
#undef LIE
    make();
    block->used_bytes = WW_BLOCK_HEADER_BYTES - 1;
    cr_assert_str_eq(why_not(WW_BLOCK_ALIGN), "block: size is out of range");
    block->used_bytes = WW_BLOCK_MAX + 1;
    cr_assert_str_eq(why_not(SIZE_MAX), "block: size is out of range");
    make();
    cr_assert_str_eq(why_not(block->used_bytes - 1), "block: size is out of range");
    cr_assert_str_eq(why_not(WW_BLOCK_HEADER_BYTES - 1), "block: header is cut off");
}
