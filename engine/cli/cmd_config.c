/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ww config show [--origin]: every key with its value, and where the value came from; with
 * --endpoint as a running node has them. ww config set KEY VALUE changes one of a running node.
 */
#include "engine/cli/cli.h"
#include "engine/control/control_request.h"
#include "engine/control/http_client.h"
#include "engine/node/config_json.h"
#include "engine/node/config_keys.h"

#include <json-c/json.h>
#include <stdlib.h>

#define ANSWER_NS 5000000000u

static const struct ww_flag show_flags[] = {
    {"origin", 0, NULL, NULL, "say where each value comes from"},
    {NULL},
};

static const struct ww_flag no_flags[] = {{NULL}};

static const char *text(struct json_object *object, const char *key)
{
    const char *value = json_object_get_string(json_object_object_get(object, key));
    return value != NULL ? value : "";
}

static bool is_true(struct json_object *object, const char *key)
{
    return json_object_get_boolean(json_object_object_get(object, key));
}

static void show_nodes(struct json_object *nodes)
{
    for (size_t i = 0; i < json_object_array_length(nodes); i++) {
        struct json_object *node = json_object_array_get_idx(nodes, i);
        printf("cluster.nodes        id %s  admin %s  address %s  port %s  mac %s  priority %s%s\n",
               text(node, "id"), text(node, "admin"), text(node, "address"), text(node, "port"),
               text(node, "mac"), text(node, "priority"),
               is_true(node, "join")     ? "  join"
               : !is_true(node, "voter") ? "  learner"
                                         : "");
    }
}

static void show_table(struct json_object *config, bool origin)
{
    json_object_object_foreach(config, key, value)
    {
        if (json_object_is_type(value, json_type_array))
            show_nodes(value);
        else if (origin)
            printf("%-22s %-20s %s\n", key, text(value, "value"), text(value, "origin"));
        else
            printf("%-22s %s\n", key, text(value, "value"));
    }
}

static void show_json(struct json_object *config, bool origin)
{
    struct json_object *all = json_object_new_object();
    json_object_object_foreach(config, key, value)
    {
        struct json_object *plain = NULL;
        bool pair = json_object_object_get_ex(value, "value", &plain);
        json_object_object_add(all, key, json_object_get(pair && !origin ? plain : value));
    }
    puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PRETTY));
    json_object_put(all);
}

/* What the node behind the endpoint has in force. */
static int ask(const char *endpoint, struct json_object **config, struct ww_error *error)
{
    char *body;
    int status = ww_http_get(endpoint, "/v1/config", ANSWER_NS, &body, error);
    if (status != WW_OK)
        return status;
    *config = json_tokener_parse(body);
    free(body);
    if (json_object_is_type(*config, json_type_object))
        return WW_OK;
    json_object_put(*config);
    return ww_fail(error, WW_EIO, "endpoint %s does not answer as a node", endpoint);
}

static int run_show(struct ww_cli *cli)
{
    struct ww_config local;
    struct json_object *config = NULL;
    struct ww_error error;
    bool origin = ww_cli_switch(cli, "origin");
    int status = ww_cli_given(cli, "endpoint") ? ask(ww_cli_endpoint(cli), &config, &error)
                                               : ww_cli_config(cli, &local, &error);
    if (status != WW_OK)
        return ww_cli_fail(cli, &error);
    if (config == NULL)
        config = ww_config_json(&local);
    if (ww_cli_json(cli))
        show_json(config, origin);
    else
        show_table(config, origin);
    json_object_put(config);
    return WW_EXIT_DONE;
}

static int run_set(struct ww_cli *cli)
{
    const struct ww_config_key *key = ww_config_key_find(cli->operand);
    const char *name = key != NULL ? key->name : cli->operand; /* the node says what is wrong */
    struct json_object *settings = json_object_new_object(), *config = NULL;
    struct ww_error error;
    uint32_t code;
    char *body = NULL;
    json_object_object_add(settings, name, json_object_new_string(cli->second));
    int status = ww_http_post(ww_cli_endpoint(cli), "/v1/config",
                              json_object_to_json_string_ext(settings, JSON_C_TO_STRING_PLAIN),
                              ANSWER_NS, &code, &body, &error);
    json_object_put(settings);
    if (status == WW_OK && code != 200)
        status = ww_control_refusal(body, &error);
    if (status == WW_OK && !ww_cli_quiet(cli)) {
        config = json_tokener_parse(body);
        struct json_object *pair = json_object_object_get(config, name);
        printf(ww_cli_json(cli) ? "{\"%s\":\"%s\"}\n" : "%s %s\n", name, text(pair, "value"));
        json_object_put(config);
    }
    free(body);
    return status == WW_OK ? (int)WW_EXIT_DONE : ww_cli_fail(cli, &error);
}

const struct ww_command ww_command_config_show = {
    .verb = "config show",
    .summary = "show the configuration; with --endpoint that of a running node",
    .flags = show_flags,
    .takes_config = true,
    .run = run_show,
};

const struct ww_command ww_command_config_set = {
    .verb = "config set",
    .summary = "change a key of the node behind --endpoint while it runs",
    .flags = no_flags,
    .operand = "KEY VALUE",
    .run = run_set,
};
