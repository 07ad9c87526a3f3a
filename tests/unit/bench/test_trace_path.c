/* SPDX-License-Identifier: Apache-2.0 */
/* The way of an entry, of made-up times: which replica completed the quorum, and what adds up. */
#include "bench/trace_path.h"

#include <criterion/criterion.h>

#define LEADER 2u
#define QUORUM 2u /* of three */

static struct ww_trace_sample sample;
static struct ww_trace_leg way;
static uint32_t decider;

/* Times of a replica, each `step` behind the one before. */
static void replica(uint32_t node, uint64_t appended, uint64_t step)
{
    uint64_t *at = sample.at[node];
    at[WW_TRACE_APPENDED] = appended;
    at[WW_TRACE_CLOSED] = appended + step;
    at[WW_TRACE_SUBMITTED] = appended + 2 * step;
    at[WW_TRACE_WRITTEN] = appended + 3 * step;
    at[WW_TRACE_DURABLE] = appended + 4 * step;
    if (node == LEADER)
        return;
    sample.sent_to_ns[node] = appended - step;
    at[WW_TRACE_ACK_SENT] = appended + 5 * step;
    sample.acked_by_ns[node] = appended + 6 * step;
}

/* Node 1 acknowledges at 1700, node 3 at 3500, the leader's own write is known at 1500. */
static void set_up(void)
{
    sample = (struct ww_trace_sample){.meant_ns = 900, .sent_ns = 950, .answered_ns = 2500};
    replica(LEADER, 1100, 100);
    replica(1, 1190, 85);
    replica(3, 1700, 300);
    sample.at[LEADER][WW_TRACE_COMMITTED] = 1701;
    sample.at[LEADER][WW_TRACE_FED] = 1720;
    sample.at[LEADER][WW_TRACE_TAKEN] = 1800;
    sample.at[LEADER][WW_TRACE_APPLIED] = 1900;
    sample.at[LEADER][WW_TRACE_ANSWERED] = 2100;
}

TestSuite(trace_path, .init = set_up);

static uint64_t sum(const struct ww_trace_leg *leg)
{
    uint64_t all = 0;
    for (uint32_t stage = 0; stage < WW_WAY_STAGES; stage++)
        all += leg->has[stage] ? leg->ns[stage] : 0;
    return all;
}

static void expect_complete(uint32_t by)
{
    cr_assert_eq(ww_trace_way(&sample, QUORUM, &way, &decider), WW_TRACE_COMPLETE);
    cr_expect_eq(decider, by, "by %u instead of %u", decider, by);
    cr_expect_eq(sum(&way), sample.answered_ns - sample.meant_ns, "the stages add up");
}

Test(trace_path, over_the_follower_that_completed_the_quorum)
{
    expect_complete(1);
    cr_expect_eq(way.ns[WW_WAY_CLIENT_WAIT], 50);
    cr_expect_eq(way.ns[WW_WAY_CLIENT_TO_LEADER], 150);
    cr_expect_not(way.has[WW_WAY_WAL_WRITE], "the leader's disk was earlier");
    cr_expect_not(way.has[WW_WAY_LEADER_BATCHING]);
    cr_expect_eq(way.ns[WW_WAY_LEADER_SEND], 5);
    cr_expect_eq(way.ns[WW_WAY_FOLLOWER_WRITE], 85);
    cr_expect_eq(way.ns[WW_WAY_FOLLOWER_REPORT], 170);
    cr_expect_eq(way.ns[WW_WAY_ACK], 85);
    cr_expect_eq(way.ns[WW_WAY_COMMIT_TO_APPLY], 20);
    cr_expect_eq(way.ns[WW_WAY_ANSWER], 200);
    cr_expect_eq(way.ns[WW_WAY_LEADER_TO_CLIENT], 400);
}

Test(trace_path, over_the_leaders_disk_when_that_is_slower)
{
    sample.at[LEADER][WW_TRACE_WRITTEN] = 1690;
    sample.at[LEADER][WW_TRACE_DURABLE] = 1701;
    expect_complete(LEADER);
    cr_expect_eq(way.ns[WW_WAY_WAL_WRITE], 390);
    cr_expect_eq(way.ns[WW_WAY_WAL_REPORT], 11);
    cr_expect_not(way.has[WW_WAY_ACK]);
    cr_expect_not(way.has[WW_WAY_FOLLOWER_WRITE]);
}

Test(trace_path, two_followers_may_do_without_the_leaders_disk)
{
    sample.at[LEADER][WW_TRACE_DURABLE] = 9000;
    replica(3, 1500, 30);
    expect_complete(1);
    sample.at[LEADER][WW_TRACE_DURABLE] = 0;
    expect_complete(1);
    replica(3, 1500, 33); /* known at 1698 */
    sample.acked_by_ns[1] = 1697;
    expect_complete(3);
}

Test(trace_path, the_replica_beside_the_way_has_its_stages_too)
{
    struct ww_trace_leg leg = {0};
    cr_assert_eq(ww_trace_replica(&sample, LEADER, 3, &leg), WW_TRACE_COMPLETE);
    cr_expect_eq(leg.ns[WW_WAY_FOLLOWER_WRITE], 300);
    cr_expect_eq(sum(&leg), 3500 - 1100, "from the leader's log buffer on");
    cr_expect_not(leg.has[WW_WAY_CLIENT_WAIT]);
}

Test(trace_path, without_a_point_of_the_way_it_is_incomplete)
{
    uint64_t *needed[] = {
        &sample.sent_ns,
        &sample.at[LEADER][WW_TRACE_APPENDED],
        &sample.sent_to_ns[1],
        &sample.at[1][WW_TRACE_APPENDED],
        &sample.at[1][WW_TRACE_CLOSED],
        &sample.at[1][WW_TRACE_SUBMITTED],
        &sample.at[1][WW_TRACE_WRITTEN],
        &sample.at[1][WW_TRACE_ACK_SENT],
        &sample.acked_by_ns[1],
        &sample.at[LEADER][WW_TRACE_DURABLE], /* then only one is known to hold it */
        &sample.at[LEADER][WW_TRACE_COMMITTED],
        &sample.at[LEADER][WW_TRACE_FED],
        &sample.at[LEADER][WW_TRACE_TAKEN],
        &sample.at[LEADER][WW_TRACE_APPLIED],
        &sample.at[LEADER][WW_TRACE_ANSWERED],
    };
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        set_up();
        *needed[i] = 0;
        cr_expect_eq(ww_trace_way(&sample, QUORUM, &way, &decider), WW_TRACE_INCOMPLETE, "%zu", i);
    }
    set_up();
    sample.at[3][WW_TRACE_WRITTEN] = 0; /* not of the way */
    expect_complete(1);
}

Test(trace_path, a_point_before_the_one_that_it_follows_from_is_not_believed)
{
    sample.at[1][WW_TRACE_APPENDED] = sample.sent_to_ns[1] - 1;
    cr_expect_eq(ww_trace_way(&sample, QUORUM, &way, &decider), WW_TRACE_DISORDERED);
    set_up();
    sample.answered_ns = sample.at[LEADER][WW_TRACE_ANSWERED] - 1;
    cr_expect_eq(ww_trace_way(&sample, QUORUM, &way, &decider), WW_TRACE_DISORDERED);
    set_up();
    sample.sent_ns = sample.meant_ns - 1;
    cr_expect_eq(ww_trace_way(&sample, QUORUM, &way, &decider), WW_TRACE_DISORDERED);
    set_up();
    sample.at[3][WW_TRACE_CLOSED] = 1;
    expect_complete(1);
}

Test(trace_path, one_replica_has_its_own_disk_alone)
{
    for (uint32_t node = 1; node <= WW_NODES_MAX; node++)
        sample.acked_by_ns[node] = 0;
    cr_assert_eq(ww_trace_way(&sample, 1, &way, &decider), WW_TRACE_COMPLETE);
    cr_expect_eq(decider, LEADER);
    cr_expect_eq(sum(&way), 2500 - 900);
}

Test(trace_path, every_stage_has_a_name_of_its_own)
{
    for (uint32_t stage = 0; stage < WW_WAY_STAGES; stage++) {
        cr_assert_not_null(ww_way_name(stage));
        for (uint32_t other = 0; other < stage; other++)
            cr_expect_str_neq(ww_way_name(stage), ww_way_name(other));
    }
}
