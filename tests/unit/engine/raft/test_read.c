/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>

/* A leader of three voters with leases, of which round 1 is answered by 2. */
static void lead_with_lease(struct fixture *f, uint32_t drift_ppm)
{
    struct ww_raft_options options;

    fixture_options(&options, 3);
    options.leases = true;
    options.clock_drift_ppm = drift_ppm;
    fixture_lead_with(f, options);
    cr_assert_eq(fixture_status(f).lease_ns, 0);
    fixture_tick(f, ww_raft_deadline_ns(f->raft));
    fixture_answer(f, 2, 2, 1);
    cr_assert_eq(f->update.confirmed_round, 1);
}

Test(raft_read, c14_no_read_before_a_commit_of_the_current_term)
{
    struct fixture f;

    fixture_start(&f, 3, 1, 0, "1");
    cr_expect_eq(fixture_read(&f), WW_ENOTLEADER);
    fixture_become_leader(&f);
    cr_expect_eq(fixture_read(&f), WW_EBUSY);
    fixture_all_durable(&f, NODE(2));
    cr_expect_eq(fixture_read(&f), WW_OK);
    cr_expect_eq(f.update.read_index, 2);
    fixture_stop(&f);
}

Test(raft_read, c14_a_read_waits_for_a_round_that_begins_after_it)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_tick(&f, ww_raft_deadline_ns(f.raft)); /* round 1 */
    cr_expect_eq(fixture_read(&f), WW_OK);
    cr_expect_eq(f.update.read_round, 2);
    fixture_answer(&f, 2, 2, 1);
    cr_expect_eq(f.update.confirmed_round, 1, "it began before the read");
    fixture_flush(&f, WINDOW);
    cr_assert_not_null(fixture_sent(&f, 3, WW_RAFT_APPEND));
    cr_expect_eq(fixture_sent(&f, 3, WW_RAFT_APPEND)->message.round, 2);
    cr_expect(fixture_sent(&f, 3, WW_RAFT_APPEND)->message.flags & WW_RAFT_ANSWER);
    fixture_answer(&f, 3, 2, 2);
    cr_expect_eq(f.update.confirmed_round, 2);
    fixture_stop(&f);
}

Test(raft_read, reads_that_come_while_a_round_is_under_way_share_the_next)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_read(&f);
    cr_expect_eq(f.update.read_round, 1);
    fixture_read(&f);
    cr_expect_eq(f.update.read_round, 1, "no round began between");
    fixture_flush(&f, WINDOW);
    cr_expect_eq(f.update.message_count, 2);
    fixture_read(&f);
    cr_expect_eq(f.update.read_round, 2);
    fixture_flush(&f, WINDOW);
    cr_expect_eq(f.update.message_count, 0, "round 1 is under way");
    fixture_answer(&f, 2, 2, 1);
    fixture_flush(&f, WINDOW);
    cr_expect_eq(f.update.message_count, 2);
    fixture_answer(&f, 2, 2, 2);
    fixture_flush(&f, WINDOW);
    cr_expect_eq(f.update.message_count, 0, "nobody waits");
    fixture_stop(&f);
}

Test(raft_read, a_lost_round_is_followed_by_another_after_the_retry_time)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_read(&f);
    fixture_flush(&f, WINDOW);
    fixture_read(&f);
    f.now += RETRY - 1;
    fixture_flush(&f, WINDOW);
    cr_expect_eq(f.update.message_count, 0);
    f.now += 1;
    fixture_flush(&f, WINDOW);
    cr_expect_eq(f.update.message_count, 2);
    fixture_stop(&f);
}

Test(raft_read, answers_of_rounds_that_never_were_confirm_nothing)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_read(&f);
    fixture_flush(&f, WINDOW);
    fixture_answer(&f, 2, 2, 7);
    cr_expect_eq(f.update.confirmed_round, 0);
    fixture_answer(&f, 2, 2, 0);
    cr_expect_eq(f.update.confirmed_round, 0);
    fixture_stop(&f);
}

Test(raft_read, c14_a_round_needs_both_majorities_of_a_joint_configuration)
{
    struct fixture f;
    struct ww_raft_options options;

    fixture_options(&options, 3);
    options.configuration.learners = NODE(4) | NODE(5);
    fixture_lead_with(&f, options);
    fixture_read(&f);
    fixture_change(&f, NODE(1) | NODE(4) | NODE(5), 0);
    fixture_flush(&f, WINDOW);
    fixture_answer(&f, 4, 2, 1);
    fixture_answer(&f, 5, 2, 1);
    cr_expect_eq(f.update.confirmed_round, 0);
    fixture_answer(&f, 2, 2, 1);
    cr_expect_eq(f.update.confirmed_round, 1);
    fixture_stop(&f);
}

Test(raft_read, a_group_of_one_asks_nobody)
{
    struct fixture f;

    fixture_start(&f, 1, 1, 0, "1");
    fixture_timeout(&f);
    fixture_hard_state_durable(&f);
    fixture_durable(&f, 2, 2);
    cr_expect_eq(fixture_read(&f), WW_OK);
    fixture_flush(&f, WINDOW);
    cr_expect_eq(f.update.confirmed_round, f.update.read_round + 1);
    fixture_stop(&f);
}

Test(raft_read, a_lease_serves_without_a_round_until_it_ends)
{
    struct fixture f;
    uint64_t began;

    lead_with_lease(&f, 0);
    began = f.now;
    fixture_read(&f);
    cr_expect_eq(f.update.read_round, 0);
    cr_expect_eq(f.update.read_index, 2);
    cr_expect_eq(fixture_status(&f).lease_ns, ELECTION_MIN - ELECTION_MIN / 4);
    f.now = began + ELECTION_MIN - ELECTION_MIN / 4 - 1;
    fixture_read(&f);
    cr_expect_eq(f.update.read_round, 0);
    f.now++;
    fixture_read(&f);
    cr_expect_eq(f.update.read_round, 2);
    fixture_stop(&f);
}

Test(raft_read, a_lease_counts_from_the_begin_of_the_round_not_from_its_answers)
{
    struct fixture f;
    struct ww_raft_options options;

    fixture_options(&options, 3);
    options.leases = true;
    fixture_lead_with(&f, options);
    fixture_read(&f);
    fixture_flush(&f, WINDOW); /* round 1 */
    f.now += 60;
    fixture_answer(&f, 2, 2, 1);
    cr_expect_eq(fixture_status(&f).lease_ns, ELECTION_MIN - ELECTION_MIN / 4 - 60);
    fixture_stop(&f);
}

Test(raft_read, clocks_that_drift_make_the_lease_shorter_or_none)
{
    struct fixture f;

    lead_with_lease(&f, 10);
    cr_expect_eq(fixture_status(&f).lease_ns, ELECTION_MIN - ELECTION_MIN / 4 - 20,
                 "twice the drift: that of the leader's clock and that of the voter's");
    fixture_stop(&f);
    lead_with_lease(&f, 50);
    cr_expect_eq(fixture_status(&f).lease_ns, 0);
    fixture_stop(&f);
}

Test(raft_read, a_jump_of_the_clock_ends_the_lease_of_rounds_begun_before)
{
    struct fixture f;

    lead_with_lease(&f, 0);
    fixture_read(&f);
    fixture_tick(&f, f.now + HEARTBEAT); /* round 2, not answered yet */
    fixture_step(&f, (struct ww_raft_event){.type = WW_RAFT_EV_TIME_JUMPED});
    cr_expect_eq(fixture_status(&f).lease_ns, 0);
    fixture_answer(&f, 2, 2, 2);
    cr_expect_eq(f.update.confirmed_round, 2, "it confirms reads ...");
    cr_expect_eq(fixture_status(&f).lease_ns, 0, "... but gives no lease");
    fixture_tick(&f, f.now + HEARTBEAT);
    fixture_answer(&f, 2, 2, 3);
    cr_expect_gt(fixture_status(&f).lease_ns, 0);
    fixture_stop(&f);
}

Test(raft_read, a_clock_that_goes_back_ends_the_lease)
{
    struct fixture f;

    lead_with_lease(&f, 0);
    f.now -= 5;
    fixture_read(&f);
    cr_expect_eq(f.update.read_round, 2);
    fixture_stop(&f);
}

Test(raft_read, a_transfer_ends_the_leases_of_the_term)
{
    struct fixture f;

    lead_with_lease(&f, 0);
    fixture_propose(&f, 1);
    fixture_transfer(&f, 2);
    cr_expect_gt(fixture_status(&f).lease_ns, 0, "2 was not asked to stand yet");
    fixture_all_durable(&f, NODE(2));
    cr_assert_not_null(fixture_sent(&f, 2, WW_RAFT_TIMEOUT_NOW));
    cr_expect_eq(fixture_status(&f).lease_ns, 0);
    f.now += ELECTION_MAX - 5;
    fixture_answer(&f, 3, 3, 1);
    fixture_tick(&f, f.now + 5); /* gives up */
    cr_expect(ww_raft_takes_proposals(f.raft));
    fixture_answer(&f, 3, 3, 2);
    cr_expect_eq(f.update.confirmed_round, 2);
    cr_expect_eq(fixture_status(&f).lease_ns, 0, "the request may still be on its way");
    fixture_stop(&f);
}

Test(raft_read, a_round_forgotten_long_ago_gives_no_lease)
{
    struct fixture f;

    lead_with_lease(&f, 0);
    for (uint32_t i = 0; i < 16; i++) {
        fixture_read(&f);
        f.now += RETRY;
        fixture_flush(&f, WINDOW);
    }
    cr_expect_eq(fixture_status(&f).lease_ns, 0);
    fixture_stop(&f);
}

Test(raft_read, without_the_option_there_is_no_lease)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_tick(&f, ww_raft_deadline_ns(f.raft));
    fixture_answer(&f, 2, 2, 1);
    cr_expect_eq(fixture_status(&f).lease_ns, 0);
    fixture_stop(&f);
}

Test(raft_read, round_trips_are_measured_and_smoothed)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_tick(&f, ww_raft_deadline_ns(f.raft));
    f.now += 8;
    fixture_answer(&f, 2, 2, 1);
    cr_expect_eq(fixture_peer(&f, 2).rtt_ns, 8);
    fixture_tick(&f, ww_raft_deadline_ns(f.raft));
    f.now += 16;
    fixture_answer(&f, 2, 2, 2);
    cr_expect_eq(fixture_peer(&f, 2).rtt_ns, 9);
    fixture_tick(&f, ww_raft_deadline_ns(f.raft));
    f.now += 1;
    fixture_answer(&f, 2, 2, 3);
    cr_expect_eq(fixture_peer(&f, 2).rtt_ns, 8);
    fixture_stop(&f);
}
