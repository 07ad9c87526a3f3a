/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client sessions on the leader: they are registered through the log, and a new leader takes a
 * client's proposals only when it knows what of them was applied. For that everything that stood in
 * its log when it first heard of the client must be applied here (with it all that earlier leaders
 * committed, C20); then APPLY looks the session up. Until then the client is told BUSY.
 */
#include "engine/stages/net_internal.h"

/* ---- registering ---- */

/* An entry of a session's own, alone in its batch; its index, or 0: there is no room for it now. */
static uint64_t append_entry(struct ww_net *net, struct ww_group *group, uint64_t session,
                             uint64_t nonce)
{
    const uint32_t bytes = ww_entry_stored_bytes(WW_ENTRY_SESSION_BYTES);
    if (!ww_raft_takes_proposals(group->raft) || ww_net_client_room(net) < bytes)
        return 0;
    ww_net_seal_open(net);
    uint8_t *place = ww_net_reserve(net, WW_BATCH_HEADER_BYTES + bytes + WW_BATCH_ALIGN);
    if (place == NULL)
        return 0;
    struct ww_raft_event event = {.type = WW_RAFT_EV_PROPOSE, .count = 1};
    ww_net_step(net, group, &event, NULL);
    WW_ASSERT(net->update.status == WW_OK);
    uint64_t index = net->update.append_from;
    ww_entry_encode(place + WW_BATCH_HEADER_BYTES, WW_ENTRY_SESSION, &nonce, sizeof(nonce));
    ww_batch_seal(place,
                  &(struct ww_batch_header){
                      .group = group->id,
                      .count = 1,
                      .term = ww_raft_term(group->raft),
                      .first_index = index,
                      .session = session,
                      .time_ns = ww_net_log_time(net, group),
                  },
                  bytes);
    ww_net_commit_batch(net, group, place);
    return index;
}

void ww_net_register(struct ww_net *net, uint32_t link, uint32_t client,
                     const struct ww_client_message *message)
{
    struct ww_group *group = &net->groups[message->group];
    if (!ww_raft_is_leader(group->raft)) {
        ww_net_refuse(net, link, client, message, WW_CLIENT_NOT_LEADER, WW_OK, message->oldest);
        return;
    }
    if (ww_net_registers(net, group, message->sequence))
        return; /* it is answered in its time */
    uint64_t index =
        net->pending_free != WW_PENDING_NONE ? append_entry(net, group, 0, message->sequence) : 0;
    if (index == 0) {
        net->counters.busy_refusals++;
        ww_net_refuse(net, link, client, message, WW_CLIENT_BUSY, WW_EBUSY, message->oldest);
        return;
    }
    struct ww_pending run = {
        .session = WW_PENDING_REGISTER,
        .first_sequence = message->sequence,
        .first_index = index,
        .term = ww_raft_term(group->raft),
        .count = 1,
        .link = link,
        .client = client,
    };
    ww_net_add_pending(net, group, &run);
}

void ww_net_registered(struct ww_net *net, struct ww_group *group, const struct ww_pending *run,
                       const struct ww_applied *applied)
{
    WW_ASSERT(applied->skipped_from == run->first_index);
    struct ww_client_message message = {
        .type = applied->status == WW_OK ? WW_CLIENT_REGISTERED : WW_CLIENT_BUSY,
        .status = (uint8_t)-applied->status,
        .group = group->id,
        .sequence = run->first_sequence,
        .index = applied->session,
    };
    net->counters.registrations += applied->status == WW_OK;
    ww_net_post(net, run->link, run->client, &message);
}

void ww_net_end_session(struct ww_net *net, uint32_t link, uint32_t client,
                        const struct ww_client_message *message)
{
    struct ww_group *group = &net->groups[message->group];
    struct ww_client_message answer = {
        .type = WW_CLIENT_ENDED,
        .group = group->id,
        .sequence = message->sequence,
        .index = message->index,
    };
    if (ww_raft_is_leader(group->raft) && message->index != 0 &&
        message->index <= ww_raft_last_index(group->raft) &&
        append_entry(net, group, message->index, 0) != 0)
        ww_net_post(net, link, client, &answer);
}

/* ---- what the leader knows of a client ---- */

/* The same session under another link, in this leadership: a client that came back another way. */
static struct ww_client_slot *other_slot(struct ww_group *group, const struct ww_client_slot *slot,
                                         uint64_t session, uint64_t term)
{
    for (uint32_t i = 0; i < WW_CLIENTS_MAX; i++) {
        struct ww_client_slot *other = &group->clients[i];
        if (other != slot && other->client != 0 && other->session_id == session &&
            other->term == term)
            return other;
    }
    return NULL;
}

static void bind(struct ww_group *group, struct ww_client_slot *slot, uint32_t client,
                 const struct ww_client_message *message)
{
    uint64_t term = ww_raft_term(group->raft);
    struct ww_client_slot *other =
        message->index != 0 ? other_slot(group, slot, message->index, term) : NULL;
    if (other != NULL && other->state == WW_CLIENT_READY) {
        *slot = *other;
        slot->client = client;
        other->client = 0;
        return;
    }
    *slot = (struct ww_client_slot){
        .client = client,
        .state = message->index != 0 ? WW_CLIENT_WAITS : WW_CLIENT_READY,
        .session_id = message->index,
        .term = term,
        .wait_index = ww_raft_last_index(group->raft),
        .expected = message->oldest,
    };
}

static void look_up(struct ww_net *net, struct ww_group *group, struct ww_client_slot *slot)
{
    struct ww_committed item = {
        .kind = WW_APPLY_LOOKUP,
        .group = group->id,
        .session = &slot->session,
        .slot = (uint32_t)(slot - group->clients),
    };
    slot->session = (struct ww_session){.id = slot->session_id};
    if (!ww_ring_push(&net->shard->committed, &item))
        return; /* the client comes again */
    slot->state = WW_CLIENT_ASKED;
    net->counters.session_lookups++;
}

void ww_net_looked_up(struct ww_net *net, struct ww_group *group, uint32_t number)
{
    struct ww_client_slot *slot = &group->clients[number];
    WW_ASSERT(slot->state == WW_CLIENT_ASKED);
    slot->state = slot->session.id != 0 ? WW_CLIENT_READY : WW_CLIENT_GONE;
    slot->expected = slot->session.next_sequence;
}

struct ww_client_slot *ww_net_client_slot(struct ww_net *net, uint32_t link, uint32_t client,
                                          const struct ww_client_message *message)
{
    struct ww_group *group = &net->groups[message->group];
    struct ww_client_slot *slot = &group->clients[link - WW_LINK_CLIENT];
    bool known = slot->client == client && slot->session_id == message->index &&
                 slot->term == ww_raft_term(group->raft);
    if (!known && slot->state != WW_CLIENT_ASKED) {
        bind(group, slot, client, message);
        known = true;
    }
    if (known && slot->state == WW_CLIENT_READY)
        return slot;
    if (known && slot->state == WW_CLIENT_GONE) {
        net->counters.session_refusals += message->count;
        ww_net_refuse(net, link, client, message, WW_CLIENT_REFUSED, WW_EGONE, message->oldest);
        return NULL;
    }
    if (known && slot->state == WW_CLIENT_WAITS && group->applied >= slot->wait_index)
        look_up(net, group, slot);
    ww_net_refuse(net, link, client, message, WW_CLIENT_BUSY, WW_EBUSY, message->oldest);
    return NULL;
}
