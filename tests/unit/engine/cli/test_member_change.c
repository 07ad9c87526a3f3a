/* SPDX-License-Identifier: Apache-2.0 */
/* The waiting; requests to real nodes are made by tests/integration/test_membership.py. */
#include "engine/cli/member_change.h"

#include <criterion/criterion.h>

static const struct ww_cluster_members stable = {.configuration = {.voters = 1 << 1 | 1 << 2,
                                                                   .learners = 1 << 3},
                                                 .committed = true};

static bool done(enum ww_control_op op, uint32_t node, const struct ww_cluster_members *members)
{
    return ww_member_change_done(&(struct ww_control_request){.op = op, .node = node}, members, 1);
}

Test(member_change, a_change_is_done_when_the_node_is_what_it_shall_be)
{
    static const struct {
        enum ww_control_op op;
        bool voter, learner, none; /* done, when the node is that already */
    } cases[] = {
        {WW_CONTROL_ADD, true, true, false},
        {WW_CONTROL_PROMOTE, true, false, false},
        {WW_CONTROL_DEMOTE, false, true, false},
        {WW_CONTROL_REMOVE, false, false, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(done(cases[i].op, 1, &stable), cases[i].voter, "%zu", i);
        cr_assert_eq(done(cases[i].op, 3, &stable), cases[i].learner, "%zu", i);
        cr_assert_eq(done(cases[i].op, 4, &stable), cases[i].none, "%zu", i);
    }
}

Test(member_change, neither_an_uncommitted_nor_a_joint_configuration_is_the_end)
{
    struct ww_cluster_members members = stable;
    members.committed = false;
    cr_assert_not(done(WW_CONTROL_ADD, 3, &members));
    members = stable;
    members.configuration.old_voters = 1 << 1;
    cr_assert_not(done(WW_CONTROL_PROMOTE, 2, &members));
}

Test(member_change, a_transfer_is_done_when_the_node_leads)
{
    struct ww_cluster_members members = stable;
    members.committed = false; /* of no concern to it */
    cr_assert(done(WW_CONTROL_TRANSFER, 1, &members));
    cr_assert_not(done(WW_CONTROL_TRANSFER, 2, &members));
}

static bool never(uint64_t wait_ns)
{
    (void)wait_ns;
    return false;
}

Test(member_change, nobody_at_the_endpoint_is_told_at_once)
{
    struct ww_error error;
    struct ww_member_change change = {.endpoint = "127.0.0.1:1",
                                      .request = {.op = WW_CONTROL_ADD, .node = 1},
                                      .timeout_ns = 1000000000,
                                      .interrupted = never};
    cr_assert_eq(ww_member_change(&change, &error), WW_ETIMEOUT);
    cr_assert(strstr(error.text, "127.0.0.1:1") != NULL, "%s", error.text);
}
