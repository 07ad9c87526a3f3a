/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linearizable reads off the log.
 *
 * Thesis 6.4, read index: the leader notes its commit position, "needs to make sure it has not been
 * superseded by a newer leader of which it is unaware. It issues a new round of heartbeats and
 * waits for their acknowledgments from a majority"; "to improve efficiency further, the leader can
 * amortize this cost: it can use a single round of heartbeats for any number of read-only queries
 * that it has accumulated". One round is under way at a time; reads that come meanwhile share the
 * next.
 *
 * Thesis 6.4.1, leases: voters that answered a round grant nobody else a vote until election_min
 * after it, on their clocks. On ours the lease is shorter: by what the clocks may differ in rate,
 * and by the largest jump that a node does not notice (WW_RAFT_EV_TIME_JUMPED). A transfer makes
 * voters break that promise, so a leader that asked for one has no lease any more in its term.
 */
#include "engine/raft/raft_internal.h"

uint64_t ww_raft_lease_ns(const struct ww_raft *raft)
{
    uint64_t whole_ns = raft->options.election_min_ns;
    uint64_t margin_ns = whole_ns / WW_RAFT_JUMP_PART +
                         (whole_ns / WW_RAFT_MILLION + 1) * raft->options.clock_drift_ppm * 2;
    uint64_t until_ns;

    if (!raft->options.leases || raft->role != WW_RAFT_LEADER || raft->no_lease ||
        raft->confirmed_round < raft->rounds_valid_from || margin_ns >= whole_ns ||
        raft->rounds - raft->confirmed_round >= WW_RAFT_ROUNDS)
        return 0;
    until_ns = raft->rounds_began_ns[raft->confirmed_round % WW_RAFT_ROUNDS] + whole_ns - margin_ns;
    return until_ns > raft->now_ns ? until_ns - raft->now_ns : 0;
}

/* Perhaps nothing of the step really passed: what a leader was promised lasts so much longer, and a
 * vote for ourselves is a vote as well. Where there are no leases that would only delay elections,
 * on a machine so busy that polls come late. */
void ww_raft_time_jumped(struct ww_raft *raft, uint64_t step_ns)
{
    raft->rounds_valid_from = raft->rounds + 1;
    if (!raft->options.leases || raft->role == WW_RAFT_LEADER)
        return;
    raft->no_vote_until_ns += step_ns;
    raft->election_at_ns += step_ns;
}

static void confirm(struct ww_raft *raft)
{
    struct ww_raft_tally answered;
    uint64_t round;

    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        answered.of[id] = ww_raft_counts(raft, id) ? raft->peers[id].round : 0;
    answered.of[raft->options.self] = raft->rounds;
    round = ww_raft_quorum_value(raft, &answered);
    if (round > raft->confirmed_round)
        raft->confirmed_round = round;
}

void ww_raft_begin_round(struct ww_raft *raft, struct ww_raft_update *update)
{
    raft->rounds++;
    raft->rounds_began_ns[raft->rounds % WW_RAFT_ROUNDS] = raft->now_ns;
    raft->round_wanted = false;
    ww_raft_send_heartbeats(raft, update);
    confirm(raft); /* of a group of one there is nobody else to ask */
}

void ww_raft_flush_reads(struct ww_raft *raft, struct ww_raft_update *update)
{
    uint64_t began_ns = raft->rounds_began_ns[raft->rounds % WW_RAFT_ROUNDS];

    if (raft->round_wanted && (raft->confirmed_round == raft->rounds ||
                               raft->now_ns - began_ns >= raft->options.retry_ns))
        ww_raft_begin_round(raft, update);
}

void ww_raft_read(struct ww_raft *raft, struct ww_raft_update *update)
{
    if (raft->role != WW_RAFT_LEADER) {
        update->status = WW_ENOTLEADER;
        return;
    }
    if (!ww_raft_committed_own(raft)) {
        update->status = WW_EBUSY;
        return;
    }
    update->read_index = raft->commit;
    if (ww_raft_lease_ns(raft) > 0)
        return;
    raft->round_wanted = true;
    update->read_round = raft->rounds + 1;
}

/* RFC 6298, 2.2 and 2.3. */
static void measure(struct ww_raft_peer *peer, uint64_t sample_ns)
{
    uint64_t off_ns =
        sample_ns > peer->rtt_ns ? sample_ns - peer->rtt_ns : peer->rtt_ns - sample_ns;

    if (peer->rtt_ns == 0) {
        peer->rtt_ns = sample_ns;
        peer->rtt_deviation_ns = sample_ns / 2;
        return;
    }
    peer->rtt_deviation_ns += (int64_t)(off_ns - peer->rtt_deviation_ns) / 4;
    peer->rtt_ns += (int64_t)(sample_ns - peer->rtt_ns) / 8;
}

void ww_raft_round_answered(struct ww_raft *raft, struct ww_raft_peer *peer, uint32_t low_bits)
{
    uint64_t age = (uint32_t)raft->rounds - low_bits; /* rounds begun since */
    uint64_t round;

    if (age >= raft->rounds || raft->rounds - age <= peer->round)
        return;
    round = raft->rounds - age;
    peer->round = round;
    if (age < WW_RAFT_ROUNDS && round >= raft->rounds_valid_from)
        measure(peer, raft->now_ns - raft->rounds_began_ns[round % WW_RAFT_ROUNDS]);
    confirm(raft);
}
