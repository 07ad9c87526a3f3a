/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/node/request_refusal.h"

#include <inttypes.h>

static int not_leader(const struct ww_control_request *request, uint32_t self,
                      const struct ww_raft_status *raft, struct ww_error *error)
{
    if (raft->leader == 0 || raft->leader == self)
        return ww_fail(error, WW_ENOTLEADER,
                       "node %u does not lead group %u, and knows of no leader", self,
                       request->group);
    return ww_fail(error, WW_ENOTLEADER, "node %u leads group %u, not node %u", raft->leader,
                   request->group, self);
}

static int busy(const struct ww_control_request *request, const struct ww_raft_status *raft,
                struct ww_error *error)
{
    if (request->op == WW_CONTROL_SNAPSHOT)
        return ww_fail(error, WW_EBUSY,
                       "another snapshot of group %u is under way, or on its way to a follower",
                       request->group);
    if (raft->transfer_to != 0)
        return ww_fail(error, WW_EBUSY, "group %u is being handed over to node %u", request->group,
                       raft->transfer_to);
    if (!raft->configuration_committed || ww_configuration_joint(&raft->configuration))
        return ww_fail(error, WW_EBUSY, "another change of the members of group %u is under way",
                       request->group);
    for (uint32_t i = 0; request->op == WW_CONTROL_PROMOTE && i < raft->peer_count; i++) {
        const struct ww_raft_peer_status *peer = &raft->peers[i];
        if (peer->id == request->node && !peer->caught_up)
            return ww_fail(error, WW_EBUSY,
                           "learner %u is not caught up: it has %" PRIu64 " of %" PRIu64
                           " entries of group %u",
                           peer->id, peer->match, raft->last_index, request->group);
    }
    return ww_fail(error, WW_EBUSY,
                   "the leader of group %u is new, and has committed nothing in its term yet",
                   request->group);
}

static int contradiction(const struct ww_control_request *request, uint32_t self,
                         const struct ww_raft_status *raft, struct ww_error *error)
{
    const struct ww_configuration *configuration = &raft->configuration;
    uint32_t node = request->node, group = request->group, bit = 1u << node;
    bool voter = (configuration->voters & bit) != 0;
    bool learner = (configuration->learners & bit) != 0;
    if (request->op == WW_CONTROL_SNAPSHOT)
        return ww_fail(error, WW_EINVAL, "group %u has no snapshot to take: %s", group,
                       raft->commit == 0 ? "nothing is committed yet"
                                         : "its log or its state machine does not know of them");
    const char *is = voter ? "a voter" : learner ? "a learner" : "no member";
    if (request->op == WW_CONTROL_TRANSFER && node == self)
        return ww_fail(error, WW_EINVAL, "node %u leads group %u already", node, group);
    if (request->op == WW_CONTROL_TRANSFER)
        return ww_fail(error, WW_EINVAL, "node %u is %s of group %u: only a voter can lead it",
                       node, is, group);
    if (voter && configuration->voters == bit)
        return ww_fail(error, WW_EINVAL, "node %u is the only voter of group %u", node, group);
    if (request->op == WW_CONTROL_PROMOTE && !voter && !learner)
        return ww_fail(error, WW_EINVAL, "node %u is no member of group %u: add it first", node,
                       group);
    return ww_fail(error, WW_EINVAL, "node %u is %s of group %u", node, is, group);
}

int ww_request_refusal(const struct ww_control_request *request, uint32_t self, int status,
                       const struct ww_raft_status *raft, struct ww_error *error)
{
    switch (status) {
    case WW_ENOTLEADER:
        return not_leader(request, self, raft, error);
    case WW_EBUSY:
        return busy(request, raft, error);
    case WW_EINVAL:
        return contradiction(request, self, raft, error);
    case WW_ETIMEOUT:
        return ww_fail(error, status, "node %u: the net stage does not answer", self);
    default:
        return ww_fail(error, status, "node %u: %s", self, ww_status_name(status));
    }
}
