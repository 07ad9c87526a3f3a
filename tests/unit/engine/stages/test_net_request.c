/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stages/shard_view.h"
#include "fake_cluster.h"

#include <criterion/criterion.h>

static struct fake_cluster cluster;

static void setup(void)
{
    fake_cluster_start(&cluster, 7);
}

static void teardown(void)
{
    fake_cluster_stop(&cluster);
}

TestSuite(net_request, .init = setup, .fini = teardown);

static int request(uint32_t to, enum ww_shard_op op, uint32_t node)
{
    struct ww_shard_request asked = {.op = op, .node = node};
    return ww_net_request(cluster.nodes[to].shard->net, &asked);
}

static struct ww_raft_status status_of(uint32_t node)
{
    struct ww_raft_status status;
    ww_raft_status(fake_cluster_group(&cluster, node)->raft, &status);
    return status;
}

/* A leader that has committed in its term. */
static uint32_t leader(void)
{
    uint32_t id = fake_cluster_leader(&cluster);
    fake_cluster_run(&cluster, 100);
    return id;
}

static uint32_t after(uint32_t node)
{
    return node % 3 + 1;
}

Test(net_request, members_change_by_way_of_learners)
{
    uint32_t led_by = leader(), node = after(led_by);
    uint8_t bit = (uint8_t)(1u << node), others = (uint8_t)(0xe & ~bit);
    cr_assert_eq(request(led_by, WW_SHARD_DEMOTE, node), WW_OK);
    fake_cluster_run(&cluster, 300);
    struct ww_raft_status status = status_of(node);
    cr_assert_eq(status.configuration.voters, others);
    cr_assert_eq(status.configuration.old_voters, 0);
    cr_assert_eq(status.configuration.learners, bit);
    cr_assert(status.configuration_committed);

    cr_assert_eq(request(led_by, WW_SHARD_PROMOTE, node), WW_OK);
    fake_cluster_run(&cluster, 300);
    cr_assert_eq(status_of(after(node)).configuration.voters, 0xe);
    cr_assert_eq(status_of(after(node)).configuration.learners, 0);

    cr_assert_eq(request(led_by, WW_SHARD_REMOVE, node), WW_OK);
    fake_cluster_run(&cluster, 300);
    status = status_of(led_by);
    cr_assert_eq(status.configuration.voters, others);
    cr_assert_eq(status.configuration.learners, 0);
    cr_assert_eq(status.peer_count, 1);
    cr_assert_eq(request(led_by, WW_SHARD_ADD, node), WW_OK);
    fake_cluster_run(&cluster, 300);
    cr_assert_eq(status_of(led_by).configuration.learners, bit);
}

Test(net_request, the_leadership_is_handed_over)
{
    uint32_t led_by = leader(), node = after(led_by);
    cr_assert_eq(request(led_by, WW_SHARD_TRANSFER, node), WW_OK);
    cr_assert_eq(request(led_by, WW_SHARD_REMOVE, node), WW_EBUSY, "in the middle of it");
    fake_cluster_run(&cluster, 300);
    cr_assert_eq(status_of(node).role, WW_RAFT_LEADER);
}

Test(net_request, what_is_so_already_is_left_alone)
{
    uint32_t led_by = leader(), node = after(led_by);
    uint64_t last = status_of(led_by).last_index;
    cr_assert_eq(request(led_by, WW_SHARD_ADD, node), WW_OK, "a voter stays one");
    cr_assert_eq(request(led_by, WW_SHARD_PROMOTE, node), WW_OK);
    cr_assert_eq(request(led_by, WW_SHARD_REMOVE, 7), WW_OK);
    cr_assert_eq(status_of(led_by).last_index, last);
    cr_assert_eq(status_of(led_by).configuration.voters, 0xe);
}

Test(net_request, refusals)
{
    uint32_t led_by = leader(), node = after(led_by);
    struct ww_shard_request elsewhere = {.group = 99, .node = 1};
    cr_assert_eq(ww_net_request(cluster.nodes[led_by].shard->net, &elsewhere), WW_ENOTFOUND);
    cr_assert_eq(request(led_by, WW_SHARD_ADD, 0), WW_ENOTFOUND);
    cr_assert_eq(request(led_by, WW_SHARD_ADD, 8), WW_ENOTFOUND);
    cr_assert_eq(request(node, WW_SHARD_REMOVE, 1), WW_ENOTLEADER);
    cr_assert_eq(request(led_by, WW_SHARD_PROMOTE, 7), WW_EINVAL, "no member");
    cr_assert_eq(request(led_by, WW_SHARD_DEMOTE, 7), WW_EINVAL, "no member");
    cr_assert_eq(request(led_by, WW_SHARD_TRANSFER, led_by), WW_EINVAL);
    cr_assert_eq(request(led_by, WW_SHARD_TRANSFER, 7), WW_EINVAL);
    cr_assert_eq(request(led_by, WW_SHARD_DEMOTE, node), WW_OK);
    cr_assert_eq(request(led_by, WW_SHARD_REMOVE, node), WW_EBUSY, "one change at a time");
    fake_cluster_run(&cluster, 300);
    cr_assert_eq(request(led_by, WW_SHARD_TRANSFER, node), WW_EINVAL, "a learner");
    cr_assert_eq(request(led_by, WW_SHARD_REMOVE, after(node)), WW_OK);
    fake_cluster_run(&cluster, 300);
    cr_assert_eq(request(led_by, WW_SHARD_REMOVE, led_by), WW_EINVAL, "the last voter");
    cr_assert_eq(request(led_by, WW_SHARD_DEMOTE, led_by), WW_EINVAL, "the last voter");
}

Test(net_request, another_thread_asks_and_net_answers_at_its_next_poll)
{
    uint32_t led_by = leader();
    struct ww_shard *shard = cluster.nodes[led_by].shard;
    struct ww_shard_request asked = {.op = WW_SHARD_REMOVE, .node = after(led_by)};
    cr_assert_eq(ww_shard_request(shard, &asked, 1000000), WW_ETIMEOUT, "nobody polls");
    ww_net_work(shard);
    cr_assert_eq(status_of(led_by).configuration.voters, 0xe, "the wish was taken back");
    atomic_store(&shard->net->request_wanted, &asked);
    ww_net_work(shard);
    cr_assert_eq(asked.status, WW_OK);
    cr_assert_neq(status_of(led_by).configuration.old_voters, 0);
    ww_shard_fence(shard, WW_EIO, "as the test wants it");
    atomic_store(&shard->net->request_wanted, &asked);
    ww_net_work(shard);
    cr_assert_eq(asked.status, WW_ECLOSED);
}

/* Nothing else happens in that iteration, and what was asked does not wait for the next event. */
Test(net_request, what_a_request_says_leaves_at_the_end_of_the_iteration)
{
    uint32_t from = leader();
    uint32_t to = from % 3 + 1;
    while (ww_net_work(cluster.nodes[from].shard) > 0)
        ;
    uint32_t before = cluster.network.ports[to].end;
    cr_assert_eq(request(from, WW_SHARD_TRANSFER, to), WW_OK);
    cr_assert_eq(ww_net_work(cluster.nodes[from].shard), 0);
    cr_assert_eq(cluster.network.ports[to].end, before + 1);
}
