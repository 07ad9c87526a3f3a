/* SPDX-License-Identifier: Apache-2.0 */
/* The shell of a simulated core: it obeys updates, and brings what disk and network did. */
#include "tests/unit/engine/raft/cluster.h"

#include "engine/base/assert.h"

#include <string.h>

bool cluster_chance(struct cluster *cluster, uint32_t percent)
{
    return ww_random_range(&cluster->random, 0, 100) < percent;
}

uint64_t cluster_pick(struct cluster *cluster, uint64_t low, uint64_t high)
{
    return ww_random_range(&cluster->random, low, high + 1);
}

static void write_record(struct node *node, struct record record)
{
    WW_ASSERT(node->disk_count < DISK_MAX);
    node->disk[node->disk_count++] = record;
}

void cluster_snapshot_record(struct node *node, enum record_kind kind,
                             const struct snapshot *snapshot)
{
    write_record(node, (struct record){.kind = kind,
                                       .index = snapshot->index,
                                       .entry = {.term = snapshot->term,
                                                 .configuration = snapshot->configuration}});
}

static void transmit(struct cluster *cluster, const struct packet *packet)
{
    uint32_t copies = cluster->faults && cluster_chance(cluster, 3) ? 2 : 1;

    if (cluster->cut[packet->from][packet->to] || (cluster->faults && cluster_chance(cluster, 5)))
        return;
    for (; copies > 0 && cluster->wire_count < WIRE_MAX; copies--) {
        struct packet *copy = &cluster->wire[cluster->wire_count++];
        *copy = *packet;
        copy->due_poll = cluster->poll + cluster_pick(cluster, 1, cluster->faults ? 4 : 1);
        if (cluster->faults && cluster_chance(cluster, 1))
            copy->due_poll += cluster_pick(cluster, 1, 300);
    }
}

static void send_outgoing(struct cluster *cluster, struct node *node,
                          const struct ww_raft_outgoing *outgoing)
{
    struct packet packet = {.from = node->id, .to = outgoing->to, .message = outgoing->message};

    if (!outgoing->wait) {
        transmit(cluster, &packet);
    } else if (node->held_count < 256) { /* else lost, as on any network */
        node->held[node->held_count] = *outgoing;
        node->held_until[node->held_count++] = node->disk_count;
    }
}

static void truncate_log(struct cluster *cluster, struct node *node,
                         const struct ww_raft_update *update)
{
    if (update->truncate_from <= node->commit && !update->installed)
        cluster_violated(cluster, "no committed entry is truncated");
    for (uint32_t i = node->disk_durable; i < node->disk_count; i++)
        if (node->disk[i].kind == RECORD_ENTRY && node->disk[i].index >= update->truncate_from)
            node->disk[i].truncated = true;
}

static void append(struct cluster *cluster, struct node *node, const struct ww_raft_update *update,
                   const struct packet *packet)
{
    for (uint64_t i = update->append_from; i <= update->append_to; i++) {
        struct entry entry = {.term = update->term, .value = ++cluster->values};
        if (update->append_kind == WW_RAFT_APPENDED_CONFIGURATION)
            entry.configuration = update->configuration;
        if (packet != NULL && packet->message.type == WW_RAFT_APPEND)
            entry = packet->entries[i - packet->message.index - 1];
        WW_ASSERT(i < LOG_MAX);
        node->log[i] = entry;
        write_record(node, (struct record){.kind = RECORD_ENTRY, .index = i, .entry = entry});
    }
}

static void installed(struct cluster *cluster, struct node *node, const struct ww_raft_event *event)
{
    node->snapshot = (struct snapshot){.index = event->index,
                                       .term = event->term,
                                       .configuration = event->configuration};
    memcpy(node->log, cluster->committed, (event->index + 1) * sizeof(node->log[0]));
    cluster->installed++;
}

int cluster_step(struct cluster *cluster, struct node *node, struct ww_raft_event *event,
                 const struct packet *packet)
{
    struct ww_raft_update update;
    struct ww_raft_status status;

    event->now_ns = node->seen_ns;
    if (ww_raft_step(node->raft, event, &update) != WW_OK)
        cluster_violated(cluster, "correct nodes send correct messages");
    if (update.truncate_from != 0)
        truncate_log(cluster, node, &update);
    if (update.hard_state)
        write_record(node, (struct record){.kind = RECORD_HARD_STATE,
                                           .entry = {.term = update.term, .value = update.vote}});
    if (update.append_from != 0)
        append(cluster, node, &update, packet);
    if (update.installed)
        installed(cluster, node, event);
    for (uint32_t i = 0; i < update.message_count; i++)
        send_outgoing(cluster, node, &update.messages[i]);
    if (event->type == WW_RAFT_EV_READ && update.status == WW_OK && node->read_count < READS_MAX)
        node->reads[node->read_count++] = (struct read){.term = update.term,
                                                        .round = update.read_round,
                                                        .index = update.read_index,
                                                        .required = cluster->committed_last};
    cluster_check_commit(cluster, node);
    cluster_check_reads(cluster, node, &update);
    if (update.role_changed && ww_raft_is_leader(node->raft))
        cluster_check_leader(cluster, node);
    if (update.append_from != 0 || update.truncate_from != 0)
        cluster_check_log(cluster, node);
    ww_raft_status(node->raft, &status);
    node->configuration = status.configuration;
    if (update.snapshot_chunk)
        cluster_stage(cluster, node, packet);
    return update.status;
}

/* The runs of a packet's entries, cut into batches at random, and the configurations in it. */
static void describe(struct cluster *cluster, const struct packet *packet,
                     struct ww_raft_event *event, struct ww_raft_run *runs,
                     struct ww_raft_placed_configuration *placed)
{
    event->runs = runs;
    event->configurations = placed;
    for (uint32_t i = 0; i < packet->entry_count; i++) {
        const struct entry *entry = &packet->entries[i];
        uint64_t index = packet->message.index + 1 + i;
        struct ww_raft_run *last = runs + event->run_count - 1;
        if (event->run_count > 0 && last->term == entry->term && cluster_chance(cluster, 70))
            last->last_index = index;
        else
            runs[event->run_count++] = (struct ww_raft_run){.first_index = index,
                                                            .last_index = index,
                                                            .term = entry->term};
        if (entry->configuration.voters != 0)
            placed[event->configuration_count++] =
                (struct ww_raft_placed_configuration){.index = index,
                                                      .configuration = entry->configuration};
    }
}

static void receive(struct cluster *cluster, struct node *node)
{
    for (uint32_t i = 0; i < cluster->wire_count;) {
        struct packet packet;
        struct ww_raft_run runs[BATCH_MAX];
        struct ww_raft_placed_configuration placed[BATCH_MAX];
        struct ww_raft_event event = {.type = WW_RAFT_EV_MESSAGE, .message = &packet.message};
        if (cluster->wire[i].to != node->id || cluster->wire[i].due_poll > cluster->poll) {
            i++;
            continue;
        }
        packet = cluster->wire[i];
        cluster->wire[i] = cluster->wire[--cluster->wire_count];
        event.from = packet.from;
        describe(cluster, &packet, &event, runs, placed);
        cluster_step(cluster, node, &event, &packet);
    }
}

/* The record is on the disk; the core hears of it now or with a later one. */
static void record_durable(struct cluster *cluster, struct node *node, const struct record *record,
                           bool more)
{
    struct ww_raft_event event = {.term = record->entry.term};

    if (record->kind == RECORD_TAKEN || record->kind == RECORD_RECEIVED) {
        cluster_snapshot_durable(cluster, node, record);
        return;
    }
    if (record->kind == RECORD_HARD_STATE) {
        event.type = WW_RAFT_EV_HARD_STATE_DURABLE;
        event.vote = (uint32_t)record->entry.value;
    } else {
        if (record->index > node->durable_snapshot.index) {
            node->durable_log[record->index] = record->entry;
            node->durable_last = record->index;
        }
        if (record->truncated ||
            (more && record[1].kind == RECORD_ENTRY && record[1].index > record->index))
            return;
        event.type = WW_RAFT_EV_DURABLE;
        event.index = record->index;
    }
    cluster_step(cluster, node, &event, NULL);
}

static void release_held(struct cluster *cluster, struct node *node)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < node->held_count; i++) {
        struct ww_raft_outgoing outgoing = node->held[i];
        uint32_t until = node->held_until[i];
        if (node->disk_durable < until) {
            node->held_until[kept] = until;
            node->held[kept++] = outgoing;
            continue;
        }
        outgoing.wait = false;
        send_outgoing(cluster, node, &outgoing);
    }
    node->held_count = kept;
}

static void poll_disk(struct cluster *cluster, struct node *node)
{
    if (node->write_count > 0 && node->write_done_poll <= cluster->poll) {
        uint32_t end = node->disk_durable + node->write_count;
        while (node->disk_durable < end) {
            const struct record *record = &node->disk[node->disk_durable++];
            record_durable(cluster, node, record, node->disk_durable < end);
        }
        node->write_count = 0;
    }
    if (node->write_count == 0 && node->disk_count > node->disk_durable) {
        node->write_count = node->disk_count - node->disk_durable;
        node->write_done_poll = cluster->poll + cluster_pick(cluster, 1, cluster->disk_polls_max);
        if (cluster->faults && cluster_chance(cluster, 1))
            node->write_done_poll += cluster_pick(cluster, 1, 400);
    }
    release_held(cluster, node);
}

static void replicate(struct cluster *cluster, struct node *node, uint32_t to)
{
    struct packet packet = {.from = node->id, .to = to};
    uint64_t last;
    uint32_t budget;

    while (ww_raft_next_append(node->raft, to, &packet.message, &last, &budget)) {
        uint64_t room = budget == 0 ? 0 : 1 + (budget - 1) / ENTRY_BYTES;
        uint64_t first = packet.message.index + 1;
        if (cluster->faults && cluster_chance(cluster, 5))
            return; /* what is due is not at hand now */
        packet.entry_count = 0;
        if (packet.message.type == WW_RAFT_SNAPSHOT) {
            cluster_send_part(cluster, node, &packet, budget);
            ww_raft_sent(node->raft, to, last, packet.message.body_bytes, node->seen_ns);
            transmit(cluster, &packet);
            continue;
        }
        while (first + packet.entry_count <= last && packet.entry_count < room &&
               packet.entry_count < BATCH_MAX) {
            packet.entries[packet.entry_count] = node->log[first + packet.entry_count];
            packet.entry_count++;
        }
        ww_raft_sent(node->raft, to, packet.message.index + packet.entry_count,
                     packet.entry_count * ENTRY_BYTES, node->seen_ns);
        transmit(cluster, &packet);
    }
}

/* As the shell's contract has it: a step that no poll explains is said first. */
static void look_at_clock(struct cluster *cluster, struct node *node)
{
    struct ww_raft_event jumped = {.type = WW_RAFT_EV_TIME_JUMPED};
    bool back = node->clock_ns < node->seen_ns;

    jumped.step_ns = back ? 0 : node->clock_ns - node->seen_ns;
    node->seen_ns = node->clock_ns;
    if (back || jumped.step_ns > ELECTION_MIN_NS / 4)
        cluster_step(cluster, node, &jumped, NULL);
}

void cluster_poll_node(struct cluster *cluster, struct node *node)
{
    struct ww_raft_event tick = {.type = WW_RAFT_EV_TICK};
    struct ww_raft_event flush = {.type = WW_RAFT_EV_FLUSH, .window_bytes = 3000};

    look_at_clock(cluster, node);
    receive(cluster, node);
    poll_disk(cluster, node);
    if (ww_raft_deadline_ns(node->raft) <= node->seen_ns) {
        cluster_step(cluster, node, &tick, NULL);
        if (ww_raft_deadline_ns(node->raft) <= node->seen_ns)
            cluster_violated(cluster, "a tick moves the deadline");
    }
    cluster_take_snapshot(cluster, node);
    if (cluster->faults && cluster_chance(cluster, 5))
        flush.window_bytes = 0;
    cluster_step(cluster, node, &flush, NULL);
    for (uint32_t to = 1; to <= cluster->nodes; to++)
        replicate(cluster, node, to);
}
