/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER ((uint64_t)WW_SEGMENT_HEADER_BYTES)

static struct test_log log_;

static void set_up(void)
{
    test_log_init(&log_);
}

static void tear_down(void)
{
    test_log_free(&log_);
}

TestSuite(wal_recovery, .init = set_up, .fini = tear_down);

/* `count` blocks of 4 KiB each, one after the other; then as after a kill. */
static void write_and_stop(uint32_t count)
{
    test_log_open_ok(&log_);
    for (uint32_t i = 0; i < count; i++)
        test_log_append(&log_, 1000);
    test_log_close(&log_);
    test_forget_durable(&log_, 0);
}

Test(wal_recovery, C17_a_torn_last_block_is_cut)
{
    write_and_stop(10);
    test_flip(&log_, TEST_FIRST, HEADER + 9 * 4096 + 500);
    test_log_open_ok(&log_);
    cr_expect_eq(log_.visited, 9);
    cr_expect_eq(log_.store->start_position, 9 * 4096);
    cr_expect_eq(log_.recovery.cut_bytes, 0, "no valid block lies behind it");
    test_log_append(&log_, 2000);
    test_log_close(&log_);
    test_log_open_ok(&log_);
    cr_expect_eq(log_.visited, 10);
    cr_expect_eq(log_.wrong, 0);
}

Test(wal_recovery, a_clean_end_is_not_a_cut)
{
    write_and_stop(10);
    test_log_open_ok(&log_);
    cr_expect_eq(log_.visited, 10);
    cr_expect_eq(log_.recovery.cut_bytes, 0);
    cr_expect_eq(log_.store->start_position, 10 * 4096);
}

Test(wal_recovery, C17_a_last_block_known_as_durable_is_not_cut)
{
    test_log_open_ok(&log_);
    for (uint32_t i = 0; i < 10; i++)
        test_log_append(&log_, 1000);
    test_log_close(&log_); /* tells the identity how far it was durable */
    test_flip(&log_, TEST_FIRST, HEADER + 9 * 4096 + 500);
    test_log_open_fails(&log_, WW_EDAMAGED, "0000000000000000.seg: offset 40960", "checksum");
}

Test(wal_recovery, C17_damage_before_the_tail_is_refused_with_file_and_offset)
{
    write_and_stop(10);
    test_flip(&log_, TEST_FIRST, HEADER + 4 * 4096 + 500);
    test_log_open_fails(&log_, WW_EDAMAGED,
                        "0000000000000000.seg: offset 20480 (stream position 16384)",
                        "checksum does not match");
    cr_expect_eq(test_log_scan(&log_), WW_EDAMAGED);
    test_flip(&log_, TEST_FIRST, HEADER + 4 * 4096 + 500);
    test_log_open_ok(&log_);
    cr_expect_eq(log_.visited, 10);
}

Test(wal_recovery, C17_a_large_damaged_area_is_refused)
{
    test_log_open_ok(&log_);
    while (log_.position < 2 * TEST_SEGMENT + 8192)
        test_log_append(&log_, 60000);
    test_log_close(&log_);
    test_forget_durable(&log_, 0);
    uint8_t *zeros = calloc(1, TEST_SEGMENT - 4096);
    test_poke(&log_, TEST_FIRST, HEADER + 4096, zeros, TEST_SEGMENT - 4096);
    free(zeros);
    test_log_open_fails(&log_, WW_EDAMAGED, "0000000000000000.seg: offset 4096 ",
                        "durable before the block at");
}

Test(wal_recovery, C17_scan_leaves_a_torn_tail_where_it_is)
{
    write_and_stop(5);
    test_flip(&log_, TEST_FIRST, HEADER + 4 * 4096);
    uint8_t before[8192], after[8192];
    test_peek(&log_, TEST_FIRST, HEADER + 3 * 4096, before, sizeof(before));
    cr_assert_eq(test_log_scan(&log_), WW_OK);
    cr_expect_eq(log_.visited, 4);
    test_peek(&log_, TEST_FIRST, HEADER + 3 * 4096, after, sizeof(after));
    cr_expect_arr_eq(before, after, sizeof(before));
}

/*
 * Four writes in flight at a crash, the first of them lost. `first_opening` holds the three behind
 * it as they lie on the disk afterwards.
 */
static void crash_with_a_hole(void)
{
    test_log_open_ok(&log_);
    test_log_append(&log_, 1000);
    test_log_append(&log_, 1000);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(test_log_write(&log_, 1000), WW_OK);
    test_log_wait(&log_, log_.written);
    test_log_close(&log_);
    test_forget_durable(&log_, 0);
    static const uint8_t lost[4096];
    test_poke(&log_, TEST_FIRST, HEADER + 8192, lost, sizeof(lost));
}

Test(wal_recovery, C17_a_hole_of_writes_in_flight_is_cut)
{
    crash_with_a_hole();
    test_log_open_ok(&log_);
    cr_expect_eq(log_.visited, 2);
    cr_expect_eq(log_.store->start_position, 8192);
    cr_expect_eq(log_.recovery.cut_bytes, 3 * 4096 + 64 + 56 + 4 + 1004);
}

Test(wal_recovery, C17_cut_blocks_never_come_back_when_the_hole_is_filled)
{
    crash_with_a_hole();
    for (uint64_t opening = 2; opening <= 5; opening++) {
        test_log_open_ok(&log_);
        cr_assert_eq(log_.store->epoch, (uint32_t)opening);
        cr_assert_eq(log_.visited, opening, "exactly what was written again");
        cr_assert_eq(log_.wrong, 0);
        test_log_append(&log_, 900); /* ends exactly where a cut block begins */
        test_log_close(&log_);
        test_forget_durable(&log_, 0);
    }
    test_log_open_ok(&log_);
    cr_expect_eq(log_.visited, 6);
}

Test(wal_recovery, C17_damage_is_seen_among_blocks_that_were_cut_before)
{
    crash_with_a_hole();
    test_log_open_ok(&log_);
    for (int i = 0; i < 8; i++)
        test_log_append(&log_, 900);
    test_log_close(&log_);
    test_forget_durable(&log_, 0);
    test_flip(&log_, TEST_FIRST, HEADER + 2 * 4096 + 70);
    test_log_open_fails(&log_, WW_EDAMAGED, "offset 12288 ", "checksum");
}

Test(wal_recovery, an_epoch_that_was_cut_is_not_used_again)
{
    test_log_open_ok(&log_);
    test_log_append(&log_, 1000);
    test_log_close(&log_);
    test_log_open_ok(&log_); /* epoch 2: its first write is lost, its second is not */
    cr_assert_eq(test_log_write(&log_, 1000), WW_OK);
    cr_assert_eq(test_log_write(&log_, 1000), WW_OK);
    test_log_wait(&log_, log_.written);
    test_log_close(&log_);
    test_forget_durable(&log_, 0);
    test_flip(&log_, TEST_FIRST, HEADER + 4096);
    test_log_open_ok(&log_);
    cr_expect_eq(log_.visited, 1);
    cr_expect_eq(log_.store->epoch, 3u);
}

Test(wal_recovery, C18_a_block_at_another_place_is_not_taken)
{
    write_and_stop(6);
    uint8_t block[4096];
    test_peek(&log_, TEST_FIRST, HEADER + 2 * 4096, block, sizeof(block));
    test_poke(&log_, TEST_FIRST, HEADER + 5 * 4096, block, sizeof(block));
    test_log_open_ok(&log_);
    cr_expect_eq(log_.visited, 5);
    test_log_close(&log_);
    test_forget_durable(&log_, 0);
    test_poke(&log_, TEST_FIRST, HEADER + 1 * 4096, block, sizeof(block));
    test_log_open_fails(&log_, WW_EDAMAGED, "offset 8192 ", "belongs to another position");
}

Test(wal_recovery, C18_a_lost_write_over_an_older_block_is_damage)
{
    crash_with_a_hole(); /* leaves blocks of epoch 1 at 12288 and behind */
    uint8_t old[4096];
    test_peek(&log_, TEST_FIRST, HEADER + 12288, old, sizeof(old));
    test_log_open_ok(&log_);
    for (int i = 0; i < 6; i++)
        test_log_append(&log_, 900);
    test_log_close(&log_);
    test_forget_durable(&log_, 0);
    test_poke(&log_, TEST_FIRST, HEADER + 12288, old, sizeof(old)); /* the write never came */
    test_log_open_fails(&log_, WW_EDAMAGED, "offset 16384 ", "block");
}

/* Whole, at its place, of the right epoch; but it was written behind another block. */
Test(wal_recovery, C18_a_block_that_does_not_follow_the_one_before_is_not_taken)
{
    write_and_stop(3);
    _Alignas(WW_BLOCK_ALIGN) uint8_t bytes[4096];
    struct ww_block_header *block = (void *)bytes;
    test_peek(&log_, TEST_FIRST, HEADER + 1 * 4096, bytes, sizeof(bytes));
    block->link ^= 1;
    ww_block_seal(block);
    test_poke(&log_, TEST_FIRST, HEADER + 1 * 4096, bytes, sizeof(bytes));
    test_log_open_fails(&log_, WW_EDAMAGED, "offset 8192 ", "does not follow");
}

/*
 * A flip anywhere is found, or it is in the last block; what is visited is what was written. Every
 * byte that means something is tried, and every 64th of the zeros behind.
 */
Test(wal_recovery, C17_a_flip_in_every_byte_is_never_silent)
{
    const uint32_t blocks = 3, payload = 156;
    const uint64_t used = 64 + 56 + 4 + payload;
    test_log_open_ok(&log_);
    for (uint32_t i = 0; i < blocks; i++)
        test_log_append(&log_, payload);
    test_log_close(&log_);
    test_forget_durable(&log_, 0);
    for (uint64_t offset = 0; offset < HEADER + blocks * 4096; offset++) {
        uint64_t in_page = offset % 4096, block = offset / 4096 - 1;
        bool meaning = in_page < (offset < HEADER ? 48 : used);
        if (!meaning && offset % 64 != 0)
            continue;
        test_flip(&log_, TEST_FIRST, offset);
        int status = test_log_scan(&log_);
        cr_assert_eq(log_.wrong, 0, "offset %lu: other content", (unsigned long)offset);
        if (offset < HEADER || (meaning && block < blocks - 1))
            cr_assert_eq(status, WW_EDAMAGED, "offset %lu: %d", (unsigned long)offset, status);
        else
            cr_assert(status == WW_OK && log_.visited == blocks - meaning,
                      "offset %lu: %d, %lu visited", (unsigned long)offset, status,
                      (unsigned long)log_.visited);
        test_flip(&log_, TEST_FIRST, offset);
    }
}

Test(wal_recovery, a_truncated_segment_is_refused)
{
    write_and_stop(5);
    char path[128];
    snprintf(path, sizeof(path), "%s/" TEST_FIRST, log_.directory);
    cr_assert_eq(truncate(path, 3 * 4096 + 17), 0);
    test_log_open_fails(&log_, WW_EDAMAGED, "0000000000000000.seg: truncated",
                        "12305 bytes instead of");
}

static void write_three_segments(void)
{
    test_log_open_ok(&log_);
    while (log_.position < 2 * TEST_SEGMENT + 4096)
        test_log_append(&log_, 60000);
    test_log_close(&log_);
}

static void remove_segment(uint64_t segment)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/wal/%s", log_.directory,
             ww_wal_segment_name(segment, ".seg").text);
    cr_assert_eq(unlink(path), 0);
}

Test(wal_recovery, a_missing_segment_in_the_middle_is_refused)
{
    write_three_segments();
    test_forget_durable(&log_, 0); /* that there is one behind it tells */
    remove_segment(1);
    test_log_open_fails(&log_, WW_EDAMAGED, "0000000000000001.seg", "missing");
}

Test(wal_recovery, a_missing_first_segment_is_refused)
{
    write_three_segments();
    remove_segment(0);
    test_log_open_fails(&log_, WW_EDAMAGED, "0000000000000000.seg", "missing");
}

Test(wal_recovery, missing_last_segments_are_refused)
{
    write_three_segments();
    remove_segment(2);
    if (test_count_files(&log_, ".seg") > 2)
        remove_segment(3);
    test_log_open_fails(&log_, WW_EDAMAGED, "0000000000000002.seg", "missing");
}

Test(wal_recovery, a_damaged_segment_header_is_refused)
{
    write_three_segments();
    test_flip(&log_, "wal/0000000000000001.seg", 20);
    test_log_open_fails(&log_, WW_EDAMAGED, "0000000000000001.seg: offset 0", "header");
}

Test(wal_recovery, a_segment_of_a_future_version_is_refused)
{
    write_and_stop(3);
    test_set_version(&log_, TEST_FIRST, 7, WW_SEGMENT_HEADER_BYTES);
    test_log_open_fails(&log_, WW_EVERSION, "0000000000000000.seg: has format version 7",
                        "knows version 4");
}

Test(wal_recovery, a_segment_of_another_log_is_refused)
{
    write_and_stop(3);
    uint8_t header[WW_SEGMENT_HEADER_BYTES];
    test_peek(&log_, TEST_FIRST, 0, header, sizeof(header));
    struct test_log other;
    test_log_init(&other);
    cr_assert_eq(test_log_open(&other), WW_OK);
    test_log_close(&other);
    test_poke(&other, TEST_FIRST, 0, header, sizeof(header));
    cr_expect_eq(test_log_open(&other), WW_EFOREIGN);
    cr_expect_not_null(strstr(other.error.text, "0000000000000000.seg"), "%s", other.error.text);
    test_log_free(&other);
}

Test(wal_recovery, half_made_files_are_removed_and_left_over_segments_recycled)
{
    test_log_open_ok(&log_);
    while (log_.position < 3 * TEST_SEGMENT) {
        test_log_append(&log_, 100000);
        log_.store->ops->release(log_.store, log_.durable);
    }
    char path[128];
    snprintf(path, sizeof(path), "%s/wal/0000000000000001.seg", log_.directory);
    while (access(path, F_OK) == 0)
        sched_yield(); /* the preparer is about to recycle it */
    test_log_close(&log_);
    /* A crash just after the identity had let go of a segment, before its file was renamed. */
    uint8_t *old = malloc(HEADER + TEST_SEGMENT);
    test_peek(&log_, "wal/0000000000000002.seg", 0, old, HEADER + TEST_SEGMENT);
    close(open(path, O_CREAT | O_RDWR, 0600));
    test_poke(&log_, "wal/0000000000000001.seg", 0, old, HEADER + TEST_SEGMENT);
    free(old);
    snprintf(path, sizeof(path), "%s/wal/00000000000000ff.new", log_.directory);
    close(open(path, O_CREAT | O_RDWR, 0600));

    uint64_t index = log_.index;
    cr_expect_eq(test_log_scan(&log_), WW_OK, "%s", log_.error.text);
    test_log_open_ok(&log_);
    cr_expect_eq(log_.last_index, index);
    cr_expect_eq(test_count_files(&log_, ".new"), 0);
    snprintf(path, sizeof(path), "%s/wal/0000000000000001.seg", log_.directory);
    cr_expect_neq(access(path, F_OK), 0);
}

static int refuse(void *context, uint64_t block_position, uint32_t offset,
                  const struct ww_batch_header *batch)
{
    (void)context, (void)block_position, (void)offset, (void)batch;
    return WW_ETOOBIG;
}

Test(wal_recovery, a_visitor_can_stop_it)
{
    write_and_stop(2);
    struct ww_log_store *store;
    cr_expect_eq(ww_wal_open(&log_.options, refuse, NULL, &store, &log_.error), WW_ETOOBIG);
    cr_expect_null(store);
}
