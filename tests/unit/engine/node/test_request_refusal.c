/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/node/request_refusal.h"

#include <criterion/criterion.h>

#include <string.h>

static struct ww_raft_status raft;

static void setup(void)
{
    raft = (struct ww_raft_status){.role = WW_RAFT_LEADER,
                                   .leader = 1,
                                   .last_index = 50,
                                   .configuration = {.voters = 0xe, .learners = 1 << 4},
                                   .configuration_committed = true,
                                   .peer_count = 1,
                                   .peers = {{.id = 4, .match = 20}}};
}

TestSuite(request_refusal, .init = setup);

/* What node 1 says to a request for group 0. */
static void expect(enum ww_control_op op, uint32_t node, int status, const char *text)
{
    struct ww_control_request request = {.op = op, .node = node};
    struct ww_error error = {0};
    cr_assert_eq(ww_request_refusal(&request, 1, status, &raft, &error), status);
    cr_assert_eq(error.code, status);
    cr_assert_str_eq(error.text, text);
}

Test(request_refusal, who_leads_is_said)
{
    raft.leader = 3;
    expect(WW_CONTROL_ADD, 4, WW_ENOTLEADER, "node 3 leads group 0, not node 1");
    raft.leader = 0;
    expect(WW_CONTROL_ADD, 4, WW_ENOTLEADER,
           "node 1 does not lead group 0, and knows of no leader");
}

Test(request_refusal, why_a_group_is_busy_is_said)
{
    expect(WW_CONTROL_PROMOTE, 4, WW_EBUSY,
           "learner 4 is not caught up: it has 20 of 50 entries of group 0");
    raft.peers[0].caught_up = true;
    expect(WW_CONTROL_PROMOTE, 4, WW_EBUSY,
           "the leader of group 0 is new, and has committed nothing in its term yet");
    raft.configuration_committed = false;
    expect(WW_CONTROL_ADD, 4, WW_EBUSY, "another change of the members of group 0 is under way");
    raft.configuration_committed = true;
    raft.configuration.old_voters = 6;
    expect(WW_CONTROL_ADD, 4, WW_EBUSY, "another change of the members of group 0 is under way");
    raft.transfer_to = 2;
    expect(WW_CONTROL_ADD, 4, WW_EBUSY, "group 0 is being handed over to node 2");
}

Test(request_refusal, why_there_is_no_snapshot_is_said)
{
    expect(WW_CONTROL_SNAPSHOT, 0, WW_EBUSY,
           "another snapshot of group 0 is under way, or on its way to a follower");
    expect(WW_CONTROL_SNAPSHOT, 0, WW_EINVAL,
           "group 0 has no snapshot to take: nothing is committed yet");
    raft.commit = 1;
    expect(WW_CONTROL_SNAPSHOT, 0, WW_EINVAL,
           "group 0 has no snapshot to take: its log or its state machine does not know of them");
}

Test(request_refusal, what_contradicts_the_members_is_said)
{
    expect(WW_CONTROL_PROMOTE, 5, WW_EINVAL, "node 5 is no member of group 0: add it first");
    expect(WW_CONTROL_DEMOTE, 5, WW_EINVAL, "node 5 is no member of group 0");
    expect(WW_CONTROL_TRANSFER, 1, WW_EINVAL, "node 1 leads group 0 already");
    expect(WW_CONTROL_TRANSFER, 4, WW_EINVAL,
           "node 4 is a learner of group 0: only a voter can lead it");
    raft.configuration.voters = 1 << 1;
    expect(WW_CONTROL_REMOVE, 1, WW_EINVAL, "node 1 is the only voter of group 0");
}

Test(request_refusal, a_node_that_cannot_answer_says_so)
{
    expect(WW_CONTROL_ADD, 4, WW_ETIMEOUT, "node 1: the net stage does not answer");
    expect(WW_CONTROL_ADD, 4, WW_ECLOSED, "node 1: WW_ECLOSED");
}
