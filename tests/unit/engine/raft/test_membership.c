/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>

/* A leader of three voters with the learners 4 and 5, which have everything. */
static void lead_with_learners(struct fixture *f)
{
    struct ww_raft_options options;

    fixture_options(&options, 3);
    options.configuration.learners = NODE(4) | NODE(5);
    fixture_lead_with(f, options);
}

static void expect_appended(struct fixture *f, uint8_t voters, uint8_t old_voters, uint8_t learners)
{
    const struct ww_configuration *configuration = &f->appended.configuration;

    cr_assert_eq(f->appended.index, ww_raft_last_index(f->raft), "nothing was appended");
    cr_expect_eq(configuration->voters, voters);
    cr_expect_eq(configuration->old_voters, old_voters);
    cr_expect_eq(configuration->learners, learners);
    f->appended.index = 0;
}

Test(raft_membership, c10_no_change_before_the_leader_committed_in_its_term)
{
    struct fixture f;

    fixture_start(&f, 3, 1, 0, "1");
    cr_expect_eq(fixture_change(&f, VOTERS(3), NODE(4)), WW_ENOTLEADER);
    fixture_become_leader(&f);
    cr_expect_eq(fixture_change(&f, VOTERS(3), NODE(4)), WW_EBUSY);
    fixture_ack(&f, 2, 1);
    cr_expect_eq(fixture_change(&f, VOTERS(3), NODE(4)), WW_EBUSY, "1 is of an earlier term");
    fixture_ack(&f, 2, 2);
    fixture_ack(&f, 3, 2);
    cr_expect_eq(fixture_change(&f, VOTERS(3), NODE(4)), WW_OK);
    fixture_stop(&f);
}

Test(raft_membership, c10_no_change_while_one_is_pending)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_propose(&f, 1);
    cr_expect_eq(fixture_change(&f, VOTERS(3), NODE(4)), WW_OK);
    cr_expect(f.update.role_changed, "the configuration of the status did");
    expect_appended(&f, VOTERS(3), 0, NODE(4));
    fixture_ack(&f, 2, 3);
    fixture_ack(&f, 3, 3);
    cr_expect_eq(f.update.commit, 3, "the entry before it");
    cr_expect_eq(fixture_change(&f, VOTERS(3), NODE(5)), WW_EBUSY);
    cr_expect_eq(f.update.append_from, 0);
    fixture_all_durable(&f, VOTERS(3));
    cr_expect_eq(fixture_status(&f).configuration_committed, true);
    cr_expect_eq(fixture_change(&f, VOTERS(3), NODE(5)), WW_OK);
    fixture_stop(&f);
}

Test(raft_membership, c10_no_change_in_the_joint_phase)
{
    struct fixture f;

    lead_with_learners(&f);
    cr_expect_eq(fixture_change(&f, VOTERS(4), NODE(5)), WW_OK);
    expect_appended(&f, VOTERS(4), VOTERS(3), NODE(5));
    cr_expect_eq(fixture_change(&f, VOTERS(3), 0), WW_EBUSY);
    fixture_all_durable(&f, VOTERS(4));
    expect_appended(&f, VOTERS(4), 0, NODE(5));
    cr_expect_eq(fixture_change(&f, VOTERS(3), 0), WW_EBUSY, "C_new is not committed yet");
    fixture_all_durable(&f, VOTERS(4));
    cr_expect_eq(fixture_change(&f, VOTERS(3), 0), WW_OK);
    fixture_stop(&f);
}

Test(raft_membership, a_change_that_makes_no_group_is_refused)
{
    struct fixture f;
    struct ww_raft_event joint = {
        .type = WW_RAFT_EV_CHANGE,
        .configuration = {.voters = VOTERS(3), .old_voters = VOTERS(2)},
    };

    lead_with_learners(&f);
    cr_expect_eq(fixture_change(&f, 0, 0), WW_EINVAL, "no voters");
    cr_expect_eq(fixture_change(&f, VOTERS(3), NODE(3)), WW_EINVAL, "voter and learner");
    cr_expect_eq(fixture_change(&f, VOTERS(3) | NODE(6), 0), WW_EINVAL, "6 is no learner yet");
    cr_expect_eq(fixture_change(&f, VOTERS(3) | 1, 0), WW_EINVAL, "there is no node 0");
    fixture_step(&f, joint);
    cr_expect_eq(f.update.status, WW_EINVAL, "the joint phase is the core's work");
    cr_expect_eq(fixture_change(&f, VOTERS(3), NODE(4) | NODE(5)), WW_OK, "as it is: done");
    cr_expect_eq(f.update.append_from, 0);
    fixture_stop(&f);
}

Test(raft_membership, a_change_of_learners_takes_one_step)
{
    struct fixture f;

    lead_with_learners(&f);
    cr_expect_eq(fixture_change(&f, VOTERS(3), NODE(5) | NODE(6)), WW_OK);
    expect_appended(&f, VOTERS(3), 0, NODE(5) | NODE(6));
    fixture_all_durable(&f, VOTERS(3));
    cr_expect_eq(f.update.append_from, 0);
    cr_expect_eq(ww_raft_peers(f.raft), NODE(2) | NODE(3) | NODE(5) | NODE(6));
    fixture_stop(&f);
}

Test(raft_membership, a_new_member_is_asked_though_nothing_else_happens)
{
    struct fixture f;
    struct ww_raft_message message;

    fixture_lead(&f, 3);
    fixture_change(&f, VOTERS(3), NODE(4));
    cr_assert(fixture_replicate(&f, 4, 9, &message), "nothing asks it where its log ends");
    cr_expect_eq(message.index, 3);
    cr_expect(message.flags & WW_RAFT_ANSWER);
    cr_expect_not(fixture_replicate(&f, 4, 9, &message), "one question at a time");
    fixture_reject(&f, 4, 3, 0, 1);
    cr_assert(fixture_replicate(&f, 4, 9, &message));
    cr_expect_eq(message.index, 0, "all of the log, from its begin");
    fixture_stop(&f);
}

Test(raft_membership, a_learner_is_promoted_when_it_has_what_the_leader_has)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_change(&f, VOTERS(3), NODE(4));
    fixture_all_durable(&f, VOTERS(3));
    cr_expect_eq(fixture_change(&f, VOTERS(4), 0), WW_EBUSY, "it has nothing yet");
    cr_expect_not(fixture_peer(&f, 4).caught_up);
    cr_expect_not(fixture_peer(&f, 4).voter);
    fixture_ack(&f, 4, 3);
    cr_expect(fixture_peer(&f, 4).caught_up);
    cr_expect_eq(fixture_change(&f, VOTERS(4), 0), WW_OK);
    cr_expect(fixture_peer(&f, 4).voter);
    fixture_stop(&f);
}

Test(raft_membership, a_silent_learner_is_not_promoted)
{
    struct fixture f;

    lead_with_learners(&f);
    f.now += ELECTION_MAX;
    fixture_answer(&f, 2, 2, 0);
    cr_expect_eq(fixture_change(&f, VOTERS(4), NODE(5)), WW_EBUSY, "it may be down");
    fixture_answer(&f, 4, 2, 0);
    cr_expect_eq(fixture_change(&f, VOTERS(4), NODE(5)), WW_OK);
    fixture_stop(&f);
}

Test(raft_membership, a_learner_that_keeps_up_under_load_is_promoted)
{
    struct fixture f;

    lead_with_learners(&f);
    fixture_propose(&f, 5); /* up to 7 */
    f.now += ELECTION_MIN;
    fixture_ack(&f, 4, 2);
    cr_expect(fixture_peer(&f, 4).caught_up, "the last round was fast, this one is not over");
    f.now += 1;
    fixture_ack(&f, 4, 2);
    cr_expect_not(fixture_peer(&f, 4).caught_up, "this round takes longer than an election");
    fixture_ack(&f, 4, 6);
    cr_expect_not(fixture_peer(&f, 4).caught_up, "it took longer; the next one is up to 7");
    fixture_propose(&f, 5); /* up to 12 */
    f.now += ELECTION_MIN;
    fixture_ack(&f, 4, 7);
    cr_expect(fixture_peer(&f, 4).caught_up, "in time, though more came meanwhile");
    fixture_stop(&f);
}

Test(raft_membership, c11_a_joint_commit_needs_both_majorities)
{
    struct fixture f;

    lead_with_learners(&f);
    fixture_change(&f, NODE(1) | NODE(4) | NODE(5), 0);
    expect_appended(&f, NODE(1) | NODE(4) | NODE(5), VOTERS(3), 0);
    fixture_all_durable(&f, NODE(4) | NODE(5));
    cr_expect_eq(f.update.commit, 2, "of the old voters only the leader has it");
    fixture_ack(&f, 2, 3);
    cr_expect_eq(f.update.commit, 3);
    expect_appended(&f, NODE(1) | NODE(4) | NODE(5), 0, 0);
    fixture_all_durable(&f, NODE(2) | NODE(3));
    cr_expect_eq(f.update.commit, 3, "of C_new only the leader has it");
    fixture_ack(&f, 5, 4);
    cr_expect_eq(f.update.commit, 4);
    cr_expect_eq(ww_raft_peers(f.raft), NODE(4) | NODE(5));
    fixture_stop(&f);
}

Test(raft_membership, those_that_leave_are_told_until_the_change_is_committed)
{
    struct fixture f;

    lead_with_learners(&f);
    fixture_change(&f, VOTERS(2), NODE(4));
    cr_expect_eq(ww_raft_peers(f.raft), NODE(2) | NODE(3) | NODE(4) | NODE(5));
    fixture_all_durable(&f, VOTERS(3));
    cr_expect_eq(ww_raft_peers(f.raft), NODE(2) | NODE(3) | NODE(4));
    fixture_all_durable(&f, VOTERS(2));
    cr_expect_eq(ww_raft_peers(f.raft), NODE(2) | NODE(4));
    cr_expect_eq(fixture_ack(&f, 3, 4), WW_OK, "no longer a member: not counted");
    fixture_stop(&f);
}

Test(raft_membership, c11_a_leader_that_removes_itself_does_not_count_itself)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_change(&f, NODE(2) | NODE(3), 0);
    fixture_all_durable(&f, NODE(2));
    cr_expect_eq(f.update.commit, 2, "1 and 2 are no majority of 2 and 3");
    fixture_ack(&f, 3, 3);
    expect_appended(&f, NODE(2) | NODE(3), 0, 0);
    cr_expect(ww_raft_is_leader(f.raft), "until C_new is committed");
    fixture_all_durable(&f, NODE(2));
    cr_expect_eq(f.update.commit, 3);
    fixture_ack(&f, 3, 4);
    cr_expect_eq(f.update.commit, 4);
    cr_expect_not(ww_raft_is_leader(f.raft));
    cr_expect(f.update.role_changed);
    cr_expect_eq(f.update.term, 2, "within its term");
    fixture_timeout(&f);
    cr_expect_eq(f.update.message_count, 0, "and stands for election no more");
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_FOLLOWER);
    fixture_stop(&f);
}

Test(raft_membership, c11_a_leader_without_a_vote_needs_a_quorum_of_the_others)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_change(&f, NODE(2) | NODE(3), 0);
    fixture_all_durable(&f, NODE(2) | NODE(3));
    f.now += ELECTION_MAX;
    fixture_ack(&f, 2, 3);
    fixture_tick(&f, f.now);
    cr_expect_not(ww_raft_is_leader(f.raft), "of 2 and 3 only 2 was heard");
    fixture_stop(&f);
}

Test(raft_membership, a_voter_becomes_a_learner_when_the_joint_phase_ends)
{
    struct fixture f;

    fixture_lead(&f, 3);
    cr_expect_eq(fixture_change(&f, VOTERS(2), NODE(3)), WW_OK);
    expect_appended(&f, VOTERS(2), VOTERS(3), NODE(3));
    cr_expect(fixture_peer(&f, 3).voter, "of the old half");
    fixture_all_durable(&f, VOTERS(3));
    expect_appended(&f, VOTERS(2), 0, NODE(3));
    cr_expect_not(fixture_peer(&f, 3).voter);
    fixture_stop(&f);
}

Test(raft_membership, a_new_leader_ends_the_joint_phase_that_it_finds)
{
    struct fixture f;
    struct ww_raft_options options;
    struct ww_raft_placed_configuration joint = {2, {.voters = VOTERS(3), .old_voters = VOTERS(2)}};

    fixture_options(&options, 2);
    options.term = 1;
    options.configurations = &joint;
    options.configuration_count = 1;
    fixture_start_with(&f, options, "11");
    fixture_become_leader(&f);
    cr_expect_eq(fixture_change(&f, VOTERS(2), 0), WW_EBUSY);
    fixture_durable(&f, 2, 3);
    fixture_ack(&f, 2, 2);
    cr_expect_eq(f.update.append_from, 0, "committed only beneath an entry of its own term");
    fixture_ack(&f, 2, 3);
    cr_expect_eq(f.update.commit, 3);
    expect_appended(&f, VOTERS(3), 0, 0);
    fixture_stop(&f);
}

Test(raft_membership, a_learner_never_stands_for_election)
{
    struct fixture f;

    fixture_start_learner(&f);
    fixture_timeout(&f);
    fixture_timeout(&f);
    cr_expect_eq(f.update.message_count, 0);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_FOLLOWER);
    fixture_stop(&f);
}
