/* SPDX-License-Identifier: Apache-2.0 */
/* Linearizable reads of registers, by messages: the client library asks one at a time and waits. */
#include "sim.h"

#include <string.h>

#define READER_NUMBER (WW_CLIENT_SOURCE | 99u)
#define TAG_BIT (1ull << 63)

static void send(struct sim *sim, uint32_t node, struct ww_client_message *message,
                 const uint8_t *body)
{
    struct ww_transport *port = world_client(sim->world, SIM_READER);
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, port->ops->tx_begin(port, node), WORLD_DATAGRAM);
    ww_datagram_add(&builder, message, message->body_bytes);
    uint32_t head = ww_datagram_finish(&builder, WORLD_CLUSTER, READER_NUMBER, node, body);
    port->ops->tx_send(port, head, body, message->body_bytes);
}

/* Mostly one that leads, or believes so. */
static uint32_t ask_whom(struct sim *sim, uint32_t group)
{
    uint32_t node = (uint32_t)sim_pick(sim, 1, sim->settings.nodes);
    uint64_t first = sim_pick(sim, 1, sim->settings.nodes);
    for (uint32_t i = 0; i < sim->settings.nodes && sim_chance(sim, 95); i++) {
        uint32_t id = (uint32_t)((first + i) % sim->settings.nodes) + 1;
        if (sim->world->nodes[id].shard != NULL &&
            ww_raft_is_leader(world_group(sim->world, id, group)->raft))
            node = id;
    }
    return node;
}

void sim_read(struct sim *sim, uint32_t group)
{
    struct sim_read *read = &sim->reads[sim->read_tags % SIM_READS];
    uint32_t node = ask_whom(sim, group);
    *read = (struct sim_read){
        .tag = TAG_BIT | ++sim->read_tags,
        .group = group,
        .number = (uint8_t)sim_pick(sim, 0, WORLD_REGISTERS - 1),
        .floor = sim->ledger.groups[group].told,
    };
    read->history = sim_history_read(sim, group, read->number);
    struct ww_client_message message = {
        .type = WW_CLIENT_QUERY,
        .group = group,
        .body_bytes = sizeof(read->number),
        .sequence = read->tag,
    };
    send(sim, node, &message, &read->number);
}

void sim_strangers(struct sim *sim, uint32_t group)
{
    uint32_t node = ask_whom(sim, group);
    for (uint64_t count = sim_pick(sim, 1, 8); count > 0; count--) {
        struct ww_client_message message = {
            .type = WW_CLIENT_REGISTER,
            .group = group,
            .sequence = ww_client_nonce(ww_random_next(&sim->random)),
        };
        send(sim, node, &message, NULL);
    }
}

static void take(struct sim *sim, const struct ww_client_message *message, const uint8_t *body)
{
    for (uint32_t i = 0; i < SIM_READS; i++) {
        struct sim_read *read = &sim->reads[i];
        uint64_t value;
        if (message->type != WW_CLIENT_QUERY_DATA || read->tag != message->sequence ||
            message->body_bytes != sizeof(value))
            continue;
        memcpy(&value, body, sizeof(value));
        read->tag = 0;
        sim_history_end(sim, read->history, value);
        sim_check_answer(sim, read->group, read->floor, read->number, value, message->index);
    }
}

void sim_reader_poll(struct sim *sim)
{
    struct ww_transport *port = world_client(sim->world, SIM_READER);
    struct ww_rx rx;
    while (port->ops->rx_burst(port, &rx, 1) == 1) {
        const struct world_frame *frame = rx.handle;
        const struct ww_client_message *message;
        const uint8_t *body;
        bool whole = ww_datagram_check(rx.data, rx.size_bytes, WORLD_CLUSTER, READER_NUMBER) ==
                     WW_DATAGRAM_OK;
        for (uint32_t i = 0; whole && (message = world_frame_message(frame, i, &body)) != NULL; i++)
            take(sim, message, body);
        port->ops->rx_release(port, &rx, 1);
    }
}
