/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/client/client_status.h"

#include <json-c/json.h>
#include <string.h>

/* The first field that is not as it must be; NULL while all is well. */
struct reader {
    const char *wrong;
};

static struct json_object *get(struct reader *reader, struct json_object *object, const char *key,
                               enum json_type type)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, type)) {
        reader->wrong = reader->wrong != NULL ? reader->wrong : key;
        return NULL;
    }
    return value;
}

static uint32_t get_number(struct reader *reader, struct json_object *object, const char *key,
                           uint32_t low, uint32_t high)
{
    int64_t value = json_object_get_int64(get(reader, object, key, json_type_int));
    if (value >= low && value <= high)
        return (uint32_t)value;
    reader->wrong = reader->wrong != NULL ? reader->wrong : key;
    return low;
}

static void get_text(struct reader *reader, struct json_object *object, const char *key, char *to,
                     size_t size)
{
    const char *value = json_object_get_string(get(reader, object, key, json_type_string));
    size_t length = value != NULL ? strlen(value) : size;
    if (length >= size)
        reader->wrong = reader->wrong != NULL ? reader->wrong : key;
    else
        memcpy(to, value, length + 1);
}

static void read_network(struct reader *reader, struct json_object *status,
                         struct ww_client_network *network)
{
    struct json_object *transport = get(reader, status, "transport", json_type_object);
    get_text(reader, transport, "name", network->transport, sizeof(network->transport));
    network->mtu = get_number(reader, transport, "mtu", WW_MTU_MIN, WW_MTU_MAX);
    get_text(reader, transport, "socket_dir", network->socket_dir, sizeof(network->socket_dir));
    network->client_links = get_number(reader, transport, "client_links", 0, WW_CLIENTS_MAX);

    struct json_object *nodes = get(reader, status, "nodes", json_type_array);
    size_t count = nodes != NULL ? json_object_array_length(nodes) : 0;
    if (count < 1 || count > WW_NODES_MAX)
        reader->wrong = reader->wrong != NULL ? reader->wrong : "nodes";
    for (size_t i = 0; reader->wrong == NULL && i < count; i++) {
        struct json_object *node = json_object_array_get_idx(nodes, i);
        network->nodes[i].id = get_number(reader, node, "id", 1, WW_NODES_MAX);
        network->nodes[i].port = get_number(reader, node, "port", 0, UINT16_MAX);
        get_text(reader, node, "address", network->nodes[i].address,
                 sizeof(network->nodes[i].address));
        get_text(reader, node, "mac", network->nodes[i].mac, sizeof(network->nodes[i].mac));
    }
    network->node_count = (uint32_t)count;
}

/* The groups are numbered from 0 without a hole; in which order they are listed does not matter. */
static void read_groups(struct reader *reader, struct json_object *status,
                        struct ww_client_cluster *cluster)
{
    struct json_object *groups = get(reader, status, "groups", json_type_array);
    size_t count = groups != NULL ? json_object_array_length(groups) : 0;
    if (count < 1 || count > WW_GROUPS_MAX)
        reader->wrong = reader->wrong != NULL ? reader->wrong : "groups";
    for (size_t i = 0; reader->wrong == NULL && i < count; i++) {
        struct json_object *group = json_object_array_get_idx(groups, i);
        uint32_t number = get_number(reader, group, "group", 0, (uint32_t)count - 1);
        cluster->leaders[number] = get_number(reader, group, "leader", 0, WW_NODES_MAX);
    }
    cluster->groups = (uint32_t)count;
}

int ww_client_parse_status(const char *text, struct ww_client_cluster *cluster,
                           struct ww_error *error)
{
    *cluster = (struct ww_client_cluster){0};
    struct json_object *status = json_tokener_parse(text);
    if (status == NULL)
        return ww_fail(error, WW_EIO, "the answer is not JSON");
    struct reader reader = {NULL};
    get_text(&reader, status, "cluster", cluster->name, sizeof(cluster->name));
    cluster->entry_max = get_number(&reader, status, "entry_max", 1, WW_ENTRY_MAX(WW_MTU_MAX));
    read_network(&reader, status, &cluster->network);
    read_groups(&reader, status, cluster);
    json_object_put(status);
    return reader.wrong == NULL
               ? WW_OK
               : ww_fail(error, WW_EIO, "\"%s\" is missing or out of range", reader.wrong);
}
