/* SPDX-License-Identifier: Apache-2.0 */
/* What the admin endpoint of a node (GET /v1/status) tells a client about the cluster. */
#ifndef WW_CLIENT_STATUS_H
#define WW_CLIENT_STATUS_H

#include "engine/node/backends.h"

#include <stdint.h>

struct ww_client_cluster {
    char name[64];
    uint32_t entry_max;
    uint32_t groups;
    uint32_t leaders[WW_GROUPS_MAX]; /* 0 where none is known */
    struct ww_client_network network;
};

/* WW_EIO when a field that a client needs is missing or cannot be right; `error` names it. */
int ww_client_parse_status(const char *json, struct ww_client_cluster *cluster,
                           struct ww_error *error);

#endif
