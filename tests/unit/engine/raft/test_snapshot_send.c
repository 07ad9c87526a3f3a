/* SPDX-License-Identifier: Apache-2.0 */
/* The leader's side of a snapshot that a follower needs. */
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>

/* A leader of three voters with the log up to 12, all of it sent to node 3. */
static void lead_to_12(struct fixture *f)
{
    struct ww_raft_message message;

    fixture_lead(f, 3);
    fixture_propose(f, 10);
    fixture_all_durable(f, NODE(2));
    while (fixture_replicate(f, 3, 64, &message))
        continue;
}

/* It keeps (10, 12], of which node 3 has nothing and says so. */
static void lead_compacted(struct fixture *f)
{
    lead_to_12(f);
    cr_assert_eq(fixture_compact(f, 11, 11), WW_OK);
    fixture_reject(f, 3, 12, 0, 1);
}

static int acknowledge_part(struct fixture *f, uint16_t question, uint64_t bytes)
{
    return fixture_receive(f, 3,
                           (struct ww_raft_message){.type = WW_RAFT_SNAPSHOT_ACK,
                                                    .question = question,
                                                    .term = 2,
                                                    .index = 11,
                                                    .log_term = 2,
                                                    .commit = bytes,
                                                    .window_bytes = 400});
}

/* The next part for node 3, of at most `max` bytes; its offset, or UINT64_MAX: none is due. */
static uint64_t send_part(struct fixture *f, uint32_t max, struct ww_raft_message *message)
{
    uint64_t last;
    uint32_t budget;

    if (!ww_raft_next_append(f->raft, 3, message, &last, &budget))
        return UINT64_MAX;
    cr_assert_eq(message->type, WW_RAFT_SNAPSHOT);
    cr_assert_eq(message->index, 11);
    cr_assert_eq(message->log_term, 2);
    cr_assert_eq(last, 11);
    ww_raft_sent(f->raft, 3, last, budget < max ? budget : max, f->now);
    return message->commit;
}

Test(raft_snapshot_send, a_follower_beyond_the_log_gets_the_snapshot_in_parts)
{
    struct fixture f;
    struct ww_raft_message message;

    lead_compacted(&f);
    cr_expect_eq(fixture_peer(&f, 3).state, WW_RAFT_SEND_SNAPSHOT);
    cr_expect_eq(send_part(&f, 300, &message), 0);
    cr_expect_eq(send_part(&f, 300, &message), 300);
    cr_expect_eq(send_part(&f, 500, &message), 600);
    cr_expect_eq(send_part(&f, 300, &message), UINT64_MAX, "all is on its way");
    acknowledge_part(&f, message.question, 600);
    cr_expect_eq(send_part(&f, 300, &message), UINT64_MAX);
    acknowledge_part(&f, message.question, 1000);
    cr_expect_eq(fixture_peer(&f, 3).state, WW_RAFT_SEND_SNAPSHOT, "it is not installed yet");
    fixture_ack(&f, 3, 11);
    cr_expect_eq(fixture_peer(&f, 3).state, WW_RAFT_REPLICATE);
    cr_expect_eq(fixture_peer(&f, 3).next, 12);
    cr_assert(fixture_replicate(&f, 3, 9, &message));
    cr_expect_eq(message.index, 11);
    fixture_stop(&f);
}

Test(raft_snapshot_send, parts_stay_in_the_window_that_the_follower_grants)
{
    struct fixture f;
    struct ww_raft_message message;

    lead_compacted(&f);
    send_part(&f, 100, &message);
    acknowledge_part(&f, message.question, 100); /* grants 400 */
    cr_expect_eq(send_part(&f, 1000, &message), 100);
    cr_expect_eq(send_part(&f, 1000, &message), UINT64_MAX, "400 are on their way");
    acknowledge_part(&f, message.question, 200);
    cr_expect_eq(send_part(&f, 1000, &message), 500);
    fixture_stop(&f);
}

Test(raft_snapshot_send, sending_resumes_behind_what_is_staged)
{
    struct fixture f;
    struct ww_raft_message message;

    lead_compacted(&f);
    send_part(&f, 300, &message);
    send_part(&f, 300, &message);
    acknowledge_part(&f, message.question, 300);
    fixture_tick(&f, f.now + 2 * RETRY); /* the second part was lost */
    cr_expect_eq(send_part(&f, 300, &message), 300);
    fixture_stop(&f);
}

Test(raft_snapshot_send, whether_it_was_installed_is_asked_again)
{
    struct fixture f;
    struct ww_raft_message message;

    lead_compacted(&f);
    send_part(&f, 1000, &message);
    acknowledge_part(&f, message.question, 1000);
    cr_expect_eq(send_part(&f, 1000, &message), UINT64_MAX);
    fixture_tick(&f, f.now + 2 * RETRY);
    cr_expect_eq(send_part(&f, 1000, &message), 1000, "an empty part");
    fixture_stop(&f);
}

Test(raft_snapshot_send, sending_resumes_though_heartbeats_are_answered)
{
    struct fixture f;
    struct ww_raft_message message;

    lead_compacted(&f);
    send_part(&f, 1000, &message);
    fixture_ack(&f, 3, 5); /* it has more than was known, not enough */
    cr_expect_eq(fixture_peer(&f, 3).match, 5);
    fixture_tick(&f, f.now + 2 * RETRY);
    cr_expect_eq(send_part(&f, 1000, &message), 0);
    fixture_stop(&f);
}

Test(raft_snapshot_send, a_follower_that_lost_what_was_staged_gets_it_again)
{
    struct fixture f;
    struct ww_raft_message message;
    uint16_t old;

    lead_compacted(&f);
    send_part(&f, 300, &message);
    old = message.question;
    acknowledge_part(&f, old, 300);
    send_part(&f, 300, &message);
    fixture_tick(&f, f.now + 2 * RETRY);
    send_part(&f, 300, &message);
    acknowledge_part(&f, old, 0);
    cr_expect_eq(send_part(&f, 300, &message), 600, "that answer was overtaken");
    fixture_tick(&f, f.now + 8 * RETRY);
    cr_expect_eq(send_part(&f, 300, &message), 300);
    acknowledge_part(&f, message.question, 0);
    cr_expect_eq(send_part(&f, 300, &message), 0);
    fixture_stop(&f);
}

Test(raft_snapshot_send, answers_that_overtook_each_other_do_not_send_parts_twice)
{
    struct fixture f;
    struct ww_raft_message message;

    lead_compacted(&f);
    send_part(&f, 200, &message);
    send_part(&f, 200, &message);
    acknowledge_part(&f, message.question, 400);
    acknowledge_part(&f, message.question, 200);
    cr_expect_eq(send_part(&f, 200, &message), 400);
    fixture_stop(&f);
}

Test(raft_snapshot_send, acknowledgements_of_another_snapshot_do_not_count)
{
    struct fixture f;
    struct ww_raft_message message;
    struct ww_raft_message other = {
        .type = WW_RAFT_SNAPSHOT_ACK, .term = 2, .index = 10, .log_term = 2, .commit = 500};

    lead_compacted(&f);
    send_part(&f, 600, &message);
    other.question = message.question;
    fixture_receive(&f, 3, other);
    other.index = 11;
    other.commit = 2000;
    fixture_receive(&f, 3, other);
    other.log_term = 1;
    other.commit = 500;
    fixture_receive(&f, 3, other);
    acknowledge_part(&f, message.question, 100); /* 500 on their way, 400 granted */
    cr_expect_eq(send_part(&f, 600, &message), UINT64_MAX);
    fixture_stop(&f);
}

Test(raft_snapshot_send, a_newer_snapshot_takes_the_place_of_the_one_being_sent)
{
    struct fixture f;
    struct ww_raft_message message;
    uint64_t last;
    uint32_t budget;

    lead_compacted(&f);
    send_part(&f, 600, &message);
    fixture_compact(&f, 12, 13);
    cr_assert(ww_raft_next_append(f.raft, 3, &message, &last, &budget));
    cr_expect_eq(message.index, 12);
    cr_expect_eq(message.commit, 0);
    fixture_stop(&f);
}

Test(raft_snapshot_send, a_follower_whose_next_entry_is_compacted_gets_it)
{
    struct fixture f;
    struct ww_raft_message message;

    fixture_lead(&f, 3);
    fixture_propose(&f, 10); /* up to 12; 3 has them to 2, and was sent none */
    fixture_all_durable(&f, NODE(2));
    fixture_compact(&f, 11, 12);
    cr_expect_eq(fixture_peer(&f, 3).state, WW_RAFT_SEND_SNAPSHOT);
    cr_expect_eq(send_part(&f, 1000, &message), 0);
    fixture_stop(&f);
}

Test(raft_snapshot_send, a_heartbeat_names_an_entry_that_the_log_still_has)
{
    struct fixture f;
    struct ww_raft_message message;

    lead_to_12(&f);
    fixture_reject(&f, 3, 12, 0, 5);
    cr_assert(fixture_replicate(&f, 3, 64, &message));
    cr_assert_eq(message.index, 4, "the question, with all that follows");
    fixture_compact(&f, 9, 10);
    fixture_tick(&f, ww_raft_deadline_ns(f.raft));
    cr_assert_not_null(fixture_sent(&f, 3, WW_RAFT_APPEND));
    cr_expect_eq(fixture_sent(&f, 3, WW_RAFT_APPEND)->message.index, 9);
    cr_expect_eq(fixture_sent(&f, 3, WW_RAFT_APPEND)->message.log_term, 2);
    fixture_stop(&f);
}

Test(raft_snapshot_send, while_one_is_sent_rejections_say_nothing_new)
{
    struct fixture f;
    struct ww_raft_message message;

    lead_compacted(&f);
    send_part(&f, 300, &message);
    fixture_reject(&f, 3, 10, 0, 1); /* of a heartbeat */
    cr_expect_eq(fixture_peer(&f, 3).state, WW_RAFT_SEND_SNAPSHOT);
    cr_expect_eq(send_part(&f, 300, &message), 300);
    fixture_stop(&f);
}

Test(raft_snapshot_send, it_is_known_while_the_follower_answers)
{
    struct fixture f;
    struct ww_raft_message message;

    lead_compacted(&f);
    cr_expect(ww_raft_sends_snapshot(f.raft));
    cr_expect_eq(send_part(&f, 1000, &message), 0);
    acknowledge_part(&f, message.question, 1000);
    cr_expect(ww_raft_sends_snapshot(f.raft), "it is not installed yet");
    f.now += ELECTION_MAX;
    fixture_ack(&f, 2, 12);
    cr_expect_not(ww_raft_sends_snapshot(f.raft), "a silent one holds nothing up");
    fixture_ack(&f, 3, 11);
    cr_expect_not(ww_raft_sends_snapshot(f.raft), "it has it");
    fixture_stop(&f);
}
