/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node that may have forgotten promises: votes that it gave, entries that it acknowledged. Its
 * disk is new, or damage was cut out of it. It must not break what it does not remember.
 *
 * It takes part again, as a voter whose acknowledgements count, when there is proof that nothing
 * can come of what it forgot: an entry of the present leader, appended after the node had started
 * anew (the barrier), that a quorum holds in which this node is not counted, and that it holds as
 * well. Why that is enough is in docs/raft.md.
 *
 *   node                                         leader
 *   REJOIN (its start, a random number) ───────▶ the node does not count any more; appends the
 *                                                barrier
 *   acknowledges from now on      ◀───────────── REJOIN_REPLY (start, barrier)
 *                                 ◀───────────── ... with GRANTED: a quorum of others holds it
 *   holds it; a record that says so is durable
 *   REJOIN (start, OVER) ──────────────────────▶ the node counts again
 *
 * In a new group nobody can lead before somebody remembers. There all voters are in term 0, at one
 * moment: two rounds of questions, one behind the other, find every voter in the same start and in
 * term 0. Then nobody promised anything that still counts.
 */
#include "engine/raft/raft_internal.h"

#define ASK_DOUBLINGS 3u

void ww_raft_rejoin_create(struct ww_raft *raft, bool alone)
{
    bool begins = alone && raft->options.newborn && raft->term == 0;

    raft->rejoin.amnesia = raft->options.amnesia && !begins;
    raft->rejoin.ask_at_ns = raft->now_ns;
}

bool ww_raft_counts(const struct ww_raft *raft, uint32_t id)
{
    return raft->peers[id].barrier == 0;
}

/* ---- the node ---- */

static uint8_t other_voters(const struct ww_raft *raft)
{
    const struct ww_configuration *now = &raft->configuration.configuration;

    return (now->voters | now->old_voters) & (uint8_t) ~(1u << raft->options.self);
}

static void send_question(struct ww_raft *raft, uint32_t to, uint64_t start,
                          enum ww_raft_message_flags flags, struct ww_raft_update *update)
{
    struct ww_raft_message *message = ww_raft_emit(raft, update, to, WW_RAFT_REJOIN);

    message->flags = flags;
    message->commit = start;
    message->round = raft->rejoin.round;
}

/* A round of questions: to the leader, or where none is known to everybody. */
static void ask(struct ww_raft *raft, struct ww_raft_update *update)
{
    struct ww_raft_rejoin *rejoin = &raft->rejoin;
    uint8_t to = raft->leader != 0 ? (uint8_t)(1u << raft->leader) : ww_raft_peers(raft);

    rejoin->steady = rejoin->fresh == other_voters(raft);
    rejoin->fresh = rejoin->same = 0;
    rejoin->round++;
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        if (to >> id & 1)
            send_question(raft, id, raft->start, 0, update);
}

static bool registered(const struct ww_raft *raft)
{
    return raft->rejoin.term == raft->term && raft->term > 0;
}

bool ww_raft_may_acknowledge(const struct ww_raft *raft)
{
    return !raft->rejoin.amnesia || registered(raft);
}

void ww_raft_rejoin_tick(struct ww_raft *raft, struct ww_raft_update *update)
{
    struct ww_raft_rejoin *rejoin = &raft->rejoin;
    uint64_t delay_ns = raft->options.retry_ns << rejoin->asks;

    if (raft->now_ns >= raft->election_at_ns)
        raft->leader = 0;
    if (raft->now_ns < rejoin->ask_at_ns)
        return;
    rejoin->ask_at_ns = raft->now_ns + delay_ns + ww_random_range(&raft->random, 0, delay_ns / 4);
    if (rejoin->asks < ASK_DOUBLINGS)
        rejoin->asks++;
    if (!rejoin->ending && !(registered(raft) && rejoin->barrier != 0))
        ask(raft, update);
}

uint64_t ww_raft_rejoin_deadline_ns(const struct ww_raft *raft)
{
    return raft->leader != 0 && raft->election_at_ns < raft->rejoin.ask_at_ns
               ? raft->election_at_ns
               : raft->rejoin.ask_at_ns;
}

void ww_raft_rejoin_heard(struct ww_raft *raft)
{
    raft->rejoin.asks = 0;
    raft->rejoin.ask_at_ns = raft->now_ns;
}

/* A voter is in term 0. All of them, in the same start as in the round before: then they all were
 * when this round began. */
static void heard_fresh(struct ww_raft *raft, const struct ww_raft_event *event)
{
    struct ww_raft_rejoin *rejoin = &raft->rejoin;
    uint64_t *start = &rejoin->starts[event->from];
    uint8_t bit = (uint8_t)(1u << event->from);

    if (!raft->options.newborn || event->message->round != rejoin->round ||
        !(other_voters(raft) & bit))
        return;
    rejoin->fresh |= bit;
    if (rejoin->steady && *start == event->message->log_term)
        rejoin->same |= bit;
    *start = event->message->log_term;
    if (rejoin->fresh != other_voters(raft))
        return;
    if (rejoin->same == rejoin->fresh && raft->term == 0)
        rejoin->ending = true;
    else
        rejoin->ask_at_ns = raft->now_ns;
}

int ww_raft_recv_rejoin_reply(struct ww_raft *raft, const struct ww_raft_event *event,
                              struct ww_raft_update *update)
{
    const struct ww_raft_message *message = event->message;
    struct ww_raft_rejoin *rejoin = &raft->rejoin;

    if (!rejoin->amnesia) { /* it does not know yet, or an old question of ours came late */
        if (message->index != 0)
            send_question(raft, event->from, message->commit, WW_RAFT_OVER, update);
        return WW_OK;
    }
    if (message->commit != raft->start || message->term < raft->term)
        return WW_OK;
    if (message->index == 0) {
        if (message->term == 0)
            heard_fresh(raft, event);
        return WW_OK;
    }
    if (message->term == raft->term && raft->leader != 0 && raft->leader != event->from)
        return WW_EINVAL;
    ww_raft_become_follower(raft, message->term, event->from);
    if (!registered(raft))
        rejoin->barrier = 0;
    rejoin->term = raft->term;
    if (message->flags & WW_RAFT_GRANTED)
        rejoin->barrier = message->index;
    return WW_OK;
}

/* No vote in this term any more: an earlier one, forgotten, may have elected the leader. */
void ww_raft_rejoin_step(struct ww_raft *raft)
{
    const struct ww_raft_rejoin *rejoin = &raft->rejoin;

    if (!rejoin->amnesia || rejoin->ending || !registered(raft) || rejoin->barrier == 0 ||
        raft->durable < rejoin->barrier || raft->verified < rejoin->barrier)
        return;
    raft->rejoin.ending = true;
    if (raft->vote == 0) {
        raft->vote = raft->options.self;
        raft->hard_state_durable = false;
    }
}

void ww_raft_rejoin_over(struct ww_raft *raft, struct ww_raft_update *update)
{
    raft->rejoin.amnesia = raft->rejoin.ending = false;
    if (raft->leader != 0)
        send_question(raft, raft->leader, raft->start, WW_RAFT_OVER, update);
    else
        ww_raft_reset_election_timer(raft);
}

/* ---- who is asked ---- */

static void answer(struct ww_raft *raft, uint32_t to, uint64_t start, uint32_t round,
                   struct ww_raft_update *update)
{
    const struct ww_raft_peer *peer = &raft->peers[to];
    struct ww_raft_message *message = ww_raft_emit(raft, update, to, WW_RAFT_REJOIN_REPLY);

    message->log_term = raft->start;
    message->commit = start;
    message->round = round;
    if (raft->role != WW_RAFT_LEADER || peer->start != start || peer->barrier == 0)
        return;
    message->index = peer->barrier;
    if (ww_raft_quorum_holds(raft) >= peer->barrier) /* the peer does not count there */
        message->flags = WW_RAFT_GRANTED;
}

/*
 * What it acknowledged in an earlier start may be gone. The barrier repeats the configuration: the
 * node may have lost it as well, and it may stand nowhere in the log. But while one is pending
 * there is no second one, and that one reaches the node.
 */
static void take_back(struct ww_raft *raft, uint32_t id, uint64_t start,
                      struct ww_raft_update *update)
{
    struct ww_raft_peer *peer = &raft->peers[id];

    if (raft->configuration.index <= raft->commit)
        ww_raft_append_configuration(raft, raft->configuration.configuration, update);
    else
        ww_raft_append_own(raft, update, WW_RAFT_APPENDED_BARRIER);
    ww_raft_peer_start(raft, peer);
    peer->start = start;
    peer->barrier = raft->log.last_index;
}

void ww_raft_recv_rejoin(struct ww_raft *raft, const struct ww_raft_event *event,
                         struct ww_raft_update *update)
{
    const struct ww_raft_message *message = event->message;
    struct ww_raft_peer *peer = &raft->peers[event->from];
    bool leads = raft->role == WW_RAFT_LEADER && (ww_raft_peers(raft) >> event->from & 1);

    if (message->flags & WW_RAFT_OVER) {
        if (leads && message->term == raft->term && message->commit == peer->start) {
            peer->barrier = 0;
            ww_raft_advance_commit(raft, update);
        }
        return;
    }
    if (leads && peer->start != message->commit && ww_raft_committed_own(raft))
        take_back(raft, event->from, message->commit, update);
    answer(raft, event->from, message->commit, message->round, update);
}

void ww_raft_send_barriers(struct ww_raft *raft, struct ww_raft_update *update)
{
    uint8_t peers = ww_raft_peers(raft);

    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        if ((peers >> id & 1) && !ww_raft_counts(raft, id))
            answer(raft, id, raft->peers[id].start, 0, update);
}
