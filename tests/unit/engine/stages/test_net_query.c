/* SPDX-License-Identifier: Apache-2.0 */
/* B2, C14: queries are answered by a leader that still is one, from a state that is new enough. */
#include "fake_cluster.h"

#include <criterion/criterion.h>
#include <string.h>

#define TAG (1ull << 63 | 5)

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

TestSuite(net_query, .init = setup, .fini = teardown);

static void ask(uint32_t node, uint64_t tag, uint32_t bytes)
{
    static const uint8_t body[WW_QUERY_BYTES_MAX + 1];
    struct ww_client_message message = {.type = WW_CLIENT_QUERY,
                                        .sequence = tag,
                                        .body_bytes = bytes};
    fake_client_send(&cluster, node, &message, body);
}

/* The next answer within so many rounds; type 0: none. */
static struct ww_client_message answer(uint32_t rounds, uint64_t state[2])
{
    struct ww_client_message message = {0};
    uint8_t body[FAKE_DATAGRAM];
    for (uint32_t i = 0; i < rounds; i++) {
        fake_cluster_run(&cluster, 1);
        if (fake_client_receive(&cluster, &message, body)) {
            memcpy(state, body, 16);
            return message;
        }
    }
    return message;
}

Test(net_query, B2_a_leader_answers_from_the_applied_state)
{
    uint64_t state[2];
    fake_client_propose(&cluster, leader, 0, 4, 8, 0);
    uint64_t committed = answer(100, state).index + 3;
    ask(leader, TAG, 0);
    struct ww_client_message message = answer(100, state);
    cr_assert_eq(message.type, WW_CLIENT_QUERY_DATA);
    cr_assert_eq(message.sequence, TAG);
    cr_assert_eq(message.body_bytes, 16);
    cr_assert_eq(message.index, committed);
    cr_assert_eq(state[0], committed);
    cr_assert_eq(state[1], fake_cluster_group(&cluster, leader)->digest);
    cr_assert_eq(cluster.nodes[leader].shard->net->counters.queries, 1);
    cr_assert_eq(cluster.nodes[leader].shard->net->query_count, 0, "its slot is free again");
}

Test(net_query, B2_one_that_is_asked_twice_is_answered_once)
{
    uint64_t state[2];
    ask(leader, TAG, 0);
    ask(leader, TAG, 0);
    cr_assert_eq(answer(100, state).type, WW_CLIENT_QUERY_DATA);
    cr_assert_eq(answer(100, state).type, 0);
}

Test(net_query, B2_more_than_there_are_slots_are_busy)
{
    uint64_t state[2], answers[2] = {0};
    for (uint64_t i = 0; i <= WW_QUERIES_MAX; i++)
        ask(leader, TAG + i, 0);
    for (uint64_t i = 0; i <= WW_QUERIES_MAX; i++) {
        struct ww_client_message message = answer(200, state);
        answers[0] += message.type == WW_CLIENT_QUERY_DATA;
        answers[1] += message.type == WW_CLIENT_BUSY;
    }
    cr_assert_eq(answers[0], WW_QUERIES_MAX);
    cr_assert_eq(answers[1], 1);
}

Test(net_query, wrong_ones_are_refused)
{
    uint64_t state[2];
    ask(leader, TAG, 1);
    struct ww_client_message message = answer(100, state);
    cr_assert_eq(message.type, WW_CLIENT_REFUSED);
    cr_assert_eq(-message.status, WW_EINVAL, "the machine has no such query");
    ask(leader, TAG, WW_QUERY_BYTES_MAX + 1);
    message = answer(100, state);
    cr_assert_eq(-message.status, WW_ETOOBIG);
    cluster.nodes[leader].machine.query = NULL;
    ask(leader, TAG, 0);
    message = answer(100, state);
    cr_assert_eq(-message.status, WW_EINVAL, "the machine has no queries");
}

Test(net_query, a_follower_names_the_leader)
{
    uint64_t state[2];
    ask(leader % 3 + 1, TAG, 0);
    struct ww_client_message message = answer(100, state);
    cr_assert_eq(message.type, WW_CLIENT_NOT_LEADER);
    cr_assert_eq(message.sequence, TAG);
    cr_assert_eq(message.node, leader);
}

Test(net_query, C14_a_leader_that_is_cut_off_answers_none)
{
    uint64_t state[2];
    for (uint32_t id = 1; id <= 3; id++)
        cluster.network.cut[id] = id != leader;
    ask(leader, TAG, 0);
    struct ww_client_message message = answer(2000, state);
    cr_assert_neq(message.type, WW_CLIENT_QUERY_DATA);
}
