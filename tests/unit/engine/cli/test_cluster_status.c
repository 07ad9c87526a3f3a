/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/cluster_status.h"

#include <criterion/criterion.h>
#include <json-c/json.h>
#include <stdio.h>

static struct ww_cluster_status all;

/* Node `id` answers with one group. */
static void answer(uint32_t id, const char *group)
{
    char text[512];
    snprintf(text, sizeof(text), "{\"node\":%u,\"groups\":[%s]}", id, group);
    all.ids[all.count] = id;
    all.answers[all.count] = json_tokener_parse(text);
    cr_assert_not_null(all.answers[all.count], "%s", text);
    all.answered++;
    all.count++;
}

static void silence(uint32_t id)
{
    all.ids[all.count++] = id;
}

#define MEMBERS(voters, old, learners, index, committed)                                           \
    "\"configuration\":{\"voters\":" voters ",\"old_voters\":" old ",\"learners\":" learners       \
    ",\"index\":" index ",\"committed\":" committed "}"

static void expect_members(uint8_t voters, uint8_t old, uint8_t learners, uint64_t index)
{
    struct ww_cluster_members members;
    cr_assert(ww_cluster_status_members(&all, 0, &members));
    cr_assert_eq(members.configuration.voters, voters);
    cr_assert_eq(members.configuration.old_voters, old);
    cr_assert_eq(members.configuration.learners, learners);
    cr_assert_eq(members.index, index);
}

Test(cluster_status, of_two_leaders_that_of_the_higher_term_counts)
{
    answer(1, "{\"role\":\"leader\",\"leader\":1,\"term\":3," MEMBERS("[1,2,3]", "[]", "[]", "9",
                                                                      "false") "}");
    answer(2, "{\"role\":\"leader\",\"leader\":2,\"term\":4," MEMBERS("[1,2]", "[]", "[3]", "7",
                                                                      "true") "}");
    silence(3);
    cr_assert_eq(ww_cluster_status_leader(&all, 0), 1);
    cr_assert_eq(ww_cluster_status_leader(&all, 1), -1);
    cr_assert_eq(ww_cluster_status_groups(&all), 1);
    cr_assert_eq(ww_cluster_status_place(&all, 3), 2);
    cr_assert_eq(ww_cluster_status_place(&all, 4), -1);
    expect_members(6, 0, 8, 7);
    ww_cluster_status_free(&all);
}

Test(cluster_status, without_a_leader_the_newest_configuration_counts)
{
    answer(1,
           "{\"role\":\"follower\",\"leader\":0," MEMBERS("[1,2,3]", "[]", "[]", "0", "true") "}");
    answer(2, "{\"role\":\"follower\",\"leader\":0," MEMBERS("[1,2,4]", "[1,2,3]", "[]", "5",
                                                             "false") "}");
    answer(4, "{\"role\":\"follower\",\"leader\":0," MEMBERS("[]", "[]", "[]", "0", "true") "}");
    expect_members(1 << 1 | 1 << 2 | 1 << 4, 1 << 1 | 1 << 2 | 1 << 3, 0, 5);
    cr_assert_not(ww_cluster_status_available(&all, 0), "no node knows a leader");
    ww_cluster_status_free(&all);
}

Test(cluster_status, a_joint_phase_needs_both_majorities)
{
    const char *const leader =
        "{\"role\":\"leader\",\"leader\":1,\"term\":3," MEMBERS("[1,4,5]", "[1,2,3]", "[]", "9",
                                                                "true") "}";
    const char *const follower = "{\"role\":\"follower\",\"leader\":1,\"term\":3}";
    answer(1, leader);
    answer(2, follower);
    silence(3);
    silence(4);
    silence(5);
    cr_assert_not(ww_cluster_status_available(&all, 0), "one of the three new voters");
    ww_cluster_status_free(&all);
    answer(1, leader);
    answer(2, follower);
    answer(5, follower);
    silence(4);
    cr_assert(ww_cluster_status_available(&all, 0));
    ww_cluster_status_free(&all);
}

Test(cluster_status, a_silent_spare_makes_nobody_unavailable)
{
    answer(1, "{\"role\":\"leader\",\"leader\":1,\"term\":3," MEMBERS("[1]", "[]", "[2]", "9",
                                                                      "true") "}");
    silence(2);
    silence(3);
    cr_assert(ww_cluster_status_available(&all, 0));
    ww_cluster_status_free(&all);
}

Test(cluster_status, a_membership_has_a_name)
{
    const struct ww_configuration stable = {.voters = 1 << 1 | 1 << 2, .learners = 1 << 3};
    const struct ww_configuration joint = {.voters = 1 << 1 | 1 << 4,
                                           .old_voters = 1 << 1 | 1 << 2,
                                           .learners = 1 << 2 | 1 << 3};
    cr_assert_str_eq(ww_membership_name(&stable, 1), "voter");
    cr_assert_str_eq(ww_membership_name(&stable, 3), "learner");
    cr_assert_str_eq(ww_membership_name(&stable, 4), "none");
    cr_assert_str_eq(ww_membership_name(&joint, 1), "voter");
    cr_assert_str_eq(ww_membership_name(&joint, 2), "leaving");
    cr_assert_str_eq(ww_membership_name(&joint, 3), "learner");
    cr_assert_str_eq(ww_membership_name(&joint, 4), "joining");
}
