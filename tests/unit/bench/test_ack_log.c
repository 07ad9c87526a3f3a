/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/ack_log.h"

#include "bench/run_directory.h"
#include "engine/cli/local_files.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char directory_[32];
static struct ww_ack_writer writer_;
static struct ww_error error_;

static void set_up(void)
{
    char path[WW_RUN_PATH_MAX];
    strcpy(directory_, "ack-log-test-XXXXXX");
    cr_assert_not_null(mkdtemp(directory_));
    ww_run_load_file(path, directory_, 0, WW_ACK_LOG);
    cr_assert_eq(ww_ack_writer_open(&writer_, path, 2, &error_), WW_OK, "%s", error_.text);
}

static void tear_down(void)
{
    ww_local_remove(directory_);
}

TestSuite(ack_log, .init = set_up, .fini = tear_down);

static struct ww_ack_log read_all(void)
{
    struct ww_ack_log log;
    cr_assert_eq(ww_ack_writer_close(&writer_, &error_), WW_OK, "%s", error_.text);
    cr_assert_eq(ww_ack_log_read(&log, directory_, 1, &error_), WW_OK, "%s", error_.text);
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

static void expect_loose(const struct ww_ack_loose *loose, uint64_t sequence, uint64_t count,
                         uint64_t low, uint64_t high)
{
    expect_run(&loose->run, 0, sequence, 0, count);
    cr_expect_eq(loose->low, low);
    cr_expect_eq(loose->high, high);
}

Test(ack_log, runs_without_an_index_lie_between_their_neighbours)
{
    const uint64_t other = WW_ACK_CLIENT_SEQUENCES;
    ww_ack_writer_add(&writer_, 0, 0, 0, 3);
    ww_ack_writer_add(&writer_, 0, 3, 5, 4);
    ww_ack_writer_add(&writer_, 0, 7, 0, 2);
    ww_ack_writer_add(&writer_, 0, 9, 0, 1);
    ww_ack_writer_add(&writer_, 0, 10, 20, 1);
    ww_ack_writer_add(&writer_, 0, other, 0, 5); /* of another load process: any place */
    struct ww_ack_log log = read_all();
    cr_assert_eq(log.count, 2);
    expect_run(&log.runs[0], 0, 3, 5, 4);
    expect_run(&log.runs[1], 0, 10, 20, 1);
    cr_assert_eq(log.loose_count, 3);
    expect_loose(&log.loose[0], 0, 3, 1, 5);
    expect_loose(&log.loose[1], 7, 3, 9, 20);
    expect_loose(&log.loose[2], other, 5, 1, UINT64_MAX);
    cr_expect_eq(log.acknowledged, 16);
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
