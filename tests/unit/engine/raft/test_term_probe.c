/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>

/* A candidacy that both others refuse. */
static void refused(struct fixture *f)
{
    fixture_timeout(f);
    cr_assert_not_null(fixture_sent(f, 2, WW_RAFT_PRE_VOTE));
    fixture_vote_reply(f, 2, WW_RAFT_PRE_VOTE_REPLY, 4, false);
    fixture_vote_reply(f, 3, WW_RAFT_PRE_VOTE_REPLY, 4, false);
    fixture_vote_reply(f, 3, WW_RAFT_PRE_VOTE_REPLY, 4, false); /* counts once */
}

Test(raft_term_probe, a06_a_node_refused_often_asks_for_terms_instead)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    refused(&f);
    refused(&f);
    refused(&f);
    fixture_timeout(&f);
    cr_expect_null(fixture_sent(&f, 0, WW_RAFT_PRE_VOTE));
    for (uint32_t id = 2; id <= 3; id++)
        cr_expect_not_null(fixture_sent(&f, id, WW_RAFT_TERM_PROBE));
    cr_expect_eq(f.update.term, 4, "and raises none");
    refused(&f); /* then it stands again */
    fixture_stop(&f);
}

Test(raft_term_probe, a_leader_that_is_heard_begins_the_count_anew)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 0, "14");
    refused(&f);
    refused(&f);
    fixture_heartbeat(&f, 2, 4, 2, 4, 0);
    refused(&f);
    refused(&f);
    fixture_stop(&f);
}

Test(raft_term_probe, a06_a_probe_is_answered_and_disturbs_nobody)
{
    struct fixture f;
    struct ww_raft_message probe = {.type = WW_RAFT_TERM_PROBE, .term = 9};

    fixture_lead(&f, 3);
    fixture_receive(&f, 3, probe);
    cr_assert_not_null(fixture_sent(&f, 3, WW_RAFT_TERM_PROBE_REPLY));
    cr_expect_eq(fixture_sent(&f, 3, WW_RAFT_TERM_PROBE_REPLY)->message.term, 2);
    cr_expect(ww_raft_is_leader(f.raft));
    cr_expect_eq(f.update.term, 2);
    fixture_stop(&f);
}

Test(raft_term_probe, a_node_without_a_term_has_nothing_to_tell)
{
    struct fixture f;

    fixture_start(&f, 3, 0, 0, "");
    cr_expect_eq(fixture_receive(&f, 2,
                                 (struct ww_raft_message){.type = WW_RAFT_TERM_PROBE, .term = 9}),
                 WW_OK);
    cr_expect_eq(f.update.message_count, 0, "no message is of term 0");
    fixture_stop(&f);
}

Test(raft_term_probe, a06_the_term_in_the_answer_is_taken)
{
    struct fixture f;
    struct ww_raft_message reply = {.type = WW_RAFT_TERM_PROBE_REPLY, .term = 9};

    fixture_start(&f, 3, 4, 2, "14");
    fixture_receive(&f, 2, reply);
    cr_expect_eq(f.update.term, 9);
    cr_expect_eq(f.update.vote, 0);
    cr_expect(f.update.hard_state);
    fixture_receive(&f, 3, reply);
    cr_expect_not(f.update.hard_state, "known");
    fixture_stop(&f);
}
