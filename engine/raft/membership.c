/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Membership changes, by joint consensus (section 6; thesis 4.3), with learners (thesis 4.2.1).
 *
 *   C_old ──change──▶ C_old,new ──committed by both majorities──▶ C_new ──committed──▶ done
 *
 * A change of learners alone changes no majority and takes one step. There is one change at a
 * time, and none before the leader has committed an entry of its own term: otherwise two leaders
 * could each add one to configurations that do not overlap (Ongaro, raft-dev, 2015-07-10).
 */
#include "engine/raft/raft_internal.h"

void ww_raft_append_configuration(struct ww_raft *raft, struct ww_configuration configuration,
                                  struct ww_raft_update *update)
{
    struct ww_raft_placed_configuration placed = {.configuration = configuration};

    update->configuration = configuration;
    ww_raft_append_own(raft, update, WW_RAFT_APPENDED_CONFIGURATION);
    placed.index = update->append_from;
    ww_raft_configuration_appended(raft, &placed);
}

/* Without a majority of nodes that count the change would never be committed, and nobody that may
 * have forgotten its promises could rejoin. */
static bool enough_count(const struct ww_raft *raft, uint8_t voters)
{
    int count = 0;

    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        count += (voters >> id & 1) && ww_raft_counts(raft, id);
    return 2 * count > __builtin_popcount(voters);
}

static int change_status(const struct ww_raft *raft, const struct ww_configuration *target)
{
    const struct ww_configuration *now = &raft->configuration.configuration;
    uint8_t promoted = target->voters & (uint8_t)~now->voters;

    if (raft->role != WW_RAFT_LEADER)
        return WW_ENOTLEADER;
    if (!ww_raft_committed_own(raft) || raft->configuration.index > raft->commit ||
        ww_configuration_joint(now) || raft->transfer_to != 0)
        return WW_EBUSY;
    if (!ww_configuration_valid(target) || target->voters == 0 || target->old_voters != 0 ||
        (promoted & ~now->learners) != 0)
        return WW_EINVAL;
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        if ((promoted >> id & 1) && !ww_raft_caught_up(raft, &raft->peers[id]))
            return WW_EBUSY;
    return enough_count(raft, target->voters) ? WW_OK : WW_EBUSY;
}

void ww_raft_change(struct ww_raft *raft, const struct ww_raft_event *event,
                    struct ww_raft_update *update)
{
    const struct ww_configuration *now = &raft->configuration.configuration;
    struct ww_configuration next = event->configuration;

    update->status = change_status(raft, &next);
    if (update->status != WW_OK || (next.voters == now->voters && next.learners == now->learners))
        return;
    if (next.voters != now->voters)
        next.old_voters = now->voters;
    ww_raft_append_configuration(raft, next, update);
}

/*
 * Section 6: "once C_old,new has been committed ... it is now safe for the leader to create a log
 * entry describing C_new"; "the leader steps down (returns to follower state) once it has
 * committed the C_new log entry", where it is not in C_new.
 */
void ww_raft_membership_committed(struct ww_raft *raft, struct ww_raft_update *update)
{
    struct ww_configuration next = raft->configuration.configuration;

    if (raft->configuration.index > raft->commit)
        return;
    if (ww_configuration_joint(&next)) {
        next.old_voters = 0;
        ww_raft_append_configuration(raft, next, update);
    } else if (!ww_raft_is_voter(raft, raft->options.self)) {
        ww_raft_become_follower(raft, raft->term, 0);
    }
}

void ww_raft_catch_up(struct ww_raft *raft, struct ww_raft_peer *peer)
{
    if (peer->match < peer->catch_up_goal)
        return;
    peer->caught_up = raft->now_ns - peer->catch_up_began_ns <= raft->options.election_min_ns;
    peer->catch_up_goal = raft->log.last_index;
    peer->catch_up_began_ns = raft->now_ns;
}

bool ww_raft_caught_up(const struct ww_raft *raft, const struct ww_raft_peer *peer)
{
    if (peer->state != WW_RAFT_REPLICATE || peer->barrier != 0 ||
        raft->now_ns - peer->heard_ns >= raft->options.election_max_ns)
        return false;
    return peer->match == raft->log.last_index ||
           (peer->caught_up &&
            raft->now_ns - peer->catch_up_began_ns <= raft->options.election_min_ns);
}
