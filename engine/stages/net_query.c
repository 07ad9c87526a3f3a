/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linearizable queries (Ongaro's thesis, 6.4), off the log: the core says up to which entry the
 * answer must see and which round of heartbeats must be answered first (none while a lease holds);
 * when both are there, APPLY lets the state machine answer.
 */
#include "engine/stages/net_internal.h"

#include <string.h>

static void say(struct ww_net *net, const struct ww_client_query *query, uint8_t type, int status)
{
    struct ww_client_message message = {
        .type = type,
        .status = (uint8_t)-status,
        .group = query->group,
        .sequence = query->tag,
        .node = ww_raft_leader(net->groups[query->group].raft),
    };
    ww_net_post(net, query->link, query->client, &message);
}

/* A free slot; NULL: there is none, or the query is being answered already (then *again). */
static struct ww_client_query *find_slot(struct ww_net *net, uint32_t client, uint64_t tag,
                                         bool *again)
{
    struct ww_client_query *found = NULL;
    *again = false;
    for (uint32_t i = 0; i < WW_QUERIES_MAX; i++) {
        struct ww_client_query *query = &net->queries[i];
        if (query->state == WW_QUERY_FREE)
            found = query;
        else if (query->client == client && query->tag == tag)
            *again = true;
    }
    return *again ? NULL : found;
}

/* Why it cannot be taken: WW_OK when it can. */
static int begin(struct ww_net *net, struct ww_client_query *query)
{
    struct ww_group *group = &net->groups[query->group];
    struct ww_raft_event event = {.type = WW_RAFT_EV_READ};
    if (!ww_raft_is_leader(group->raft))
        return WW_ENOTLEADER;
    if (net->shard->machine->query == NULL)
        return WW_EINVAL;
    /* The lease must hold now, not when this poll began: there may be a pause between. */
    ww_net_take_time(net);
    ww_net_step(net, group, &event, NULL);
    query->term = ww_raft_term(group->raft);
    query->round = net->update.read_round;
    query->read_index = net->update.read_index;
    return net->update.status;
}

void ww_net_query(struct ww_net *net, uint32_t link, uint32_t client,
                  const struct ww_client_message *message, const uint8_t *body)
{
    struct ww_client_query asked = {
        .state = WW_QUERY_WAITS,
        .link = link,
        .client = client,
        .group = message->group,
        .tag = message->sequence,
    };
    bool again;
    struct ww_client_query *query = find_slot(net, client, asked.tag, &again);
    if (again)
        return;
    int status = message->body_bytes > WW_QUERY_BYTES_MAX ? WW_ETOOBIG
                 : query == NULL                          ? WW_EBUSY
                                                          : begin(net, &asked);
    if (status == WW_ENOTLEADER) {
        say(net, &asked, WW_CLIENT_NOT_LEADER, WW_OK);
    } else if (status != WW_OK) {
        say(net, &asked, status == WW_EBUSY ? WW_CLIENT_BUSY : WW_CLIENT_REFUSED, status);
    } else {
        asked.job = query->job;
        asked.job.request_bytes = message->body_bytes;
        memcpy(asked.job.request, body, message->body_bytes);
        *query = asked;
        net->query_count++;
        net->counters.queries++;
    }
}

static void end(struct ww_net *net, struct ww_client_query *query)
{
    query->state = WW_QUERY_FREE;
    net->query_count--;
}

static bool push(struct ww_net *net, struct ww_client_query *query)
{
    const struct ww_group *group = &net->groups[query->group];
    struct ww_committed item = {
        .kind = WW_APPLY_QUERY,
        .group = query->group,
        .query = &query->job,
        .slot = (uint32_t)(query - net->queries),
    };
    query->job.answer_bytes = net->shard->transport->max_datagram - WW_BODY_OFFSET;
    if (!ww_ring_push(&net->shard->committed, &item))
        return false;
    query->state = WW_QUERY_ASKED;
    query->index = group->fed; /* APPLY comes to it behind all that it was fed */
    return true;
}

uint32_t ww_net_serve_queries(struct ww_net *net)
{
    uint32_t served = 0;
    for (uint32_t i = 0; i < WW_QUERIES_MAX && net->query_count > 0; i++) {
        struct ww_client_query *query = &net->queries[i];
        const struct ww_group *group = &net->groups[query->group];
        if (query->state != WW_QUERY_WAITS)
            continue;
        if (!ww_raft_is_leader(group->raft) || ww_raft_term(group->raft) != query->term) {
            say(net, query, WW_CLIENT_NOT_LEADER, WW_OK);
            end(net, query);
            served++;
        } else if (group->confirmed_round >= query->round && group->applied >= query->read_index) {
            served += push(net, query);
        }
    }
    return served;
}

static void send_answer(struct ww_net *net, const struct ww_client_query *query)
{
    struct ww_transport *transport = net->shard->transport;
    struct ww_client_message message = {
        .type = WW_CLIENT_QUERY_DATA,
        .group = query->group,
        .body_bytes = (uint32_t)query->job.answer_bytes,
        .sequence = query->tag,
        .index = query->index,
        .node = net->shard->options.self,
    };
    uint8_t *data = transport->ops->tx_begin(transport, query->link);
    if (data == NULL)
        return; /* the client asks again */
    memcpy(data + WW_BODY_OFFSET, query->job.answer, message.body_bytes);
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, data, transport->max_datagram);
    ww_datagram_add(&builder, &message, message.body_bytes);
    ww_datagram_finish(&builder, net->shard->options.cluster, net->shard->options.self,
                       query->client, data + WW_BODY_OFFSET);
    transport->ops->tx_send(transport, WW_BODY_OFFSET + message.body_bytes, NULL, 0);
}

void ww_net_query_answered(struct ww_net *net, const struct ww_applied *applied)
{
    struct ww_client_query *query = &net->queries[applied->slot];
    WW_ASSERT(query->state == WW_QUERY_ASKED);
    if (applied->status == WW_OK)
        send_answer(net, query);
    else
        say(net, query, WW_CLIENT_REFUSED, applied->status);
    end(net, query);
}
