/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A follower receives AppendEntries, and acknowledges what is durable.
 *
 * Figure 2: "1. Reply false if term < currentTerm. 2. Reply false if log doesn't contain an entry
 * at prevLogIndex whose term matches prevLogTerm. 3. If an existing entry conflicts with a new one
 * (same index but different terms), delete the existing entry and all that follow it. 4. Append
 * any new entries not already in the log. 5. If leaderCommit > commitIndex, set commitIndex =
 * min(leaderCommit, index of last new entry)."
 *
 * Section 5.3: "when rejecting an AppendEntries request, the follower can include the term of the
 * conflicting entry and the first index it stores for that term."
 *
 * Ours: success is not answered per message; the acknowledgement names a durable position, is due
 * when that rises, and leaves at FLUSH.
 */
#include "engine/raft/raft_internal.h"

/* Where the entries of a message meet our log. What a snapshot covers agrees. */
struct meeting {
    uint64_t last;      /* last entry of the message, its previous index when it has none */
    uint64_t new_from;  /* first entry that our log lacks or contradicts; last + 1: none */
    uint32_t new_terms; /* runs of another term than the one before */
    bool contradicts;   /* another term than our snapshot's at its end */
};

static struct meeting meet(const struct ww_raft_log *log, const struct ww_raft_event *event)
{
    uint64_t known =
        event->message->index > log->base_index ? event->message->index : log->base_index;
    struct meeting meeting = {.last = event->message->index, .new_from = known + 1};
    uint64_t term = event->message->log_term;

    for (size_t i = 0; i < event->run_count; i++) {
        const struct ww_raft_run *run = &event->runs[i];
        meeting.new_terms += run->term != term;
        term = run->term;
        meeting.last = run->last_index;
        meeting.contradicts |= run->first_index <= log->base_index &&
                               run->last_index >= log->base_index && run->term != log->base_term;
        /* Step through our runs for as long as they agree with this one. */
        while (meeting.new_from <= run->last_index && meeting.new_from >= run->first_index &&
               meeting.new_from <= log->last_index) {
            struct ww_raft_run own = ww_raft_log_run_at(log, meeting.new_from);
            if (own.term != run->term)
                break;
            meeting.new_from =
                1 + (own.last_index < run->last_index ? own.last_index : run->last_index);
        }
    }
    return meeting;
}

static void reject(struct ww_raft *raft, const struct ww_raft_event *event,
                   struct ww_raft_update *update)
{
    struct ww_raft_message *message =
        ww_raft_emit(raft, update, event->from, WW_RAFT_APPEND_REJECT);
    uint64_t previous = event->message->index;

    message->index = previous;
    message->question = event->message->question;
    message->window_bytes = raft->granted_bytes = raft->window_bytes;
    if (previous > raft->log.last_index || previous <= raft->log.base_index) {
        message->commit = raft->log.last_index + 1;
    } else {
        struct ww_raft_run conflict = ww_raft_log_run_at(&raft->log, previous);
        message->log_term = conflict.term;
        message->commit = conflict.first_index;
    }
}

static void append(struct ww_raft *raft, const struct ww_raft_event *event,
                   const struct meeting *meeting, struct ww_raft_update *update)
{
    if (meeting->new_from > meeting->last)
        return;
    if (meeting->new_from <= raft->log.last_index) {
        update->truncate_from = meeting->new_from;
        ww_raft_log_truncate(&raft->log, meeting->new_from);
        ww_raft_configuration_truncated(raft, meeting->new_from);
        if (raft->durable >= meeting->new_from)
            raft->durable = meeting->new_from - 1;
    }
    for (size_t i = 0; i < event->run_count; i++)
        if (event->runs[i].last_index >= meeting->new_from)
            ww_raft_log_append(&raft->log, event->runs[i].last_index, event->runs[i].term);
    for (size_t i = 0; i < event->configuration_count; i++)
        if (event->configurations[i].index >= meeting->new_from)
            ww_raft_configuration_appended(raft, &event->configurations[i]);
    update->append_from = meeting->new_from;
    update->append_to = meeting->last;
}

/* Does our log hold the entry before those of the message, or a snapshot that covers it? */
static bool agrees_with(const struct ww_raft *raft, const struct ww_raft_message *message)
{
    return message->index < raft->log.base_index ||
           (message->index <= raft->log.last_index &&
            ww_raft_log_term_at(&raft->log, message->index) == message->log_term);
}

/* A second leader of one term, or one without what is committed, breaks Raft's promises. */
static bool impossible(const struct ww_raft *raft, const struct ww_raft_event *event, bool agrees,
                       const struct meeting *meeting)
{
    const struct ww_raft_message *message = event->message;
    uint64_t committed = raft->previous_configuration.index > raft->commit
                             ? raft->previous_configuration.index
                             : raft->commit;

    if (message->term == raft->term &&
        (raft->role == WW_RAFT_LEADER || (raft->leader != 0 && raft->leader != event->from)))
        return true;
    if (meeting->contradicts)
        return true;
    if (!agrees)
        return message->index <= raft->commit;
    return meeting->new_from <= meeting->last && meeting->new_from <= committed;
}

int ww_raft_recv_append(struct ww_raft *raft, const struct ww_raft_event *event,
                        struct ww_raft_update *update)
{
    const struct ww_raft_message *message = event->message;
    bool agrees = agrees_with(raft, message);
    struct meeting meeting = meet(&raft->log, event);
    uint64_t covered = message->index < raft->log.base_index ? raft->log.base_index : 0;
    uint64_t commit;

    if (message->term < raft->term) {
        reject(raft, event, update);
        return WW_OK;
    }
    if (impossible(raft, event, agrees, &meeting))
        return WW_EINVAL;
    if (raft->log.count + meeting.new_terms > raft->log.capacity)
        return WW_ENOMEM;

    ww_raft_become_follower(raft, message->term, event->from);
    raft->no_vote_until_ns = raft->now_ns + raft->options.election_min_ns;
    ww_raft_arrived(raft, message->round);
    if (!agrees) {
        reject(raft, event, update);
        return WW_OK;
    }
    append(raft, event, &meeting, update);
    if (meeting.last < covered)
        meeting.last = covered;
    if (raft->verified < meeting.last)
        raft->verified = meeting.last;
    /* What was appended is acknowledged when it is durable; what brought nothing, when asked. */
    if ((message->flags & WW_RAFT_ANSWER) || (event->run_count > 0 && update->append_from == 0))
        raft->answer_due = true;
    commit = message->commit < meeting.last ? message->commit : meeting.last;
    if (raft->commit < commit)
        raft->commit = commit;
    return WW_OK;
}

void ww_raft_acknowledge(struct ww_raft *raft, uint32_t window_bytes, struct ww_raft_update *update)
{
    uint64_t index = raft->durable < raft->verified ? raft->durable : raft->verified;
    bool reopened = raft->granted_bytes < raft->options.window_bytes / 4 &&
                    window_bytes >= raft->options.window_bytes / 2;
    struct ww_raft_message *message;

    raft->window_bytes = window_bytes;
    if (raft->role != WW_RAFT_FOLLOWER || raft->leader == 0 || !ww_raft_may_acknowledge(raft))
        return;
    if (!raft->answer_due && index <= raft->acknowledged && !reopened)
        return;
    message = ww_raft_emit(raft, update, raft->leader, WW_RAFT_APPEND_ACK);
    message->index = index;
    message->commit = raft->round;
    message->window_bytes = raft->granted_bytes = window_bytes;
    raft->acknowledged = index;
    raft->answer_due = false;
}
