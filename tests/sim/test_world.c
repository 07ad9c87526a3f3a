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

/* Everything in flight arrives, every disk is quick: `ms` milliseconds of a healthy cluster. */
static void run(uint32_t ms)
{
    for (uint32_t i = 0; i < ms * 2; i++) {
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

static uint32_t leader(void)
{
    for (uint32_t id = 1; id <= 3; id++)
        if (world->nodes[id].shard != NULL && ww_raft_is_leader(world_group(world, id, 0)->raft))
            return id;
    return 0;
}

static void propose(uint32_t node, uint64_t sequence, uint64_t value)
{
    uint8_t body[64];
    struct world_command command = {.kind = WORLD_COMMAND_WRITE, .number = 1, .value = value};
    uint32_t bytes = ww_entry_encode(body, WW_ENTRY_DATA, &command, sizeof(command));
    struct ww_client_message message = {
        .type = WW_CLIENT_PROPOSE,
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

Test(world, nothing_moves_by_itself)
{
    for (uint32_t i = 0; i < 100; i++)
        for (uint32_t id = 1; id <= 3; id++)
            world_poll(world, id);
    cr_assert_eq(world->flight.count, 0);
    world_advance(world, 200 * WORLD_MS);
    world_poll(world, 1);
    cr_assert_eq(world->flight.count, 2, "an election asks two others");
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
