/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>

/* A leader of three voters; `node` has this priority, the others 0. */
static void lead_with_priority(struct fixture *f, uint32_t node, uint8_t priority)
{
    struct ww_raft_options options;

    fixture_options(&options, 3);
    options.priorities[node] = priority;
    fixture_lead_with(f, options);
}

/* The others answer, so that nobody is taken for dead. */
static void tick_heard(struct fixture *f, uint64_t ns)
{
    for (uint64_t end = f->now + ns; f->now < end && ww_raft_is_leader(f->raft);) {
        f->now += HEARTBEAT;
        fixture_ack(f, 2, ww_raft_last_index(f->raft));
        fixture_ack(f, 3, ww_raft_last_index(f->raft));
        fixture_tick(f, f->now);
    }
}

Test(raft_transfer, only_a_leader_hands_over_and_only_to_another_voter)
{
    struct fixture f;
    struct ww_raft_options options;

    fixture_options(&options, 3);
    options.configuration.learners = NODE(4);
    options.term = 1;
    fixture_start_with(&f, options, "1");
    cr_expect_eq(fixture_transfer(&f, 2), WW_ENOTLEADER);
    fixture_become_leader(&f);
    cr_expect_eq(fixture_transfer(&f, 2), WW_EBUSY, "nothing committed in its term");
    fixture_all_durable(&f, VOTERS(3));
    cr_expect_eq(fixture_transfer(&f, 1), WW_EINVAL);
    cr_expect_eq(fixture_transfer(&f, 0), WW_EINVAL);
    cr_expect_eq(fixture_transfer(&f, 8), WW_EINVAL);
    cr_expect_eq(fixture_transfer(&f, 4), WW_EINVAL, "a learner");
    cr_expect_eq(fixture_transfer(&f, 2), WW_OK);
    cr_expect_eq(fixture_transfer(&f, 2), WW_OK, "under way");
    cr_expect_eq(fixture_transfer(&f, 3), WW_EBUSY);
    fixture_stop(&f);
}

Test(raft_transfer, no_transfer_while_a_change_is_pending_and_no_change_during_one)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_change(&f, VOTERS(3), NODE(4));
    cr_expect_eq(fixture_transfer(&f, 2), WW_EBUSY);
    fixture_all_durable(&f, VOTERS(3));
    cr_expect_eq(fixture_transfer(&f, 2), WW_OK);
    cr_expect_eq(fixture_change(&f, VOTERS(3), 0), WW_EBUSY);
    fixture_stop(&f);
}

Test(raft_transfer, the_target_is_caught_up_first_and_proposals_wait)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_propose(&f, 1);
    cr_expect_eq(fixture_transfer(&f, 2), WW_OK);
    cr_expect_null(fixture_sent(&f, 2, WW_RAFT_TIMEOUT_NOW));
    cr_expect_eq(fixture_status(&f).transfer_to, 2);
    cr_expect_not(ww_raft_takes_proposals(f.raft));
    fixture_propose(&f, 1);
    cr_expect_eq(f.update.status, WW_EBUSY);
    cr_expect_eq(f.update.append_from, 0);
    fixture_ack(&f, 3, 3);
    cr_expect_null(fixture_sent(&f, 0, WW_RAFT_TIMEOUT_NOW), "3 is not the target");
    fixture_ack(&f, 2, 3);
    cr_expect_not_null(fixture_sent(&f, 2, WW_RAFT_TIMEOUT_NOW));
    fixture_stop(&f);
}

Test(raft_transfer, a_lost_request_is_repeated_with_the_heartbeats)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_transfer(&f, 2);
    cr_assert_not_null(fixture_sent(&f, 2, WW_RAFT_TIMEOUT_NOW));
    fixture_ack(&f, 2, 2);
    cr_expect_null(fixture_sent(&f, 2, WW_RAFT_TIMEOUT_NOW), "once is enough for now");
    fixture_timeout(&f);
    cr_expect_not_null(fixture_sent(&f, 2, WW_RAFT_APPEND));
    cr_expect_not_null(fixture_sent(&f, 2, WW_RAFT_TIMEOUT_NOW));
    fixture_stop(&f);
}

Test(raft_transfer, it_is_given_up_after_an_election_timeout)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_propose(&f, 1);
    fixture_transfer(&f, 2); /* which never has entry 3 */
    f.now += ELECTION_MAX - 1;
    fixture_ack(&f, 3, 3);
    fixture_tick(&f, f.now);
    cr_expect_not(ww_raft_takes_proposals(f.raft));
    cr_expect_eq(ww_raft_deadline_ns(f.raft), f.now + 1);
    fixture_tick(&f, f.now + 1);
    cr_expect(ww_raft_takes_proposals(f.raft));
    cr_expect_eq(fixture_status(&f).transfer_to, 0);
    fixture_stop(&f);
}

Test(raft_transfer, the_target_stands_at_once_and_says_why)
{
    struct fixture f;
    struct ww_raft_message request = {.type = WW_RAFT_TIMEOUT_NOW, .term = 4};

    fixture_start(&f, 3, 4, 0, "14");
    fixture_receive(&f, 2, request);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_FOLLOWER, "2 is not known to lead");
    fixture_heartbeat(&f, 2, 4, 2, 4, 0);
    fixture_receive(&f, 3, request);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_FOLLOWER, "3 does not lead");
    request.term = 3;
    fixture_receive(&f, 2, request);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_FOLLOWER, "of another term");
    request.term = 4;
    fixture_receive(&f, 2, request);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_CANDIDATE);
    cr_expect_eq(f.update.term, 5);
    cr_assert_not_null(fixture_sent(&f, 3, WW_RAFT_VOTE));
    cr_expect(fixture_sent(&f, 3, WW_RAFT_VOTE)->message.flags & WW_RAFT_TRANSFER);
    cr_expect(fixture_sent(&f, 3, WW_RAFT_VOTE)->wait);
    fixture_timeout(&f);
    cr_expect_eq(fixture_sent(&f, 3, WW_RAFT_PRE_VOTE)->message.flags, 0,
                 "the next try is its own");
    fixture_stop(&f);
}

Test(raft_transfer, a_learner_or_a_full_term_table_does_not_stand)
{
    struct fixture f;
    struct ww_raft_message request = {.type = WW_RAFT_TIMEOUT_NOW, .term = 8};

    fixture_start(&f, 3, 8, 0, "12345678");
    fixture_heartbeat(&f, 2, 8, 8, 8, 0);
    cr_expect_eq(fixture_receive(&f, 2, request), WW_ENOMEM);
    cr_expect_eq(f.update.term, 8);
    fixture_stop(&f);

    fixture_start_learner(&f);
    fixture_heartbeat(&f, 2, 8, 0, 0, 0);
    cr_expect_eq(fixture_receive(&f, 2, request), WW_OK);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_FOLLOWER);
    fixture_stop(&f);
}

Test(raft_transfer, the_leader_steps_down_for_the_vote_that_it_asked_for)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_transfer(&f, 2);
    fixture_receive(&f, 2,
                    (struct ww_raft_message){.type = WW_RAFT_VOTE,
                                             .flags = WW_RAFT_TRANSFER,
                                             .term = 3,
                                             .index = 2,
                                             .log_term = 2});
    cr_expect_not(ww_raft_is_leader(f.raft));
    cr_expect_eq(f.update.vote, 2);
    cr_expect(fixture_sent(&f, 2, WW_RAFT_VOTE_REPLY)->message.flags & WW_RAFT_GRANTED);
    fixture_stop(&f);
}

Test(raft_transfer, a_preferred_voter_that_keeps_up_is_handed_over_to)
{
    struct fixture f;

    lead_with_priority(&f, 3, 5);
    tick_heard(&f, ELECTION_MAX);
    cr_expect_eq(fixture_status(&f).transfer_to, 0, "it must keep up for a while");
    tick_heard(&f, 2 * HEARTBEAT);
    cr_expect_eq(fixture_status(&f).transfer_to, 3);
    fixture_stop(&f);
}

Test(raft_transfer, a_preferred_voter_that_lags_or_is_silent_is_not)
{
    struct fixture f;

    lead_with_priority(&f, 3, 5);
    for (uint32_t i = 0; i < 5 * ELECTION_MAX / HEARTBEAT; i++) {
        f.now += HEARTBEAT;
        fixture_ack(&f, 2, ww_raft_last_index(f.raft));
        fixture_tick(&f, f.now);
        cr_assert_eq(fixture_status(&f).transfer_to, 0);
    }
    cr_expect(ww_raft_is_leader(f.raft));
    fixture_stop(&f);
}

Test(raft_transfer, the_preferred_leader_stays)
{
    struct fixture f;

    lead_with_priority(&f, 1, 5);
    tick_heard(&f, 5 * ELECTION_MAX);
    cr_expect_eq(fixture_status(&f).transfer_to, 0);
    fixture_stop(&f);
}

Test(raft_transfer, a_preferred_voter_that_never_wins_is_asked_less_and_less_often)
{
    struct fixture f;
    uint64_t waited[3];

    lead_with_priority(&f, 3, 5);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t began = f.now;
        while (fixture_status(&f).transfer_to == 0)
            tick_heard(&f, HEARTBEAT);
        waited[i] = f.now - began;
        while (fixture_status(&f).transfer_to != 0)
            tick_heard(&f, HEARTBEAT);
    }
    cr_expect_geq(waited[1], 2 * ELECTION_MAX);
    cr_expect_geq(waited[2], 4 * ELECTION_MAX);
    cr_expect(ww_raft_is_leader(f.raft));
    fixture_stop(&f);
}
