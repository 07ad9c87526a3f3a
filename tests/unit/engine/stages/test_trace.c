/* SPDX-License-Identifier: Apache-2.0 */
/* What sampled entries leave on their way through the stages of three nodes. */
#include "fake_cluster.h"

#include <criterion/criterion.h>

#define EVERY 8u
#define ENTRIES 20u

static struct fake_clock clock_ = {.base = {fake_clock_now}, .now_ns = 7};
static struct fake_cluster cluster;

Test(trace, a_range_holds_a_sampled_index_or_not)
{
    struct ww_trace trace = {.mask = ~(uint64_t)(EVERY - 1)}, off = {0};
    cr_expect(ww_trace_holds(&trace, 8, 8));
    cr_expect(ww_trace_holds(&trace, 1, 8));
    cr_expect(ww_trace_holds(&trace, 15, 17));
    cr_expect_not(ww_trace_holds(&trace, 1, 7));
    cr_expect_not(ww_trace_holds(&trace, 9, 15));
    cr_expect_not(ww_trace_holds(&trace, 9, 8), "an empty range");
    cr_expect_not(ww_trace_holds(&off, 1, UINT64_MAX));
}

Test(trace, what_finds_no_room_is_counted)
{
    struct ww_trace trace = {0};
    struct ww_trace_record records[8];
    struct ww_trace_record place = {.group = 3, .point = WW_TRACE_FED, .peer = 2};
    cr_assert_eq(ww_trace_create(&trace, &clock_.base, "test", 4), WW_OK);
    ww_trace_set(&trace, EVERY);
    ww_trace_range(&trace, place, 1, 7);
    cr_expect_eq(ww_trace_take(&trace, records, 8), 0);
    ww_trace_range(&trace, place, 8, 47); /* 8, 16, 24, 32, 40: room for three */
    cr_assert_eq(ww_trace_take(&trace, records, 8), 3);
    for (uint32_t i = 0; i < 3; i++) {
        cr_expect_eq(records[i].index, EVERY * (i + 1));
        cr_expect_eq(records[i].group, 3);
        cr_expect_eq(records[i].point, WW_TRACE_FED);
        cr_expect_eq(records[i].peer, 2);
        cr_expect_eq(records[i].ns, 7);
    }
    cr_expect_eq(trace.dropped, 2);
    ww_trace_range(&trace, place, 48, 48);
    cr_expect_eq(ww_trace_take(&trace, records, 8), 1, "there is room again");
    cr_expect_eq(trace.dropped, 2);
    ww_trace_destroy(&trace);
}

Test(trace, a_position_that_rises_is_recorded_once)
{
    struct ww_trace trace = {0};
    struct ww_trace_record records[8], place = {.point = WW_TRACE_ACKED};
    uint64_t at = 5;
    cr_assert_eq(ww_trace_create(&trace, &clock_.base, "test", 16), WW_OK);
    ww_trace_set(&trace, EVERY);
    static const uint64_t positions[] = {7, 8, 8, 9, 6, 25};
    for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++)
        ww_trace_rise(&trace, place, &at, positions[i]);
    cr_assert_eq(ww_trace_take(&trace, records, 8), 3);
    for (uint32_t i = 0; i < 3; i++)
        cr_expect_eq(records[i].index, EVERY * (i + 1));
    ww_trace_destroy(&trace);
}

Test(trace, it_begins_and_ends_while_the_stage_works)
{
    struct ww_trace trace = {0};
    struct ww_trace_record records[8], place = {.point = WW_TRACE_FED};
    uint64_t at = 0;
    cr_assert_eq(ww_trace_create(&trace, &clock_.base, "test", 16), WW_OK);
    ww_trace_range(&trace, place, 1, UINT64_MAX);
    ww_trace_rise(&trace, place, &at, 1000);
    ww_trace_record(&trace, place, 8, 8);
    cr_expect_eq(ww_trace_take(&trace, records, 8), 0, "nothing is traced yet");
    cr_expect_eq(trace.dropped, 0);
    ww_trace_set(&trace, EVERY);
    ww_trace_range(&trace, place, 8, 8);
    ww_trace_rise(&trace, place, &at, 1000);
    cr_expect_eq(ww_trace_take(&trace, records, 8), 1, "nothing of what was before");
    ww_trace_rise(&trace, place, &at, 1015);
    cr_expect_eq(ww_trace_take(&trace, records, 8), 1);
    ww_trace_set(&trace, 0);
    ww_trace_range(&trace, place, 16, 16);
    cr_expect_eq(ww_trace_take(&trace, records, 8), 0);
    ww_trace_destroy(&trace);
}

/* ---- through the stages ---- */

/* When each point of an index was passed, by node; of SENT and ACKED by peer, on the leader. */
struct times {
    uint64_t at[FAKE_NODES + 1][WW_TRACE_POINTS];
    uint64_t peers[FAKE_NODES + 1][WW_TRACE_POINTS];
    uint32_t records;
};

static struct times times_of(uint32_t leader, uint64_t index)
{
    struct times times = {0};
    struct ww_trace_record records[256];
    for (uint32_t id = 1; id <= FAKE_VOTERS; id++)
        for (uint32_t stage = 0; stage < WW_STAGES; stage++) {
            struct ww_trace *trace = &cluster.nodes[id].shard->traces[stage];
            uint32_t count = ww_trace_take(trace, records, 256);
            for (uint32_t i = 0; i < count; i++) {
                cr_assert_eq(records[i].index % EVERY, 0);
                if (records[i].index != index)
                    continue;
                times.records++;
                cr_assert_eq(records[i].peer != 0, records[i].point == WW_TRACE_SENT ||
                                                       records[i].point == WW_TRACE_ACKED);
                cr_assert(records[i].peer == 0 || id == leader);
                uint64_t *place = records[i].peer != 0
                                      ? &times.peers[records[i].peer][records[i].point]
                                      : &times.at[id][records[i].point];
                cr_assert_eq(*place, 0, "%s of node %u stands there once",
                             ww_trace_point_name(records[i].point), id);
                *place = records[i].ns;
            }
        }
    return times;
}

static uint32_t start(uint32_t groups)
{
    fake_cluster_start_with(&cluster, 3,
                            (struct fake_options){.trace_every = EVERY, .groups = groups});
    uint32_t leader = fake_cluster_leader(&cluster);
    fake_cluster_run(&cluster, 100);
    times_of(leader, 0); /* of the entries that began the term */
    return leader;
}

static void propose(uint32_t leader, uint64_t sequence)
{
    fake_client_propose(&cluster, leader, sequence, ENTRIES, 64, sequence);
    cr_assert_eq(fake_client_answer(&cluster).type, WW_CLIENT_COMMITTED);
}

static void expect_order(const uint64_t *at, const uint8_t *points, size_t count, uint32_t node)
{
    for (size_t i = 0; i < count; i++) {
        cr_expect_neq(at[points[i]], 0, "node %u: %s", node, ww_trace_point_name(points[i]));
        if (i > 0)
            cr_expect_leq(at[points[i - 1]], at[points[i]], "node %u: %s", node,
                          ww_trace_point_name(points[i]));
    }
}

Test(trace, a_sampled_entry_leaves_the_times_of_its_way_on_every_node)
{
    static const uint8_t leads[] = {WW_TRACE_APPENDED, WW_TRACE_CLOSED, WW_TRACE_SUBMITTED,
                                    WW_TRACE_WRITTEN, WW_TRACE_DURABLE};
    static const uint8_t follows[] = {WW_TRACE_APPENDED, WW_TRACE_CLOSED,  WW_TRACE_SUBMITTED,
                                      WW_TRACE_WRITTEN,  WW_TRACE_DURABLE, WW_TRACE_ACK_SENT};
    static const uint8_t ends[] = {WW_TRACE_APPENDED, WW_TRACE_COMMITTED, WW_TRACE_FED,
                                   WW_TRACE_TAKEN, WW_TRACE_APPLIED};
    uint32_t leader = start(1);
    propose(leader, 0); /* indexes 2 .. 21 */
    fake_cluster_run(&cluster, 100);
    struct times times = times_of(leader, 16);
    for (uint32_t id = 1; id <= FAKE_VOTERS; id++) {
        const uint64_t *at = times.at[id];
        expect_order(at, id == leader ? leads : follows,
                     id == leader ? sizeof(leads) : sizeof(follows), id);
        expect_order(at, ends, sizeof(ends), id);
        cr_expect_eq(at[WW_TRACE_ANSWERED] != 0, id == leader);
        cr_expect_eq(times.peers[id][WW_TRACE_SENT] != 0, id != leader);
        if (id == leader)
            continue;
        cr_expect_leq(times.peers[id][WW_TRACE_SENT], at[WW_TRACE_APPENDED]);
        cr_expect_leq(at[WW_TRACE_ACK_SENT], times.peers[id][WW_TRACE_ACKED]);
    }
    const uint64_t *at = times.at[leader];
    uint64_t first = UINT64_MAX;
    for (uint32_t id = 1; id <= FAKE_VOTERS; id++)
        if (id != leader && times.peers[id][WW_TRACE_ACKED] < first)
            first = times.peers[id][WW_TRACE_ACKED];
    cr_expect_leq(first, at[WW_TRACE_COMMITTED], "a follower completed the quorum");
    cr_expect_leq(at[WW_TRACE_APPLIED], at[WW_TRACE_ANSWERED]);
    /* The leader's 10 and 4 of its followers, 10 of each follower. */
    cr_expect_eq(times.records, 10 + 4 + 2 * 10);
    fake_cluster_stop(&cluster);
}

Test(trace, entries_that_are_sent_again_are_recorded_with_the_first)
{
    uint32_t leader = start(1);
    cluster.network.loss_percent = 30;
    fake_client_propose(&cluster, leader, 0, ENTRIES, 64, 0);
    for (uint32_t i = 0; i < 200 && fake_cluster_group(&cluster, leader)->applied < 21; i++) {
        fake_client_propose(&cluster, leader, 0, ENTRIES, 64, 0);
        fake_cluster_run(&cluster, 20);
    }
    cluster.network.loss_percent = 0;
    fake_cluster_run(&cluster, 500);
    struct ww_trace_record records[256];
    uint32_t appended = 0;
    for (uint32_t id = 1; id <= FAKE_VOTERS; id++) {
        uint32_t count =
            ww_trace_take(&cluster.nodes[id].shard->traces[WW_STAGE_NET], records, 256);
        for (uint32_t i = 0; i < count; i++)
            appended += records[i].index == 16 && records[i].point == WW_TRACE_APPENDED;
    }
    cr_expect_eq(appended, FAKE_VOTERS, "once on each node");
    fake_cluster_stop(&cluster);
}

Test(trace, nobody_takes_the_records_and_the_entries_commit_all_the_same)
{
    uint32_t leader = start(1);
    uint64_t records = 0;
    for (uint64_t sequence = 0; records <= WW_TRACE_SLOTS; sequence += ENTRIES) {
        propose(leader, sequence);
        records = sequence / EVERY * 2; /* of APPLY */
    }
    fake_cluster_run(&cluster, 100);
    struct ww_trace *trace = &cluster.nodes[leader].shard->traces[WW_STAGE_APPLY];
    cr_expect_gt(trace->dropped, 0);
    cr_expect_eq(ww_ring_free(&trace->ring), 0);
    cr_expect_gt(trace->cycles, 0);
    cr_expect_eq(cluster.nodes[leader].shard->fenced, 0);
    fake_cluster_stop(&cluster);
}

Test(trace, every_sampled_entry_is_found_in_writes_of_many_blocks)
{
    uint32_t leader = start(1), found[2][1024 / EVERY] = {0}, first = 2, count = 40 * ENTRIES;
    struct fake_node *node = &cluster.nodes[leader];
    struct ww_wal_tuning wal = {.block_max = 2 * WW_BLOCK_ALIGN};
    cr_assert_eq(ww_net_tune(node->shard->net, &wal), WW_OK);
    fake_cluster_run(&cluster, 100);
    uint64_t blocks = node->shard->net->counters.blocks, writes = node->disk.writes;
    node->disk.held = true;
    for (uint64_t sequence = 0; sequence < count; sequence += ENTRIES) {
        fake_client_propose(&cluster, leader, sequence, ENTRIES, 64, sequence);
        fake_cluster_run(&cluster, 2);
    }
    node->disk.held = false;
    fake_cluster_run(&cluster, 100);
    blocks = node->shard->net->counters.blocks - blocks;
    writes = node->disk.writes - writes;
    cr_assert_gt(blocks, 2 * writes, "%lu blocks, %lu writes", blocks, writes);
    struct ww_trace_record records[1024];
    uint32_t taken = ww_trace_take(&node->shard->traces[WW_STAGE_LOG], records, 1024);
    for (uint32_t i = 0; i < taken; i++)
        found[records[i].point == WW_TRACE_WRITTEN][records[i].index / EVERY]++;
    for (uint32_t index = EVERY; index < first + count; index += EVERY) {
        cr_expect_eq(found[0][index / EVERY], 1, "%u was submitted", index);
        cr_expect_eq(found[1][index / EVERY], 1, "%u was written", index);
    }
    fake_cluster_stop(&cluster);
}

Test(trace, writes_are_counted_by_their_entries)
{
    uint32_t leader = start(1);
    uint64_t before[WW_WRITE_SIZES], writes = 0;
    struct ww_shard *shard = cluster.nodes[leader].shard;
    for (uint32_t i = 0; i < WW_WRITE_SIZES; i++)
        before[i] = shard->write_sizes[i];
    for (uint32_t i = 0; i < 3; i++) {
        propose(leader, (uint64_t)i * ENTRIES);
        fake_cluster_run(&cluster, 100);
    }
    for (uint32_t i = 0; i < WW_WRITE_SIZES; i++)
        writes += shard->write_sizes[i] - before[i];
    cr_expect_eq(writes, 3, "one write of each 20 entries");
    cr_expect_eq(shard->write_sizes[5] - before[5], 3, "17 .. 32 entries");
    fake_cluster_stop(&cluster);
}
