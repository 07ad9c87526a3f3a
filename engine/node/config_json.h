/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration as `ww config show` and GET /v1/config tell it. */
#ifndef WW_NODE_CONFIG_JSON_H
#define WW_NODE_CONFIG_JSON_H

#include "engine/node/config.h"

struct json_object;

/* {"wal.depth": {"value": "2", "origin": "default"}, ..., "cluster.nodes": [{"id": 1, ...}]} */
struct json_object *ww_config_json(const struct ww_config *config);

#endif
