/* SPDX-License-Identifier: Apache-2.0 */
/* An operator's request, from the admin endpoint to the group that it concerns. */
#include "engine/backend/snapshot_files.h"
#include "engine/node/node_internal.h"
#include "engine/node/request_refusal.h"
#include "engine/stages/shard_view.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define REQUEST_TIMEOUT_NS 1000000000u
#define SNAPSHOT_LOOK_NS 5000000u
#define OPEN_TRIES 3

static int check(const struct ww_config *config, const struct ww_control_request *request,
                 struct ww_error *error)
{
    if (request->group >= config->groups)
        return ww_fail(error, WW_ENOTFOUND, "there is no group %u; they are 0 .. %u",
                       request->group, config->groups - 1);
    for (uint32_t i = 0; i < config->node_count; i++)
        if (config->nodes[i].id == request->node || request->op == WW_CONTROL_SNAPSHOT)
            return WW_OK;
    return ww_fail(error, WW_ENOTFOUND, "node %u is not in cluster.nodes", request->node);
}

static int look(struct ww_node *node, uint32_t group, struct ww_group_view *seen)
{
    struct ww_shard_view view = {.group_count = node->config.groups};
    view.groups = calloc(view.group_count, sizeof(*view.groups));
    if (view.groups == NULL)
        return WW_ENOMEM;
    int status = ww_shard_view(node->shard, &view, REQUEST_TIMEOUT_NS);
    *seen = view.groups[group];
    free(view.groups);
    return status;
}

/* The state of the group just after it refused. */
static int refused(struct ww_node *node, const struct ww_control_request *request, int status,
                   struct ww_control_answer *answer, struct ww_error *error)
{
    struct ww_group_view group = {0};
    int seen = look(node, request->group, &group);
    answer->leader = group.raft.leader;
    return ww_request_refusal(request, node->config.node_id, seen == WW_OK ? status : seen,
                              &group.raft, error);
}

/* A small snapshot is soon there: then the answer says so. A large one is under way. */
static int await_snapshot(struct ww_node *node, const struct ww_control_request *request,
                          struct ww_control_answer *answer, struct ww_error *error)
{
    const struct timespec pause = {.tv_nsec = SNAPSHOT_LOOK_NS};
    for (uint32_t i = 0; i < REQUEST_TIMEOUT_NS / SNAPSHOT_LOOK_NS; i++) {
        struct ww_group_view group = {0};
        int status = look(node, request->group, &group);
        if (status != WW_OK)
            return ww_request_refusal(request, node->config.node_id, status, &group.raft, error);
        answer->durable = group.raft.snapshot_index >= answer->index;
        if (answer->durable)
            return WW_OK;
        if (group.snapshot_failed_index == answer->index)
            return ww_fail(error, group.snapshot_failed_status,
                           "node %u: the snapshot of group %u at index %" PRIu64
                           " could not be saved: %s",
                           node->config.node_id, request->group, answer->index,
                           ww_status_name(group.snapshot_failed_status));
        nanosleep(&pause, NULL);
    }
    return WW_OK;
}

int ww_node_request(struct ww_node *node, const struct ww_control_request *request,
                    struct ww_control_answer *answer, struct ww_error *error)
{
    static const enum ww_shard_op ops[WW_CONTROL_OPS] = {
        [WW_CONTROL_ADD] = WW_SHARD_ADD,           [WW_CONTROL_PROMOTE] = WW_SHARD_PROMOTE,
        [WW_CONTROL_DEMOTE] = WW_SHARD_DEMOTE,     [WW_CONTROL_REMOVE] = WW_SHARD_REMOVE,
        [WW_CONTROL_TRANSFER] = WW_SHARD_TRANSFER, [WW_CONTROL_SNAPSHOT] = WW_SHARD_SNAPSHOT,
    };
    int status = check(&node->config, request, error);
    if (status != WW_OK)
        return status;
    struct ww_shard_request asked = {.op = ops[request->op],
                                     .group = request->group,
                                     .node = request->node};
    status = ww_shard_request(node->shard, &asked, REQUEST_TIMEOUT_NS);
    if (status != WW_OK)
        return refused(node, request, status, answer, error);
    answer->index = asked.index;
    return request->op == WW_CONTROL_SNAPSHOT ? await_snapshot(node, request, answer, error)
                                              : WW_OK;
}

/* The newest may give way to a newer one between the look and the opening. */
int ww_node_open_snapshot(struct ww_node *node, uint32_t group, int *fd, struct ww_error *error)
{
    const struct ww_control_request request = {.op = WW_CONTROL_SNAPSHOT, .group = group};
    struct ww_group_view seen = {0};
    char path[WW_SNAPSHOT_PATH_MAX];
    int status = check(&node->config, &request, error);
    if (status != WW_OK)
        return status;
    if (node->config.durability == WW_CONFIG_MEMORY)
        return ww_fail(error, WW_ENOTFOUND, "node %u keeps its snapshots in memory",
                       node->config.node_id);
    for (int tries = 0; tries < OPEN_TRIES; tries++) {
        status = look(node, group, &seen);
        if (status != WW_OK)
            return ww_request_refusal(&request, node->config.node_id, status, &seen.raft, error);
        if (seen.raft.snapshot_index == 0)
            return ww_fail(error, WW_ENOTFOUND, "node %u has no snapshot of group %u",
                           node->config.node_id, group);
        ww_snapshot_file_path(node->config.data_dir, group, seen.raft.snapshot_index, path);
        *fd = open(path, O_RDONLY | O_CLOEXEC);
        if (*fd >= 0)
            return WW_OK;
    }
    return ww_fail_errno(error, WW_EIO, "%s", path);
}
