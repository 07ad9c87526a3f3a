/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/log_readers.h"

#include "tests/unit/bench/interrupts.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct ww_log_readers_result *result_;

static void set_up(void)
{
    result_ = malloc(sizeof(*result_));
}

static void tear_down(void)
{
    free(result_);
}

TestSuite(log_readers, .init = set_up, .fini = tear_down);

static struct ww_log_readers_options options_of(enum ww_log_design design, uint32_t cursors)
{
    return (struct ww_log_readers_options){
        .design = design,
        .cursors = cursors,
        .threads = 2,
        .entry_bytes = 4000, /* the buffer is passed through several times */
        .rate = 200000,
        .duration_ns = 100000000,
    };
}

/* A wrong batch would be a failure: what readers get is checked in all of them. */
Test(log_readers, every_design_reads_what_was_appended)
{
    for (uint32_t design = 0; design < WW_LOG_DESIGNS; design++) {
        struct ww_log_readers_options options = options_of((enum ww_log_design)design, 4);
        struct ww_error error = {0};
        cr_assert_eq(ww_log_readers_run(&options, keep_waiting, result_, &error), WW_OK, "%s",
                     error.text);
        cr_expect_gt(result_->appends, 0);
        cr_expect_gt(result_->reads, 0);
        cr_expect_leq(result_->reads, 4 * result_->appends);
        cr_expect_eq(result_->latency.count, result_->appends + result_->refused);
        cr_expect_eq(result_->took.count, result_->latency.count);
        cr_expect_eq(result_->wrong, 0);
    }
}

Test(log_readers, without_readers_there_is_a_writer_alone)
{
    struct ww_log_readers_options options = options_of(WW_LOG_OWNED, 0);
    struct ww_error error = {0};
    cr_assert_eq(ww_log_readers_run(&options, keep_waiting, result_, &error), WW_OK, "%s",
                 error.text);
    cr_expect_gt(result_->appends, 0);
    cr_expect_eq(result_->reads, 0);
    cr_expect_eq(result_->refused, 0);
}

Test(log_readers, it_ends_when_it_is_interrupted)
{
    struct ww_log_readers_options options = options_of(WW_LOG_MUTEX, 1);
    struct ww_error error = {0};
    options.duration_ns = 60000000000u;
    cr_expect_eq(ww_log_readers_run(&options, stop_at_once, result_, &error), WW_ECLOSED);
}
