/* SPDX-License-Identifier: Apache-2.0 */
/* ww member list|add|promote|demote|remove, ww leader transfer. */
#include "engine/cli/cli.h"
#include "engine/cli/member_change.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#define ALL_GROUPS UINT32_MAX
#define STATUS_TIMEOUT_NS 2000000000u

#define GROUP_FLAG                                                                                 \
    {                                                                                              \
        "group", 'g', "G|all", "all", "of this group, or of all"                                   \
    }

static const struct ww_flag list_flags[] = {GROUP_FLAG, {NULL}};
static const struct ww_flag change_flags[] = {
    GROUP_FLAG,
    {"timeout", 0, "DURATION", "10s",
     "wait so long, in each group, for the change to be committed"},
    {NULL},
};

static int group_flag(const struct ww_cli *cli, uint32_t *group, struct ww_error *error)
{
    uint64_t value = ALL_GROUPS;
    int status = strcmp(ww_cli_text(cli, "group"), "all") == 0
                     ? WW_OK
                     : ww_cli_count(cli, "group", 0, WW_GROUPS_MAX - 1, &value, error);
    *group = (uint32_t)value;
    return status;
}

/* What the leader says of a follower; NULL: nothing, or there is no leader. */
static struct json_object *peer_of(struct json_object *leader, uint32_t id)
{
    struct json_object *peers = ww_json_list(leader, "peers");
    for (size_t i = 0; i < ww_json_length(peers); i++)
        if (ww_json_number(json_object_array_get_idx(peers, i), "node") == id)
            return json_object_array_get_idx(peers, i);
    return NULL;
}

static bool flag_of(struct json_object *object, const char *key)
{
    struct json_object *value;
    return json_object_object_get_ex(object, key, &value) && json_object_get_boolean(value);
}

/* A member as the leader sees it, as one object; both formats print it. */
static struct json_object *member_json(const struct ww_cluster_status *all, uint32_t i,
                                       uint32_t group, const struct ww_cluster_members *members)
{
    int place = ww_cluster_status_leader(all, group);
    struct json_object *member = json_object_new_object(), *own = NULL, *peer = NULL;
    uint32_t id = all->ids[i];
    if (place >= 0) {
        struct json_object *leader = ww_cluster_status_group(all, (uint32_t)place, group);
        own = (uint32_t)place == i ? leader : NULL;
        peer = peer_of(leader, id);
    }
    json_object_object_add(member, "node", json_object_new_int64(id));
    json_object_object_add(member, "membership",
                           json_object_new_string(ww_membership_name(&members->configuration, id)));
    json_object_object_add(member, "leader", json_object_new_boolean(own != NULL));
    json_object_object_add(member, "answers", json_object_new_boolean(all->answers[i] != NULL));
    json_object_object_add(member, "endpoint", json_object_new_string(all->endpoints[i]));
    if (own != NULL)
        json_object_object_add(member, "match",
                               json_object_new_int64(ww_json_number(own, "durable")));
    if (peer != NULL) {
        json_object_object_add(member, "match",
                               json_object_new_int64(ww_json_number(peer, "match")));
        json_object_object_add(member, "state",
                               json_object_new_string(ww_json_text(peer, "state")));
        json_object_object_add(member, "caught_up",
                               json_object_new_boolean(flag_of(peer, "caught_up")));
        json_object_object_add(member, "rtt_ns",
                               json_object_new_int64(ww_json_number(peer, "rtt_ns")));
    }
    return member;
}

static struct json_object *group_json(const struct ww_cluster_status *all, uint32_t group)
{
    struct ww_cluster_members members;
    struct json_object *object = json_object_new_object(), *list = json_object_new_array();
    ww_cluster_status_members(all, group, &members);
    int leader = ww_cluster_status_leader(all, group);
    json_object_object_add(object, "group", json_object_new_int64(group));
    json_object_object_add(object, "leader",
                           json_object_new_int64(leader < 0 ? 0 : all->ids[leader]));
    json_object_object_add(object, "index", json_object_new_uint64(members.index));
    json_object_object_add(object, "committed", json_object_new_boolean(members.committed));
    json_object_object_add(object, "joint",
                           json_object_new_boolean(ww_configuration_joint(&members.configuration)));
    for (uint32_t i = 0; i < all->count; i++)
        json_object_array_add(list, member_json(all, i, group, &members));
    json_object_object_add(object, "members", list);
    return object;
}

static void print_member(struct json_object *member)
{
    bool leader = flag_of(member, "leader");
    struct json_object *rtt;
    char round_trip[32] = "";
    if (json_object_object_get_ex(member, "rtt_ns", &rtt) && json_object_get_int64(rtt) != 0)
        snprintf(round_trip, sizeof(round_trip), "%.3f ms",
                 (double)json_object_get_int64(rtt) / 1e6);
    const char *state = leader                        ? "leads"
                        : !flag_of(member, "answers") ? "unreachable"
                                                      : ww_json_text(member, "state");
    printf("%5" PRId64 "  %-10s %-12s %-9s %12" PRId64 " %12s  %s\n",
           ww_json_number(member, "node"), ww_json_text(member, "membership"), state,
           flag_of(member, "caught_up") || leader ? "yes" : "no", ww_json_number(member, "match"),
           round_trip, ww_json_text(member, "endpoint"));
}

static void print_group(struct json_object *group)
{
    struct json_object *members = ww_json_list(group, "members");
    printf("group %" PRId64 ", members of index %" PRId64 "%s%s\n", ww_json_number(group, "group"),
           ww_json_number(group, "index"), flag_of(group, "joint") ? ", joint phase" : "",
           flag_of(group, "committed") ? "" : ", not committed");
    printf("%5s  %-10s %-12s %-9s %12s %12s  %s\n", "node", "is", "state", "caught up", "match",
           "round trip", "endpoint");
    for (size_t i = 0; i < ww_json_length(members); i++)
        print_member(json_object_array_get_idx(members, i));
}

static int run_list(struct ww_cli *cli)
{
    struct ww_cluster_status all;
    struct ww_error error;
    uint32_t wanted;
    if (group_flag(cli, &wanted, &error) != WW_OK ||
        ww_cluster_status_ask(&all, ww_cli_endpoint(cli), STATUS_TIMEOUT_NS, &error) != WW_OK)
        return ww_cli_fail(cli, &error);
    uint32_t groups = ww_cluster_status_groups(&all);
    if (wanted != ALL_GROUPS && wanted >= groups) {
        ww_cluster_status_free(&all);
        ww_fail(&error, WW_EINVAL, "--group: there are groups 0 .. %u", groups - 1);
        return ww_cli_fail(cli, &error);
    }
    struct json_object *list = json_object_new_array();
    for (uint32_t group = 0; group < groups; group++)
        if (wanted == ALL_GROUPS || wanted == group)
            json_object_array_add(list, group_json(&all, group));
    for (size_t i = 0; !ww_cli_json(cli) && i < ww_json_length(list); i++)
        print_group(json_object_array_get_idx(list, i));
    if (ww_cli_json(cli))
        puts(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY));
    json_object_put(list);
    ww_cluster_status_free(&all);
    return WW_EXIT_DONE;
}

static void report(const struct ww_cli *cli, const struct ww_member_change *change,
                   struct json_object *list)
{
    const struct ww_control_request *request = &change->request;
    const char *membership = ww_membership_name(&change->members.configuration, request->node);
    bool transfer = request->op == WW_CONTROL_TRANSFER;
    if (!ww_cli_json(cli)) {
        printf("group %u: node %u %s\n", request->group, request->node,
               transfer                             ? "leads"
               : strcmp(membership, "none") == 0    ? "is no member"
               : strcmp(membership, "learner") == 0 ? "is a learner"
                                                    : "is a voter");
        fflush(stdout);
        return;
    }
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "group", json_object_new_int64(request->group));
    json_object_object_add(object, "node", json_object_new_int64(request->node));
    json_object_object_add(object, "membership", json_object_new_string(membership));
    json_object_object_add(object, "index", json_object_new_uint64(change->members.index));
    json_object_object_add(object, "leader", json_object_new_int64(change->leader));
    json_object_array_add(list, object);
}

/* How many groups the cluster has. */
static int count_groups(const struct ww_cli *cli, uint32_t *groups, struct ww_error *error)
{
    struct ww_cluster_status all;
    int status = ww_cluster_status_ask(&all, ww_cli_endpoint(cli), STATUS_TIMEOUT_NS, error);
    if (status != WW_OK)
        return status;
    *groups = ww_cluster_status_groups(&all);
    ww_cluster_status_free(&all);
    return WW_OK;
}

static int run_change(struct ww_cli *cli, enum ww_control_op op)
{
    struct ww_member_change change = {.endpoint = ww_cli_endpoint(cli),
                                      .request = {.op = op},
                                      .interrupted = ww_cli_interrupted};
    struct ww_error error;
    uint32_t wanted, groups = 0;
    if (group_flag(cli, &wanted, &error) != WW_OK ||
        (cli->operand != NULL && ww_cli_node(cli, &change.request.node, &error) != WW_OK) ||
        ww_cli_duration(cli, "timeout", 1000000, UINT64_MAX / 2, &change.timeout_ns, &error) !=
            WW_OK ||
        count_groups(cli, &groups, &error) != WW_OK)
        return ww_cli_fail(cli, &error);
    uint32_t node = change.request.node, first = wanted == ALL_GROUPS ? 0 : wanted;
    uint32_t end = wanted == ALL_GROUPS ? groups : wanted + 1;
    struct json_object *list = json_object_new_array();
    int result = WW_EXIT_DONE;
    ww_cli_block_signals();
    for (uint32_t group = first; group < end && result == WW_EXIT_DONE; group++) {
        change.request.group = group;
        change.request.node = node;
        if (ww_member_change(&change, &error) == WW_OK)
            report(cli, &change, list);
        else
            result = ww_cli_fail(cli, &error);
    }
    if (ww_cli_json(cli))
        puts(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY));
    json_object_put(list);
    return result;
}

static int run_add(struct ww_cli *cli)
{
    return run_change(cli, WW_CONTROL_ADD);
}

static int run_promote(struct ww_cli *cli)
{
    return run_change(cli, WW_CONTROL_PROMOTE);
}

static int run_demote(struct ww_cli *cli)
{
    return run_change(cli, WW_CONTROL_DEMOTE);
}

static int run_remove(struct ww_cli *cli)
{
    return run_change(cli, WW_CONTROL_REMOVE);
}

static int run_transfer(struct ww_cli *cli)
{
    return run_change(cli, WW_CONTROL_TRANSFER);
}

const struct ww_command ww_command_member_list = {
    .verb = "member list",
    .summary = "show who is a member of each group, and how far",
    .flags = list_flags,
    .run = run_list,
};

const struct ww_command ww_command_member_add = {
    .verb = "member add",
    .summary = "add a node as a learner, which receives the log and has no vote",
    .operand = "NODE",
    .flags = change_flags,
    .run = run_add,
};

const struct ww_command ww_command_member_promote = {
    .verb = "member promote",
    .summary = "make a learner that is caught up a voter",
    .operand = "NODE",
    .flags = change_flags,
    .run = run_promote,
};

const struct ww_command ww_command_member_demote = {
    .verb = "member demote",
    .summary = "make a voter a learner",
    .operand = "NODE",
    .flags = change_flags,
    .run = run_demote,
};

const struct ww_command ww_command_member_remove = {
    .verb = "member remove",
    .summary = "take a node out, the leader too",
    .operand = "NODE",
    .flags = change_flags,
    .run = run_remove,
};

const struct ww_command ww_command_leader_transfer = {
    .verb = "leader transfer",
    .summary = "hand the leadership over, to NODE or to the voter that is furthest",
    .operand = "[NODE]",
    .flags = change_flags,
    .run = run_transfer,
};
