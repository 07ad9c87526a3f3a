/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/client/client_core.h"

#include "engine/base/assert.h"
#include "engine/base/error.h"
#include "engine/client/client_sent.h"
#include "engine/wire/datagram.h"

#include <stdlib.h>
#include <x86intrin.h>

void ww_client_options_init(struct ww_client_options *options)
{
    *options = (struct ww_client_options){
        .window_entries = WW_CLIENT_WINDOW_ENTRIES_DEFAULT,
        .window_bytes = WW_CLIENT_WINDOW_BYTES_DEFAULT,
        .retry_ns = WW_CLIENT_RETRY_NS_DEFAULT,
    };
}

static int create_groups(struct ww_client *client, const struct ww_client_setup *setup)
{
    client->groups = calloc(setup->groups, sizeof(*client->groups));
    client->sending = calloc(setup->groups, sizeof(struct ww_client_group *));
    client->sent_slots = 2 * (WW_CLIENT_FRAMES_MAX + setup->groups); /* more than can be out */
    client->sent = calloc(client->sent_slots, sizeof(*client->sent));
    if (client->groups == NULL || client->sending == NULL || client->sent == NULL)
        return WW_ENOMEM;
    for (uint32_t i = 0; i < setup->groups; i++) {
        struct ww_client_group *group = &client->groups[i];
        uint32_t leader = setup->leaders[i];
        group->number = i;
        group->nonce = setup->nonce != 0 ? ww_client_nonce(setup->nonce) : 0;
        group->node = ww_client_knows(client, leader) ? leader : client->nodes[0];
        group->backoff_ns = WW_CLIENT_BACKOFF_MIN_NS;
        group->gap_expected = UINT64_MAX;
        int status = ww_client_window_init(&group->window, setup->options.window_entries,
                                           setup->options.window_bytes,
                                           client->batch_max - WW_BATCH_HEADER_BYTES);
        if (status != WW_OK)
            return status;
        client->group_count++;
    }
    return WW_OK;
}

static int validate(const struct ww_client_setup *setup, struct ww_error *error)
{
    const struct ww_client_options *options = &setup->options;
    if (options->window_entries < 1 || options->window_entries > WW_CLIENT_WINDOW_ENTRIES_MAX)
        return ww_fail(error, WW_EINVAL, "client: window_entries is %u, must be 1..%u",
                       options->window_entries, WW_CLIENT_WINDOW_ENTRIES_MAX);
    if (options->window_bytes < WW_CLIENT_WINDOW_BYTES_MIN ||
        options->window_bytes > WW_CLIENT_WINDOW_BYTES_MAX)
        return ww_fail(error, WW_EINVAL, "client: window_bytes is %u, must be %u..%u",
                       options->window_bytes, WW_CLIENT_WINDOW_BYTES_MIN,
                       WW_CLIENT_WINDOW_BYTES_MAX);
    if (options->retry_ns == 0)
        return ww_fail(error, WW_EINVAL, "client: retry_ns must not be 0");
    if (setup->groups < 1 || setup->groups > WW_GROUPS_MAX)
        return ww_fail(error, WW_EINVAL, "client: the cluster has %u groups, must be 1..%u",
                       setup->groups, WW_GROUPS_MAX);
    if (setup->node_count < 1 || setup->node_count > WW_NODES_MAX)
        return ww_fail(error, WW_EINVAL, "client: the cluster has %u nodes, must be 1..%u",
                       setup->node_count, WW_NODES_MAX);
    if (setup->mtu < WW_MTU_MIN || setup->mtu > WW_MTU_MAX ||
        WW_DATAGRAM_MAX(setup->mtu) > setup->transport->max_datagram)
        return ww_fail(error, WW_EINVAL, "client: mtu %u does not fit %s's datagrams of %u bytes",
                       setup->mtu, setup->transport->name, setup->transport->max_datagram);
    if (setup->entry_max > WW_ENTRY_MAX(setup->mtu))
        return ww_fail(error, WW_EINVAL, "client: entries of %u bytes do not fit mtu %u",
                       setup->entry_max, setup->mtu);
    return WW_OK;
}

int ww_client_create(const struct ww_client_setup *setup, struct ww_client **client_out,
                     struct ww_error *error)
{
    *client_out = NULL;
    int status = validate(setup, error);
    struct ww_client *client = status == WW_OK ? calloc(1, sizeof(*client)) : NULL;
    if (client == NULL) {
        setup->transport->ops->close(setup->transport);
        return status != WW_OK ? status : ww_fail(error, WW_ENOMEM, "client: no memory");
    }
    client->transport = setup->transport;
    client->clock = setup->clock;
    client->cluster = setup->cluster;
    client->number = setup->number;
    client->entry_max = setup->entry_max;
    client->batch_max = WW_BATCH_MAX(setup->mtu);
    client->node_count = setup->node_count;
    for (uint32_t i = 0; i < setup->node_count; i++)
        client->nodes[i] = setup->nodes[i];
    client->retry_ns = setup->options.retry_ns;
    client->timer_ns = UINT64_MAX;
    client->reader.done = true;
    if (create_groups(client, setup) != WW_OK) {
        ww_client_close(client);
        return ww_fail(error, WW_ENOMEM, "client: no memory for %u windows of %u bytes",
                       setup->groups, setup->options.window_bytes);
    }
    *client_out = client;
    return WW_OK;
}

void ww_client_close(struct ww_client *client)
{
    if (client == NULL)
        return;
    ww_client_end_sessions(client);
    for (uint32_t i = 0; i < client->group_count; i++)
        ww_client_window_free(&client->groups[i].window);
    free(client->groups);
    free(client->sending);
    free(client->sent);
    client->transport->ops->close(client->transport);
    free(client);
}

uint32_t ww_client_groups(const struct ww_client *client)
{
    return client->group_count;
}

uint32_t ww_client_entry_max(const struct ww_client *client)
{
    return client->entry_max;
}

uint64_t ww_client_outstanding(const struct ww_client *client)
{
    return client->outstanding;
}

static void queue(struct ww_client *client, struct ww_client_group *group)
{
    if (group->queued || group->hold_ns != 0)
        return;
    group->queued = true;
    client->sending[client->sending_count++] = group;
}

int ww_client_propose(struct ww_client *client, uint32_t group_number, const void *data,
                      size_t size)
{
    if (group_number >= client->group_count)
        return WW_ENOTFOUND;
    if (size > client->entry_max)
        return WW_ETOOBIG;
    struct ww_client_group *group = &client->groups[group_number];
    int status = ww_client_window_append(&group->window, data, (uint32_t)size);
    if (status != WW_OK)
        return status;
    client->outstanding++;
    queue(client, group);
    return WW_OK;
}

bool ww_client_knows(const struct ww_client *client, uint32_t node)
{
    for (uint32_t i = 0; i < client->node_count; i++)
        if (client->nodes[i] == node)
            return true;
    return false;
}

uint32_t ww_client_node_after(const struct ww_client *client, uint32_t node)
{
    for (uint32_t i = 0; i + 1 < client->node_count; i++)
        if (client->nodes[i] == node)
            return client->nodes[i + 1];
    return client->nodes[0];
}

static void set_timer(struct ww_client *client, uint64_t *timer_ns, uint64_t ns)
{
    *timer_ns = client->now_ns + ns;
    if (*timer_ns < client->timer_ns)
        client->timer_ns = *timer_ns;
}

/* The node gets a full retry_ns again to answer what is out. */
void ww_client_arm(struct ww_client *client, struct ww_client_group *group)
{
    group->deadline_ns = 0;
    if (group->window.oldest != group->window.next)
        set_timer(client, &group->deadline_ns, client->retry_ns << group->silent);
}

void ww_client_hold(struct ww_client *client, struct ww_client_group *group, uint64_t ns)
{
    set_timer(client, &group->hold_ns, ns);
}

void ww_client_rewind(struct ww_client *client, struct ww_client_group *group, uint64_t sequence)
{
    group->registering = false;
    if (sequence < group->sent)
        group->sent = sequence;
    if (group->sent < group->window.next)
        queue(client, group);
}

void ww_client_switch(struct ww_client *client, struct ww_client_group *group, uint32_t node)
{
    client->stats.redirects++;
    group->node = node;
    group->silent = 0;
    group->gap_expected = UINT64_MAX;
    ww_client_arm(client, group);
    ww_client_rewind(client, group, group->window.oldest);
}

bool ww_client_send_message(struct ww_client *client, uint32_t node,
                            const struct ww_client_message *message, const uint8_t *body)
{
    struct ww_transport *transport = client->transport;
    uint8_t *data = transport->ops->tx_begin(transport, node);
    if (data == NULL)
        return false;
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, data, transport->max_datagram);
    ww_datagram_add(&builder, message, message->body_bytes);
    uint32_t head = ww_datagram_finish(&builder, client->cluster, client->number, node, body);
    transport->ops->tx_send(transport, head, body, message->body_bytes);
    return true;
}

static bool send_run(struct ww_client *client, struct ww_client_group *group)
{
    struct ww_client_slice slice = ww_client_window_slice(&group->window, group->sent);
    struct ww_client_message message = {
        .type = WW_CLIENT_PROPOSE,
        .group = group->number,
        .body_bytes = slice.bytes,
        .sequence = group->sent,
        .oldest = group->window.oldest,
        .index = group->session,
        .count = slice.count,
    };
    if (!ww_client_send_message(client, group->node, &message, slice.body))
        return false;
    if (group->sent < group->sent_end) {
        uint64_t again = group->sent_end - group->sent;
        client->stats.resent += again < slice.count ? again : slice.count;
    }
    client->sent[client->sent_end++ % client->sent_slots] =
        (struct ww_client_sent){group->sent, client->now_ns, group->number, slice.count};
    group->sent += slice.count;
    if (group->sent > group->sent_end)
        group->sent_end = group->sent;
    return true;
}

/*
 * More than the leader's ring holds would only be lost. And when many small runs are on the way,
 * one that still has room waits (as in Nagle's algorithm, RFC 896, but behind more than one): what
 * comes meanwhile fills it, so that under load the datagrams grow instead of getting more.
 */
static bool enough_on_the_way(const struct ww_client *client, const struct ww_client_group *group)
{
    const struct ww_client_window *window = &group->window;
    uint32_t share = WW_CLIENT_FRAMES_MAX / client->group_count;
    uint32_t most = share > 1 ? share : 1;
    uint32_t runs = ww_client_window_runs_before(window, group->sent);
    bool small = runs >= WW_CLIENT_SMALL_FRAMES && window->used / runs < window->run_bytes_max / 2;
    return runs >= most || (small && ww_client_window_fills(window, group->sent));
}

/* Sends a burst of the group's runs; returns whether there is more for the next poll. */
static bool send_group(struct ww_client *client, struct ww_client_group *group, uint32_t *sent)
{
    struct ww_transport *transport = client->transport;
    if (group->hold_ns != 0)
        return false;
    if (!transport->ops->link_up(transport, group->node)) {
        ww_client_switch(client, group, ww_client_node_after(client, group->node));
        ww_client_hold(client, group, WW_CLIENT_SEARCH_NS);
        return false;
    }
    if (group->sent < group->window.oldest)
        group->sent = group->window.oldest;
    if (group->nonce != 0 && group->session == 0) {
        if (!group->registering && group->sent != group->window.next) {
            ww_client_arm(client, group);
            *sent += ww_client_register(client, group);
        }
        return false;
    }
    for (uint32_t i = 0; i < WW_BURST; i++) {
        if (group->sent == group->window.next || enough_on_the_way(client, group))
            return false; /* an answer queues it again */
        if (group->deadline_ns == 0)
            ww_client_arm(client, group);
        if (!send_run(client, group)) {
            ww_client_hold(client, group, WW_CLIENT_BACKOFF_MIN_NS);
            return false;
        }
        ++*sent;
    }
    return group->sent != group->window.next;
}

static uint32_t send_queued(struct ww_client *client)
{
    uint32_t sent = 0, kept = 0;
    uint32_t count = client->sending_count;
    for (uint32_t i = 0; i < count; i++) {
        struct ww_client_group *group = client->sending[i];
        group->queued = send_group(client, group, &sent);
        if (group->queued)
            client->sending[kept++] = group;
    }
    client->sending_count = kept;
    if (sent > 0)
        client->transport->ops->tx_flush(client->transport);
    return sent;
}

/* Nothing came: send all again, and when that does not help either, ask someone else. */
static void on_silence(struct ww_client *client, struct ww_client_group *group)
{
    if (group->silent++ < WW_CLIENT_SILENT_RETRIES) {
        ww_client_arm(client, group);
        ww_client_rewind(client, group, group->window.oldest);
    } else {
        ww_client_switch(client, group, ww_client_node_after(client, group->node));
    }
}

static void run_timers(struct ww_client *client)
{
    if (client->now_ns < client->timer_ns)
        return;
    client->timer_ns = UINT64_MAX;
    for (uint32_t i = 0; i < client->group_count; i++) {
        struct ww_client_group *group = &client->groups[i];
        if (group->hold_ns != 0 && group->hold_ns <= client->now_ns) {
            group->hold_ns = 0;
            ww_client_rewind(client, group, group->sent);
        }
        if (group->deadline_ns != 0 && group->deadline_ns <= client->now_ns)
            on_silence(client, group);
        if (group->hold_ns != 0 && group->hold_ns < client->timer_ns)
            client->timer_ns = group->hold_ns;
        if (group->deadline_ns != 0 && group->deadline_ns < client->timer_ns)
            client->timer_ns = group->deadline_ns;
    }
}

/* Answers that found no room in the caller's last array. */
static void deliver_rest(struct ww_client *client, struct ww_client_out *out)
{
    client->undelivered = false;
    for (uint32_t i = 0; i < client->group_count; i++)
        ww_client_deliver(client, &client->groups[i], out);
}

uint32_t ww_client_advance(struct ww_client *client)
{
    client->now_ns = ww_clock_now(client->clock);
    run_timers(client);
    return send_queued(client);
}

size_t ww_client_poll(struct ww_client *client, struct ww_completion *completions, size_t max)
{
    uint64_t begin = __rdtsc();
    struct ww_client_out out = {.completions = completions, .max = max};
    uint32_t work = ww_client_advance(client);
    if (client->undelivered)
        deliver_rest(client, &out);
    if (!client->undelivered)
        work += ww_client_receive(client, &out);
    uint64_t cycles = __rdtsc() - begin;
    if (work > 0 || out.count > 0)
        client->stats.work_cycles += cycles;
    else
        client->stats.empty_cycles += cycles;
    return out.count;
}

uint64_t ww_client_first_sent_ns(const struct ww_client *client, uint32_t group, uint64_t sequence)
{
    uint64_t slots = client->sent_slots;
    for (uint64_t i = client->sent_end > slots ? client->sent_end - slots : 0; i < client->sent_end;
         i++) {
        const struct ww_client_sent *sent = &client->sent[i % slots];
        if (sent->group == group && sequence - sent->first < sent->count)
            return sent->ns;
    }
    return 0;
}

void ww_client_stats(const struct ww_client *client, struct ww_client_stats *stats)
{
    const uint64_t *counters = client->transport->counters;
    *stats = client->stats;
    stats->tx_frames = counters[WW_NET_TX_FRAMES];
    stats->tx_bytes = counters[WW_NET_TX_BYTES];
    stats->rx_frames = counters[WW_NET_RX_FRAMES];
    stats->rx_bytes = counters[WW_NET_RX_BYTES];
    for (int i = WW_NET_DROP_RX_SHORT; i < WW_NET_COUNTERS; i++)
        stats->drops += counters[i];
}
