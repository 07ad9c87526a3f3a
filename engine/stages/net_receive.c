/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams in: a burst, a check, and each message to its place. Nothing is dropped uncounted. */
#include "engine/stages/net_internal.h"

/* Any node may become a member, and a new leader before we know of it: the core checks the rest. */
static bool is_peer(const struct ww_shard_options *options, uint32_t node)
{
    return node >= 1 && node <= WW_NODES_MAX && node != options->self;
}

static void trace_ack(const struct ww_net *net, struct ww_group *group, uint32_t from,
                      const struct ww_raft_message *message)
{
    struct ww_trace *trace = &net->shard->traces[WW_STAGE_NET];
    struct ww_trace_record place = {.group = group->id,
                                    .point = WW_TRACE_ACKED,
                                    .peer = (uint16_t)from};
    if (ww_raft_is_leader(group->raft) && message->term == ww_raft_term(group->raft) &&
        message->index <= ww_raft_last_index(group->raft))
        ww_trace_rise(trace, place, &group->traced.acked[from], message->index);
}

static void from_peer(struct ww_net *net, uint32_t from, const struct ww_raft_message *message,
                      const uint8_t *body)
{
    if (message->type >= WW_RAFT_MESSAGE_TYPES) {
        net->counters.drops[WW_DROP_MESSAGE]++;
    } else if (message->type == WW_RAFT_APPEND) {
        ww_net_append_entries(net, from, message, body);
    } else if (message->type == WW_RAFT_SNAPSHOT) {
        ww_net_receive_snapshot_part(net, from, message, body);
    } else if (message->type == WW_RAFT_REJOIN && ww_net_room(net) == 0) {
        net->counters.drops[WW_DROP_NO_ROOM]++; /* for the entry that it may call for */
    } else {
        struct ww_raft_event event = {.type = WW_RAFT_EV_MESSAGE, .from = from, .message = message};
        if (message->type == WW_RAFT_APPEND_ACK)
            trace_ack(net, &net->groups[message->group], from, message);
        ww_net_step(net, &net->groups[message->group], &event, NULL);
    }
}

static void from_client(struct ww_net *net, uint32_t link, uint32_t client,
                        const struct ww_client_message *message, const uint8_t *body)
{
    switch (message->type) {
    case WW_CLIENT_PROPOSE:
        ww_net_propose(net, link, client, message, body);
        break;
    case WW_CLIENT_REGISTER:
        ww_net_register(net, link, client, message);
        break;
    case WW_CLIENT_END:
        ww_net_end_session(net, link, client, message);
        break;
    case WW_CLIENT_QUERY:
        ww_net_query(net, link, client, message, body);
        break;
    case WW_CLIENT_READ:
        ww_net_client_read(net, link, client, message);
        break;
    default:
        net->counters.drops[WW_DROP_MESSAGE]++;
    }
}

/* A client asked for a group that this node does not have: say so. */
static void refuse_group(struct ww_net *net, uint32_t link, uint32_t client,
                         const struct ww_client_message *message)
{
    struct ww_client_message answer = {
        .type = WW_CLIENT_REFUSED,
        .status = -WW_ENOTFOUND,
        .group = message->group,
        .sequence = message->sequence,
    };
    ww_net_post(net, link, client, &answer);
}

static void take(struct ww_net *net, const struct ww_rx *rx)
{
    const struct ww_shard_options *options = &net->shard->options;
    enum ww_datagram_verdict verdict =
        ww_datagram_check(rx->data, rx->size_bytes, options->cluster, options->self);
    if (verdict != WW_DATAGRAM_OK) {
        net->counters.drops[WW_DROP_DATAGRAM + verdict]++;
        return;
    }
    const struct ww_datagram_header *header = (const void *)rx->data;
    bool client = rx->link >= WW_LINK_CLIENT;
    bool client_source = (header->source & WW_CLIENT_SOURCE) != 0;
    if (client != client_source ||
        (!client && (header->source != rx->link || !is_peer(options, header->source)))) {
        net->counters.drops[WW_DROP_STRANGER]++;
        return;
    }
    const uint8_t *message = rx->data + sizeof(*header);
    const uint8_t *body = message + header->message_count * WW_MESSAGE_BYTES;
    for (uint32_t i = 0; i < header->message_count && !ww_net_fenced(net);
         i++, message += WW_MESSAGE_BYTES) {
        /* Both layouts keep group and body_bytes at the same places (datagram.c checks it). */
        const struct ww_raft_message *raft = (const void *)message;
        if (raft->group >= options->groups) {
            net->counters.drops[WW_DROP_GROUP]++;
            if (client)
                refuse_group(net, rx->link, header->source, (const void *)message);
        } else if (client) {
            from_client(net, rx->link, header->source, (const void *)message, body);
        } else {
            from_peer(net, header->source, raft, body);
        }
        body += raft->body_bytes;
    }
}

uint32_t ww_net_receive(struct ww_net *net)
{
    struct ww_transport *transport = net->shard->transport;
    struct ww_rx burst[WW_BURST];
    uint32_t total = 0;
    for (uint32_t i = 0; i < WW_BURSTS_PER_POLL; i++) {
        uint32_t count = transport->ops->rx_burst(transport, burst, WW_BURST);
        for (uint32_t k = 0; k < count; k++)
            take(net, &burst[k]);
        if (count > 0)
            transport->ops->rx_release(transport, burst, count);
        total += count;
        if (count < WW_BURST)
            break;
    }
    return total;
}
