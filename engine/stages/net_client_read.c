/* SPDX-License-Identifier: Apache-2.0 */
/* Clients read committed entries from any replica: one READ at a time per client link. */
#include "engine/stages/net_internal.h"

#define DATAGRAMS_PER_POLL 16u
static void finish(struct ww_net *net, struct ww_client_read *read)
{
    ww_net_reader_reset(net, &read->reader);
    read->active = false;
}

void ww_net_client_read(struct ww_net *net, uint32_t link, uint32_t client,
                        const struct ww_client_message *message)
{
    struct ww_client_read *read = &net->client_reads[link - WW_LINK_CLIENT];
    if (read->active)
        finish(net, read); /* a newer request replaces the one under way */
    *read = (struct ww_client_read){
        .active = true,
        .client = client,
        .group = message->group,
        .tag = message->sequence,
        .next = message->index > 0 ? message->index : 1,
        .window_bytes = message->window_bytes,
    };
    ww_reader_init(&read->reader);
}

static uint32_t count_batches(const uint8_t *body, uint32_t bytes)
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < bytes; at += ww_batch_header(body + at)->size_bytes)
        count++;
    return count;
}

void ww_net_reset_client_reads(struct ww_net *net, struct ww_group *group)
{
    for (uint32_t i = 0; i < WW_CLIENTS_MAX; i++) {
        struct ww_client_read *read = &net->client_reads[i];
        if (read->active && read->group == group->id)
            ww_net_reader_reset(net, &read->reader);
    }
}

/* The entries that it wants are in a snapshot only. */
static void refuse(struct ww_net *net, uint32_t link, struct ww_client_read *read)
{
    struct ww_client_message answer = {
        .type = WW_CLIENT_REFUSED,
        .status = -WW_EGONE,
        .group = read->group,
        .sequence = read->tag,
        .index = net->groups[read->group].first_index,
    };
    ww_net_post(net, link, read->client, &answer);
    finish(net, read);
}

/* One READ_DATA; false when nothing can be sent now. */
static bool serve_one(struct ww_net *net, uint32_t link, struct ww_client_read *read)
{
    struct ww_transport *transport = net->shard->transport;
    struct ww_group *group = &net->groups[read->group];
    struct ww_client_message answer = {
        .type = WW_CLIENT_READ_DATA,
        .group = read->group,
        .sequence = read->tag,
        .index = ww_raft_commit(group->raft),
        .node = net->shard->options.self,
    };
    if (read->next < group->first_index) {
        refuse(net, link, read);
        return true;
    }
    struct ww_log_view view;
    bool some = read->next <= answer.index;
    if (some && ww_net_read(net, group, &read->reader, read->next, true, &view) != WW_READ_VIEW)
        return false;
    uint8_t *data = transport->ops->tx_begin(transport, link);
    if (data == NULL)
        return false;
    if (some)
        answer.body_bytes = ww_net_gather(net, group, &read->reader, read->next, answer.index,
                                          data + WW_BODY_OFFSET,
                                          transport->max_datagram - WW_BODY_OFFSET, &read->next);
    answer.count = count_batches(data + WW_BODY_OFFSET, answer.body_bytes);
    ww_net_send_with_body(net, read->client, data, &answer, answer.body_bytes);
    bool more = read->window_bytes > answer.body_bytes && read->next <= answer.index;
    read->window_bytes -= more ? answer.body_bytes : 0;
    if (!more)
        finish(net, read);
    return true;
}

uint32_t ww_net_serve_client_reads(struct ww_net *net)
{
    uint32_t sent = 0;
    for (uint32_t i = 0; i < WW_CLIENTS_MAX; i++) {
        struct ww_client_read *read = &net->client_reads[i];
        for (uint32_t n = 0; read->active && n < DATAGRAMS_PER_POLL; n++) {
            if (!serve_one(net, WW_LINK_CLIENT + i, read))
                break;
            sent++;
        }
    }
    return sent;
}
