/* SPDX-License-Identifier: Apache-2.0 */
/* What no correct node sends is refused before anything else looks at it. */
#include "engine/raft/raft_internal.h"

static bool runs_valid(const struct ww_raft_event *event)
{
    uint64_t next = event->message->index + 1;
    uint64_t term = event->message->log_term;

    for (size_t i = 0; i < event->run_count; i++) {
        const struct ww_raft_run *run = &event->runs[i];
        if (run->first_index != next || run->last_index < run->first_index ||
            run->last_index > WW_RAFT_POSITION_MAX)
            return false;
        if (run->term == 0 || run->term < term || run->term > event->message->term)
            return false;
        next = run->last_index + 1;
        term = run->term;
    }
    return true;
}

static bool configurations_valid(const struct ww_raft_event *event)
{
    uint64_t index = event->message->index;
    uint64_t last = event->run_count > 0 ? event->runs[event->run_count - 1].last_index : index;

    for (size_t i = 0; i < event->configuration_count; i++) {
        const struct ww_raft_placed_configuration *placed = &event->configurations[i];
        if (placed->index <= index || placed->index > last ||
            !ww_configuration_valid(&placed->configuration) || placed->configuration.voters == 0)
            return false;
        index = placed->index;
    }
    return true;
}

/* From nodes that may know of no term yet. */
static bool rejoin_valid(const struct ww_raft_message *message)
{
    bool reply = message->type == WW_RAFT_REJOIN_REPLY;

    return message->commit != 0 && (message->log_term != 0) == reply &&
           (message->index == 0 || (reply && message->term > 0));
}

/* Whether the sender is a member is not asked: it may be one of a configuration to come. */
bool ww_raft_message_valid(const struct ww_raft *raft, const struct ww_raft_event *event)
{
    const struct ww_raft_message *message = event->message;
    bool placed = (message->index == 0) == (message->log_term == 0);

    if (event->from == raft->options.self || event->from < 1 || event->from > WW_NODES_MAX ||
        message->group != raft->options.group)
        return false;
    if (message->term > WW_RAFT_POSITION_MAX || message->index > WW_RAFT_POSITION_MAX ||
        message->commit > WW_RAFT_POSITION_MAX)
        return false;
    if (message->type == WW_RAFT_REJOIN || message->type == WW_RAFT_REJOIN_REPLY)
        return rejoin_valid(message);
    if (message->term == 0 || message->log_term > message->term)
        return false;
    switch (message->type) {
    case WW_RAFT_APPEND:
        return placed && runs_valid(event) && configurations_valid(event);
    case WW_RAFT_PRE_VOTE:
    case WW_RAFT_VOTE: /* a log holds entries of earlier terms only */
        return placed && message->log_term < message->term;
    case WW_RAFT_SNAPSHOT:
    case WW_RAFT_SNAPSHOT_ACK:
        return placed && message->index > 0;
    case WW_RAFT_APPEND_REJECT:
        return message->commit > 0;
    case WW_RAFT_APPEND_ACK:
    case WW_RAFT_PRE_VOTE_REPLY:
    case WW_RAFT_VOTE_REPLY:
    case WW_RAFT_TIMEOUT_NOW:
    case WW_RAFT_TERM_PROBE:
    case WW_RAFT_TERM_PROBE_REPLY:
        return true;
    default:
        return false;
    }
}
