/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *refused(const struct ww_raft_options *options)
{
    struct ww_raft *raft;
    const char *why = NULL;

    cr_assert_eq(ww_raft_create(options, &raft, &why), WW_EINVAL);
    cr_assert_null(raft);
    cr_assert_not_null(why);
    return why;
}

Test(raft, options_that_contradict_themselves_are_refused)
{
    static const struct ww_raft_run gap[] = {{1, 2, 1}, {4, 5, 1}};
    static const struct ww_raft_run falling[] = {{1, 2, 2}, {3, 5, 1}};
    struct ww_raft_options good;
    struct ww_raft_options bad;

    fixture_options(&good, 3);
    bad = good;
    bad.configuration.learners = 1u << 2;
    cr_expect(strstr(refused(&bad), "twice"));
    bad = good;
    bad.self = WW_NODES_MAX + 1;
    cr_expect(strstr(refused(&bad), "id is out of range"));
    bad = good;
    bad.heartbeat_ns = bad.election_min_ns;
    cr_expect(strstr(refused(&bad), "heartbeat"));
    bad = good;
    bad.election_max_ns = bad.election_min_ns;
    cr_expect(strstr(refused(&bad), "election"));
    bad = good;
    bad.term = 3;
    bad.log = gap;
    bad.log_runs = 2;
    cr_expect(strstr(refused(&bad), "consecutive"));
    bad.log = falling;
    cr_expect(strstr(refused(&bad), "terms"));
    bad.log_runs = 1;
    bad.term = 1;
    cr_expect(strstr(refused(&bad), "terms"));
}

Test(raft, what_no_correct_node_sends_is_refused_and_changes_nothing)
{
    static const struct {
        const char *what;
        uint32_t from;
        struct ww_raft_message message;
        size_t run_count;
        struct ww_raft_run runs[2];
    } cases[] = {
        {"type 0", 2, {.type = 0, .term = 9}, 0, {{0}}},
        {"unknown type", 2, {.type = WW_RAFT_MESSAGE_TYPES, .term = 9}, 0, {{0}}},
        {"from itself", 1, {.type = WW_RAFT_APPEND, .term = 9}, 0, {{0}}},
        {"from no node", WW_NODES_MAX + 1, {.type = WW_RAFT_APPEND, .term = 9}, 0, {{0}}},
        {"from 0", 0, {.type = WW_RAFT_APPEND, .term = 9}, 0, {{0}}},
        {"term 0", 2, {.type = WW_RAFT_APPEND}, 0, {{0}}},
        {"huge term", 2, {.type = WW_RAFT_VOTE, .term = UINT64_MAX}, 0, {{0}}},
        {"huge index",
         2,
         {.type = WW_RAFT_APPEND, .term = 9, .index = UINT64_MAX, .log_term = 1},
         0,
         {{0}}},
        {"log term beyond the term",
         2,
         {.type = WW_RAFT_APPEND, .term = 9, .index = 1, .log_term = 10},
         0,
         {{0}}},
        {"index without a term", 2, {.type = WW_RAFT_APPEND, .term = 9, .index = 1}, 0, {{0}}},
        {"term without an index", 2, {.type = WW_RAFT_VOTE, .term = 9, .log_term = 1}, 0, {{0}}},
        {"run of term 0", 2, {.type = WW_RAFT_APPEND, .term = 9}, 1, {{1, 1, 0}}},
        {"run beyond the term", 2, {.type = WW_RAFT_APPEND, .term = 9}, 1, {{1, 1, 10}}},
        {"run elsewhere", 2, {.type = WW_RAFT_APPEND, .term = 9}, 1, {{2, 2, 9}}},
        {"run backwards", 2, {.type = WW_RAFT_APPEND, .term = 9}, 1, {{1, 0, 9}}},
        {"huge run", 2, {.type = WW_RAFT_APPEND, .term = 9}, 1, {{1, UINT64_MAX, 9}}},
        {"gap", 2, {.type = WW_RAFT_APPEND, .term = 9}, 2, {{1, 1, 9}, {3, 3, 9}}},
        {"falling terms", 2, {.type = WW_RAFT_APPEND, .term = 9}, 2, {{1, 1, 9}, {2, 2, 8}}},
        {"no hint", 2, {.type = WW_RAFT_APPEND_REJECT, .term = 9, .index = 1}, 0, {{0}}},
    };
    struct fixture f;

    fixture_start(&f, 3, 4, 2, "14");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ww_raft_message message = cases[i].message;
        message.group = 7;
        cr_expect_eq(fixture_step(&f, (struct ww_raft_event){.type = WW_RAFT_EV_MESSAGE,
                                                             .from = cases[i].from,
                                                             .message = &message,
                                                             .runs = cases[i].runs,
                                                             .run_count = cases[i].run_count}),
                     WW_EINVAL, "%s", cases[i].what);
        cr_expect(f.update.term == 4 && f.update.vote == 2 && f.update.message_count == 0 &&
                      !f.update.hard_state && !f.update.role_changed && f.update.append_from == 0,
                  "%s", cases[i].what);
    }
    fixture_stop(&f);
}

Test(raft, a_message_of_another_group_is_refused)
{
    struct ww_raft_message message = {.type = WW_RAFT_APPEND, .group = 8, .term = 9};
    struct fixture f;

    fixture_start(&f, 3, 4, 2, "14");
    cr_expect_eq(fixture_step(&f, (struct ww_raft_event){.type = WW_RAFT_EV_MESSAGE,
                                                         .from = 2,
                                                         .message = &message}),
                 WW_EINVAL);
    fixture_stop(&f);
}

Test(raft, only_a_leader_takes_proposals)
{
    struct fixture f;

    fixture_start(&f, 3, 4, 2, "14");
    fixture_propose(&f, 1);
    cr_expect_eq(f.update.status, WW_ENOTLEADER);
    cr_expect_eq(f.update.append_from, 0);
    fixture_become_leader(&f);
    fixture_propose(&f, 10);
    cr_expect_eq(f.update.status, WW_OK);
    cr_expect_eq(f.update.append_from, 4);
    cr_expect_eq(f.update.append_to, 13);
    cr_expect_eq(f.update.append_kind, WW_RAFT_APPENDED_BATCHES);
    fixture_stop(&f);
}

Test(raft, it_starts_from_what_the_disk_held)
{
    struct fixture f;
    struct ww_raft_status status;

    fixture_start(&f, 3, 4, 2, "1133");
    status = fixture_status(&f);
    cr_expect_eq(status.role, WW_RAFT_FOLLOWER);
    cr_expect_eq(status.leader, 0);
    cr_expect_eq(status.term, 4);
    cr_expect_eq(status.vote, 2);
    cr_expect_eq(status.first_index, 1);
    cr_expect_eq(status.last_index, 4);
    cr_expect_eq(status.last_term, 3);
    cr_expect_eq(status.durable, 4);
    cr_expect_eq(status.commit, 0);
    cr_expect_eq(status.peer_count, 0);
    fixture_stop(&f);
}

Test(raft, a_lone_voter_that_was_one_of_several_waits_before_it_stands)
{
    struct fixture f;
    struct ww_raft_options options;
    struct ww_raft_placed_configuration alone = {1, {.voters = NODE(1)}};

    fixture_options(&options, 1);
    options.term = 1;
    fixture_start_with(&f, options, "1");
    cr_expect_eq(ww_raft_deadline_ns(f.raft), options.now_ns, "nobody else could lead");
    fixture_stop(&f);

    options.configuration.voters = VOTERS(2);
    options.configurations = &alone;
    options.configuration_count = 1;
    fixture_start_with(&f, options, "1");
    cr_expect_geq(ww_raft_deadline_ns(f.raft), options.now_ns + ELECTION_MIN,
                  "node 2 may lead the change that removes it, with a lease on this one");
    fixture_stop(&f);
}

Test(raft, an_event_that_is_none_is_refused)
{
    struct fixture f;

    fixture_start(&f, 3, 1, 0, "1");
    cr_expect_eq(fixture_step(&f, (struct ww_raft_event){.type = WW_RAFT_EV_TIME_JUMPED + 1}),
                 WW_EINVAL);
    fixture_stop(&f);
}
