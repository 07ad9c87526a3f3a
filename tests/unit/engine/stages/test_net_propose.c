/* SPDX-License-Identifier: Apache-2.0 */
/* What a leader answers to proposals that are early, late, repeated or malformed. */
#include "fake_cluster.h"

#include <criterion/criterion.h>
#include <string.h>

static struct fake_cluster cluster;
static uint32_t leader;

static void setup(void)
{
    fake_cluster_start(&cluster, 5);
    leader = fake_cluster_leader(&cluster);
}

static void teardown(void)
{
    fake_cluster_stop(&cluster);
}

TestSuite(net_propose, .init = setup, .fini = teardown);

Test(net_propose, a_follower_names_the_leader)
{
    uint32_t follower = leader % 3 + 1;
    fake_client_propose(&cluster, follower, 0, 1, 8, 0);
    struct ww_client_message message = fake_client_answer(&cluster);
    cr_assert_eq(message.type, WW_CLIENT_NOT_LEADER);
    cr_assert_eq(message.node, leader);
}

Test(net_propose, a_gap_is_answered_with_what_is_expected)
{
    fake_client_propose(&cluster, leader, 0, 2, 8, 0);
    fake_client_answer(&cluster);
    fake_client_propose(&cluster, leader, 5, 2, 8, 2);
    struct ww_client_message message = fake_client_answer(&cluster);
    cr_assert_eq(message.type, WW_CLIENT_BUSY);
    cr_assert_eq(message.status, 0, "a gap, not a full queue");
    cr_assert_eq(message.oldest, 2);
}

Test(net_propose, a_repeated_proposal_is_answered_again_and_not_appended)
{
    fake_client_propose(&cluster, leader, 0, 4, 8, 0);
    struct ww_client_message first = fake_client_answer(&cluster);
    uint64_t last = ww_raft_last_index(fake_cluster_group(&cluster, leader)->raft);
    fake_client_propose(&cluster, leader, 0, 4, 8, 0);
    struct ww_client_message again = fake_client_answer(&cluster);
    cr_assert_eq(again.type, WW_CLIENT_COMMITTED);
    cr_assert_eq(again.index, first.index);
    cr_assert_eq(again.count, 4);
    cr_assert_eq(ww_raft_last_index(fake_cluster_group(&cluster, leader)->raft), last);
}

Test(net_propose, only_the_new_part_of_an_overlapping_run_is_appended)
{
    fake_client_propose(&cluster, leader, 0, 4, 8, 0);
    fake_client_answer(&cluster);
    uint64_t last = ww_raft_last_index(fake_cluster_group(&cluster, leader)->raft);
    fake_client_propose(&cluster, leader, 2, 5, 8, 0);
    struct ww_client_message message = fake_client_answer(&cluster);
    cr_assert_eq(message.type, WW_CLIENT_COMMITTED);
    cr_assert_eq(message.sequence, 4);
    cr_assert_eq(message.count, 3);
    cr_assert_eq(ww_raft_last_index(fake_cluster_group(&cluster, leader)->raft), last + 3);
}

Test(net_propose, what_a_former_leader_answered_is_not_waited_for)
{
    fake_client_propose(&cluster, leader, 0, 2, 8, 0);
    fake_client_answer(&cluster);
    /* Sequences 2 to 9 were lost on their way here, and answered elsewhere in the meantime. */
    fake_client_propose(&cluster, leader, 10, 1, 8, 10);
    struct ww_client_message message = fake_client_answer(&cluster);
    cr_assert_eq(message.type, WW_CLIENT_COMMITTED);
    cr_assert_eq(message.sequence, 10);
}

static void assert_refused(struct ww_client_message *proposal, const void *body, int status)
{
    uint64_t last = ww_raft_last_index(fake_cluster_group(&cluster, leader)->raft);
    fake_client_send(&cluster, leader, proposal, body);
    struct ww_client_message message = fake_client_answer(&cluster);
    cr_assert_eq(message.type, WW_CLIENT_REFUSED);
    cr_assert_eq(-message.status, status, "status %d", -message.status);
    cr_assert_eq(ww_raft_last_index(fake_cluster_group(&cluster, leader)->raft), last);
}

Test(net_propose, malformed_bodies_are_refused)
{
    uint8_t body[64] = {0};
    struct ww_client_message message = {.type = WW_CLIENT_PROPOSE, .count = 1, .body_bytes = 64};
    assert_refused(&message, body, WW_EINVAL); /* bytes behind the entry */
    uint32_t long_entry = ww_entry_head(1000, WW_ENTRY_DATA);
    memcpy(body, &long_entry, 4);
    assert_refused(&message, body, WW_EINVAL); /* longer than its body */
    uint32_t noop = ww_entry_head(60, WW_ENTRY_NOOP);
    memcpy(body, &noop, 4);
    assert_refused(&message, body, WW_EINVAL); /* a type that only a leader writes */
    message.count = 0;
    assert_refused(&message, body, WW_EINVAL);
}

Test(net_propose, an_unknown_group_is_refused)
{
    uint8_t body[8] = {4, 0, 0, 0};
    struct ww_client_message message = {.type = WW_CLIENT_PROPOSE,
                                        .group = 9,
                                        .count = 1,
                                        .body_bytes = 8};
    assert_refused(&message, body, WW_ENOTFOUND);
}
