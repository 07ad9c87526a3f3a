/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>

static const struct ww_raft_message *rejection(const struct fixture *f)
{
    const struct ww_raft_outgoing *sent = fixture_sent(f, 2, WW_RAFT_APPEND_REJECT);

    cr_assert_not_null(sent);
    return &sent->message;
}

/* The index of the acknowledgement that a FLUSH sends; -1: none. */
static int64_t flushed(struct fixture *f)
{
    const struct ww_raft_outgoing *ack;

    fixture_flush(f, WINDOW);
    ack = fixture_sent(f, 2, WW_RAFT_APPEND_ACK);
    cr_assert_eq(f->update.message_count, ack != NULL);
    return ack != NULL ? (int64_t)ack->message.index : -1;
}

Test(raft_append, entries_join_the_log_and_are_acknowledged_when_durable)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    cr_expect_eq(fixture_append(&f, 2, 4, 2, 4, "44", 0), WW_OK);
    cr_expect_eq(f.update.append_from, 3);
    cr_expect_eq(f.update.append_to, 4);
    cr_expect_eq(f.update.truncate_from, 0);
    cr_expect_eq(ww_raft_leader(f.raft), 2);
    cr_expect_eq(flushed(&f), 2, "that the logs agree up to here is news for the leader");
    fixture_append(&f, 2, 4, 4, 4, "44", 0);
    cr_expect_eq(flushed(&f), -1, "nothing of it is durable yet");
    fixture_durable(&f, 4, 3);
    fixture_durable(&f, 4, 6);
    cr_expect_eq(flushed(&f), 6, "one acknowledgement covers both");
    cr_expect_eq(flushed(&f), -1);
    fixture_stop(&f);
}

Test(raft_append, only_what_this_leader_verified_is_acknowledged)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "1444");
    fixture_heartbeat(&f, 2, 5, 1, 1, 0);
    cr_expect_eq(flushed(&f), 1, "entries 2..4 are durable, but maybe not the leader's");
    cr_expect(f.update.messages[0].wait, "the new term is not durable yet");
    fixture_stop(&f);
}

Test(raft_append, what_the_last_leader_verified_says_nothing_about_the_next_one)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "1444");
    fixture_heartbeat(&f, 2, 4, 4, 4, 0);
    cr_expect_eq(flushed(&f), 4);
    fixture_append(&f, 3, 5, 2, 4, "", 0);
    fixture_flush(&f, WINDOW);
    cr_assert_eq(f.update.message_count, 1, "news for this leader, though it is less than before");
    cr_expect_eq(fixture_sent(&f, 3, WW_RAFT_APPEND_ACK)->message.index, 2);
    fixture_stop(&f);
}

Test(raft_append, a_heartbeat_is_answered_a_mere_commit_position_is_not)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    fixture_heartbeat(&f, 2, 4, 2, 4, 0);
    cr_expect_eq(flushed(&f), 2);
    fixture_append(&f, 2, 4, 2, 4, "", 2);
    cr_expect_eq(f.update.commit, 2);
    cr_expect_eq(flushed(&f), -1);
    fixture_heartbeat(&f, 2, 4, 2, 4, 2);
    fixture_heartbeat(&f, 2, 4, 2, 4, 2);
    cr_expect_eq(flushed(&f), 2);
    cr_expect_eq(flushed(&f), -1);
    fixture_append(&f, 2, 4, 1, 1, "4", 2);
    cr_expect_eq(flushed(&f), 2, "a duplicate: its acknowledgement was lost");
    fixture_stop(&f);
}

Test(raft_append, a1_a_gap_is_rejected_at_once_with_the_position_expected)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    cr_expect_eq(fixture_append(&f, 2, 4, 7, 4, "4", 3), WW_OK);
    cr_expect_eq(rejection(&f)->index, 7);
    cr_expect_eq(rejection(&f)->log_term, 0);
    cr_expect_eq(rejection(&f)->commit, 3);
    cr_expect_eq(rejection(&f)->window_bytes, WINDOW);
    cr_expect_eq(f.update.append_from, 0);
    cr_expect_eq(f.update.commit, 0);
    fixture_stop(&f);
}

Test(raft_append, a1_a_conflict_is_rejected_with_its_term_and_first_index)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "1222233");
    fixture_append(&f, 2, 4, 4, 3, "4", 0);
    cr_expect_eq(rejection(&f)->index, 4);
    cr_expect_eq(rejection(&f)->log_term, 2);
    cr_expect_eq(rejection(&f)->commit, 2);
    cr_expect_eq(f.update.truncate_from, 0, "a failed check truncates nothing");
    cr_expect_eq(ww_raft_last_index(f.raft), 7);
    fixture_stop(&f);
}

Test(raft_append, a_leader_of_an_old_term_learns_the_term)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    fixture_append(&f, 2, 3, 0, 0, "3", 0);
    cr_expect_eq(rejection(&f)->term, 4);
    cr_expect_eq(ww_raft_leader(f.raft), 0);
    cr_expect_eq(f.update.append_from, 0);
    fixture_stop(&f);
}

Test(raft_append, c6_a_duplicate_or_old_append_never_truncates)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "11");
    fixture_append(&f, 2, 4, 2, 1, "4444", 0);
    fixture_append(&f, 2, 4, 2, 1, "44", 0);
    cr_expect_eq(f.update.truncate_from, 0);
    cr_expect_eq(f.update.append_from, 0);
    fixture_append(&f, 2, 4, 0, 0, "11", 0);
    fixture_append(&f, 2, 4, 1, 1, "", 0);
    cr_expect_eq(f.update.truncate_from, 0);
    cr_expect_eq(ww_raft_last_index(f.raft), 6);
    fixture_append(&f, 2, 4, 1, 1, "144444", 0);
    cr_expect_eq(f.update.truncate_from, 0);
    cr_expect_eq(f.update.append_from, 7, "only what is new");
    cr_expect_eq(f.update.append_to, 7);
    fixture_stop(&f);
}

Test(raft_append, a_conflict_truncates_from_the_first_entry_that_differs)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "112233");
    fixture_append(&f, 2, 5, 1, 1, "1244", 2);
    cr_expect_eq(f.update.truncate_from, 4);
    cr_expect_eq(f.update.append_from, 4);
    cr_expect_eq(f.update.append_to, 5);
    cr_expect_eq(ww_raft_term_at(f.raft, 3), 2);
    cr_expect_eq(ww_raft_term_at(f.raft, 4), 4);
    cr_expect_eq(ww_raft_last_index(f.raft), 5);
    cr_expect_eq(fixture_status(&f).durable, 3);
    cr_expect_eq(f.update.commit, 2);
    fixture_stop(&f);
}

Test(raft_append, c5_a_late_completion_does_not_make_an_overwritten_entry_durable)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "11");
    fixture_append(&f, 2, 4, 2, 1, "44", 0); /* its write is on the way */
    fixture_append(&f, 3, 5, 2, 1, "55", 0); /* ... and 3, 4 are others now */
    cr_expect_eq(f.update.truncate_from, 3);
    fixture_durable(&f, 4, 4);
    cr_expect_eq(fixture_status(&f).durable, 2);
    fixture_durable(&f, 5, 9);
    cr_expect_eq(fixture_status(&f).durable, 2, "an entry that is not in the log");
    fixture_durable(&f, 5, 4);
    cr_expect_eq(fixture_status(&f).durable, 4);
    fixture_durable(&f, 5, 3);
    cr_expect_eq(fixture_status(&f).durable, 4, "never back");
    fixture_stop(&f);
}

Test(raft_append, c7_commit_is_bounded_by_what_the_message_verified_and_monotonic)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "112233");
    fixture_heartbeat(&f, 2, 4, 3, 2, 6);
    cr_expect_eq(f.update.commit, 3, "4..6 may not be the leader's");
    cr_expect(f.update.commit_changed);
    fixture_append(&f, 2, 4, 3, 2, "2", 9);
    cr_expect_eq(f.update.commit, 4);
    fixture_heartbeat(&f, 2, 4, 4, 2, 1);
    cr_expect_eq(f.update.commit, 4);
    cr_expect_not(f.update.commit_changed);
    fixture_stop(&f);
}

Test(raft_append, c6_what_is_committed_is_never_truncated)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "1122");
    fixture_heartbeat(&f, 2, 4, 3, 2, 3);
    cr_assert_eq(f.update.commit, 3);
    cr_expect_eq(fixture_append(&f, 3, 5, 2, 1, "5", 0), WW_EINVAL);
    cr_expect_eq(fixture_append(&f, 3, 5, 3, 5, "5", 0), WW_EINVAL);
    cr_expect_eq(f.update.term, 4, "nothing changed");
    cr_expect_eq(f.update.message_count, 0);
    cr_expect_eq(ww_raft_last_index(f.raft), 4);
    cr_expect_eq(ww_raft_leader(f.raft), 2);
    fixture_stop(&f);
}

Test(raft_append, two_leaders_of_one_term_are_impossible)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    fixture_heartbeat(&f, 2, 4, 2, 4, 0);
    cr_expect_eq(fixture_heartbeat(&f, 3, 4, 2, 4, 0), WW_EINVAL);
    fixture_timeout(&f);
    fixture_become_leader(&f);
    cr_expect_eq(fixture_heartbeat(&f, 3, 5, 2, 4, 0), WW_EINVAL);
    cr_expect(ww_raft_is_leader(f.raft));
    fixture_stop(&f);
}

Test(raft_append, a_full_term_table_refuses_and_changes_nothing)
{
    struct fixture f;

    fixture_start(&f, 3, 7, 0, "1234567");
    cr_expect_eq(fixture_append(&f, 2, 9, 7, 7, "89", 7), WW_ENOMEM);
    cr_expect_eq(f.update.term, 7);
    cr_expect_eq(ww_raft_last_index(f.raft), 7);
    cr_expect_eq(fixture_append(&f, 2, 9, 7, 7, "8", 7), WW_OK);
    cr_expect_eq(fixture_append(&f, 2, 9, 8, 8, "888", 7), WW_OK, "the term has its run");
    fixture_stop(&f);
}

Test(raft_append, a_window_that_opens_again_is_told)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    fixture_heartbeat(&f, 2, 4, 2, 4, 0);
    fixture_flush(&f, 0);
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_APPEND_ACK)->message.window_bytes, 0);
    fixture_flush(&f, WINDOW / 2 - 1);
    cr_expect_eq(f.update.message_count, 0, "a small opening does not make a message each");
    fixture_flush(&f, WINDOW / 2);
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_APPEND_ACK)->message.window_bytes, WINDOW / 2);
    fixture_flush(&f, WINDOW);
    cr_expect_eq(f.update.message_count, 0);
    fixture_stop(&f);
}

/* Restarted with a snapshot up to 5 (term 3), and "34" behind it. */
static void start_compacted(struct fixture *f)
{
    struct ww_raft_options options;

    fixture_options(&options, 3);
    options.term = 4;
    options.base_index = 5;
    options.base_term = 3;
    options.snapshot_bytes = SNAPSHOT_BYTES;
    fixture_start_with(f, options, "34");
}

Test(raft_append, c6_entries_that_a_snapshot_covers_are_not_appended_again)
{
    struct fixture f;

    start_compacted(&f);
    cr_expect_eq(fixture_append(&f, 2, 4, 1, 1, "12", 0), WW_OK, "all of it is covered");
    cr_expect_eq(f.update.append_from, 0);
    fixture_flush(&f, WINDOW);
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_APPEND_ACK)->message.index, 5);
    cr_expect_eq(fixture_append(&f, 2, 4, 3, 2, "2334", 0), WW_OK, "covered, and known");
    cr_expect_eq(f.update.append_from, 0);
    cr_expect_eq(fixture_append(&f, 2, 4, 3, 2, "233444", 0), WW_OK, "8 and 9 are new");
    cr_expect_eq(f.update.append_from, 8);
    cr_expect_eq(f.update.append_to, 9);
    cr_expect_eq(f.update.truncate_from, 0);
    fixture_stop(&f);
}

Test(raft_append, entries_behind_a_snapshot_may_be_replaced)
{
    struct fixture f;

    start_compacted(&f);
    cr_expect_eq(fixture_append(&f, 2, 5, 3, 3, "335", 0), WW_OK);
    cr_expect_eq(f.update.truncate_from, 6);
    cr_expect_eq(f.update.append_from, 6);
    cr_expect_eq(ww_raft_last_index(f.raft), 6);
    fixture_stop(&f);
}

Test(raft_append, what_contradicts_a_snapshot_is_an_error)
{
    struct fixture f;

    start_compacted(&f);
    cr_expect_eq(fixture_append(&f, 2, 4, 5, 2, "4", 0), WW_EINVAL, "another term at its end");
    cr_expect_eq(fixture_append(&f, 2, 4, 3, 1, "12222", 0), WW_EINVAL, "the same, in its runs");
    cr_expect_eq(fixture_append(&f, 2, 4, 5, 3, "34", 0), WW_OK);
    fixture_stop(&f);
}

Test(raft_append, a_rejection_names_no_index_that_a_snapshot_covers)
{
    struct fixture f;

    start_compacted(&f);
    fixture_append(&f, 2, 5, 7, 5, "5", 0);
    cr_assert_not_null(fixture_sent(&f, 2, WW_RAFT_APPEND_REJECT));
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_APPEND_REJECT)->message.log_term, 4);
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_APPEND_REJECT)->message.commit, 7);
    fixture_append(&f, 2, 5, 6, 5, "5", 0);
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_APPEND_REJECT)->message.log_term, 3);
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_APPEND_REJECT)->message.commit, 6);
    fixture_append(&f, 2, 4, 2, 2, "", 0);
    cr_expect_eq(fixture_sent(&f, 2, WW_RAFT_APPEND_REJECT)->message.term, 5, "an old leader");
    fixture_stop(&f);
}

Test(raft_append, configurations_that_are_known_are_not_appended_twice)
{
    struct fixture f;
    struct ww_raft_placed_configuration placed = {2, {.voters = VOTERS(4)}};

    fixture_start(&f, 3, 1, 0, "1");
    fixture_append_placed(&f, 2, 1, 1, 1, "11", &placed, 1);
    cr_expect(f.update.role_changed);
    cr_expect_eq(fixture_append_placed(&f, 2, 1, 1, 1, "111", &placed, 1), WW_OK);
    cr_expect_eq(f.update.append_from, 4);
    cr_expect_not(f.update.role_changed);
    cr_expect_eq(fixture_status(&f).configuration_index, 2);
    fixture_stop(&f);
}

Test(raft_append, configurations_that_no_leader_makes_are_refused)
{
    struct fixture f;
    struct ww_raft_placed_configuration placed[] = {{2, {.voters = VOTERS(4)}},
                                                    {2, {.voters = VOTERS(4)}}};

    fixture_start(&f, 3, 1, 0, "1");
    cr_expect_eq(fixture_append_placed(&f, 2, 1, 1, 1, "11", placed, 2), WW_EINVAL, "twice");
    placed[0].index = 1;
    cr_expect_eq(fixture_append_placed(&f, 2, 1, 1, 1, "11", placed, 1), WW_EINVAL, "not in it");
    placed[0].index = 4;
    cr_expect_eq(fixture_append_placed(&f, 2, 1, 1, 1, "11", placed, 1), WW_EINVAL, "behind it");
    placed[0] = (struct ww_raft_placed_configuration){2, {.voters = 0}};
    cr_expect_eq(fixture_append_placed(&f, 2, 1, 1, 1, "11", placed, 1), WW_EINVAL, "nobody");
    placed[0].configuration = (struct ww_configuration){.voters = 6, .learners = 2};
    cr_expect_eq(fixture_append_placed(&f, 2, 1, 1, 1, "11", placed, 1), WW_EINVAL, "both");
    cr_expect_eq(fixture_append_placed(&f, 2, 1, 1, 1, "", placed, 1), WW_EINVAL, "no entries");
    cr_expect_eq(ww_raft_last_index(f.raft), 1);
    fixture_stop(&f);
}
