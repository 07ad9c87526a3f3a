/* SPDX-License-Identifier: Apache-2.0 */
/* Creation, and the one step: to whom each event goes. */
#include "engine/raft/raft_internal.h"

#include <stdlib.h>
#include <string.h>

static void take_disk_state(struct ww_raft *raft, const struct ww_raft_options *options)
{
    struct ww_raft_placed_configuration base = {options->base_index, options->configuration};

    raft->term = options->term;
    raft->vote = options->vote;
    raft->hard_state_durable = true;
    ww_raft_log_reset(&raft->log, options->base_index, options->base_term);
    for (size_t i = 0; i < options->log_runs; i++)
        ww_raft_log_append(&raft->log, options->log[i].last_index, options->log[i].term);
    raft->durable = raft->log.last_index;
    raft->commit = options->base_index;
    raft->snapshot_index = options->base_index;
    raft->snapshot_term = options->base_term;
    raft->snapshot_bytes = options->snapshot_bytes;
    raft->configuration = raft->previous_configuration = base;
    for (size_t i = 0; i < options->configuration_count; i++)
        ww_raft_configuration_appended(raft, &options->configurations[i]);
}

/* Could nobody else be the leader? One that just left the group may not know yet that it did. */
static bool alone(const struct ww_raft *raft)
{
    uint8_t self = (uint8_t)(1u << raft->options.self);

    return raft->configuration.configuration.voters == self &&
           raft->previous_configuration.configuration.voters == self &&
           !ww_configuration_joint(&raft->configuration.configuration) &&
           !ww_configuration_joint(&raft->previous_configuration.configuration);
}

int ww_raft_create(const struct ww_raft_options *options, struct ww_raft **out, const char **why)
{
    struct ww_raft *raft;

    *out = NULL;
    *why = ww_raft_options_wrong(options);
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
    raft->options.configurations = NULL;
    raft->options.configuration_count = 0;
    raft->random.state = options->seed ^ ((uint64_t)options->group << 32) ^ options->self;
    raft->now_ns = options->now_ns;
    take_disk_state(raft, options);
    raft->window_bytes = raft->granted_bytes = options->window_bytes;
    raft->role = WW_RAFT_FOLLOWER;
    raft->start = (ww_random_mix(raft->random.state) & (WW_RAFT_POSITION_MAX >> 1)) + 1;
    ww_raft_reset_election_timer(raft);
    ww_raft_rejoin_create(raft, alone(raft));
    if (alone(raft))
        raft->election_at_ns = raft->now_ns;
    else if (raft->term > 0) /* it may have answered a leader just before it ended */
        raft->no_vote_until_ns = raft->now_ns + options->election_min_ns;
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

void ww_raft_append_own(struct ww_raft *raft, struct ww_raft_update *update,
                        enum ww_raft_append_kind kind)
{
    WW_ASSERT(update->append_from == 0);
    update->append_kind = kind;
    update->append_from = update->append_to = raft->log.last_index + 1;
    ww_raft_log_append(&raft->log, update->append_to, raft->term);
}

static int receive_reply(struct ww_raft *raft, const struct ww_raft_event *event,
                         struct ww_raft_update *update)
{
    const struct ww_raft_message *message = event->message;
    bool willing = message->type == WW_RAFT_PRE_VOTE_REPLY && (message->flags & WW_RAFT_GRANTED);

    /* Section 5.1: "if a candidate or leader discovers that its term is out of date, it
     * immediately reverts to follower state." A willing voter names the term that would come. */
    if (message->term > raft->term && !willing) {
        ww_raft_become_follower(raft, message->term, 0);
        return WW_OK;
    }
    if (message->term != raft->term + willing)
        return WW_OK;
    switch (message->type) {
    case WW_RAFT_APPEND_ACK:
        return ww_raft_recv_append_ack(raft, event, update);
    case WW_RAFT_APPEND_REJECT:
        ww_raft_recv_append_reject(raft, event);
        return WW_OK;
    case WW_RAFT_SNAPSHOT_ACK:
        ww_raft_recv_snapshot_ack(raft, event);
        return WW_OK;
    case WW_RAFT_TERM_PROBE_REPLY: /* was for the term only */
        return WW_OK;
    default:
        ww_raft_recv_vote_reply(raft, event, update);
        return WW_OK;
    }
}

static int receive(struct ww_raft *raft, const struct ww_raft_event *event,
                   struct ww_raft_update *update)
{
    if (!ww_raft_message_valid(raft, event))
        return WW_EINVAL;
    switch (event->message->type) {
    case WW_RAFT_APPEND:
        return ww_raft_recv_append(raft, event, update);
    case WW_RAFT_SNAPSHOT:
        return ww_raft_recv_snapshot(raft, event, update);
    case WW_RAFT_PRE_VOTE:
        ww_raft_recv_pre_vote(raft, event, update);
        return WW_OK;
    case WW_RAFT_VOTE:
        ww_raft_recv_vote(raft, event, update);
        return WW_OK;
    case WW_RAFT_TIMEOUT_NOW:
        return ww_raft_recv_timeout_now(raft, event, update);
    case WW_RAFT_TERM_PROBE:
        ww_raft_recv_term_probe(raft, event, update);
        return WW_OK;
    case WW_RAFT_REJOIN:
        ww_raft_recv_rejoin(raft, event, update);
        return WW_OK;
    case WW_RAFT_REJOIN_REPLY:
        return ww_raft_recv_rejoin_reply(raft, event, update);
    default:
        return receive_reply(raft, event, update);
    }
}

static void propose(struct ww_raft *raft, uint32_t count, struct ww_raft_update *update)
{
    if (!ww_raft_takes_proposals(raft)) {
        update->status = raft->role == WW_RAFT_LEADER ? WW_EBUSY : WW_ENOTLEADER;
        return;
    }
    WW_ASSERT(count >= 1);
    update->append_from = raft->log.last_index + 1;
    update->append_to = raft->log.last_index + count;
    ww_raft_log_append(&raft->log, update->append_to, raft->term);
}

/* A completion for an entry that was overwritten since says nothing about the one there now. */
static void log_durable(struct ww_raft *raft, uint64_t term, uint64_t index,
                        struct ww_raft_update *update)
{
    if (index <= raft->durable || ww_raft_log_term_at(&raft->log, index) != term)
        return;
    raft->durable = index;
    if (raft->role == WW_RAFT_LEADER)
        ww_raft_advance_commit(raft, update);
}

static void hard_state_durable(struct ww_raft *raft, const struct ww_raft_event *event,
                               struct ww_raft_update *update)
{
    if (event->known && raft->rejoin.ending)
        ww_raft_rejoin_over(raft, update);
    if (event->term != raft->term || event->vote != raft->vote)
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
        log_durable(raft, event->term, event->index, update);
        return WW_OK;
    case WW_RAFT_EV_HARD_STATE_DURABLE:
        hard_state_durable(raft, event, update);
        return WW_OK;
    case WW_RAFT_EV_FLUSH:
        if (raft->role == WW_RAFT_LEADER)
            ww_raft_flush_reads(raft, update);
        ww_raft_acknowledge(raft, event->window_bytes, update);
        return WW_OK;
    case WW_RAFT_EV_CHANGE:
        ww_raft_change(raft, event, update);
        return WW_OK;
    case WW_RAFT_EV_TRANSFER:
        ww_raft_transfer(raft, event->node, update);
        return WW_OK;
    case WW_RAFT_EV_READ:
        ww_raft_read(raft, update);
        return WW_OK;
    case WW_RAFT_EV_COMPACT:
        return ww_raft_compact(raft, event);
    case WW_RAFT_EV_SNAPSHOT_STAGED:
        ww_raft_snapshot_staged(raft, event, update);
        return WW_OK;
    case WW_RAFT_EV_SNAPSHOT_INSTALLED:
        return ww_raft_snapshot_installed(raft, event, update);
    case WW_RAFT_EV_TIME_JUMPED:
        ww_raft_time_jumped(raft, event->step_ns);
        return WW_OK;
    }
    return WW_EINVAL;
}

/* Our time goes on from where it was when the events' clock goes back: nothing waits for ever. */
static void take_time(struct ww_raft *raft, uint64_t now_ns)
{
    if (now_ns + raft->clock_offset_ns < raft->now_ns) {
        raft->clock_offset_ns = raft->now_ns - now_ns;
        ww_raft_time_jumped(raft, 0);
    }
    raft->now_ns = now_ns + raft->clock_offset_ns;
}

int ww_raft_step(struct ww_raft *raft, const struct ww_raft_event *event,
                 struct ww_raft_update *update)
{
    enum ww_raft_role role = raft->role;
    uint32_t leader = raft->leader;
    uint64_t term = raft->term;
    uint32_t vote = raft->vote;
    uint64_t commit = raft->commit;
    bool known = ww_raft_knows(raft);
    bool amnesia = raft->rejoin.amnesia;
    struct ww_raft_placed_configuration configuration = raft->configuration;
    int status;

    memset(update, 0, offsetof(struct ww_raft_update, messages));
    take_time(raft, event->now_ns);
    status = dispatch(raft, event, update);
    ww_raft_rejoin_step(raft);
    update->term = raft->term;
    update->vote = raft->vote;
    update->commit = raft->commit;
    update->confirmed_round = raft->role == WW_RAFT_LEADER ? raft->confirmed_round : 0;
    update->known = ww_raft_knows(raft);
    update->recovered = amnesia && !raft->rejoin.amnesia;
    update->hard_state = raft->term != term || raft->vote != vote || update->known != known;
    update->commit_changed = raft->commit != commit;
    update->role_changed = raft->role != role || raft->leader != leader || raft->term != term ||
                           raft->configuration.index != configuration.index ||
                           memcmp(&raft->configuration.configuration, &configuration.configuration,
                                  sizeof(configuration.configuration)) != 0;
    /* Every message speaks for a term and a vote: none leaves before the disk has them. */
    for (uint32_t i = 0; i < update->message_count; i++)
        update->messages[i].wait = !raft->hard_state_durable;
    return status;
}

uint64_t ww_raft_deadline_ns(const struct ww_raft *raft)
{
    uint64_t deadline_ns = raft->role == WW_RAFT_LEADER ? ww_raft_leader_deadline_ns(raft)
                           : raft->rejoin.amnesia       ? ww_raft_rejoin_deadline_ns(raft)
                                                        : raft->election_at_ns;

    return deadline_ns > raft->clock_offset_ns ? deadline_ns - raft->clock_offset_ns : 0;
}
