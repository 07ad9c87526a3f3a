/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients' proposals: admitted in sequence order per client and group, and copied once into the log
 * buffer. What has no room is refused with BUSY at once.
 */
#include "engine/stages/net_internal.h"

#include <string.h>

#define GAP_ANSWER_NS 200000u /* a gap is answered once per this time, not per datagram behind it */

/* A run that was accepted before: pending ones get their answer in time, committed ones now. */
static void answer_again(struct ww_net *net, struct ww_group *group, uint32_t link,
                         const struct ww_client_slot *slot, const struct ww_client_message *message)
{
    uint64_t pending_from = ww_net_pending_from(net, group, slot);
    uint64_t end = message->sequence + message->count;
    end = end < pending_from ? end : pending_from;
    for (uint64_t at = message->sequence; at < end;) {
        /* Index 0 says: committed, but this leader no longer knows where. */
        uint64_t count = end - at;
        uint64_t index = ww_session_index(&slot->session, at, &count);
        ww_net_answer_committed(net, group->id, link, slot->client, at, index, count);
        at += count;
    }
}

/* Opens a batch for the group, or finds the open one to have room; false: the buffer is full. */
static bool open_batch(struct ww_net *net, struct ww_group *group,
                       const struct ww_client_message *message)
{
    struct ww_open_batch *open = &net->open;
    uint32_t bytes = message->body_bytes, count = message->count;
    uint32_t grown = WW_BATCH_HEADER_BYTES + open->entry_bytes + bytes + WW_BATCH_ALIGN;
    uint64_t limit = atomic_load_explicit(&net->shard->store->limit_position, memory_order_acquire);
    if (open->place != NULL && open->group == group->id && grown <= net->batch_max &&
        open->count + count <= WW_BATCH_ENTRIES_MAX && open->term == ww_raft_term(group->raft) &&
        open->session == message->index &&
        (open->session == 0 || open->first_sequence + open->count == message->sequence) &&
        ww_log_buffer_room(&net->buffer, grown, limit) == WW_LOG_ROOM)
        return true;
    ww_net_seal_open(net);
    uint8_t *place = ww_net_reserve(net, WW_BATCH_HEADER_BYTES + bytes + WW_BATCH_ALIGN);
    if (place == NULL)
        return false;
    *open = (struct ww_open_batch){
        .place = place,
        .group = group->id,
        .session = message->index,
        .first_sequence = message->index != 0 ? message->sequence : 0,
    };
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
        ww_net_client_room(net) < message->body_bytes || !open_batch(net, group, message))
        return false;
    struct ww_raft_event event = {.type = WW_RAFT_EV_PROPOSE, .count = message->count};
    ww_net_step(net, group, &event, NULL);
    WW_ASSERT(net->update.status == WW_OK);
    ww_net_trace(net, group, WW_TRACE_APPENDED, net->update.append_from, net->update.append_to);
    struct ww_open_batch *open = &net->open;
    if (open->count == 0) {
        open->term = ww_raft_term(group->raft);
        open->first_index = net->update.append_from;
    }
    memcpy(open->place + WW_BATCH_HEADER_BYTES + open->entry_bytes, body, message->body_bytes);
    open->entry_bytes += message->body_bytes;
    open->count = (uint16_t)(open->count + message->count);
    struct ww_pending run = {
        .session = message->index,
        .first_sequence = message->sequence,
        .first_index = net->update.append_from,
        .term = open->term,
        .count = message->count,
        .link = link,
        .client = client,
    };
    ww_net_add_pending(net, group, &run);
    net->counters.proposals += message->count;
    return true;
}

/* How many of the message's entries were admitted: all or none, or one after the other when each is
 * to be a batch of its own. */
static uint32_t admit_entries(struct ww_net *net, struct ww_group *group, uint32_t link,
                              uint32_t client, const struct ww_client_message *message,
                              const uint8_t *body)
{
    if (!net->wal.each_entry)
        return admit(net, group, link, client, message, body) ? message->count : 0;
    struct ww_client_message one = *message;
    one.count = 1;
    for (uint32_t done = 0; done < message->count; done++, one.sequence++) {
        uint32_t head;
        memcpy(&head, body, sizeof(head));
        one.body_bytes = ww_entry_stored_bytes(head & 0xffffff);
        if (!admit(net, group, link, client, &one, body))
            return done;
        ww_net_seal_open(net);
        body += one.body_bytes;
    }
    return message->count;
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
        ww_net_refuse(net, link, client, &message, WW_CLIENT_NOT_LEADER, WW_OK, 0);
        return;
    }
    int status = check_proposal(net, &message, body);
    if (status != WW_OK) {
        ww_net_refuse(net, link, client, &message, WW_CLIENT_REFUSED, status, 0);
        return;
    }
    struct ww_client_slot *slot = ww_net_client_slot(net, link, client, &message);
    if (slot == NULL)
        return;
    /* What the client no longer asks for was answered: by a former leader, or with a refusal. */
    if (slot->expected < message.oldest)
        slot->expected = message.oldest;
    if (message.sequence > slot->expected) {
        if (net->now_ns - slot->refused_ns >= GAP_ANSWER_NS) {
            slot->refused_ns = net->now_ns;
            ww_net_refuse(net, link, client, &message, WW_CLIENT_BUSY, WW_OK, slot->expected);
        }
        return;
    }
    if (message.sequence + message.count <= slot->expected) {
        answer_again(net, group, link, slot, &message);
        return;
    }
    skip_entries(&message, &body, slot->expected - message.sequence);
    uint32_t admitted = admit_entries(net, group, link, client, &message, body);
    slot->expected += admitted;
    if (admitted < message.count) {
        net->counters.busy_refusals++;
        slot->refused_ns = net->now_ns;
        ww_net_refuse(net, link, client, &message, WW_CLIENT_BUSY, WW_EBUSY, slot->expected);
    }
}
