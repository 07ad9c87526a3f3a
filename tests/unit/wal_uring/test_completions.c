/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel may answer, and seldom does. */
#include "fixture.h"
#include "kernel.h"

#include <criterion/criterion.h>
#include <errno.h>

#define OPERATION(user_data) ((user_data)&3) /* as in disk_io.c */

enum { WRITE, FLUSH, READ };

static struct test_log log_;
static int answers[8]; /* of completions of `operation`, one after the other; 0: what it was */
static uint32_t answered;
static uint64_t operation;

static int answer(uint64_t user_data, int result)
{
    if (OPERATION(user_data) != operation || answered >= 8)
        return result;
    int instead = answers[answered++];
    return instead != 0 ? instead : result;
}

static void will_answer(uint64_t wanted, int first, int second, int third)
{
    operation = wanted;
    answers[0] = first;
    answers[1] = second;
    answers[2] = third;
    test_completion = answer;
}

static void set_up(void)
{
    test_log_init(&log_);
}

static void tear_down(void)
{
    test_completion = NULL;
    test_unreadable = 0;
    test_log_free(&log_);
}

TestSuite(wal_completions, .init = set_up, .fini = tear_down);

static void interrupted(enum ww_durability durability)
{
    log_.options.durability = durability;
    test_log_open_ok(&log_);
    will_answer(WRITE, -EAGAIN, -EINTR, 4096);
    test_log_append(&log_, 30000);
    cr_expect_geq(answered, 4u, "refused, interrupted, short, and the rest");
    cr_expect_eq(log_.failures, 0u);
    test_log_append(&log_, 100);
    test_log_close(&log_);
    test_log_open_ok(&log_);
    cr_expect_eq(log_.visited, 2);
    cr_expect_eq(log_.wrong, 0);
}

Test(wal_completions, C19_interrupted_and_short_writes_are_finished_dsync)
{
    interrupted(WW_DURABILITY_DSYNC);
}

Test(wal_completions, C19_interrupted_and_short_writes_are_finished_fdatasync)
{
    interrupted(WW_DURABILITY_FDATASYNC);
}

Test(wal_completions, C19_interrupted_and_short_writes_are_finished_buffered)
{
    interrupted(WW_DURABILITY_BUFFERED);
}

Test(wal_completions, interrupted_reads_are_started_again)
{
    test_log_open_ok(&log_);
    test_log_append(&log_, 100);
    will_answer(READ, -EAGAIN, -EINTR, 0);
    cr_expect_eq(test_log_read(&log_, 0, 4096).status, WW_OK);
    cr_expect_eq(answered, 3u);
}

Test(wal_completions, a_failed_read_is_told_and_fences_nothing)
{
    test_log_open_ok(&log_);
    test_log_append(&log_, 100);
    will_answer(READ, -EIO, 0, 0);
    cr_expect_eq(test_log_read(&log_, 0, 4096).status, WW_EIO);
    cr_expect_eq(test_log_read(&log_, 0, 4096).status, WW_OK);
    test_log_append(&log_, 100);
}

static void fails(enum ww_durability durability, uint64_t what, int reason, int status)
{
    log_.options.durability = durability;
    test_log_open_ok(&log_);
    test_log_append(&log_, 100);
    uint64_t durable = log_.durable;
    will_answer(what, reason, 0, 0);
    cr_assert_eq(test_log_write(&log_, 100), WW_OK);
    test_log_wait(&log_, log_.written);
    cr_expect_eq(log_.failed, status);
    cr_expect_eq(log_.durable, durable);
    cr_expect_eq(test_log_write(&log_, 100), WW_ECLOSED);
}

Test(wal_completions, C16_a_write_that_fails_fences)
{
    fails(WW_DURABILITY_DSYNC, WRITE, -EIO, WW_EIO);
}

Test(wal_completions, C16_a_write_without_room_fences)
{
    fails(WW_DURABILITY_DSYNC, WRITE, -ENOSPC, WW_ENOSPC);
}

Test(wal_completions, C16_a_flush_that_fails_fences)
{
    fails(WW_DURABILITY_FDATASYNC, FLUSH, -EIO, WW_EIO);
}

static void write_ten(void)
{
    test_log_open_ok(&log_);
    for (int i = 0; i < 10; i++)
        test_log_append(&log_, 1000);
    test_log_close(&log_);
}

/* Recovery reads again, page by page, what came back with an error. */
static int all_fail(uint64_t user_data, int result)
{
    (void)user_data, (void)result;
    return -EIO;
}

static int all_short(uint64_t user_data, int result)
{
    (void)user_data;
    return result / 2;
}

Test(wal_completions, C17_reads_of_recovery_that_fail_once_are_tried_again)
{
    write_ten();
    test_completion = all_fail;
    cr_expect_eq(test_log_scan(&log_), WW_OK);
    cr_expect_eq(log_.visited, 10);
    test_completion = all_short;
    cr_expect_eq(test_log_scan(&log_), WW_OK);
    cr_expect_eq(log_.visited, 10);
    cr_expect_eq(log_.wrong, 0);
}

Test(wal_completions, C17_a_page_that_cannot_be_read_is_named_or_cut)
{
    write_ten();
    test_completion = all_fail;
    test_unreadable = WW_SEGMENT_HEADER_BYTES + 5 * 4096 + 17;
    test_log_open_fails(&log_, WW_EIO, "0000000000000000.seg: offset 24576", "cannot read");
    log_.options.repair = WW_WAL_REPAIR_PEERS;
    test_log_open_ok(&log_);
    test_completion = NULL;
    test_unreadable = 0;
    cr_expect_eq(log_.visited, 5);
    cr_expect(log_.recovery.recovering);
    cr_expect_eq(log_.recovery.damage.code, WW_EIO);
    cr_expect_eq(log_.recovery.cut_position, 6 * 4096);
    test_log_append(&log_, 900);
    test_log_close(&log_);
    test_log_open_ok(&log_);
    cr_expect_eq(log_.visited, 6, "the page can be read again, and nothing of it comes back");
    cr_expect_eq(log_.recovery.damage.code, WW_OK);
}
