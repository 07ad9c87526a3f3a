/* SPDX-License-Identifier: Apache-2.0 */
/* The status of every node of a cluster, as `ww status`, `ww member` and `ww leader` read it. */
#ifndef WW_CLI_CLUSTER_STATUS_H
#define WW_CLI_CLUSTER_STATUS_H

#include "engine/base/error.h"
#include "engine/base/limits.h"
#include "engine/wire/configuration.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

struct ww_cluster_status {
    uint32_t count, answered;
    uint32_t ids[WW_NODES_MAX];
    char endpoints[WW_NODES_MAX][64];
    struct json_object *answers[WW_NODES_MAX]; /* NULL: no answer */
    char errors[WW_NODES_MAX][200];
};

/* Who is in a group, by the newest configuration that a node which answered knows. */
struct ww_cluster_members {
    struct ww_configuration configuration;
    uint64_t index; /* of its entry; 0: that of the begin */
    bool committed;
};

/* Asks the node behind `endpoint` for the list of nodes, then each of them. Release it in any case
 * by ww_cluster_status_free. */
int ww_cluster_status_ask(struct ww_cluster_status *all, const char *endpoint, uint64_t timeout_ns,
                          struct ww_error *error);
void ww_cluster_status_free(struct ww_cluster_status *all);

/* The place of node `id` in the arrays, or -1. */
int ww_cluster_status_place(const struct ww_cluster_status *all, uint32_t id);

uint32_t ww_cluster_status_groups(const struct ww_cluster_status *all);

/* What the node at `place` says of a group; NULL: nothing. */
struct json_object *ww_cluster_status_group(const struct ww_cluster_status *all, uint32_t place,
                                            uint32_t group);

/* The place of the node that leads the group (of several, that of the highest term), or -1. */
int ww_cluster_status_leader(const struct ww_cluster_status *all, uint32_t group);

bool ww_cluster_status_members(const struct ww_cluster_status *all, uint32_t group,
                               struct ww_cluster_members *members);

/* Can the group decide: did a majority of its voters answer (of both halves in a joint phase), and
 * does one of the nodes know a leader? */
bool ww_cluster_status_available(const struct ww_cluster_status *all, uint32_t group);

/* "voter", "learner", "joining" or "leaving" (in a joint phase), or "none". */
const char *ww_membership_name(const struct ww_configuration *configuration, uint32_t node);

/* Fields of an object; 0, "" and NULL when it has none such. */
int64_t ww_json_number(struct json_object *object, const char *key);
const char *ww_json_text(struct json_object *object, const char *key);
struct json_object *ww_json_list(struct json_object *object, const char *key);
size_t ww_json_length(struct json_object *list);

#endif
