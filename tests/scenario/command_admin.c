/* SPDX-License-Identifier: Apache-2.0 */
/* change, transfer: what an operator asks. */
#include "scenario_internal.h"

#include <inttypes.h>

/* Steps the core as NET does with an operator's request; the status is the answer. */
static void ask(struct scenario *scenario, uint32_t node, struct ww_raft_event *event)
{
    struct scenario_request *request = scenario_add_request(scenario);
    struct ww_group *group = cluster_group(scenario->cluster, node);
    if (request == NULL)
        return;
    if (group == NULL) {
        script_fail(&scenario->line, "node %" PRIu32 " is down", node);
        return;
    }
    struct ww_net *net = scenario->cluster->world->nodes[node].shard->net;
    ww_net_step(net, group, event, NULL);
    int status = net->update.status;
    request->answer = status == WW_OK ? ANSWER_OK : ANSWER_REFUSED;
    request->number = (uint64_t)-status;
    if (status == WW_EBUSY)
        request->answer = ANSWER_BUSY;
    if (status == WW_ENOTLEADER) {
        request->answer = ANSWER_NOT_LEADER;
        request->number = ww_raft_leader(group->raft);
    }
    cluster_poll(scenario->cluster, node);
}

/* change N = voters NODES [learners NODES] */
static struct ww_configuration read_configuration(struct script_line *line)
{
    struct ww_configuration configuration = {0};
    if (script_take(line, "voters"))
        configuration.voters = script_nodes(line, "the voters");
    else
        script_fail(line, "change N = voters NODES [learners NODES]");
    if (script_take(line, "learners"))
        configuration.learners = script_nodes(line, "the learners");
    return configuration;
}

static void run_change(struct scenario *scenario)
{
    static const char *const ways[] = {"add", "promote", "demote", "remove", "=", NULL};
    struct script_line *line = &scenario->line;
    struct ww_raft_event event = {.type = WW_RAFT_EV_CHANGE};
    uint32_t node = script_node(line, "whom to ask");
    unsigned way = script_choice(line, "a change", ways);
    if (way == 4) {
        event.configuration = read_configuration(line);
        ask(scenario, node, &event);
        return;
    }
    uint8_t bit = (uint8_t)(1u << script_node(line, "who is added or removed"));
    const struct ww_group *group = cluster_group(scenario->cluster, node);
    if (line->failed || group == NULL) {
        script_fail(line, "node %" PRIu32 " is down", node);
        return;
    }
    struct ww_raft_status status;
    ww_raft_status(group->raft, &status);
    event.configuration.voters = status.configuration.voters & (uint8_t)~bit;
    event.configuration.learners = status.configuration.learners & (uint8_t)~bit;
    if (way == 1)
        event.configuration.voters |= bit;
    else if (way != 3)
        event.configuration.learners |= bit;
    ask(scenario, node, &event);
}

static void run_transfer(struct scenario *scenario)
{
    struct ww_raft_event event = {.type = WW_RAFT_EV_TRANSFER};
    uint32_t node = script_node(&scenario->line, "the leader");
    event.node = script_node(&scenario->line, "who takes over");
    ask(scenario, node, &event);
}

const struct scenario_command admin_commands[] = {{"change", run_change},
                                                  {"transfer", run_transfer},
                                                  {0}};
