/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include "engine/wire/client_message.h"
#include "engine/wire/datagram.h"

#include <criterion/criterion.h>
#include <string.h>

static struct world *world;

static void begin(void)
{
    struct world_options options;
    world_options_init(&options);
    options.shard.groups = 2;
    world = world_create();
    cr_assert_not_null(world);
    world_begin(world, &options);
    for (uint32_t id = 1; id <= 3; id++)
        cr_assert_eq(world_start(world, id, NULL), WW_OK);
}

static void end(void)
{
    world_end(world);
    world_destroy(world);
}

TestSuite(world, .init = begin, .fini = end);

/* Everything in flight arrives, every disk is quick: half milliseconds of a healthy cluster. */
static void run_steps(uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) {
        world_advance(world, WORLD_MS / 2);
        for (uint32_t count = world->flight.count; count > 0; count--)
            world_deliver(world, world->flight.first);
        for (uint32_t id = 1; id <= 3; id++) {
            world_poll(world, id);
            world_disk_done_all(&world->nodes[id].disk);
        }
    }
    cr_assert_null(world->broken, "%s", world->broken);
}

static void run(uint32_t ms)
{
    run_steps(2 * ms);
}

static uint32_t leader_of(uint32_t group)
{
    for (uint32_t id = 1; id <= 3; id++)
        if (world->nodes[id].shard != NULL &&
            ww_raft_is_leader(world_group(world, id, group)->raft))
            return id;
    return 0;
}

static uint32_t leader(void)
{
    return leader_of(0);
}

static void propose_bytes(uint32_t node, uint32_t group, uint64_t sequence, const void *data,
                          uint32_t size_bytes)
{
    uint8_t body[WORLD_DATAGRAM];
    uint32_t bytes = ww_entry_encode(body, WW_ENTRY_DATA, data, size_bytes);
    struct ww_client_message message = {
        .type = WW_CLIENT_PROPOSE,
        .group = group,
        .sequence = sequence,
        .oldest = sequence,
        .count = 1,
        .body_bytes = bytes,
    };
    struct ww_transport *port = world_client(world, 0);
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, port->ops->tx_begin(port, node), WORLD_DATAGRAM);
    ww_datagram_add(&builder, &message, bytes);
    uint32_t head = ww_datagram_finish(&builder, WORLD_CLUSTER, WW_CLIENT_SOURCE | 1, node, body);
    port->ops->tx_send(port, head, body, bytes);
}

static void propose(uint32_t node, uint64_t sequence, uint64_t value)
{
    struct world_command command = {.kind = WORLD_COMMAND_WRITE, .number = 1, .value = value};
    propose_bytes(node, 0, sequence, &command, sizeof(command));
}

Test(world, nothing_moves_by_itself)
{
    for (uint32_t i = 0; i < 100; i++)
        for (uint32_t id = 1; id <= 3; id++)
            world_poll(world, id);
    cr_assert_eq(world->flight.count, 0);
    world_advance(world, 200 * WORLD_MS);
    world_poll(world, 1);
    cr_assert_eq(world->flight.count, 2, "elections ask two others");
    const struct ww_raft_message *message = world_frame_message(world->flight.first, 0, NULL);
    cr_assert_eq(message->type, WW_RAFT_PRE_VOTE);
}

Test(world, a_healthy_cluster_applies_a_command_everywhere)
{
    run(1000);
    cr_assert_neq(leader(), 0);
    propose(leader(), 0, 42);
    run(100);
    for (uint32_t id = 1; id <= 3; id++) {
        cr_assert_eq(world->nodes[id].groups[0].registers[1], 42);
        cr_assert_eq(world->nodes[id].groups[0].digest, world->nodes[1].groups[0].digest);
    }
}

Test(world, a_crash_keeps_what_was_durable_and_a_stop_all)
{
    run(1000);
    uint32_t first = leader();
    propose(first, 0, 7);
    run(100);
    for (uint32_t id = 1; id <= 3; id++)
        world_crash(world, id, WORLD_SURVIVE_NONE);
    for (uint32_t id = 1; id <= 3; id++) {
        cr_assert_eq(world_start(world, id, NULL), WW_OK);
        cr_assert_eq(world->nodes[id].groups[0].registers[1], 0);
    }
    run(1000);
    cr_assert_neq(leader(), 0);
    for (uint32_t id = 1; id <= 3; id++)
        cr_assert_eq(world->nodes[id].groups[0].registers[1], 7);
}

Test(world, a_write_that_a_crash_tore_is_cut_and_one_that_rots_is_damage)
{
    run(1000);
    struct world_disk *disk = &world->nodes[1].disk;
    uint64_t durable = disk->durable;
    cr_assert_gt(durable, WW_BLOCK_ALIGN);
    world_crash(world, 1, WORLD_SURVIVE_RANDOM);
    cr_assert_eq(world_start(world, 1, NULL), WW_OK);
    cr_assert_eq(disk->durable, durable);
    world_crash(world, 1, WORLD_SURVIVE_NONE);
    disk->bytes[80] ^= 1;
    struct ww_error error;
    int status = world_start(world, 1, &error);
    cr_assert_eq(status, WW_EDAMAGED, "%d", status);
    cr_assert_not_null(strstr(error.text, "durable"));
}

Test(world, a_failed_write_fences_the_node)
{
    world_advance(world, 200 * WORLD_MS);
    for (uint32_t i = 0; i < 10; i++) {
        world_poll(world, 1);
        while (world->flight.count > 0)
            world_deliver(world, world->flight.first);
        world_poll(world, 2);
    }
    struct world_disk *disk = &world->nodes[1].disk;
    cr_assert_eq(disk->operation_count, 1, "a candidate writes its vote");
    world_disk_fail(disk, &disk->operations[0], WW_EIO, WORLD_SURVIVE_RANDOM);
    world_poll(world, 1);
    cr_assert_eq(world->nodes[1].shard->fenced, WW_EIO);
}

Test(world, a_node_without_room_for_its_vote_is_fenced_and_does_not_give_it)
{
    for (uint32_t id = 2; id <= 3; id++)
        world->nodes[id].disk.base.limit_position = 0;
    run(1000);
    cr_assert_eq(leader(), 0);
    cr_assert_gt(ww_raft_term(world_group(world, 1, 0)->raft), 0, "it stood for election");
    for (uint32_t id = 2; id <= 3; id++)
        cr_assert_eq(atomic_load(&world->nodes[id].shard->fenced), WW_ENOSPC);
}

Test(world, a_node_that_was_stopped_in_a_poll_reads_the_past_once)
{
    struct world_node *node = &world->nodes[1];
    uint64_t before = world_clock_ns(node);
    world_advance(world, WORLD_MS);
    node->clock.stale_ns = before;
    cr_assert_eq(world_clock_ns(node), before + WORLD_MS);
    cr_assert_eq(ww_clock_now(&node->clock.base), before);
    cr_assert_eq(ww_clock_now(&node->clock.base), before + WORLD_MS);
}

Test(world, clocks_drift_and_jump)
{
    struct world_node *node = &world->nodes[2];
    world_clock_rate(node, 500);
    uint64_t before = world_clock_ns(node);
    world_advance(world, 1000000);
    cr_assert_eq(world_clock_ns(node), before + 1000500);
    uint64_t when = world_clock_when(node, before + 2001000);
    cr_assert_leq(when, world->now_ns + 1000000 + 2);
    cr_assert_geq(when, world->now_ns + 1000000);
    world_clock_jump(node, -5000);
    cr_assert_eq(world_clock_ns(node), before + 995500);
}

Test(world, a_cut_link_and_a_corrupt_frame_do_not_get_through)
{
    world_advance(world, 200 * WORLD_MS);
    world_poll(world, 1);
    world->cut[1][2] = true;
    cr_assert_eq(world->flight.first->to, 2);
    cr_assert_not(world_deliver(world, world->flight.first));
    struct world_frame *copy = world_duplicate(world, world->flight.first);
    cr_assert_gt(copy->id, world->flight.first->id);
    world_corrupt(copy, 300);
    cr_assert(world_deliver(world, copy));
    world_poll(world, 3);
    cr_assert_eq(
        world->nodes[3].shard->net->counters.drops[WW_DROP_DATAGRAM + WW_DATAGRAM_CHECKSUM], 1);
}

/* A node was removed from a group, and never hears how far that one committed. */
Test(world, a_group_that_does_not_commit_here_does_not_keep_the_others_from_going_on)
{
    static const uint8_t data[1000];
    run(1000);
    uint32_t first = leader(), removed = first % 3 + 1;
    struct ww_net *net = world->nodes[first].shard->net;
    struct ww_shard_request request = {.op = WW_SHARD_TRANSFER, .group = 1, .node = first};
    if (leader_of(1) != first)
        ww_net_request(world->nodes[leader_of(1)].shard->net, &request);
    run(200);
    const struct ww_group *left = world_group(world, removed, 0);
    uint64_t before = ww_raft_last_index(left->raft);
    propose(first, 0, 7);
    while (ww_raft_last_index(left->raft) == before)
        run_steps(1);
    world->cut[first][removed] = true; /* it has the entry, and does not hear of its commit */
    run(5);
    request = (struct ww_shard_request){.op = WW_SHARD_REMOVE, .node = removed};
    cr_assert_eq(ww_net_request(net, &request), WW_OK);
    run(20);
    world->cut[first][removed] = false;
    run(1000);
    cr_assert_lt(left->applied, ww_raft_last_index(left->raft), "it waits for a commit");
    for (uint64_t sequence = 0; sequence < 2 * WORLD_BUFFER_BYTES / sizeof(data); sequence++) {
        propose_bytes(leader_of(1), 1, sequence, data, sizeof(data));
        run(1);
    }
    run(100);
    uint32_t other = leader_of(1);
    cr_assert_eq(world_group(world, removed, 1)->applied, world_group(world, other, 1)->applied);
    cr_assert_gt(world_group(world, removed, 1)->applied, 2 * WORLD_BUFFER_BYTES / sizeof(data));
    cr_assert_eq(world->nodes[removed].groups[1].digest, world->nodes[other].groups[1].digest);
}
