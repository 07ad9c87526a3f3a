/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a running node: told, and changed where it can be. */
#include "engine/node/config_json.h"
#include "engine/node/config_keys.h"
#include "engine/node/node_internal.h"
#include "engine/stages/shard_view.h"

#include <json-c/json.h>
#include <string.h>

#define TUNE_TIMEOUT_NS 1000000000u

struct ww_wal_tuning ww_node_tuning(const struct ww_config *config)
{
    return (struct ww_wal_tuning){
        .depth = config->write_depth,
        .block_max = (uint32_t)config->block_bytes,
        .padding = (uint32_t)config->padding_bytes,
        .each_entry = config->group_commit == WW_CONFIG_GROUP_ENTRY,
        .delay_ns = config->delay_ns,
        .delay_bytes = (uint32_t)config->delay_bytes,
        .delay_entries = config->delay_entries,
    };
}

char *ww_node_config_json(struct ww_node *node)
{
    struct json_object *config = ww_config_json(&node->config);
    char *text = strdup(json_object_to_json_string_ext(config, JSON_C_TO_STRING_PLAIN));
    json_object_put(config);
    return text;
}

int ww_node_configure(struct ww_node *node, const struct ww_control_settings *settings,
                      struct ww_error *error)
{
    struct ww_config wanted = node->config;
    for (uint32_t i = 0; i < settings->count; i++) {
        const char *name = settings->list[i].key;
        const struct ww_config_key *key = ww_config_key_find(name);
        if (key != NULL && !key->live)
            return ww_fail(error, WW_EINVAL,
                           "%s is read when a node starts: change its file and start it again",
                           key->name);
        int status =
            ww_config_set(&wanted, name, settings->list[i].value, WW_ORIGIN_LIVE, "config", error);
        if (status != WW_OK)
            return status;
    }
    int status = ww_config_validate(&wanted, error);
    if (status != WW_OK)
        return status;
    struct ww_wal_tuning tuning = ww_node_tuning(&wanted);
    struct ww_shard_request asked = {.op = WW_SHARD_TUNE, .wal = &tuning};
    status = ww_shard_request(node->shard, &asked, TUNE_TIMEOUT_NS);
    if (status == WW_OK) {
        node->config = wanted;
        ww_shard_trace(node->shard, wanted.trace_every);
    }
    return status == WW_OK
               ? WW_OK
               : ww_fail(error, status, "node %u: %s", node->config.node_id,
                         status == WW_EBUSY ? "the log is full just now" : ww_status_name(status));
}
