/* SPDX-License-Identifier: Apache-2.0 */
/* What others may ask about the core at any time. */
#include "engine/raft/raft_internal.h"

#include <string.h>

uint64_t ww_raft_term_at(const struct ww_raft *raft, uint64_t index)
{
    return ww_raft_log_term_at(&raft->log, index);
}

bool ww_raft_is_leader(const struct ww_raft *raft)
{
    return raft->role == WW_RAFT_LEADER;
}

bool ww_raft_takes_proposals(const struct ww_raft *raft)
{
    return raft->role == WW_RAFT_LEADER && raft->transfer_to == 0;
}

uint64_t ww_raft_commit(const struct ww_raft *raft)
{
    return raft->commit;
}

uint64_t ww_raft_last_index(const struct ww_raft *raft)
{
    return raft->log.last_index;
}

uint32_t ww_raft_leader(const struct ww_raft *raft)
{
    return raft->leader;
}

uint64_t ww_raft_term(const struct ww_raft *raft)
{
    return raft->term;
}

bool ww_raft_amnesia(const struct ww_raft *raft)
{
    return raft->rejoin.amnesia;
}

static struct ww_raft_peer_status peer_status(const struct ww_raft *raft, uint32_t id)
{
    const struct ww_raft_peer *peer = &raft->peers[id];

    return (struct ww_raft_peer_status){.id = id,
                                        .state = peer->state,
                                        .voter = ww_raft_is_voter(raft, id),
                                        .caught_up = ww_raft_caught_up(raft, peer),
                                        .amnesia = peer->barrier != 0,
                                        .match = peer->match,
                                        .next = peer->next,
                                        .inflight_bytes = peer->inflight_bytes,
                                        .window_bytes = peer->granted_bytes,
                                        .rtt_ns = peer->rtt_ns};
}

void ww_raft_status(const struct ww_raft *raft, struct ww_raft_status *status)
{
    uint8_t peers = ww_raft_peers(raft);

    memset(status, 0, sizeof(*status));
    status->role = raft->role;
    status->leader = raft->leader;
    status->term = raft->term;
    status->vote = raft->vote;
    status->start = raft->start;
    status->amnesia = raft->rejoin.amnesia;
    status->known = ww_raft_knows(raft);
    status->first_index = raft->log.base_index + 1;
    status->last_index = raft->log.last_index;
    status->last_term = ww_raft_log_last_term(&raft->log);
    status->durable = raft->durable;
    status->commit = raft->commit;
    status->snapshot_index = raft->snapshot_index;
    status->configuration = raft->configuration.configuration;
    status->configuration_index = raft->configuration.index;
    status->configuration_committed = raft->configuration.index <= raft->commit;
    status->election_timeout_ns = raft->election_timeout_ns;
    if (raft->role != WW_RAFT_LEADER)
        return;
    status->transfer_to = raft->transfer_to;
    status->lease_ns = ww_raft_lease_ns(raft);
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        if (peers >> id & 1)
            status->peers[status->peer_count++] = peer_status(raft, id);
}
