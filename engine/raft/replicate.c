/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A leader's replication to each peer: what to send next, what is on its way, heartbeats, retries.
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

/* New leadership: hopes that the logs are equal. */
void ww_raft_peer_start(struct ww_raft *raft, struct ww_raft_peer *peer)
{
    memset(peer, 0, offsetof(struct ww_raft_peer, inflight));
    peer->heard_ns = raft->now_ns;
    peer->granted_bytes = raft->options.window_bytes;
    ww_raft_peer_probe(peer, raft->log.last_index + 1);
}

void ww_raft_peer_probe(struct ww_raft_peer *peer, uint64_t next)
{
    clear_inflight(peer);
    peer->probing = true;
    peer->question++;
    peer->asked = next - 1;
    peer->next = next;
    if (peer->told > peer->match)
        peer->told = peer->match;
}

uint64_t ww_raft_retry_at(struct ww_raft *raft, const struct ww_raft_peer *peer, uint64_t now_ns)
{
    uint64_t delay_ns = raft->options.retry_ns << peer->retries;

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
}

/* An empty AppendEntries that must be answered. In REPLICATE it finds a gap at the end. */
static void send_heartbeat(struct ww_raft *raft, uint32_t id, struct ww_raft_update *update)
{
    struct ww_raft_peer *peer = &raft->peers[id];
    struct ww_raft_message *message = ww_raft_emit(raft, update, id, WW_RAFT_APPEND);

    message->flags = WW_RAFT_ANSWER;
    message->question = peer->question;
    set_previous(raft, message, peer->probing ? peer->match : peer->next - 1);
    if (peer->told < conveyed(raft, message->index))
        peer->told = conveyed(raft, message->index);
}

/* Returns whether a heartbeat must ask. */
static bool retry(struct ww_raft *raft, struct ww_raft_peer *peer)
{
    if (raft->now_ns < peer->retry_at_ns)
        return false;
    if (peer->retries < WW_RAFT_RETRY_DOUBLINGS)
        peer->retries++;
    if (peer->probing) { /* the next ww_raft_next_append asks again */
        ww_raft_peer_probe(peer, peer->asked + 1);
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

void ww_raft_leader_tick(struct ww_raft *raft, struct ww_raft_update *update)
{
    bool beat = raft->now_ns >= raft->heartbeat_at_ns;

    if (raft->now_ns >= quorum_lost_at_ns(raft)) {
        ww_raft_become_follower(raft, raft->term, 0);
        return;
    }
    if (beat)
        raft->heartbeat_at_ns = raft->now_ns + raft->options.heartbeat_ns;
    for (uint32_t i = 0; i < raft->options.voter_count; i++) {
        uint32_t id = raft->options.voters[i];
        if (id == raft->options.self)
            continue;
        if (retry(raft, &raft->peers[id]) || beat)
            send_heartbeat(raft, id, update);
    }
}

uint64_t ww_raft_leader_deadline_ns(const struct ww_raft *raft)
{
    uint64_t deadline_ns = quorum_lost_at_ns(raft);

    if (raft->heartbeat_at_ns < deadline_ns)
        deadline_ns = raft->heartbeat_at_ns;
    for (uint32_t i = 0; i < raft->options.voter_count; i++) {
        const struct ww_raft_peer *peer = &raft->peers[raft->options.voters[i]];
        if (raft->options.voters[i] != raft->options.self && peer->retry_at_ns < deadline_ns)
            deadline_ns = peer->retry_at_ns;
    }
    return deadline_ns;
}

static bool is_peer(const struct ww_raft *raft, uint32_t id)
{
    return id != raft->options.self && ww_raft_is_voter(raft, id);
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
    window_bytes = peer->granted_bytes < raft->options.window_bytes ? peer->granted_bytes
                                                                    : raft->options.window_bytes;
    entries = peer->next <= raft->log.last_index && peer->inflight_bytes < window_bytes &&
              peer->inflight_count < WW_RAFT_INFLIGHT_MAX;
    if (!entries && (peer->probing || conveyed(raft, peer->next - 1) <= peer->told))
        return false;

    *message = (struct ww_raft_message){.type = WW_RAFT_APPEND,
                                        .flags = peer->probing ? WW_RAFT_ANSWER : 0,
                                        .question = peer->question,
                                        .group = raft->options.group,
                                        .term = raft->term};
    set_previous(raft, message, peer->next - 1);
    *last = entries ? raft->log.last_index : message->index;
    *budget_bytes = entries ? window_bytes - peer->inflight_bytes : 0;
    return true;
}

void ww_raft_sent(struct ww_raft *raft, uint32_t id, uint64_t last, uint32_t bytes, uint64_t now_ns)
{
    struct ww_raft_peer *peer = &raft->peers[id];

    WW_ASSERT(raft->role == WW_RAFT_LEADER && is_peer(raft, id));
    WW_ASSERT(last + 1 >= peer->next && last <= raft->log.last_index);
    if (peer->told < conveyed(raft, last))
        peer->told = conveyed(raft, last);
    peer->paused = peer->probing;
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
