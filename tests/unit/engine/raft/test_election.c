/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>

Test(raft_election, timeouts_are_random_within_their_range)
{
    uint64_t lowest = UINT64_MAX;
    uint64_t highest = 0;

    for (uint64_t seed = 0; seed < 200; seed++) {
        struct ww_raft_options options;
        struct ww_raft *raft;
        const char *why;
        uint64_t wait;

        fixture_options(&options, 3);
        options.seed = seed;
        cr_assert_eq(ww_raft_create(&options, &raft, &why), WW_OK);
        wait = ww_raft_deadline_ns(raft) - options.now_ns;
        lowest = wait < lowest ? wait : lowest;
        highest = wait > highest ? wait : highest;
        ww_raft_destroy(raft);
    }
    cr_expect(lowest >= ELECTION_MIN && lowest < ELECTION_MIN + 10, "%lu", lowest);
    cr_expect(highest < ELECTION_MAX && highest >= ELECTION_MAX - 10, "%lu", highest);
}

Test(raft_election, a_pre_vote_asks_for_the_next_term_and_raises_nothing)
{
    struct fixture f;
    const struct ww_raft_outgoing *asked;

    fixture_start(&f, 3, 4, 2, "1134");
    fixture_tick(&f, ww_raft_deadline_ns(f.raft) - 1);
    cr_expect_eq(f.update.message_count, 0, "not before the deadline");
    fixture_timeout(&f);
    cr_expect_eq(f.update.message_count, 2);
    asked = fixture_sent(&f, 3, WW_RAFT_PRE_VOTE);
    cr_assert_not_null(asked);
    cr_expect_eq(asked->message.term, 5);
    cr_expect_eq(asked->message.index, 4);
    cr_expect_eq(asked->message.log_term, 4);
    cr_expect_eq(f.update.term, 4);
    cr_expect_eq(f.update.vote, 2);
    cr_expect_not(f.update.hard_state);
    fixture_stop(&f);
}

Test(raft_election, c9_a_node_that_hears_nothing_never_raises_its_term)
{
    struct fixture f;

    fixture_start(&f, 5, 4, 0, "14");
    for (int i = 0; i < 100; i++) {
        fixture_timeout(&f);
        cr_assert_eq(f.update.term, 4);
        fixture_vote_reply(&f, 2, WW_RAFT_PRE_VOTE_REPLY, 5, true); /* one is no quorum of five */
        cr_assert_eq(f.update.term, 4);
    }
    fixture_stop(&f);
}

Test(raft_election, c2_no_candidacy_before_term_and_vote_are_durable)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    fixture_become_candidate(&f);
    cr_expect(f.update.hard_state);
    cr_expect_eq(f.update.term, 5);
    cr_expect_eq(f.update.vote, 1);
    cr_expect(fixture_sent(&f, 2, WW_RAFT_VOTE)->wait);
    cr_expect(fixture_sent(&f, 3, WW_RAFT_VOTE)->wait);
    fixture_stop(&f);
}

Test(raft_election, c2_a_candidate_counts_its_own_vote_only_when_it_is_durable)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    fixture_become_candidate(&f);
    fixture_vote_reply(&f, 2, WW_RAFT_VOTE_REPLY, 5, true);
    fixture_vote_reply(&f, 3, WW_RAFT_VOTE_REPLY, 5, true);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_CANDIDATE);
    fixture_step(&f, (struct ww_raft_event){.type = WW_RAFT_EV_HARD_STATE_DURABLE,
                                            .term = 4,
                                            .vote = 0});
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_CANDIDATE, "that was the state before");
    fixture_hard_state_durable(&f);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_LEADER);
    cr_expect(f.update.append_kind == WW_RAFT_APPENDED_NOOP && f.update.role_changed);
    cr_expect_eq(f.update.append_from, 3);
    cr_expect_eq(f.update.append_to, 3);
    cr_expect_eq(ww_raft_term_at(f.raft, 3), 5);
    fixture_stop(&f);
}

Test(raft_election, refused_and_foreign_votes_do_not_count)
{
    struct fixture f;

    fixture_start(&f, 5, 4, 0, "14");
    fixture_become_candidate(&f);
    fixture_hard_state_durable(&f);
    fixture_vote_reply(&f, 2, WW_RAFT_VOTE_REPLY, 5, true);
    fixture_vote_reply(&f, 2, WW_RAFT_VOTE_REPLY, 5, true);     /* a duplicate */
    fixture_vote_reply(&f, 3, WW_RAFT_VOTE_REPLY, 5, false);    /* a refusal */
    fixture_vote_reply(&f, 4, WW_RAFT_VOTE_REPLY, 4, true);     /* of an old election */
    fixture_vote_reply(&f, 5, WW_RAFT_PRE_VOTE_REPLY, 6, true); /* of another question */
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_CANDIDATE);
    fixture_vote_reply(&f, 5, WW_RAFT_VOTE_REPLY, 5, true);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_LEADER);
    fixture_stop(&f);
}

Test(raft_election, c1_a_step_down_within_the_term_keeps_the_vote)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    fixture_become_candidate(&f);
    cr_expect_eq(fixture_append(&f, 2, 5, 2, 4, "5", 0), WW_OK); /* 2 won this term */
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_FOLLOWER);
    cr_expect_eq(f.update.vote, 1);
    cr_expect_not(f.update.hard_state);
    fixture_heartbeat(&f, 3, 6, 2, 4, 0); /* a new term: now it is cleared */
    cr_expect_eq(f.update.term, 6);
    cr_expect_eq(f.update.vote, 0);
    cr_expect(f.update.hard_state);
    fixture_stop(&f);
}

Test(raft_election, a_candidate_that_times_out_asks_again_in_the_same_term)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    fixture_become_candidate(&f);
    fixture_hard_state_durable(&f);
    fixture_timeout(&f);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_PRE_CANDIDATE);
    cr_expect_eq(f.update.term, 5);
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_PRE_VOTE)->message.term, 6);
    fixture_vote_reply(&f, 2, WW_RAFT_VOTE_REPLY, 5, true); /* too late */
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_PRE_CANDIDATE);
    fixture_stop(&f);
}

Test(raft_election, a_refusal_of_a_higher_term_is_learned)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 1, "14");
    fixture_timeout(&f);
    fixture_vote_reply(&f, 2, WW_RAFT_PRE_VOTE_REPLY, 9, false);
    cr_expect_eq(f.update.term, 9);
    cr_expect_eq(f.update.vote, 0);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_FOLLOWER);
    fixture_stop(&f);
}

Test(raft_election, c4_a_single_voter_leads_and_commits_by_its_own_disk_alone)
{
    struct fixture f;

    fixture_start(&f, 1, 0, 0, "");
    cr_expect_eq(ww_raft_deadline_ns(f.raft), 1000, "there is nobody to wait for");
    fixture_timeout(&f);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_CANDIDATE);
    fixture_hard_state_durable(&f);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_LEADER);
    fixture_propose(&f, 5);
    cr_expect_eq(f.update.append_from, 2);
    cr_expect_eq(f.update.append_to, 6);
    cr_expect_eq(f.update.commit, 0);
    fixture_durable(&f, 1, 4);
    cr_expect_eq(f.update.commit, 4);
    cr_expect(f.update.commit_changed);
    fixture_tick(&f, f.now + 10 * ELECTION_MAX);
    cr_expect(ww_raft_is_leader(f.raft));
    fixture_stop(&f);
}

Test(raft_election, no_election_without_room_for_its_first_entry)
{
    struct fixture f;

    fixture_start(&f, 3, 8, 0, "12345678");
    cr_expect_eq(fixture_timeout(&f), WW_ENOMEM);
    cr_expect_eq(f.update.message_count, 0);
    cr_expect_gt(ww_raft_deadline_ns(f.raft), f.now);
    fixture_stop(&f);
}

Test(raft_election, c11_a_node_that_is_being_removed_stands_until_its_removal_is_committed)
{
    struct ww_raft_placed_configuration configurations[] = {
        {.index = 2, .configuration = {.voters = 1u << 2, .old_voters = VOTERS(2)}},
        {.index = 3, .configuration = {.voters = 1u << 2}},
    };
    struct ww_raft_run log = {.first_index = 1, .last_index = 3, .term = 1};
    struct fixture f = {0};
    struct ww_raft_options options;
    const char *why;

    fixture_options(&options, 2);
    options.term = 1;
    options.log = &log;
    options.log_runs = 1;
    options.configurations = configurations;
    options.configuration_count = 2;
    cr_assert_eq(ww_raft_create(&options, &f.raft, &why), WW_OK, "%s", why);
    fixture_timeout(&f);
    cr_assert_not_null(fixture_sent(&f, 2, WW_RAFT_PRE_VOTE), "the other one may lack the entry");
    fixture_vote_reply(&f, 2, WW_RAFT_PRE_VOTE_REPLY, 2, true);
    fixture_vote_reply(&f, 2, WW_RAFT_VOTE_REPLY, 2, true);
    fixture_hard_state_durable(&f);
    cr_assert(ww_raft_is_leader(f.raft), "by the vote of the new configuration alone");
    fixture_ack(&f, 2, 4);
    cr_assert_eq(ww_raft_commit(f.raft), 4);
    cr_assert_not(ww_raft_is_leader(f.raft), "its removal is committed");
    fixture_timeout(&f);
    cr_assert_null(fixture_sent(&f, 2, WW_RAFT_PRE_VOTE));
    fixture_stop(&f);
}
