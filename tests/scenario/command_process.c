/* SPDX-License-Identifier: Apache-2.0 */
/* disk, disk-done, crash, restart, pause, resume, damage, lose, repair. */
#include "scenario_internal.h"

#include <inttypes.h>

static void run_disk(struct scenario *scenario)
{
    static const char *const modes[] = {"hold", "run", "fail", NULL};
    struct script_line *line = &scenario->line;
    uint32_t id = script_node(line, "whose disk");
    unsigned mode = script_choice(line, "what becomes of the disk", modes);
    bool all = mode == 0 && script_take(line, "all");
    if (!script_end(line))
        return;
    if (mode == 2) {
        cluster_disk_fail(scenario->cluster, id);
        return;
    }
    scenario->cluster->disk_held[id] = mode == 1 ? HOLD_NOTHING : all ? HOLD_ALL : HOLD_WRITES;
    cluster_poll(scenario->cluster, id);
}

/* COUNT of the writes that wait, all without one. */
static uint32_t read_writes(struct scenario *scenario, uint32_t id)
{
    struct script_line *line = &scenario->line;
    uint32_t waiting = cluster_writes(scenario->cluster, id);
    uint64_t count = waiting;
    if (script_at_number(line))
        count = script_count(line, "how many writes");
    if (script_end(line) && count > waiting)
        script_fail(line, "%" PRIu32 " writes of node %" PRIu32 " wait, not %" PRIu64, waiting, id,
                    count);
    return (uint32_t)count;
}

static void run_disk_done(struct scenario *scenario)
{
    uint32_t id = script_node(&scenario->line, "whose disk");
    if (scenario->line.failed)
        return;
    uint32_t count = read_writes(scenario, id);
    if (!scenario->line.failed && count == 0)
        script_fail(&scenario->line, "no write of node %" PRIu32 " waits", id);
    if (!scenario->line.failed)
        cluster_disk_done(scenario->cluster, id, count);
}

static void run_crash(struct scenario *scenario)
{
    struct script_line *line = &scenario->line;
    uint8_t nodes = script_nodes(line, "who");
    bool kept = script_take(line, "keeps"), torn = script_take(line, "tears");
    for (uint32_t id = 1; id <= WW_NODES_MAX && !line->failed; id++) {
        if (!(nodes >> id & 1))
            continue;
        uint32_t count = kept ? read_writes(scenario, id) : 0;
        if (!script_end(line))
            return;
        if (torn && cluster_writes(scenario->cluster, id) == 0)
            script_fail(line, "no write of node %" PRIu32 " waits", id);
        else if (!cluster_is_up(scenario->cluster, id))
            script_fail(line, "node %" PRIu32 " is down already", id);
        else
            cluster_crash(scenario->cluster, id, count, torn);
    }
}

static void run_restart(struct scenario *scenario)
{
    struct script_line *line = &scenario->line;
    uint8_t nodes = script_nodes(line, "who");
    if (!script_end(line))
        return;
    for (uint32_t id = 1; id <= scenario->setup.nodes; id++) {
        if (!(nodes >> id & 1))
            continue;
        if (cluster_is_up(scenario->cluster, id))
            script_fail(line, "node %" PRIu32 " runs already", id);
        else
            cluster_start(scenario->cluster, id);
    }
}

/* The nodes of the command, which must be down; 0: they are not. */
static uint8_t read_down(struct scenario *scenario)
{
    struct script_line *line = &scenario->line;
    uint8_t nodes = script_nodes(line, "who");
    if (!script_end(line))
        return 0;
    for (uint32_t id = 1; id <= scenario->setup.nodes; id++)
        if ((nodes >> id & 1) && cluster_is_up(scenario->cluster, id))
            script_fail(line, "node %" PRIu32 " runs: crash it first", id);
    return line->failed ? 0 : nodes;
}

static void run_lose(struct scenario *scenario)
{
    uint8_t nodes = read_down(scenario);
    for (uint32_t id = 1; id <= scenario->setup.nodes; id++)
        if (nodes >> id & 1)
            world_lose(scenario->cluster->world, id);
}

static void run_repair(struct scenario *scenario)
{
    uint8_t nodes = read_down(scenario);
    scenario->cluster->world->options.repairs = true;
    for (uint32_t id = 1; id <= scenario->setup.nodes; id++)
        if (nodes >> id & 1)
            cluster_start(scenario->cluster, id);
    scenario->cluster->world->options.repairs = false;
}

static void set_paused(struct scenario *scenario, bool pause)
{
    uint8_t nodes = script_nodes(&scenario->line, "who");
    if (!script_end(&scenario->line))
        return;
    for (uint32_t id = 1; id <= scenario->setup.nodes; id++)
        if (nodes >> id & 1)
            scenario->cluster->world->nodes[id].paused = pause;
    if (!pause)
        cluster_poll_all(scenario->cluster, nodes);
}

static void run_pause(struct scenario *scenario)
{
    set_paused(scenario, true);
}

static void run_resume(struct scenario *scenario)
{
    set_paused(scenario, false);
}

static void run_damage(struct scenario *scenario)
{
    static const char *const kinds[] = {"flip", "zero", "misplaced", "foreign", "snapshot", NULL};
    struct script_line *line = &scenario->line;
    uint32_t id = script_node(line, "whose disk");
    unsigned kind = script_choice(line, "a kind of damage", kinds);
    uint64_t index = script_take(line, "entry") ? script_count(line, "the entry") : 0;
    if (!script_end(line))
        return;
    if (cluster_is_up(scenario->cluster, id))
        script_fail(line, "node %" PRIu32 " runs: crash it first", id);
    else
        cluster_damage(scenario->cluster, id, (enum cluster_damage)kind, index);
}

const struct scenario_command process_commands[] = {
    {"disk", run_disk},     {"disk-done", run_disk_done},
    {"crash", run_crash},   {"restart", run_restart},
    {"pause", run_pause},   {"resume", run_resume},
    {"damage", run_damage}, {"lose", run_lose},
    {"repair", run_repair}, {0},
};
