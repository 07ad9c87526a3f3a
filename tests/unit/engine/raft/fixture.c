/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

/* "1122" from `first` on, one run per entry. */
static size_t runs_of(const char *terms, uint64_t first, struct ww_raft_run *runs)
{
    size_t count = strlen(terms);

    for (size_t i = 0; i < count; i++)
        runs[i] = (struct ww_raft_run){.first_index = first + i,
                                       .last_index = first + i,
                                       .term = (uint64_t)(terms[i] - '0')};
    return count;
}

void fixture_options(struct ww_raft_options *options, uint32_t voters)
{
    *options = (struct ww_raft_options){.group = 7,
                                        .self = 1,
                                        .heartbeat_ns = HEARTBEAT,
                                        .election_min_ns = ELECTION_MIN,
                                        .election_max_ns = ELECTION_MAX,
                                        .retry_ns = RETRY,
                                        .window_bytes = WINDOW,
                                        .term_runs = TERM_RUNS,
                                        .seed = 42,
                                        .configuration = {.voters = VOTERS(voters)},
                                        .now_ns = 1000};
}

void fixture_start_with(struct fixture *f, struct ww_raft_options options, const char *log)
{
    struct ww_raft_run runs[64];
    const char *why;

    f->appended.index = 0;
    options.log = runs;
    /* One run per entry, as many as there are: merging them is the core's work. */
    options.log_runs = runs_of(log, options.base_index + 1, runs);
    f->now = options.now_ns + options.election_min_ns; /* a vote after a restart waits so long */
    cr_assert_eq(ww_raft_create(&options, &f->raft, &why), WW_OK, "%s", why);
}

void fixture_start(struct fixture *f, uint32_t voters, uint64_t term, uint32_t vote,
                   const char *log)
{
    struct ww_raft_options options;

    fixture_options(&options, voters);
    options.term = term;
    options.vote = vote;
    fixture_start_with(f, options, log);
}

void fixture_start_learner(struct fixture *f)
{
    struct ww_raft_options options;

    fixture_options(&options, 0);
    options.configuration =
        (struct ww_configuration){.voters = NODE(2) | NODE(3), .learners = NODE(1)};
    fixture_start_with(f, options, "");
}

void fixture_lead_with(struct fixture *f, struct ww_raft_options options)
{
    options.term = 1;
    fixture_start_with(f, options, "1");
    fixture_become_leader(f);
    fixture_all_durable(f, (uint8_t)~NODE(1));
    cr_assert_eq(ww_raft_commit(f->raft), 2);
}

void fixture_lead(struct fixture *f, uint32_t voters)
{
    struct ww_raft_options options;

    fixture_options(&options, voters);
    fixture_lead_with(f, options);
}

void fixture_stop(struct fixture *f)
{
    ww_raft_destroy(f->raft);
}

int fixture_step(struct fixture *f, struct ww_raft_event event)
{
    int status;

    event.now_ns = f->now;
    status = ww_raft_step(f->raft, &event, &f->update);
    if (f->update.append_kind == WW_RAFT_APPENDED_CONFIGURATION)
        f->appended =
            (struct ww_raft_placed_configuration){.index = f->update.append_from,
                                                  .configuration = f->update.configuration};
    return status;
}

int fixture_tick(struct fixture *f, uint64_t now)
{
    f->now = now;
    return fixture_step(f, (struct ww_raft_event){.type = WW_RAFT_EV_TICK});
}

int fixture_timeout(struct fixture *f)
{
    uint64_t deadline = ww_raft_deadline_ns(f->raft);

    return fixture_tick(f, deadline > f->now ? deadline : f->now);
}

int fixture_receive(struct fixture *f, uint32_t from, struct ww_raft_message message)
{
    message.group = 7;
    return fixture_step(f, (struct ww_raft_event){.type = WW_RAFT_EV_MESSAGE,
                                                  .from = from,
                                                  .message = &message});
}

static int receive_entries(struct fixture *f, uint32_t from, struct ww_raft_message message,
                           const char *entries, const struct ww_raft_placed_configuration *placed,
                           size_t count)
{
    struct ww_raft_run runs[64];

    message.type = WW_RAFT_APPEND;
    message.group = 7;
    return fixture_step(f, (struct ww_raft_event){.type = WW_RAFT_EV_MESSAGE,
                                                  .from = from,
                                                  .message = &message,
                                                  .runs = runs,
                                                  .run_count =
                                                      runs_of(entries, message.index + 1, runs),
                                                  .configurations = placed,
                                                  .configuration_count = count});
}

int fixture_append(struct fixture *f, uint32_t from, uint64_t term, uint64_t index,
                   uint64_t log_term, const char *entries, uint64_t commit)
{
    return receive_entries(f, from,
                           (struct ww_raft_message){.term = term,
                                                    .index = index,
                                                    .log_term = log_term,
                                                    .commit = commit},
                           entries, NULL, 0);
}

int fixture_append_placed(struct fixture *f, uint32_t from, uint64_t term, uint64_t index,
                          uint64_t log_term, const char *entries,
                          const struct ww_raft_placed_configuration *placed, size_t count)
{
    return receive_entries(
        f, from, (struct ww_raft_message){.term = term, .index = index, .log_term = log_term},
        entries, placed, count);
}

int fixture_heartbeat(struct fixture *f, uint32_t from, uint64_t term, uint64_t index,
                      uint64_t log_term, uint64_t commit)
{
    return fixture_receive(f, from,
                           (struct ww_raft_message){.type = WW_RAFT_APPEND,
                                                    .flags = WW_RAFT_ANSWER,
                                                    .term = term,
                                                    .index = index,
                                                    .log_term = log_term,
                                                    .commit = commit});
}

int fixture_answer(struct fixture *f, uint32_t from, uint64_t index, uint64_t round)
{
    return fixture_receive(f, from,
                           (struct ww_raft_message){.type = WW_RAFT_APPEND_ACK,
                                                    .term = ww_raft_term(f->raft),
                                                    .index = index,
                                                    .commit = round,
                                                    .window_bytes = WINDOW});
}

int fixture_ack(struct fixture *f, uint32_t from, uint64_t index)
{
    return fixture_answer(f, from, index, 0);
}

int fixture_reject(struct fixture *f, uint32_t from, uint64_t index, uint64_t log_term,
                   uint64_t hint)
{
    return fixture_receive(f, from,
                           (struct ww_raft_message){.type = WW_RAFT_APPEND_REJECT,
                                                    .term = ww_raft_term(f->raft),
                                                    .index = index,
                                                    .log_term = log_term,
                                                    .commit = hint,
                                                    .window_bytes = WINDOW});
}

int fixture_vote_reply(struct fixture *f, uint32_t from, uint8_t type, uint64_t term, bool granted)
{
    return fixture_receive(f, from,
                           (struct ww_raft_message){.type = type,
                                                    .flags = granted ? WW_RAFT_GRANTED : 0,
                                                    .term = term,
                                                    .commit = fixture_status(f).start});
}

void fixture_propose(struct fixture *f, uint32_t count)
{
    cr_assert_eq(fixture_step(f,
                              (struct ww_raft_event){.type = WW_RAFT_EV_PROPOSE, .count = count}),
                 WW_OK);
}

void fixture_durable(struct fixture *f, uint64_t term, uint64_t index)
{
    cr_assert_eq(fixture_step(f, (struct ww_raft_event){.type = WW_RAFT_EV_DURABLE,
                                                        .term = term,
                                                        .index = index}),
                 WW_OK);
}

void fixture_hard_state_durable(struct fixture *f)
{
    struct ww_raft_status status = fixture_status(f);

    cr_assert_eq(fixture_step(f, (struct ww_raft_event){.type = WW_RAFT_EV_HARD_STATE_DURABLE,
                                                        .term = status.term,
                                                        .vote = status.vote}),
                 WW_OK);
}

int fixture_change(struct fixture *f, uint8_t voters, uint8_t learners)
{
    cr_assert_eq(fixture_step(f, (struct ww_raft_event){.type = WW_RAFT_EV_CHANGE,
                                                        .configuration = {.voters = voters,
                                                                          .learners = learners}}),
                 WW_OK);
    return f->update.status;
}

int fixture_transfer(struct fixture *f, uint32_t node)
{
    cr_assert_eq(fixture_step(f, (struct ww_raft_event){.type = WW_RAFT_EV_TRANSFER, .node = node}),
                 WW_OK);
    return f->update.status;
}

int fixture_read(struct fixture *f)
{
    cr_assert_eq(fixture_step(f, (struct ww_raft_event){.type = WW_RAFT_EV_READ}), WW_OK);
    return f->update.status;
}

int fixture_compact(struct fixture *f, uint64_t index, uint64_t first_index)
{
    return fixture_step(f, (struct ww_raft_event){.type = WW_RAFT_EV_COMPACT,
                                                  .index = index,
                                                  .first_index = first_index,
                                                  .snapshot_bytes = SNAPSHOT_BYTES});
}

int fixture_install(struct fixture *f, uint64_t term, uint64_t index, uint8_t voters)
{
    return fixture_step(f, (struct ww_raft_event){.type = WW_RAFT_EV_SNAPSHOT_INSTALLED,
                                                  .term = term,
                                                  .index = index,
                                                  .configuration = {.voters = voters},
                                                  .snapshot_bytes = SNAPSHOT_BYTES});
}

void fixture_all_durable(struct fixture *f, uint8_t peers)
{
    uint64_t last = ww_raft_last_index(f->raft);

    peers &= ww_raft_peers(f->raft);
    fixture_durable(f, ww_raft_term(f->raft), last);
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        if (peers >> id & 1)
            fixture_ack(f, id, last);
}

void fixture_flush(struct fixture *f, uint32_t window)
{
    cr_assert_eq(fixture_step(f, (struct ww_raft_event){.type = WW_RAFT_EV_FLUSH,
                                                        .window_bytes = window}),
                 WW_OK);
}

void fixture_become_candidate(struct fixture *f)
{
    struct ww_raft_status status = fixture_status(f);

    fixture_timeout(f);
    for (uint32_t id = 2; id <= WW_NODES_MAX && fixture_status(f).role == WW_RAFT_PRE_CANDIDATE;
         id++)
        fixture_vote_reply(f, id, WW_RAFT_PRE_VOTE_REPLY, status.term + 1, true);
    cr_assert_eq(fixture_status(f).role, WW_RAFT_CANDIDATE);
}

void fixture_become_leader(struct fixture *f)
{
    fixture_become_candidate(f);
    fixture_hard_state_durable(f);
    for (uint32_t id = 2; id <= WW_NODES_MAX && !ww_raft_is_leader(f->raft); id++)
        fixture_vote_reply(f, id, WW_RAFT_VOTE_REPLY, ww_raft_term(f->raft), true);
    cr_assert(ww_raft_is_leader(f->raft));
}

const struct ww_raft_outgoing *fixture_sent(const struct fixture *f, uint32_t to, uint8_t type)
{
    for (uint32_t i = 0; i < f->update.message_count; i++)
        if ((to == 0 || f->update.messages[i].to == to) &&
            f->update.messages[i].message.type == type)
            return &f->update.messages[i];
    return NULL;
}

bool fixture_replicate(struct fixture *f, uint32_t peer, uint64_t max,
                       struct ww_raft_message *message)
{
    uint64_t last;
    uint32_t budget;
    uint64_t count;

    if (!ww_raft_next_append(f->raft, peer, message, &last, &budget))
        return false;
    count = last - message->index;
    if (count > max)
        count = max;
    if (count > (budget + 99) / 100)
        count = (budget + 99) / 100;
    ww_raft_sent(f->raft, peer, message->index + count, (uint32_t)count * 100, f->now);
    return true;
}

struct ww_raft_status fixture_status(const struct fixture *f)
{
    struct ww_raft_status status;

    ww_raft_status(f->raft, &status);
    return status;
}

struct ww_raft_peer_status fixture_peer(const struct fixture *f, uint32_t peer)
{
    struct ww_raft_status status = fixture_status(f);

    for (uint32_t i = 0; i < status.peer_count; i++)
        if (status.peers[i].id == peer)
            return status.peers[i];
    cr_assert_fail("no peer %u", peer);
    return (struct ww_raft_peer_status){.id = 0};
}
