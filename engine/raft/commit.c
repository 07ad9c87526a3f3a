/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quorums and the leader's commit position.
 *
 * Figure 2, rules for leaders: "If there exists an N such that N > commitIndex, a majority of
 * matchIndex[i] >= N, and log[N].term == currentTerm: set commitIndex = N."
 *
 * Thesis 10.2.1: "The leader may even commit an entry before it has been written to its own disk,
 * if a majority of followers have written it to their disks": it counts itself like any other.
 */
#include "engine/raft/raft_internal.h"

bool ww_raft_is_quorum(const struct ww_raft *raft, uint32_t votes)
{
    uint32_t granted = 0;

    for (uint32_t i = 0; i < raft->options.voter_count; i++)
        granted += votes >> raft->options.voters[i] & 1;
    return granted > raft->options.voter_count / 2;
}

uint64_t ww_raft_quorum_value(const struct ww_raft *raft, const struct ww_raft_tally *tally)
{
    uint32_t count = raft->options.voter_count;
    uint64_t sorted[WW_NODES_MAX]; /* descending */

    WW_ASSERT(count >= 1 && count <= WW_NODES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t value = tally->of[raft->options.voters[i]];
        uint32_t at = i;
        for (; at > 0 && sorted[at - 1] < value; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = value;
    }
    return sorted[count / 2];
}

void ww_raft_advance_commit(struct ww_raft *raft)
{
    struct ww_raft_tally match;
    uint64_t index;

    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        match.of[id] = raft->peers[id].match;
    match.of[raft->options.self] = raft->durable;
    index = ww_raft_quorum_value(raft, &match);
    /* An entry of an earlier term commits only beneath one of ours (section 5.4.2, figure 8). */
    if (index > raft->commit && ww_raft_log_term_at(&raft->log, index) == raft->term)
        raft->commit = index;
}
