/* SPDX-License-Identifier: Apache-2.0 */
/* change, transfer, snapshot: what an operator asks. */
#include "scenario_internal.h"

#include <inttypes.h>
#include <unistd.h>

static void answer(struct scenario *scenario, struct scenario_request *request, uint32_t node,
                   int status)
{
    request->answer = status == WW_OK ? ANSWER_OK : ANSWER_REFUSED;
    request->number = (uint64_t)-status;
    if (status == WW_EBUSY)
        request->answer = ANSWER_BUSY;
    if (status == WW_ENOTLEADER) {
        request->answer = ANSWER_NOT_LEADER;
        request->number = ww_raft_leader(cluster_group(scenario->cluster, node)->raft);
    }
    cluster_poll(scenario->cluster, node);
}

/* Reads the end of the line; NULL: the line was wrong, or the node is down. */
static struct ww_net *net_of(struct scenario *scenario, uint32_t node,
                             struct scenario_request **request)
{
    *request = scenario_add_request(scenario);
    if (*request == NULL)
        return NULL;
    if (!cluster_is_up(scenario->cluster, node)) {
        script_fail(&scenario->line, "node %" PRIu32 " is down", node);
        return NULL;
    }
    return scenario->cluster->world->nodes[node].shard->net;
}

/* As an operator asks through the admin endpoint: NET takes it at its next poll. */
static void ask(struct scenario *scenario, uint32_t node, enum ww_shard_op op, uint32_t member)
{
    struct ww_shard_request wanted = {.op = op, .node = member};
    struct scenario_request *request;
    struct ww_net *net = net_of(scenario, node, &request);
    if (net == NULL)
        return;
    atomic_store(&net->request_wanted, &wanted);
    cluster_poll(scenario->cluster, node);
    uint64_t answered = 0;
    if (read(net->view_event, &answered, sizeof(answered)) != sizeof(answered))
        script_fail(&scenario->line, "node %" PRIu32 " did not take the request", node);
    answer(scenario, request, node, wanted.status);
}

/* Any change at once: what the endpoint does not offer, but the core can do. */
static void ask_core(struct scenario *scenario, uint32_t node,
                     struct ww_configuration configuration)
{
    struct ww_raft_event event = {.type = WW_RAFT_EV_CHANGE, .configuration = configuration};
    struct scenario_request *request;
    struct ww_net *net = net_of(scenario, node, &request);
    if (net == NULL)
        return;
    ww_net_step(net, cluster_group(scenario->cluster, node), &event, NULL);
    answer(scenario, request, node, net->update.status);
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
    static const enum ww_shard_op ops[] = {WW_SHARD_ADD, WW_SHARD_PROMOTE, WW_SHARD_DEMOTE,
                                           WW_SHARD_REMOVE};
    struct script_line *line = &scenario->line;
    uint32_t node = script_node(line, "whom to ask");
    unsigned way = script_choice(line, "a change", ways);
    if (way == 4)
        ask_core(scenario, node, read_configuration(line));
    else
        ask(scenario, node, ops[way], script_node(line, "who is added or removed"));
}

static void run_transfer(struct scenario *scenario)
{
    uint32_t node = script_node(&scenario->line, "the leader");
    ask(scenario, node, WW_SHARD_TRANSFER, script_node(&scenario->line, "who takes over"));
}

/* snapshot N [keep COUNT]: of what it applied, as if the time for it had come. */
static void run_snapshot(struct scenario *scenario)
{
    struct script_line *line = &scenario->line;
    uint32_t node = script_node(line, "who takes a snapshot");
    uint64_t kept = script_take(line, "keep") ? script_count(line, "how many entries stay") : 0;
    if (!script_end(line))
        return;
    struct ww_group *group = cluster_group(scenario->cluster, node);
    if (group == NULL) {
        script_fail(line, "node %" PRIu32 " is down", node);
        return;
    }
    struct ww_shard *shard = scenario->cluster->world->nodes[node].shard;
    shard->options.snapshot_keep = kept;
    if (ww_net_snapshot_take(shard->net, group) != WW_OK)
        script_fail(line, "node %" PRIu32 " cannot take a snapshot now", node);
    cluster_poll(scenario->cluster, node);
}

const struct scenario_command admin_commands[] = {{"change", run_change},
                                                  {"transfer", run_transfer},
                                                  {"snapshot", run_snapshot},
                                                  {0}};
