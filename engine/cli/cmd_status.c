/* SPDX-License-Identifier: Apache-2.0 */
/* ww status: asks every node and prints who leads, and how far each has come. */
#include "engine/cli/cli.h"
#include "engine/control/http_client.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ww_flag flags[] = {
    {"timeout", 0, "DURATION", "2s", "wait so long for each node"},
    {NULL},
};

struct cluster_status {
    uint32_t count, answered;
    uint32_t ids[WW_NODES_MAX];
    char endpoints[WW_NODES_MAX][64];
    struct json_object *answers[WW_NODES_MAX]; /* NULL: no answer */
    char errors[WW_NODES_MAX][200];
};

static int64_t number_of(struct json_object *object, const char *key)
{
    struct json_object *value;
    return json_object_object_get_ex(object, key, &value) ? json_object_get_int64(value) : 0;
}

static const char *text_of(struct json_object *object, const char *key)
{
    struct json_object *value;
    return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value) : "";
}

static struct json_object *list_of(struct json_object *object, const char *key)
{
    struct json_object *value;
    bool found = json_object_object_get_ex(object, key, &value) &&
                 json_object_is_type(value, json_type_array);
    return found ? value : NULL;
}

static size_t length_of(struct json_object *list)
{
    return list == NULL ? 0 : json_object_array_length(list);
}

static int ask(const char *endpoint, uint64_t timeout_ns, struct json_object **answer,
               struct ww_error *error)
{
    char *body;
    int status = ww_http_get(endpoint, "/v1/status", timeout_ns, &body, error);
    if (status != WW_OK)
        return status;
    *answer = json_tokener_parse(body);
    free(body);
    if (list_of(*answer, "nodes") != NULL && list_of(*answer, "groups") != NULL)
        return WW_OK;
    json_object_put(*answer);
    *answer = NULL;
    return ww_fail(error, WW_EIO, "endpoint %s does not answer as a node", endpoint);
}

/* Asks the endpoint for the list of nodes, then each of them. */
static int collect(struct cluster_status *all, const char *endpoint, uint64_t timeout_ns,
                   struct ww_error *error)
{
    struct json_object *first = NULL;
    int status = ask(endpoint, timeout_ns, &first, error);
    if (status != WW_OK)
        return status;
    struct json_object *nodes = list_of(first, "nodes");
    for (size_t i = 0; i < length_of(nodes) && i < WW_NODES_MAX; i++) {
        struct json_object *node = json_object_array_get_idx(nodes, i);
        struct ww_error why;
        all->ids[i] = (uint32_t)number_of(node, "id");
        snprintf(all->endpoints[i], sizeof(all->endpoints[i]), "%s", text_of(node, "admin"));
        if (all->ids[i] == number_of(first, "node"))
            all->answers[i] = json_object_get(first);
        else if (ask(all->endpoints[i], timeout_ns, &all->answers[i], &why) != WW_OK)
            snprintf(all->errors[i], sizeof(all->errors[i]), "%.199s", why.text);
        all->answered += all->answers[i] != NULL;
        all->count++;
    }
    json_object_put(first);
    return WW_OK;
}

/* Is there a leader, known to a node that answered, in each group? */
static bool led(const struct cluster_status *all)
{
    size_t groups = 0, with_leader = 0;
    for (uint32_t i = 0; i < all->count; i++)
        if (length_of(list_of(all->answers[i], "groups")) > groups)
            groups = length_of(list_of(all->answers[i], "groups"));
    for (size_t group = 0; group < groups; group++) {
        bool known = false;
        for (uint32_t i = 0; i < all->count; i++) {
            struct json_object *list = list_of(all->answers[i], "groups");
            if (group < length_of(list))
                known |= number_of(json_object_array_get_idx(list, group), "leader") != 0;
        }
        with_leader += known;
    }
    return groups > 0 && with_leader == groups;
}

static void print_row(const struct cluster_status *all, uint32_t i, size_t group)
{
    struct json_object *list = list_of(all->answers[i], "groups");
    if (group >= length_of(list)) {
        printf("%5u  %-12s %s\n", all->ids[i], "unreachable", all->errors[i]);
        return;
    }
    struct json_object *row = json_object_array_get_idx(list, group);
    const char *health = text_of(all->answers[i], "health");
    printf("%5u  %-12s %6" PRId64 " %12" PRId64 " %12" PRId64 " %12" PRId64 " %12" PRId64 "  %s",
           all->ids[i], text_of(row, "role"), number_of(row, "term"), number_of(row, "commit"),
           number_of(row, "applied"), number_of(row, "last_index"), number_of(row, "durable"),
           all->endpoints[i]);
    if (strcmp(health, "ok") != 0)
        printf("  %s", health);
    putchar('\n');
}

static void print_table(const struct cluster_status *all)
{
    size_t groups = 1;
    for (uint32_t i = 0; i < all->count; i++)
        if (length_of(list_of(all->answers[i], "groups")) > groups)
            groups = length_of(list_of(all->answers[i], "groups"));
    for (size_t group = 0; group < groups; group++) {
        printf("%sgroup %zu\n%5s  %-12s %6s %12s %12s %12s %12s  %s\n", group == 0 ? "" : "\n",
               group, "node", "role", "term", "commit", "applied", "last", "durable", "endpoint");
        for (uint32_t i = 0; i < all->count; i++)
            print_row(all, i, group);
    }
}

static void print_json(const struct cluster_status *all)
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

static int run(struct ww_cli *cli)
{
    struct cluster_status all = {0};
    struct ww_error error;
    uint64_t timeout_ns;
    if (ww_cli_duration(cli, "timeout", 1000000, UINT64_MAX / 2, &timeout_ns, &error) != WW_OK ||
        collect(&all, ww_cli_endpoint(cli), timeout_ns, &error) != WW_OK)
        return ww_cli_fail(cli, &error);
    if (ww_cli_json(cli))
        print_json(&all);
    else
        print_table(&all);
    bool available = all.answered * 2 > all.count && led(&all);
    if (!available)
        fprintf(stderr, "ww status: %u of %u nodes answer%s\n", all.answered, all.count,
                led(&all) ? "" : "; no leader is known");
    for (uint32_t i = 0; i < all.count; i++)
        json_object_put(all.answers[i]);
    return available ? WW_EXIT_DONE : WW_EXIT_UNAVAILABLE;
}

const struct ww_command ww_command_status = {
    .verb = "status",
    .summary = "show the roles and positions of all nodes",
    .flags = flags,
    .run = run,
};
