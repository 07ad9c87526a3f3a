/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams out: small messages gathered per link, and AppendEntries with their batches. */
#include "engine/stages/net_internal.h"

#include <string.h>

/* AppendEntries to one follower per poll, so that a far-behind one cannot hold the iteration up. */
#define APPENDS_PER_POLL 128u

void ww_net_post(struct ww_net *net, uint32_t link, uint32_t destination, const void *message)
{
    struct ww_outbox *outbox = &net->outboxes[link];
    uint32_t datagram = net->shard->transport->max_datagram;
    uint32_t fits = (datagram - WW_DATAGRAM_HEADER_BYTES) / WW_MESSAGE_BYTES;
    if (outbox->count == WW_MESSAGES_PER_DATAGRAM || outbox->count == fits ||
        (outbox->count > 0 && outbox->destination != destination))
        ww_net_send_outbox(net, link);
    outbox->destination = destination;
    memcpy(outbox->messages[outbox->count++], message, WW_MESSAGE_BYTES);
}

void ww_net_send_outbox(struct ww_net *net, uint32_t link)
{
    struct ww_outbox *outbox = &net->outboxes[link];
    struct ww_transport *transport = net->shard->transport;
    uint32_t count = outbox->count;
    outbox->count = 0;
    if (count == 0)
        return;
    uint8_t *data = transport->ops->tx_begin(transport, link);
    if (data == NULL)
        return; /* counted by the transport; Raft and clients repeat what matters */
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, data, transport->max_datagram);
    for (uint32_t i = 0; i < count; i++)
        ww_datagram_add(&builder, outbox->messages[i], 0);
    uint32_t bytes = ww_datagram_finish(&builder, net->shard->options.cluster,
                                        net->shard->options.self, outbox->destination, NULL);
    transport->ops->tx_send(transport, bytes, NULL, 0);
}

void ww_net_send_outboxes(struct ww_net *net)
{
    for (uint32_t link = 0; link < WW_LINKS; link++) {
        if (net->outboxes[link].count > 0)
            ww_net_send_outbox(net, link);
    }
}

uint32_t ww_net_gather(struct ww_net *net, struct ww_group *group, struct ww_reader *reader,
                       uint64_t index, uint64_t last, uint8_t *out, uint32_t max, uint64_t *next)
{
    uint32_t bytes = 0;
    struct ww_log_view view;
    while (index <= last && ww_net_read(net, group, reader, index, true, &view) == WW_READ_VIEW) {
        const struct ww_batch_header *batch = view.batch;
        if (bytes + batch->size_bytes > max)
            break;
        uint64_t to = view.to < last ? view.to : last;
        if (index == batch->first_index && to == ww_batch_last_index(batch)) {
            memcpy(out + bytes, batch, batch->size_bytes);
            bytes += batch->size_bytes;
        } else {
            bytes += ww_batch_slice(batch, index, to, out + bytes);
        }
        index = to + 1;
    }
    *next = index;
    return bytes;
}

/* Sends the open buffer `data`, whose body stands at WW_BODY_OFFSET already. */
void ww_net_send_with_body(struct ww_net *net, uint32_t destination, uint8_t *data,
                           const void *message, uint32_t body_bytes)
{
    struct ww_transport *transport = net->shard->transport;
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, data, transport->max_datagram);
    ww_datagram_add(&builder, message, body_bytes);
    ww_datagram_finish(&builder, net->shard->options.cluster, net->shard->options.self, destination,
                       NULL);
    transport->ops->tx_send(transport, WW_BODY_OFFSET + body_bytes, NULL, 0);
}

/* One AppendEntries with what the reader has at hand. False: nothing could be sent now. */
static bool send_append(struct ww_net *net, struct ww_group *group, uint32_t peer,
                        struct ww_raft_message *message, uint64_t last, uint32_t budget)
{
    struct ww_transport *transport = net->shard->transport;
    struct ww_reader *reader = &group->peers[peer];
    struct ww_log_view view;
    if (ww_net_read(net, group, reader, message->index + 1, true, &view) != WW_READ_VIEW)
        return false;
    uint8_t *data = transport->ops->tx_begin(transport, peer);
    if (data == NULL)
        return false;
    uint32_t max = transport->max_datagram - WW_BODY_OFFSET;
    if (budget < max)
        max = budget > view.batch->size_bytes ? budget : view.batch->size_bytes;
    uint64_t next;
    message->body_bytes = ww_net_gather(net, group, reader, message->index + 1, last,
                                        data + WW_BODY_OFFSET, max, &next);
    WW_ASSERT(message->body_bytes > 0);
    struct ww_trace_record place = {.group = group->id,
                                    .point = WW_TRACE_SENT,
                                    .peer = (uint16_t)peer};
    ww_trace_range(&net->shard->traces[WW_STAGE_NET], place, message->index + 1, next - 1);
    ww_net_send_with_body(net, peer, data, message, message->body_bytes);
    ww_raft_sent(group->raft, peer, next - 1, message->body_bytes, net->now_ns);
    return true;
}

static bool send_to_peer(struct ww_net *net, struct ww_group *group, uint32_t peer)
{
    struct ww_raft_message message;
    uint64_t last;
    uint32_t budget;
    for (uint32_t sent = 0; sent < APPENDS_PER_POLL; sent++) {
        if (!ww_raft_next_append(group->raft, peer, &message, &last, &budget))
            return true;
        if (message.type == WW_RAFT_SNAPSHOT) {
            if (!ww_net_send_snapshot_part(net, group, peer, &message, budget))
                break;
        } else if (last <= message.index) {
            ww_net_post(net, peer, peer, &message);
            ww_raft_sent(group->raft, peer, message.index, 0, net->now_ns);
        } else if (!send_append(net, group, peer, &message, last, budget)) {
            break;
        }
    }
    return false;
}

bool ww_net_send_appends(struct ww_net *net, struct ww_group *group)
{
    if (!ww_raft_is_leader(group->raft))
        return true;
    struct ww_transport *transport = net->shard->transport;
    uint8_t peers = ww_raft_peers(group->raft);
    bool done = true;
    for (uint32_t peer = 1; peer <= WW_NODES_MAX; peer++) {
        if ((peers >> peer & 1) && transport->ops->link_up(transport, peer))
            done = send_to_peer(net, group, peer) && done;
    }
    return done;
}
