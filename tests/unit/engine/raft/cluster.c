/* SPDX-License-Identifier: Apache-2.0 */
/* The life of the cluster: starts, crashes, clocks, operators and clients. */
#include "tests/unit/engine/raft/cluster.h"

#include "engine/base/assert.h"

#include <stdlib.h>
#include <string.h>

/* What the durable records say, replayed in order. */
static void recover(struct cluster *cluster, struct node *node, struct ww_raft_options *options)
{
    node->durable_last = 0;
    node->durable_snapshot = (struct snapshot){0};
    for (uint32_t i = 0; i < node->disk_durable; i++) {
        const struct record *record = &node->disk[i];
        if (record->kind == RECORD_HARD_STATE) {
            options->term = record->entry.term;
            options->vote = (uint32_t)record->entry.value;
        } else if (record->kind != RECORD_ENTRY) {
            cluster_snapshot_durable(cluster, node, record);
        } else if (record->index > node->durable_snapshot.index) {
            if (record->index > node->durable_last + 1)
                cluster_violated(cluster, "the records of a log have no gap");
            node->durable_last = record->index;
            node->durable_log[record->index] = record->entry;
        }
    }
    memcpy(node->log, node->durable_log, (node->durable_last + 1) * sizeof(node->log[0]));
    node->snapshot = node->durable_snapshot;
    if (node->snapshot.index == 0)
        return;
    options->base_index = node->snapshot.index;
    options->base_term = node->snapshot.term;
    options->snapshot_bytes = CLUSTER_SNAPSHOT_BYTES;
    options->configuration = node->snapshot.configuration;
}

static void describe_log(const struct node *node, struct ww_raft_options *options,
                         struct ww_raft_run *runs, struct ww_raft_placed_configuration *placed)
{
    options->log = runs;
    options->configurations = placed;
    for (uint64_t i = options->base_index + 1; i <= node->durable_last; i++) {
        const struct entry *entry = &node->log[i];
        if (options->log_runs == 0 || runs[options->log_runs - 1].term != entry->term)
            runs[options->log_runs++] = (struct ww_raft_run){.first_index = i, .term = entry->term};
        runs[options->log_runs - 1].last_index = i;
        if (entry->configuration.voters != 0)
            placed[options->configuration_count++] =
                (struct ww_raft_placed_configuration){i, entry->configuration};
    }
}

static void start(struct cluster *cluster, struct node *node)
{
    static struct ww_raft_run runs[LOG_MAX];
    static struct ww_raft_placed_configuration placed[LOG_MAX];
    struct ww_raft_options options = {.group = 1,
                                      .self = node->id,
                                      .heartbeat_ns = 10 * POLL_NS,
                                      .election_min_ns = ELECTION_MIN_NS,
                                      .election_max_ns = ELECTION_MAX_NS,
                                      .adaptive = cluster->adaptive,
                                      .retry_ns = 15 * POLL_NS,
                                      .window_bytes = 3000,
                                      .term_runs = TERM_MAX,
                                      .leases = cluster->leases,
                                      .clock_drift_ppm = DRIFT_PPM,
                                      .seed = ww_random_next(&cluster->random),
                                      .now_ns = node->clock_ns};
    struct ww_raft_status status;
    const char *why;

    memcpy(options.priorities, cluster->priorities, sizeof(options.priorities));
    if (cluster->voters >> node->id & 1)
        options.configuration.voters = cluster->voters;
    recover(cluster, node, &options);
    describe_log(node, &options, runs, placed);
    node->seen_ns = node->clock_ns;
    node->commit = options.base_index;
    node->staged = (struct snapshot){0};
    if (ww_raft_create(&options, &node->raft, &why) != WW_OK) {
        cluster_violated(cluster, why);
        return;
    }
    ww_raft_status(node->raft, &status);
    node->configuration = status.configuration;
}

/* The disk keeps what it reported, and may keep a part of what was on its way. */
static void crash(struct cluster *cluster, uint32_t id, uint64_t down_polls)
{
    struct node *node = &cluster->node[id];

    ww_raft_destroy(node->raft);
    node->raft = NULL;
    node->up_at_poll = cluster->poll + down_polls;
    node->disk_durable += (uint32_t)cluster_pick(cluster, 0, node->write_count);
    node->disk_count = node->disk_durable;
    node->write_count = node->held_count = node->read_count = 0;
    node->snapshot_pending = false;
}

/* Steps of a clock that its node notices, one that it may not notice, and pauses. */
static void disturb_clock(struct cluster *cluster, struct node *node)
{
    uint64_t polls = cluster_pick(cluster, 14, 200);

    switch (cluster_pick(cluster, 0, 3)) {
    case 0:
        node->paused_until_poll = cluster->poll + polls / 2;
        break;
    case 1:
        node->clock_ns += polls * POLL_NS;
        break;
    case 2:
        node->clock_ns -= polls * POLL_NS;
        break;
    default: /* a lease survives one such step, not several */
        if (cluster->poll < node->leapt_poll + 150 || node->paused_until_poll >= cluster->poll)
            break;
        node->leapt_poll = cluster->poll;
        node->clock_ns += cluster_pick(cluster, 1, 11) * POLL_NS;
    }
}

/* Links in one direction, or some that the leader has: to all, or to one other. */
static void cut_links(struct cluster *cluster)
{
    uint32_t percent = cluster_chance(cluster, 50) ? 0 : (uint32_t)cluster_pick(cluster, 0, 60);
    uint32_t leader = cluster_chance(cluster, 50) ? cluster_leader(cluster) : 0;
    uint32_t other = (uint32_t)cluster_pick(cluster, 0, cluster->nodes);

    for (uint32_t from = 1; from <= cluster->nodes; from++)
        for (uint32_t to = 1; to <= cluster->nodes; to++)
            cluster->cut[from][to] = leader == 0 && cluster_chance(cluster, percent);
    for (uint32_t id = 1; leader != 0 && id <= cluster->nodes; id++)
        if (other == 0 || id == other)
            cluster->cut[leader][id] = cluster->cut[id][leader] = true;
}

static void inject_faults(struct cluster *cluster)
{
    if (cluster_pick(cluster, 1, cluster->crash_polls) == 1) {
        uint32_t id = cluster_chance(cluster, 40) ? cluster_leader(cluster) : 0;
        if (id == 0)
            id = (uint32_t)cluster_pick(cluster, 1, cluster->nodes);
        if (cluster->node[id].raft != NULL)
            crash(cluster, id, cluster_chance(cluster, 50) ? 1 : cluster_pick(cluster, 1, 200));
    }
    if (cluster_pick(cluster, 1, cluster->cut_polls) == 1)
        cut_links(cluster);
    if (cluster->clock_polls != 0 && cluster_pick(cluster, 1, cluster->clock_polls) == 1)
        disturb_clock(cluster, &cluster->node[cluster_pick(cluster, 1, cluster->nodes)]);
}

/* One or two nodes come, go, or change their part. */
static void change(struct cluster *cluster, struct node *leader)
{
    struct ww_raft_event event = {.type = WW_RAFT_EV_CHANGE,
                                  .configuration = leader->configuration};
    struct ww_configuration *next = &event.configuration;

    next->old_voters = 0;
    for (uint64_t i = cluster_pick(cluster, 1, 3); i > 0; i--) {
        uint8_t node = (uint8_t)(1u << cluster_pick(cluster, 1, cluster->nodes));
        bool out = cluster_chance(cluster, 40);
        if (next->voters & node) {
            next->voters &= (uint8_t)~node;
            next->learners |= out ? 0 : node;
        } else if (next->learners & node) {
            next->learners &= (uint8_t)~node;
            next->voters |= out ? 0 : node;
        } else {
            next->learners |= node;
        }
    }
    cluster_step(cluster, leader, &event, NULL);
}

static void operate(struct cluster *cluster, struct node *leader)
{
    struct ww_raft_event transfer = {.type = WW_RAFT_EV_TRANSFER};

    if (cluster->change_polls != 0 && cluster_pick(cluster, 1, cluster->change_polls) == 1)
        change(cluster, leader);
    if (cluster->transfer_polls != 0 && cluster_pick(cluster, 1, cluster->transfer_polls) == 1) {
        transfer.node = (uint32_t)cluster_pick(cluster, 1, cluster->nodes);
        cluster->transfers += cluster_step(cluster, leader, &transfer, NULL) == WW_OK;
    }
}

static bool runs(const struct cluster *cluster, const struct node *node)
{
    return node->raft != NULL && node->paused_until_poll < cluster->poll;
}

void cluster_poll(struct cluster *cluster)
{
    cluster->poll++;
    if (cluster->faults)
        inject_faults(cluster);
    for (uint32_t id = 1; id <= cluster->nodes && cluster->violation == NULL; id++) {
        struct node *node = &cluster->node[id];
        node->clock_ns += POLL_NS + (uint64_t)((int64_t)POLL_NS * node->drift_ppm / 1000000);
        if (node->raft == NULL && node->up_at_poll <= cluster->poll)
            start(cluster, node);
        if (runs(cluster, node) && cluster->violation == NULL)
            cluster_poll_node(cluster, node);
        if (cluster->faults && runs(cluster, node) && ww_raft_is_leader(node->raft))
            operate(cluster, node);
    }
}

bool cluster_propose(struct cluster *cluster)
{
    struct ww_raft_event event = {.type = WW_RAFT_EV_PROPOSE};
    bool taken = false;

    for (uint32_t id = 1; id <= cluster->nodes; id++) {
        struct node *node = &cluster->node[id];
        if (!runs(cluster, node) || !ww_raft_is_leader(node->raft))
            continue;
        event.count = (uint32_t)cluster_pick(cluster, 1, 3);
        taken |= cluster_step(cluster, node, &event, NULL) == WW_OK;
    }
    return taken;
}

void cluster_read(struct cluster *cluster)
{
    struct ww_raft_event event = {.type = WW_RAFT_EV_READ};

    for (uint32_t id = 1; id <= cluster->nodes; id++)
        if (runs(cluster, &cluster->node[id]) && ww_raft_is_leader(cluster->node[id].raft))
            cluster_step(cluster, &cluster->node[id], &event, NULL);
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

/* Has every member of a configuration that is no longer joint committed up to `target`? */
static bool settled(const struct cluster *cluster, uint64_t target)
{
    uint32_t leader = cluster_leader(cluster);
    struct ww_configuration now;

    if (leader == 0 || target == 0)
        return false;
    now = cluster->node[leader].configuration;
    for (uint32_t id = 1; id <= cluster->nodes; id++)
        if ((ww_configuration_members(&now) >> id & 1) &&
            (cluster->node[id].raft == NULL || cluster->node[id].commit < target))
            return false;
    return !ww_configuration_joint(&now);
}

bool cluster_settle(struct cluster *cluster, uint64_t polls)
{
    uint64_t target = 0;

    cluster->faults = false;
    memset(cluster->cut, 0, sizeof(cluster->cut));
    for (uint64_t end = cluster->poll + polls; cluster->poll < end;) {
        cluster_poll(cluster);
        if (cluster->violation != NULL)
            return true; /* reported as such */
        if (target == 0 && cluster->poll + polls / 2 > end && cluster_propose(cluster))
            target = ww_raft_last_index(cluster->node[cluster_leader(cluster)].raft);
        if (settled(cluster, target))
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
    cluster->voters = (uint8_t)((2u << nodes) - 2);
    cluster->disk_polls_max = 3;
    cluster->crash_polls = 400;
    cluster->cut_polls = 300;
    for (uint32_t id = 1; id <= nodes; id++)
        cluster->node[id] = (struct node){.id = id, .clock_ns = 1000000000u};
    return cluster;
}

void cluster_destroy(struct cluster *cluster)
{
    for (uint32_t id = 1; id <= cluster->nodes; id++)
        ww_raft_destroy(cluster->node[id].raft);
    free(cluster);
}
