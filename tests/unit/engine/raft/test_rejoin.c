/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>

#define START 77u /* of another node */
#define OTHER 78u

static struct ww_raft_options forgetful(uint32_t voters)
{
    struct ww_raft_options options;

    fixture_options(&options, voters);
    options.amnesia = options.newborn = true;
    return options;
}

static int reply(struct fixture *f, uint32_t from, uint64_t term, uint64_t barrier, bool held)
{
    return fixture_receive(f, from,
                           (struct ww_raft_message){.type = WW_RAFT_REJOIN_REPLY,
                                                    .flags = held ? WW_RAFT_GRANTED : 0,
                                                    .term = term,
                                                    .index = barrier,
                                                    .log_term = START,
                                                    .commit = fixture_status(f).start});
}

/* Of a voter in term 0, in its start `start`, to the round of questions `round`. */
static void fresh(struct fixture *f, uint32_t from, uint64_t start, uint32_t round)
{
    fixture_receive(f, from,
                    (struct ww_raft_message){.type = WW_RAFT_REJOIN_REPLY,
                                             .round = round,
                                             .log_term = start,
                                             .commit = fixture_status(f).start});
}

static void known(struct fixture *f)
{
    fixture_step(f, (struct ww_raft_event){.type = WW_RAFT_EV_HARD_STATE_DURABLE,
                                           .term = f->update.term,
                                           .vote = f->update.vote,
                                           .known = f->update.known});
}

static int rejoin(struct fixture *f, uint32_t from, uint64_t start, uint8_t flags)
{
    return fixture_receive(f, from,
                           (struct ww_raft_message){.type = WW_RAFT_REJOIN,
                                                    .flags = flags,
                                                    .term = ww_raft_term(f->raft),
                                                    .commit = start});
}

Test(raft_rejoin, c17_no_vote_before_it_has_rejoined)
{
    struct fixture f;
    struct ww_raft_options options = forgetful(3);

    options.term = 4;
    fixture_start_with(&f, options, "14");
    for (int i = 0; i < 2; i++) {
        uint8_t type = i == 0 ? WW_RAFT_PRE_VOTE : WW_RAFT_VOTE;
        fixture_receive(&f, 2,
                        (struct ww_raft_message){
                            .type = type, .term = 9, .index = 5, .log_term = 8, .commit = START});
        cr_assert_eq(f.update.message_count, 1);
        cr_expect_eq(f.update.messages[0].message.flags, 0);
        cr_expect_eq(ww_raft_term(f.raft), 4, "nor does it take the term");
    }
    fixture_timeout(&f);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_FOLLOWER);
    cr_expect_not_null(fixture_sent(&f, 2, WW_RAFT_REJOIN));
    cr_expect_not_null(fixture_sent(&f, 3, WW_RAFT_REJOIN));
    fixture_stop(&f);
}

Test(raft_rejoin, c17_it_counts_when_others_hold_the_barrier_and_it_does_too)
{
    struct fixture f;

    fixture_start_with(&f, forgetful(3), "");
    fixture_append(&f, 2, 5, 0, 0, "135", 3);
    fixture_hard_state_durable(&f);
    fixture_durable(&f, 5, 3);
    fixture_flush(&f, WINDOW);
    cr_expect_null(fixture_sent(&f, 2, WW_RAFT_APPEND_ACK), "the leader takes it for what it was");
    fixture_timeout(&f);
    cr_expect_not_null(fixture_sent(&f, 2, WW_RAFT_REJOIN));
    cr_expect_null(fixture_sent(&f, 3, WW_RAFT_REJOIN), "the leader is known");
    reply(&f, 2, 5, 4, false);
    fixture_flush(&f, WINDOW);
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_APPEND_ACK)->message.index, 3);
    fixture_append(&f, 2, 5, 3, 5, "5", 3);
    fixture_durable(&f, 5, 4);
    cr_expect_not(f.update.known, "nobody said that others hold the barrier");
    reply(&f, 2, 5, 4, true);
    cr_expect(f.update.known && f.update.hard_state);
    cr_expect_eq(f.update.vote, 1, "it has no vote left in this term");
    cr_expect(fixture_status(&f).amnesia, "that is not durable yet");
    known(&f);
    cr_expect(f.update.recovered);
    cr_expect_not(fixture_status(&f).amnesia);
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_REJOIN)->message.flags, WW_RAFT_OVER);
    fixture_stop(&f);
}

Test(raft_rejoin, c17_what_stands_at_the_barriers_index_may_be_of_another_log)
{
    struct fixture f;
    struct ww_raft_options options = forgetful(3);

    options.term = 4;
    options.newborn = false;
    fixture_start_with(&f, options, "1334");
    fixture_heartbeat(&f, 2, 5, 1, 1, 1);
    fixture_hard_state_durable(&f);
    reply(&f, 2, 5, 4, true);
    cr_expect_not(f.update.known);
    fixture_append(&f, 2, 5, 3, 3, "5", 1);
    cr_expect_not(f.update.known, "it is not durable");
    fixture_durable(&f, 5, 4);
    cr_expect(f.update.known);
    fixture_stop(&f);
}

Test(raft_rejoin, c17_a_reply_to_another_start_or_of_an_older_leader_does_not_count)
{
    struct fixture f;
    struct ww_raft_message late = {.type = WW_RAFT_REJOIN_REPLY,
                                   .flags = WW_RAFT_GRANTED,
                                   .term = 5,
                                   .index = 1,
                                   .log_term = START,
                                   .commit = OTHER};

    fixture_start_with(&f, forgetful(3), "");
    fixture_append(&f, 2, 5, 0, 0, "5", 1);
    fixture_hard_state_durable(&f);
    fixture_durable(&f, 5, 1);
    fixture_receive(&f, 2, late);
    cr_expect_not(f.update.known);
    reply(&f, 2, 5, 1, false);
    fixture_heartbeat(&f, 3, 6, 1, 5, 1);
    reply(&f, 2, 5, 1, true);
    cr_expect_not(f.update.known, "of the leader before");
    fixture_hard_state_durable(&f);
    fixture_flush(&f, WINDOW);
    cr_expect_null(fixture_sent(&f, 3, WW_RAFT_APPEND_ACK), "the new one does not know");
    cr_expect_eq(reply(&f, 2, 6, 1, true), WW_EINVAL, "a second leader");
    fixture_stop(&f);
}

Test(raft_rejoin, c17_new_nodes_begin_when_all_voters_were_in_term_0_at_one_moment)
{
    struct fixture f;
    uint32_t round;

    fixture_start_with(&f, forgetful(3), "");
    fixture_timeout(&f);
    round = fixture_sent(&f, 2, WW_RAFT_REJOIN)->message.round;
    fresh(&f, 2, START, round);
    fresh(&f, 3, OTHER, round);
    cr_expect_not(f.update.known, "one may have been new before the other was");
    fixture_timeout(&f);
    fresh(&f, 2, START, round);
    fresh(&f, 3, OTHER, round);
    cr_expect_not(f.update.known, "late answers");
    fresh(&f, 2, START, round + 1);
    fresh(&f, 3, OTHER + 1, round + 1);
    cr_expect_not(f.update.known, "3 lost its disk meanwhile");
    fixture_timeout(&f);
    fresh(&f, 2, START, round + 2);
    cr_expect_not(f.update.known, "two of three are not enough");
    fresh(&f, 3, OTHER + 1, round + 2);
    cr_expect(f.update.known && f.update.hard_state);
    known(&f);
    cr_expect(f.update.recovered);
    fixture_timeout(&f);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_PRE_CANDIDATE);
    fixture_stop(&f);
}

Test(raft_rejoin, c17_a_cut_log_is_no_new_group)
{
    struct fixture f;
    struct ww_raft_options options = forgetful(3);
    uint32_t round;

    options.newborn = false;
    fixture_start_with(&f, options, "");
    for (int i = 0; i < 3; i++) {
        fixture_timeout(&f);
        round = fixture_sent(&f, 2, WW_RAFT_REJOIN)->message.round;
        fresh(&f, 2, START, round);
        fresh(&f, 3, OTHER, round);
        cr_expect_not(f.update.known);
    }
    fixture_stop(&f);
    options.configuration.voters = NODE(1);
    fixture_start_with(&f, options, "");
    cr_expect(fixture_status(&f).amnesia, "nor is it when the file names this node alone");
    fixture_stop(&f);
    options.newborn = true;
    fixture_start_with(&f, options, "");
    cr_expect_not(fixture_status(&f).amnesia);
    fixture_stop(&f);
}

Test(raft_rejoin, c17_a_leader_counts_nobody_that_forgot)
{
    struct fixture f;
    const struct ww_raft_outgoing *answer;

    fixture_lead(&f, 3);
    fixture_durable(&f, 2, 2);
    rejoin(&f, 2, START, 0);
    cr_expect_eq(f.update.append_from, 3);
    cr_expect_eq(f.update.append_kind, WW_RAFT_APPENDED_CONFIGURATION);
    answer = fixture_sent(&f, 2, WW_RAFT_REJOIN_REPLY);
    cr_expect_eq(answer->message.index, 3);
    cr_expect_eq(answer->message.commit, START);
    cr_expect_eq(answer->message.flags, 0);
    cr_expect(fixture_peer(&f, 2).amnesia);
    cr_expect_eq(fixture_peer(&f, 2).match, 0, "what it acknowledged may be gone");
    fixture_durable(&f, 2, 3);
    fixture_ack(&f, 2, 3);
    cr_expect_eq(ww_raft_commit(f.raft), 2);
    rejoin(&f, 2, START, 0);
    cr_expect_eq(f.update.append_from, 0, "the same start again");
    fixture_ack(&f, 3, 3);
    cr_expect_eq(ww_raft_commit(f.raft), 3);
    rejoin(&f, 2, START, 0);
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_REJOIN_REPLY)->message.flags, WW_RAFT_GRANTED);
    fixture_propose(&f, 1);
    fixture_durable(&f, 2, 4);
    fixture_ack(&f, 2, 4);
    cr_expect_eq(ww_raft_commit(f.raft), 3, "it has not said that it has rejoined");
    rejoin(&f, 2, OTHER, WW_RAFT_OVER);
    cr_expect_eq(ww_raft_commit(f.raft), 3, "of another start");
    rejoin(&f, 2, START, WW_RAFT_OVER);
    cr_expect_eq(ww_raft_commit(f.raft), 4);
    rejoin(&f, 2, START, 0);
    cr_expect_not(fixture_peer(&f, 2).amnesia, "a late question");
    fixture_stop(&f);
}

Test(raft_rejoin, c17_a_leader_neither_reads_nor_hands_over_by_one_that_forgot)
{
    struct fixture f;

    fixture_lead(&f, 3);
    rejoin(&f, 2, START, 0);
    fixture_all_durable(&f, NODE(3));
    cr_expect_eq(fixture_transfer(&f, 2), WW_EBUSY);
    cr_expect_eq(fixture_read(&f), WW_OK);
    fixture_flush(&f, WINDOW);
    fixture_answer(&f, 2, 3, f.update.read_round + 1);
    cr_expect_eq(f.update.confirmed_round, 0);
    fixture_answer(&f, 3, 3, 1);
    cr_expect_eq(f.update.confirmed_round, 1);
    cr_expect_eq(fixture_change(&f, NODE(1) | NODE(2), 0), WW_EBUSY, "no majority would count");
    cr_expect_eq(fixture_change(&f, NODE(1) | NODE(3), 0), WW_OK);
    fixture_stop(&f);
}

Test(raft_rejoin, c17_one_that_remembers_says_so)
{
    struct fixture f;
    const struct ww_raft_outgoing *over;

    fixture_start(&f, 3, 5, 0, "5");
    fixture_heartbeat(&f, 2, 5, 1, 5, 1);
    reply(&f, 2, 5, 2, false); /* to a question that came late */
    over = fixture_sent(&f, 2, WW_RAFT_REJOIN);
    cr_assert_not_null(over);
    cr_expect_eq(over->message.flags, WW_RAFT_OVER);
    cr_expect_eq(over->message.commit, fixture_status(&f).start);
    rejoin(&f, 3, START, 0);
    cr_expect_eq(fixture_sent(&f, 3, WW_RAFT_REJOIN_REPLY)->message.index, 0, "no leader");
    fixture_stop(&f);
}

Test(raft_rejoin, c17_a_vote_for_an_earlier_start_does_not_count)
{
    struct fixture f;
    struct ww_raft_message vote = {.type = WW_RAFT_VOTE_REPLY,
                                   .flags = WW_RAFT_GRANTED,
                                   .commit = START};

    fixture_start(&f, 3, 4, 0, "14");
    fixture_become_candidate(&f);
    fixture_hard_state_durable(&f);
    vote.term = ww_raft_term(f.raft);
    fixture_receive(&f, 2, vote);
    cr_expect_not(ww_raft_is_leader(f.raft));
    vote.commit = fixture_status(&f).start;
    fixture_receive(&f, 2, vote);
    cr_expect(ww_raft_is_leader(f.raft));
    fixture_stop(&f);
}

Test(raft_rejoin, questions_without_a_start_are_refused)
{
    struct fixture f;
    struct ww_raft_message message = {.type = WW_RAFT_REJOIN};

    fixture_lead(&f, 3);
    cr_expect_eq(fixture_receive(&f, 2, message), WW_EINVAL);
    message.commit = START;
    message.index = 1;
    cr_expect_eq(fixture_receive(&f, 2, message), WW_EINVAL, "a question has no barrier");
    message.type = WW_RAFT_REJOIN_REPLY;
    cr_expect_eq(fixture_receive(&f, 2, message), WW_EINVAL, "without a start and a term");
    message.log_term = START;
    cr_expect_eq(fixture_receive(&f, 2, message), WW_EINVAL, "no leader is in term 0");
    message.term = 1;
    cr_expect_eq(fixture_receive(&f, 2, message), WW_OK);
    fixture_stop(&f);
}
