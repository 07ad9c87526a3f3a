/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is in the group, and what a majority of it is.
 *
 * Section 6: "Once a given server adds the new configuration entry to its log, it uses that
 * configuration for all future decisions (a server always uses the latest configuration in its
 * log, regardless of whether the entry is committed)."
 *
 * Of C_old,new: "Agreement (for elections and entry commitment) requires separate majorities from
 * both the old and new configurations."
 */
#include "engine/raft/raft_internal.h"

bool ww_raft_is_voter(const struct ww_raft *raft, uint32_t id)
{
    const struct ww_configuration *now = &raft->configuration.configuration;

    return (now->voters | now->old_voters) >> id & 1;
}

uint8_t ww_raft_peers(const struct ww_raft *raft)
{
    uint8_t members = ww_configuration_members(&raft->configuration.configuration);

    /* Those that are leaving learn of it: their part ends when the change is committed. */
    if (raft->configuration.index > raft->commit)
        members |= ww_configuration_members(&raft->previous_configuration.configuration);
    return members & (uint8_t) ~(1u << raft->options.self);
}

static bool is_majority(uint8_t members, uint32_t votes)
{
    return 2 * __builtin_popcount(members & votes) > __builtin_popcount(members);
}

bool ww_raft_is_quorum(const struct ww_raft *raft, uint32_t votes)
{
    const struct ww_configuration *now = &raft->configuration.configuration;

    return is_majority(now->voters, votes) &&
           (now->old_voters == 0 || is_majority(now->old_voters, votes));
}

/* The greatest value that a majority of `members` has or exceeds. */
static uint64_t majority_value(uint8_t members, const struct ww_raft_tally *tally)
{
    uint64_t sorted[WW_NODES_MAX] = {0}; /* descending */
    uint32_t count = 0;

    for (uint32_t id = 1; id <= WW_NODES_MAX; id++) {
        uint32_t at = count;
        if (!(members >> id & 1))
            continue;
        for (; at > 0 && sorted[at - 1] < tally->of[id]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = tally->of[id];
        count++;
    }
    return sorted[count / 2];
}

uint64_t ww_raft_quorum_value(const struct ww_raft *raft, const struct ww_raft_tally *tally)
{
    const struct ww_configuration *now = &raft->configuration.configuration;
    uint64_t value = majority_value(now->voters, tally);
    uint64_t old = now->old_voters != 0 ? majority_value(now->old_voters, tally) : value;

    return old < value ? old : value;
}

/* A leader begins with members that are new, and gives up what it began with those that left. */
static void members_changed(struct ww_raft *raft, uint8_t before)
{
    uint8_t after = ww_raft_peers(raft);

    if (raft->role != WW_RAFT_LEADER)
        return;
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        if ((after & ~before) >> id & 1)
            ww_raft_peer_start(raft, &raft->peers[id]);
}

void ww_raft_configuration_appended(struct ww_raft *raft,
                                    const struct ww_raft_placed_configuration *placed)
{
    uint8_t before = ww_raft_peers(raft);

    WW_ASSERT(placed->index > raft->configuration.index);
    raft->previous_configuration = raft->configuration;
    raft->configuration = *placed;
    members_changed(raft, before);
}

/* "If the entry is removed from the log, the configuration before it is in force again." */
void ww_raft_configuration_truncated(struct ww_raft *raft, uint64_t index)
{
    if (raft->configuration.index < index)
        return;
    WW_ASSERT(raft->previous_configuration.index < index);
    raft->configuration = raft->previous_configuration;
}

bool ww_raft_configuration_at(const struct ww_raft *raft, uint64_t index,
                              struct ww_configuration *configuration)
{
    const struct ww_raft_placed_configuration *placed =
        raft->configuration.index <= index ? &raft->configuration : &raft->previous_configuration;

    /* A node that waited to be added does not know the first one. */
    *configuration = placed->configuration;
    return placed->index <= index && configuration->voters != 0;
}
