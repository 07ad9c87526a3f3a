/* SPDX-License-Identifier: Apache-2.0 */
/* Stream space that goes back, in whole nodes: what holds it back, and what is there afterwards. */
#include "fake_cluster.h"

#include <criterion/criterion.h>

#define SEGMENT (64u * WW_KIB)
#define RETAIN (4u * SEGMENT)

static struct fake_cluster cluster;
static uint64_t sequence;

static void begin(struct fake_options options)
{
    sequence = 0;
    options.segment_bytes = SEGMENT;
    fake_cluster_start_with(&cluster, 7, options);
}

static void teardown(void)
{
    fake_cluster_stop(&cluster);
}

TestSuite(net_release, .fini = teardown);

static struct ww_net *net_of(uint32_t node)
{
    return cluster.nodes[node].shard->net;
}

static struct fake_disk *disk_of(uint32_t node)
{
    return &cluster.nodes[node].disk;
}

/* Proposes blocks of entries until each is committed, to whoever leads. */
static void propose(uint32_t count)
{
    sequence = fake_client_commit(&cluster, sequence, 10 * count);
}

static void assert_equal(void)
{
    fake_cluster_run(&cluster, 3000);
    for (uint32_t id = 1; id <= 3; id++) {
        cr_assert_eq(atomic_load(&cluster.nodes[id].shard->fenced), 0);
        cr_assert_gt(fake_cluster_group(&cluster, id)->applied, 0);
        cr_assert_eq(fake_cluster_group(&cluster, id)->applied,
                     fake_cluster_group(&cluster, 1)->applied);
        cr_assert_eq(fake_cluster_group(&cluster, id)->digest,
                     fake_cluster_group(&cluster, 1)->digest);
    }
}

static void restart_all(void)
{
    for (uint32_t id = 1; id <= 3; id++)
        fake_cluster_kill(&cluster, id);
    for (uint32_t id = 1; id <= 3; id++)
        fake_cluster_restart(&cluster, id);
}

Test(net_release, a_log_that_nothing_leaves_is_kept_whole)
{
    begin((struct fake_options){0});
    propose(100);
    fake_cluster_run(&cluster, 20000);
    for (uint32_t id = 1; id <= 3; id++) {
        cr_assert_gt(net_of(id)->buffer.head, 4 * SEGMENT);
        cr_assert_eq(net_of(id)->counters.checkpoints, 0);
        cr_assert_eq(disk_of(id)->released, 0);
    }
}

Test(net_release, what_snapshots_cover_goes_back_and_nodes_begin_with_the_rest)
{
    begin((struct fake_options){.snapshot_entries = 100, .snapshot_keep = 10});
    propose(200);
    for (uint32_t id = 1; id <= 3; id++) {
        cr_assert_geq(disk_of(id)->released, 8 * SEGMENT);
        cr_assert_geq(disk_of(id)->released + 6 * SEGMENT, net_of(id)->buffer.head);
        cr_assert_gt(net_of(id)->counters.checkpoints, 0, "of the term and vote");
    }
    uint64_t term = ww_raft_term(fake_cluster_group(&cluster, 1)->raft);
    restart_all();
    for (uint32_t id = 1; id <= 3; id++)
        cr_assert_eq(ww_raft_term(fake_cluster_group(&cluster, id)->raft), term, "is not lost");
    propose(100);
    assert_equal();
    restart_all();
    assert_equal();
}

Test(net_release, nothing_goes_back_before_the_stream_says_which_groups_begin_anew)
{
    begin((struct fake_options){.snapshot_entries = 100, .snapshot_keep = 10});
    net_of(1)->anew_end = UINT64_MAX; /* as if such a record were on its way to the disk */
    propose(200);
    cr_assert_eq(disk_of(1)->released, 0);
    cr_assert_geq(disk_of(2)->released, 8 * SEGMENT);
    net_of(1)->anew_end = net_of(1)->durable;
    propose(20);
    cr_assert_geq(disk_of(1)->released, 8 * SEGMENT);
}

Test(net_release, nothing_goes_back_before_the_repeated_records_are_durable)
{
    begin((struct fake_options){.snapshot_entries = 100});
    propose(30);
    struct ww_net *net = net_of(1);
    struct ww_group *group = &net->groups[0];
    uint32_t leader = fake_cluster_leader(&cluster);
    uint64_t before = net->counters.checkpoints;
    struct ww_client_message message;
    for (uint32_t i = 0; i < 1000 && net->counters.checkpoints == before; i++) {
        if (i % 5 == 0)
            fake_client_propose(&cluster, leader, sequence, 10, 64, sequence);
        cluster.clock.now_ns += 100000;
        for (uint32_t at = 0; at < 3 * FAKE_STAGES; at++) {
            fake_cluster_poll(&cluster, at / FAKE_STAGES + 1, at % FAKE_STAGES);
            disk_of(1)->held = net->counters.checkpoints > before;
        }
        while (fake_client_receive(&cluster, &message, NULL))
            sequence = message.type == WW_CLIENT_COMMITTED ? message.oldest : sequence;
    }
    uint64_t released = net->release.position;
    cr_assert_eq(net->counters.checkpoints, before + 1);
    cr_assert_gt(group->hard_state.end, group->hard_state.durable_end);
    for (uint32_t i = 0; i < 20; i++) {
        cluster.clock.now_ns += 2 * WW_RELEASE_NS;
        for (uint32_t stage = 0; stage < FAKE_STAGES; stage++)
            fake_cluster_poll(&cluster, 1, stage);
    }
    cr_assert_eq(net->release.position, released);
    cr_assert_eq(net->counters.checkpoints, before + 1, "and they are not repeated again");
    fake_cluster_kill(&cluster, 1);
    disk_of(1)->held = false;
    fake_cluster_restart(&cluster, 1);
    assert_equal();
    cr_assert_gt(net_of(1)->release.position, released);
}

Test(net_release, a_log_is_kept_within_its_size_and_not_shorter)
{
    begin((struct fake_options){.retain_bytes = RETAIN});
    propose(300);
    for (uint32_t id = 1; id <= 3; id++) {
        const struct ww_group *group = fake_cluster_group(&cluster, id);
        uint64_t head = net_of(id)->buffer.head, limit;
        const struct ww_log_point *first =
            ww_log_index_find(&group->index, group->first_index, &limit);
        cr_assert_gt(group->first_index, 1000);
        cr_assert_leq(first->block + RETAIN, head, "what is within the limit stays");
        cr_assert_geq(disk_of(id)->released + RETAIN + 3 * SEGMENT, head);
        cr_assert_leq(net_of(id)->counters.snapshots_taken, head / RETAIN + 1,
                      "one serves as long as the limit is long");
    }
    assert_equal();
    restart_all();
    propose(100);
    assert_equal();
}

Test(net_release, a_log_is_not_cut_beyond_its_snapshot)
{
    begin((struct fake_options){.retain_bytes = RETAIN});
    propose(150);
    for (uint32_t id = 1; id <= 3; id++)
        disk_of(id)->snapshots_held = true; /* the next one takes long */
    propose(200);
    for (uint32_t id = 1; id <= 3; id++) {
        const struct ww_group *group = fake_cluster_group(&cluster, id);
        struct ww_raft_status status;
        ww_raft_status(group->raft, &status);
        cr_assert_eq(group->first_index, ww_net_snapshot_index(group) + 1);
        cr_assert_eq(group->first_index, status.first_index);
        disk_of(id)->snapshots_held = false;
    }
    restart_all();
    assert_equal();
}

Test(net_release, entries_leave_by_their_age_in_log_time)
{
    begin((struct fake_options){.retain_time_ns = 1000000000});
    propose(100);
    uint64_t old = sequence;
    cr_assert_eq(fake_cluster_group(&cluster, 1)->first_index, 1);
    fake_cluster_run(&cluster, 11000);
    propose(100);
    fake_cluster_run(&cluster, 11000);
    for (uint32_t id = 1; id <= 3; id++) {
        cr_assert_geq(fake_cluster_group(&cluster, id)->first_index, old * 9 / 10);
        cr_assert_leq(fake_cluster_group(&cluster, id)->first_index, old + 10);
        cr_assert_geq(disk_of(id)->released, 4 * SEGMENT);
    }
    restart_all();
    assert_equal();
}

Test(net_release, an_idle_group_does_not_hold_the_stream_back)
{
    begin((struct fake_options){.retain_bytes = RETAIN, .groups = 3});
    propose(300);
    for (uint32_t id = 1; id <= 3; id++) {
        cr_assert_geq(disk_of(id)->released + RETAIN + 3 * SEGMENT, net_of(id)->buffer.head);
        cr_assert_geq(net_of(id)->counters.checkpoints, 6, "records of idle groups");
        for (uint32_t group = 1; group < 3; group++)
            cr_assert_gt(net_of(id)->groups[group].first_index,
                         ww_raft_last_index(net_of(id)->groups[group].raft));
    }
    uint64_t term = ww_raft_term(net_of(1)->groups[2].raft);
    restart_all();
    cr_assert_eq(ww_raft_term(net_of(1)->groups[2].raft), term);
    cr_assert_geq(ww_net_snapshot_index(&net_of(1)->groups[2]), 1);
    assert_equal();
}

/* Until the leader refuses a proposal. */
static void fill_up(uint32_t leader)
{
    struct ww_client_message message;
    bool full = false;
    for (uint32_t i = 0; i < 400 && !full; i++) {
        fake_client_propose(&cluster, leader, sequence, 10, 64, sequence);
        fake_cluster_run(&cluster, 5);
        while (fake_client_receive(&cluster, &message, NULL)) {
            full |= message.type == WW_CLIENT_BUSY;
            sequence = message.type == WW_CLIENT_COMMITTED ? message.oldest : sequence;
        }
    }
    cr_assert(full);
}

Test(net_release, a_full_disk_gets_room_by_retention)
{
    begin((struct fake_options){.retain_bytes = SEGMENT});
    uint32_t leader = fake_cluster_leader(&cluster);
    for (uint32_t id = 1; id <= 3; id++) {
        disk_of(id)->base.limit_position = 10 * SEGMENT;
        disk_of(id)->snapshots_held = true; /* they take long */
    }
    fill_up(leader);
    cr_assert_eq(disk_of(leader)->released, 0);
    for (uint32_t id = 1; id <= 3; id++)
        disk_of(id)->snapshots_held = false;
    propose(200);
    for (uint32_t id = 1; id <= 3; id++)
        cr_assert_gt(net_of(id)->buffer.head, 15 * SEGMENT, "more than there was room for");
    restart_all();
    propose(100);
    assert_equal();
}

Test(net_release, what_is_being_read_stays)
{
    begin((struct fake_options){.snapshot_entries = 1000000});
    propose(100);
    struct ww_net *net = net_of(1);
    struct ww_read_buffer *buffer = &net->read_buffers[0];
    *buffer = (struct ww_read_buffer){.state = WW_READ_WAITING,
                                      .position = SEGMENT + WW_BLOCK_ALIGN,
                                      .data = buffer->data};
    for (uint32_t id = 1; id <= 3; id++)
        ww_net_snapshot_take(net_of(id), fake_cluster_group(&cluster, id));
    fake_cluster_run(&cluster, 100);
    cr_assert_gt(fake_cluster_group(&cluster, 1)->first_index, 900);
    cr_assert_eq(net->release.position, SEGMENT);
    cr_assert_geq(net_of(2)->release.position, 4 * SEGMENT);
    /* It is here now, and its owner may look elsewhere. */
    struct ww_reader *reader = &fake_cluster_group(&cluster, 1)->peers[7];
    reader->buffer = 0;
    buffer->owner = reader;
    buffer->state = WW_READ_READY;
    fake_cluster_run(&cluster, 20000);
    cr_assert_geq(net->release.position, 4 * SEGMENT);
    cr_assert_eq(reader->buffer, WW_READER_NO_BUFFER);
    cr_assert_eq(buffer->state, WW_READ_FREE);
}
