/* SPDX-License-Identifier: Apache-2.0 */
/* When blocks are closed, and that this may change while the shard runs. */
#include "fake_cluster.h"

#include <criterion/criterion.h>

#define MS 1000000u

static struct fake_cluster cluster;
static uint32_t leader;

static void setup(void)
{
    fake_cluster_start(&cluster, 11);
    leader = fake_cluster_leader(&cluster);
    fake_cluster_run(&cluster, 100);
}

static void teardown(void)
{
    fake_cluster_stop(&cluster);
}

TestSuite(net_tune, .init = setup, .fini = teardown);

static void tune(struct ww_wal_tuning wal)
{
    wal.block_max = wal.block_max != 0 ? wal.block_max : WW_BLOCK_MAX;
    struct ww_shard_request request = {.op = WW_SHARD_TUNE, .wal = &wal};
    for (uint32_t id = 1; id <= FAKE_VOTERS; id++)
        cr_assert_eq(ww_net_request(cluster.nodes[id].shard->net, &request), WW_OK);
}

static uint64_t blocks(uint32_t node)
{
    return cluster.nodes[node].shard->net->counters.blocks;
}

/* Proposes and lets some rounds of 100 us pass; returns how many blocks the leader closed. */
static uint64_t blocks_of(uint64_t sequence, uint32_t entries, uint32_t bytes, uint32_t rounds)
{
    uint64_t before = blocks(leader);
    fake_client_propose(&cluster, leader, sequence, entries, bytes, 0);
    fake_cluster_run(&cluster, rounds);
    return blocks(leader) - before;
}

static void assert_committed(uint64_t sequence)
{
    struct ww_client_message message = {0};
    for (uint32_t i = 0; i < 2000 && message.oldest != sequence + 1; i++) {
        fake_cluster_run(&cluster, 1);
        while (message.oldest != sequence + 1 && fake_client_receive(&cluster, &message, NULL))
            cr_assert_eq(message.type, WW_CLIENT_COMMITTED);
    }
    cr_assert_eq(message.oldest, sequence + 1);
}

Test(net_tune, a_block_is_closed_at_once_unless_it_is_told_to_wait)
{
    cr_assert_eq(blocks_of(0, 1, 64, 1), 1);
    tune((struct ww_wal_tuning){.delay_ns = 1 * MS});
    cr_assert_eq(blocks_of(1, 1, 64, 5), 0, "waits");
    cr_assert_eq(blocks_of(2, 1, 64, 4), 0, "waits on");
    cr_assert_eq(blocks_of(3, 1, 64, 3), 1, "1 ms after its first entry");
    assert_committed(3);
}

Test(net_tune, enough_entries_or_bytes_end_the_wait)
{
    tune((struct ww_wal_tuning){.delay_ns = 50 * MS, .delay_entries = 4});
    cr_assert_eq(blocks_of(0, 3, 64, 20), 0);
    cr_assert_eq(blocks_of(3, 1, 64, 1), 1);
    tune((struct ww_wal_tuning){.delay_ns = 50 * MS, .delay_bytes = 2000});
    cr_assert_eq(blocks_of(4, 1, 900, 20), 0);
    cr_assert_eq(blocks_of(5, 1, 900, 20), 0);
    cr_assert_eq(blocks_of(6, 1, 900, 1), 1);
    assert_committed(6);
}

Test(net_tune, terms_and_votes_do_not_wait)
{
    tune((struct ww_wal_tuning){.delay_ns = 100 * MS});
    fake_cluster_kill(&cluster, leader);
    bool led = false;
    /* 80 ms: two election timeouts, but less than a vote that waited. */
    for (uint32_t i = 0; i < 800 && !led; i++) {
        fake_cluster_run(&cluster, 1);
        for (uint32_t id = 1; id <= FAKE_VOTERS; id++)
            led |= id != leader && ww_raft_is_leader(fake_cluster_group(&cluster, id)->raft);
    }
    cr_assert(led);
}

Test(net_tune, each_entry_may_be_a_write_of_its_own)
{
    uint32_t follower = leader % 3 + 1;
    uint64_t writes = cluster.nodes[leader].disk.writes, before = blocks(follower);
    tune((struct ww_wal_tuning){.each_entry = true});
    cr_assert_eq(blocks_of(0, 7, 64, 50), 7);
    cr_assert_eq(cluster.nodes[leader].disk.writes - writes, 7, "LOG joins none");
    cr_assert_eq(blocks(follower) - before, 7);
    assert_committed(6);
    tune((struct ww_wal_tuning){.each_entry = false});
    cr_assert_eq(blocks_of(7, 7, 64, 50), 1);
    assert_committed(13);
}

Test(net_tune, no_more_blocks_are_with_the_disk_than_its_depth)
{
    struct ww_net *net = cluster.nodes[leader].shard->net;
    tune((struct ww_wal_tuning){.depth = 1});
    cluster.nodes[leader].disk.held = true;
    cr_assert_eq(blocks_of(0, 1, 64, 2), 1);
    cr_assert_eq(blocks_of(1, 1, 64, 2), 0, "the device is busy");
    tune((struct ww_wal_tuning){.depth = 16});
    cr_assert_eq(net->wal.depth, 2, "the store's");
    fake_cluster_run(&cluster, 2);
    cr_assert_eq(net->blocks_end - net->blocks_first, 2);
    cluster.nodes[leader].disk.held = false;
    assert_committed(1);
}

Test(net_tune, a_block_that_was_begun_under_other_limits_is_closed_first)
{
    tune((struct ww_wal_tuning){.delay_ns = 50 * MS});
    cr_assert_eq(blocks_of(0, 10, 100, 2), 0);
    uint64_t before = blocks(leader);
    tune((struct ww_wal_tuning){.delay_ns = 50 * MS, .block_max = 12 * WW_KIB});
    cr_assert_eq(blocks(leader) - before, 1);
    uint64_t sequence = 10;
    for (; sequence < 30; sequence++) /* more than 12 KiB */
        fake_client_propose(&cluster, leader, sequence, 1, 1000, 0);
    fake_cluster_run(&cluster, 1);
    cr_assert_gt(blocks(leader) - before, 1, "full at 12 KiB");
    assert_committed(sequence - 1);
}

Test(net_tune, writes_end_at_a_multiple_of_the_padding)
{
    struct ww_net *net = cluster.nodes[leader].shard->net;
    tune((struct ww_wal_tuning){.padding = 16 * WW_KIB});
    for (uint64_t sequence = 0; sequence < 3; sequence++) {
        cr_assert_eq(blocks_of(sequence, 1, 64, 1), 1);
        uint64_t end = net->blocks_out[(net->blocks_end - 1) % WW_PERSIST_RING_SLOTS];
        cr_assert_eq((end + WW_SEGMENT_HEADER_BYTES) % (16 * WW_KIB), 0);
    }
    assert_committed(2);
    fake_cluster_kill(&cluster, leader);
    fake_cluster_restart(&cluster, leader); /* what was padded is read back */
    leader = fake_cluster_leader(&cluster);
    fake_client_propose(&cluster, leader, 3, 1, 64, 3);
    assert_committed(3);
}
