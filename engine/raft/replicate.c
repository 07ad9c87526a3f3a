/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A leader's replication to each member: what to send next, what is on its way, heartbeats,
 * retries.
 *
 * Thesis 10.2.2, pipelining: the leader "updates nextIndex ... before receiving the response"; on
 * failure it goes back. A retry waits exponentially longer, with jitter, up to a cap.
 */
#include "engine/raft/raft_internal.h"

#include <string.h>

static void clear_inflight(struct ww_raft_peer *peer)
{
    peer->inflight_bytes = 0;
    peer->inflight_head = 0;
    peer->inflight_count = 0;
    peer->paused = false;
    peer->retry_at_ns = WW_RAFT_NEVER;
}

static void start_snapshot(const struct ww_raft *raft, struct ww_raft_peer *peer)
{
    clear_inflight(peer);
    peer->state = WW_RAFT_SEND_SNAPSHOT;
    peer->question++;
    peer->snapshot_acked = peer->snapshot_sent = 0;
    peer->snapshot_ask = false;
    peer->next = raft->snapshot_index + 1;
}

/* New leadership: hopes that the logs are equal. */
void ww_raft_peer_start(struct ww_raft *raft, struct ww_raft_peer *peer)
{
    uint64_t start = peer->start, barrier = peer->barrier; /* also of one that left and came back */

    memset(peer, 0, offsetof(struct ww_raft_peer, inflight));
    peer->start = start;
    peer->barrier = barrier;
    peer->heard_ns = raft->now_ns;
    peer->granted_bytes = raft->options.window_bytes;
    peer->catch_up_goal = raft->log.last_index;
    peer->catch_up_began_ns = raft->now_ns;
    ww_raft_peer_probe(raft, peer, raft->log.last_index + 1);
}

void ww_raft_peer_probe(struct ww_raft *raft, struct ww_raft_peer *peer, uint64_t next)
{
    if (next <= raft->log.base_index) {
        start_snapshot(raft, peer);
        return;
    }
    clear_inflight(peer);
    peer->state = WW_RAFT_PROBE;
    peer->question++;
    peer->asked = next - 1;
    peer->next = next;
    if (peer->told > peer->match)
        peer->told = peer->match;
}

uint64_t ww_raft_retry_at(struct ww_raft *raft, const struct ww_raft_peer *peer, uint64_t now_ns)
{
    uint64_t delay_ns = raft->options.retry_ns;

    /* On a slow path: above what answers take, as in RFC 6298. */
    if (raft->options.adaptive && peer->rtt_ns + 4 * peer->rtt_deviation_ns > delay_ns)
        delay_ns = peer->rtt_ns + 4 * peer->rtt_deviation_ns;
    delay_ns <<= peer->retries;
    if (peer->retries > 0)
        delay_ns += ww_random_range(&raft->random, 0, delay_ns / 4);
    return now_ns + delay_ns;
}

/* The commit position that an AppendEntries whose last index is `last` conveys. */
static uint64_t conveyed(const struct ww_raft *raft, uint64_t last)
{
    return raft->commit < last ? raft->commit : last;
}

static void set_previous(const struct ww_raft *raft, struct ww_raft_message *message,
                         uint64_t previous)
{
    message->index = previous;
    message->log_term = ww_raft_log_term_at(&raft->log, previous);
    message->commit = raft->commit;
    message->round = (uint32_t)raft->rounds;
}

/* The previous index of a heartbeat: in REPLICATE it finds a gap at the end. */
static uint64_t heartbeat_index(const struct ww_raft *raft, const struct ww_raft_peer *peer)
{
    uint64_t index = peer->state == WW_RAFT_REPLICATE ? peer->next - 1 : peer->match;

    return index > raft->log.base_index ? index : raft->log.base_index;
}

/* An empty AppendEntries that must be answered. */
static void send_heartbeat(struct ww_raft *raft, uint32_t id, struct ww_raft_update *update)
{
    struct ww_raft_peer *peer = &raft->peers[id];
    struct ww_raft_message *message = ww_raft_emit(raft, update, id, WW_RAFT_APPEND);

    message->flags = WW_RAFT_ANSWER;
    message->question = peer->question;
    set_previous(raft, message, heartbeat_index(raft, peer));
    if (peer->state != WW_RAFT_SEND_SNAPSHOT && peer->told < conveyed(raft, message->index))
        peer->told = conveyed(raft, message->index);
}

/* Returns whether a heartbeat must ask. */
static bool retry(struct ww_raft *raft, struct ww_raft_peer *peer)
{
    if (raft->now_ns < peer->retry_at_ns)
        return false;
    if (peer->retries < WW_RAFT_RETRY_DOUBLINGS)
        peer->retries++;
    if (peer->state == WW_RAFT_PROBE) { /* the next ww_raft_next_append asks again */
        ww_raft_peer_probe(raft, peer, peer->asked + 1);
        return false;
    }
    if (peer->state == WW_RAFT_SEND_SNAPSHOT) { /* asks what is there, and goes on behind it */
        peer->question++;
        peer->snapshot_sent = peer->snapshot_acked;
        peer->snapshot_ask = true;
        peer->retry_at_ns = WW_RAFT_NEVER;
        return false;
    }
    peer->retry_at_ns = ww_raft_retry_at(raft, peer, raft->now_ns);
    return true;
}

/* When a quorum was last heard, plus the time that it may be silent. */
static uint64_t quorum_lost_at_ns(const struct ww_raft *raft)
{
    struct ww_raft_tally heard;
    uint64_t heard_ns;

    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        heard.of[id] = raft->peers[id].heard_ns;
    heard.of[raft->options.self] = WW_RAFT_NEVER;
    heard_ns = ww_raft_quorum_value(raft, &heard);
    return heard_ns == WW_RAFT_NEVER ? WW_RAFT_NEVER : heard_ns + raft->options.election_max_ns;
}

void ww_raft_send_heartbeats(struct ww_raft *raft, struct ww_raft_update *update)
{
    uint8_t peers = ww_raft_peers(raft);

    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        if (peers >> id & 1)
            send_heartbeat(raft, id, update);
}

void ww_raft_leader_tick(struct ww_raft *raft, struct ww_raft_update *update)
{
    uint8_t peers = ww_raft_peers(raft);
    bool beat = raft->now_ns >= raft->heartbeat_at_ns;

    if (raft->now_ns >= quorum_lost_at_ns(raft)) {
        ww_raft_become_follower(raft, raft->term, 0);
        return;
    }
    if (beat) {
        raft->heartbeat_at_ns = raft->now_ns + raft->options.heartbeat_ns;
        raft->transfer_sent = false; /* a request to take over may be lost as well */
        ww_raft_begin_round(raft, update);
        ww_raft_send_barriers(raft, update);
    }
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        if ((peers >> id & 1) && retry(raft, &raft->peers[id]) && !beat)
            send_heartbeat(raft, id, update);
    ww_raft_transfer_step(raft, update);
}

uint64_t ww_raft_leader_deadline_ns(const struct ww_raft *raft)
{
    uint8_t peers = ww_raft_peers(raft);
    uint64_t deadline_ns = quorum_lost_at_ns(raft);

    if (raft->heartbeat_at_ns < deadline_ns)
        deadline_ns = raft->heartbeat_at_ns;
    if (raft->transfer_to != 0 && raft->transfer_until_ns < deadline_ns)
        deadline_ns = raft->transfer_until_ns;
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        if ((peers >> id & 1) && raft->peers[id].retry_at_ns < deadline_ns)
            deadline_ns = raft->peers[id].retry_at_ns;
    return deadline_ns;
}

static bool is_peer(const struct ww_raft *raft, uint32_t id)
{
    return id <= WW_NODES_MAX && (ww_raft_peers(raft) >> id & 1);
}

static uint32_t window(const struct ww_raft *raft, const struct ww_raft_peer *peer)
{
    return peer->granted_bytes < raft->options.window_bytes ? peer->granted_bytes
                                                            : raft->options.window_bytes;
}

/* The next part of the snapshot, or an empty one that asks how far it came. */
static bool next_snapshot_part(const struct ww_raft *raft, const struct ww_raft_peer *peer,
                               struct ww_raft_message *message, uint64_t *last,
                               uint32_t *budget_bytes)
{
    uint64_t left = raft->snapshot_bytes - peer->snapshot_sent;
    uint64_t out = peer->snapshot_sent - peer->snapshot_acked;
    uint32_t most = window(raft, peer);
    bool room = left > 0 && out < most;

    if (!room && !peer->snapshot_ask)
        return false;
    *message = (struct ww_raft_message){.type = WW_RAFT_SNAPSHOT,
                                        .question = peer->question,
                                        .group = raft->options.group,
                                        .term = raft->term,
                                        .index = raft->snapshot_index,
                                        .log_term = raft->snapshot_term,
                                        .commit = peer->snapshot_sent};
    *last = message->index;
    *budget_bytes = !room ? 0 : left < most - out ? (uint32_t)left : (uint32_t)(most - out);
    return true;
}

bool ww_raft_next_append(const struct ww_raft *raft, uint32_t id, struct ww_raft_message *message,
                         uint64_t *last, uint32_t *budget_bytes)
{
    const struct ww_raft_peer *peer;
    uint32_t window_bytes;
    bool entries;

    if (raft->role != WW_RAFT_LEADER || !is_peer(raft, id))
        return false;
    peer = &raft->peers[id];
    if (peer->paused)
        return false;
    if (peer->state == WW_RAFT_SEND_SNAPSHOT)
        return next_snapshot_part(raft, peer, message, last, budget_bytes);
    window_bytes = window(raft, peer);
    entries = peer->next <= raft->log.last_index && peer->inflight_bytes < window_bytes &&
              peer->inflight_count < WW_RAFT_INFLIGHT_MAX;
    /* Without entries: heartbeats ask at `match`, and tell what was committed late enough. */
    if (!entries && (peer->state == WW_RAFT_PROBE ? peer->asked == peer->match
                                                  : conveyed(raft, peer->next - 1) <= peer->told))
        return false;

    *message = (struct ww_raft_message){.type = WW_RAFT_APPEND,
                                        .flags = peer->state == WW_RAFT_PROBE ? WW_RAFT_ANSWER : 0,
                                        .question = peer->question,
                                        .group = raft->options.group,
                                        .term = raft->term};
    set_previous(raft, message, peer->next - 1);
    *last = entries ? raft->log.last_index : message->index;
    *budget_bytes = entries ? window_bytes - peer->inflight_bytes : 0;
    return true;
}

static void snapshot_sent(struct ww_raft *raft, struct ww_raft_peer *peer, uint32_t bytes,
                          uint64_t now_ns)
{
    peer->snapshot_sent += bytes;
    peer->snapshot_ask = false;
    WW_ASSERT(peer->snapshot_sent <= raft->snapshot_bytes);
    if (peer->retry_at_ns == WW_RAFT_NEVER)
        peer->retry_at_ns = ww_raft_retry_at(raft, peer, now_ns);
}

void ww_raft_sent(struct ww_raft *raft, uint32_t id, uint64_t last, uint32_t bytes, uint64_t now_ns)
{
    struct ww_raft_peer *peer = &raft->peers[id];

    now_ns += raft->clock_offset_ns;
    WW_ASSERT(raft->role == WW_RAFT_LEADER && is_peer(raft, id));
    if (peer->state == WW_RAFT_SEND_SNAPSHOT) {
        snapshot_sent(raft, peer, bytes, now_ns);
        return;
    }
    WW_ASSERT(last + 1 >= peer->next && last <= raft->log.last_index);
    if (peer->told < conveyed(raft, last))
        peer->told = conveyed(raft, last);
    peer->paused = peer->state == WW_RAFT_PROBE;
    if (last >= peer->next) {
        uint32_t tail = (peer->inflight_head + peer->inflight_count) % WW_RAFT_INFLIGHT_MAX;
        WW_ASSERT(peer->inflight_count < WW_RAFT_INFLIGHT_MAX);
        peer->inflight[tail] = (struct ww_raft_inflight){.last_index = last, .bytes = bytes};
        peer->inflight_count++;
        peer->inflight_bytes += bytes;
        peer->next = last + 1;
    }
    if (peer->retry_at_ns == WW_RAFT_NEVER && (peer->paused || peer->inflight_count > 0))
        peer->retry_at_ns = ww_raft_retry_at(raft, peer, now_ns);
}
