/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>

static int receive_part(struct fixture *f, uint32_t from, uint64_t term, uint64_t index,
                        uint64_t log_term, uint64_t offset)
{
    return fixture_receive(f, from,
                           (struct ww_raft_message){.type = WW_RAFT_SNAPSHOT,
                                                    .question = 9,
                                                    .term = term,
                                                    .index = index,
                                                    .log_term = log_term,
                                                    .commit = offset});
}

static void stage(struct fixture *f, uint64_t term, uint64_t index, uint64_t bytes)
{
    fixture_step(f, (struct ww_raft_event){.type = WW_RAFT_EV_SNAPSHOT_STAGED,
                                           .term = term,
                                           .index = index,
                                           .staged_bytes = bytes});
}

Test(raft_snapshot, compaction_takes_what_is_below_the_first_index)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_propose(&f, 4); /* up to 6 */
    fixture_all_durable(&f, VOTERS(3));
    cr_expect_eq(fixture_compact(&f, 5, 4), WW_OK, "entries 4 and 5 stay for those that lag");
    cr_expect_eq(fixture_status(&f).first_index, 4);
    cr_expect_eq(fixture_status(&f).snapshot_index, 5);
    cr_expect_eq(ww_raft_term_at(f.raft, 3), 2, "the base is known");
    cr_expect_eq(ww_raft_term_at(f.raft, 2), 0);
    cr_expect_eq(fixture_compact(&f, 4, 5), WW_OK);
    cr_expect_eq(fixture_status(&f).first_index, 4, "an older snapshot changes nothing");
    cr_expect_eq(fixture_compact(&f, 6, 7), WW_OK);
    cr_expect_eq(fixture_status(&f).first_index, 7);
    cr_expect_eq(fixture_status(&f).last_term, 2, "of an empty log that of the base");
    fixture_propose(&f, 1);
    cr_expect_eq(f.update.append_from, 7);
    fixture_stop(&f);
}

Test(raft_snapshot, a_snapshot_of_what_is_not_committed_is_refused)
{
    struct fixture f;

    fixture_lead(&f, 3);
    fixture_propose(&f, 1);
    cr_expect_eq(fixture_compact(&f, 3, 3), WW_EINVAL, "not committed");
    cr_expect_eq(fixture_compact(&f, 2, 4), WW_EINVAL, "more than it covers");
    cr_expect_eq(fixture_compact(&f, 2, 0), WW_EINVAL);
    cr_expect_eq(fixture_step(&f, (struct ww_raft_event){.type = WW_RAFT_EV_COMPACT,
                                                         .index = 2,
                                                         .first_index = 2}),
                 WW_EINVAL, "empty");
    cr_expect_eq(fixture_status(&f).snapshot_index, 0);
    fixture_stop(&f);
}

Test(raft_snapshot, followers_compact_and_answers_to_them_are_ignored)
{
    struct fixture f;
    struct ww_raft_message ack = {
        .type = WW_RAFT_SNAPSHOT_ACK, .term = 4, .index = 1, .log_term = 1, .commit = 5};

    fixture_start(&f, 3, 4, 0, "14");
    fixture_heartbeat(&f, 2, 4, 2, 4, 2);
    cr_expect_eq(fixture_compact(&f, 2, 2), WW_OK);
    cr_expect_eq(fixture_status(&f).first_index, 2);
    cr_expect_eq(fixture_receive(&f, 3, ack), WW_OK);
    cr_expect_eq(fixture_reject(&f, 3, 1, 0, 1), WW_OK);
    cr_expect_eq(f.update.message_count, 0);
    fixture_stop(&f);
}

Test(raft_snapshot, a_follower_stages_parts_of_what_it_lacks)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    cr_expect_eq(receive_part(&f, 2, 4, 9, 4, 0), WW_OK);
    cr_expect(f.update.snapshot_chunk);
    cr_expect_eq(ww_raft_leader(f.raft), 2, "it comes from the leader");
    stage(&f, 4, 9, 300);
    cr_assert_not_null(fixture_sent(&f, 2, WW_RAFT_SNAPSHOT_ACK));
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_SNAPSHOT_ACK)->message.commit, 300);
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_SNAPSHOT_ACK)->message.index, 9);
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_SNAPSHOT_ACK)->message.question, 9);
    cr_expect_not(fixture_sent(&f, 2, WW_RAFT_SNAPSHOT_ACK)->wait);
    fixture_stop(&f);
}

Test(raft_snapshot, parts_of_old_terms_and_second_leaders_are_refused)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    cr_expect_eq(receive_part(&f, 2, 3, 9, 3, 0), WW_OK);
    cr_expect_not(f.update.snapshot_chunk);
    cr_assert_not_null(fixture_sent(&f, 2, WW_RAFT_SNAPSHOT_ACK));
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_SNAPSHOT_ACK)->message.term, 4);
    stage(&f, 3, 9, 300);
    cr_expect_eq(f.update.message_count, 0, "no leader to tell");
    receive_part(&f, 2, 4, 9, 4, 0);
    cr_expect_eq(receive_part(&f, 3, 4, 9, 4, 0), WW_EINVAL);
    fixture_stop(&f);
}

Test(raft_snapshot, a_part_of_what_is_committed_is_answered_as_done)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    fixture_heartbeat(&f, 2, 4, 2, 4, 2);
    fixture_flush(&f, WINDOW);
    receive_part(&f, 2, 4, 2, 4, 0);
    cr_expect_not(f.update.snapshot_chunk);
    fixture_flush(&f, WINDOW);
    cr_assert_not_null(fixture_sent(&f, 2, WW_RAFT_APPEND_ACK));
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_APPEND_ACK)->message.index, 2);
    fixture_stop(&f);

    fixture_start(&f, 3, 4, 0, "14");
    fixture_append(&f, 2, 4, 1, 1, "4", 2);
    fixture_receive(&f, 3,
                    (struct ww_raft_message){.type = WW_RAFT_APPEND_REJECT,
                                             .term = 5,
                                             .commit = 1}); /* a term without a leader */
    fixture_hard_state_durable(&f);
    receive_part(&f, 3, 5, 2, 4, 0);
    fixture_flush(&f, WINDOW);
    cr_expect_eq(fixture_sent(&f, 3, WW_RAFT_APPEND_ACK)->message.index, 2,
                 "any leader has what is committed");
    fixture_stop(&f);
}

Test(raft_snapshot, c15_an_installed_snapshot_that_our_log_contains_keeps_what_follows)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "1144");
    receive_part(&f, 2, 4, 3, 4, 0);
    cr_expect_eq(fixture_install(&f, 4, 3, VOTERS(4)), WW_OK);
    cr_expect(f.update.installed);
    cr_expect_eq(f.update.truncate_from, 0);
    cr_expect_eq(f.update.commit, 3);
    cr_expect_eq(fixture_status(&f).first_index, 4);
    cr_expect_eq(fixture_status(&f).last_index, 4);
    cr_expect_eq(fixture_status(&f).configuration.voters, VOTERS(4));
    fixture_flush(&f, WINDOW);
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_APPEND_ACK)->message.index, 3);
    fixture_stop(&f);
}

Test(raft_snapshot, c15_one_that_our_log_contradicts_takes_its_place)
{
    struct fixture f;
    struct ww_raft_placed_configuration placed = {2, {.voters = VOTERS(5)}};

    fixture_start(&f, 3, 4, 0, "1");
    fixture_append_placed(&f, 2, 4, 1, 1, "2222", &placed, 1);
    cr_expect_eq(fixture_install(&f, 4, 3, VOTERS(4)), WW_OK);
    cr_expect(f.update.installed);
    cr_expect_eq(f.update.truncate_from, 1);
    cr_expect_eq(fixture_status(&f).first_index, 4);
    cr_expect_eq(fixture_status(&f).last_index, 3);
    cr_expect_eq(fixture_status(&f).last_term, 4);
    cr_expect_eq(fixture_status(&f).durable, 3);
    cr_expect_eq(fixture_status(&f).configuration.voters, VOTERS(4));
    cr_expect_eq(fixture_status(&f).configuration_index, 3);
    cr_expect_eq(fixture_append(&f, 2, 4, 3, 4, "4", 4), WW_OK);
    cr_expect_eq(f.update.append_from, 4);
    fixture_stop(&f);
}

Test(raft_snapshot, c15_one_that_is_ahead_of_our_log_takes_its_place)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    cr_expect_eq(fixture_install(&f, 3, 9, VOTERS(3)), WW_OK);
    cr_expect(f.update.installed);
    cr_expect_eq(f.update.commit, 9);
    cr_expect(f.update.commit_changed);
    cr_expect_eq(fixture_status(&f).last_index, 9);
    cr_expect_eq(fixture_status(&f).snapshot_index, 9);
    fixture_stop(&f);
}

Test(raft_snapshot, a_configuration_behind_the_snapshot_stays)
{
    struct fixture f;
    struct ww_raft_placed_configuration placed = {4, {.voters = VOTERS(5)}};

    fixture_start(&f, 3, 4, 0, "1");
    fixture_append_placed(&f, 2, 4, 1, 1, "444", &placed, 1);
    cr_expect_eq(fixture_install(&f, 4, 3, VOTERS(4)), WW_OK);
    cr_expect_eq(fixture_status(&f).configuration.voters, VOTERS(5));
    cr_expect_eq(fixture_append(&f, 3, 5, 3, 4, "5", 0), WW_OK);
    cr_expect_eq(fixture_status(&f).configuration.voters, VOTERS(4), "that of the snapshot");
    fixture_stop(&f);
}

Test(raft_snapshot, c15_one_at_or_before_the_commit_position_is_ignored)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "1144");
    fixture_heartbeat(&f, 2, 4, 4, 4, 3);
    cr_expect_eq(fixture_install(&f, 4, 3, VOTERS(4)), WW_OK);
    cr_expect_not(f.update.installed);
    cr_expect_eq(fixture_status(&f).first_index, 1);
    cr_expect_eq(fixture_status(&f).configuration.voters, VOTERS(3));
    fixture_stop(&f);
}

Test(raft_snapshot, c15_a_leader_installs_none)
{
    struct fixture f;

    fixture_lead(&f, 3);
    cr_expect_eq(fixture_install(&f, 2, 9, VOTERS(3)), WW_OK);
    cr_expect_not(f.update.installed);
    cr_expect_eq(fixture_status(&f).last_index, 2);
    cr_expect_eq(receive_part(&f, 2, 2, 9, 2, 0), WW_EINVAL);
    fixture_stop(&f);
}

Test(raft_snapshot, one_that_cannot_be_is_refused)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "1");
    cr_expect_eq(fixture_install(&f, 5, 9, VOTERS(3)), WW_EINVAL, "of a term to come");
    cr_expect_eq(fixture_install(&f, 0, 9, VOTERS(3)), WW_EINVAL);
    cr_expect_eq(fixture_install(&f, 4, UINT64_MAX, VOTERS(3)), WW_EINVAL);
    cr_expect_eq(fixture_install(&f, 4, 9, 0), WW_EINVAL, "without voters");
    cr_expect_eq(fixture_status(&f).last_index, 1);
    fixture_stop(&f);
}

Test(raft_snapshot, a_restart_begins_behind_the_snapshot)
{
    struct fixture f;
    struct ww_raft_options options;

    fixture_options(&options, 3);
    options.term = 4;
    options.base_index = 7;
    options.base_term = 3;
    options.snapshot_bytes = SNAPSHOT_BYTES;
    fixture_start_with(&f, options, "34");
    cr_expect_eq(ww_raft_commit(f.raft), 7);
    cr_expect_eq(fixture_status(&f).first_index, 8);
    cr_expect_eq(fixture_status(&f).last_index, 9);
    cr_expect_eq(fixture_status(&f).snapshot_index, 7);
    cr_expect_eq(ww_raft_term_at(f.raft, 8), 3);
    fixture_stop(&f);
}
