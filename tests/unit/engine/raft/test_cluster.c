/* SPDX-License-Identifier: Apache-2.0 */
/* Whole clusters under faults: nothing is lost, and when the faults stop it goes on. */
#include "tests/unit/engine/raft/cluster.h"

#include <criterion/criterion.h>

#define SEEDS 80u
#define LEASE_SEEDS 120u
#define FAULT_POLLS 4000u
#define SETTLE_POLLS 3000u

/* What happened in the runs of a test. */
struct tally {
    uint64_t elections, changes, transfers, installed, lease_reads, round_reads;
};

static bool coin(struct cluster *cluster)
{
    return ww_random_range(&cluster->random, 0, 2) == 0;
}

static uint32_t power(struct cluster *cluster, uint32_t least, uint32_t doublings)
{
    return least << ww_random_range(&cluster->random, 0, doublings + 1);
}

/* Each seed has its own mix and strength of faults. */
static void choose_faults(struct cluster *cluster, uint32_t voters)
{
    cluster->faults = true;
    cluster->voters = (uint8_t)((2u << voters) - 2);
    cluster->disk_polls_max = power(cluster, 1, 6);
    cluster->crash_polls = power(cluster, 20, 5);
    cluster->leases = coin(cluster);
    cluster->adaptive = coin(cluster);
    cluster->snapshot_entries = coin(cluster) ? power(cluster, 2, 6) : 0;
    cluster->transfer_polls = coin(cluster) ? power(cluster, 50, 4) : 0;
    cluster->clock_polls = coin(cluster) ? power(cluster, 30, 5) : 0;
    cluster->change_polls = voters < cluster->nodes ? power(cluster, 20, 5) : 0;
    for (uint32_t id = 1; id <= cluster->nodes; id++) {
        if (cluster->clock_polls != 0)
            cluster->node[id].drift_ppm =
                (int32_t)ww_random_range(&cluster->random, 0, 2 * DRIFT_PPM + 1) - DRIFT_PPM;
        if (cluster->transfer_polls != 0 && coin(cluster))
            cluster->priorities[id] = (uint8_t)id;
    }
}

/* What makes leases go wrong: fast elections and commits beside a leader that is cut off. */
static void choose_lease_faults(struct cluster *cluster)
{
    cluster->faults = true;
    cluster->leases = true;
    cluster->disk_polls_max = 1;
    cluster->cut_polls = power(cluster, 50, 2);
    cluster->crash_polls = power(cluster, 50, 4);
    cluster->clock_polls = power(cluster, 20, 4);
    cluster->transfer_polls = power(cluster, 50, 4);
    for (uint32_t id = 1; id <= cluster->nodes; id++)
        cluster->node[id].drift_ppm = coin(cluster) ? DRIFT_PPM : -DRIFT_PPM;
}

static void run_seed(uint64_t seed, uint32_t nodes, uint32_t voters, struct tally *tally)
{
    struct cluster *cluster = cluster_create(seed, nodes);

    choose_faults(cluster, voters);
    for (uint32_t i = 0; i < FAULT_POLLS && cluster->violation == NULL; i++) {
        cluster_poll(cluster);
        if (ww_random_range(&cluster->random, 0, 8) == 0)
            cluster_propose(cluster);
        if (ww_random_range(&cluster->random, 0, 8) == 0)
            cluster_read(cluster);
    }
    cluster->disk_polls_max = 3;
    cr_assert(cluster_settle(cluster, SETTLE_POLLS),
              "seed %lu, %u nodes: no progress after the faults", seed, nodes);
    cr_assert_null(cluster->violation, "seed %lu, %u nodes, poll %lu: %s", seed, nodes,
                   cluster->poll, cluster->violation);
    tally->elections += cluster->elections;
    tally->changes += cluster->changes;
    tally->transfers += cluster->transfers;
    tally->installed += cluster->installed;
    tally->lease_reads += cluster->lease_reads;
    tally->round_reads += cluster->round_reads;
    cluster_destroy(cluster);
}

static void run_seeds(uint32_t nodes, uint32_t voters)
{
    struct tally tally = {0};

    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_seed(seed, nodes, voters, &tally);
    cr_assert_gt(tally.elections, 5 * SEEDS, "the faults are too tame: %lu elections",
                 tally.elections);
    cr_assert_gt(tally.transfers, SEEDS / 20);
    cr_assert_gt(tally.lease_reads, SEEDS);
    cr_assert_gt(tally.round_reads, SEEDS);
    cr_assert_gt(tally.installed, SEEDS / 10);
    cr_assert(voters == nodes || tally.changes > 5 * SEEDS, "%lu changes", tally.changes);
}

Test(raft_cluster, three_nodes_keep_every_promise_under_faults)
{
    run_seeds(3, 3);
}

Test(raft_cluster, five_nodes_keep_every_promise_under_faults)
{
    run_seeds(5, 5);
}

Test(raft_cluster, c14_leases_serve_no_stale_read)
{
    uint64_t reads = 0;

    for (uint64_t seed = 1; seed <= LEASE_SEEDS; seed++) {
        struct cluster *cluster = cluster_create(seed, 3);
        choose_lease_faults(cluster);
        for (uint32_t i = 0; i < FAULT_POLLS && cluster->violation == NULL; i++) {
            cluster_poll(cluster);
            cluster_read(cluster);
            if (i % 4 == 0)
                cluster_propose(cluster);
        }
        cr_assert_null(cluster->violation, "seed %lu, poll %lu: %s", seed, cluster->poll,
                       cluster->violation);
        reads += cluster->lease_reads;
        cluster_destroy(cluster);
    }
    cr_assert_gt(reads, 100 * LEASE_SEEDS, "%lu reads by lease", reads);
}

Test(raft_cluster, five_nodes_of_which_members_come_and_go)
{
    run_seeds(5, 3);
}

Test(raft_cluster, a_group_that_grows_from_one_to_seven_nodes)
{
    run_seeds(7, 1);
}
