/* SPDX-License-Identifier: Apache-2.0 */
/* ww config show [--origin]: every key with its value, and where the value came from. */
#include "engine/cli/cli.h"
#include "engine/node/config_keys.h"

#include <json-c/json.h>

static const struct ww_flag flags[] = {
    {"origin", 0, NULL, NULL, "say where each value comes from"},
    {NULL},
};

static void show_table(const struct ww_config *config, bool origin)
{
    char value[512];
    for (uint32_t i = 0; i < ww_config_key_count; i++) {
        const struct ww_config_key *key = &ww_config_keys[i];
        ww_config_get(config, key, value, sizeof(value));
        if (origin)
            printf("%-22s %-20s %s\n", key->name, value,
                   ww_config_origin_name(ww_config_origin_of(config, key)));
        else
            printf("%-22s %s\n", key->name, value);
    }
    for (uint32_t i = 0; i < config->node_count; i++) {
        const struct ww_config_node *node = &config->nodes[i];
        printf("cluster.nodes        id %u  admin %s  address %s  port %u  mac %s  priority %u%s\n",
               node->id, node->admin, node->address, node->port, node->mac, node->priority,
               node->join      ? "  join"
               : node->learner ? "  learner"
                               : "");
    }
}

static void show_json(const struct ww_config *config, bool origin)
{
    struct json_object *all = json_object_new_object(), *nodes = json_object_new_array();
    char value[512];
    for (uint32_t i = 0; i < ww_config_key_count; i++) {
        const struct ww_config_key *key = &ww_config_keys[i];
        struct json_object *text =
            json_object_new_string(ww_config_get(config, key, value, sizeof(value)));
        if (origin) {
            struct json_object *pair = json_object_new_object();
            json_object_object_add(pair, "value", text);
            json_object_object_add(pair, "origin",
                                   json_object_new_string(
                                       ww_config_origin_name(ww_config_origin_of(config, key))));
            text = pair;
        }
        json_object_object_add(all, key->name, text);
    }
    for (uint32_t i = 0; i < config->node_count; i++) {
        const struct ww_config_node *from = &config->nodes[i];
        struct json_object *node = json_object_new_object();
        json_object_object_add(node, "id", json_object_new_int64(from->id));
        json_object_object_add(node, "admin", json_object_new_string(from->admin));
        json_object_object_add(node, "address", json_object_new_string(from->address));
        json_object_object_add(node, "port", json_object_new_int64(from->port));
        json_object_object_add(node, "mac", json_object_new_string(from->mac));
        json_object_object_add(node, "priority", json_object_new_int64(from->priority));
        json_object_object_add(node, "voter", json_object_new_boolean(!from->learner));
        json_object_object_add(node, "join", json_object_new_boolean(from->join));
        json_object_array_add(nodes, node);
    }
    json_object_object_add(all, "cluster.nodes", nodes);
    puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PRETTY));
    json_object_put(all);
}

static int run(struct ww_cli *cli)
{
    struct ww_config config;
    struct ww_error error;
    if (ww_cli_config(cli, &config, &error) != WW_OK)
        return ww_cli_fail(cli, &error);
    if (ww_cli_json(cli))
        show_json(&config, ww_cli_switch(cli, "origin"));
    else
        show_table(&config, ww_cli_switch(cli, "origin"));
    return WW_EXIT_DONE;
}

const struct ww_command ww_command_config_show = {
    .verb = "config show",
    .summary = "show the configuration, with --origin where each value comes from",
    .flags = flags,
    .takes_config = true,
    .run = run,
};
