/* SPDX-License-Identifier: Apache-2.0 */
/* Creation, and the one step: to whom each event goes. */
#include "engine/raft/raft_internal.h"

#include <stdlib.h>
#include <string.h>

bool ww_raft_is_voter(const struct ww_raft *raft, uint32_t id)
{
    for (uint32_t i = 0; i < raft->options.voter_count; i++)
        if (raft->options.voters[i] == id)
            return true;
    return false;
}

static const char *voters_wrong(const struct ww_raft_options *options)
{
    uint32_t seen = 0;

    if (options->voter_count < 1 || options->voter_count > WW_NODES_MAX)
        return "the number of voters is out of range";
    for (uint32_t i = 0; i < options->voter_count; i++) {
        uint32_t id = options->voters[i];
        if (id < 1 || id > WW_NODES_MAX)
            return "a voter's id is out of range";
        if (seen >> id & 1)
            return "a voter is named twice";
        seen |= 1u << id;
    }
    if (options->self < 1 || options->self > WW_NODES_MAX || !(seen >> options->self & 1))
        return "this node is not among the voters";
    return NULL;
}

static const char *disk_state_wrong(const struct ww_raft_options *options)
{
    uint64_t next = 1;
    uint64_t term = 0;

    if (options->term > WW_RAFT_POSITION_MAX || options->vote > WW_NODES_MAX)
        return "the stored term or vote is out of range";
    if (options->term == 0 && options->vote != 0)
        return "a vote is stored without a term";
    if (options->log_runs > options->term_runs)
        return "the log has more terms than the term table holds";
    for (size_t i = 0; i < options->log_runs; i++) {
        const struct ww_raft_run *run = &options->log[i];
        if (run->first_index != next || run->last_index < run->first_index ||
            run->last_index > WW_RAFT_POSITION_MAX)
            return "the stored log is not consecutive from index 1";
        if (run->term == 0 || run->term < term || run->term > options->term)
            return "the terms of the stored log fall, or are beyond the stored term";
        next = run->last_index + 1;
        term = run->term;
    }
    return NULL;
}

static const char *options_wrong(const struct ww_raft_options *options)
{
    const char *why = voters_wrong(options);

    if (why != NULL)
        return why;
    if (options->heartbeat_ns == 0 || options->heartbeat_ns >= options->election_min_ns)
        return "the heartbeat must be shorter than the shortest election timeout";
    if (options->election_min_ns >= options->election_max_ns ||
        options->election_max_ns > WW_RAFT_POSITION_MAX >> WW_RAFT_RETRY_DOUBLINGS)
        return "the election timeouts are not a range";
    if (options->retry_ns == 0 || options->retry_ns > options->election_max_ns)
        return "the retry time must be above zero and at most the longest election timeout";
    if (options->window_bytes == 0 || options->term_runs == 0)
        return "the window and the term table must not be empty";
    return disk_state_wrong(options);
}

int ww_raft_create(const struct ww_raft_options *options, struct ww_raft **out, const char **why)
{
    struct ww_raft *raft;

    *out = NULL;
    *why = options_wrong(options);
    if (*why != NULL)
        return WW_EINVAL;
    raft = calloc(1, sizeof(*raft));
    if (raft == NULL || ww_raft_log_create(&raft->log, options->term_runs) != WW_OK) {
        free(raft);
        *why = "no memory for the term table";
        return WW_ENOMEM;
    }
    raft->options = *options;
    raft->options.log = NULL;
    raft->options.log_runs = 0;
    raft->random.state = options->seed ^ ((uint64_t)options->group << 32) ^ options->self;
    raft->now_ns = options->now_ns;
    raft->term = options->term;
    raft->vote = options->vote;
    raft->hard_state_durable = true;
    for (size_t i = 0; i < options->log_runs; i++)
        ww_raft_log_append(&raft->log, options->log[i].last_index, options->log[i].term);
    raft->durable = raft->log.last_index;
    raft->window_bytes = raft->granted_bytes = options->window_bytes;
    raft->role = WW_RAFT_FOLLOWER;
    ww_raft_reset_election_timer(raft);
    if (options->voter_count == 1)
        raft->election_at_ns = raft->now_ns; /* nobody else could be the leader */
    *out = raft;
    return WW_OK;
}

void ww_raft_destroy(struct ww_raft *raft)
{
    if (raft == NULL)
        return;
    free(raft->log.runs);
    free(raft);
}

struct ww_raft_message *ww_raft_emit(struct ww_raft *raft, struct ww_raft_update *update,
                                     uint32_t to, enum ww_raft_message_type type)
{
    struct ww_raft_outgoing *outgoing;

    WW_ASSERT(update->message_count < WW_RAFT_UPDATE_MESSAGES);
    outgoing = &update->messages[update->message_count++];
    outgoing->to = to;
    outgoing->message =
        (struct ww_raft_message){.type = type, .group = raft->options.group, .term = raft->term};
    return &outgoing->message;
}

static int receive(struct ww_raft *raft, const struct ww_raft_event *event,
                   struct ww_raft_update *update)
{
    const struct ww_raft_message *message = event->message;
    bool willing = message->type == WW_RAFT_PRE_VOTE_REPLY && (message->flags & WW_RAFT_GRANTED);

    if (!ww_raft_message_valid(raft, event))
        return WW_EINVAL;
    if (message->type == WW_RAFT_APPEND)
        return ww_raft_recv_append(raft, event, update);
    if (message->type == WW_RAFT_PRE_VOTE) {
        ww_raft_recv_pre_vote(raft, event, update);
        return WW_OK;
    }
    if (message->type == WW_RAFT_VOTE) {
        ww_raft_recv_vote(raft, event, update);
        return WW_OK;
    }
    /* Replies. Section 5.1: "if a candidate or leader discovers that its term is out of date, it
     * immediately reverts to follower state." A willing voter names the term that would come. */
    if (message->term > raft->term && !willing) {
        ww_raft_become_follower(raft, message->term, 0);
        return WW_OK;
    }
    if (message->term != raft->term + willing)
        return WW_OK;
    if (message->type == WW_RAFT_APPEND_ACK)
        return ww_raft_recv_append_ack(raft, event);
    if (message->type == WW_RAFT_APPEND_REJECT)
        ww_raft_recv_append_reject(raft, event);
    else
        ww_raft_recv_vote_reply(raft, event, update);
    return WW_OK;
}

static void propose(struct ww_raft *raft, uint32_t count, struct ww_raft_update *update)
{
    if (raft->role != WW_RAFT_LEADER) {
        update->propose_status = WW_ENOTLEADER;
        return;
    }
    WW_ASSERT(count >= 1);
    update->append_from = raft->log.last_index + 1;
    update->append_to = raft->log.last_index + count;
    ww_raft_log_append(&raft->log, update->append_to, raft->term);
}

/* A completion for an entry that was overwritten since says nothing about the one there now. */
static void log_durable(struct ww_raft *raft, uint64_t term, uint64_t index)
{
    if (index <= raft->durable || ww_raft_log_term_at(&raft->log, index) != term)
        return;
    raft->durable = index;
    if (raft->role == WW_RAFT_LEADER)
        ww_raft_advance_commit(raft);
}

static void hard_state_durable(struct ww_raft *raft, uint64_t term, uint32_t vote,
                               struct ww_raft_update *update)
{
    if (term != raft->term || vote != raft->vote)
        return;
    raft->hard_state_durable = true;
    if (raft->role == WW_RAFT_CANDIDATE)
        ww_raft_count_vote(raft, raft->options.self, update);
}

static int dispatch(struct ww_raft *raft, const struct ww_raft_event *event,
                    struct ww_raft_update *update)
{
    switch (event->type) {
    case WW_RAFT_EV_TICK:
        if (raft->role != WW_RAFT_LEADER)
            return ww_raft_election_tick(raft, update);
        ww_raft_leader_tick(raft, update);
        return WW_OK;
    case WW_RAFT_EV_MESSAGE:
        return receive(raft, event, update);
    case WW_RAFT_EV_PROPOSE:
        propose(raft, event->count, update);
        return WW_OK;
    case WW_RAFT_EV_DURABLE:
        log_durable(raft, event->term, event->index);
        return WW_OK;
    case WW_RAFT_EV_HARD_STATE_DURABLE:
        hard_state_durable(raft, event->term, event->vote, update);
        return WW_OK;
    case WW_RAFT_EV_FLUSH:
        ww_raft_flush(raft, event->window_bytes, update);
        return WW_OK;
    }
    return WW_EINVAL;
}

int ww_raft_step(struct ww_raft *raft, const struct ww_raft_event *event,
                 struct ww_raft_update *update)
{
    enum ww_raft_role role = raft->role;
    uint32_t leader = raft->leader;
    uint64_t term = raft->term;
    uint32_t vote = raft->vote;
    uint64_t commit = raft->commit;
    int status;

    memset(update, 0, offsetof(struct ww_raft_update, messages));
    if (raft->now_ns < event->now_ns)
        raft->now_ns = event->now_ns;
    status = dispatch(raft, event, update);
    update->term = raft->term;
    update->vote = raft->vote;
    update->commit = raft->commit;
    update->hard_state = raft->term != term || raft->vote != vote;
    update->commit_changed = raft->commit != commit;
    update->role_changed = raft->role != role || raft->leader != leader || raft->term != term;
    /* Every message speaks for a term and a vote: none leaves before the disk has them. */
    for (uint32_t i = 0; i < update->message_count; i++)
        update->messages[i].wait = !raft->hard_state_durable;
    return status;
}

uint64_t ww_raft_deadline_ns(const struct ww_raft *raft)
{
    return raft->role == WW_RAFT_LEADER ? ww_raft_leader_deadline_ns(raft) : raft->election_at_ns;
}
