/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Votes and pre-votes, asked for and answered.
 *
 * Figure 2, RequestVote: "1. Reply false if term < currentTerm. 2. If votedFor is null or
 * candidateId, and candidate's log is at least as up-to-date as receiver's log, grant vote."
 *
 * Thesis 9.6 adds for the pre-vote: "and the voters have not received heartbeats from a valid
 * leader for at least a baseline election timeout"; section 4.2.3 the same for votes, so that a
 * disturbed node does not depose a leader that a quorum hears. A vote that the leader itself asked
 * for (thesis 3.10) is exempt.
 */
#include "engine/raft/raft_internal.h"

/* Section 5.4.1: the later last term wins, then the longer log. */
static bool log_up_to_date(const struct ww_raft *raft, const struct ww_raft_message *message)
{
    uint64_t last_term = ww_raft_log_last_term(&raft->log);

    return message->log_term > last_term ||
           (message->log_term == last_term && message->index >= raft->log.last_index);
}

/*
 * A leader was heard (in whatever term: it may hold a lease on that), or we are one, since
 * check-quorum ends one that is not heard.
 */
static bool leader_is_live(const struct ww_raft *raft)
{
    return raft->role == WW_RAFT_LEADER || raft->now_ns < raft->no_vote_until_ns;
}

static void reply(struct ww_raft *raft, const struct ww_raft_event *event, bool granted,
                  enum ww_raft_message_type type, struct ww_raft_update *update)
{
    struct ww_raft_message *message = ww_raft_emit(raft, update, event->from, type);

    message->flags = granted ? WW_RAFT_GRANTED : 0;
    message->commit = event->message->commit;
    /* A granted reply names the term that it is for; a refusal our own, for the asker to learn. */
    if (granted)
        message->term = event->message->term;
}

void ww_raft_recv_pre_vote(struct ww_raft *raft, const struct ww_raft_event *event,
                           struct ww_raft_update *update)
{
    bool granted = event->message->term > raft->term && !leader_is_live(raft) &&
                   !raft->rejoin.amnesia && log_up_to_date(raft, event->message);

    reply(raft, event, granted, WW_RAFT_PRE_VOTE_REPLY, update);
}

void ww_raft_recv_vote(struct ww_raft *raft, const struct ww_raft_event *event,
                       struct ww_raft_update *update)
{
    const struct ww_raft_message *message = event->message;
    bool granted = false;

    if (!raft->rejoin.amnesia && ((message->flags & WW_RAFT_TRANSFER) || !leader_is_live(raft))) {
        if (message->term > raft->term)
            ww_raft_become_follower(raft, message->term, 0);
        granted = message->term == raft->term && (raft->vote == 0 || raft->vote == event->from) &&
                  log_up_to_date(raft, message);
    }
    if (granted) {
        if (raft->vote == 0) {
            raft->vote = event->from;
            raft->hard_state_durable = false;
        }
        ww_raft_become_follower(raft, raft->term, 0); /* waits a whole timeout for the winner */
    }
    reply(raft, event, granted, WW_RAFT_VOTE_REPLY, update);
}

/* Replies of other terms do not come here. One to an earlier start of this node does not count:
 * who gave it may have forgotten it since, as we forgot that we asked (rejoin.c). */
void ww_raft_recv_vote_reply(struct ww_raft *raft, const struct ww_raft_event *event,
                             struct ww_raft_update *update)
{
    enum ww_raft_role asking =
        event->message->type == WW_RAFT_VOTE_REPLY ? WW_RAFT_CANDIDATE : WW_RAFT_PRE_CANDIDATE;

    if (raft->role != asking || event->message->commit != raft->start)
        return;
    if (event->message->flags & WW_RAFT_GRANTED)
        ww_raft_count_vote(raft, event->from, update);
    else
        ww_raft_count_denial(raft, event->from);
}
