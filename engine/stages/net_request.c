/* SPDX-License-Identifier: Apache-2.0 */
/* An operator's request to a group: what shard_view.h declares, as the core takes it. */
#include "engine/stages/net_internal.h"

static bool has(uint8_t nodes, uint32_t node)
{
    return (nodes >> node & 1) != 0;
}

/* The members as the request wants them. WW_EINVAL: the node is not what it would have to be. */
static int wanted_members(const struct ww_shard_request *request,
                          struct ww_configuration *configuration)
{
    uint8_t bit = (uint8_t)(1u << request->node);
    bool voter = has(configuration->voters, request->node);
    bool learner = has(configuration->learners, request->node);
    configuration->learners &= (uint8_t)~bit;
    configuration->voters &= (uint8_t)~bit;
    switch (request->op) {
    case WW_SHARD_ADD:
        *(voter ? &configuration->voters : &configuration->learners) |= bit;
        return WW_OK;
    case WW_SHARD_PROMOTE:
        configuration->voters |= bit;
        return voter || learner ? WW_OK : WW_EINVAL;
    case WW_SHARD_DEMOTE:
        configuration->learners |= bit;
        return voter || learner ? WW_OK : WW_EINVAL;
    default:
        return WW_OK;
    }
}

int ww_net_request(struct ww_net *net, struct ww_shard_request *request)
{
    struct ww_raft_event event = {.type = WW_RAFT_EV_TRANSFER, .node = request->node};
    if (request->op == WW_SHARD_TUNE)
        return ww_net_tune(net, request->wal);
    if (request->group >= net->shard->options.groups)
        return WW_ENOTFOUND;
    struct ww_group *group = &net->groups[request->group];
    if (request->op == WW_SHARD_SNAPSHOT)
        return ww_net_snapshot_request(net, group, &request->index);
    if (request->node < 1 || request->node > WW_NODES_MAX)
        return WW_ENOTFOUND;
    if (!ww_raft_is_leader(group->raft))
        return WW_ENOTLEADER;
    if (request->op != WW_SHARD_TRANSFER) {
        struct ww_raft_status status;
        ww_raft_status(group->raft, &status);
        if (ww_configuration_joint(&status.configuration))
            return WW_EBUSY;
        event.type = WW_RAFT_EV_CHANGE;
        event.configuration = status.configuration;
        if (wanted_members(request, &event.configuration) != WW_OK ||
            event.configuration.voters == 0)
            return WW_EINVAL;
    }
    ww_net_step(net, group, &event, NULL);
    return net->update.status;
}
