/* SPDX-License-Identifier: Apache-2.0 */
/* ww status: asks every node and prints who leads, and how far each has come. */
#include "engine/cli/cli.h"
#include "engine/cli/cluster_status.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

static const struct ww_flag flags[] = {
    {"timeout", 0, "DURATION", "2s", "wait so long for each node"},
    {NULL},
};

/* What a node is to the group: its role, or for one that is no voter what it is instead. */
static const char *role_of(struct json_object *state, const struct ww_cluster_members *members,
                           uint32_t node)
{
    const char *role = ww_json_text(state, "role");
    const char *membership = ww_membership_name(&members->configuration, node);
    if (strcmp(role, "leader") == 0 || strcmp(membership, "voter") == 0)
        return role;
    return strcmp(membership, "none") == 0 ? "no member" : membership;
}

static void print_row(const struct ww_cluster_status *all, const struct ww_cluster_members *members,
                      uint32_t i, uint32_t group)
{
    struct json_object *row = ww_cluster_status_group(all, i, group);
    if (row == NULL) {
        printf("%5u  %-13s %s\n", all->ids[i], "unreachable", all->errors[i]);
        return;
    }
    const char *health = ww_json_text(all->answers[i], "health");
    printf("%5u  %-13s %6" PRId64 " %12" PRId64 " %12" PRId64 " %12" PRId64 " %12" PRId64 "  %s",
           all->ids[i], role_of(row, members, all->ids[i]), ww_json_number(row, "term"),
           ww_json_number(row, "commit"), ww_json_number(row, "applied"),
           ww_json_number(row, "last_index"), ww_json_number(row, "durable"), all->endpoints[i]);
    if (strcmp(health, "ok") != 0)
        printf("  %s", health);
    putchar('\n');
}

static void print_nodes(const char *before, uint8_t nodes)
{
    printf("%s", before);
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        if ((nodes >> id & 1) != 0)
            printf(" %u", id);
}

/* "group 0", and what is under way in it. */
static void print_head(const struct ww_cluster_status *all,
                       const struct ww_cluster_members *members, uint32_t group)
{
    int leader = ww_cluster_status_leader(all, group);
    struct json_object *state =
        leader < 0 ? NULL : ww_cluster_status_group(all, (uint32_t)leader, group);
    printf("%sgroup %u", group == 0 ? "" : "\n", group);
    if (ww_configuration_joint(&members->configuration)) {
        print_nodes(", joint phase: voters", members->configuration.old_voters);
        print_nodes(" become", members->configuration.voters);
    } else if (members->configuration.voters != 0 && !members->committed) {
        printf(", a change of the members is under way");
    }
    if (ww_json_number(state, "transfer_to") != 0)
        printf(", the leader hands over to %" PRId64, ww_json_number(state, "transfer_to"));
    printf("\n%5s  %-13s %6s %12s %12s %12s %12s  %s\n", "node", "role", "term", "commit",
           "applied", "last", "durable", "endpoint");
}

static void print_table(const struct ww_cluster_status *all)
{
    uint32_t groups = ww_cluster_status_groups(all);
    for (uint32_t group = 0; group < (groups > 0 ? groups : 1); group++) {
        struct ww_cluster_members members;
        ww_cluster_status_members(all, group, &members);
        print_head(all, &members, group);
        for (uint32_t i = 0; i < all->count; i++)
            print_row(all, &members, i, group);
    }
}

static void print_json(const struct ww_cluster_status *all)
{
    struct json_object *list = json_object_new_array();
    for (uint32_t i = 0; i < all->count; i++) {
        struct json_object *node = json_object_get(all->answers[i]);
        if (node == NULL) {
            node = json_object_new_object();
            json_object_object_add(node, "node", json_object_new_int64(all->ids[i]));
            json_object_object_add(node, "admin", json_object_new_string(all->endpoints[i]));
            json_object_object_add(node, "error", json_object_new_string(all->errors[i]));
        }
        json_object_array_add(list, node);
    }
    puts(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY));
    json_object_put(list);
}

static bool available(const struct ww_cluster_status *all)
{
    uint32_t groups = ww_cluster_status_groups(all), decided = 0;
    for (uint32_t group = 0; group < groups; group++)
        decided += ww_cluster_status_available(all, group);
    if (groups == 0 || decided < groups)
        fprintf(stderr,
                "ww status: %u of %u nodes answer; %u of %u groups have a leader and a "
                "majority of their voters\n",
                all->answered, all->count, decided, groups);
    return groups > 0 && decided == groups;
}

static int run(struct ww_cli *cli)
{
    struct ww_cluster_status all;
    struct ww_error error;
    uint64_t timeout_ns;
    if (ww_cli_duration(cli, "timeout", 1000000, UINT64_MAX / 2, &timeout_ns, &error) != WW_OK ||
        ww_cluster_status_ask(&all, ww_cli_endpoint(cli), timeout_ns, &error) != WW_OK)
        return ww_cli_fail(cli, &error);
    if (ww_cli_json(cli))
        print_json(&all);
    else
        print_table(&all);
    int result = available(&all) ? WW_EXIT_DONE : WW_EXIT_UNAVAILABLE;
    ww_cluster_status_free(&all);
    return result;
}

const struct ww_command ww_command_status = {
    .verb = "status",
    .summary = "show the roles and positions of all nodes",
    .flags = flags,
    .run = run,
};
