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

void ww_raft_status(const struct ww_raft *raft, struct ww_raft_status *status)
{
    memset(status, 0, sizeof(*status));
    status->role = raft->role;
    status->leader = raft->leader;
    status->term = raft->term;
    status->vote = raft->vote;
    status->first_index = 1;
    status->last_index = raft->log.last_index;
    status->last_term = ww_raft_log_last_term(&raft->log);
    status->durable = raft->durable;
    status->commit = raft->commit;
    if (raft->role != WW_RAFT_LEADER)
        return;
    for (uint32_t i = 0; i < raft->options.voter_count; i++) {
        uint32_t id = raft->options.voters[i];
        const struct ww_raft_peer *peer = &raft->peers[id];
        if (id == raft->options.self)
            continue;
        status->peers[status->peer_count++] =
            (struct ww_raft_peer_status){.id = id,
                                         .match = peer->match,
                                         .next = peer->next,
                                         .inflight_bytes = peer->inflight_bytes,
                                         .window_bytes = peer->granted_bytes,
                                         .probing = peer->probing};
    }
}
