/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the leader of a group for a change of its members or for a hand-over, and waits for it. */
#ifndef WW_CLI_MEMBER_CHANGE_H
#define WW_CLI_MEMBER_CHANGE_H

#include "engine/cli/cluster_status.h"
#include "engine/control/control_request.h"

struct ww_member_change {
    const char *endpoint; /* of any node of the cluster */
    struct ww_control_request request;
    uint64_t timeout_ns;                   /* for all of it */
    bool (*interrupted)(uint64_t wait_ns); /* waits; true ends the change early */
    /* What came of it. */
    struct ww_cluster_members members;
    uint32_t leader;
};

/*
 * Repeats the request for as long as it is refused for a reason that passes (no leader, another
 * change under way, a learner that is not caught up), until the group is as it should be and that
 * is committed. A group that is so already is left alone. WW_ETIMEOUT with what it waited for last;
 * other failures say why the leader refuses.
 */
int ww_member_change(struct ww_member_change *change, struct ww_error *error);

/* Is the group as the request wants it, for good? `leader`: who leads, 0 for nobody. */
bool ww_member_change_done(const struct ww_control_request *request,
                           const struct ww_cluster_members *members, uint32_t leader);

#endif
