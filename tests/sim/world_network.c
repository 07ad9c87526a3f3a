/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#define INBOX_MAX 512u /* as a receive ring: what comes beyond is lost */

static struct world_port *port_of(struct ww_transport *transport)
{
    return (struct world_port *)transport;
}

static void push(struct world_frames *frames, struct world_frame *frame)
{
    frame->next = NULL;
    frame->previous = frames->last;
    if (frames->last != NULL)
        frames->last->next = frame;
    else
        frames->first = frame;
    frames->last = frame;
    frames->count++;
}

static void take_out(struct world_frames *frames, struct world_frame *frame)
{
    if (frame->previous != NULL)
        frame->previous->next = frame->next;
    else
        frames->first = frame->next;
    if (frame->next != NULL)
        frame->next->previous = frame->previous;
    else
        frames->last = frame->previous;
    frames->count--;
}

static struct world_frame *new_frame(struct world *world)
{
    struct world_frame *frame = world->free_frames;
    if (frame != NULL)
        world->free_frames = frame->next;
    else
        frame = malloc(sizeof(*frame));
    WW_ASSERT(frame != NULL);
    return frame;
}

static void free_frame(struct world *world, struct world_frame *frame)
{
    frame->next = world->free_frames;
    world->free_frames = frame;
}

static void clear(struct world *world, struct world_frames *frames)
{
    while (frames->first != NULL) {
        struct world_frame *frame = frames->first;
        take_out(frames, frame);
        free_frame(world, frame);
    }
}

void world_inbox_clear(struct world *world, uint32_t address)
{
    clear(world, &world->ports[address].inbox);
}

static uint32_t rx_burst(struct ww_transport *transport, struct ww_rx *out, uint32_t max)
{
    struct world_port *port = port_of(transport);
    uint32_t count = 0;
    while (count < max && port->inbox.first != NULL) {
        struct world_frame *frame = port->inbox.first;
        take_out(&port->inbox, frame);
        out[count++] = (struct ww_rx){.data = frame->data,
                                      .size_bytes = frame->size_bytes,
                                      .link = frame->from,
                                      .handle = frame};
        transport->counters[WW_NET_RX_FRAMES]++;
        transport->counters[WW_NET_RX_BYTES] += frame->size_bytes;
    }
    return count;
}

static void rx_release(struct ww_transport *transport, struct ww_rx *rx, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free_frame(port_of(transport)->world, rx[i].handle);
}

static uint8_t *tx_begin(struct ww_transport *transport, uint32_t link)
{
    struct world_port *port = port_of(transport);
    if (port->open != NULL)
        port->world->broken = "tx_begin while another buffer is open";
    if (link == 0 || link >= WORLD_ADDRESSES) {
        transport->counters[WW_NET_DROP_TX_DOWN]++;
        return NULL;
    }
    port->open = new_frame(port->world);
    port->open->from = port->self;
    port->open->to = link;
    return port->open->data;
}

static void send(struct world *world, struct world_frame *frame)
{
    const struct world_hooks *hooks = &world->options.hooks;
    frame->id = ++world->frame_ids;
    frame->due_ns = 0;
    push(&world->flight, frame);
    if (hooks->sent != NULL)
        hooks->sent(hooks->context, frame);
}

static void tx_send(struct ww_transport *transport, uint32_t head_bytes, const void *body,
                    uint32_t body_bytes)
{
    struct world_port *port = port_of(transport);
    struct world_frame *frame = port->open;
    WW_ASSERT(frame != NULL && head_bytes + body_bytes <= WORLD_DATAGRAM);
    if (body_bytes > 0)
        memcpy(frame->data + head_bytes, body, body_bytes);
    frame->size_bytes = head_bytes + body_bytes;
    port->open = NULL;
    transport->counters[WW_NET_TX_FRAMES]++;
    transport->counters[WW_NET_TX_BYTES] += frame->size_bytes;
    send(port->world, frame);
}

static void tx_flush(struct ww_transport *transport)
{
}

static int link_up(struct ww_transport *transport, uint32_t link)
{
    return 1; /* as UDP: nobody knows */
}

static void close_port(struct ww_transport *transport)
{
    /* The port is the world's, and ends with the run. */
    world_inbox_clear(port_of(transport)->world, port_of(transport)->self);
}

static const struct ww_transport_ops network_ops = {rx_burst, rx_release, tx_begin,  tx_send,
                                                    tx_flush, link_up,    close_port};

void world_network_begin(struct world *world)
{
    for (uint32_t i = 0; i < WORLD_ADDRESSES; i++)
        world->ports[i] = (struct world_port){
            .base = {.ops = &network_ops, .name = "world", .max_datagram = WORLD_DATAGRAM},
            .world = world,
            .self = i,
        };
}

void world_network_end(struct world *world)
{
    clear(world, &world->flight);
    for (uint32_t i = 0; i < WORLD_ADDRESSES; i++) {
        clear(world, &world->ports[i].inbox);
        if (world->ports[i].open != NULL)
            free_frame(world, world->ports[i].open);
        world->ports[i].open = NULL;
    }
}

const struct ww_datagram_header *world_frame_header(const struct world_frame *frame)
{
    return (const struct ww_datagram_header *)frame->data;
}

const void *world_frame_message(const struct world_frame *frame, uint32_t i, const uint8_t **body)
{
    const struct ww_datagram_header *header = world_frame_header(frame);
    const uint8_t *messages = frame->data + sizeof(*header);
    uint64_t at = sizeof(*header) + header->message_count * WW_MESSAGE_BYTES;
    if (i >= header->message_count || at > frame->size_bytes)
        return NULL;
    for (uint32_t k = 0; k < i; k++) /* both layouts keep body_bytes at the same place */
        at += ((const struct ww_raft_message *)(const void *)(messages + k * WW_MESSAGE_BYTES))
                  ->body_bytes;
    if (body != NULL)
        *body = at <= frame->size_bytes ? frame->data + at : NULL;
    return messages + i * WW_MESSAGE_BYTES;
}

bool world_deliver(struct world *world, struct world_frame *frame)
{
    struct world_port *port = &world->ports[frame->to];
    bool node = frame->to < WW_LINK_CLIENT;
    bool there = !node || (frame->to <= WW_NODES_MAX && world->nodes[frame->to].shard != NULL);
    take_out(&world->flight, frame);
    if (!there || world->cut[frame->from][frame->to] || port->inbox.count >= INBOX_MAX) {
        free_frame(world, frame);
        return false;
    }
    push(&port->inbox, frame);
    return true;
}

void world_drop(struct world *world, struct world_frame *frame)
{
    take_out(&world->flight, frame);
    free_frame(world, frame);
}

struct world_frame *world_duplicate(struct world *world, const struct world_frame *frame)
{
    struct world_frame *copy = new_frame(world);
    copy->from = frame->from;
    copy->to = frame->to;
    copy->size_bytes = frame->size_bytes;
    memcpy(copy->data, frame->data, frame->size_bytes);
    copy->id = ++world->frame_ids;
    copy->due_ns = 0;
    push(&world->flight, copy);
    return copy;
}

void world_corrupt(struct world_frame *frame, uint32_t bit)
{
    frame->data[bit / 8 % frame->size_bytes] ^= (uint8_t)(1u << bit % 8);
}
