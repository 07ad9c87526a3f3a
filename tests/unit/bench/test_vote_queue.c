/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/vote_queue.h"

#include "tests/unit/bench/interrupts.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <whitewater/status.h>

static struct ww_vote_queue_result *result_;

static void set_up(void)
{
    result_ = malloc(sizeof(*result_));
}

static void tear_down(void)
{
    free(result_);
}

TestSuite(vote_queue, .init = set_up, .fini = tear_down);

static struct ww_vote_queue_options options_of(enum ww_vote_queue_design design)
{
    return (struct ww_vote_queue_options){
        .design = design, .slots = 31, .data = ".", .duration_ns = 150000000, .seed = 1};
}

/* The core refuses what is not in order, and the run fails then: that it ends well is a check. */
Test(vote_queue, every_design_answers_votes_and_appends_between_them)
{
    for (uint32_t design = 0; design < WW_VOTE_QUEUE_DESIGNS; design++) {
        struct ww_vote_queue_options options = options_of((enum ww_vote_queue_design)design);
        struct ww_error error = {0};
        cr_assert_eq(ww_vote_queue_run(&options, keep_waiting, result_, &error), WW_OK, "%s",
                     error.text);
        cr_expect_gt(result_->votes, 0);
        cr_expect_eq(result_->votes, result_->latency.count);
        cr_expect_gt(result_->appended, 0);
        cr_expect_geq(result_->elapsed_ns, options.duration_ns / 2);
        bool blocks = design == WW_VOTE_QUEUE_BLOCKING;
        cr_expect_eq(result_->appends_refused == 0, blocks);
        cr_expect_eq(result_->blocked_ns > 0, blocks);
        if (design == WW_VOTE_QUEUE_VOTES_FIRST)
            cr_expect_eq(result_->votes_refused, 0);
    }
}

Test(vote_queue, a_disk_that_is_not_there_is_named)
{
    struct ww_vote_queue_options options = options_of(WW_VOTE_QUEUE_BOUNDED);
    struct ww_error error = {0};
    options.data = "/nonexistent";
    cr_expect_eq(ww_vote_queue_run(&options, keep_waiting, result_, &error), WW_EIO);
    cr_expect_not_null(strstr(error.text, "/nonexistent"), "%s", error.text);
}

Test(vote_queue, it_ends_when_it_is_interrupted)
{
    struct ww_vote_queue_options options = options_of(WW_VOTE_QUEUE_BLOCKING);
    struct ww_error error = {0};
    options.duration_ns = 60000000000u;
    cr_expect_eq(ww_vote_queue_run(&options, stop_at_once, result_, &error), WW_ECLOSED);
}
