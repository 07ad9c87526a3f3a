/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/ack_log.h"

#include <criterion/criterion.h>
#include <unistd.h>

#define PATH "./load.0.acks"

static struct ww_ack_writer writer_;
static struct ww_error error_;

static void set_up(void)
{
    cr_assert_eq(ww_ack_writer_open(&writer_, PATH, 2, &error_), WW_OK, "%s", error_.text);
}

static void tear_down(void)
{
    unlink(PATH);
}

TestSuite(ack_log, .init = set_up, .fini = tear_down);

static struct ww_ack_log read_all(void)
{
    struct ww_ack_log log;
    cr_assert_eq(ww_ack_writer_close(&writer_, &error_), WW_OK, "%s", error_.text);
    cr_assert_eq(ww_ack_log_read(&log, ".", 1, &error_), WW_OK, "%s", error_.text);
    return log;
}

static void expect_run(const struct ww_ack_run *run, uint64_t group, uint64_t sequence,
                       uint64_t index, uint64_t count)
{
    cr_expect_eq(run->group, group);
    cr_expect_eq(run->first_sequence, sequence);
    cr_expect_eq(run->first_index, index);
    cr_expect_eq(run->count, count);
}

Test(ack_log, consecutive_runs_grow_together)
{
    ww_ack_writer_add(&writer_, 1, 0, 2, 10);
    ww_ack_writer_add(&writer_, 0, 0, 2, 1);
    ww_ack_writer_add(&writer_, 1, 10, 12, 5);
    ww_ack_writer_add(&writer_, 1, 15, 18, 5); /* a new leader's first entry stands between */
    struct ww_ack_log log = read_all();
    cr_assert_eq(log.count, 3);
    expect_run(&log.runs[0], 0, 0, 2, 1);
    expect_run(&log.runs[1], 1, 0, 2, 15);
    expect_run(&log.runs[2], 1, 15, 18, 5);
    cr_expect_eq(log.acknowledged, 21);
    ww_ack_log_free(&log);
}

Test(ack_log, unknown_index_follows_from_its_neighbours)
{
    ww_ack_writer_add(&writer_, 0, 0, 0, 3);
    ww_ack_writer_add(&writer_, 0, 3, 5, 4);
    ww_ack_writer_add(&writer_, 0, 7, 0, 2);
    ww_ack_writer_add(&writer_, 0, 9, 12, 1);
    struct ww_ack_log log = read_all();
    cr_assert_eq(log.count, 4);
    expect_run(&log.runs[0], 0, 0, 2, 3);
    expect_run(&log.runs[1], 0, 3, 5, 4);
    expect_run(&log.runs[2], 0, 7, 9, 2);
    expect_run(&log.runs[3], 0, 9, 12, 1);
    ww_ack_log_free(&log);
}

Test(ack_log, nothing_acknowledged)
{
    struct ww_ack_log log = read_all();
    cr_expect_eq(log.count, 0);
    cr_expect_eq(log.acknowledged, 0);
    ww_ack_log_free(&log);
    cr_expect_eq(ww_ack_log_read(&log, "/nonexistent", 1, &error_), WW_EIO);
}
