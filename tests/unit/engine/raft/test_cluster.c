/* SPDX-License-Identifier: Apache-2.0 */
/* Whole clusters under faults: nothing is lost, and when the faults stop it goes on. */
#include "tests/unit/engine/raft/cluster.h"

#include <criterion/criterion.h>

#define SEEDS 150u
#define FAULT_POLLS 5000u
#define SETTLE_POLLS 3000u

/* Returns how many leaders there were. */
static uint64_t run_seed(uint64_t seed, uint32_t nodes)
{
    struct cluster *cluster = cluster_create(seed, nodes);
    uint64_t elections;

    cluster->faults = true;
    cluster->disk_polls_max = 1u << ww_random_range(&cluster->random, 0, 7);
    cluster->crash_polls = 20u << ww_random_range(&cluster->random, 0, 6);
    for (uint32_t i = 0; i < FAULT_POLLS && cluster->violation == NULL; i++) {
        cluster_poll(cluster);
        if (ww_random_range(&cluster->random, 0, 8) == 0)
            cluster_propose(cluster);
    }
    cluster->disk_polls_max = 3;
    cr_assert(cluster_settle(cluster, SETTLE_POLLS),
              "seed %lu, %u nodes: no progress after the faults", seed, nodes);
    cr_assert_null(cluster->violation, "seed %lu, %u nodes, poll %lu: %s", seed, nodes,
                   cluster->poll, cluster->violation);
    elections = cluster->elections;
    cluster_destroy(cluster);
    return elections;
}

static void run_seeds(uint32_t nodes)
{
    uint64_t elections = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        elections += run_seed(seed, nodes);
    cr_assert_gt(elections, 5 * SEEDS, "the faults are too tame: %lu elections", elections);
}

Test(raft_cluster, three_nodes_keep_every_promise_under_faults)
{
    run_seeds(3);
}

Test(raft_cluster, five_nodes_keep_every_promise_under_faults)
{
    run_seeds(5);
}
