/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sample.h"

#include <criterion/criterion.h>

static struct ww_cluster_sample begin_, end_;
static struct ww_cluster_change change_;

/* Two nodes, which counted `one` and `two`. */
static void set(struct ww_cluster_sample *sample, uint64_t one, uint64_t two, uint64_t ticks)
{
    *sample = (struct ww_cluster_sample){.count = 2, .cpu = {ticks, ticks / 10}};
    sample->nodes[0] = (struct ww_node_sample){.pid = 11, .counts = {one, .cpu_ns = 2 * one}};
    sample->nodes[1] = (struct ww_node_sample){.pid = 12, .counts = {two, .cpu_ns = 2 * two}};
}

Test(sample, slices_add_up)
{
    set(&begin_, 100, 200, 1000);
    set(&end_, 105, 207, 1100);
    ww_cluster_change_add(&change_, &begin_, &end_);
    set(&begin_, 1000, 2000, 5000);
    set(&end_, 1001, 2001, 5100);
    ww_cluster_change_add(&change_, &begin_, &end_);
    cr_expect_eq(change_.nodes[0].applied, 6);
    cr_expect_eq(change_.nodes[1].applied, 8);
    cr_expect_eq(change_.nodes[1].cpu_ns, 16, "the last field too");
    cr_expect_eq(change_.cpu.total, 200);
    cr_expect_eq(change_.cpu.steal, 20);
    cr_expect(change_.through[0] && change_.through[1]);
}

Test(sample, a_node_that_did_not_run_through_is_left_out)
{
    set(&begin_, 100, 200, 1000);
    set(&end_, 105, 207, 1100);
    ww_cluster_change_add(&change_, &begin_, &end_);
    set(&end_, 110, 3, 1200);
    end_.nodes[1].pid = 13; /* it was started again, its counters from 0 */
    ww_cluster_change_add(&change_, &begin_, &end_);
    cr_expect_eq(change_.nodes[0].applied, 15);
    cr_expect_eq(change_.nodes[1].applied, 0);
    cr_expect_not(change_.through[1]);
    begin_ = end_; /* and never counts again */
    end_.nodes[1].counts.applied += 10;
    ww_cluster_change_add(&change_, &begin_, &end_);
    cr_expect_eq(change_.nodes[1].applied, 0);
    end_.nodes[0].pid = 0; /* no answer */
    ww_cluster_change_add(&change_, &begin_, &end_);
    cr_expect_not(change_.through[0]);
}

Test(sample, who_does_not_answer_is_said)
{
    struct ww_node_sample sample;
    struct ww_error error;
    cr_expect_neq(ww_node_sample("127.0.0.1:1", 1, &sample, &error), WW_OK);
    cr_expect_eq(sample.pid, 0);
    cr_expect_null(sample.status);
}
