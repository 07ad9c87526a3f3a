/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/raft/raft_internal.h"
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>

#define DRAWS 500u

struct drawn {
    uint64_t least, most;
};

/* What a follower draws as it is now. */
static struct drawn draw(struct fixture *f)
{
    struct drawn drawn = {UINT64_MAX, 0};

    for (uint32_t i = 0; i < DRAWS; i++) {
        ww_raft_reset_election_timer(f->raft);
        uint64_t timeout = fixture_status(f).election_timeout_ns;
        drawn.least = timeout < drawn.least ? timeout : drawn.least;
        drawn.most = timeout > drawn.most ? timeout : drawn.most;
    }
    return drawn;
}

/* A follower of node 2 that hears `count` rounds, every `gap`, of which it loses `lost` each. */
static void hear(struct fixture *f, uint32_t count, uint64_t gap, uint32_t lost)
{
    struct ww_raft_message heartbeat = {.type = WW_RAFT_APPEND, .term = 1};

    for (uint32_t i = 1; i <= count; i++) {
        f->now += gap * (lost + 1);
        heartbeat.round = f->raft->round + lost + 1;
        cr_assert_eq(fixture_receive(f, 2, heartbeat), WW_OK);
    }
}

static void start_adaptive(struct fixture *f)
{
    struct ww_raft_options options;

    fixture_options(&options, 3);
    options.adaptive = true;
    options.election_max_ns = 20 * ELECTION_MIN;
    fixture_start_with(f, options, "");
}

Test(raft_timing, timeouts_fill_the_range)
{
    struct fixture f;
    struct drawn drawn;

    fixture_start(&f, 3, 0, 0, "");
    drawn = draw(&f);
    cr_expect_geq(drawn.least, ELECTION_MIN);
    cr_expect_lt(drawn.least, ELECTION_MIN + 5);
    cr_expect_lt(drawn.most, ELECTION_MAX);
    cr_expect_geq(drawn.most, ELECTION_MAX - 5);
    fixture_stop(&f);
}

Test(raft_timing, after_a_candidacy_that_failed_the_next_waits_longer)
{
    struct fixture f;

    fixture_start(&f, 3, 1, 0, "");
    fixture_timeout(&f);
    cr_expect_geq(draw(&f).least, 2 * ELECTION_MIN);
    fixture_timeout(&f);
    cr_expect_geq(draw(&f).least, 4 * ELECTION_MIN);
    for (uint32_t i = 0; i < 9; i++)
        fixture_timeout(&f);
    cr_expect_lt(draw(&f).most, 4 * ELECTION_MAX, "capped");
    fixture_heartbeat(&f, 2, 1, 0, 0, 0);
    cr_expect_lt(draw(&f).most, ELECTION_MAX, "a leader was heard");
    fixture_stop(&f);
}

Test(raft_timing, b01_those_that_others_are_preferred_to_wait_for_them)
{
    struct fixture f;
    struct ww_raft_options options;

    fixture_options(&options, 3);
    options.priorities[2] = 1;
    fixture_start_with(&f, options, "");
    cr_expect_geq(draw(&f).least, ELECTION_MAX, "node 2 goes first");
    fixture_stop(&f);

    options.priorities[3] = options.priorities[4] = 1; /* 4 is no voter */
    fixture_start_with(&f, options, "");
    cr_expect_geq(draw(&f).least, 2 * ELECTION_MAX - ELECTION_MIN);
    cr_expect_lt(draw(&f).most, 3 * ELECTION_MAX - 2 * ELECTION_MIN);
    fixture_stop(&f);

    options.priorities[1] = 1;
    fixture_start_with(&f, options, "");
    cr_expect_lt(draw(&f).most, ELECTION_MAX, "equals do not wait for each other");
    fixture_stop(&f);
}

Test(raft_timing, a02_steady_heartbeats_narrow_the_range_to_its_begin)
{
    struct fixture f;
    struct drawn drawn;

    start_adaptive(&f);
    cr_expect_gt(draw(&f).most, 10 * ELECTION_MIN, "not measured yet");
    hear(&f, 20, HEARTBEAT, 0);
    drawn = draw(&f);
    cr_expect_geq(drawn.least, ELECTION_MIN);
    cr_expect_leq(drawn.most, ELECTION_MIN + ELECTION_MIN / 2);
    fixture_stop(&f);
}

Test(raft_timing, a02_heartbeats_that_are_far_apart_widen_it)
{
    struct fixture f;

    start_adaptive(&f);
    hear(&f, 100, 3 * ELECTION_MIN, 0);
    cr_expect_geq(draw(&f).least, 3 * ELECTION_MIN, "one gap, and what it varies");
    cr_expect_leq(draw(&f).most, 10 * ELECTION_MIN);
    hear(&f, 100, 50 * ELECTION_MIN, 0);
    cr_expect_leq(draw(&f).least, 11 * ELECTION_MIN, "at most the middle of the range");
    fixture_stop(&f);
}

Test(raft_timing, a02_jitter_widens_it)
{
    struct fixture f;

    start_adaptive(&f);
    for (uint32_t i = 0; i < 50; i++) {
        hear(&f, 1, 5, 0);
        hear(&f, 1, 2 * ELECTION_MIN, 0);
    }
    cr_expect_geq(draw(&f).least, 4 * ELECTION_MIN);
    fixture_stop(&f);
}

Test(raft_timing, a02_loss_widens_it)
{
    struct fixture f;
    uint64_t lossless;

    start_adaptive(&f);
    hear(&f, 50, ELECTION_MIN, 0);
    lossless = draw(&f).least;
    hear(&f, 100, ELECTION_MIN, 1); /* every other one is lost */
    cr_expect_eq(f.raft->arrivals.gap_ns, ELECTION_MIN, "the gap is that between rounds");
    cr_expect_geq(draw(&f).least, 5 * ELECTION_MIN);
    cr_expect_lt(lossless, 3 * ELECTION_MIN);
    fixture_stop(&f);
}

Test(raft_timing, a_long_silence_is_no_long_gap)
{
    struct fixture f;

    start_adaptive(&f);
    hear(&f, 20, HEARTBEAT, 0);
    hear(&f, 1, HEARTBEAT, 99);
    cr_expect_eq(f.raft->arrivals.gap_ns, HEARTBEAT);
    fixture_stop(&f);
}

Test(raft_timing, rounds_that_come_twice_or_late_are_not_measured)
{
    struct fixture f;
    struct ww_raft_message late = {.type = WW_RAFT_APPEND, .term = 1, .round = 3};

    start_adaptive(&f);
    hear(&f, 9, HEARTBEAT, 0);
    f.now += 500;
    fixture_receive(&f, 2, late);
    late.round = 9;
    fixture_receive(&f, 2, late);
    cr_expect_eq(f.raft->arrivals.gap_ns, HEARTBEAT);
    cr_expect_eq(f.raft->round, 9);
    fixture_stop(&f);
}

Test(raft_timing, an_adaptive_retry_waits_for_slow_answers)
{
    struct fixture f;
    struct ww_raft_options options;
    struct ww_raft_message message;

    fixture_options(&options, 3);
    options.adaptive = true;
    fixture_lead_with(&f, options);
    fixture_tick(&f, ww_raft_deadline_ns(f.raft));
    f.now += 8;
    fixture_answer(&f, 2, 2, 1); /* round trip 8, deviation 4 */
    fixture_propose(&f, 1);
    fixture_replicate(&f, 2, 1, &message);
    cr_expect_eq(f.raft->peers[2].retry_at_ns, f.now + 24);
    cr_expect_eq(ww_raft_retry_at(f.raft, &f.raft->peers[3], f.now), f.now + RETRY);
    fixture_stop(&f);
}

Test(raft_timing, a02_a_narrow_range_is_not_left)
{
    struct fixture f;
    struct ww_raft_options options;

    fixture_options(&options, 3);
    options.adaptive = true;
    options.election_max_ns = ELECTION_MIN + 20;
    fixture_start_with(&f, options, "");
    hear(&f, 9, HEARTBEAT, 0);
    cr_expect_lt(draw(&f).most, ELECTION_MIN + 20);
    fixture_stop(&f);
}
