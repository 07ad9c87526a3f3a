/* SPDX-License-Identifier: Apache-2.0 */
/* Faults, and what clients and operators do of themselves: when each kind comes, and how. */
#include "sim.h"

#include <string.h>

enum fault {
    FAULT_CUT,
    FAULT_CRASH,
    FAULT_POWER,
    FAULT_PAUSE,
    FAULT_JUMP,
    FAULT_WRITE,
    FAULT_ROT,
    FAULT_LOSS,
    FAULT_ALONE,
    FAULT_ROOM,
    FAULT_RESTART,
    FAULT_STRANGERS,
    FAULT_CHANGE, /* not faults, but they come in the same way */
    FAULT_TRANSFER,
    FAULT_SNAPSHOT,
    FAULT_READ,
    FAULTS,
};

static uint32_t rate_of(const struct sim_settings *settings, uint32_t fault)
{
    const uint32_t rates[FAULTS] = {
        [FAULT_CUT] = settings->cuts,
        [FAULT_CRASH] = settings->crashes,
        [FAULT_POWER] = settings->power_cuts,
        [FAULT_PAUSE] = settings->pauses,
        [FAULT_JUMP] = settings->jumps,
        [FAULT_WRITE] = settings->failed_writes,
        [FAULT_ROT] = settings->rot,
        [FAULT_LOSS] = settings->lost_disks,
        [FAULT_ALONE] = settings->alone,
        [FAULT_ROOM] = settings->room,
        [FAULT_RESTART] = settings->restarts,
        [FAULT_STRANGERS] = settings->strangers,
        [FAULT_CHANGE] = settings->changes,
        [FAULT_TRANSFER] = settings->transfers,
        [FAULT_SNAPSHOT] = settings->snapshots,
        [FAULT_READ] = settings->reads,
    };
    return rates[fault];
}

static void schedule(struct sim *sim, uint32_t fault)
{
    uint32_t rate = rate_of(&sim->settings, fault);
    if (rate > 0)
        sim_at(sim, sim->world->now_ns + sim_pick(sim, 1, 2000000000u / rate),
               (struct sim_event){.kind = SIM_FAULT, .node = fault});
}

void sim_faults_begin(struct sim *sim)
{
    /* Some can take no proposal, and soon no vote. */
    for (uint32_t id = 1; id <= WW_NODES_MAX && sim->settings.room > 0; id++)
        sim->world->nodes[id].disk.base.limit_position =
            (sim_chance(sim, 40) ? WW_LOG_RESERVE : 0) + sim_pick(sim, 2, 32) * WW_BLOCK_ALIGN;
    for (uint32_t fault = 0; fault < FAULTS; fault++)
        schedule(sim, fault);
}

void sim_note(struct sim *sim, const char *what, uint64_t a, uint64_t b, uint64_t c)
{
    sim_trace_add(&sim->trace, sim->world->now_ns, what, a, b, c, 0, 0, 0);
}

/* ---- processes ---- */

static uint32_t pick_node(struct sim *sim)
{
    return (uint32_t)sim_pick(sim, 1, sim->settings.nodes);
}

/* A leader, if there is one: faults hit it more often than others. */
uint32_t sim_pick_leader(struct sim *sim)
{
    uint32_t first = pick_node(sim);
    uint32_t group = (uint32_t)sim_pick(sim, 0, sim->settings.groups - 1);
    for (uint32_t i = 0; i < sim->settings.nodes; i++) {
        uint32_t id = (first + i) % sim->settings.nodes + 1;
        if (sim->world->nodes[id].shard != NULL &&
            ww_raft_is_leader(world_group(sim->world, id, group)->raft))
            return id;
    }
    return first;
}

/* What the planted bug breaks: a write that was reported durable is not. */
static void forget_last_block(struct sim *sim, uint32_t id)
{
    struct world_disk *disk = &sim->world->nodes[id].disk;
    if (disk->durable >= WW_BLOCK_ALIGN)
        memset(disk->bytes + disk->durable - WW_BLOCK_ALIGN, 0, WW_BLOCK_ALIGN);
}

void sim_end_node(struct sim *sim, uint32_t id)
{
    if (sim->world->nodes[id].shard == NULL)
        return;
    sim_note(sim, "%lu  CRASH, %lu operations of its disk in flight (%lu %lu %lu %lu)", id,
             sim->world->nodes[id].disk.operation_count, 0);
    sim->crashes++;
    sim->nodes[id].stopped_ns = 0;
    world_crash(sim->world, id, WORLD_SURVIVE_RANDOM);
    if (sim->plant)
        forget_last_block(sim, id);
    sim_at(sim, sim->world->now_ns + sim_pick(sim, 1, sim->settings.down_max_ns),
           (struct sim_event){.kind = SIM_START, .node = id});
}

static int visit_nothing(void *context, uint64_t block_position, uint32_t offset,
                         const struct ww_batch_header *batch)
{
    return WW_OK;
}

static void lose(struct sim *sim, uint32_t id)
{
    sim_note(sim, "%lu  is LOST: its disk is damaged (%lu %lu %lu %lu %lu)", id, 0, 0);
    sim->nodes[id].lost = true;
}

/* A node whose disk is damaged may refuse to start: the quorums of the past it still belongs to. */
static bool refuses(struct sim *sim, uint32_t id)
{
    struct ww_error error;
    if (!sim->nodes[id].damaged ||
        world_disk_recover(&sim->world->nodes[id].disk, visit_nothing, NULL, &error) != WW_EDAMAGED)
        return false;
    lose(sim, id);
    return true;
}

void sim_start_node(struct sim *sim, uint32_t id)
{
    struct world_node *node = &sim->world->nodes[id];
    struct ww_error error;
    const struct sim_node *own = &sim->nodes[id];
    sim->world->options.repairs = sim->settings.repairs && (own->damaged || own->anew > 0);
    if (node->shard != NULL || (!sim->settings.repairs && refuses(sim, id)))
        return;
    if (node->starts == 0) {
        int32_t drift = (int32_t)sim->settings.drift_ppm;
        world_clock_jump(node, (int64_t)sim_pick(sim, 0, 10000 * WORLD_MS));
        world_clock_rate(node, (int32_t)sim_pick(sim, 0, 2 * (uint32_t)drift) - drift);
    }
    sim_check_started(sim, id);
    bool damaged = own->damaged;
    uint64_t begun_anew = sim->begun_anew;
    int status = world_start(sim->world, id, &error);
    sim->cut_logs += damaged && !own->damaged && sim->begun_anew == begun_anew;
    sim_note(sim, "%lu  START, status %lu, log ends at %lu (%lu %lu %lu)", id, (uint64_t)-status,
             node->disk.durable);
    /* A snapshot: its log was read, and still counts. */
    if (status == WW_EDAMAGED && own->damaged)
        lose(sim, id);
    else if (status != WW_OK)
        sim_violated(sim, "node %u does not start: %s", id, error.text);
    else
        sim_poll_node(sim, id);
}

/* ---- network ---- */

static void cut_both(struct sim *sim, uint32_t a, uint32_t b)
{
    sim->world->cut[a][b] = sim->world->cut[b][a] = true;
}

/* One node from all others, with or without its clients. */
static void isolate(struct sim *sim, uint32_t id)
{
    bool clients = sim_chance(sim, 50);
    for (uint32_t other = 1; other < WORLD_ADDRESSES; other++)
        if (other != id && (other < WW_LINK_CLIENT || clients))
            cut_both(sim, id, other);
}

static void cut(struct sim *sim)
{
    uint32_t way = (uint32_t)sim_pick(sim, 0, 4);
    uint32_t nodes = sim->settings.nodes;
    uint64_t side = ww_random_next(&sim->random);
    uint32_t percent = (uint32_t)sim_pick(sim, 10, 60);
    uint32_t self = sim_chance(sim, 50) ? sim_pick_leader(sim) : pick_node(sim);
    sim_note(sim, "network: a cut of kind %lu, node %lu, sides %lu (%lu %lu %lu)", way, self,
             side % 256);
    if (way == 0)
        isolate(sim, self);
    for (uint32_t a = 1; a <= nodes; a++) {
        for (uint32_t b = 1; b <= nodes; b++) {
            if (way == 1 && (side >> a & 1) != (side >> b & 1))
                cut_both(sim, a, b);
            if (way == 2 && a == self) /* hears nothing, or is not heard */
                sim->world->cut[side & 1 ? a : b][side & 1 ? b : a] = true;
            if (way == 3 && sim_chance(sim, percent))
                sim->world->cut[a][b] = true;
        }
    }
    if (way == 4) /* hears only one other */
        for (uint32_t other = 1; other <= nodes; other++)
            if (other != self && other != self % nodes + 1)
                cut_both(sim, self, other);
    sim_at(sim, sim->world->now_ns + sim_pick(sim, WORLD_MS, sim->settings.cut_max_ns),
           (struct sim_event){.kind = SIM_HEAL});
}

void sim_heal(struct sim *sim)
{
    sim_note(sim, "network: no cuts any more (%lu %lu %lu %lu %lu %lu)", 0, 0, 0);
    memset(sim->world->cut, 0, sizeof(sim->world->cut));
}

/* ---- pauses and clocks ---- */

static void pause_node(struct sim *sim, uint32_t id)
{
    uint64_t until = sim->world->now_ns + sim_pick(sim, WORLD_MS, sim->settings.pause_max_ns);
    if (sim->world->nodes[id].shard == NULL)
        return;
    bool in_poll = sim_chance(sim, sim->settings.stops);
    sim_note(sim, "%lu  PAUSE for %lu ns, in a poll: %lu (%lu %lu %lu)", id,
             until - sim->world->now_ns, in_poll);
    if (!sim->world->nodes[id].paused) /* it goes on behind the reading of the clock */
        sim->nodes[id].stopped_ns = in_poll ? world_clock_ns(&sim->world->nodes[id]) : 0;
    sim->world->nodes[id].paused = true;
    sim_at(sim, until, (struct sim_event){.kind = SIM_RESUME, .node = id});
}

static void jump_by(struct sim *sim, uint32_t id, int64_t by)
{
    sim_note(sim, "%lu  its clock jumps by %lu ns (%lu %lu %lu %lu)", id, (uint64_t)by, 0);
    world_clock_jump(&sim->world->nodes[id], by);
    sim_poll_node(sim, id);
}

static void jump(struct sim *sim, uint32_t id)
{
    int64_t by = (int64_t)sim_pick(sim, 1, sim->settings.jump_max_ns);
    jump_by(sim, id, sim_chance(sim, 50) ? by : -by);
}

/* What is hardest for leases: the leader's clients still reach it, the others do not, and their
 * clocks tell them that it is long since they heard of it. */
static void leave_alone(struct sim *sim, uint32_t leader)
{
    for (uint32_t id = 1; id <= sim->settings.nodes; id++)
        if (id != leader)
            cut_both(sim, id, leader);
    sim_note(sim, "network: %lu is cut off from the other nodes (%lu %lu %lu %lu %lu)", leader, 0,
             0);
    for (uint32_t id = 1; id <= sim->settings.nodes; id++)
        if (id != leader)
            jump_by(sim, id, (int64_t)sim_pick(sim, 1, 2 * sim->settings.election_max_ns));
    sim_at(sim, sim->world->now_ns + sim_pick(sim, 1, 2 * sim->settings.election_max_ns),
           (struct sim_event){.kind = SIM_HEAL});
}

void sim_fault(struct sim *sim, uint32_t fault)
{
    if (sim->calm)
        return;
    uint32_t id = sim_chance(sim, 40) ? sim_pick_leader(sim) : pick_node(sim);
    if (fault == FAULT_CUT)
        cut(sim);
    else if (fault == FAULT_CRASH)
        sim_end_node(sim, id);
    else if (fault == FAULT_POWER)
        for (uint32_t node = 1; node <= sim->settings.nodes; node++)
            sim_end_node(sim, node);
    else if (fault == FAULT_PAUSE)
        pause_node(sim, id);
    else if (fault == FAULT_JUMP)
        jump(sim, id);
    else if (fault == FAULT_WRITE)
        sim_fail_write(sim, id);
    else if (fault == FAULT_ROT)
        sim_rot(sim, id);
    else if (fault == FAULT_LOSS)
        sim_lose_disk(sim, id);
    else if (fault == FAULT_ALONE)
        leave_alone(sim, sim_pick_leader(sim));
    else if (fault == FAULT_ROOM)
        sim_give_room(sim, id);
    else if (fault == FAULT_RESTART)
        sim_client_restart(sim, (uint32_t)sim_pick(sim, 0, sim->settings.clients - 1));
    else if (fault == FAULT_STRANGERS)
        sim_strangers(sim, (uint32_t)sim_pick(sim, 0, sim->settings.groups - 1));
    else if (fault == FAULT_CHANGE)
        sim_change_members(sim, (uint32_t)sim_pick(sim, 0, sim->settings.groups - 1));
    else if (fault == FAULT_SNAPSHOT)
        sim_snapshot(sim, id, (uint32_t)sim_pick(sim, 0, sim->settings.groups - 1));
    else if (fault == FAULT_READ)
        sim_read(sim, (uint32_t)sim_pick(sim, 0, sim->settings.groups - 1));
    else
        sim_transfer(sim, (uint32_t)sim_pick(sim, 0, sim->settings.groups - 1));
    schedule(sim, fault);
}

/* No more faults: links are whole, nobody is paused, who is down comes back. */
void sim_faults_end(struct sim *sim)
{
    sim->calm = true;
    sim->world->options.parts_refused = sim->world->options.parts_lost = 0;
    sim_heal(sim);
    for (uint32_t id = 1; id <= sim->settings.nodes; id++) {
        struct world_node *node = &sim->world->nodes[id];
        node->disk.base.limit_position = sim->settings.disk_bytes;
        if (node->shard != NULL && atomic_load(&node->shard->fenced) != 0)
            sim_end_node(sim, id);
        if (node->shard == NULL && !sim->nodes[id].lost)
            sim_at(sim, sim->world->now_ns, (struct sim_event){.kind = SIM_START, .node = id});
        if (node->paused)
            sim_at(sim, sim->world->now_ns, (struct sim_event){.kind = SIM_RESUME, .node = id});
    }
    for (uint32_t group = 0; group < sim->settings.groups; group++)
        sim_client_propose(sim, 0, group);
}
