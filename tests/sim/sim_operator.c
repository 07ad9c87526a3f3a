/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator asks of a group: members come and go, leaders hand over, snapshots. */
#include "sim.h"

static uint32_t leader_of(struct sim *sim, uint32_t group)
{
    for (uint32_t id = 1; id <= sim->settings.nodes; id++) {
        const struct world_node *node = &sim->world->nodes[id];
        if (node->shard != NULL && !node->paused && atomic_load(&node->shard->fenced) == 0 &&
            ww_raft_is_leader(world_group(sim->world, id, group)->raft))
            return id;
    }
    return 0;
}

/* As ww_shard_request does it, which waits for another thread. */
static int ask(struct sim *sim, uint32_t node, struct ww_shard_request request)
{
    int status = ww_net_request(sim->world->nodes[node].shard->net, &request);
    sim_trace_add(
        &sim->trace, sim->world->now_ns,
        "%lu  REQUEST %lu (add promote demote remove transfer snapshot) node %lu of group "
        "%lu: status %lu (%lu)",
        node, request.op, request.node, request.group, (uint64_t)-status, 0);
    sim_poll_node(sim, node);
    return status;
}

void sim_change_members(struct sim *sim, uint32_t group)
{
    uint32_t leader = leader_of(sim, group);
    struct ww_shard_request request = {
        .op = (enum ww_shard_op)sim_pick(sim, WW_SHARD_ADD, WW_SHARD_REMOVE),
        .group = group,
        .node = (uint32_t)sim_pick(sim, 1, sim->settings.nodes),
    };
    /* The voters that shall be may have no majority that remembers. A leader refuses that, but it
     * may not know yet that one of them forgot. */
    if (sim_voter_forgets(sim, group) ||
        (request.op == WW_SHARD_PROMOTE && sim_forgets(sim, request.node, group)))
        return;
    if (leader != 0 && ask(sim, leader, request) == WW_OK)
        sim->changes++;
}

void sim_transfer(struct sim *sim, uint32_t group)
{
    uint32_t leader = leader_of(sim, group);
    struct ww_shard_request request = {
        .op = WW_SHARD_TRANSFER,
        .group = group,
        .node = (uint32_t)sim_pick(sim, 1, sim->settings.nodes),
    };
    if (leader != 0)
        ask(sim, leader, request);
}

void sim_snapshot(struct sim *sim, uint32_t node, uint32_t group)
{
    const struct ww_shard *shard = sim->world->nodes[node].shard;
    if (shard != NULL && atomic_load(&shard->fenced) == 0 && !sim->world->nodes[node].paused)
        ask(sim, node, (struct ww_shard_request){.op = WW_SHARD_SNAPSHOT, .group = group});
}
