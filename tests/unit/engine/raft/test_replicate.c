/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>

/* A leader of term 2 of three nodes; peer 2 is in REPLICATE with everything acknowledged. */
static void lead(struct fixture *f)
{
    struct ww_raft_message message;

    fixture_start(f, 3, 1, 0, "11");
    fixture_become_leader(f);
    cr_assert(fixture_replicate(f, 2, 9, &message));
    fixture_ack(f, 2, 3);
    cr_assert_neq(fixture_peer(f, 2).state, WW_RAFT_PROBE);
    cr_assert(fixture_replicate(f, 2, 0, &message) == false);
}

Test(raft_replicate, a_new_leader_sends_its_first_entry_hoping_that_the_logs_are_equal)
{
    struct fixture f;
    struct ww_raft_message message;
    uint64_t last;
    uint32_t budget;

    fixture_start(&f, 3, 1, 0, "11");
    cr_expect_not(ww_raft_next_append(f.raft, 2, &message, &last, &budget), "not the leader");
    fixture_become_leader(&f);
    cr_assert(ww_raft_next_append(f.raft, 2, &message, &last, &budget));
    cr_expect_eq(message.type, WW_RAFT_APPEND);
    cr_expect_eq(message.group, 7);
    cr_expect_eq(message.term, 2);
    cr_expect_eq(message.index, 2);
    cr_expect_eq(message.log_term, 1);
    cr_expect_eq(last, 3);
    cr_expect_eq(budget, WINDOW);
    cr_assert(ww_raft_next_append(f.raft, 2, &message, &last, &budget),
              "not sent: nothing changed");
    cr_expect_not(ww_raft_next_append(f.raft, 1, &message, &last, &budget), "not to itself");
    cr_expect_not(ww_raft_next_append(f.raft, 6, &message, &last, &budget), "not a member");
    fixture_stop(&f);
}

Test(raft_replicate, a5_messages_follow_each_other_within_the_window)
{
    struct fixture f;
    struct ww_raft_message message;

    lead(&f);
    fixture_propose(&f, 100);
    for (uint64_t i = 0; i < 5; i++) {
        cr_assert(fixture_replicate(&f, 2, 2, &message));
        cr_expect_eq(message.index, 3 + 2 * i);
    }
    cr_expect_eq(fixture_peer(&f, 2).inflight_bytes, WINDOW);
    cr_expect_not(fixture_replicate(&f, 2, 2, &message), "the window is full");
    fixture_ack(&f, 2, 4);
    cr_expect_not(fixture_replicate(&f, 2, 2, &message), "half a message is not a message");
    fixture_ack(&f, 2, 8);
    cr_expect_eq(fixture_peer(&f, 2).inflight_bytes, WINDOW - 400);
    cr_expect(fixture_replicate(&f, 2, 2, &message));
    fixture_stop(&f);
}

Test(raft_replicate, the_receivers_window_counts_too)
{
    struct fixture f;
    struct ww_raft_message message;
    uint64_t last;
    uint32_t budget;
    struct ww_raft_message ack = {.type = WW_RAFT_APPEND_ACK, .term = 2, .index = 3};

    lead(&f);
    fixture_propose(&f, 100);
    fixture_receive(&f, 2, ack);
    cr_expect_not(fixture_replicate(&f, 2, 9, &message), "it granted 0");
    ack.window_bytes = 150;
    fixture_receive(&f, 2, ack);
    cr_assert(ww_raft_next_append(f.raft, 2, &message, &last, &budget));
    cr_expect_eq(budget, 150);
    ack.window_bytes = 0;
    ack.index = 2;
    fixture_receive(&f, 2, ack);
    cr_expect(ww_raft_next_append(f.raft, 2, &message, &last, &budget), "an old answer");
    fixture_stop(&f);
}

Test(raft_replicate, the_number_of_messages_on_the_way_is_bounded)
{
    struct fixture f;
    struct ww_raft_message message;
    uint64_t last;
    uint32_t budget;
    uint64_t sent = 0;

    lead(&f);
    fixture_propose(&f, 1000);
    for (uint64_t i = 4; ww_raft_next_append(f.raft, 2, &message, &last, &budget); i++) {
        ww_raft_sent(f.raft, 2, i, 1, f.now);
        sent++;
    }
    cr_expect_eq(sent, WW_RAFT_INFLIGHT_MAX);
    fixture_ack(&f, 2, 13);
    for (uint64_t i = 4 + sent; ww_raft_next_append(f.raft, 2, &message, &last, &budget); i++)
        ww_raft_sent(f.raft, 2, i, 1, f.now);
    cr_expect_eq(fixture_peer(&f, 2).next, 4 + sent + 10);
    cr_expect_eq(fixture_peer(&f, 2).inflight_bytes, WW_RAFT_INFLIGHT_MAX);
    fixture_stop(&f);
}

Test(raft_replicate, an_idle_leader_tells_the_commit_position_at_once_and_once)
{
    struct fixture f;
    struct ww_raft_message message;

    lead(&f);
    fixture_durable(&f, 2, 3);
    cr_assert_eq(f.update.commit, 3);
    cr_assert(fixture_replicate(&f, 2, 9, &message));
    cr_expect_eq(message.index, 3);
    cr_expect_eq(message.commit, 3);
    cr_expect_eq(message.flags, 0, "it asks for no answer");
    cr_expect_not(fixture_replicate(&f, 2, 9, &message));
    fixture_stop(&f);
}

Test(raft_replicate, entries_carry_the_commit_position_and_no_message_follows_for_it)
{
    struct fixture f;
    struct ww_raft_message message;

    lead(&f);
    fixture_durable(&f, 2, 3);
    fixture_propose(&f, 1);
    cr_assert(fixture_replicate(&f, 2, 9, &message));
    cr_expect_eq(message.commit, 3);
    cr_expect_not(fixture_replicate(&f, 2, 9, &message));
    fixture_stop(&f);
}

Test(raft_replicate, heartbeats_find_gaps_and_ask_for_an_answer)
{
    struct fixture f;
    struct ww_raft_message message;
    const struct ww_raft_outgoing *beat;

    lead(&f);
    fixture_propose(&f, 2);
    cr_assert(fixture_replicate(&f, 2, 9, &message));
    fixture_timeout(&f);
    cr_expect_eq(f.update.message_count, 2);
    beat = fixture_sent(&f, 2, WW_RAFT_APPEND);
    cr_expect_eq(beat->message.index, 5, "what was sent should be there");
    cr_expect_eq(beat->message.log_term, 2);
    cr_expect_eq(beat->message.flags, WW_RAFT_ANSWER);
    cr_expect_not(beat->wait);
    beat = fixture_sent(&f, 3, WW_RAFT_APPEND);
    cr_expect_eq(beat->message.index, 0, "PROBE: what is known to match");
    cr_expect_eq(ww_raft_deadline_ns(f.raft), f.now + HEARTBEAT);
    fixture_stop(&f);
}

Test(raft_replicate, a5_a_silent_peer_is_asked_again_ever_later_up_to_a_cap)
{
    struct fixture f;
    struct ww_raft_message message;
    uint64_t asked_at;
    uint64_t wait = 0;

    fixture_start(&f, 3, 1, 0, "11");
    fixture_become_leader(&f);
    for (uint32_t i = 0; i < 12; i++) {
        uint64_t nominal = RETRY << (i < WW_RAFT_RETRY_DOUBLINGS ? i : WW_RAFT_RETRY_DOUBLINGS);
        asked_at = f.now;
        cr_assert(fixture_replicate(&f, 2, 9, &message));
        cr_expect_eq(message.index, 2, "the same question");
        cr_expect_eq(message.flags, WW_RAFT_ANSWER);
        while (!ww_raft_next_append(f.raft, 2, &message, &(uint64_t){0}, &(uint32_t){0})) {
            fixture_timeout(&f); /* 3 answers the heartbeats, so leadership goes on */
            fixture_ack(&f, 3, 0);
        }
        wait = f.now - asked_at;
        cr_expect(wait >= nominal && wait <= nominal + nominal / 4, "%u: %lu", i, wait);
    }
    fixture_stop(&f);
}

Test(raft_replicate, a5_a_pipeline_without_answers_is_probed)
{
    struct fixture f;
    struct ww_raft_message message;

    lead(&f);
    fixture_timeout(&f); /* a heartbeat, so that the next one comes after the retry */
    f.now = ww_raft_deadline_ns(f.raft) - 1;
    fixture_propose(&f, 2);
    cr_assert(fixture_replicate(&f, 2, 9, &message));
    fixture_tick(&f, f.now + RETRY - 1);
    fixture_tick(&f, f.now + 1);
    cr_assert_not_null(fixture_sent(&f, 2, WW_RAFT_APPEND));
    cr_expect_null(fixture_sent(&f, 3, WW_RAFT_APPEND), "nothing is on its way to 3");
    cr_expect_eq(f.update.messages[0].message.index, 5);
    fixture_reject(&f, 2, 5, 0, 4);
    cr_assert(fixture_replicate(&f, 2, 9, &message), "the lost tail goes out again");
    cr_expect_eq(message.index, 3);
    fixture_stop(&f);
}

Test(raft_replicate, c9_a_leader_that_no_quorum_answers_steps_down_in_its_term)
{
    struct fixture f;
    uint64_t heard;

    fixture_start(&f, 5, 1, 0, "11");
    fixture_become_leader(&f);
    f.now += 50;
    fixture_ack(&f, 2, 0);
    fixture_ack(&f, 3, 0);
    heard = f.now;
    f.now += 50;
    fixture_ack(&f, 4, 0);
    while (ww_raft_deadline_ns(f.raft) < heard + ELECTION_MAX)
        fixture_timeout(&f);
    cr_expect(ww_raft_is_leader(f.raft));
    cr_expect_eq(ww_raft_deadline_ns(f.raft), heard + ELECTION_MAX);
    fixture_timeout(&f);
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_FOLLOWER);
    cr_expect_eq(f.update.term, 2);
    cr_expect_eq(f.update.vote, 1);
    cr_expect_not(f.update.hard_state);
    cr_expect_eq(ww_raft_leader(f.raft), 0);
    fixture_propose(&f, 1);
    cr_expect_eq(f.update.status, WW_ENOTLEADER);
    fixture_stop(&f);
}
