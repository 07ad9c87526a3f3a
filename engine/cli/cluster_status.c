/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/cluster_status.h"

#include "engine/control/http_client.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t ww_json_number(struct json_object *object, const char *key)
{
    struct json_object *value;
    return json_object_object_get_ex(object, key, &value) ? json_object_get_int64(value) : 0;
}

const char *ww_json_text(struct json_object *object, const char *key)
{
    struct json_object *value;
    return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value) : "";
}

struct json_object *ww_json_list(struct json_object *object, const char *key)
{
    struct json_object *value;
    bool found = json_object_object_get_ex(object, key, &value) &&
                 json_object_is_type(value, json_type_array);
    return found ? value : NULL;
}

size_t ww_json_length(struct json_object *list)
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
    if (ww_json_list(*answer, "nodes") != NULL && ww_json_list(*answer, "groups") != NULL)
        return WW_OK;
    json_object_put(*answer);
    *answer = NULL;
    return ww_fail(error, WW_EIO, "endpoint %s does not answer as a node", endpoint);
}

int ww_cluster_status_ask(struct ww_cluster_status *all, const char *endpoint, uint64_t timeout_ns,
                          struct ww_error *error)
{
    struct json_object *first = NULL;
    *all = (struct ww_cluster_status){0};
    int status = ask(endpoint, timeout_ns, &first, error);
    if (status != WW_OK)
        return status;
    struct json_object *nodes = ww_json_list(first, "nodes");
    for (size_t i = 0; i < ww_json_length(nodes) && i < WW_NODES_MAX; i++) {
        struct json_object *node = json_object_array_get_idx(nodes, i);
        struct ww_error why;
        all->ids[i] = (uint32_t)ww_json_number(node, "id");
        snprintf(all->endpoints[i], sizeof(all->endpoints[i]), "%s", ww_json_text(node, "admin"));
        if (all->ids[i] == ww_json_number(first, "node"))
            all->answers[i] = json_object_get(first);
        else if (ask(all->endpoints[i], timeout_ns, &all->answers[i], &why) != WW_OK)
            snprintf(all->errors[i], sizeof(all->errors[i]), "%.199s", why.text);
        all->answered += all->answers[i] != NULL;
        all->count++;
    }
    json_object_put(first);
    return WW_OK;
}

void ww_cluster_status_free(struct ww_cluster_status *all)
{
    for (uint32_t i = 0; i < all->count; i++)
        json_object_put(all->answers[i]);
    all->count = 0;
}

int ww_cluster_status_place(const struct ww_cluster_status *all, uint32_t id)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (all->ids[i] == id)
            return (int)i;
    return -1;
}

uint32_t ww_cluster_status_groups(const struct ww_cluster_status *all)
{
    size_t groups = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        size_t here = ww_json_length(ww_json_list(all->answers[i], "groups"));
        groups = here > groups ? here : groups;
    }
    return (uint32_t)groups;
}

struct json_object *ww_cluster_status_group(const struct ww_cluster_status *all, uint32_t place,
                                            uint32_t group)
{
    struct json_object *list = ww_json_list(all->answers[place], "groups");
    return group < ww_json_length(list) ? json_object_array_get_idx(list, group) : NULL;
}

int ww_cluster_status_leader(const struct ww_cluster_status *all, uint32_t group)
{
    int leader = -1;
    int64_t term = -1;
    for (uint32_t i = 0; i < all->count; i++) {
        struct json_object *state = ww_cluster_status_group(all, i, group);
        if (strcmp(ww_json_text(state, "role"), "leader") == 0 &&
            ww_json_number(state, "term") > term) {
            leader = (int)i;
            term = ww_json_number(state, "term");
        }
    }
    return leader;
}

static uint8_t read_nodes(struct json_object *object, const char *key)
{
    struct json_object *list = ww_json_list(object, key);
    uint8_t nodes = 0;
    for (size_t i = 0; i < ww_json_length(list); i++) {
        int64_t id = json_object_get_int64(json_object_array_get_idx(list, i));
        if (id >= 1 && id <= WW_NODES_MAX)
            nodes |= (uint8_t)(1u << id);
    }
    return nodes;
}

/* Puts `members` to what `state` says, when that is newer. */
static bool read_members(struct json_object *state, bool found, struct ww_cluster_members *members)
{
    struct json_object *object, *value;
    if (!json_object_object_get_ex(state, "configuration", &object))
        return found;
    struct ww_cluster_members said = {
        .configuration = {.voters = read_nodes(object, "voters"),
                          .old_voters = read_nodes(object, "old_voters"),
                          .learners = read_nodes(object, "learners")},
        .index = (uint64_t)ww_json_number(object, "index"),
        .committed = json_object_object_get_ex(object, "committed", &value) &&
                     json_object_get_boolean(value),
    };
    if (said.configuration.voters == 0)
        return found; /* waits to be added, and knows nobody */
    if (!found || said.index > members->index)
        *members = said;
    else if (said.index == members->index)
        members->committed |= said.committed;
    return true;
}

bool ww_cluster_status_members(const struct ww_cluster_status *all, uint32_t group,
                               struct ww_cluster_members *members)
{
    *members = (struct ww_cluster_members){0};
    /* A leader's word counts: what others hold beyond its log will be taken from them. */
    int leader = ww_cluster_status_leader(all, group);
    if (leader >= 0)
        return read_members(ww_cluster_status_group(all, (uint32_t)leader, group), false, members);
    bool found = false;
    for (uint32_t i = 0; i < all->count; i++)
        found = read_members(ww_cluster_status_group(all, i, group), found, members);
    return found;
}

bool ww_cluster_status_available(const struct ww_cluster_status *all, uint32_t group)
{
    struct ww_cluster_members members;
    uint8_t answered = 0;
    bool led = false;
    for (uint32_t i = 0; i < all->count; i++) {
        struct json_object *state = ww_cluster_status_group(all, i, group);
        answered |= state != NULL ? (uint8_t)(1u << all->ids[i]) : 0;
        led |= ww_json_number(state, "leader") != 0;
    }
    if (!led || !ww_cluster_status_members(all, group, &members))
        return false;
    uint8_t voters = members.configuration.voters, old = members.configuration.old_voters;
    return 2 * __builtin_popcount(answered & voters) > __builtin_popcount(voters) &&
           (old == 0 || 2 * __builtin_popcount(answered & old) > __builtin_popcount(old));
}

const char *ww_membership_name(const struct ww_configuration *configuration, uint32_t node)
{
    bool joint = ww_configuration_joint(configuration);
    bool voter = (configuration->voters >> node & 1) != 0;
    bool old = (configuration->old_voters >> node & 1) != 0;
    if (voter)
        return joint && !old ? "joining" : "voter";
    if (old)
        return "leaving";
    return (configuration->learners >> node & 1) != 0 ? "learner" : "none";
}
