/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_cluster.h"

#include "engine/wire/batch.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define DATAGRAM_MAX WW_DATAGRAM_MAX(FAKE_MTU)

static void push(struct fake *fake, struct fake_queue *queue, uint32_t link, const void *data,
                 uint32_t size_bytes)
{
    if (queue->first + queue->count == queue->capacity) {
        queue->capacity = queue->capacity * 2 + 64;
        queue->datagrams = realloc(queue->datagrams, queue->capacity * sizeof(*queue->datagrams));
    }
    struct fake_datagram datagram = {link, size_bytes, malloc(size_bytes)};
    memcpy(datagram.data, data, size_bytes);
    uint32_t at = queue->first + queue->count++;
    queue->datagrams[at] = datagram;
    if (queue->count > 1 && ww_random_range(&fake->random, 0, 100) < fake->swap_percent) {
        uint32_t other = (uint32_t)ww_random_range(&fake->random, queue->first, at);
        queue->datagrams[at] = queue->datagrams[other];
        queue->datagrams[other] = datagram;
    }
}

static void transmit(struct fake *fake, struct fake_queue *queue, uint32_t link, const void *data,
                     uint32_t size_bytes)
{
    if (ww_random_range(&fake->random, 0, 100) < fake->lose_percent)
        return;
    push(fake, queue, link, data, size_bytes);
    if (ww_random_range(&fake->random, 0, 100) < fake->double_percent)
        push(fake, queue, link, data, size_bytes);
}

static bool pop(struct fake_queue *queue, struct fake_datagram *datagram)
{
    if (queue->count == 0)
        return false;
    *datagram = queue->datagrams[queue->first++];
    if (--queue->count == 0)
        queue->first = 0;
    return true;
}

static uint32_t rx_burst(struct ww_transport *transport, struct ww_rx *out, uint32_t max)
{
    struct fake *fake = (struct fake *)transport;
    struct fake_datagram datagram;
    uint32_t count = 0;
    while (count < max && pop(&fake->to_client, &datagram)) {
        out[count++] = (struct ww_rx){datagram.data, datagram.size_bytes, datagram.link, NULL};
        transport->counters[WW_NET_RX_FRAMES]++;
    }
    return count;
}

static void rx_release(struct ww_transport *transport, struct ww_rx *rx, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free(rx[i].data);
    ((struct fake *)transport)->released += count;
}

static uint8_t *tx_begin(struct ww_transport *transport, uint32_t link)
{
    struct fake *fake = (struct fake *)transport;
    cr_assert_null(fake->open, "one buffer at a time");
    if (fake->down[link])
        return NULL;
    fake->open = malloc(DATAGRAM_MAX);
    fake->open_link = link;
    return fake->open;
}

static void tx_send(struct ww_transport *transport, uint32_t head_bytes, const void *body,
                    uint32_t body_bytes)
{
    struct fake *fake = (struct fake *)transport;
    cr_assert_leq(head_bytes + body_bytes, DATAGRAM_MAX);
    if (body_bytes > 0)
        memcpy(fake->open + head_bytes, body, body_bytes);
    transport->counters[WW_NET_TX_FRAMES]++;
    transmit(fake, &fake->to_nodes, fake->open_link, fake->open, head_bytes + body_bytes);
    free(fake->open);
    fake->open = NULL;
}

static void tx_flush(struct ww_transport *transport)
{
}

static int link_up(struct ww_transport *transport, uint32_t link)
{
    return !((struct fake *)transport)->down[link];
}

static void close_transport(struct ww_transport *transport)
{
    ((struct fake *)transport)->closed = true;
}

static const struct ww_transport_ops ops = {rx_burst, rx_release, tx_begin,       tx_send,
                                            tx_flush, link_up,    close_transport};

static uint64_t look(struct ww_clock *clock)
{
    struct fake *fake = (void *)((uint8_t *)clock - offsetof(struct fake, clock));
    fake->now_ns += fake->step_ns;
    return fake->now_ns;
}

struct fake *fake_create(void)
{
    struct fake *fake = calloc(1, sizeof(*fake));
    fake->transport = (struct ww_transport){.ops = &ops,
                                            .name = "fake",
                                            .max_datagram = WW_DATAGRAM_MAX(FAKE_MTU)};
    fake->clock.now_ns = look;
    fake->now_ns = 1000000000;
    for (uint32_t i = 0; i < FAKE_GROUPS; i++) {
        fake->groups[i].leader = fake->groups[i].hint = 1 + i % FAKE_NODES;
        fake->groups[i].capacity = UINT64_MAX;
    }
    return fake;
}

void fake_destroy(struct fake *fake)
{
    struct fake_datagram datagram;
    cr_assert(fake->closed, "the client closes its transport");
    while (pop(&fake->to_nodes, &datagram) || pop(&fake->to_client, &datagram))
        free(datagram.data);
    free(fake->to_nodes.datagrams);
    free(fake->to_client.datagrams);
    free(fake);
}

struct ww_client *fake_client(struct fake *fake, uint32_t window_entries, uint64_t retry_ns)
{
    uint32_t leaders[FAKE_GROUPS];
    for (uint32_t i = 0; i < FAKE_GROUPS; i++)
        leaders[i] = fake->groups[i].leader;
    struct ww_client_setup setup = {
        .transport = &fake->transport,
        .clock = &fake->clock,
        .cluster = FAKE_CLUSTER,
        .number = FAKE_NUMBER,
        .nonce = fake->nonce,
        .mtu = FAKE_MTU,
        .entry_max = WW_ENTRY_MAX(FAKE_MTU),
        .nodes = {1, 2, 3},
        .node_count = FAKE_NODES,
        .groups = FAKE_GROUPS,
        .leaders = leaders,
    };
    ww_client_options_init(&setup.options);
    setup.options.window_entries = window_entries;
    setup.options.window_bytes = WW_CLIENT_WINDOW_BYTES_MIN;
    setup.options.retry_ns = retry_ns;
    struct ww_client *client;
    struct ww_error error;
    int status = ww_client_create(&setup, &client, &error);
    cr_assert_eq(status, WW_OK, "%s", error.text);
    return client;
}

void fake_raw(struct fake *fake, uint32_t node, const void *data, uint32_t size_bytes)
{
    transmit(fake, &fake->to_client, node, data, size_bytes);
}

void fake_answer(struct fake *fake, uint32_t node, const struct ww_client_message *message,
                 const void *body)
{
    uint8_t *data = malloc(DATAGRAM_MAX);
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, data, DATAGRAM_MAX);
    ww_datagram_add(&builder, message, message->body_bytes);
    uint32_t head = ww_datagram_finish(&builder, FAKE_CLUSTER, node, FAKE_NUMBER, NULL);
    if (message->body_bytes > 0)
        memcpy(data + head, body, message->body_bytes);
    fake_raw(fake, node, data, head + message->body_bytes);
    free(data);
}

static void answer_committed(struct fake *fake, uint32_t number, uint64_t sequence, uint64_t count,
                             uint64_t index)
{
    struct ww_client_message message = {.type = WW_CLIENT_COMMITTED,
                                        .group = number,
                                        .sequence = sequence,
                                        .oldest = sequence + count,
                                        .index = index,
                                        .count = (uint32_t)count};
    fake_answer(fake, fake->groups[number].leader, &message, NULL);
}

/* What of a run was accepted before: pending entries wait, committed ones are answered again. */
static void answer_again(struct fake *fake, uint32_t number, const struct ww_client_message *run)
{
    struct fake_group *group = &fake->groups[number];
    uint64_t end =
        group->pending_count > 0 ? group->pending[group->pending_first].sequence : group->expected;
    for (uint64_t i = run->sequence; i < end && i < run->sequence + run->count; i++)
        answer_committed(fake, number, i, 1, group->forgetful ? 0 : group->index_of[i]);
}

/* Takes the run from what the leader expects on; the entries before that it has. */
static void append(struct fake_group *group, const struct ww_client_message *run,
                   const uint8_t *body)
{
    uint32_t at = 0, count = 0;
    uint64_t first = group->log_count + 1, from = group->expected;
    for (uint64_t sequence = run->sequence; sequence < run->sequence + run->count; sequence++) {
        uint32_t head;
        memcpy(&head, body + at, sizeof(head));
        if (sequence >= from) {
            cr_assert_lt(group->log_count, FAKE_LOG_MAX);
            memcpy(&group->log[group->log_count++], body + at + 4, 8);
            group->index_of[sequence] = group->log_count;
            count++;
        }
        at += ww_entry_stored_bytes(head & 0xffffff);
    }
    cr_assert_eq(at, run->body_bytes);
    group->pending[group->pending_first + group->pending_count++] =
        (struct fake_pending){from, first, count};
    group->expected = from + count;
}

static uint64_t pending_entries(const struct fake_group *group)
{
    return group->pending_count == 0
               ? 0
               : group->expected - group->pending[group->pending_first].sequence;
}

static void on_propose(struct fake *fake, uint32_t node, const struct ww_client_message *run,
                       const uint8_t *body)
{
    struct fake_group *group = &fake->groups[run->group];
    struct ww_client_message answer = {.group = run->group, .sequence = run->sequence};
    const char *why;
    cr_assert(ww_entries_check(body, run->body_bytes, run->count, &why), "%s", why);
    cr_assert_leq(run->oldest, run->sequence);
    fake->last_oldest = run->oldest;
    if (node != group->leader) {
        answer.type = WW_CLIENT_NOT_LEADER;
        answer.node = group->hint;
        fake_answer(fake, node, &answer, NULL);
        return;
    }
    if (!group->known)
        group->expected = run->oldest;
    group->known = true;
    if (run->sequence > group->expected) {
        answer.type = WW_CLIENT_BUSY;
        answer.oldest = group->expected;
        fake_answer(fake, node, &answer, NULL);
    } else if (run->sequence + run->count <= group->expected) {
        answer_again(fake, run->group, run);
    } else if (pending_entries(group) + run->count > group->capacity) {
        answer.type = WW_CLIENT_BUSY;
        answer.status = -WW_EBUSY;
        answer.oldest = group->expected;
        fake_answer(fake, node, &answer, NULL);
    } else {
        append(group, run, body);
    }
}

const struct ww_client_message *fake_message(const struct fake_datagram *datagram)
{
    return (const void *)(datagram->data + WW_DATAGRAM_HEADER_BYTES);
}

bool fake_take(struct fake *fake, struct fake_datagram *datagram)
{
    return pop(&fake->to_nodes, datagram);
}

void fake_step(struct fake *fake)
{
    struct fake_datagram datagram;
    while (fake_take(fake, &datagram)) {
        uint32_t node = datagram.link;
        cr_assert_eq(ww_datagram_check(datagram.data, datagram.size_bytes, FAKE_CLUSTER, node),
                     WW_DATAGRAM_OK);
        const struct ww_datagram_header *header = (const void *)datagram.data;
        const struct ww_client_message *message = fake_message(&datagram);
        cr_assert_eq(header->source, FAKE_NUMBER);
        cr_assert_eq(header->message_count, 1);
        cr_assert_eq(message->type, WW_CLIENT_PROPOSE);
        cr_assert_neq(header->body_crc32c, 0, "proposals have no checksum of their own");
        fake->proposals[node]++;
        if (!fake->silent[node])
            on_propose(fake, node, message, (const uint8_t *)(message + 1));
        free(datagram.data);
    }
}

void fake_commit(struct fake *fake, uint32_t number, uint64_t count)
{
    struct fake_group *group = &fake->groups[number];
    while (count > 0 && group->pending_count > 0) {
        struct fake_pending *run = &group->pending[group->pending_first];
        uint32_t part = count < run->count ? (uint32_t)count : run->count;
        answer_committed(fake, number, run->sequence, part, run->index);
        run->sequence += part;
        run->index += part;
        run->count -= part;
        count -= part;
        if (run->count == 0) {
            group->pending_first++;
            group->pending_count--;
        }
    }
}

void fake_lead(struct fake *fake, uint32_t number, uint32_t node)
{
    struct fake_group *group = &fake->groups[number];
    if (group->pending_count > 0)
        group->log_count = group->pending[group->pending_first].index - 1;
    group->pending_first = group->pending_count = 0;
    group->leader = group->hint = node;
    group->known = false;
}

int fake_propose(struct ww_client *client, uint32_t group, uint64_t sequence, size_t size)
{
    uint8_t data[WW_MTU_MAX] = {0};
    memcpy(data, &sequence, sizeof(sequence));
    return ww_client_propose(client, group, data, size);
}
