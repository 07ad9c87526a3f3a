/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of the simulated cluster: the real client library, on a port of the world. */
#include "sim.h"

#include <string.h>

#define WINDOW_ENTRIES 64u
#define COMPLETIONS 16u

static uint64_t client_now(struct ww_clock *clock)
{
    struct sim *sim = (struct sim *)((char *)clock - offsetof(struct sim, client_clock));
    sim->client_steps_ns *= 2; /* a client that ends waits a while for an answer */
    return sim->world->now_ns + sim->client_steps_ns;
}

static void open_client(struct sim *sim, uint32_t number)
{
    uint32_t leaders[WORLD_GROUPS] = {0};
    struct ww_client_setup setup = {
        .transport = world_client(sim->world, number),
        .clock = &sim->client_clock,
        .cluster = WORLD_CLUSTER,
        .number = WW_CLIENT_SOURCE | (++sim->clients[number].processes * SIM_CLIENTS + number),
        .nonce = sim->settings.sessions ? ww_client_nonce(ww_random_next(&sim->random)) : 0,
        .mtu = WW_MTU_MIN,
        .entry_max = WW_ENTRY_MAX(WW_MTU_MIN),
        .node_count = sim->settings.nodes,
        .groups = sim->settings.groups,
        .leaders = leaders,
    };
    for (uint32_t i = 0; i < setup.node_count; i++)
        setup.nodes[i] = i + 1;
    ww_client_options_init(&setup.options);
    setup.options.window_entries = WINDOW_ENTRIES;
    setup.options.window_bytes = WW_CLIENT_WINDOW_BYTES_MIN;
    setup.options.retry_ns = 2 * sim->settings.heartbeat_ns;
    struct ww_error error;
    int status = ww_client_create(&setup, &sim->clients[number].library, &error);
    WW_ASSERT(status == WW_OK);
}

/* The process ends, of itself or by force; another one takes its place and knows nothing of it. */
void sim_client_restart(struct sim *sim, uint32_t client)
{
    struct sim_client *own = &sim->clients[client];
    bool killed = sim_chance(sim, 50);
    sim_trace_add(&sim->trace, sim->world->now_ns,
                  "client %lu RESTARTS, killed %lu, %lu proposals without an answer (%lu %lu %lu)",
                  client, killed, ww_client_outstanding(own->library), 0, 0, 0);
    for (uint32_t i = 0; i < sim->settings.groups; i++) {
        if (killed)
            own->library->groups[i].session = 0; /* it does not come to end it */
        own->first[i] = own->proposed[i];
    }
    sim->client_steps_ns = 1;
    ww_client_close(own->library);
    sim->client_steps_ns = 0;
    open_client(sim, client);
}

static void next_turn(struct sim *sim, uint32_t client)
{
    sim_at(sim, sim->world->now_ns + sim_pick(sim, 1, sim->settings.think_max_ns),
           (struct sim_event){.kind = SIM_CLIENT, .node = client});
}

void sim_clients_begin(struct sim *sim)
{
    sim->client_clock.now_ns = client_now;
    sim->acknowledged = sim->crashes = sim->changes = sim->restored = sim->answers = sim->gone =
        sim->full = sim->losses = sim->cut_logs = sim->begun_anew = 0;
    sim->client_steps_ns = 0;
    for (uint32_t i = 0; i < sim->settings.clients; i++) {
        sim->clients[i] = (struct sim_client){.number = i};
        open_client(sim, i);
        next_turn(sim, i);
    }
}

void sim_clients_end(struct sim *sim)
{
    sim->client_steps_ns = 1;
    for (uint32_t i = 0; i < sim->settings.clients; i++)
        ww_client_close(sim->clients[i].library);
}

void sim_client_propose(struct sim *sim, uint32_t client, uint32_t group)
{
    struct sim_client *own = &sim->clients[client];
    uint8_t number = (uint8_t)sim_pick(sim, 0, WORLD_REGISTERS - 1);
    bool write = sim_chance(sim, 50) || sim_history_holds(number);
    struct world_command command = {
        .kind = write ? WORLD_COMMAND_WRITE : WORLD_COMMAND_ADD,
        .number = number,
        .client = (uint16_t)client,
        .value = ww_random_next(&sim->random),
        .operation = own->proposed[group],
    };
    uint8_t entry[sizeof(command) + SIM_PADDING_MAX] = {0};
    size_t bytes = sizeof(command) + sim_pick(sim, 0, sim->settings.padding);
    memcpy(entry, &command, sizeof(command));
    if (ww_client_propose(own->library, group, entry, bytes) != WW_OK)
        return;
    struct sim_group_ledger *ledger = &sim->ledger.groups[group];
    struct sim_operation *operation =
        sim_ledger_operation(&ledger->streams[client], own->proposed[group]++);
    operation->floor = ledger->told;
    operation->history = sim_history_write(sim, client, group, number, command.value);
}

void sim_client_poll(struct sim *sim, uint32_t client)
{
    struct ww_completion completions[COMPLETIONS];
    size_t count = ww_client_poll(sim->clients[client].library, completions, COMPLETIONS);
    for (size_t i = 0; i < count; i++)
        sim_acknowledged(sim, client, &completions[i]);
}

void sim_client_turn(struct sim *sim, uint32_t client)
{
    uint32_t count = sim->calm ? 0 : (uint32_t)sim_pick(sim, 0, sim->settings.burst);
    for (uint32_t i = 0; i < count; i++)
        sim_client_propose(sim, client, (uint32_t)sim_pick(sim, 0, sim->settings.groups - 1));
    sim_client_poll(sim, client);
    next_turn(sim, client);
}

uint64_t sim_clients_outstanding(const struct sim *sim)
{
    uint64_t outstanding = 0;
    for (uint32_t i = 0; i < sim->settings.clients; i++)
        outstanding += ww_client_outstanding(sim->clients[i].library);
    return outstanding;
}
