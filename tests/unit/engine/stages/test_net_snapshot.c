/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots in whole nodes: taken, sent, installed, and a crash at every step of it. */
#include "snapshot_cluster.h"

#include <criterion/criterion.h>
#include <string.h>

static void setup(void)
{
    begin(5);
}

static void teardown(void)
{
    fake_cluster_stop(&cluster);
}

TestSuite(net_snapshot, .init = setup, .fini = teardown);

Test(net_snapshot, one_is_taken_every_so_many_entries_and_the_log_begins_behind_it)
{
    propose(35);
    fake_cluster_run(&cluster, 100);
    for (uint32_t id = 1; id <= 3; id++) {
        struct ww_raft_status status = status_of(id);
        cr_assert_geq(status.snapshot_index, 300);
        cr_assert_leq(status.snapshot_index, 340);
        cr_assert_eq(status.first_index, status.snapshot_index + 1 - KEEP);
        cr_assert_eq(status.first_index, group_of(id)->first_index);
        cr_assert_eq(net_of(id)->counters.snapshots_taken, 3);
        cr_assert_gt(group_of(id)->snapshot.kept.bytes, PADDING);
        cr_assert_not_null(fake_disk_snapshot(&cluster.nodes[id].disk, 0, status.snapshot_index));
        uint32_t on_disk = 0;
        for (uint32_t i = 0; i < FAKE_SNAPSHOTS; i++)
            on_disk += cluster.nodes[id].disk.snapshots[i].file.data != NULL;
        cr_assert_eq(on_disk, 1, "older ones are dropped");
    }
    assert_equal(3);
}

Test(net_snapshot, nodes_begin_with_their_snapshots)
{
    propose(35);
    fake_cluster_run(&cluster, 100);
    uint64_t applied = group_of(1)->applied, digest = group_of(1)->digest;
    uint64_t snapshot_index = status_of(1).snapshot_index;
    for (uint32_t id = 1; id <= 3; id++)
        fake_cluster_kill(&cluster, id);
    for (uint32_t id = 1; id <= 3; id++)
        fake_cluster_restart(&cluster, id);
    fake_cluster_run(&cluster, 2);
    cr_assert_eq(group_of(1)->applied, snapshot_index, "restored before anything is committed");
    cr_assert_eq(group_of(1)->first_index, snapshot_index + 1 - KEEP, "for readers");
    cr_assert_neq(fake_cluster_leader(&cluster), 0);
    assert_equal(3);
    cr_assert_eq(group_of(1)->applied, applied + 1, "and a leader's first entry");
    cr_assert_neq(group_of(1)->digest, digest);
    propose(20);
    assert_equal(3);
}

Test(net_snapshot, a_follower_beyond_the_log_is_brought_up)
{
    uint32_t behind = leave_one_behind();
    cluster.network.cut[behind] = false;
    assert_equal(3);
    cr_assert_eq(net_of(behind)->counters.snapshots_installed, 1);
    cr_assert_eq(net_of(behind)->counters.snapshots_failed, 0);
    propose(5);
    assert_equal(3);
    /* It can serve as well as any other, and begin again. */
    fake_cluster_kill(&cluster, behind);
    fake_cluster_restart(&cluster, behind);
    assert_equal(3);
}

Test(net_snapshot, a_learner_is_brought_up_and_configurations_travel_inside)
{
    propose(30);
    uint32_t leader = fake_cluster_leader(&cluster);
    struct ww_shard_request add = {.op = WW_SHARD_ADD, .node = 4};
    cr_assert_eq(ww_net_request(net_of(leader), &add), WW_OK);
    assert_equal(4);
    cr_assert_geq(net_of(4)->counters.snapshots_installed, 1);
    /* The entry that added it leaves the log everywhere. */
    propose(30);
    assert_equal(4);
    for (uint32_t id = 1; id <= 4; id++) {
        cr_assert_lt(status_of(id).configuration_index, status_of(id).first_index);
        cr_assert_eq(status_of(id).configuration.learners, 1 << 4);
    }
    for (uint32_t id = 1; id <= 4; id++)
        fake_cluster_kill(&cluster, id);
    for (uint32_t id = 1; id <= 4; id++)
        fake_cluster_restart(&cluster, id);
    for (uint32_t id = 1; id <= 4; id++) {
        cr_assert_eq(status_of(id).configuration.voters, 1 << 1 | 1 << 2 | 1 << 3);
        cr_assert_eq(status_of(id).configuration.learners, 1 << 4, "node %u", id);
    }
    propose(1);
    assert_equal(4);
}

Test(net_snapshot, a_machine_that_cannot_save_is_no_harm)
{
    uint32_t leader = fake_cluster_leader(&cluster);
    cluster.nodes[leader].save_status = WW_ETOOBIG;
    propose(12);
    cr_assert_eq(net_of(leader)->counters.snapshots_failed, 1);
    cr_assert_eq(group_of(leader)->snapshot.failed_status, WW_ETOOBIG);
    cr_assert_geq(group_of(leader)->snapshot.failed_index, EVERY);
    cr_assert_eq(cluster.nodes[leader].views, 0, "the view was given back");
    cluster.nodes[leader].save_status = WW_OK;
    propose(12);
    fake_cluster_run(&cluster, 100);
    cr_assert_eq(net_of(leader)->counters.snapshots_taken, 1);
    cr_assert_eq(group_of(leader)->snapshot.failed_status, WW_OK);
}

Test(net_snapshot, a_busy_store_is_asked_again)
{
    uint32_t leader = fake_cluster_leader(&cluster);
    cluster.nodes[leader].disk.save_status = WW_EBUSY;
    propose(12);
    cr_assert_eq(group_of(leader)->snapshot.step, WW_SNAPSHOT_VIEWED);
    cr_assert_eq(cluster.nodes[leader].views, 1);
    cr_assert_not(group_of(leader)->dirty, "nobody spins meanwhile");
    cluster.nodes[leader].disk.save_status = WW_OK;
    fake_cluster_run(&cluster, 100);
    cr_assert_eq(net_of(leader)->counters.snapshots_taken, 1);
    cr_assert_eq(net_of(leader)->counters.snapshots_failed, 0);
    assert_equal(3);
}

Test(net_snapshot, an_operator_gets_one_at_any_time)
{
    struct ww_shard_request asked = {.op = WW_SHARD_SNAPSHOT};
    cr_assert_eq(ww_net_request(net_of(1), &asked), WW_EINVAL, "nothing is applied yet");
    propose(2);
    for (uint32_t id = 1; id <= 3; id++) {
        cr_assert_eq(ww_net_request(net_of(id), &asked), WW_OK);
        cr_assert_eq(asked.index, group_of(id)->applied);
        cr_assert_eq(ww_net_request(net_of(id), &asked), WW_EBUSY, "it is under way");
    }
    fake_cluster_run(&cluster, 100);
    for (uint32_t id = 1; id <= 3; id++) {
        cr_assert_eq(status_of(id).snapshot_index, group_of(id)->applied);
        cr_assert_eq(ww_net_request(net_of(id), &asked), WW_OK, "it is there");
        cr_assert_eq(asked.index, group_of(id)->applied);
        cr_assert_eq(net_of(id)->counters.snapshots_taken, 1);
        cr_assert_eq(group_of(id)->snapshot.next_index, group_of(id)->applied + EVERY);
    }
}

Test(net_snapshot, the_greatest_number_of_entries_is_never)
{
    teardown();
    fake_cluster_start_with(&cluster, 5, (struct fake_options){.snapshot_entries = UINT64_MAX - 1});
    sequence = 0;
    propose(5);
    struct ww_shard_request asked = {.op = WW_SHARD_SNAPSHOT};
    cr_assert_eq(ww_net_request(net_of(1), &asked), WW_OK);
    propose(5);
    cr_assert_eq(net_of(1)->counters.snapshots_taken, 1, "that of the operator");
    cr_assert_eq(group_of(1)->snapshot.next_index, UINT64_MAX);
}

Test(net_snapshot, the_store_fails_and_the_log_goes_on)
{
    uint32_t leader = fake_cluster_leader(&cluster);
    cluster.nodes[leader].disk.fail_snapshot = true;
    propose(12);
    cr_assert_eq(net_of(leader)->counters.snapshots_failed, 1);
    cr_assert_eq(status_of(leader).snapshot_index, 0);
    cr_assert_eq(status_of(leader).first_index, 1);
    propose(12);
    fake_cluster_run(&cluster, 100);
    cr_assert_eq(net_of(leader)->counters.snapshots_taken, 1);
    assert_equal(3);
}

Test(net_snapshot, a_read_below_the_begin_is_refused)
{
    propose(30);
    uint32_t leader = fake_cluster_leader(&cluster);
    struct ww_client_message message;
    while (fake_client_receive(&cluster, &message, NULL)) {
    }
    struct ww_client_message read = {.type = WW_CLIENT_READ,
                                     .index = 1,
                                     .sequence = 9,
                                     .window_bytes = 65536};
    fake_client_send(&cluster, leader, &read, NULL);
    fake_cluster_run(&cluster, 5);
    cr_assert(fake_client_receive(&cluster, &message, NULL));
    cr_assert_eq(message.type, WW_CLIENT_REFUSED);
    cr_assert_eq(message.status, -WW_EGONE);
    cr_assert_eq(message.sequence, 9);
    cr_assert_eq(message.index, group_of(leader)->first_index);
    read.index = group_of(leader)->first_index;
    fake_client_send(&cluster, leader, &read, NULL);
    fake_cluster_run(&cluster, 5);
    cr_assert(fake_client_receive(&cluster, &message, NULL));
    cr_assert_eq(message.type, WW_CLIENT_READ_DATA);
}

Test(net_snapshot, a_start_without_its_snapshot_says_what_is_wrong)
{
    propose(15);
    fake_cluster_run(&cluster, 100);
    uint64_t index = status_of(2).snapshot_index;
    struct ww_error error;
    fake_cluster_kill(&cluster, 2);
    struct fake_snapshot *snapshot = fake_disk_snapshot(&cluster.nodes[2].disk, 0, index);
    snapshot->file.data[PADDING / 2] ^= 1;
    cr_assert_eq(fake_cluster_try_start(&cluster, 2, &error), WW_EDAMAGED);
    cr_assert_not_null(strstr(error.text, "group 0: snapshot at index"), "%s", error.text);
    cr_assert_not_null(strstr(error.text, "checksum"), "%s", error.text);
    snapshot->file.data[PADDING / 2] ^= 1;
    snapshot->group = 1;
    cr_assert_eq(fake_cluster_try_start(&cluster, 2, &error), WW_EDAMAGED);
    snapshot->group = 0;
    cr_assert_eq(fake_cluster_try_start(&cluster, 2, &error), WW_OK);
    assert_equal(3);
}

/* A bit of node 2's snapshot is another one. */
static void lose_snapshot(void)
{
    uint64_t index = status_of(2).snapshot_index;
    cr_assert_gt(index, 0);
    fake_cluster_kill(&cluster, 2);
    fake_disk_snapshot(&cluster.nodes[2].disk, 0, index)->file.data[PADDING / 2] ^= 1;
    cluster.options.repair = true;
}

Test(net_snapshot, a_group_that_lost_its_snapshot_begins_anew)
{
    teardown();
    begin_with_groups(2);
    propose(15);
    fake_cluster_run(&cluster, 100);
    uint64_t term = status_of(2).term;
    lose_snapshot();
    fake_cluster_restart(&cluster, 2);
    struct ww_raft_status status = status_of(2);
    cr_expect(status.amnesia);
    cr_expect_not(status.known);
    cr_expect_eq(status.last_index, 0);
    cr_expect_eq(status.term, term);
    cr_expect_not(ww_raft_amnesia(net_of(2)->groups[1].raft), "the other group lost nothing");
    fake_cluster_poll(&cluster, 2, 0);
    cr_expect_eq(net_of(2)->anew, 0);
    cr_expect_gt(net_of(2)->anew_end, net_of(2)->durable);
    assert_equal(3);
    cr_expect_not(status_of(2).amnesia);

    /* What it recorded holds without repairs, too. */
    cluster.options.repair = false;
    fake_cluster_kill(&cluster, 2);
    fake_cluster_restart(&cluster, 2);
    cr_expect_not(status_of(2).amnesia);
    assert_equal(3);
}

/* The stages of all nodes, one after the other: a step is the poll of one of them. */
static void step(uint32_t number)
{
    uint32_t at = number % (FAKE_STAGES * FAKE_NODES);
    if (at == 0)
        cluster.clock.now_ns += 100000;
    fake_cluster_poll(&cluster, at / FAKE_STAGES + 1, at % FAKE_STAGES);
}

#define MOMENTS 64u

static uint32_t begin_again(uint32_t (*prepare)(void))
{
    teardown();
    begin(5);
    return prepare();
}

/* The numbers of steps before which it is at another point of its way, and some between. */
static uint32_t find_moments(uint32_t (*prepare)(void), uint64_t (*done)(uint32_t node),
                             uint32_t *moments)
{
    enum ww_snapshot_step last = WW_SNAPSHOT_NONE;
    uint32_t count = 0;
    uint32_t node = begin_again(prepare);
    uint64_t before = done(node);
    for (uint32_t steps = 0;; steps++) {
        enum ww_snapshot_step now = group_of(node)->snapshot.step;
        bool finished = done(node) > before && now == WW_SNAPSHOT_NONE;
        if (now != last || finished || steps % 128 == 0)
            moments[count++] = steps;
        if (finished)
            return count;
        last = now;
        step(steps);
        cr_assert(steps < 3000 && count < MOMENTS, "it does not come to its end: step %d", now);
    }
}

/* The node that `prepare` gives crashes at each of these moments until `done` counts one more. */
static uint32_t crash_at_every_step(uint32_t (*prepare)(void), uint64_t (*done)(uint32_t node))
{
    uint32_t moments[MOMENTS];
    uint32_t count = find_moments(prepare, done, moments);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = begin_again(prepare);
        for (uint32_t k = 0; k < moments[i]; k++)
            step(k);
        fake_cluster_kill(&cluster, node);
        fake_cluster_restart(&cluster, node);
        assert_equal(3);
        propose(15);
        assert_equal(3);
    }
    return count;
}

static uint64_t taken(uint32_t node)
{
    return net_of(node)->counters.snapshots_taken;
}

static uint64_t installed(uint32_t node)
{
    return net_of(node)->counters.snapshots_installed;
}

/* The next entries make a snapshot due, and they are on their way to the leader. */
static uint32_t about_to_take(void)
{
    propose(9);
    fake_client_propose(&cluster, fake_cluster_leader(&cluster), sequence, 10, 64, sequence);
    sequence += 10;
    return 2;
}

static uint32_t about_to_install(void)
{
    uint32_t behind = leave_one_behind();
    cluster.network.cut[behind] = false;
    return behind;
}

Test(net_snapshot, a_crash_at_every_step_of_taking_one)
{
    cr_assert_geq(crash_at_every_step(about_to_take, taken), 5);
}

static uint32_t about_to_begin_anew(void)
{
    propose(15);
    fake_cluster_run(&cluster, 100);
    lose_snapshot();
    fake_cluster_restart(&cluster, 2);
    return 2;
}

Test(net_snapshot, a_crash_at_every_step_of_beginning_anew)
{
    cr_assert_geq(crash_at_every_step(about_to_begin_anew, installed), 5);
    cr_assert_not(status_of(2).amnesia);
}

Test(net_snapshot, a_crash_at_every_step_of_installing_one)
{
    cr_assert_geq(crash_at_every_step(about_to_install, installed), 5);
}
