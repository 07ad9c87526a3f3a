/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes answer. Nothing here is believed that the client did not ask for. */
#include "engine/client/client_core.h"

#include "engine/wire/datagram.h"

void ww_client_deliver(struct ww_client *client, struct ww_client_group *group,
                       struct ww_client_out *out)
{
    struct ww_client_window *window = &group->window;
    while (ww_client_window_ready(window)) {
        if (out->count == out->max) {
            client->undelivered = true;
            return;
        }
        struct ww_client_answer answer = ww_client_window_take(window);
        client->outstanding -= answer.count;
        out->completions[out->count++] = (struct ww_completion){
            .group = group->number,
            .count = answer.count,
            .first_sequence = answer.sequence,
            .first_index = answer.index,
            .status = answer.status,
        };
    }
    if (window->oldest == window->next)
        group->deadline_ns = 0;
}

/* Only what was sent can be answered; then it is progress if it answers the oldest. */
static bool on_answer(struct ww_client *client, struct ww_client_group *group,
                      struct ww_client_answer answer)
{
    if (answer.sequence > group->sent_end || answer.count > group->sent_end - answer.sequence)
        return false;
    bool news = ww_client_window_answer(&group->window, answer);
    if (news && ww_client_window_ready(&group->window)) {
        group->silent = 0;
        group->hops = 0;
        group->backoff_ns = WW_CLIENT_BACKOFF_MIN_NS;
        ww_client_arm(client, group);
        ww_client_rewind(client, group, group->sent); /* there is room on the way again */
    }
    return true;
}

/*
 * A gap: what the leader expects was lost, and it refuses whatever is behind. Runs that were on
 * their way when the lost one was sent again are refused too: they must not rewind a second time,
 * or each would cost a window. That the resent one was lost as well shows when the refused
 * sequence goes back, or when the refusals do not end.
 */
static bool is_new_gap(const struct ww_client *client, const struct ww_client_group *group,
                       const struct ww_client_message *message)
{
    return message->oldest != group->gap_expected || message->sequence <= group->gap_refused ||
           client->now_ns - group->gap_ns >= WW_CLIENT_GAP_NS;
}

static void back_off(struct ww_client *client, struct ww_client_group *group)
{
    if (group->hold_ns != 0)
        return;
    ww_client_hold(client, group, group->backoff_ns);
    group->backoff_ns *= 2;
    if (group->backoff_ns > WW_CLIENT_BACKOFF_MAX_NS)
        group->backoff_ns = WW_CLIENT_BACKOFF_MAX_NS;
}

static bool on_busy(struct ww_client *client, struct ww_client_group *group,
                    const struct ww_client_message *message)
{
    if (message->oldest > group->sent_end)
        return false;
    client->stats.busy++;
    ww_client_arm(client, group);
    bool full = message->status == -WW_EBUSY;
    if (full)
        back_off(client, group);
    if (full || is_new_gap(client, group, message)) {
        group->gap_expected = message->oldest;
        group->gap_ns = client->now_ns;
        ww_client_rewind(client, group, message->oldest);
    }
    group->gap_refused = message->sequence;
    return true;
}

static void on_not_leader(struct ww_client *client, struct ww_client_group *group, uint32_t leader)
{
    bool known = leader != group->node && ww_client_knows(client, leader);
    /* Two nodes that name each other must not keep us busy. */
    if (!known || ++group->hops > client->node_count)
        ww_client_hold(client, group, WW_CLIENT_SEARCH_NS);
    ww_client_switch(client, group, known ? leader : ww_client_node_after(client, group->node));
}

/* For good: the refusal answers the run. Without a count it is the rest of the run. */
static bool on_refused(struct ww_client *client, struct ww_client_group *group,
                       const struct ww_client_message *message)
{
    if (message->status == -WW_EGONE) {
        ww_client_session_gone(client, group, message);
        return true;
    }
    if (message->sequence < group->window.oldest)
        return true; /* a late copy */
    if (message->sequence >= group->sent_end || message->status == 0)
        return false;
    uint32_t count = message->count;
    if (count == 0)
        count = ww_client_window_slice(&group->window, message->sequence).count;
    struct ww_client_answer answer = {.sequence = message->sequence,
                                      .count = count,
                                      .status = -(int)message->status};
    return on_answer(client, group, answer);
}

static bool on_message(struct ww_client *client, uint32_t node,
                       const struct ww_client_message *message, const uint8_t *body,
                       struct ww_client_out *out)
{
    if (message->group >= client->group_count || message->reserved != 0)
        return false;
    if (message->type == WW_CLIENT_READ_DATA)
        return ww_client_read_data(client, message, body);
    if (message->type == WW_CLIENT_QUERY_DATA)
        return ww_client_query_data(client, message, body);
    if ((message->sequence & WW_CLIENT_READ_TAG) != 0)
        return message->sequence == client->asker.tag ? ww_client_query_refused(client, message)
                                                      : ww_client_read_refused(client, message);

    struct ww_client_group *group = &client->groups[message->group];
    bool sensible;
    if (message->type == WW_CLIENT_COMMITTED) {
        struct ww_client_answer answer = {message->sequence, message->index, message->count, WW_OK};
        sensible = on_answer(client, group, answer);
        ww_client_deliver(client, group, out);
        return sensible;
    }
    if (message->type == WW_CLIENT_REGISTERED || message->type == WW_CLIENT_ENDED) {
        if (message->type == WW_CLIENT_REGISTERED && message->index != 0)
            ww_client_registered(client, group, message);
        else
            ww_client_ended(client, group, message);
        return message->index != 0;
    }
    if (node != group->node)
        return true; /* that one is no longer asked: what it cannot do does not matter */
    group->silent = 0;
    switch (message->type) {
    case WW_CLIENT_BUSY:
        return on_busy(client, group, message);
    case WW_CLIENT_NOT_LEADER:
        on_not_leader(client, group, message->node);
        return true;
    case WW_CLIENT_REFUSED:
        sensible = on_refused(client, group, message);
        ww_client_deliver(client, group, out);
        return sensible;
    default:
        return false;
    }
}

/* Returns whether every message of the datagram made sense. */
static bool on_datagram(struct ww_client *client, const struct ww_rx *rx, struct ww_client_out *out)
{
    if (ww_datagram_check(rx->data, rx->size_bytes, client->cluster, client->number) !=
        WW_DATAGRAM_OK)
        return false;
    const struct ww_datagram_header *header = (const void *)rx->data;
    const struct ww_client_message *messages = (const void *)(header + 1);
    const uint8_t *body = (const uint8_t *)(messages + header->message_count);
    bool sensible = header->source == rx->link;
    for (uint32_t i = 0; i < header->message_count && sensible; i++) {
        sensible = on_message(client, header->source, &messages[i], body, out);
        body += messages[i].body_bytes;
    }
    return sensible;
}

uint32_t ww_client_receive(struct ww_client *client, struct ww_client_out *out)
{
    struct ww_rx rx[WW_BURST];
    struct ww_transport *transport = client->transport;
    uint32_t count = transport->ops->rx_burst(transport, rx, WW_BURST);
    for (uint32_t i = 0; i < count; i++)
        client->stats.drops += !on_datagram(client, &rx[i], out);
    if (count > 0)
        transport->ops->rx_release(transport, rx, count);
    return count;
}
