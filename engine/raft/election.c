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
 * leader. A timeout of either candidate begins again with a pre-vote in the same term. A node that
 * was asked to take over begins as candidate.
 */
#include "engine/raft/raft_internal.h"

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
    raft->round = 0;
    raft->arrivals.last_ns = 0;
}

void ww_raft_become_follower(struct ww_raft *raft, uint64_t term, uint32_t leader)
{
    if (term > raft->term)
        raise_term(raft, term, 0);
    WW_ASSERT(term == raft->term);
    raft->role = WW_RAFT_FOLLOWER;
    if (leader != 0)
        raft->candidacies = raft->refusals = 0;
    if (leader != 0 && leader != raft->leader)
        ww_raft_rejoin_heard(raft);
    raft->leader = leader;
    ww_raft_reset_election_timer(raft);
}

static void request_votes(struct ww_raft *raft, enum ww_raft_message_type type, uint64_t term,
                          struct ww_raft_update *update)
{
    raft->votes = raft->denials = 0;
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++) {
        struct ww_raft_message *message;
        if (id == raft->options.self || !ww_raft_is_voter(raft, id))
            continue;
        message = ww_raft_emit(raft, update, id, type);
        message->term = term;
        message->flags = raft->transfer_election ? WW_RAFT_TRANSFER : 0;
        message->commit = raft->start;
        message->index = raft->log.last_index;
        message->log_term = ww_raft_log_last_term(&raft->log);
    }
}

/* Our own vote counts when it is durable, see HARD_STATE_DURABLE. */
int ww_raft_become_candidate(struct ww_raft *raft, bool transfer, struct ww_raft_update *update)
{
    if (raft->log.count == raft->log.capacity)
        return WW_ENOMEM; /* no room for the first entry of a new term */
    raise_term(raft, raft->term + 1, raft->options.self);
    raft->role = WW_RAFT_CANDIDATE;
    raft->leader = 0;
    raft->transfer_election = transfer;
    ww_raft_reset_election_timer(raft);
    request_votes(raft, WW_RAFT_VOTE, raft->term, update);
    return WW_OK;
}

static void become_leader(struct ww_raft *raft, struct ww_raft_update *update)
{
    uint8_t peers = ww_raft_peers(raft);

    raft->role = WW_RAFT_LEADER;
    raft->leader = raft->options.self;
    raft->candidacies = raft->refusals = 0;
    raft->heartbeat_at_ns = raft->now_ns + raft->options.heartbeat_ns;
    raft->rounds = raft->confirmed_round = 0;
    raft->rounds_valid_from = 1;
    raft->round_wanted = raft->no_lease = raft->transfer_sent = false;
    raft->transfer_to = 0;
    raft->preferred_since_ns = 0;
    raft->preferred_tries = 0;
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++) {
        raft->peers[id].start = raft->peers[id].barrier = 0;
        if (peers >> id & 1)
            ww_raft_peer_start(raft, &raft->peers[id]);
    }
    /* Without an entry of its own term a leader could not commit those of earlier terms. */
    ww_raft_append_own(raft, update, WW_RAFT_APPENDED_NOOP);
}

void ww_raft_count_vote(struct ww_raft *raft, uint32_t from, struct ww_raft_update *update)
{
    raft->votes |= 1u << from;
    if (!ww_raft_is_quorum(raft, raft->votes))
        return;
    if (raft->role == WW_RAFT_PRE_CANDIDATE)
        ww_raft_become_candidate(raft, false, update);
    else if (raft->hard_state_durable)
        become_leader(raft, update);
}

/* A candidacy is refused, once, when those who did not refuse are no quorum. */
void ww_raft_count_denial(struct ww_raft *raft, uint32_t from)
{
    bool possible = ww_raft_is_quorum(raft, ~raft->denials);

    raft->denials |= 1u << from;
    if (possible && !ww_raft_is_quorum(raft, ~raft->denials))
        raft->refusals++;
}

/*
 * Thesis 4.2.2: "a server that is not part of its own latest configuration should still start new
 * elections, as it might still be needed until the Cnew entry is committed".
 */
static bool may_stand(const struct ww_raft *raft)
{
    const struct ww_configuration *before = &raft->previous_configuration.configuration;

    return ww_raft_is_voter(raft, raft->options.self) ||
           (raft->commit < raft->configuration.index &&
            ((before->voters | before->old_voters) >> raft->options.self & 1) != 0);
}

int ww_raft_election_tick(struct ww_raft *raft, struct ww_raft_update *update)
{
    if (raft->rejoin.amnesia) {
        ww_raft_rejoin_tick(raft, update);
        return WW_OK;
    }
    if (raft->now_ns < raft->election_at_ns)
        return WW_OK;
    raft->role = WW_RAFT_FOLLOWER;
    raft->leader = 0;
    raft->candidacies++;
    ww_raft_reset_election_timer(raft);
    if (!may_stand(raft))
        return WW_OK;
    if (raft->log.count == raft->log.capacity)
        return WW_ENOMEM;
    if (raft->refusals >= WW_RAFT_REFUSALS_MAX) {
        raft->refusals = 0;
        ww_raft_send_term_probe(raft, update);
        return WW_OK;
    }
    raft->role = WW_RAFT_PRE_CANDIDATE;
    raft->transfer_election = false;
    request_votes(raft, WW_RAFT_PRE_VOTE, raft->term + 1, update);
    ww_raft_count_vote(raft, raft->options.self, update);
    return WW_OK;
}
