/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots (section 7): what the core knows of them is where they end, and their size.
 *
 * Figure 13, InstallSnapshot: "1. Reply immediately if term < currentTerm ... 6. If existing log
 * entry has same index and term as snapshot's last included entry, retain log entries following it
 * and reply. 7. Discard the entire log. 8. Reset state machine using snapshot contents (and load
 * snapshot's cluster configuration)."
 *
 * Ours: parts are acknowledged by the bytes that are staged, so that sending resumes where it
 * broke off; the whole counts when the shell has it durably.
 */
#include "engine/raft/raft_internal.h"

int ww_raft_compact(struct ww_raft *raft, const struct ww_raft_event *event)
{
    if (event->index > raft->commit || event->first_index > event->index + 1 ||
        event->first_index == 0 || event->snapshot_bytes == 0)
        return WW_EINVAL;
    if (event->index < raft->snapshot_index)
        return WW_OK;
    bool newer = event->index > raft->snapshot_index;
    if (newer) {
        raft->snapshot_index = event->index;
        raft->snapshot_term = ww_raft_log_term_at(&raft->log, event->index);
        raft->snapshot_bytes = event->snapshot_bytes;
    }
    if (event->first_index - 1 > raft->log.base_index)
        ww_raft_log_compact(&raft->log, event->first_index - 1);
    if (raft->role != WW_RAFT_LEADER)
        return WW_OK;
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++) {
        struct ww_raft_peer *peer = &raft->peers[id];
        if ((ww_raft_peers(raft) >> id & 1) &&
            (peer->state == WW_RAFT_SEND_SNAPSHOT ? newer : peer->next <= raft->log.base_index))
            ww_raft_peer_probe(raft, peer, peer->match + 1);
    }
    return WW_OK;
}

bool ww_raft_sends_snapshot(const struct ww_raft *raft)
{
    uint8_t peers = raft->role == WW_RAFT_LEADER ? ww_raft_peers(raft) : 0;

    for (uint32_t id = 1; id <= WW_NODES_MAX; id++) {
        const struct ww_raft_peer *peer = &raft->peers[id];
        if ((peers >> id & 1) && peer->state == WW_RAFT_SEND_SNAPSHOT &&
            raft->now_ns - peer->heard_ns < raft->options.election_max_ns)
            return true;
    }
    return false;
}

int ww_raft_recv_snapshot(struct ww_raft *raft, const struct ww_raft_event *event,
                          struct ww_raft_update *update)
{
    const struct ww_raft_message *message = event->message;

    if (message->term < raft->term) { /* our term tells the sender */
        struct ww_raft_message *answer =
            ww_raft_emit(raft, update, event->from, WW_RAFT_SNAPSHOT_ACK);
        answer->index = message->index;
        answer->log_term = message->log_term;
        return WW_OK;
    }
    if (message->term == raft->term &&
        (raft->role == WW_RAFT_LEADER || (raft->leader != 0 && raft->leader != event->from)))
        return WW_EINVAL;
    ww_raft_become_follower(raft, message->term, event->from);
    raft->no_vote_until_ns = raft->now_ns + raft->options.election_min_ns;
    raft->snapshot_question = message->question;
    if (message->index > raft->commit) {
        update->snapshot_chunk = true;
        return WW_OK;
    }
    /* What is committed here is in the log of every later leader. */
    if (raft->verified < message->index)
        raft->verified = message->index;
    raft->answer_due = true;
    return WW_OK;
}

void ww_raft_snapshot_staged(struct ww_raft *raft, const struct ww_raft_event *event,
                             struct ww_raft_update *update)
{
    struct ww_raft_message *message;

    if (raft->role != WW_RAFT_FOLLOWER || raft->leader == 0)
        return;
    message = ww_raft_emit(raft, update, raft->leader, WW_RAFT_SNAPSHOT_ACK);
    message->question = raft->snapshot_question;
    message->index = event->index;
    message->log_term = event->term;
    message->commit = event->staged_bytes;
    message->window_bytes = raft->granted_bytes = raft->window_bytes;
}

int ww_raft_snapshot_installed(struct ww_raft *raft, const struct ww_raft_event *event,
                               struct ww_raft_update *update)
{
    struct ww_raft_placed_configuration placed = {event->index, event->configuration};
    bool kept = ww_raft_log_term_at(&raft->log, event->index) == event->term;

    if (event->index > WW_RAFT_POSITION_MAX || event->term == 0 || event->term > raft->term ||
        event->snapshot_bytes == 0 || event->configuration.voters == 0 ||
        !ww_configuration_valid(&event->configuration))
        return WW_EINVAL;
    /* A leader has what is committed in its log, and must not lose what is behind it. */
    if (event->index <= raft->commit || raft->role == WW_RAFT_LEADER)
        return WW_OK;
    update->installed = true;
    if (kept) {
        ww_raft_log_compact(&raft->log, event->index);
        if (raft->durable < event->index)
            raft->durable = event->index;
    } else {
        update->truncate_from = raft->log.base_index + 1;
        ww_raft_log_reset(&raft->log, event->index, event->term);
        raft->durable = event->index;
        raft->configuration = placed;
    }
    if (raft->configuration.index <= event->index)
        raft->configuration = placed;
    raft->previous_configuration = placed;
    raft->commit = event->index;
    raft->snapshot_index = event->index;
    raft->snapshot_term = event->term;
    raft->snapshot_bytes = event->snapshot_bytes;
    if (raft->verified < event->index)
        raft->verified = event->index;
    raft->answer_due = true;
    return WW_OK;
}

void ww_raft_recv_snapshot_ack(struct ww_raft *raft, const struct ww_raft_event *event)
{
    const struct ww_raft_message *message = event->message;
    struct ww_raft_peer *peer = &raft->peers[event->from];
    bool first =
        message->question == peer->question && message->question != peer->snapshot_answered;

    if (raft->role != WW_RAFT_LEADER || !(ww_raft_peers(raft) >> event->from & 1))
        return;
    peer->heard_ns = raft->now_ns;
    peer->granted_bytes = message->window_bytes;
    if (peer->state != WW_RAFT_SEND_SNAPSHOT || message->index != raft->snapshot_index ||
        message->log_term != raft->snapshot_term || message->commit > raft->snapshot_bytes ||
        (message->commit <= peer->snapshot_acked && !first))
        return;
    if (first)
        peer->snapshot_answered = message->question;
    if (message->commit > peer->snapshot_acked) {
        peer->retries = 0;
        peer->retry_at_ns = ww_raft_retry_at(raft, peer, raft->now_ns);
    }
    /* Less than before, in the first answer to the newest question: it lost what was staged. */
    if (message->commit < peer->snapshot_acked || peer->snapshot_sent < message->commit)
        peer->snapshot_sent = message->commit;
    peer->snapshot_acked = message->commit;
}
