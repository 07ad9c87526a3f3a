/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of the log on disk: more of them than there are buffers, and some that stand still. */
#include "fake_cluster.h"

#include <criterion/criterion.h>

#define READERS (WW_READ_BUFFERS + 1)

static struct fake_cluster cluster;
static struct ww_net *net;
static struct ww_group *group;
static struct ww_reader readers[READERS];

static void setup(void)
{
    fake_cluster_start(&cluster, 3);
    uint32_t leader = fake_cluster_leader(&cluster);
    /* Twice the log buffer, so that the first entries are on disk only. */
    for (uint64_t sequence = 0; sequence < 32000; sequence += 20) {
        fake_client_propose(&cluster, leader, sequence, 20, 64, sequence);
        fake_cluster_run(&cluster, 10);
        cluster.network.ports[FAKE_CLIENT].first = cluster.network.ports[FAKE_CLIENT].end;
    }
    net = cluster.nodes[leader].shard->net;
    group = fake_cluster_group(&cluster, leader);
    for (uint32_t i = 0; i < READERS; i++)
        ww_reader_init(&readers[i]);
}

static void teardown(void)
{
    fake_cluster_stop(&cluster);
}

TestSuite(net_read, .init = setup, .fini = teardown);

static bool reads(uint32_t reader, uint64_t index)
{
    struct ww_log_view view;
    return ww_net_read(net, group, &readers[reader], index, true, &view) == WW_READ_VIEW &&
           view.from <= index && view.to >= index;
}

Test(net_read, an_entry_that_left_memory_comes_back_from_disk)
{
    cr_assert_not(reads(0, 1), "it is being read");
    fake_cluster_run(&cluster, 2);
    for (uint64_t index = 1; index < 5000; index++) {
        for (int tries = 0; !reads(0, index); tries++) {
            cr_assert_lt(tries, 3, "index %lu", index);
            fake_cluster_run(&cluster, 2);
        }
    }
    cr_assert(reads(0, ww_raft_last_index(group->raft)), "and the newest from memory");
    cr_assert_eq(readers[0].buffer, WW_READER_NO_BUFFER);
}

Test(net_read, an_entry_that_was_passed_can_be_asked_for_again)
{
    reads(0, 4000);
    fake_cluster_run(&cluster, 2);
    cr_assert(reads(0, 4000));
    for (uint64_t index = 3999; index > 0; index -= 1333) {
        cr_assert_not(reads(0, index), "the scan is behind it");
        fake_cluster_run(&cluster, 2);
        cr_assert(reads(0, index), "index %lu", index);
    }
    cr_assert_eq(net->shard->fenced, WW_OK);
}

Test(net_read, readers_that_stand_still_give_their_buffers_up)
{
    for (uint32_t i = 0; i < READERS; i++)
        cr_assert_not(reads(i, 1));
    fake_cluster_run(&cluster, 2);
    for (uint32_t i = 0; i < WW_READ_BUFFERS; i++)
        cr_assert(reads(i, 1));
    cr_assert_not(reads(WW_READ_BUFFERS, 1), "no buffer is free, all were used just now");
    fake_cluster_run(&cluster, WW_READ_IDLE_NS / 100000 + 1);
    cr_assert_not(reads(WW_READ_BUFFERS, 1), "it got one, which is being read into");
    fake_cluster_run(&cluster, 2);
    cr_assert(reads(WW_READ_BUFFERS, 1));
    /* The one that lost its buffer gets one again, in its turn. */
    for (int round = 0; round < 3; round++) {
        fake_cluster_run(&cluster, WW_READ_IDLE_NS / 100000 + 1);
        reads(WW_READ_BUFFERS - 1, 1);
    }
    cr_assert(reads(WW_READ_BUFFERS - 1, 1));
}

Test(net_read, what_apply_still_reads_is_not_taken_away)
{
    cr_assert_not(reads(0, 1));
    fake_cluster_run(&cluster, 2);
    cr_assert(reads(0, 1));
    uint32_t pinned = readers[0].buffer;
    net->read_buffers[pinned].pinned = true;
    for (uint32_t i = 1; i < READERS; i++)
        reads(i, 1);
    fake_cluster_run(&cluster, WW_READ_IDLE_NS / 100000 + 1);
    for (uint32_t i = 1; i < READERS; i++)
        reads(i, 1);
    cr_assert_eq(readers[0].buffer, pinned);
    cr_assert_eq(net->read_buffers[pinned].owner, &readers[0]);
}

Test(net_read, after_a_truncation_it_is_looked_up_anew_where_entries_stand)
{
    struct ww_reader *reader = &group->peers[0], *client = &net->client_reads[0].reader;
    struct ww_log_view view;
    ww_net_read(net, group, reader, 1, true, &view);
    fake_cluster_run(&cluster, 2);
    cr_assert_eq(ww_net_read(net, group, reader, 1, true, &view), WW_READ_VIEW);
    uint64_t limit = reader->limit, from = limit - 2;
    cr_assert_gt(from, view.to, "the point reaches further than the first batch");

    net->client_reads[0].active = true;
    net->client_reads[0].group = group->id;
    client->limit = limit;
    ww_net_truncate_readers(net, group, limit + 1);
    cr_assert_eq(reader->limit, limit, "what is truncated lies behind its point");
    ww_net_truncate_readers(net, group, from);
    cr_assert_eq(reader->limit, from);
    cr_assert_eq(client->limit, from);
    reader->not_before = 0;
    cr_assert_eq(ww_net_read(net, group, reader, from - 1, true, &view), WW_READ_VIEW);
    cr_assert_eq(view.to, from - 1, "what stands there may have been another's");
    cr_assert_eq(ww_net_read(net, group, reader, from, true, &view), WW_READ_VIEW);
    cr_assert_eq(reader->limit, limit);
    cr_assert_neq(reader->not_before, 0);
    net->client_reads[0].active = false;
}
