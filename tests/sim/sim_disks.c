/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong with disks: they fail, rot, are full, or are lost. */
#include "sim.h"

#include <string.h>

bool sim_forgets(const struct sim *sim, uint32_t id, uint32_t group)
{
    const struct world_node *node = &sim->world->nodes[id];
    if (sim->nodes[id].damaged)
        return true;
    return node->shard != NULL ? ww_raft_amnesia(world_group(sim->world, id, group)->raft)
                               : node->disk.recovering || sim->ledger.groups[group].held[id].anew;
}

/* If `id` forgets too, does a majority of these voters remember? */
static bool majority_remembers(const struct sim *sim, uint32_t group, uint8_t voters, uint32_t id)
{
    uint32_t all = 0, forgetful = 0;
    for (uint32_t other = 1; other <= WW_NODES_MAX; other++) {
        if ((voters >> other & 1) == 0)
            continue;
        all++;
        forgetful +=
            other == id || (other <= sim->settings.nodes && sim_forgets(sim, other, group));
    }
    return (voters >> id & 1) == 0 || 2 * forgetful < all;
}

bool sim_voter_forgets(const struct sim *sim, uint32_t group)
{
    for (uint32_t id = 1; id <= sim->settings.nodes; id++) {
        if (sim->world->nodes[id].shard == NULL)
            continue;
        struct ww_raft_status status;
        ww_raft_status(world_group(sim->world, id, group)->raft, &status);
        uint8_t voters = status.configuration.voters | status.configuration.old_voters;
        for (uint32_t voter = 1; voter <= sim->settings.nodes; voter++)
            if ((voters >> voter & 1) && sim_forgets(sim, voter, group))
                return true;
    }
    return false;
}

/*
 * docs/operations.md: what is acknowledged is not lost while a majority of the disks survives. So
 * in every configuration that is known to anyone a majority remembers, without this node too. Where
 * members come and go all nodes are up then, so that none brings back another configuration.
 */
static bool may_lose(const struct sim *sim, uint32_t id)
{
    for (uint32_t other = 1; other <= sim->settings.nodes; other++) {
        for (uint32_t group = 0; group < sim->settings.groups; group++) {
            struct ww_raft_status status = {.configuration = sim->settings.configuration};
            if (sim->world->nodes[other].shard != NULL)
                ww_raft_status(world_group(sim->world, other, group)->raft, &status);
            else if (sim->settings.changes > 0)
                return false;
            if (!majority_remembers(sim, group, status.configuration.voters, id) ||
                !majority_remembers(sim, group, status.configuration.old_voters, id))
                return false;
        }
    }
    return true;
}

void sim_lose_disk(struct sim *sim, uint32_t id)
{
    if (!may_lose(sim, id) || sim->nodes[id].lost)
        return;
    sim_end_node(sim, id);
    sim_note(sim, "%lu  disk: LOST, an empty one takes its place (%lu %lu %lu %lu %lu)", id, 0, 0);
    sim->losses++;
    world_lose(sim->world, id);
    /* Those that are left must choose a leader, perhaps by the vote of one that forgot. */
    uint32_t leader = sim_pick_leader(sim);
    if (sim_chance(sim, 50))
        sim_end_node(sim, leader);
    sim->world->nodes[id].joins = sim->settings.changes > 0 || sim_chance(sim, 50);
}

void sim_fail_write(struct sim *sim, uint32_t id)
{
    struct world_node *node = &sim->world->nodes[id];
    for (uint32_t i = 0; i < node->disk.operation_count && node->shard != NULL; i++) {
        struct world_operation *operation = &node->disk.operations[i];
        if (operation->kind == WORLD_READ || operation->done)
            continue;
        sim_note(sim, "%lu  disk: the write at %lu fails (%lu %lu %lu %lu)", id,
                 operation->position, 0);
        world_disk_fail(&node->disk, operation, WW_EIO, WORLD_SURVIVE_RANDOM);
        sim_poll_node(sim, id);
        return;
    }
}

void sim_began_anew(void *context, uint32_t node, uint32_t groups)
{
    struct sim *sim = context;
    sim->begun_anew += groups;
    sim->nodes[node].anew = groups;
    sim->nodes[node].damaged = false;
}

static void rot_snapshot(struct sim *sim, uint32_t id)
{
    struct world_disk *disk = &sim->world->nodes[id].disk;
    struct world_snapshot *snapshot = &disk->snapshots[sim_pick(sim, 0, disk->snapshot_count - 1)];
    uint64_t at = sim_pick(sim, 0, snapshot->file.bytes - 1);
    sim_note(sim, "%lu  disk: damage of the snapshot at %lu, byte %lu (%lu %lu %lu)", id,
             snapshot->index, at);
    sim->nodes[id].damaged = true;
    snapshot->file.data[at] ^= (uint8_t)(1u << sim_pick(sim, 0, 7));
}

/* A node that is full may write again, for a while. */
void sim_give_room(struct sim *sim, uint32_t id)
{
    struct world_disk *disk = &sim->world->nodes[id].disk;
    disk->base.limit_position += sim_pick(sim, 1, 32) * WW_BLOCK_ALIGN;
    sim_note(sim, "%lu  disk: there is room up to %lu (%lu %lu %lu %lu)", id,
             disk->base.limit_position, 0);
    sim_poll_node(sim, id);
}

/*
 * Bytes that were durable rot, or turn out to be lost or written to a wrong place; but only what a
 * later durable block calls durable, as no log could tell the loss of its last block from a crash.
 */
static void rot(struct sim *sim, uint32_t id)
{
    struct world_disk *disk = &sim->world->nodes[id].disk;
    if (disk->snapshot_count > 0 && sim_chance(sim, 60)) {
        rot_snapshot(sim, id);
        return;
    }
    uint64_t known = sim->nodes[id].witnessed;
    if (known < disk->begin + WW_BLOCK_ALIGN)
        return;
    uint64_t blocks = (known - disk->begin) / WW_BLOCK_ALIGN;
    uint64_t at = disk->begin + sim_pick(sim, 0, blocks - 1) * WW_BLOCK_ALIGN;
    uint64_t to = disk->begin + sim_pick(sim, 0, blocks - 1) * WW_BLOCK_ALIGN;
    uint32_t way = (uint32_t)sim_pick(sim, 0, 2);
    sim_note(sim, "%lu  disk: damage of kind %lu at %lu (%lu %lu %lu)", id, way, at);
    sim->nodes[id].damaged = true;
    if (way == 0) { /* one bit */
        disk->bytes[at + sim_pick(sim, 0, WW_BLOCK_ALIGN - 1)] ^= (uint8_t)(1u << (to / 8 % 8));
        return;
    }
    if (way == 1) /* written elsewhere */
        memcpy(disk->bytes + to, disk->bytes + at, at != to ? WW_BLOCK_ALIGN : 0);
    memset(disk->bytes + at, 0, WW_BLOCK_ALIGN);
}

void sim_rot(struct sim *sim, uint32_t id)
{
    if (!may_lose(sim, id))
        return;
    rot(sim, id);
    if (sim->nodes[id].damaged && sim_chance(sim, 50)) /* it looks at its disk when it starts */
        sim_end_node(sim, id);
}
