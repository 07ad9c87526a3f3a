/* SPDX-License-Identifier: Apache-2.0 */
/* The stages of three nodes together, on fake backends: an entry's life, and what disturbs it. */
#include "fake_cluster.h"

#include <criterion/criterion.h>
#include <string.h>

static struct fake_cluster cluster;

static void setup(void)
{
    fake_cluster_start(&cluster, 1);
}

static void teardown(void)
{
    fake_cluster_stop(&cluster);
}

TestSuite(pipeline, .init = setup, .fini = teardown);

/* Takes answers until `sequence` is committed; returns the log index of the last one. */
static uint64_t committed(uint64_t sequence)
{
    struct ww_client_message message;
    for (uint32_t i = 0; i < 2000; i++) {
        fake_cluster_run(&cluster, 1);
        while (fake_client_receive(&cluster, &message, NULL)) {
            if (message.type == WW_CLIENT_COMMITTED && message.oldest == sequence + 1)
                return message.index + message.count - 1;
        }
    }
    return 0;
}

static void assert_equal_logs(void)
{
    fake_cluster_run(&cluster, 3000);
    struct ww_group *first = fake_cluster_group(&cluster, 1);
    cr_assert_gt(first->applied, 0);
    for (uint32_t id = 2; id <= 3; id++) {
        struct ww_group *other = fake_cluster_group(&cluster, id);
        cr_assert_eq(other->applied, first->applied, "node %u applied %lu, node 1 %lu", id,
                     other->applied, first->applied);
        cr_assert_eq(other->digest, first->digest);
    }
}

/* Proposes `count` datagrams of 20 entries of 64 bytes, waiting for each; returns the sequence. */
static uint64_t propose_many(uint32_t leader, uint64_t sequence, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        fake_client_propose(&cluster, leader, sequence, 20, 64, sequence);
        cr_assert_neq(committed(sequence + 19), 0, "sequence %lu", sequence);
        sequence += 20;
    }
    return sequence;
}

Test(pipeline, an_entry_is_committed_applied_and_answered)
{
    uint32_t leader = fake_cluster_leader(&cluster);
    cr_assert_neq(leader, 0);
    fake_client_propose(&cluster, leader, 0, 3, 64, 0);
    cr_assert_eq(committed(2), 4, "behind the first entry of the term");
    assert_equal_logs();
}

Test(pipeline, nothing_is_acknowledged_before_it_is_durable_on_a_quorum)
{
    uint32_t leader = fake_cluster_leader(&cluster);
    for (uint32_t id = 1; id <= 3; id++)
        cluster.nodes[id].disk.held = id != leader;
    fake_client_propose(&cluster, leader, 0, 1, 64, 0);
    fake_cluster_run(&cluster, 50);
    struct ww_client_message message;
    cr_assert_not(fake_client_receive(&cluster, &message, NULL));
    cluster.nodes[leader % 3 + 1].disk.held = false;
    cr_assert_neq(committed(0), 0);
}

Test(pipeline, the_leaders_disk_need_not_be_part_of_the_quorum)
{
    uint32_t leader = fake_cluster_leader(&cluster);
    cluster.nodes[leader].disk.held = true;
    fake_client_propose(&cluster, leader, 0, 1, 64, 0);
    cr_assert_neq(committed(0), 0);
}

Test(pipeline, loss_and_duplication_do_no_harm)
{
    fake_cluster_leader(&cluster);
    cluster.network.loss_percent = 20;
    cluster.network.duplicate_percent = 20;
    fake_client_commit(&cluster, 0, 2000);
    cluster.network.loss_percent = 0;
    assert_equal_logs();
}

Test(pipeline, a_follower_catches_up_from_disk_when_memory_no_longer_has_it)
{
    uint32_t leader = fake_cluster_leader(&cluster);
    uint32_t behind = leader % 3 + 1;
    fake_cluster_kill(&cluster, behind);
    cluster.network.cut[behind] = true;
    /* 2,000 x 20 x 68 bytes is more than twice the log buffer. */
    uint64_t sequence = propose_many(leader, 0, 2000);
    cr_assert_gt(cluster.nodes[leader].shard->net->buffer.head, 2 * FAKE_LOG_BUFFER);
    cluster.network.cut[behind] = false;
    fake_cluster_restart(&cluster, behind);
    fake_cluster_run(&cluster, 5000);
    cr_assert_gt(cluster.nodes[leader].disk.reads, 0);
    leader = fake_cluster_leader(&cluster);
    propose_many(leader, sequence, 1);
    assert_equal_logs();
}

Test(pipeline, all_nodes_restart_and_apply_their_logs_again)
{
    uint32_t leader = fake_cluster_leader(&cluster);
    propose_many(leader, 0, 1000);
    fake_cluster_run(&cluster, 1000);
    struct ww_group *group = fake_cluster_group(&cluster, leader);
    uint64_t applied = group->applied;
    for (uint32_t id = 1; id <= 3; id++)
        fake_cluster_kill(&cluster, id);
    for (uint32_t id = 1; id <= 3; id++)
        fake_cluster_restart(&cluster, id);
    cr_assert_neq(fake_cluster_leader(&cluster), 0);
    assert_equal_logs();
    cr_assert_gt(fake_cluster_group(&cluster, 1)->applied, applied);
}

Test(pipeline, a_deposed_leaders_entries_are_replaced)
{
    uint32_t old = fake_cluster_leader(&cluster);
    /* It takes an entry and is cut off before it could send it. */
    fake_client_propose(&cluster, old, 0, 20, 64, 0);
    cluster.network.cut[old] = true;
    fake_cluster_run(&cluster, 2);
    uint64_t alone = ww_raft_last_index(fake_cluster_group(&cluster, old)->raft);
    uint32_t leader = fake_cluster_leader(&cluster);
    cr_assert_neq(leader, old);
    propose_many(leader, 0, 50);
    cluster.network.cut[old] = false;
    fake_cluster_run(&cluster, 2000);
    cr_assert_gt(ww_raft_last_index(fake_cluster_group(&cluster, old)->raft), alone);
    assert_equal_logs();
}

Test(pipeline, c16_a_failed_write_fences_the_node_and_the_others_go_on)
{
    uint32_t leader = fake_cluster_leader(&cluster);
    cluster.nodes[leader].disk.fail_next = true;
    fake_client_propose(&cluster, leader, 0, 1, 64, 0);
    fake_cluster_run(&cluster, 10);
    cr_assert_eq(atomic_load(&cluster.nodes[leader].shard->fenced), WW_EIO);
    cluster.network.cut[leader] = true;
    uint32_t next = fake_cluster_leader(&cluster);
    cr_assert_neq(next, 0);
    cr_assert_neq(next, leader);
    propose_many(next, 0, 3);
}

Test(pipeline, a_full_log_buffer_refuses_with_busy_and_recovers)
{
    uint32_t leader = fake_cluster_leader(&cluster);
    for (uint32_t id = 1; id <= 3; id++)
        cluster.nodes[id].disk.held = true;
    uint64_t sequence = 0;
    struct ww_client_message message = {0};
    while (message.type != WW_CLIENT_BUSY) {
        cr_assert_lt(sequence * 68, 2 * FAKE_LOG_BUFFER, "the buffer must be full by now");
        fake_client_propose(&cluster, leader, sequence, 20, 64, 0);
        /* The time stands still, so that nobody calls an election for the slow disks. */
        struct ww_shard *shard = cluster.nodes[leader].shard;
        ww_net_work(shard);
        if (!fake_client_receive(&cluster, &message, NULL))
            sequence += 20;
    }
    cr_assert_eq(message.status, -WW_EBUSY);
    cr_assert_eq(message.oldest, sequence);
    cr_assert_gt(cluster.nodes[leader].shard->net->counters.busy_refusals, 0);
    for (uint32_t id = 1; id <= 3; id++)
        cluster.nodes[id].disk.held = false;
    cr_assert_neq(committed(sequence - 1), 0);
    fake_client_propose(&cluster, leader, sequence, 20, 64, sequence);
    cr_assert_neq(committed(sequence + 19), 0);
    assert_equal_logs();
}

Test(pipeline, the_view_tells_what_net_holds)
{
    uint32_t leader = fake_cluster_leader(&cluster);
    struct ww_group_view group;
    struct ww_shard_view view = {.group_count = 1, .groups = &group};
    struct ww_shard *shard = cluster.nodes[leader].shard;
    cr_assert_eq(ww_shard_view(shard, &view, 1000000), WW_ETIMEOUT, "nobody polls");
    atomic_store(&shard->net->view_wanted, &view);
    ww_net_work(shard);
    cr_assert_eq(group.raft.role, WW_RAFT_LEADER);
    cr_assert_eq(group.raft.peer_count, 2);
    cr_assert_eq(group.applied, fake_cluster_group(&cluster, leader)->applied);
    cr_assert_gt(view.batches_sealed, 0);
}

Test(pipeline, a_client_reads_committed_entries_from_any_replica)
{
    uint32_t leader = fake_cluster_leader(&cluster);
    propose_many(leader, 0, 100);
    fake_cluster_run(&cluster, 100);
    for (uint32_t id = 1; id <= 3; id++) {
        uint64_t next = 1, last = 2001;
        while (next <= last) {
            struct ww_client_message read = {.type = WW_CLIENT_READ,
                                             .index = next,
                                             .sequence = id,
                                             .window_bytes = 65536};
            fake_client_send(&cluster, id, &read, NULL);
            uint64_t before = next;
            struct ww_client_message data;
            uint8_t body[FAKE_DATAGRAM];
            fake_cluster_run(&cluster, 30);
            while (fake_client_receive(&cluster, &data, body)) {
                cr_assert_eq(data.type, WW_CLIENT_READ_DATA);
                cr_assert_eq(data.sequence, id);
                cr_assert_geq(data.index, last);
                for (uint32_t at = 0; at < data.body_bytes;) {
                    const char *why;
                    uint32_t size = ww_batch_check(body + at, data.body_bytes - at, &why);
                    cr_assert_neq(size, 0);
                    cr_assert_eq(ww_batch_header(body + at)->first_index, next);
                    next = ww_batch_last_index(ww_batch_header(body + at)) + 1;
                    at += size;
                }
            }
            cr_assert_gt(next, before, "node %u gave nothing at %lu", id, before);
        }
    }
}

Test(pipeline, options_that_cannot_be_are_refused)
{
    struct fake_node *node = &cluster.nodes[1];
    struct ww_shard_options options = node->shard->options;
    struct ww_group_recovery recovery;
    struct ww_shard *shard;
    struct ww_error error;
    cr_assert_eq(ww_group_recovery_init(&recovery, 1, FAKE_SEGMENT), WW_OK);
    options.batch_slots = 1000;
    cr_assert_eq(ww_shard_create(&options, &cluster.network.ports[1].base, &node->disk.base,
                                 &cluster.clock.base, &node->machine, &recovery, &shard, &error),
                 WW_EINVAL);
    cr_assert_not_null(strstr(error.text, "1000 is not a power of two"));
    options.batch_slots = 1024;
    options.configuration.learners = options.configuration.voters;
    cr_assert_eq(ww_shard_create(&options, &cluster.network.ports[1].base, &node->disk.base,
                                 &cluster.clock.base, &node->machine, &recovery, &shard, &error),
                 WW_EINVAL);
    cr_assert_not_null(strstr(error.text, "configuration"));
    ww_group_recovery_free(&recovery);
}
