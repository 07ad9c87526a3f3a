/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/raft/raft_internal.h"
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>

/* A follower of 2 with the voters 1 to 3, and (2) 1 to 4, at the end of a log of two. */
static void start_with_change(struct fixture *f)
{
    struct ww_raft_placed_configuration placed = {2, {.voters = VOTERS(4)}};

    fixture_start(f, 3, 1, 0, "1");
    cr_assert_eq(fixture_append_placed(f, 2, 1, 1, 1, "1", &placed, 1), WW_OK);
    cr_assert_eq(fixture_status(f).configuration.voters, VOTERS(4));
}

static bool quorum(struct fixture *f, struct ww_configuration configuration, uint32_t votes)
{
    f->raft->configuration.configuration = configuration;
    return ww_raft_is_quorum(f->raft, votes);
}

Test(raft_configuration, a_quorum_is_more_than_half)
{
    struct fixture f;

    fixture_start(&f, 1, 0, 0, "");
    cr_expect_not(quorum(&f, (struct ww_configuration){.voters = VOTERS(4)}, NODE(1) | NODE(2)));
    cr_expect(quorum(&f, (struct ww_configuration){.voters = VOTERS(4)}, VOTERS(3)));
    cr_expect(quorum(&f, (struct ww_configuration){.voters = VOTERS(3)}, NODE(1) | NODE(3)));
    cr_expect_not(quorum(&f, (struct ww_configuration){.voters = VOTERS(3)}, NODE(1) | NODE(4)),
                  "who is no voter does not count");
    cr_expect_not(quorum(&f, (struct ww_configuration){.voters = 0}, 0xff), "nobody decides");
    fixture_stop(&f);
}

Test(raft_configuration, c11_a_joint_quorum_is_one_of_each_half)
{
    struct fixture f;
    struct ww_configuration joint = {.voters = NODE(1) | NODE(4) | NODE(5),
                                     .old_voters = VOTERS(3)};
    struct ww_raft_tally tally = {.of = {0, 9, 8, 1, 7, 2}};

    fixture_start(&f, 1, 0, 0, "");
    cr_expect_not(quorum(&f, joint, VOTERS(3)));
    cr_expect_not(quorum(&f, joint, NODE(1) | NODE(4) | NODE(5)));
    cr_expect(quorum(&f, joint, NODE(1) | NODE(2) | NODE(4)), "1 counts in both");
    cr_expect_eq(ww_raft_quorum_value(f.raft, &tally), 7, "8 in the old half, 7 in the new one");
    tally.of[2] = 3;
    cr_expect_eq(ww_raft_quorum_value(f.raft, &tally), 3, "the smaller one");
    fixture_stop(&f);
}

Test(raft_configuration, c11_a_joint_election_needs_both_majorities)
{
    struct fixture f;
    struct ww_raft_options options;

    fixture_options(&options, 3);
    options.configuration =
        (struct ww_configuration){.voters = NODE(1) | NODE(4) | NODE(5), .old_voters = VOTERS(3)};
    fixture_start_with(&f, options, "");
    fixture_timeout(&f);
    for (uint32_t id = 2; id <= 5; id++)
        cr_expect_not_null(fixture_sent(&f, id, WW_RAFT_PRE_VOTE));
    fixture_vote_reply(&f, 4, WW_RAFT_PRE_VOTE_REPLY, 1, true);
    fixture_vote_reply(&f, 5, WW_RAFT_PRE_VOTE_REPLY, 1, true);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_PRE_CANDIDATE, "all of C_new is not enough");
    fixture_vote_reply(&f, 2, WW_RAFT_PRE_VOTE_REPLY, 1, true);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_CANDIDATE);
    fixture_hard_state_durable(&f);
    fixture_vote_reply(&f, 2, WW_RAFT_VOTE_REPLY, 1, true);
    fixture_vote_reply(&f, 3, WW_RAFT_VOTE_REPLY, 1, true);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_CANDIDATE, "all of C_old is not enough");
    fixture_vote_reply(&f, 4, WW_RAFT_VOTE_REPLY, 1, true);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_LEADER);
    fixture_stop(&f);
}

Test(raft_configuration, c12_truncation_restores_the_configuration_before)
{
    struct fixture f;

    start_with_change(&f);
    cr_expect_eq(fixture_append(&f, 3, 2, 1, 1, "2", 0), WW_OK);
    cr_expect_eq(f.update.truncate_from, 2);
    cr_expect_eq(fixture_status(&f).configuration.voters, VOTERS(3));
    cr_expect_eq(fixture_status(&f).configuration_index, 0);
    cr_expect(f.update.role_changed);
    fixture_stop(&f);
}

Test(raft_configuration, c12_another_one_at_the_same_index_is_told)
{
    struct fixture f;
    struct ww_raft_placed_configuration other = {2, {.voters = VOTERS(3), .learners = NODE(5)}};

    start_with_change(&f);
    fixture_heartbeat(&f, 2, 2, 1, 1, 0); /* the term and leader to come */
    cr_expect_eq(fixture_append_placed(&f, 2, 2, 1, 1, "2", &other, 1), WW_OK);
    cr_expect_eq(fixture_status(&f).configuration.learners, NODE(5));
    cr_expect(f.update.role_changed);
    fixture_stop(&f);
}

Test(raft_configuration, the_configuration_at_an_index)
{
    struct fixture f;
    struct ww_configuration configuration;
    struct ww_raft_options options;
    struct ww_raft_placed_configuration added = {2, {.voters = NODE(2), .learners = NODE(1)}};

    start_with_change(&f);
    cr_expect(ww_raft_configuration_at(f.raft, 1, &configuration));
    cr_expect_eq(configuration.voters, VOTERS(3));
    cr_expect(ww_raft_configuration_at(f.raft, 2, &configuration));
    cr_expect_eq(configuration.voters, VOTERS(4));
    fixture_stop(&f);

    fixture_options(&options, 3);
    options.term = options.base_term = 1;
    options.base_index = 5;
    options.snapshot_bytes = SNAPSHOT_BYTES;
    fixture_start_with(&f, options, "1");
    cr_expect_not(ww_raft_configuration_at(f.raft, 4, &configuration), "before the log begins");
    cr_expect(ww_raft_configuration_at(f.raft, 6, &configuration));
    fixture_stop(&f);

    fixture_start(&f, 0, 1, 0, "");
    fixture_append_placed(&f, 2, 1, 0, 0, "111", &added, 1);
    cr_expect_not(ww_raft_configuration_at(f.raft, 1, &configuration), "it waited to be added");
    cr_expect(ww_raft_configuration_at(f.raft, 2, &configuration));
    fixture_stop(&f);
}

Test(raft_configuration, c12_what_an_older_change_was_followed_by_is_committed)
{
    struct fixture f;
    struct ww_raft_placed_configuration placed[] = {{2, {.voters = VOTERS(4)}},
                                                    {4, {.voters = VOTERS(5)}}};

    fixture_start(&f, 3, 1, 0, "1");
    cr_assert_eq(fixture_append_placed(&f, 2, 1, 1, 1, "111", placed, 2), WW_OK);
    cr_expect_eq(fixture_append(&f, 3, 2, 1, 1, "2", 0), WW_EINVAL, "2 was committed before 4");
    cr_expect_eq(fixture_append(&f, 3, 2, 2, 1, "2", 0), WW_OK);
    cr_expect_eq(fixture_status(&f).configuration.voters, VOTERS(4));
    fixture_stop(&f);
}
