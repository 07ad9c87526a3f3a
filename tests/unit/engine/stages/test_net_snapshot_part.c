/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a snapshot on their way to a follower: lost, doubled, damaged, refused, mixed up. */
#include "snapshot_cluster.h"

#include <criterion/criterion.h>

static void setup(void)
{
    begin(5);
}

static void teardown(void)
{
    fake_cluster_stop(&cluster);
}

TestSuite(net_snapshot_part, .init = setup, .fini = teardown);

/* Until the follower has thrown away what it got. */
static void run_until_failed(uint32_t node)
{
    for (int i = 0; i < 1000 && net_of(node)->counters.snapshots_failed == 0; i++)
        fake_cluster_run(&cluster, 10);
    cr_assert_geq(net_of(node)->counters.snapshots_failed, 1);
    cr_assert_eq(net_of(node)->counters.snapshots_installed, 0);
    cr_assert_eq(atomic_load(&cluster.nodes[node].shard->fenced), 0);
}

Test(net_snapshot_part, parts_that_are_lost_and_doubled_do_no_harm)
{
    uint32_t behind = leave_one_behind();
    cluster.network.cut[behind] = false;
    cluster.network.loss_percent = 25;
    cluster.network.duplicate_percent = 25;
    fake_cluster_run(&cluster, 10000);
    cluster.network.loss_percent = 0;
    cr_assert_geq(net_of(behind)->counters.snapshots_installed, 1);
    assert_equal(3);
}

Test(net_snapshot_part, a_damaged_one_is_thrown_away_and_asked_for_again)
{
    uint32_t behind = leave_one_behind();
    uint32_t leader = fake_cluster_leader(&cluster);
    uint8_t *byte = (uint8_t *)(uintptr_t)group_of(leader)->snapshot.kept.data + PADDING / 2;
    *byte ^= 1;
    cluster.network.cut[behind] = false;
    for (int i = 0; i < 1000 && net_of(behind)->counters.snapshots_failed == 0; i++)
        fake_cluster_run(&cluster, 10);
    cr_assert_geq(net_of(behind)->counters.snapshots_failed, 1);
    cr_assert_eq(net_of(behind)->counters.snapshots_installed, 0);
    *byte ^= 1;
    assert_equal(3);
    cr_assert_eq(net_of(behind)->counters.snapshots_installed, 1);
}

static int write_nonsense(void *context, ww_state_write write, void *sink)
{
    const struct ww_snapshot_blob *blob = context;
    uint8_t nonsense[WW_SESSION_BYTES_MAX];
    memset(nonsense, 0xff, sizeof(nonsense));
    return write(sink, nonsense, ww_snapshot_header(blob)->session_bytes);
}

static int copy_machine(void *context, ww_state_write write, void *sink)
{
    struct ww_snapshot_reader reader;
    uint8_t bytes[4096];
    int64_t got;
    int status = WW_OK;
    ww_snapshot_open_machine(&reader, context);
    while (status == WW_OK && (got = ww_snapshot_read(&reader, bytes, sizeof(bytes))) > 0)
        status = write(sink, bytes, (size_t)got);
    return status;
}

/* Every checksum is right, but what it says of the sessions is nonsense. */
Test(net_snapshot_part, one_whose_sessions_cannot_be_is_refused_before_it_is_recorded)
{
    uint32_t behind = leave_one_behind();
    struct ww_snapshot_blob *kept = &group_of(fake_cluster_leader(&cluster))->snapshot.kept;
    struct ww_snapshot_blob good = *kept;
    struct memory_file file;
    struct ww_snapshot_save save = {
        .about = *ww_snapshot_header(kept),
        .sessions = write_nonsense,
        .machine = copy_machine,
        .context = &good,
    };
    cr_assert_eq(memory_file_save(&file, &save), WW_OK);
    cr_assert_eq(file.bytes, good.bytes);
    *kept = (struct ww_snapshot_blob){file.data, file.bytes};
    cluster.network.cut[behind] = false;
    run_until_failed(behind);
    cr_assert_eq(group_of(behind)->snapshot.failed_status, WW_EDAMAGED);
    *kept = good;
    memory_file_free(&file);
    assert_equal(3);
    cr_assert_eq(net_of(behind)->counters.snapshots_installed, 1);
}

Test(net_snapshot_part, parts_that_the_store_has_no_room_for_come_again)
{
    uint32_t behind = leave_one_behind();
    cluster.nodes[behind].disk.receive_status = WW_EBUSY;
    cluster.network.cut[behind] = false;
    fake_cluster_run(&cluster, 1000);
    cr_assert_gt(net_of(behind)->counters.drops[WW_DROP_NO_ROOM], 0);
    cr_assert_eq(group_of(behind)->snapshot.staged.bytes, 0);
    cluster.nodes[behind].disk.receive_status = WW_OK;
    assert_equal(3);
    cr_assert_eq(net_of(behind)->counters.snapshots_installed, 1);
    cr_assert_eq(net_of(behind)->counters.snapshots_failed, 0);
}

Test(net_snapshot_part, a_store_that_gives_it_up_gets_it_anew)
{
    uint32_t behind = leave_one_behind();
    cluster.network.cut[behind] = false;
    for (int i = 0; i < 1000 && group_of(behind)->snapshot.staged.bytes == 0; i++)
        fake_cluster_poll(&cluster, (uint32_t)i % 3 + 1, (uint32_t)i / 3 % FAKE_STAGES);
    cluster.nodes[behind].disk.receive_status = WW_ENOSPC;
    run_until_failed(behind);
    cr_assert_eq(group_of(behind)->snapshot.failed_status, WW_ENOSPC);
    cluster.nodes[behind].disk.receive_status = WW_OK;
    assert_equal(3);
    cr_assert_eq(net_of(behind)->counters.snapshots_installed, 1);
}

/* A part of `bytes` from the leader, of a snapshot that ends where its own ends. */
static void send_part(uint32_t to, uint32_t identity, uint64_t offset, uint32_t bytes)
{
    uint32_t leader = fake_cluster_leader(&cluster);
    const struct ww_snapshot_header *about = ww_snapshot_header(&group_of(leader)->snapshot.kept);
    static const uint8_t body[2000];
    const struct ww_raft_message message = {
        .type = WW_RAFT_SNAPSHOT,
        .body_bytes = bytes,
        .identity = identity,
        .term = ww_raft_term(group_of(leader)->raft),
        .index = about->index,
        .log_term = about->term,
        .commit = offset,
    };
    ww_net_receive_snapshot_part(net_of(to), leader, &message, body);
}

Test(net_snapshot_part, those_of_another_one_with_the_same_end_begin_anew)
{
    uint32_t behind = leave_one_behind();
    const struct ww_staged_snapshot *staged = &group_of(behind)->snapshot.staged;
    send_part(behind, 1, 0, 1000);
    send_part(behind, 1, 1000, 2000);
    cr_assert_eq(staged->bytes, 3000);
    cr_assert_eq(ww_net_snapshot_take(net_of(behind), group_of(behind)), WW_EBUSY,
                 "a newer one comes");
    send_part(behind, 2, 3000, 1000);
    cr_assert_eq(staged->bytes, 3000, "it is not the next part of this one");
    cr_assert_eq(staged->identity, 1);
    send_part(behind, 2, 0, 500);
    cr_assert_eq(staged->bytes, 500);
    cr_assert_eq(staged->identity, 2);
    send_part(behind, 1, 500, 500);
    cr_assert_eq(staged->bytes, 500);
    cluster.network.cut[behind] = false;
    assert_equal(3);
    cr_assert_eq(net_of(behind)->counters.snapshots_installed, 1);
    cr_assert_eq(net_of(behind)->counters.snapshots_failed, 0);
}
