/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A leader receives the answers to AppendEntries. Only those of its own term come here.
 *
 * Section 5.3: "the leader can decrement nextIndex to bypass all of the conflicting entries in that
 * term; one AppendEntries RPC will be required for each term with conflicting entries, rather than
 * one RPC per entry."
 */
#include "engine/raft/raft_internal.h"

/* An answer older than what we know must not overwrite the window. */
static void heard(struct ww_raft *raft, struct ww_raft_peer *peer,
                  const struct ww_raft_message *message)
{
    peer->heard_ns = raft->now_ns;
    if (message->index >= peer->match)
        peer->granted_bytes = message->window_bytes;
}

static void release_inflight(struct ww_raft_peer *peer)
{
    while (peer->inflight_count > 0) {
        const struct ww_raft_inflight *oldest = &peer->inflight[peer->inflight_head];
        if (oldest->last_index > peer->match)
            break;
        peer->inflight_bytes -= oldest->bytes;
        peer->inflight_head = (peer->inflight_head + 1) % WW_RAFT_INFLIGHT_MAX;
        peer->inflight_count--;
    }
}

/* Does this answer tell where the logs agree? */
static bool finds(const struct ww_raft *raft, const struct ww_raft_peer *peer, uint64_t index)
{
    if (peer->state == WW_RAFT_PROBE)
        return index >= peer->asked;
    return peer->state == WW_RAFT_SEND_SNAPSHOT && index >= raft->log.base_index;
}

int ww_raft_recv_append_ack(struct ww_raft *raft, const struct ww_raft_event *event,
                            struct ww_raft_update *update)
{
    const struct ww_raft_message *message = event->message;
    struct ww_raft_peer *peer = &raft->peers[event->from];
    bool found;

    if (raft->role != WW_RAFT_LEADER || !(ww_raft_peers(raft) >> event->from & 1))
        return WW_OK;
    if (message->index > raft->log.last_index)
        return WW_EINVAL;
    heard(raft, peer, message);
    ww_raft_round_answered(raft, peer, (uint32_t)message->commit);
    found = finds(raft, peer, message->index);
    if (found) {
        if (peer->state == WW_RAFT_SEND_SNAPSHOT)
            peer->next = message->index + 1;
        peer->state = WW_RAFT_REPLICATE;
        peer->paused = false;
    }
    if (message->index > peer->match) {
        peer->match = message->index;
        if (peer->next <= peer->match)
            peer->next = peer->match + 1;
        release_inflight(peer);
    } else if (!found) {
        return WW_OK; /* nothing that we did not know */
    }
    if (peer->state != WW_RAFT_SEND_SNAPSHOT) { /* a late answer says nothing of its parts */
        peer->retries = 0;
        peer->retry_at_ns = peer->inflight_count > 0 || peer->paused
                                ? ww_raft_retry_at(raft, peer, raft->now_ns)
                                : WW_RAFT_NEVER;
    }
    ww_raft_catch_up(raft, peer);
    ww_raft_advance_commit(raft, update);
    if (raft->role == WW_RAFT_LEADER && raft->transfer_to == event->from)
        ww_raft_transfer_step(raft, update);
    return WW_OK;
}

/* The first entry to send next: above match, and at or below the rejected previous index. */
static uint64_t next_after_reject(const struct ww_raft *raft, const struct ww_raft_peer *peer,
                                  const struct ww_raft_message *message)
{
    uint64_t next =
        message->commit; /* first index of the conflicting term, or end of the log + 1 */

    if (message->log_term != 0) {
        uint64_t last = ww_raft_log_last_of_term(&raft->log, message->log_term);
        if (last != 0)
            next = last + 1;
    }
    if (next > message->index)
        next = message->index;
    return next > peer->match ? next : peer->match + 1;
}

/*
 * The peer lacks what it acknowledged in this term: it lost its memory, or the last blocks that it
 * wrote before it was killed. No overtaken answer can look so: the question was asked when `match`
 * was known to be there.
 */
static bool lost_entries(const struct ww_raft_peer *peer, const struct ww_raft_message *message)
{
    return peer->state == WW_RAFT_PROBE && message->question == peer->question &&
           message->index == peer->match && message->log_term == 0 &&
           message->commit <= peer->match;
}

void ww_raft_recv_append_reject(struct ww_raft *raft, const struct ww_raft_event *event)
{
    const struct ww_raft_message *message = event->message;
    struct ww_raft_peer *peer = &raft->peers[event->from];

    if (raft->role != WW_RAFT_LEADER || !(ww_raft_peers(raft) >> event->from & 1))
        return;
    heard(raft, peer, message);
    if (peer->state == WW_RAFT_SEND_SNAPSHOT)
        return;
    if (lost_entries(peer, message)) {
        peer->match = message->commit - 1;
        ww_raft_peer_probe(raft, peer, message->commit);
        return;
    }
    /* Asks whether the peer denies what it acknowledged. */
    if (peer->state == WW_RAFT_REPLICATE && message->index == peer->match &&
        peer->next == peer->match + 1)
        ww_raft_peer_probe(raft, peer, peer->next);
    /* An answer to a question that is no longer open says nothing about the peer's log now. */
    if (message->index <= peer->match ||
        (peer->state == WW_RAFT_PROBE ? message->index != peer->asked
                                      : message->index >= peer->next))
        return;
    ww_raft_peer_probe(raft, peer, next_after_reject(raft, peer, message));
}
