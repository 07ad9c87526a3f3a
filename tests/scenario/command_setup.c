/* SPDX-License-Identifier: Apache-2.0 */
/* cluster, log: what is there before the nodes start. */
#include "scenario_internal.h"

#include <inttypes.h>

#define MS 1000000u

static void set_defaults(struct cluster_setup *setup)
{
    *setup = (struct cluster_setup){
        .seed = 1,
        .shard =
            {
                .groups = 1,
                .heartbeat_ns = 10 * MS,
                .election_min_ns = 100 * MS,
                .election_max_ns = 200 * MS,
                .retry_ns = 20 * MS,
                .window_bytes = 64 * WW_KIB,
                .session_timeout_ns = 10000ull * MS,
                .wal = {.block_max = 64 * WW_KIB},
                .batch_slots = 1024,
                .promises = 256,
                .pendings = 256,
                .term_runs = 256,
            },
    };
}

/* 1:5 2:1 */
static void read_priorities(struct script_line *line, uint8_t *priorities)
{
    do {
        const char *word = script_word(line, "a priority");
        if (word[0] < '1' || word[0] > '7' || word[1] != ':' || word[2] < '0' || word[2] > '9' ||
            word[3] != '\0')
            script_fail(line, "'%s' is not NODE:PRIORITY such as 2:5", word);
        else
            priorities[word[0] - '0'] = (uint8_t)(word[2] - '0');
    } while (script_at_number(line));
}

static void read_part(struct script_line *line, struct cluster_setup *setup, uint8_t *learners)
{
    static const char *const parts[] = {
        "learners",        "waiting", "heartbeat", "election",   "retry",     "window",
        "adaptive",        "leases",  "drift",     "priorities", "snapshots", "keep",
        "session-timeout", "retain",  "fresh",     "seed",       NULL};
    struct ww_shard_options *shard = &setup->shard;
    switch (script_choice(line, "a part of the cluster", parts)) {
    case 0:
        *learners = script_nodes(line, "the learners");
        break;
    case 1:
        setup->waiting = script_nodes(line, "the nodes that wait");
        break;
    case 2:
        shard->heartbeat_ns = script_duration(line, "the heartbeat");
        break;
    case 3:
        shard->election_min_ns = script_duration(line, "the shortest election timeout");
        shard->election_max_ns = script_duration(line, "the longest election timeout");
        break;
    case 4:
        shard->retry_ns = script_duration(line, "the retry time");
        break;
    case 5:
        shard->window_bytes = (uint32_t)script_count(line, "the window");
        break;
    case 6:
        shard->adaptive = true;
        break;
    case 7:
        shard->leases = true;
        break;
    case 8:
        shard->clock_drift_ppm = (uint32_t)script_count(line, "the drift");
        break;
    case 9:
        read_priorities(line, shard->priorities);
        break;
    case 10:
        shard->snapshot_entries = script_count(line, "the entries between snapshots");
        break;
    case 11:
        shard->snapshot_keep = script_count(line, "the entries to keep");
        break;
    case 12:
        shard->session_timeout_ns = script_duration(line, "the session timeout");
        break;
    case 13:
        shard->retain_bytes = script_count(line, "the bytes to retain");
        break;
    case 14:
        setup->amnesia = true;
        break;
    default:
        setup->seed = script_count(line, "the seed");
        break;
    }
}

static void run_cluster(struct scenario *scenario)
{
    struct script_line *line = &scenario->line;
    struct cluster_setup *setup = &scenario->setup;
    uint8_t learners = 0;
    if (setup->nodes != 0)
        script_fail(line, "there is a cluster already");
    set_defaults(setup);
    uint64_t nodes = script_count(line, "the number of nodes");
    if (!line->failed && (nodes < 1 || nodes > WW_NODES_MAX))
        script_fail(line, "1 to %u nodes, not %" PRIu64, WW_NODES_MAX, nodes);
    while (script_peek(line) != NULL)
        read_part(line, setup, &learners);
    if (!script_end(line))
        return;
    uint8_t all = (uint8_t)((1u << (nodes + 1)) - 2);
    if (((learners | setup->waiting) & ~all) != 0 || (learners & setup->waiting) != 0)
        script_fail(line, "learners and waiting nodes must be different nodes, 1 to %" PRIu64,
                    nodes);
    setup->shard.configuration.learners = learners;
    setup->shard.configuration.voters = all & (uint8_t) ~(learners | setup->waiting);
    if (setup->shard.configuration.voters == 0)
        script_fail(line, "a cluster without voters");
    setup->nodes = (uint32_t)nodes;
}

/* log N = TERM... [term T] [vote V] */
static void run_log(struct scenario *scenario)
{
    struct script_line *line = &scenario->line;
    uint32_t id = script_node(line, "whose log");
    if (!line->failed && (id > scenario->setup.nodes || scenario->cluster != NULL))
        script_fail(line, scenario->cluster != NULL ? "the nodes have started already"
                                                    : "there is no such node");
    if (!script_take(line, "="))
        script_fail(line, "log N = TERM...");
    struct cluster_preset preset = {0};
    while (script_at_number(line) && preset.count < CLUSTER_LOG_MAX) {
        uint64_t term = script_count(line, "the term of an entry");
        if (term < preset.term || term == 0)
            script_fail(line, "the terms of a log never fall, and begin at 1");
        preset.terms[preset.count++] = preset.term = term;
    }
    if (script_take(line, "term")) {
        uint64_t term = script_count(line, "the current term");
        if (term < preset.term)
            script_fail(line, "the current term is below that of the last entry");
        preset.term = term;
    }
    if (script_take(line, "vote"))
        preset.vote = script_node(line, "the vote");
    if (!line->failed && preset.term == 0)
        script_fail(line, "an empty log needs a term");
    if (script_end(line))
        scenario->setup.presets[id] = preset;
}

void scenario_start(struct scenario *scenario)
{
    if (scenario->cluster != NULL)
        return;
    if (scenario->setup.nodes == 0) {
        script_fail(&scenario->line, "the first command must be 'cluster N'");
        return;
    }
    scenario->cluster = cluster_create(&scenario->setup, &scenario->line);
    if (scenario->cluster == NULL) {
        script_fail(&scenario->line, "no memory for the nodes");
        return;
    }
    scenario->cluster->context = scenario;
    scenario->cluster->answered = scenario_answered;
    scenario->cluster->sent = scenario_sent;
    for (uint32_t id = 1; id <= scenario->setup.nodes; id++) {
        cluster_preset_disk(scenario->cluster, id);
        cluster_start(scenario->cluster, id);
    }
}

const struct scenario_command setup_commands[] = {{"cluster", run_cluster}, {"log", run_log}, {0}};
