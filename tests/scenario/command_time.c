/* SPDX-License-Identifier: Apache-2.0 */
/* timeout, tick, beat, elect, run, poll: time passes. */
#include "scenario_internal.h"

#include "engine/raft/raft_internal.h"

#include <inttypes.h>

#define MS 1000000u /* NET looks at its timers once in a millisecond */

/* Time passes at the node, in steps that it does not take for a jump of its clock. */
static void pass(struct scenario *scenario, uint32_t id, uint64_t ns)
{
    uint64_t step_ns = scenario->setup.shard.election_min_ns / 20;
    while (ns > 0 && !scenario->line.failed) {
        uint64_t by_ns = ns < step_ns ? ns : step_ns;
        cluster_advance(scenario->cluster, id, by_ns);
        cluster_poll(scenario->cluster, id);
        ns -= by_ns;
    }
}

/* Time passes there until `deadline_ns`, and until NET has looked at its timers. */
static void pass_until(struct scenario *scenario, uint32_t id, uint64_t deadline_ns)
{
    const struct world_node *node = &scenario->cluster->world->nodes[id];
    uint64_t now_ns = world_clock_ns(node);
    if (deadline_ns > now_ns)
        pass(scenario, id, deadline_ns - now_ns);
    if (ww_raft_deadline_ns(cluster_group(scenario->cluster, id)->raft) <= deadline_ns)
        pass(scenario, id, MS);
}

static bool read_up(struct scenario *scenario, uint32_t id)
{
    if (!scenario->line.failed && cluster_life(scenario->cluster, id) != LIFE_RUNNING)
        script_fail(&scenario->line, "node %" PRIu32 " is %s", id,
                    cluster_lives[cluster_life(scenario->cluster, id)]);
    return script_end(&scenario->line);
}

static void time_out(struct scenario *scenario, uint32_t id)
{
    const struct ww_raft *raft = cluster_group(scenario->cluster, id)->raft;
    if (ww_raft_is_leader(raft))
        script_fail(&scenario->line, "node %" PRIu32 " is the leader: it has no election timer",
                    id);
    else
        pass_until(scenario, id, ww_raft_deadline_ns(raft));
}

static void run_timeout(struct scenario *scenario)
{
    uint32_t id = script_node(&scenario->line, "whose timer");
    if (read_up(scenario, id))
        time_out(scenario, id);
}

/* Step by step at all of them, so that their clocks stay together. */
static void run_tick(struct scenario *scenario)
{
    uint8_t nodes = script_nodes(&scenario->line, "whose clock");
    uint64_t ns = script_duration(&scenario->line, "how much time");
    if (!script_end(&scenario->line))
        return;
    for (uint32_t id = 1; id <= scenario->setup.nodes; id++)
        if (nodes >> id & 1)
            pass(scenario, id, ns);
}

/* jump N [back] TIME: at once, as no clock should. */
static void run_jump(struct scenario *scenario)
{
    uint32_t id = script_node(&scenario->line, "whose clock");
    bool back = script_take(&scenario->line, "back");
    uint64_t ns = script_duration(&scenario->line, "how far");
    if (!script_end(&scenario->line))
        return;
    world_clock_jump(&scenario->cluster->world->nodes[id], back ? -(int64_t)ns : (int64_t)ns);
    cluster_poll(scenario->cluster, id);
}

static void run_beat(struct scenario *scenario)
{
    uint32_t id = script_node(&scenario->line, "the leader");
    uint64_t count =
        script_at_number(&scenario->line) ? script_count(&scenario->line, "how often") : 1;
    if (!read_up(scenario, id))
        return;
    for (; count > 0 && !scenario->line.failed; count--) {
        const struct ww_raft *raft = cluster_group(scenario->cluster, id)->raft;
        if (!ww_raft_is_leader(raft))
            script_fail(&scenario->line, "node %" PRIu32 " is no leader", id);
        else
            pass_until(scenario, id, raft->heartbeat_at_ns - raft->clock_offset_ns);
    }
}

/* Time passes at the others until none of them would count a leader as heard. */
static void forget_leader(struct scenario *scenario, uint32_t id)
{
    const struct ww_raft *raft = cluster_group(scenario->cluster, id)->raft;
    if (!ww_raft_is_leader(raft) && raft->no_vote_until_ns > raft->now_ns)
        pass(scenario, id, raft->no_vote_until_ns - raft->now_ns);
}

static void run_elect(struct scenario *scenario)
{
    uint32_t id = script_node(&scenario->line, "who shall lead");
    if (!read_up(scenario, id))
        return;
    for (uint32_t other = 1; other <= scenario->setup.nodes; other++)
        if (other != id && cluster_life(scenario->cluster, other) == LIFE_RUNNING)
            forget_leader(scenario, other);
    time_out(scenario, id);
    scenario_deliver_all(scenario);
    char text[1024];
    if (!scenario->line.failed && !ww_raft_is_leader(cluster_group(scenario->cluster, id)->raft))
        script_fail(&scenario->line, "node %" PRIu32 " was not elected\n  %s", id,
                    show_node(scenario->cluster, id, text, sizeof(text)));
}

static void run_run(struct scenario *scenario)
{
    uint64_t ns = script_duration(&scenario->line, "how much time");
    if (!script_end(&scenario->line))
        return;
    for (; ns > 0 && !scenario->line.failed; ns -= ns < MS ? ns : MS) {
        world_advance(scenario->cluster->world, ns < MS ? ns : MS);
        cluster_poll_all(scenario->cluster, cluster_running(scenario->cluster));
        scenario_deliver_all(scenario);
    }
}

static void run_poll(struct scenario *scenario)
{
    uint8_t nodes = script_nodes(&scenario->line, "who");
    if (script_end(&scenario->line))
        cluster_poll_all(scenario->cluster, nodes);
}

const struct scenario_command time_commands[] = {
    {"timeout", run_timeout}, {"tick", run_tick}, {"beat", run_beat}, {"elect", run_elect},
    {"jump", run_jump},       {"run", run_run},   {"poll", run_poll}, {0},
};
