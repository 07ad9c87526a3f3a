/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leader's commit position.
 *
 * Figure 2, rules for leaders: "If there exists an N such that N > commitIndex, a majority of
 * matchIndex[i] >= N, and log[N].term == currentTerm: set commitIndex = N."
 *
 * Thesis 10.2.1: "The leader may even commit an entry before it has been written to its own disk,
 * if a majority of followers have written it to their disks": it counts itself like any other.
 */
#include "engine/raft/raft_internal.h"

bool ww_raft_committed_own(const struct ww_raft *raft)
{
    return ww_raft_log_term_at(&raft->log, raft->commit) == raft->term;
}

uint64_t ww_raft_quorum_holds(const struct ww_raft *raft)
{
    struct ww_raft_tally match;

    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        match.of[id] = ww_raft_counts(raft, id) ? raft->peers[id].match : 0;
    match.of[raft->options.self] = raft->durable;
    return ww_raft_quorum_value(raft, &match);
}

void ww_raft_advance_commit(struct ww_raft *raft, struct ww_raft_update *update)
{
    uint64_t index = ww_raft_quorum_holds(raft);

    /* An entry of an earlier term commits only beneath one of ours (section 5.4.2, figure 8). */
    if (index <= raft->commit || ww_raft_log_term_at(&raft->log, index) != raft->term)
        return;
    raft->commit = index;
    ww_raft_membership_committed(raft, update);
}
