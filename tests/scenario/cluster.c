/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster.h"

#include "engine/wire/datagram.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 100000u /* of polls: a node that finds work for ever is broken */

const char *const cluster_lives[] = {"running", "crashed", "paused", "fenced", "damaged", NULL};

/* ---- what the world tells ---- */

static void applied(void *context, uint32_t node, uint32_t group, const struct ww_entry *entry,
                    uint64_t digest)
{
    struct cluster *cluster = context;
    struct cluster_applied *list = &cluster->applied[node];
    if (entry->type != WW_ENTRY_DATA || list->count == CLUSTER_ENTRIES_MAX)
        return;
    size_t size = entry->size_bytes;
    size_t kept = size < CLUSTER_PAYLOAD_MAX ? size : CLUSTER_PAYLOAD_MAX - 1;
    memcpy(list->payload[list->count], entry->data, kept);
    list->payload[list->count][kept] = '\0';
    list->index[list->count++] = entry->index;
}

/* What the snapshot stands for is not remembered one by one. */
static void restored(void *context, uint32_t node, uint32_t group, uint64_t index, uint64_t digest)
{
    ((struct cluster *)context)->applied[node].count = 0;
}

static struct cluster_flight flight_of(struct world_frame *frame)
{
    const uint8_t *body;
    struct cluster_flight flight = {.frame = frame, .from = frame->from, .to = frame->to};
    flight.message = *(const struct ww_raft_message *)world_frame_message(frame, 0, &body);
    uint32_t end = flight.message.type == WW_RAFT_APPEND ? flight.message.body_bytes : 0;
    for (uint32_t at = 0; at < end; at += ww_batch_header(body + at)->size_bytes)
        flight.entries += ww_batch_header(body + at)->count;
    return flight;
}

/* Makes the frame carry its message `i` alone. Only messages without bodies share a frame. */
static void keep_message(struct world_frame *frame, uint32_t i)
{
    const struct ww_datagram_header header = *world_frame_header(frame);
    _Alignas(8) uint8_t message[WW_MESSAGE_BYTES];
    struct ww_datagram_builder builder;
    memcpy(message, world_frame_message(frame, i, NULL), sizeof(message));
    ww_datagram_begin(&builder, frame->data, sizeof(frame->data));
    ww_datagram_add(&builder, message, 0);
    frame->size_bytes =
        ww_datagram_finish(&builder, header.cluster, header.source, header.destination, NULL);
}

static void sent_to_client(struct cluster *cluster, struct world_frame *frame)
{
    for (uint32_t i = 0; i < world_frame_header(frame)->message_count; i++) {
        const uint8_t *body;
        const struct ww_client_message *message = world_frame_message(frame, i, &body);
        cluster->answered(cluster->context, frame->to - WW_LINK_CLIENT, message, body);
    }
    world_drop(cluster->world, frame);
}

static void sent_message(struct cluster *cluster, struct world_frame *frame)
{
    if (cluster->cut[frame->from][frame->to]) {
        world_drop(cluster->world, frame);
        return;
    }
    struct cluster_flight flight = flight_of(frame);
    cluster->sent(cluster->context, &flight);
}

static void sent(void *context, struct world_frame *frame)
{
    struct cluster *cluster = context;
    uint32_t count = world_frame_header(frame)->message_count;
    if (frame->to >= WW_LINK_CLIENT) {
        sent_to_client(cluster, frame);
        return;
    }
    if (frame->from >= WW_LINK_CLIENT)
        return;
    if (count > 1) {
        struct world_frame *parts[WW_MESSAGES_PER_DATAGRAM];
        parts[0] = frame;
        for (uint32_t i = 1; i < count; i++)
            parts[i] = world_duplicate(cluster->world, frame);
        for (uint32_t i = 0; i < count; i++)
            keep_message(parts[i], i);
        for (uint32_t i = 0; i < count; i++)
            sent_message(cluster, parts[i]);
        return;
    }
    sent_message(cluster, frame);
}

static void began(void *context, struct world_disk *disk, struct world_operation *operation)
{
    struct cluster *cluster = context;
    if (operation->kind != WORLD_WRITE || !cluster->disk_fails[disk->node])
        return;
    cluster->disk_fails[disk->node] = false;
    world_disk_fail(disk, operation, WW_EIO, WORLD_SURVIVE_NONE);
}

/* ---- life ---- */

static void world_options(const struct cluster_setup *setup, struct cluster *cluster,
                          struct world_options *options)
{
    world_options_init(options);
    options->nodes = setup->nodes;
    options->seed = setup->seed;
    options->shard = setup->shard;
    options->amnesia = setup->amnesia;
    options->write_depth = CLUSTER_WRITES;
    options->hooks = (struct world_hooks){
        .context = cluster,
        .sent = sent,
        .began = began,
        .applied = applied,
        .restored = restored,
    };
}

void cluster_start(struct cluster *cluster, uint32_t id)
{
    struct ww_shard_options *shard = &cluster->world->options.shard;
    shard->configuration = cluster->setup.shard.configuration;
    if (cluster->setup.waiting >> id & 1)
        shard->configuration = (struct ww_configuration){0};
    cluster->applied[id].count = 0;
    cluster->why[id].code = WW_OK;
    cluster->damaged[id] = world_start(cluster->world, id, &cluster->why[id]) != WW_OK;
    cluster_poll(cluster, id);
}

struct cluster *cluster_create(const struct cluster_setup *setup, struct script_line *line)
{
    struct cluster *cluster = calloc(1, sizeof(*cluster));
    struct world_options options;
    if (cluster == NULL)
        return NULL;
    cluster->setup = *setup;
    cluster->line = line;
    cluster->world = world_create();
    if (cluster->world == NULL) {
        free(cluster);
        return NULL;
    }
    world_options(setup, cluster, &options);
    world_begin(cluster->world, &options);
    return cluster;
}

void cluster_destroy(struct cluster *cluster)
{
    if (cluster == NULL)
        return;
    world_end(cluster->world);
    world_destroy(cluster->world);
    free(cluster);
}

bool cluster_is_up(const struct cluster *cluster, uint32_t id)
{
    return cluster->world->nodes[id].shard != NULL;
}

enum cluster_life cluster_life(const struct cluster *cluster, uint32_t id)
{
    const struct world_node *node = &cluster->world->nodes[id];
    if (cluster->damaged[id])
        return LIFE_DAMAGED;
    if (node->shard == NULL)
        return LIFE_CRASHED;
    if (atomic_load(&node->shard->fenced) != 0)
        return LIFE_FENCED;
    return node->paused ? LIFE_PAUSED : LIFE_RUNNING;
}

uint8_t cluster_running(const struct cluster *cluster)
{
    uint8_t running = 0;
    for (uint32_t id = 1; id <= cluster->setup.nodes; id++)
        if (cluster_life(cluster, id) == LIFE_RUNNING)
            running |= (uint8_t)(1u << id);
    return running;
}

struct ww_group *cluster_group(const struct cluster *cluster, uint32_t id)
{
    return cluster_is_up(cluster, id) ? world_group(cluster->world, id, 0) : NULL;
}

void cluster_advance(struct cluster *cluster, uint32_t id, uint64_t ns)
{
    world_clock_jump(&cluster->world->nodes[id], (int64_t)ns);
}

bool cluster_waits(const struct cluster *cluster, const struct world_disk *disk,
                   const struct world_operation *operation)
{
    enum cluster_hold held = cluster->disk_held[disk->node];
    return !operation->done && (operation->kind != WORLD_READ || held == HOLD_ALL);
}

/* Ends what the disk may end by itself; returns whether there was something. */
static bool disk_runs(struct cluster *cluster, uint32_t id)
{
    struct world_disk *disk = &cluster->world->nodes[id].disk;
    for (uint32_t i = 0; i < disk->operation_count; i++) {
        const struct world_operation *operation = &disk->operations[i];
        if (operation->done ||
            (cluster->disk_held[id] != HOLD_NOTHING && cluster_waits(cluster, disk, operation)))
            continue;
        world_disk_done(disk, &disk->operations[i]);
        return true;
    }
    return false;
}

void cluster_poll(struct cluster *cluster, uint32_t id)
{
    if (cluster_life(cluster, id) != LIFE_RUNNING)
        return;
    for (uint32_t rounds = 0, idle = 0; idle < 2; rounds++) {
        bool worked = world_poll(cluster->world, id) > 0;
        worked = disk_runs(cluster, id) || worked;
        idle = worked ? 0 : idle + 1;
        if (rounds == ROUNDS_MAX) {
            script_fail(cluster->line, "node %" PRIu32 " finds work without an end", id);
            return;
        }
    }
    if (cluster->world->broken != NULL)
        script_fail(cluster->line, "node %" PRIu32 " broke a contract: %s", id,
                    cluster->world->broken);
}

void cluster_poll_all(struct cluster *cluster, uint8_t nodes)
{
    for (uint32_t id = 1; id <= cluster->setup.nodes; id++)
        if (nodes >> id & 1)
            cluster_poll(cluster, id);
}

/* ---- network ---- */

static bool take_flight(struct world_frame *frame, struct cluster_flight *flight)
{
    while (frame != NULL && frame->due_ns == CLUSTER_HELD)
        frame = frame->next;
    if (frame == NULL)
        return false;
    *flight = flight_of(frame);
    return true;
}

bool cluster_first_flight(const struct cluster *cluster, struct cluster_flight *flight)
{
    return take_flight(cluster->world->flight.first, flight);
}

bool cluster_next_flight(struct cluster_flight *flight)
{
    return take_flight(flight->frame->next, flight);
}

void cluster_deliver(struct cluster *cluster, struct world_frame *frame)
{
    uint32_t to = frame->to;
    world_deliver(cluster->world, frame);
    cluster_poll(cluster, to);
}

void cluster_client_sends(struct cluster *cluster, uint32_t client, uint32_t node,
                          struct ww_client_message *message, const void *body)
{
    struct ww_transport *port = world_client(cluster->world, client);
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, port->ops->tx_begin(port, node), WORLD_DATAGRAM);
    ww_datagram_add(&builder, message, message->body_bytes);
    uint32_t head =
        ww_datagram_finish(&builder, WORLD_CLUSTER, WW_CLIENT_SOURCE | (client + 1), node, body);
    port->ops->tx_send(port, head, body, message->body_bytes);
    world_deliver(cluster->world, cluster->world->flight.last);
    cluster_poll(cluster, node);
}
