/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terms, roles and elections.
 *
 * Section 5.2: "Raft uses randomized election timeouts to ensure that split votes are rare."
 *
 * Thesis 9.6: "In the Pre-Vote algorithm, a candidate only increments its term if it first learns
 * from a majority of the cluster that they would be willing to grant the candidate their votes."
 *
 * follower ──timeout──▶ pre-candidate ──quorum willing──▶ candidate ──quorum, own vote durable──▶
 * leader. A timeout of either candidate begins again with a pre-vote in the same term.
 */
#include "engine/raft/raft_internal.h"

void ww_raft_reset_election_timer(struct ww_raft *raft)
{
    raft->election_at_ns =
        raft->now_ns + ww_random_range(&raft->random, raft->options.election_min_ns,
                                       raft->options.election_max_ns);
}

/* The only place where the vote is cleared: the term strictly rises. */
static void raise_term(struct ww_raft *raft, uint64_t term, uint32_t vote)
{
    WW_ASSERT(term > raft->term);
    raft->term = term;
    raft->vote = vote;
    raft->hard_state_durable = false;
    raft->verified = 0;
    raft->acknowledged = 0;
    raft->answer_due = false;
}

void ww_raft_become_follower(struct ww_raft *raft, uint64_t term, uint32_t leader)
{
    if (term > raft->term)
        raise_term(raft, term, 0);
    WW_ASSERT(term == raft->term);
    raft->role = WW_RAFT_FOLLOWER;
    raft->leader = leader;
    ww_raft_reset_election_timer(raft);
}

static void request_votes(struct ww_raft *raft, enum ww_raft_message_type type, uint64_t term,
                          struct ww_raft_update *update)
{
    for (uint32_t i = 0; i < raft->options.voter_count; i++) {
        struct ww_raft_message *message;
        if (raft->options.voters[i] == raft->options.self)
            continue;
        message = ww_raft_emit(raft, update, raft->options.voters[i], type);
        message->term = term;
        message->index = raft->log.last_index;
        message->log_term = ww_raft_log_last_term(&raft->log);
    }
}

/* Our own vote counts when it is durable, see HARD_STATE_DURABLE. */
static void become_candidate(struct ww_raft *raft, struct ww_raft_update *update)
{
    raise_term(raft, raft->term + 1, raft->options.self);
    raft->role = WW_RAFT_CANDIDATE;
    raft->votes = 0;
    ww_raft_reset_election_timer(raft);
    request_votes(raft, WW_RAFT_VOTE, raft->term, update);
}

static void become_leader(struct ww_raft *raft, struct ww_raft_update *update)
{
    raft->role = WW_RAFT_LEADER;
    raft->leader = raft->options.self;
    raft->heartbeat_at_ns = raft->now_ns + raft->options.heartbeat_ns;
    for (uint32_t i = 0; i < raft->options.voter_count; i++)
        ww_raft_peer_start(raft, &raft->peers[raft->options.voters[i]]);
    /* Without an entry of its own term a leader could not commit those of earlier terms. */
    update->noop = true;
    update->append_from = update->append_to = raft->log.last_index + 1;
    ww_raft_log_append(&raft->log, update->append_to, raft->term);
}

void ww_raft_count_vote(struct ww_raft *raft, uint32_t from, struct ww_raft_update *update)
{
    raft->votes |= 1u << from;
    if (!ww_raft_is_quorum(raft, raft->votes))
        return;
    if (raft->role == WW_RAFT_PRE_CANDIDATE)
        become_candidate(raft, update);
    else if (raft->hard_state_durable)
        become_leader(raft, update);
}

int ww_raft_election_tick(struct ww_raft *raft, struct ww_raft_update *update)
{
    if (raft->now_ns < raft->election_at_ns)
        return WW_OK;
    ww_raft_reset_election_timer(raft);
    if (raft->log.count == raft->log.capacity)
        return WW_ENOMEM; /* no room for the first entry of a new term */
    raft->role = WW_RAFT_PRE_CANDIDATE;
    raft->leader = 0;
    raft->votes = 0;
    request_votes(raft, WW_RAFT_PRE_VOTE, raft->term + 1, update);
    ww_raft_count_vote(raft, raft->options.self, update);
    return WW_OK;
}
