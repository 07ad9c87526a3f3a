/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/node/config_json.h"

#include "engine/node/config_keys.h"

#include <json-c/json.h>

static struct json_object *node_json(const struct ww_config_node *from)
{
    struct json_object *node = json_object_new_object();
    json_object_object_add(node, "id", json_object_new_int64(from->id));
    json_object_object_add(node, "admin", json_object_new_string(from->admin));
    json_object_object_add(node, "address", json_object_new_string(from->address));
    json_object_object_add(node, "port", json_object_new_int64(from->port));
    json_object_object_add(node, "mac", json_object_new_string(from->mac));
    json_object_object_add(node, "priority", json_object_new_int64(from->priority));
    json_object_object_add(node, "voter", json_object_new_boolean(!from->learner));
    json_object_object_add(node, "join", json_object_new_boolean(from->join));
    return node;
}

struct json_object *ww_config_json(const struct ww_config *config)
{
    struct json_object *all = json_object_new_object(), *nodes = json_object_new_array();
    for (uint32_t i = 0; i < ww_config_key_count; i++) {
        const struct ww_config_key *key = &ww_config_keys[i];
        struct json_object *pair = json_object_new_object();
        char value[512];
        ww_config_get(config, key, value, sizeof(value));
        const char *origin = ww_config_origin_name(ww_config_origin_of(config, key));
        json_object_object_add(pair, "value", json_object_new_string(value));
        json_object_object_add(pair, "origin", json_object_new_string(origin));
        json_object_object_add(all, key->name, pair);
    }
    for (uint32_t i = 0; i < config->node_count; i++)
        json_object_array_add(nodes, node_json(&config->nodes[i]));
    json_object_object_add(all, "cluster.nodes", nodes);
    return all;
}
