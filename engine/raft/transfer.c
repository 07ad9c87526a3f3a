/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leadership transfer (thesis 3.10): "1. The prior leader stops accepting new client requests. 2.
 * The prior leader fully updates the target server's log to match its own log ... 3. The prior
 * leader sends a TimeoutNow request to the target server. ... If leadership transfer does not
 * complete after about an election timeout, the prior leader aborts the transfer and resumes
 * accepting client requests."
 *
 * A leader that is not the preferred one hands over by itself once the preferred one kept up for a
 * while; each time that this did not succeed it waits twice as long.
 */
#include "engine/raft/raft_internal.h"

#define PREFERRED_DOUBLINGS 6u

static int transfer_status(const struct ww_raft *raft, uint32_t node)
{
    if (raft->role != WW_RAFT_LEADER)
        return WW_ENOTLEADER;
    if (node < 1 || node > WW_NODES_MAX || node == raft->options.self ||
        !(raft->configuration.configuration.voters >> node & 1))
        return WW_EINVAL;
    if (!ww_raft_committed_own(raft) || raft->configuration.index > raft->commit ||
        ww_configuration_joint(&raft->configuration.configuration) ||
        (raft->transfer_to != 0 && raft->transfer_to != node) || !ww_raft_counts(raft, node))
        return WW_EBUSY;
    return WW_OK;
}

static void begin(struct ww_raft *raft, uint32_t node)
{
    raft->transfer_to = node;
    raft->transfer_sent = false;
    raft->transfer_until_ns = raft->now_ns + raft->options.election_max_ns;
}

void ww_raft_transfer(struct ww_raft *raft, uint32_t node, struct ww_raft_update *update)
{
    update->status = transfer_status(raft, node);
    if (update->status != WW_OK || raft->transfer_to == node)
        return;
    begin(raft, node);
    ww_raft_transfer_step(raft, update);
}

/* The voter that should lead rather than we: it keeps up, and answers. 0: none. */
static uint32_t preferred(const struct ww_raft *raft)
{
    uint32_t best = raft->options.self;

    for (uint32_t id = 1; id <= WW_NODES_MAX; id++) {
        const struct ww_raft_peer *peer = &raft->peers[id];
        if ((raft->configuration.configuration.voters >> id & 1) &&
            raft->options.priorities[id] > raft->options.priorities[best] &&
            ww_raft_counts(raft, id) && peer->state == WW_RAFT_REPLICATE &&
            peer->match >= raft->commit &&
            raft->now_ns - peer->heard_ns < raft->options.election_min_ns)
            best = id;
    }
    return best != raft->options.self ? best : 0;
}

static void prefer(struct ww_raft *raft)
{
    uint32_t node = preferred(raft);

    if (node == 0 || transfer_status(raft, node) != WW_OK) {
        raft->preferred_since_ns = 0;
    } else if (raft->preferred_since_ns == 0) {
        raft->preferred_since_ns = raft->now_ns;
    } else if (raft->now_ns - raft->preferred_since_ns >= raft->options.election_max_ns
                                                              << raft->preferred_tries) {
        raft->preferred_since_ns = 0;
        if (raft->preferred_tries < PREFERRED_DOUBLINGS)
            raft->preferred_tries++;
        begin(raft, node);
    }
}

void ww_raft_transfer_step(struct ww_raft *raft, struct ww_raft_update *update)
{
    if (raft->transfer_to == 0)
        prefer(raft);
    if (raft->transfer_to == 0)
        return;
    if (raft->now_ns >= raft->transfer_until_ns) {
        raft->transfer_to = 0;
        return;
    }
    if (raft->transfer_sent || raft->peers[raft->transfer_to].match != raft->log.last_index)
        return;
    ww_raft_emit(raft, update, raft->transfer_to, WW_RAFT_TIMEOUT_NOW);
    raft->transfer_sent = true;
    /* However late it arrives, voters then grant in spite of the lease. */
    raft->no_lease = true;
}

int ww_raft_recv_timeout_now(struct ww_raft *raft, const struct ww_raft_event *event,
                             struct ww_raft_update *update)
{
    if (event->message->term != raft->term || event->from != raft->leader || raft->rejoin.amnesia ||
        !ww_raft_is_voter(raft, raft->options.self))
        return WW_OK;
    return ww_raft_become_candidate(raft, true, update);
}
