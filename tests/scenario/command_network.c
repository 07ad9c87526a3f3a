/* SPDX-License-Identifier: Apache-2.0 */
/* deliver, drop, duplicate, delay, reorder, corrupt, cut, heal. */
#include "scenario_internal.h"

#include <inttypes.h>
#include <stdio.h>

#define DELIVERIES_MAX 20000u /* by one command: messages that cause each other for ever */
#define MATCHING_MAX 1024u

static bool paused(const struct cluster *cluster, uint32_t id)
{
    return cluster_life(cluster, id) == LIFE_PAUSED;
}

/* Until nothing is in flight but to nodes that are paused. */
void scenario_deliver_all(struct scenario *scenario)
{
    struct cluster *cluster = scenario->cluster;
    struct cluster_flight flight;
    uint32_t delivered = 0;
    for (bool more = cluster_first_flight(cluster, &flight); more && !scenario->line.failed;) {
        if (paused(cluster, flight.to)) {
            more = cluster_next_flight(&flight);
            continue;
        }
        if (delivered++ == DELIVERIES_MAX) {
            script_fail(&scenario->line, "messages without an end");
            return;
        }
        cluster_deliver(cluster, flight.frame);
        more = cluster_first_flight(cluster, &flight);
    }
}

/* LINK [TYPE] [COUNT]: the frames that are meant; 0 with an error when there are too few. */
static uint32_t read_matching(struct scenario *scenario, struct world_frame **frames)
{
    struct script_line *line = &scenario->line;
    struct message_filter filter;
    uint64_t wanted = 0;
    message_filter_read(line, &filter, false);
    if (script_at_number(line))
        wanted = script_count(line, "how many");
    if (!script_end(line))
        return 0;
    uint32_t found = 0;
    struct cluster_flight flight;
    uint32_t limit = wanted > 0 && wanted < MATCHING_MAX ? (uint32_t)wanted : MATCHING_MAX;
    for (bool more = cluster_first_flight(scenario->cluster, &flight); more && found < limit;
         more = cluster_next_flight(&flight))
        if (message_filter_matches(&filter, &flight))
            frames[found++] = flight.frame;
    if (found == 0 || found < wanted)
        script_fail(line, "found %" PRIu32 " such messages in flight, not %s%" PRIu64, found,
                    wanted == 0 ? "at least " : "", wanted == 0 ? 1 : wanted);
    return line->failed ? 0 : found;
}

static void run_deliver(struct scenario *scenario)
{
    struct world_frame *frames[MATCHING_MAX];
    if (script_peek(&scenario->line) == NULL) {
        scenario_deliver_all(scenario);
        return;
    }
    uint32_t count = read_matching(scenario, frames);
    for (uint32_t i = 0; i < count; i++) {
        if (paused(scenario->cluster, frames[i]->to)) {
            script_fail(&scenario->line, "node %" PRIu32 " is paused and gets nothing",
                        frames[i]->to);
            return;
        }
        cluster_deliver(scenario->cluster, frames[i]);
    }
}

static void run_drop(struct scenario *scenario)
{
    struct world_frame *frames[MATCHING_MAX];
    if (script_take(&scenario->line, "all")) {
        struct cluster_flight flight;
        while (script_end(&scenario->line) && cluster_first_flight(scenario->cluster, &flight))
            world_drop(scenario->cluster->world, flight.frame);
        return;
    }
    uint32_t count = read_matching(scenario, frames);
    for (uint32_t i = 0; i < count; i++)
        world_drop(scenario->cluster->world, frames[i]);
}

static void run_hold(struct scenario *scenario)
{
    struct world_frame *frames[MATCHING_MAX];
    uint32_t count = read_matching(scenario, frames);
    for (uint32_t i = 0; i < count; i++)
        frames[i]->due_ns = CLUSTER_HELD;
}

/* All that are held back are in flight again. */
static void run_release(struct scenario *scenario)
{
    struct world_frame *frame = scenario->cluster->world->flight.first;
    if (!script_end(&scenario->line))
        return;
    for (; frame != NULL; frame = frame->next)
        frame->due_ns = 0;
}

static void run_duplicate(struct scenario *scenario)
{
    struct world_frame *frames[MATCHING_MAX];
    uint32_t count = read_matching(scenario, frames);
    for (uint32_t i = 0; i < count; i++)
        world_duplicate(scenario->cluster->world, frames[i]);
}

static void run_delay(struct scenario *scenario)
{
    struct world_frame *frames[MATCHING_MAX];
    uint32_t count = read_matching(scenario, frames);
    for (uint32_t i = 0; i < count; i++) {
        world_duplicate(scenario->cluster->world, frames[i]);
        world_drop(scenario->cluster->world, frames[i]);
    }
}

static void run_reorder(struct scenario *scenario)
{
    struct world_frame *frames[MATCHING_MAX];
    uint32_t count = read_matching(scenario, frames);
    for (uint32_t i = count; i > 0; i--) {
        world_duplicate(scenario->cluster->world, frames[i - 1]);
        world_drop(scenario->cluster->world, frames[i - 1]);
    }
}

static void run_corrupt(struct scenario *scenario)
{
    struct world_frame *frames[MATCHING_MAX];
    uint32_t count = read_matching(scenario, frames);
    for (uint32_t i = 0; i < count; i++) /* a bit of the last byte: of a body, or of a message */
        world_corrupt(frames[i], (frames[i]->size_bytes - 1) * 8);
}

/* LINK, or NODES: all links of these. */
static void set_cut(struct scenario *scenario, bool cut)
{
    struct script_line *line = &scenario->line;
    struct script_link links[2];
    if (script_at_link(line)) {
        links[0] = links[1] = script_link(line);
    } else {
        uint8_t nodes = script_nodes(line, "a node or a link");
        links[0] = (struct script_link){nodes, 0xfe};
        links[1] = (struct script_link){0xfe, nodes};
    }
    if (!script_end(line))
        return;
    for (uint32_t from = 1; from <= WW_NODES_MAX; from++)
        for (uint32_t to = 1; to <= WW_NODES_MAX; to++)
            for (uint32_t i = 0; i < 2; i++)
                if ((links[i].from >> from & 1) && (links[i].to >> to & 1))
                    scenario->cluster->cut[from][to] = cut;
}

static void run_cut(struct scenario *scenario)
{
    set_cut(scenario, true);
}

static void run_heal(struct scenario *scenario)
{
    if (script_peek(&scenario->line) != NULL) {
        set_cut(scenario, false);
        return;
    }
    for (uint32_t from = 1; from <= WW_NODES_MAX; from++)
        for (uint32_t to = 1; to <= WW_NODES_MAX; to++)
            scenario->cluster->cut[from][to] = false;
}

const struct scenario_command network_commands[] = {
    {"deliver", run_deliver},
    {"drop", run_drop},
    {"duplicate", run_duplicate},
    {"delay", run_delay},
    {"reorder", run_reorder},
    {"corrupt", run_corrupt},
    {"hold", run_hold},
    {"release", run_release},
    {"cut", run_cut},
    {"heal", run_heal},
    {0},
};
