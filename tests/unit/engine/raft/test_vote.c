/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>

/* Asks for a vote and returns whether it was granted. */
static bool ask(struct fixture *f, uint32_t from, uint8_t type, uint64_t term, uint64_t index,
                uint64_t log_term)
{
    uint8_t reply_type = type == WW_RAFT_VOTE ? WW_RAFT_VOTE_REPLY : WW_RAFT_PRE_VOTE_REPLY;
    const struct ww_raft_outgoing *reply;
    int status = fixture_receive(
        f, from,
        (struct ww_raft_message){.type = type, .term = term, .index = index, .log_term = log_term});

    cr_assert_eq(status, WW_OK);
    reply = fixture_sent(f, from, reply_type);
    cr_assert_not_null(reply);
    return reply->message.flags & WW_RAFT_GRANTED;
}

Test(raft_vote, c2_a_granted_vote_waits_for_the_disk)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    cr_expect(ask(&f, 2, WW_RAFT_VOTE, 5, 2, 4));
    cr_expect(f.update.hard_state);
    cr_expect_eq(f.update.term, 5);
    cr_expect_eq(f.update.vote, 2);
    cr_expect(f.update.messages[0].wait);
    cr_expect_eq(f.update.messages[0].message.term, 5);
    fixture_hard_state_durable(&f);
    cr_expect(ask(&f, 2, WW_RAFT_VOTE, 5, 2, 4), "asked again: the same answer");
    cr_expect_not(f.update.hard_state);
    cr_expect_not(f.update.messages[0].wait, "it is durable already");
    fixture_stop(&f);
}

Test(raft_vote, c2_a_vote_waits_also_when_its_term_is_durable_already)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "1");
    cr_expect(ask(&f, 3, WW_RAFT_VOTE, 4, 1, 1));
    cr_expect(f.update.hard_state);
    cr_expect(f.update.messages[0].wait);
    fixture_step(&f, (struct ww_raft_event){.type = WW_RAFT_EV_HARD_STATE_DURABLE,
                                            .term = 4,
                                            .vote = 0});
    cr_expect(ask(&f, 3, WW_RAFT_VOTE, 4, 1, 1));
    cr_expect(f.update.messages[0].wait, "that was the state before the vote");
    fixture_stop(&f);
}

Test(raft_vote, c1_one_vote_a_term)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 2, "14");
    cr_expect_not(ask(&f, 3, WW_RAFT_VOTE, 4, 2, 1), "the vote that was stored counts");
    cr_expect_not(f.update.hard_state);
    cr_expect(ask(&f, 3, WW_RAFT_VOTE, 5, 2, 4));
    cr_expect_not(ask(&f, 2, WW_RAFT_VOTE, 5, 9, 4));
    cr_expect_eq(f.update.vote, 3);
    fixture_stop(&f);
}

Test(raft_vote, only_a_log_at_least_as_up_to_date_gets_one)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "133");
    cr_expect_not(ask(&f, 2, WW_RAFT_PRE_VOTE, 5, 2, 3), "shorter");
    cr_expect_not(ask(&f, 2, WW_RAFT_PRE_VOTE, 5, 9, 1), "of an older term");
    cr_expect(ask(&f, 2, WW_RAFT_PRE_VOTE, 5, 3, 3));
    cr_expect(ask(&f, 2, WW_RAFT_PRE_VOTE, 5, 1, 4), "of a newer term");
    cr_expect_not(ask(&f, 2, WW_RAFT_VOTE, 5, 2, 3));
    cr_expect_eq(f.update.term, 5, "refused, but the term is real");
    cr_expect_eq(f.update.vote, 0);
    cr_expect(ask(&f, 3, WW_RAFT_VOTE, 5, 3, 3));
    fixture_stop(&f);
}

Test(raft_vote, a_pre_vote_changes_nothing)
{
    struct fixture f;
    uint64_t deadline;

    fixture_start(&f, 3, 4, 2, "1");
    deadline = ww_raft_deadline_ns(f.raft);
    f.now += 50;
    cr_expect(ask(&f, 3, WW_RAFT_PRE_VOTE, 9, 1, 1));
    cr_expect_eq(f.update.messages[0].message.term, 9, "the term that it is for");
    cr_expect_eq(f.update.term, 4);
    cr_expect_eq(f.update.vote, 2);
    cr_expect_not(f.update.hard_state || f.update.role_changed);
    cr_expect_eq(ww_raft_deadline_ns(f.raft), deadline);
    fixture_stop(&f);
}

Test(raft_vote, requests_of_old_terms_learn_the_term)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "1");
    cr_expect_not(ask(&f, 2, WW_RAFT_PRE_VOTE, 4, 9, 3));
    cr_expect_eq(f.update.messages[0].message.term, 4);
    cr_expect_not(ask(&f, 2, WW_RAFT_VOTE, 3, 9, 2));
    cr_expect_eq(f.update.messages[0].message.term, 4);
    fixture_stop(&f);
}

Test(raft_vote, c9_nobody_votes_while_a_leader_is_heard)
{
    struct fixture f;

    fixture_start(&f, 5, 4, 0, "14");
    fixture_heartbeat(&f, 2, 4, 2, 4, 0);
    f.now += ELECTION_MIN - 1;
    cr_expect_not(ask(&f, 3, WW_RAFT_PRE_VOTE, 5, 9, 4));
    cr_expect_not(ask(&f, 3, WW_RAFT_VOTE, 9, 9, 8));
    cr_expect_eq(f.update.term, 4, "a disturber does not raise the term");
    cr_expect_eq(ww_raft_leader(f.raft), 2);
    f.now += 1;
    cr_expect(ask(&f, 3, WW_RAFT_PRE_VOTE, 5, 9, 4));
    cr_expect(ask(&f, 3, WW_RAFT_VOTE, 9, 9, 8));
    cr_expect_eq(f.update.term, 9);
    fixture_stop(&f);
}

Test(raft_vote, c9_a_leader_that_hears_a_quorum_is_not_deposed_by_a_candidate)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    fixture_become_leader(&f);
    cr_expect_not(ask(&f, 3, WW_RAFT_PRE_VOTE, 9, 9, 8));
    cr_expect_not(ask(&f, 3, WW_RAFT_VOTE, 9, 9, 8));
    cr_expect(ww_raft_is_leader(f.raft));
    fixture_stop(&f);
}

Test(raft_vote, c13_a_learner_grants_a_vote_when_asked)
{
    struct fixture f;

    fixture_start_learner(&f);
    cr_expect(ask(&f, 2, WW_RAFT_PRE_VOTE, 1, 0, 0));
    cr_expect(ask(&f, 2, WW_RAFT_VOTE, 1, 0, 0));
    cr_expect(ask(&f, 4, WW_RAFT_VOTE, 2, 0, 0), "and to one that it does not know");
    fixture_stop(&f);
}

Test(raft_vote, after_a_restart_no_vote_for_an_election_timeout)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    f.now -= 1; /* the fixture starts when it is over */
    cr_expect_not(ask(&f, 2, WW_RAFT_PRE_VOTE, 5, 2, 4));
    cr_expect_not(ask(&f, 2, WW_RAFT_VOTE, 5, 2, 4), "a leader may hold a lease on it");
    f.now += 1;
    cr_expect(ask(&f, 2, WW_RAFT_VOTE, 5, 2, 4));
    fixture_stop(&f);

    fixture_start(&f, 3, 0, 0, "");
    f.now -= ELECTION_MIN;
    cr_expect(ask(&f, 2, WW_RAFT_VOTE, 1, 0, 0), "it cannot have answered a leader");
    fixture_stop(&f);
}

Test(raft_vote, a_step_of_the_clock_lengthens_the_wait_where_there_are_leases)
{
    for (int leases = 0; leases < 2; leases++) {
        struct ww_raft_event jumped = {.type = WW_RAFT_EV_TIME_JUMPED,
                                       .step_ns = 10 * ELECTION_MAX};
        struct ww_raft_options options;
        struct fixture f;
        const char *why;
        uint64_t deadline;

        fixture_options(&options, 3);
        options.leases = leases != 0;
        f.now = options.now_ns;
        cr_assert_eq(ww_raft_create(&options, &f.raft, &why), WW_OK, "%s", why);
        fixture_heartbeat(&f, 2, 1, 0, 0, 0);
        deadline = ww_raft_deadline_ns(f.raft);
        f.now += jumped.step_ns;
        fixture_step(&f, jumped);
        cr_expect_eq(ask(&f, 3, WW_RAFT_PRE_VOTE, 2, 0, 0), leases == 0);
        cr_expect_eq(ww_raft_deadline_ns(f.raft), deadline + (leases ? jumped.step_ns : 0),
                     "nor for itself: the leader may hold a lease on it");
        f.now += ELECTION_MIN;
        cr_expect(ask(&f, 3, WW_RAFT_PRE_VOTE, 2, 0, 0));
        fixture_stop(&f);
    }
}

Test(raft_vote, a_vote_that_the_leader_asked_for_is_granted_at_once)
{
    struct fixture f;
    struct ww_raft_message vote = {
        .type = WW_RAFT_VOTE, .flags = WW_RAFT_TRANSFER, .term = 5, .index = 1, .log_term = 4};

    fixture_start(&f, 3, 4, 0, "14");
    fixture_heartbeat(&f, 2, 4, 2, 4, 0);
    fixture_receive(&f, 3, vote);
    cr_expect_eq(fixture_sent(&f, 3, WW_RAFT_VOTE_REPLY)->message.flags, 0, "its log is shorter");
    vote.index = 2;
    fixture_receive(&f, 3, vote);
    cr_expect_eq(fixture_sent(&f, 3, WW_RAFT_VOTE_REPLY)->message.flags, WW_RAFT_GRANTED);
    cr_expect_eq(f.update.vote, 3);
    fixture_stop(&f);
}
