/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot_cluster.h"

#include <criterion/criterion.h>

struct fake_cluster cluster;
uint64_t sequence;

static const struct fake_options options = {
    .spare = 1,
    .snapshot_entries = EVERY,
    .snapshot_keep = KEEP,
    .padding_bytes = PADDING,
};

void begin(uint64_t seed)
{
    sequence = 0;
    fake_cluster_start_with(&cluster, seed, options);
}

void begin_with_groups(uint32_t groups)
{
    struct fake_options wanted = options;
    wanted.groups = groups;
    sequence = 0;
    fake_cluster_start_with(&cluster, 1, wanted);
}

struct ww_group *group_of(uint32_t node)
{
    return fake_cluster_group(&cluster, node);
}

struct ww_net *net_of(uint32_t node)
{
    return cluster.nodes[node].shard->net;
}

uint32_t after(uint32_t node)
{
    return node % 3 + 1;
}

struct ww_raft_status status_of(uint32_t node)
{
    struct ww_raft_status status;
    ww_raft_status(group_of(node)->raft, &status);
    return status;
}

void propose(uint32_t count)
{
    sequence = fake_client_commit(&cluster, sequence, 10 * count);
}

void assert_equal(uint32_t nodes)
{
    fake_cluster_run(&cluster, 3000);
    cr_assert_gt(group_of(1)->applied, 0);
    for (uint32_t id = 2; id <= nodes; id++) {
        cr_assert_eq(group_of(id)->applied, group_of(1)->applied, "node %u at %lu, node 1 at %lu",
                     id, group_of(id)->applied, group_of(1)->applied);
        cr_assert_eq(group_of(id)->digest, group_of(1)->digest);
    }
    for (uint32_t id = 1; id <= nodes; id++)
        cr_assert_eq(atomic_load(&cluster.nodes[id].shard->fenced), 0);
}

uint32_t leave_one_behind(void)
{
    propose(3);
    uint32_t behind = after(fake_cluster_leader(&cluster));
    cluster.network.cut[behind] = true;
    propose(40);
    cr_assert_gt(group_of(after(behind))->first_index, group_of(behind)->applied + 1);
    return behind;
}
