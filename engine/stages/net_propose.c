/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients' proposals: admitted in sequence order per client and group, copied once into the log
 * buffer, answered when applied. What has no room is refused with BUSY at once.
 */
#include "engine/stages/net_internal.h"

#include <string.h>

#define GAP_ANSWER_NS 200000u /* a gap is answered once per this time, not per datagram behind it */

static void answer(struct ww_net *net, uint32_t link, uint32_t client,
                   const struct ww_client_message *about, uint8_t type, int status,
                   uint64_t expected)
{
    struct ww_client_message message = {
        .type = type,
        .status = (uint8_t)-status,
        .group = about->group,
        .sequence = about->sequence,
        .oldest = expected,
    };
    ww_net_post(net, link, client, &message);
}

static void answer_committed(struct ww_net *net, uint32_t group, uint32_t link, uint32_t client,
                             uint64_t sequence, uint64_t index, uint64_t count)
{
    struct ww_client_message message = {
        .type = WW_CLIENT_COMMITTED,
        .group = group,
        .sequence = sequence,
        .oldest = sequence + count,
        .index = index,
        .count = (uint32_t)count,
    };
    ww_net_post(net, link, client, &message);
}

/* Adds a run to those that wait; grows the newest one when it simply goes on. */
static bool add_pending(struct ww_net *net, struct ww_group *group, const struct ww_pending *run)
{
    if (group->pending_last != WW_PENDING_NONE) {
        struct ww_pending *last = &net->pending[group->pending_last];
        if (last->client == run->client && last->link == run->link && last->term == run->term &&
            last->first_sequence + last->count == run->first_sequence &&
            last->first_index + last->count == run->first_index) {
            last->count += run->count;
            return true;
        }
    }
    uint32_t slot = net->pending_free;
    if (slot == WW_PENDING_NONE)
        return false;
    net->pending_free = net->pending[slot].next;
    net->pending[slot] = *run;
    net->pending[slot].next = WW_PENDING_NONE;
    if (group->pending_last != WW_PENDING_NONE)
        net->pending[group->pending_last].next = slot;
    else
        group->pending_first = slot;
    group->pending_last = slot;
    net->pending_count++;
    return true;
}

static void pop_pending(struct ww_net *net, struct ww_group *group)
{
    uint32_t slot = group->pending_first;
    group->pending_first = net->pending[slot].next;
    if (group->pending_first == WW_PENDING_NONE)
        group->pending_last = WW_PENDING_NONE;
    net->pending[slot].next = net->pending_free;
    net->pending_free = slot;
    net->pending_count--;
}

/* Remembers the last committed run, so that a repeated proposal gets its answer again. */
static void remember(struct ww_session *session, const struct ww_pending *run, uint64_t count)
{
    if (session->client != run->client || session->term != run->term)
        return;
    bool goes_on = session->done_count > 0 &&
                   session->done_sequence + session->done_count == run->first_sequence &&
                   session->done_index + session->done_count == run->first_index;
    if (!goes_on) {
        session->done_sequence = run->first_sequence;
        session->done_index = run->first_index;
        session->done_count = 0;
    }
    session->done_count += count;
}

void ww_net_answer_applied(struct ww_net *net, struct ww_group *group)
{
    while (group->pending_first != WW_PENDING_NONE) {
        struct ww_pending *run = &net->pending[group->pending_first];
        if (run->first_index > group->applied)
            return;
        uint64_t count = group->applied - run->first_index + 1;
        count = count < run->count ? count : run->count;
        answer_committed(net, group->id, run->link, run->client, run->first_sequence,
                         run->first_index, count);
        remember(&group->sessions[run->link - WW_LINK_CLIENT], run, count);
        run->first_sequence += count;
        run->first_index += count;
        run->count -= (uint32_t)count;
        if (run->count == 0)
            pop_pending(net, group);
    }
}

void ww_net_abandon_pending(struct ww_net *net, struct ww_group *group)
{
    while (group->pending_first != WW_PENDING_NONE) {
        const struct ww_pending *run = &net->pending[group->pending_first];
        struct ww_client_message message = {
            .type = WW_CLIENT_NOT_LEADER,
            .group = group->id,
            .sequence = run->first_sequence,
            .node = ww_raft_leader(group->raft),
        };
        ww_net_post(net, run->link, run->client, &message);
        pop_pending(net, group);
    }
}

/* A run that was accepted before: pending ones get their answer in time, committed ones now. */
static void answer_again(struct ww_net *net, struct ww_group *group, uint32_t link,
                         const struct ww_session *session, const struct ww_client_message *message)
{
    uint64_t pending_from = session->expected;
    for (uint32_t slot = group->pending_first; slot != WW_PENDING_NONE;
         slot = net->pending[slot].next) {
        const struct ww_pending *run = &net->pending[slot];
        if (run->client == session->client && run->first_sequence < pending_from)
            pending_from = run->first_sequence;
    }
    uint64_t end = message->sequence + message->count;
    end = end < pending_from ? end : pending_from;
    if (message->sequence >= end)
        return;
    /* Index 0 says: committed, but this leader no longer knows where. */
    uint64_t index = message->sequence >= session->done_sequence && session->done_count > 0
                         ? session->done_index + (message->sequence - session->done_sequence)
                         : 0;
    answer_committed(net, group->id, link, session->client, message->sequence, index,
                     end - message->sequence);
}

/* Opens a batch for the group, or finds the open one to have room; false: the buffer is full. */
static bool open_batch(struct ww_net *net, struct ww_group *group, uint32_t bytes, uint32_t count)
{
    struct ww_open_batch *open = &net->open;
    uint32_t grown = WW_BATCH_HEADER_BYTES + open->entry_bytes + bytes + WW_BATCH_ALIGN;
    uint64_t limit = atomic_load_explicit(&net->shard->store->limit_position, memory_order_acquire);
    if (open->place != NULL && open->group == group->id && grown <= net->batch_max &&
        open->count + count <= WW_BATCH_ENTRIES_MAX && open->term == ww_raft_term(group->raft) &&
        ww_log_buffer_room(&net->buffer, grown, limit) == WW_LOG_ROOM)
        return true;
    ww_net_seal_open(net);
    uint8_t *place = ww_net_reserve(net, WW_BATCH_HEADER_BYTES + bytes + WW_BATCH_ALIGN);
    if (place == NULL)
        return false;
    *open = (struct ww_open_batch){.place = place, .group = group->id};
    return true;
}

/* Leaves out the first `skip` entries, which were accepted before. */
static void skip_entries(struct ww_client_message *message, const uint8_t **body, uint64_t skip)
{
    for (uint64_t i = 0; i < skip; i++) {
        uint32_t head;
        memcpy(&head, *body, sizeof(head));
        uint32_t bytes = ww_entry_stored_bytes(head & 0xffffff);
        *body += bytes;
        message->body_bytes -= bytes;
    }
    message->sequence += skip;
    message->count -= (uint32_t)skip;
}

static bool admit(struct ww_net *net, struct ww_group *group, uint32_t link, uint32_t client,
                  const struct ww_client_message *message, const uint8_t *body)
{
    if (!ww_raft_takes_proposals(group->raft) || net->pending_free == WW_PENDING_NONE ||
        ww_net_room(net) < message->body_bytes ||
        !open_batch(net, group, message->body_bytes, message->count))
        return false;
    struct ww_raft_event event = {.type = WW_RAFT_EV_PROPOSE, .count = message->count};
    ww_net_step(net, group, &event, NULL);
    WW_ASSERT(net->update.status == WW_OK);
    struct ww_open_batch *open = &net->open;
    if (open->count == 0) {
        open->term = ww_raft_term(group->raft);
        open->first_index = net->update.append_from;
    }
    memcpy(open->place + WW_BATCH_HEADER_BYTES + open->entry_bytes, body, message->body_bytes);
    open->entry_bytes += message->body_bytes;
    open->count = (uint16_t)(open->count + message->count);
    struct ww_pending run = {
        .first_sequence = message->sequence,
        .first_index = net->update.append_from,
        .term = open->term,
        .count = message->count,
        .link = link,
        .client = client,
    };
    bool added = add_pending(net, group, &run);
    WW_ASSERT(added);
    net->counters.proposals += message->count;
    return true;
}

/* What a well-formed PROPOSE is: whole data entries that fit into one batch. */
static int check_proposal(const struct ww_net *net, const struct ww_client_message *message,
                          const uint8_t *body)
{
    const char *why;
    if (message->body_bytes > net->batch_max - WW_BATCH_HEADER_BYTES)
        return WW_ETOOBIG;
    if (message->count == 0 || message->count > WW_BATCH_ENTRIES_MAX ||
        message->sequence > UINT64_MAX - message->count ||
        !ww_entries_check(body, message->body_bytes, message->count, &why))
        return WW_EINVAL;
    return WW_OK;
}

void ww_net_propose(struct ww_net *net, uint32_t link, uint32_t client,
                    const struct ww_client_message *proposal, const uint8_t *body)
{
    struct ww_client_message message = *proposal;
    struct ww_group *group = &net->groups[message.group];
    if (!ww_raft_is_leader(group->raft)) {
        struct ww_client_message redirect = {
            .type = WW_CLIENT_NOT_LEADER,
            .group = message.group,
            .sequence = message.sequence,
            .node = ww_raft_leader(group->raft),
        };
        ww_net_post(net, link, client, &redirect);
        return;
    }
    int status = check_proposal(net, &message, body);
    if (status != WW_OK) {
        answer(net, link, client, &message, WW_CLIENT_REFUSED, status, 0);
        return;
    }
    struct ww_session *session = &group->sessions[link - WW_LINK_CLIENT];
    uint64_t term = ww_raft_term(group->raft);
    if (session->client != client || session->term != term)
        *session = (struct ww_session){.client = client, .term = term, .expected = message.oldest};
    /* What the client no longer asks for was answered: by a former leader, or with a refusal. */
    if (session->expected < message.oldest)
        session->expected = message.oldest;
    if (message.sequence > session->expected) {
        if (net->now_ns - session->refused_ns >= GAP_ANSWER_NS) {
            session->refused_ns = net->now_ns;
            answer(net, link, client, &message, WW_CLIENT_BUSY, WW_OK, session->expected);
        }
        return;
    }
    if (message.sequence + message.count <= session->expected) {
        answer_again(net, group, link, session, &message);
        return;
    }
    skip_entries(&message, &body, session->expected - message.sequence);
    if (!admit(net, group, link, client, &message, body)) {
        net->counters.busy_refusals++;
        session->refused_ns = net->now_ns;
        answer(net, link, client, &message, WW_CLIENT_BUSY, WW_EBUSY, session->expected);
        return;
    }
    session->expected += message.count;
}
