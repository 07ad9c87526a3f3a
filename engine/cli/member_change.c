/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/member_change.h"

#include "engine/base/time_ns.h"
#include "engine/control/http_client.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_TIMEOUT_NS 2000000000u
#define INTERVAL_NS 50000000u

bool ww_member_change_done(const struct ww_control_request *request,
                           const struct ww_cluster_members *members, uint32_t leader)
{
    const struct ww_configuration *configuration = &members->configuration;
    bool voter = (configuration->voters >> request->node & 1) != 0;
    bool learner = (configuration->learners >> request->node & 1) != 0;
    if (request->op == WW_CONTROL_TRANSFER)
        return leader == request->node;
    if (!members->committed || ww_configuration_joint(configuration))
        return false;
    switch (request->op) {
    case WW_CONTROL_ADD:
        return voter || learner;
    case WW_CONTROL_PROMOTE:
        return voter;
    case WW_CONTROL_DEMOTE:
        return learner;
    default:
        return !voter && !learner;
    }
}

/* The leader's answer as a status: WW_EBUSY and WW_ENOTLEADER are asked again. */
static int read_answer(uint32_t code, const char *body, struct ww_error *error)
{
    if (code == ww_control_http_code(WW_OK))
        return WW_OK;
    int status = ww_control_refusal(body, error);
    /* The flags were right: what contradicts the group's state is a failure, not a wrong usage. */
    return status == WW_EINVAL ? error->code = WW_EIO : status;
}

static int request(const struct ww_member_change *change, const char *endpoint,
                   struct ww_error *error)
{
    char path[64], json[64], *body;
    uint32_t code;
    bool transfer = change->request.op == WW_CONTROL_TRANSFER;
    snprintf(path, sizeof(path), "/v1/groups/%u/%s", change->request.group,
             transfer ? "leader" : "members");
    snprintf(json, sizeof(json), "{\"%s\":%u}", ww_control_op_name(change->request.op),
             change->request.node);
    int status = ww_http_post(endpoint, path, json, ASK_TIMEOUT_NS, &code, &body, error);
    if (status != WW_OK)
        return status;
    status = read_answer(code, body, error);
    free(body);
    return status;
}

/* The other voter that is furthest; 0: there is none. */
static uint32_t successor(struct json_object *leader, const struct ww_cluster_members *members)
{
    struct json_object *peers = ww_json_list(leader, "peers");
    int64_t match = -1;
    uint32_t best = 0;
    for (size_t i = 0; i < ww_json_length(peers); i++) {
        struct json_object *peer = json_object_array_get_idx(peers, i);
        uint32_t id = (uint32_t)ww_json_number(peer, "node");
        bool voter = id <= WW_NODES_MAX && (members->configuration.voters >> id & 1) != 0;
        if (voter && ww_json_number(peer, "match") > match) {
            match = ww_json_number(peer, "match");
            best = id;
        }
    }
    return best;
}

/* One look, and the request when it is needed. WW_EBUSY: look again, `error` says what for. */
static int step(struct ww_member_change *change, const struct ww_cluster_status *all,
                struct ww_error *error)
{
    uint32_t group = change->request.group;
    int place = ww_cluster_status_leader(all, group);
    if (group >= ww_cluster_status_groups(all))
        return ww_fail(error, WW_ENOTFOUND, "there is no group %u", group);
    if (change->request.node != 0 && ww_cluster_status_place(all, change->request.node) < 0)
        return ww_fail(error, WW_ENOTFOUND, "node %u is not in cluster.nodes",
                       change->request.node);
    if (place < 0)
        return ww_fail(error, WW_EBUSY, "group %u has no leader", group);
    change->leader = all->ids[place];
    ww_cluster_status_members(all, group, &change->members);
    struct json_object *leader = ww_cluster_status_group(all, (uint32_t)place, group);
    if (change->request.node == 0)
        change->request.node = successor(leader, &change->members);
    if (change->request.node == 0)
        return ww_fail(error, WW_EIO, "group %u has no other voter", group);
    if (ww_member_change_done(&change->request, &change->members, change->leader))
        return WW_OK;
    if (ww_json_number(leader, "transfer_to") == change->request.node)
        return ww_fail(error, WW_EBUSY, "node %u has not handed over to %u", change->leader,
                       change->request.node);
    int status = request(change, all->endpoints[place], error);
    if (status == WW_OK)
        status = ww_fail(error, WW_EBUSY, "the change is not committed");
    return status == WW_ENOTLEADER || status == WW_ETIMEOUT ? WW_EBUSY : status;
}

int ww_member_change(struct ww_member_change *change, struct ww_error *error)
{
    uint64_t deadline_ns = ww_time_ns(CLOCK_MONOTONIC) + change->timeout_ns;
    while (true) {
        struct ww_cluster_status all;
        int status = ww_cluster_status_ask(&all, change->endpoint, ASK_TIMEOUT_NS, error);
        if (status == WW_OK) {
            status = step(change, &all, error);
            ww_cluster_status_free(&all);
        }
        if (status != WW_EBUSY)
            return status;
        if (ww_time_ns(CLOCK_MONOTONIC) >= deadline_ns) {
            error->code = WW_ETIMEOUT;
            return ww_fail_context(error, "group %u: gave up waiting", change->request.group);
        }
        if (change->interrupted(INTERVAL_NS))
            return ww_fail(error, WW_ECLOSED, "interrupted; the change may still be made");
    }
}
