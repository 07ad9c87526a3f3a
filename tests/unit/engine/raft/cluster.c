/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/cluster.h"

#include "engine/base/assert.h"

#include <stdlib.h>
#include <string.h>

static bool chance(struct cluster *cluster, uint32_t percent)
{
    return ww_random_range(&cluster->random, 0, 100) < percent;
}

static uint64_t pick(struct cluster *cluster, uint64_t low, uint64_t high)
{
    return ww_random_range(&cluster->random, low, high + 1);
}

static void violated(struct cluster *cluster, const char *what)
{
    if (cluster->violation == NULL)
        cluster->violation = what;
}

static bool same(struct entry a, struct entry b)
{
    return a.term == b.term && a.value == b.value;
}

/* ---- what must hold ---- */

/* Log matching: equal terms at an index mean equal logs up to it. */
static void check_log(struct cluster *cluster, const struct node *node)
{
    for (uint32_t id = 1; id <= cluster->nodes; id++) {
        const struct node *other = &cluster->node[id];
        uint64_t index;
        if (other == node || other->raft == NULL)
            continue;
        index = ww_raft_last_index(node->raft);
        if (index > ww_raft_last_index(other->raft))
            index = ww_raft_last_index(other->raft);
        while (index > 0 && node->log[index].term != other->log[index].term)
            index--;
        for (; index > 0; index--)
            if (!same(node->log[index], other->log[index]))
                violated(cluster, "log matching");
    }
    for (uint64_t index = 1; index <= ww_raft_last_index(node->raft); index++)
        if (ww_raft_term_at(node->raft, index) != node->log[index].term)
            violated(cluster, "the core's terms are those of the log");
}

static void check_leader(struct cluster *cluster, const struct node *node)
{
    uint64_t term = ww_raft_term(node->raft);

    WW_ASSERT(term < TERM_MAX);
    if (cluster->leader_of[term] == 0)
        cluster->elections++;
    else if (cluster->leader_of[term] != node->id)
        violated(cluster, "one leader per term");
    cluster->leader_of[term] = node->id;
    for (uint64_t index = 1; index <= cluster->committed_last; index++)
        if (index > ww_raft_last_index(node->raft) ||
            !same(node->log[index], cluster->committed[index]))
            violated(cluster, "leader completeness");
}

static void check_commit(struct cluster *cluster, struct node *node)
{
    uint64_t commit = ww_raft_commit(node->raft);

    if (commit < node->commit)
        violated(cluster, "the commit position is monotonic");
    for (uint64_t index = node->commit + 1; index <= commit; index++) {
        uint32_t holders = 0;
        if (index <= cluster->committed_last) {
            if (!same(node->log[index], cluster->committed[index]))
                violated(cluster, "committed entries never change");
            continue;
        }
        cluster->committed[index] = node->log[index];
        cluster->committed_last = index;
        for (uint32_t id = 1; id <= cluster->nodes; id++) {
            const struct node *holder = &cluster->node[id];
            holders +=
                holder->durable_last >= index && same(holder->durable_log[index], node->log[index]);
        }
        if (holders <= cluster->nodes / 2)
            violated(cluster, "what is committed is durable on a quorum");
    }
    node->commit = commit;
}

/* ---- the shell of a core: disk, network, one poll ---- */

static void write_record(struct node *node, uint64_t index, uint64_t term, uint64_t value)
{
    WW_ASSERT(node->disk_count < DISK_MAX);
    node->disk[node->disk_count++] = (struct record){.index = index, .term = term, .value = value};
}

static void transmit(struct cluster *cluster, const struct packet *packet)
{
    uint32_t copies = cluster->faults && chance(cluster, 3) ? 2 : 1;

    if (cluster->cut[packet->from][packet->to] || (cluster->faults && chance(cluster, 5)))
        return;
    for (; copies > 0 && cluster->wire_count < WIRE_MAX; copies--) {
        struct packet *copy = &cluster->wire[cluster->wire_count++];
        *copy = *packet;
        copy->due_poll = cluster->poll + pick(cluster, 1, cluster->faults ? 4 : 1);
        if (cluster->faults && chance(cluster, 1))
            copy->due_poll += pick(cluster, 1, 300);
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

/* Steps the core and obeys the update; `entries` are those of an APPEND. */
static void step(struct cluster *cluster, struct node *node, struct ww_raft_event *event,
                 const struct entry *entries)
{
    struct ww_raft_update update;

    event->now_ns = cluster->poll * POLL_NS;
    if (ww_raft_step(node->raft, event, &update) != WW_OK)
        violated(cluster, "correct nodes send correct messages");
    if (update.truncate_from != 0) {
        if (update.truncate_from <= node->commit)
            violated(cluster, "no committed entry is truncated");
        for (uint32_t i = node->disk_durable; i < node->disk_count; i++)
            if (node->disk[i].index >= update.truncate_from)
                node->disk[i].truncated = true;
    }
    if (update.hard_state)
        write_record(node, 0, update.term, update.vote);
    for (uint64_t i = update.append_from; i != 0 && i <= update.append_to; i++) {
        struct entry entry = {.term = update.term, .value = ++cluster->values};
        if (event->type == WW_RAFT_EV_MESSAGE && event->message->type == WW_RAFT_APPEND)
            entry = entries[i - event->message->index - 1];
        WW_ASSERT(i < LOG_MAX);
        node->log[i] = entry;
        write_record(node, i, entry.term, entry.value);
    }
    for (uint32_t i = 0; i < update.message_count; i++)
        send_outgoing(cluster, node, &update.messages[i]);
    if (update.role_changed && ww_raft_is_leader(node->raft))
        check_leader(cluster, node);
    if (update.append_from != 0)
        check_log(cluster, node);
    check_commit(cluster, node);
}

/* The runs of a packet's entries, cut into batches at random. */
static size_t runs_of(struct cluster *cluster, const struct packet *packet,
                      struct ww_raft_run *runs)
{
    size_t count = 0;

    for (uint32_t i = 0; i < packet->entry_count; i++) {
        uint64_t index = packet->message.index + 1 + i;
        if (count > 0 && runs[count - 1].term == packet->entries[i].term && chance(cluster, 70))
            runs[count - 1].last_index = index;
        else
            runs[count++] = (struct ww_raft_run){.first_index = index,
                                                 .last_index = index,
                                                 .term = packet->entries[i].term};
    }
    return count;
}

static void receive(struct cluster *cluster, struct node *node)
{
    for (uint32_t i = 0; i < cluster->wire_count;) {
        struct packet packet = cluster->wire[i];
        struct ww_raft_run runs[BATCH_MAX];
        struct ww_raft_event event = {.type = WW_RAFT_EV_MESSAGE,
                                      .from = packet.from,
                                      .message = &packet.message,
                                      .runs = runs};
        if (packet.to != node->id || packet.due_poll > cluster->poll) {
            i++;
            continue;
        }
        cluster->wire[i] = cluster->wire[--cluster->wire_count];
        event.run_count = runs_of(cluster, &packet, runs);
        step(cluster, node, &event, packet.entries);
    }
}

/* The record is on the disk; the core hears of it now or with a later one. */
static void record_durable(struct cluster *cluster, struct node *node, const struct record *record,
                           bool more)
{
    struct ww_raft_event event = {.term = record->term};

    if (record->index == 0) {
        event.type = WW_RAFT_EV_HARD_STATE_DURABLE;
        event.vote = (uint32_t)record->value;
    } else {
        node->durable_log[record->index] =
            (struct entry){.term = record->term, .value = record->value};
        node->durable_last = record->index;
        if (record->truncated || (more && record[1].index > record->index))
            return;
        event.type = WW_RAFT_EV_DURABLE;
        event.index = record->index;
    }
    step(cluster, node, &event, NULL);
}

static void poll_disk(struct cluster *cluster, struct node *node)
{
    uint32_t kept = 0;

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
        node->write_done_poll = cluster->poll + pick(cluster, 1, cluster->disk_polls_max);
        if (cluster->faults && chance(cluster, 1))
            node->write_done_poll += pick(cluster, 1, 400);
    }
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

static void replicate(struct cluster *cluster, struct node *node, uint32_t to)
{
    struct packet packet = {.from = node->id, .to = to};
    uint64_t last;
    uint32_t budget;

    while (ww_raft_next_append(node->raft, to, &packet.message, &last, &budget)) {
        uint64_t room = budget == 0 ? 0 : 1 + (budget - 1) / ENTRY_BYTES;
        uint64_t first = packet.message.index + 1;
        if (cluster->faults && chance(cluster, 5))
            return; /* the entries are not at hand now */
        packet.entry_count = 0;
        while (first + packet.entry_count <= last && packet.entry_count < room &&
               packet.entry_count < BATCH_MAX) {
            packet.entries[packet.entry_count] = node->log[first + packet.entry_count];
            packet.entry_count++;
        }
        ww_raft_sent(node->raft, to, packet.message.index + packet.entry_count,
                     packet.entry_count * ENTRY_BYTES, cluster->poll * POLL_NS);
        transmit(cluster, &packet);
    }
}

static void poll_node(struct cluster *cluster, struct node *node)
{
    struct ww_raft_event tick = {.type = WW_RAFT_EV_TICK};
    struct ww_raft_event flush = {.type = WW_RAFT_EV_FLUSH, .window_bytes = 3000};

    receive(cluster, node);
    poll_disk(cluster, node);
    if (ww_raft_deadline_ns(node->raft) <= cluster->poll * POLL_NS) {
        step(cluster, node, &tick, NULL);
        if (ww_raft_deadline_ns(node->raft) <= cluster->poll * POLL_NS)
            violated(cluster, "a tick moves the deadline");
    }
    if (cluster->faults && chance(cluster, 5))
        flush.window_bytes = 0;
    step(cluster, node, &flush, NULL);
    for (uint32_t to = 1; to <= cluster->nodes; to++)
        replicate(cluster, node, to);
}

/* ---- life of a node ---- */

/* Starts from what the durable records say, replayed in order. */
static void start(struct cluster *cluster, struct node *node)
{
    static struct ww_raft_run runs[LOG_MAX];
    struct ww_raft_options options = {.group = 1,
                                      .self = node->id,
                                      .configuration = {.voters =
                                                            (uint8_t)((2u << cluster->nodes) - 2)},
                                      .heartbeat_ns = 10 * POLL_NS,
                                      .election_min_ns = 50 * POLL_NS,
                                      .election_max_ns = 80 * POLL_NS,
                                      .retry_ns = 15 * POLL_NS,
                                      .window_bytes = 3000,
                                      .term_runs = TERM_MAX,
                                      .seed = ww_random_next(&cluster->random),
                                      .log = runs,
                                      .now_ns = cluster->poll * POLL_NS};
    const char *why;

    node->durable_last = 0;
    for (uint32_t i = 0; i < node->disk_durable; i++) {
        const struct record *record = &node->disk[i];
        if (record->index == 0) {
            options.term = record->term;
            options.vote = (uint32_t)record->value;
            continue;
        }
        node->durable_last = record->index;
        node->durable_log[record->index] = node->log[record->index] =
            (struct entry){.term = record->term, .value = record->value};
    }
    for (uint64_t i = 1; i <= node->durable_last; i++) {
        if (options.log_runs == 0 || runs[options.log_runs - 1].term != node->log[i].term)
            runs[options.log_runs++] =
                (struct ww_raft_run){.first_index = i, .term = node->log[i].term};
        runs[options.log_runs - 1].last_index = i;
    }
    if (ww_raft_create(&options, &node->raft, &why) != WW_OK)
        violated(cluster, why);
    node->commit = 0;
}

/* The disk keeps what it reported, and may keep a part of what was on its way. */
void cluster_crash(struct cluster *cluster, uint32_t id, uint64_t down_polls)
{
    struct node *node = &cluster->node[id];

    ww_raft_destroy(node->raft);
    node->raft = NULL;
    node->up_at_poll = cluster->poll + down_polls;
    node->disk_durable += (uint32_t)pick(cluster, 0, node->write_count);
    node->disk_count = node->disk_durable;
    node->write_count = 0;
    node->held_count = 0;
}

static void inject_faults(struct cluster *cluster)
{
    if (pick(cluster, 1, cluster->crash_polls) == 1) {
        uint32_t id = chance(cluster, 40) ? cluster_leader(cluster) : 0;
        if (id == 0)
            id = (uint32_t)pick(cluster, 1, cluster->nodes);
        if (cluster->node[id].raft != NULL)
            cluster_crash(cluster, id, chance(cluster, 50) ? 1 : pick(cluster, 1, 200));
    }
    if (pick(cluster, 1, 300) == 1) { /* new cuts, one-way ones among them */
        uint32_t percent = chance(cluster, 50) ? 0 : (uint32_t)pick(cluster, 0, 60);
        for (uint32_t from = 1; from <= cluster->nodes; from++)
            for (uint32_t to = 1; to <= cluster->nodes; to++)
                cluster->cut[from][to] = chance(cluster, percent);
    }
}

void cluster_poll(struct cluster *cluster)
{
    cluster->poll++;
    if (cluster->faults)
        inject_faults(cluster);
    for (uint32_t id = 1; id <= cluster->nodes && cluster->violation == NULL; id++) {
        struct node *node = &cluster->node[id];
        if (node->raft == NULL && node->up_at_poll <= cluster->poll)
            start(cluster, node);
        if (node->raft != NULL)
            poll_node(cluster, node);
    }
}

bool cluster_propose(struct cluster *cluster)
{
    struct ww_raft_event event = {.type = WW_RAFT_EV_PROPOSE};
    bool taken = false;

    for (uint32_t id = 1; id <= cluster->nodes; id++) {
        struct node *node = &cluster->node[id];
        if (node->raft == NULL || !ww_raft_is_leader(node->raft))
            continue;
        event.count = (uint32_t)pick(cluster, 1, 3);
        step(cluster, node, &event, NULL);
        taken = true;
    }
    return taken;
}

uint32_t cluster_leader(const struct cluster *cluster)
{
    uint32_t leader = 0;

    for (uint32_t id = 1; id <= cluster->nodes; id++) {
        const struct ww_raft *raft = cluster->node[id].raft;
        if (raft != NULL && ww_raft_is_leader(raft) &&
            (leader == 0 || ww_raft_term(raft) > ww_raft_term(cluster->node[leader].raft)))
            leader = id;
    }
    return leader;
}

bool cluster_settle(struct cluster *cluster, uint64_t polls)
{
    uint64_t target = 0;

    cluster->faults = false;
    memset(cluster->cut, 0, sizeof(cluster->cut));
    for (uint64_t end = cluster->poll + polls; cluster->poll < end;) {
        bool all = target != 0;
        cluster_poll(cluster);
        if (cluster->violation != NULL)
            return true; /* reported as such */
        if (target == 0 && cluster->poll + polls / 2 > end && cluster_propose(cluster))
            target = ww_raft_last_index(cluster->node[cluster_leader(cluster)].raft);
        for (uint32_t id = 1; id <= cluster->nodes; id++)
            all = all && cluster->node[id].raft != NULL && cluster->node[id].commit >= target;
        if (all)
            return true;
    }
    return false;
}

struct cluster *cluster_create(uint64_t seed, uint32_t nodes)
{
    struct cluster *cluster = calloc(1, sizeof(*cluster));

    WW_ASSERT(cluster != NULL);
    cluster->random.state = seed;
    cluster->nodes = nodes;
    cluster->disk_polls_max = 3;
    cluster->crash_polls = 400;
    for (uint32_t id = 1; id <= nodes; id++)
        cluster->node[id].id = id;
    return cluster;
}

void cluster_destroy(struct cluster *cluster)
{
    for (uint32_t id = 1; id <= cluster->nodes; id++)
        ww_raft_destroy(cluster->node[id].raft);
    free(cluster);
}
