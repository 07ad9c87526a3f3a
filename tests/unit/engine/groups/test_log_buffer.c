/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/groups/log_buffer.h"
#include "engine/wire/batch.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define SIZE (1u << 20)
#define NO_LIMIT UINT64_MAX

static struct ww_log_buffer buffer;

static void setup(void)
{
    buffer = (struct ww_log_buffer){
        .memory = aligned_alloc(WW_BLOCK_ALIGN, SIZE),
        .size = SIZE,
        .span = SIZE / 2,
        .block_max = 64 * 1024,
        .padding = WW_BLOCK_ALIGN,
        .batch_max = WW_BATCH_MAX(WW_MTU_MAX),
        .stream = 7,
        .epoch = 3,
    };
}

static void teardown(void)
{
    free(buffer.memory);
}

TestSuite(log_buffer, .init = setup, .fini = teardown);

/* Appends one batch of `bytes` of payload; false when there is no room. */
static enum ww_log_room append(uint32_t bytes)
{
    enum ww_log_room room = ww_log_buffer_room(&buffer, bytes + 48, NO_LIMIT);
    if (room != WW_LOG_ROOM)
        return room;
    uint8_t *place = ww_log_buffer_reserve(&buffer);
    uint8_t payload[9000];
    memset(payload, 5, bytes);
    uint32_t used = ww_entry_encode(place + WW_BATCH_HEADER_BYTES, WW_ENTRY_DATA, payload, bytes);
    struct ww_batch_header header = {.count = 1, .term = 1, .first_index = 1};
    ww_log_buffer_commit(&buffer, ww_batch_seal(place, &header, used));
    return WW_LOG_ROOM;
}

Test(log_buffer, a_closed_block_passes_its_check_at_its_place)
{
    cr_assert_eq(append(100), WW_LOG_ROOM);
    cr_assert_eq(append(200), WW_LOG_ROOM);
    struct ww_log_range range = ww_log_buffer_close(&buffer, 0);
    cr_assert_eq(range.position, 0);
    cr_assert_eq(range.write_bytes, WW_BLOCK_ALIGN);
    cr_assert_eq(range.span_bytes, WW_BLOCK_ALIGN);
    struct ww_block_place here = {7, 0}, elsewhere = {7, WW_BLOCK_ALIGN};
    cr_assert_null(ww_block_check(buffer.memory, range.write_bytes, here));
    cr_assert_not_null(ww_block_check(buffer.memory, range.write_bytes, elsewhere));
    cr_assert_eq(buffer.head, WW_BLOCK_ALIGN);
    cr_assert_not(ww_log_buffer_open(&buffer));
}

Test(log_buffer, blocks_are_linked_and_carry_what_was_durable)
{
    append(10);
    ww_log_buffer_close(&buffer, 0);
    const struct ww_block_header *first = (const void *)buffer.memory;
    append(10);
    struct ww_log_range range = ww_log_buffer_close(&buffer, 4096);
    const struct ww_block_header *second = ww_log_buffer_at(&buffer, range.position);
    cr_assert_eq(second->link, first->crc32c);
    cr_assert_eq(second->durable, 4096);
    cr_assert_eq(second->epoch, 3);
}

/* In its file, where a header of 4 KiB stands before the stream. */
Test(log_buffer, a_block_ends_at_a_multiple_of_its_padding)
{
    buffer.padding = 16 * 1024;
    append(10);
    struct ww_log_range range = ww_log_buffer_close(&buffer, 0);
    cr_assert_eq(range.write_bytes, 12 * 1024);
    cr_assert_eq(range.span_bytes, 12 * 1024);
    append(10);
    range = ww_log_buffer_close(&buffer, 0);
    cr_assert_eq(range.position, 12 * 1024);
    cr_assert_eq(range.write_bytes, 16 * 1024);
    cr_assert_null(ww_block_check(ww_log_buffer_at(&buffer, range.position), range.write_bytes,
                                  (struct ww_block_place){7, range.position}));
}

Test(log_buffer, padding_ends_with_the_span_and_needs_room)
{
    buffer.padding = 64 * 1024;
    for (uint64_t end = 0; end < SIZE / 2;) {
        cr_assert_eq(append(8000), WW_LOG_ROOM);
        struct ww_log_range range = ww_log_buffer_close(&buffer, 0);
        cr_assert_leq(range.position + range.write_bytes, SIZE / 2);
        end = range.position + range.span_bytes;
    }
    append(10);
    uint64_t padded = SIZE / 2 + 60 * 1024;
    cr_assert_eq(ww_log_buffer_room(&buffer, 100, padded), WW_LOG_ROOM);
    cr_assert_eq(ww_log_buffer_room(&buffer, 100, padded - 1), WW_LOG_FULL);
}

Test(log_buffer, a_block_grows_to_its_limit_and_not_beyond)
{
    uint32_t batches = 0;
    enum ww_log_room room;
    while ((room = append(8000)) == WW_LOG_ROOM)
        batches++;
    cr_assert_eq(room, WW_LOG_BLOCK_FULL);
    cr_assert_eq(batches, 64 * 1024 / 8048);
    struct ww_log_range range = ww_log_buffer_close(&buffer, 0);
    cr_assert_leq(range.write_bytes, 64 * 1024);
}

Test(log_buffer, no_block_crosses_a_span)
{
    for (int i = 0; i < 200; i++) {
        /* What is old may go: this test looks at places only. */
        buffer.keep = buffer.block;
        while (append(7000) == WW_LOG_ROOM) {
        }
        struct ww_log_range range = ww_log_buffer_close(&buffer, 0);
        uint64_t span = range.position / buffer.span;
        cr_assert_eq((range.position + range.write_bytes - 1) / buffer.span, span);
        uint64_t next = range.position + range.span_bytes;
        cr_assert_eq(next, buffer.head);
        uint64_t room = buffer.span - next % buffer.span;
        cr_assert_geq(room, WW_BLOCK_HEADER_BYTES + buffer.batch_max);
    }
}

Test(log_buffer, what_must_stay_is_not_overwritten)
{
    uint64_t written = 0;
    for (;;) {
        enum ww_log_room room = append(4000);
        if (room == WW_LOG_BLOCK_FULL) {
            written += ww_log_buffer_close(&buffer, 0).span_bytes;
            continue;
        }
        if (room == WW_LOG_FULL)
            break;
    }
    cr_assert_leq(buffer.head, SIZE);
    cr_assert_gt(written, SIZE / 2);
    buffer.keep = 128 * 1024;
    cr_assert_neq(append(4000), WW_LOG_FULL);
}

Test(log_buffer, a_limit_of_the_disk_is_respected)
{
    cr_assert_eq(ww_log_buffer_room(&buffer, 100, 0), WW_LOG_FULL);
    cr_assert_eq(ww_log_buffer_room(&buffer, 100, WW_BLOCK_ALIGN), WW_LOG_ROOM);
    cr_assert_eq(ww_log_buffer_room(&buffer, 5000, WW_BLOCK_ALIGN), WW_LOG_FULL);
    cr_assert_eq(ww_log_buffer_free(&buffer, WW_BLOCK_ALIGN), 0);
}

Test(log_buffer, free_bytes_can_really_be_used)
{
    uint64_t free_bytes = ww_log_buffer_free(&buffer, NO_LIMIT);
    cr_assert_gt(free_bytes, SIZE / 2);
    uint64_t used = 0;
    while (used + 1048 <= free_bytes / 2) {
        enum ww_log_room room = append(1000);
        cr_assert_neq(room, WW_LOG_FULL);
        if (room == WW_LOG_BLOCK_FULL)
            ww_log_buffer_close(&buffer, 0);
        else
            used += 1048;
    }
}
