/* SPDX-License-Identifier: Apache-2.0 */
/* An operator's request, from the admin endpoint to the group that it concerns. */
#include "engine/node/node_internal.h"
#include "engine/node/request_refusal.h"
#include "engine/stages/shard_view.h"

#include <stdlib.h>

#define REQUEST_TIMEOUT_NS 1000000000u

static int check(const struct ww_config *config, const struct ww_control_request *request,
                 struct ww_error *error)
{
    if (request->group >= config->groups)
        return ww_fail(error, WW_ENOTFOUND, "there is no group %u; they are 0 .. %u",
                       request->group, config->groups - 1);
    for (uint32_t i = 0; i < config->node_count; i++)
        if (config->nodes[i].id == request->node)
            return WW_OK;
    return ww_fail(error, WW_ENOTFOUND, "node %u is not in cluster.nodes", request->node);
}

/* The state of the group just after it refused. */
static int refused(struct ww_node *node, const struct ww_control_request *request, int status,
                   uint32_t *leader, struct ww_error *error)
{
    struct ww_shard_view view = {.group_count = node->config.groups};
    view.groups = calloc(view.group_count, sizeof(*view.groups));
    if (view.groups == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    int seen = ww_shard_view(node->shard, &view, REQUEST_TIMEOUT_NS);
    const struct ww_raft_status *raft = &view.groups[request->group].raft;
    *leader = raft->leader;
    status = ww_request_refusal(request, node->config.node_id, seen == WW_OK ? status : seen, raft,
                                error);
    free(view.groups);
    return status;
}

int ww_node_request(struct ww_node *node, const struct ww_control_request *request,
                    uint32_t *leader, struct ww_error *error)
{
    static const enum ww_shard_op ops[WW_CONTROL_OPS] = {
        [WW_CONTROL_ADD] = WW_SHARD_ADD,           [WW_CONTROL_PROMOTE] = WW_SHARD_PROMOTE,
        [WW_CONTROL_DEMOTE] = WW_SHARD_DEMOTE,     [WW_CONTROL_REMOVE] = WW_SHARD_REMOVE,
        [WW_CONTROL_TRANSFER] = WW_SHARD_TRANSFER,
    };
    int status = check(&node->config, request, error);
    if (status != WW_OK)
        return status;
    struct ww_shard_request asked = {.op = ops[request->op],
                                     .group = request->group,
                                     .node = request->node};
    status = ww_shard_request(node->shard, &asked, REQUEST_TIMEOUT_NS);
    return status == WW_OK ? WW_OK : refused(node, request, status, leader, error);
}
