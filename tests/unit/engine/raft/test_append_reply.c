/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>

/* A leader of term 5 with log "11233" + its first entry, 6; peer 2 was asked about index 5. */
static void lead(struct fixture *f)
{
    struct ww_raft_message message;

    fixture_start(f, 3, 4, 0, "11233");
    fixture_become_leader(f);
    cr_assert(fixture_replicate(f, 2, 9, &message));
    cr_assert_eq(message.index, 5);
    cr_assert_eq(ww_raft_last_index(f->raft), 6);
}

Test(raft_append_reply, an_acknowledgement_begins_the_pipeline)
{
    struct fixture f;

    lead(&f);
    cr_expect_eq(fixture_peer(&f, 2).state, WW_RAFT_PROBE);
    fixture_ack(&f, 2, 4);
    cr_expect_eq(fixture_peer(&f, 2).state, WW_RAFT_PROBE, "the question was about 5");
    cr_expect_eq(fixture_peer(&f, 2).match, 4);
    fixture_ack(&f, 2, 5);
    cr_expect_neq(fixture_peer(&f, 2).state, WW_RAFT_PROBE);
    cr_expect_eq(fixture_peer(&f, 2).next, 7, "6 is on its way");
    cr_expect_eq(fixture_peer(&f, 2).inflight_bytes, 100);
    fixture_ack(&f, 2, 6);
    cr_expect_eq(fixture_peer(&f, 2).inflight_bytes, 0);
    fixture_stop(&f);
}

Test(raft_append_reply, c8_match_never_goes_back_and_next_stays_above)
{
    struct fixture f;

    lead(&f);
    fixture_ack(&f, 2, 6);
    cr_expect_eq(fixture_peer(&f, 2).match, 6);
    fixture_ack(&f, 2, 3); /* an older one, overtaken */
    cr_expect_eq(fixture_peer(&f, 2).match, 6);
    cr_expect_eq(fixture_peer(&f, 2).next, 7);
    fixture_reject(&f, 2, 5, 0, 1); /* an older rejection: index at or below match */
    cr_expect_neq(fixture_peer(&f, 2).state, WW_RAFT_PROBE);
    cr_expect_eq(fixture_peer(&f, 2).next, 7);
    fixture_propose(&f, 2);
    cr_assert(fixture_replicate(&f, 2, 9, &(struct ww_raft_message){0}));
    fixture_reject(&f, 2, 8, 0, 2); /* a hint below match */
    cr_expect_eq(fixture_peer(&f, 2).state, WW_RAFT_PROBE);
    cr_expect_eq(fixture_peer(&f, 2).match, 6);
    cr_expect_eq(fixture_peer(&f, 2).next, 7);
    fixture_ack(&f, 2, 8); /* 8 was there after all */
    cr_expect_eq(fixture_peer(&f, 2).match, 8);
    cr_expect_eq(fixture_peer(&f, 2).next, 9);
    fixture_stop(&f);
}

/* A peer without a disk was started again, or lost the last block that it wrote. */
Test(raft_append_reply, a_peer_that_lost_what_it_acknowledged_is_served_again)
{
    struct fixture f;
    struct ww_raft_message question, denial;

    lead(&f);
    fixture_ack(&f, 2, 6);
    fixture_reject(&f, 2, 6, 0, 3);
    cr_expect_eq(fixture_peer(&f, 2).state, WW_RAFT_PROBE, "is that so now?");
    cr_expect_eq(fixture_peer(&f, 2).match, 6);
    fixture_tick(&f, f.now + HEARTBEAT);
    cr_assert_not_null(fixture_sent(&f, 2, WW_RAFT_APPEND));
    question = fixture_sent(&f, 2, WW_RAFT_APPEND)->message;
    cr_expect_eq(question.index, 6);
    denial = (struct ww_raft_message){.type = WW_RAFT_APPEND_REJECT,
                                      .question = (uint16_t)(question.question - 1),
                                      .term = question.term,
                                      .index = 6,
                                      .commit = 3,
                                      .window_bytes = WINDOW};
    fixture_receive(&f, 2, denial); /* an older one */
    cr_expect_eq(fixture_peer(&f, 2).match, 6);
    denial.question = question.question;
    fixture_receive(&f, 2, denial);
    cr_expect_eq(fixture_peer(&f, 2).match, 2);
    cr_expect_eq(fixture_peer(&f, 2).next, 3);
    fixture_receive(&f, 2, denial); /* the same again, later */
    cr_expect_eq(fixture_peer(&f, 2).next, 3);
    cr_assert(fixture_replicate(&f, 2, 9, &question));
    cr_expect_eq(question.index, 2);
    fixture_ack(&f, 2, 6);
    cr_expect_eq(fixture_peer(&f, 2).match, 6);
    fixture_stop(&f);
}

Test(raft_append_reply, c8_match_rises_only_within_our_log)
{
    struct fixture f;

    lead(&f);
    cr_expect_eq(fixture_ack(&f, 2, 7), WW_EINVAL);
    cr_expect_eq(fixture_peer(&f, 2).match, 0);
    fixture_stop(&f);
}

Test(raft_append_reply, a1_a_follower_that_is_short_is_served_from_its_end)
{
    struct fixture f;
    struct ww_raft_message message;

    lead(&f);
    cr_expect_not(fixture_replicate(&f, 2, 9, &message), "one question at a time");
    fixture_reject(&f, 2, 5, 0, 3);
    cr_expect_eq(fixture_peer(&f, 2).next, 3);
    cr_expect_eq(fixture_peer(&f, 2).inflight_bytes, 0);
    cr_assert(fixture_replicate(&f, 2, 9, &message));
    cr_expect_eq(message.index, 2);
    cr_expect_eq(message.log_term, 1);
    fixture_stop(&f);
}

Test(raft_append_reply, a1_a_whole_term_is_skipped_per_round_trip)
{
    struct fixture f;
    struct ww_raft_message message;

    /* Follower "1112222": conflicts at 5 with term 2, from 4 on there, up to 3 here. */
    lead(&f);
    fixture_reject(&f, 2, 5, 2, 4);
    cr_expect_eq(fixture_peer(&f, 2).next, 4, "our last entry of term 2, plus one");
    cr_assert(fixture_replicate(&f, 2, 9, &message));
    fixture_reject(&f, 2, 3, 1, 1); /* its entry 3 has term 1: ours of term 1 end at 2 */
    cr_expect_eq(fixture_peer(&f, 2).next, 3);
    fixture_stop(&f);

    /* Follower "11" and then 44444: we have no entry of term 4. */
    lead(&f);
    fixture_reject(&f, 2, 5, 4, 3);
    cr_expect_eq(fixture_peer(&f, 2).next, 3, "the first index of the term");
    fixture_stop(&f);
}

Test(raft_append_reply, answers_to_older_questions_are_ignored)
{
    struct fixture f;
    struct ww_raft_message message;

    lead(&f);
    fixture_reject(&f, 2, 5, 0, 3);
    fixture_reject(&f, 2, 5, 0, 1); /* the same again, later */
    cr_expect_eq(fixture_peer(&f, 2).next, 3);
    cr_assert(fixture_replicate(&f, 2, 1, &message));
    fixture_reject(&f, 2, 4, 0, 1);
    cr_expect_not(fixture_replicate(&f, 2, 9, &message), "the question is still open");
    fixture_ack(&f, 2, 2);
    cr_expect_neq(fixture_peer(&f, 2).state, WW_RAFT_PROBE);
    fixture_reject(&f, 2, 9, 0, 5); /* beyond what was ever sent */
    cr_expect_neq(fixture_peer(&f, 2).state, WW_RAFT_PROBE);
    fixture_stop(&f);
}

Test(raft_append_reply, a_higher_term_ends_leadership)
{
    struct fixture f;

    lead(&f);
    fixture_receive(&f, 2,
                    (struct ww_raft_message){
                        .type = WW_RAFT_APPEND_REJECT, .term = 9, .index = 5, .commit = 1});
    cr_expect_eq(fixture_status(&f).role, WW_RAFT_FOLLOWER);
    cr_expect_eq(f.update.term, 9);
    cr_expect(f.update.hard_state && f.update.role_changed);
    fixture_stop(&f);
}

Test(raft_append_reply, answers_of_older_terms_count_for_nothing)
{
    struct fixture f;

    lead(&f);
    fixture_receive(&f, 2,
                    (struct ww_raft_message){.type = WW_RAFT_APPEND_ACK, .term = 4, .index = 6});
    cr_expect_eq(fixture_peer(&f, 2).match, 0);
    fixture_stop(&f);
}

Test(raft_append_reply, a_late_acknowledgement_does_not_stop_the_asking_for_a_snapshot)
{
    struct fixture f;
    struct ww_raft_message message;
    uint64_t last;
    uint32_t budget;

    lead(&f);
    fixture_durable(&f, 5, 6);
    fixture_ack(&f, 2, 6);
    cr_assert_eq(fixture_compact(&f, 6, 7), WW_OK);
    cr_assert(ww_raft_next_append(f.raft, 3, &message, &last, &budget));
    cr_assert_eq(message.type, WW_RAFT_SNAPSHOT);
    ww_raft_sent(f.raft, 3, last, SNAPSHOT_BYTES, f.now);
    cr_assert_not(ww_raft_next_append(f.raft, 3, &message, &last, &budget), "all is on its way");
    fixture_ack(&f, 3, 1);
    cr_expect_eq(fixture_peer(&f, 3).match, 1, "an answer to what was sent before");
    fixture_tick(&f, f.now + RETRY);
    cr_assert(ww_raft_next_append(f.raft, 3, &message, &last, &budget), "it is asked again");
    cr_expect_eq(message.type, WW_RAFT_SNAPSHOT);
    fixture_stop(&f);
}

Test(raft_append_reply, a_hint_above_what_was_asked_is_not_believed)
{
    struct fixture f;
    struct ww_raft_message message;

    fixture_start(&f, 3, 1, 0, "111");
    fixture_become_leader(&f);
    fixture_replicate(&f, 2, 9, &message);
    cr_expect_eq(message.index, 3);
    fixture_reject(&f, 2, 3, 0, 99);
    cr_expect_eq(fixture_peer(&f, 2).next, 3);
    fixture_stop(&f);
}
