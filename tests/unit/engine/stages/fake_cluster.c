/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_cluster.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000000u

/*
 * The machine of a node is the log, with as much padding in its saved state as a test wants, so
 * that a snapshot takes many datagrams.
 */
static int machine_apply(void *self, const struct ww_apply_run *run)
{
    struct fake_node *node = self;
    return node->log.apply(node->log.self, run);
}

static uint64_t machine_digest(void *self, uint32_t group)
{
    struct fake_node *node = self;
    return node->log.digest(node->log.self, group);
}

static int machine_view(void *self, uint32_t group, void **view)
{
    struct fake_node *node = self;
    node->views++;
    return node->log.view(node->log.self, group, view);
}

static int machine_save(void *self, void *view, ww_state_write write, void *context)
{
    struct fake_node *node = self;
    int status = node->save_status;
    for (uint32_t i = 0; i < node->padding_bytes && status == WW_OK; i++) {
        uint8_t byte = (uint8_t)(i % 251);
        status = write(context, &byte, 1);
    }
    return status == WW_OK ? node->log.save(node->log.self, view, write, context) : status;
}

static void machine_end_view(void *self, void *view)
{
    struct fake_node *node = self;
    node->views--;
    node->log.end_view(node->log.self, view);
}

static int machine_restore(void *self, uint32_t group, uint64_t index, ww_state_read read,
                           void *context)
{
    struct fake_node *node = self;
    for (uint32_t i = 0; i < node->padding_bytes; i++) {
        uint8_t byte;
        cr_assert_eq(read(context, &byte, 1), 1);
        cr_assert_eq(byte, i % 251);
    }
    return node->log.restore(node->log.self, group, index, read, context);
}

static int machine_query(void *self, uint32_t group, const void *request, size_t bytes,
                         void *answer, size_t *answer_bytes)
{
    struct fake_node *node = self;
    return node->log.query(node->log.self, group, request, bytes, answer, answer_bytes);
}

static void machine_destroy(void *self)
{
    struct fake_node *node = self;
    node->log.destroy(node->log.self);
}

static void create_machine(struct fake_node *node, uint32_t groups)
{
    cr_assert_eq(ww_machine_log_create(groups, &node->log), WW_OK);
    node->machine = (struct ww_state_machine){
        .name = "log with padding",
        .self = node,
        .apply = machine_apply,
        .digest = machine_digest,
        .view = machine_view,
        .save = machine_save,
        .end_view = machine_end_view,
        .restore = machine_restore,
        .query = machine_query,
        .destroy = machine_destroy,
    };
}

int fake_cluster_try_start(struct fake_cluster *cluster, uint32_t id, struct ww_error *error)
{
    struct fake_node *node = &cluster->nodes[id];
    struct ww_group_recovery recovery;
    uint32_t groups = cluster->options.groups > 0 ? cluster->options.groups : 1;
    cr_assert_eq(ww_group_recovery_init(&recovery, groups, node->disk.base.segment_bytes), WW_OK);
    cr_assert_eq(fake_disk_recover(&node->disk, ww_group_recovery_visit, &recovery), WW_OK);
    create_machine(node, groups);
    struct ww_shard_options options = {
        .cluster = FAKE_CLUSTER_ID,
        .self = id,
        .configuration = {.voters = id <= FAKE_VOTERS ? 1 << 1 | 1 << 2 | 1 << 3 : 0},
        .snapshot_entries = cluster->options.snapshot_entries,
        .snapshot_keep = cluster->options.snapshot_keep,
        .retain_bytes = cluster->options.retain_bytes,
        .retain_time_ns = cluster->options.retain_time_ns,
        .groups = groups,
        .trace_every = cluster->options.trace_every,
        .repair = cluster->options.repair,
        .heartbeat_ns = 5 * MS,
        .election_min_ns = 20 * MS,
        .election_max_ns = 40 * MS,
        .retry_ns = 2 * MS,
        .window_bytes = 256 * 1024,
        .seed = cluster->network.random.state + id,
        .wal = {.block_max = WW_BLOCK_MAX},
        .log_buffer = node->log_buffer,
        .log_buffer_bytes = FAKE_LOG_BUFFER,
        .read_buffers = node->read_buffers,
    };
    int status =
        ww_shard_create(&options, &cluster->network.ports[id].base, &node->disk.base,
                        &cluster->clock.base, &node->machine, &recovery, &node->shard, error);
    ww_group_recovery_free(&recovery);
    if (status != WW_OK)
        node->machine.destroy(node->machine.self);
    return status;
}

static void start_node(struct fake_cluster *cluster, uint32_t id)
{
    struct ww_error error;
    cr_assert_eq(fake_cluster_try_start(cluster, id, &error), WW_OK, "%s", error.text);
}

static void end_node(struct fake_node *node)
{
    if (node->shard == NULL)
        return;
    ww_shard_unmap(node->shard); /* before the store is closed */
    ww_shard_destroy(node->shard);
    node->shard = NULL;
    cr_assert_eq(node->views, 0, "every view is given back");
    node->machine.destroy(node->machine.self);
}

void fake_cluster_start(struct fake_cluster *cluster, uint64_t seed)
{
    fake_cluster_start_with(cluster, seed, (struct fake_options){0});
}

void fake_cluster_start_with(struct fake_cluster *cluster, uint64_t seed,
                             struct fake_options options)
{
    memset(cluster, 0, sizeof(*cluster));
    cluster->options = options;
    fake_network_init(&cluster->network, FAKE_NODES + 1, seed);
    cluster->clock = (struct fake_clock){.base = {fake_clock_now}, .now_ns = 1};
    for (uint32_t id = 1; id <= FAKE_VOTERS + options.spare; id++) {
        struct fake_node *node = &cluster->nodes[id];
        node->padding_bytes = options.padding_bytes;
        fake_disk_init(&node->disk, options.segment_bytes);
        node->log_buffer = aligned_alloc(WW_BLOCK_ALIGN, FAKE_LOG_BUFFER);
        node->read_buffers = aligned_alloc(WW_BLOCK_ALIGN, WW_READ_BUFFERS * WW_READ_BYTES);
        start_node(cluster, id);
    }
}

void fake_cluster_stop(struct fake_cluster *cluster)
{
    for (uint32_t id = 1; id <= FAKE_VOTERS + cluster->options.spare; id++) {
        end_node(&cluster->nodes[id]);
        fake_disk_free(&cluster->nodes[id].disk);
        free(cluster->nodes[id].log_buffer);
        free(cluster->nodes[id].read_buffers);
    }
    fake_network_free(&cluster->network);
}

void fake_cluster_kill(struct fake_cluster *cluster, uint32_t id)
{
    end_node(&cluster->nodes[id]);
    cluster->network.ports[id].first = cluster->network.ports[id].end;
}

void fake_cluster_restart(struct fake_cluster *cluster, uint32_t id)
{
    cluster->network.ports[id].first = cluster->network.ports[id].end;
    start_node(cluster, id);
}

void fake_cluster_run(struct fake_cluster *cluster, uint32_t rounds)
{
    for (uint32_t i = 0; i < rounds; i++) {
        cluster->clock.now_ns += 100000;
        for (uint32_t id = 1; id <= FAKE_NODES; id++) {
            for (uint32_t stage = 0; stage < FAKE_STAGES; stage++)
                fake_cluster_poll(cluster, id, stage);
        }
    }
}

void fake_cluster_poll(struct fake_cluster *cluster, uint32_t id, uint32_t stage)
{
    static uint32_t (*const work[FAKE_STAGES])(struct ww_shard *) = {ww_net_work, ww_log_work,
                                                                     ww_apply_work};
    if (cluster->nodes[id].shard != NULL)
        work[stage](cluster->nodes[id].shard);
}

uint32_t fake_cluster_leader(struct fake_cluster *cluster)
{
    for (uint32_t i = 0; i < 2000; i++) {
        fake_cluster_run(cluster, 100);
        for (uint32_t id = 1; id <= FAKE_NODES; id++) {
            if (cluster->nodes[id].shard == NULL || cluster->network.cut[id])
                continue;
            struct ww_group *group = fake_cluster_group(cluster, id);
            /* A leader that serves has committed in its own term. */
            if (ww_raft_is_leader(group->raft) &&
                ww_raft_term_at(group->raft, ww_raft_commit(group->raft)) ==
                    ww_raft_term(group->raft))
                return id;
        }
    }
    return 0;
}

struct ww_group *fake_cluster_group(struct fake_cluster *cluster, uint32_t id)
{
    return &cluster->nodes[id].shard->net->groups[0];
}

void fake_client_send(struct fake_cluster *cluster, uint32_t node,
                      struct ww_client_message *message, const void *body)
{
    struct ww_transport *port = &cluster->network.ports[FAKE_CLIENT].base;
    uint8_t *data = port->ops->tx_begin(port, node);
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, data, FAKE_DATAGRAM);
    ww_datagram_add(&builder, message, message->body_bytes);
    uint32_t head = ww_datagram_finish(&builder, FAKE_CLUSTER_ID, FAKE_CLIENT_NUMBER, node, body);
    port->ops->tx_send(port, head, body, message->body_bytes);
}

void fake_client_propose(struct fake_cluster *cluster, uint32_t node, uint64_t sequence,
                         uint32_t count, uint32_t bytes, uint64_t oldest)
{
    uint8_t body[FAKE_DATAGRAM], payload[FAKE_DATAGRAM];
    struct ww_client_message message = {.type = WW_CLIENT_PROPOSE,
                                        .sequence = sequence,
                                        .index = cluster->session,
                                        .oldest = oldest,
                                        .count = count};
    for (uint32_t i = 0; i < count; i++) {
        memset(payload, (int)(sequence + i), bytes);
        message.body_bytes +=
            ww_entry_encode(body + message.body_bytes, WW_ENTRY_DATA, payload, bytes);
    }
    fake_client_send(cluster, node, &message, body);
}

uint64_t fake_client_commit(struct fake_cluster *cluster, uint64_t sequence, uint32_t entries)
{
    uint32_t leader = fake_cluster_leader(cluster);
    uint64_t end = sequence + entries;
    struct ww_client_message message;
    for (uint32_t i = 0; i < 16000 && sequence < end; i++) {
        fake_client_propose(cluster, leader, sequence, 10, 64, sequence);
        fake_cluster_run(cluster, 5);
        while (fake_client_receive(cluster, &message, NULL)) {
            if (message.type == WW_CLIENT_COMMITTED && message.oldest > sequence)
                sequence = message.oldest;
            else if (message.type == WW_CLIENT_NOT_LEADER && message.node != 0)
                leader = message.node;
        }
    }
    cr_assert_geq(sequence, end);
    return sequence;
}

struct ww_client_message fake_client_register(struct fake_cluster *cluster, uint32_t node,
                                              uint64_t nonce)
{
    struct ww_client_message message = {.type = WW_CLIENT_REGISTER, .sequence = nonce}, answer;
    fake_client_send(cluster, node, &message, NULL);
    for (uint32_t i = 0; i < 100; i++) {
        fake_cluster_run(cluster, 1);
        if (fake_client_receive(cluster, &answer, NULL))
            return answer;
    }
    return (struct ww_client_message){0};
}

bool fake_client_receive(struct fake_cluster *cluster, struct ww_client_message *message,
                         uint8_t *body)
{
    struct fake_port *port = &cluster->network.ports[FAKE_CLIENT];
    if (port->first == port->end)
        return false;
    struct fake_frame *frame = &port->queue[port->first % FAKE_QUEUE];
    cr_assert_eq(ww_datagram_check(frame->data, frame->size, FAKE_CLUSTER_ID, FAKE_CLIENT_NUMBER),
                 WW_DATAGRAM_OK);
    struct ww_datagram_header *header = (void *)frame->data;
    memcpy(message, frame->data + sizeof(*header), sizeof(*message));
    uint32_t head = (uint32_t)sizeof(*header) + header->message_count * WW_MESSAGE_BYTES;
    if (body != NULL)
        memcpy(body, frame->data + head, frame->size - head);
    /* Small messages share a datagram: take them one by one, shifting the rest up. */
    if (header->message_count > 1) {
        header->message_count--;
        memmove(frame->data + sizeof(*header), frame->data + sizeof(*header) + WW_MESSAGE_BYTES,
                frame->size - sizeof(*header) - WW_MESSAGE_BYTES);
        frame->size -= WW_MESSAGE_BYTES;
        struct ww_datagram_builder again = {frame->data, FAKE_DATAGRAM, frame->size, 0};
        ww_datagram_finish(&again, FAKE_CLUSTER_ID, header->source, FAKE_CLIENT_NUMBER, NULL);
    } else {
        port->first++;
    }
    return true;
}

struct ww_client_message fake_client_answer(struct fake_cluster *cluster)
{
    struct ww_client_message message = {0};
    for (uint32_t i = 0; i < 100; i++) {
        fake_cluster_run(cluster, 1);
        if (fake_client_receive(cluster, &message, NULL))
            return message;
    }
    return message;
}
