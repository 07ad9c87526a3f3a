/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "wal_uring/disk.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER ((uint64_t)WW_SEGMENT_HEADER_BYTES)
#define SECOND "wal/0000000000000001.seg"

static struct test_log log_;

static void set_up(void)
{
    test_log_init(&log_);
    log_.options.repair = WW_WAL_REPAIR_PEERS;
}

static void tear_down(void)
{
    test_log_free(&log_);
}

TestSuite(wal_repair, .init = set_up, .fini = tear_down);

static struct ww_wal_identity identity(void)
{
    struct ww_wal_identity now;
    test_peek(&log_, "identity", 0, &now, sizeof(now));
    return now;
}

/* The core says that nothing forgotten can do harm; the preparer makes it durable. */
static void recover(void)
{
    log_.store->ops->recovered(log_.store);
    while (identity().recovering != 0)
        sched_yield();
}

/* `count` blocks of 4 KiB each in a log that has recovered, and a clean end. */
static void write_and_stop(uint32_t count)
{
    test_log_open_ok(&log_);
    recover();
    for (uint32_t i = 0; i < count; i++)
        test_log_append(&log_, 1000);
    test_log_close(&log_);
}

static uint64_t in_first; /* blocks in the first segment */

static void write_three_segments(void)
{
    test_log_open_ok(&log_);
    recover();
    while (log_.position < 2 * TEST_SEGMENT + 4096) {
        test_log_append(&log_, 60000);
        in_first += log_.position <= TEST_SEGMENT;
    }
    test_log_close(&log_);
}

static void path_of(const char *file, char path[128])
{
    snprintf(path, 128, "%s/%s", log_.directory, file);
}

static void path_of_segment(uint64_t segment, const char *suffix, char path[128])
{
    snprintf(path, 128, "%s/wal/%s", log_.directory, ww_wal_segment_name(segment, suffix).text);
}

static void rename_segment(uint64_t segment, const char *suffix)
{
    char from[128], to[128];
    path_of_segment(segment, ".seg", from);
    path_of_segment(segment, suffix, to);
    cr_assert_eq(rename(from, to), 0);
}

/* It opens with `blocks` of the old ones, says what was cut, and goes on from there. */
static void check_cut(uint64_t blocks, const char *file, const char *reason)
{
    test_log_open_ok(&log_);
    cr_assert(log_.recovery.recovering);
    cr_assert_neq(log_.recovery.damage.code, WW_OK);
    cr_assert_not_null(strstr(log_.recovery.damage.text, file), "%s", log_.recovery.damage.text);
    cr_assert_not_null(strstr(log_.recovery.damage.text, reason), "%s", log_.recovery.damage.text);
    cr_assert_eq(log_.visited, blocks);
    cr_assert_eq(log_.wrong, 0);
    cr_assert_eq(identity().recovering, 1u);
}

/* What came instead is there, what was cut is not, and nothing is damaged any more. */
static void check_goes_on(uint64_t blocks)
{
    for (int i = 0; i < 5; i++)
        test_log_append(&log_, 900);
    test_log_close(&log_);
    test_forget_durable(&log_, 0);
    log_.options.repair = WW_WAL_REPAIR_NEVER;
    test_log_open_ok(&log_);
    cr_assert_eq(log_.visited, blocks + 5);
    cr_assert_eq(log_.wrong, 0);
    cr_assert_eq(log_.recovery.damage.code, WW_OK);
    cr_assert(log_.recovery.recovering, "until the core says otherwise");
    recover();
    test_log_close(&log_);
    test_log_open_ok(&log_);
    cr_expect_not(log_.recovery.recovering);
    cr_expect_eq(test_count_files(&log_, ".cut"), 0);
}

Test(wal_repair, a_fresh_directory_is_recovering_until_it_is_told)
{
    test_log_open_ok(&log_);
    cr_expect(log_.recovery.recovering);
    test_log_append(&log_, 100);
    test_log_close(&log_);
    test_log_open_ok(&log_);
    cr_expect(log_.recovery.recovering);
    recover();
    test_log_append(&log_, 100);
    test_log_close(&log_);
    test_log_open_ok(&log_);
    cr_expect_not(log_.recovery.recovering);
    cr_expect_eq(log_.visited, 2);
}

Test(wal_repair, memory_is_always_recovering)
{
    log_.options.durability = WW_DURABILITY_MEMORY;
    test_log_open_ok(&log_);
    cr_expect(log_.recovery.recovering);
    cr_expect_null(log_.store->ops->recovered, "the next process has nothing of this one");
}

Test(wal_repair, C17_a_damaged_block_is_cut_with_all_behind_it)
{
    write_and_stop(10);
    test_flip(&log_, TEST_FIRST, HEADER + 4 * 4096 + 500);
    check_cut(4, "0000000000000000.seg: offset 20480", "checksum");
    cr_expect_eq(log_.store->start_position, 5 * 4096, "behind the block that seals the cut");
    check_goes_on(4);
}

Test(wal_repair, C17_a_missing_segment_is_cut_with_those_behind_it)
{
    write_three_segments();
    char path[128];
    path_of(SECOND, path);
    cr_assert_eq(unlink(path), 0);
    check_cut(in_first, "0000000000000001.seg", "missing");
    cr_expect_eq(log_.store->start_position, TEST_SEGMENT + 4096);
    cr_expect_geq(test_count_files(&log_, ".cut"), 1, "what was behind it is kept");
    check_goes_on(in_first);
}

Test(wal_repair, C17_a_truncated_segment_is_cut)
{
    write_three_segments();
    char path[128];
    path_of(SECOND, path);
    cr_assert_eq(truncate(path, 3 * 4096 + 17), 0);
    check_cut(in_first, "0000000000000001.seg: truncated", "12305 bytes");
    check_goes_on(in_first);
}

Test(wal_repair, C17_a_damaged_segment_header_is_cut)
{
    write_three_segments();
    test_flip(&log_, SECOND, 20);
    check_cut(in_first, "0000000000000001.seg: offset 0", "header");
    check_goes_on(in_first);
}

Test(wal_repair, C17_missing_last_segments_are_cut)
{
    write_three_segments();
    char path[128];
    for (uint64_t segment = test_count_files(&log_, ".seg") - 1; segment >= 1; segment--) {
        path_of_segment(segment, ".seg", path);
        cr_assert_eq(unlink(path), 0);
    }
    check_cut(in_first, "0000000000000001.seg", "missing");
    check_goes_on(in_first);
}

Test(wal_repair, C17_a_log_that_lost_its_first_segment_begins_empty)
{
    write_three_segments();
    char path[128];
    path_of(TEST_FIRST, path);
    cr_assert_eq(unlink(path), 0);
    check_cut(0, "0000000000000000.seg", "missing");
    check_goes_on(0);
}

Test(wal_repair, C17_what_is_no_damage_of_the_disk_is_refused)
{
    write_three_segments();
    char path[128];
    path_of(SECOND, path);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(symlink("0000000000000001.seg", path), 0);
    struct ww_wal_identity before = identity();
    test_log_open_fails(&log_, WW_EIO, "0000000000000001.seg", "symbolic links");
    struct ww_wal_identity after = identity();
    cr_expect_arr_eq(&before, &after, sizeof(before), "nothing was changed");
}

Test(wal_repair, a_segment_of_another_log_is_refused)
{
    write_and_stop(3);
    uint8_t header[WW_SEGMENT_HEADER_BYTES];
    test_peek(&log_, TEST_FIRST, 0, header, sizeof(header));
    struct test_log other;
    test_log_init(&other);
    other.options.repair = WW_WAL_REPAIR_PEERS;
    cr_assert_eq(test_log_open(&other), WW_OK);
    test_log_close(&other);
    test_poke(&other, TEST_FIRST, 0, header, sizeof(header));
    cr_expect_eq(test_log_open(&other), WW_EFOREIGN);
    test_log_free(&other);
}

Test(wal_repair, a_torn_tail_is_no_damage)
{
    write_and_stop(10);
    test_forget_durable(&log_, 0);
    test_flip(&log_, TEST_FIRST, HEADER + 9 * 4096 + 500);
    test_log_open_ok(&log_);
    cr_expect_not(log_.recovery.recovering);
    cr_expect_eq(log_.recovery.damage.code, WW_OK);
    cr_expect_eq(log_.visited, 9);
}

/*
 * The damage heals by itself, as an unreadable sector may: between the cut and the first write, and
 * after it. What lay behind it stays dead.
 */
Test(wal_repair, C17_what_was_cut_never_comes_back)
{
    write_and_stop(10);
    uint8_t good[4096];
    test_peek(&log_, TEST_FIRST, HEADER + 4 * 4096, good, sizeof(good));
    test_flip(&log_, TEST_FIRST, HEADER + 4 * 4096 + 500);
    check_cut(4, "0000000000000000.seg", "checksum");
    uint32_t epoch = log_.store->epoch;
    test_log_close(&log_);
    test_forget_durable(&log_, 0);
    log_.options.repair = WW_WAL_REPAIR_NEVER;
    for (uint64_t opening = 1; opening <= 4; opening++) {
        test_log_open_ok(&log_);
        cr_assert_eq(log_.store->epoch, epoch + opening);
        cr_assert_eq(log_.visited, 3 + opening, "exactly what was written again");
        cr_assert_eq(log_.store->start_position, (4 + opening) * 4096);
        test_log_append(&log_, 900); /* ends exactly where a cut block begins */
        test_log_close(&log_);
        test_forget_durable(&log_, 0);
    }
    /* The sealing block is lost for the old one: that is damage, and not the old log. */
    test_poke(&log_, TEST_FIRST, HEADER + 4 * 4096, good, sizeof(good));
    test_log_open_fails(&log_, WW_EDAMAGED, "offset 24576 ", "block");
}

/* An epoch that only blocks behind the damage tell is not used again. */
Test(wal_repair, C17_epochs_that_cannot_be_read_any_more_are_not_used_again)
{
    for (int i = 0; i < 3; i++) {
        test_log_open_ok(&log_);
        test_log_append(&log_, 1000);
        test_log_close(&log_);
    }
    uint8_t zeros[2 * 4096] = {0};
    test_poke(&log_, TEST_FIRST, HEADER + 4096, zeros, sizeof(zeros));
    check_cut(1, "0000000000000000.seg: offset 8192", "no block begins here");
    cr_expect_eq(log_.store->epoch, 4u);
}

/*
 * As after a crash of the repair itself: the identity is stored, what was behind is put aside, and
 * the block that seals the cut is not there. No block proves the damage any more.
 */
Test(wal_repair, C17_a_repair_that_was_interrupted_is_done_again)
{
    write_three_segments();
    uint8_t *zeros = calloc(1, TEST_SEGMENT);
    test_poke(&log_, TEST_FIRST, HEADER + 61440, zeros, TEST_SEGMENT - 61440);
    free(zeros);
    struct ww_wal_identity changed = identity();
    changed.recovering = 1;
    changed.durable = 61440 + 4096;
    changed.epoch++;
    test_put_identity(&log_, &changed);
    for (uint64_t segment = test_count_files(&log_, ".seg") - 1; segment >= 1; segment--)
        rename_segment(segment, ".cut");
    check_cut(1, "0000000000000000.seg: offset 65536", "no block begins here");
    cr_expect_eq(log_.recovery.cut_position, 61440 + 4096);
    check_goes_on(1);
}

/* Where it was cut is known until the node has recovered. */
Test(wal_repair, the_place_of_the_cut_is_in_the_stream)
{
    write_and_stop(10);
    test_flip(&log_, TEST_FIRST, HEADER + 4 * 4096 + 500);
    for (int opening = 0; opening < 3; opening++) {
        test_log_open_ok(&log_);
        cr_expect(log_.recovery.recovering);
        cr_expect_eq(log_.recovery.cut_position, 5 * 4096);
        test_log_append(&log_, 900);
        test_log_close(&log_);
    }
}

#define BLOCKS 3u
#define PAYLOAD 156u
#define USED (64u + 56u + 4u + PAYLOAD)

/* The files of a small log, kept in memory: there is a copy of them for each byte. */
static uint8_t good_identity[sizeof(struct ww_wal_identity)];
static uint8_t good_segment[WW_SEGMENT_HEADER_BYTES + TEST_SEGMENT];

static void write_small_log(void)
{
    test_log_free(&log_);
    test_log_init_at(&log_, "/dev/shm/wal-test-XXXXXX");
    log_.options.durability = WW_DURABILITY_BUFFERED;
    test_log_open_ok(&log_);
    recover();
    for (uint32_t i = 0; i < BLOCKS; i++)
        test_log_append(&log_, PAYLOAD);
    test_log_close(&log_);
    test_peek(&log_, "identity", 0, good_identity, sizeof(good_identity));
    test_peek(&log_, TEST_FIRST, 0, good_segment, sizeof(good_segment));
    log_.options.repair = WW_WAL_REPAIR_PEERS;
}

static void put_small_log(void)
{
    char path[128];
    path_of("wal/0000000000000000.cut", path);
    unlink(path);
    path_of(TEST_FIRST, path);
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    cr_assert_eq(pwrite(fd, good_segment, HEADER + 8 * 4096, 0), (ssize_t)(HEADER + 8 * 4096));
    cr_assert_eq(ftruncate(fd, sizeof(good_segment)), 0);
    close(fd);
    test_poke(&log_, "identity", 0, good_identity, sizeof(good_identity));
}

/*
 * Every byte that means something and every 64th of the zeros behind, in turn: it is found and cut,
 * or it is one of the zeros behind a block, which nobody reads. One of `parts`, for the time.
 */
static void flip_every_byte(uint64_t part, uint64_t parts)
{
    if (access("/dev/shm", W_OK) != 0)
        cr_skip_test("no /dev/shm here");
    write_small_log();
    for (uint64_t offset = 0; offset < HEADER + BLOCKS * 4096; offset++) {
        uint64_t block = offset / 4096;
        bool zeros = offset % 4096 >= (block > 0 ? USED : sizeof(struct ww_wal_segment_header));
        bool padding = zeros && block > 0;
        if (zeros ? offset % 64 != part : offset % parts != part)
            continue;
        test_flip(&log_, TEST_FIRST, offset);
        test_log_open_ok(&log_);
        cr_assert_eq(log_.wrong, 0, "offset %lu: other content", (unsigned long)offset);
        if (padding) {
            cr_assert_eq(log_.visited, BLOCKS);
            cr_assert_eq(log_.recovery.damage.code, WW_OK);
            cr_assert_not(log_.recovery.recovering);
        } else {
            cr_assert_eq(log_.visited, block == 0 ? 0 : block - 1);
            cr_assert_eq(log_.recovery.damage.code, WW_EDAMAGED);
            cr_assert_eq(identity().recovering, 1u);
        }
        test_log_close(&log_);
        put_small_log();
    }
}

Test(wal_repair, C17_a_flip_in_every_byte_is_cut_1_of_4)
{
    flip_every_byte(0, 4);
}

Test(wal_repair, C17_a_flip_in_every_byte_is_cut_2_of_4)
{
    flip_every_byte(1, 4);
}

Test(wal_repair, C17_a_flip_in_every_byte_is_cut_3_of_4)
{
    flip_every_byte(2, 4);
}

Test(wal_repair, C17_a_flip_in_every_byte_is_cut_4_of_4)
{
    flip_every_byte(3, 4);
}
