/* SPDX-License-Identifier: Apache-2.0 */
/* The environment, and the rules that hold between the keys. */
#include "engine/node/config_keys.h"

#include "engine/base/nearest.h"
#include "engine/base/units.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ADMIN_PORT 7200u /* + node id */

/* Variables of the command line's global flags and of clients, which are not keys of a node. */
static const char *const foreign_variables[] = {
    "WW_CONFIG",   "WW_ENDPOINT",         "WW_OUTPUT",         "WW_FORMAT",     "WW_QUIET",
    "WW_PROGRESS", "WW_CLIENT_INTERFACE", "WW_CLIENT_ADDRESS", "WW_CLIENT_MAC",
};

static int apply_variable(struct ww_config *config, const char *name, const char *value,
                          struct ww_error *error)
{
    char where[128], variable[64];
    const char *nearest = NULL;
    char nearest_text[sizeof(variable)] = "";
    size_t distance = SIZE_MAX;
    for (size_t i = 0; i < sizeof(foreign_variables) / sizeof(foreign_variables[0]); i++)
        if (strcmp(foreign_variables[i], name) == 0)
            return WW_OK;
    snprintf(where, sizeof(where), "environment variable %.100s", name);
    for (uint32_t i = 0; i < ww_config_key_count; i++) {
        const struct ww_config_key *key = &ww_config_keys[i];
        ww_config_variable(key, variable, sizeof(variable));
        if (strcmp(variable, name) == 0)
            return ww_config_set(config, key->name, value, WW_ORIGIN_ENVIRONMENT, where, error);
        size_t before = distance;
        ww_nearest_offer(name, variable, &nearest, &distance);
        if (distance < before)
            memcpy(nearest_text, variable, sizeof(variable));
    }
    return ww_fail(error, WW_EINVAL, "unknown environment variable '%s'; did you mean '%s'?", name,
                   nearest_text);
}

int ww_config_environment(struct ww_config *config, struct ww_error *error)
{
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        const char *equals = strchr(*entry, '=');
        if (strncmp(*entry, "WW_", 3) != 0 || equals == NULL)
            continue;
        char name[128];
        snprintf(name, sizeof(name), "%.*s", (int)(equals - *entry), *entry);
        int status = apply_variable(config, name, equals + 1, error);
        if (status != WW_OK)
            return status;
    }
    return WW_OK;
}

static bool is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static bool is_mac(const char *text)
{
    unsigned byte[6];
    int end = 0;
    return sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3],
                  &byte[4], &byte[5], &end) == 6 &&
           text[end] == 0 && (byte[0] & 1) == 0;
}

/* HOST:PORT with an IPv4 address. */
static bool is_admin(const char *text)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    struct in_addr address;
    uint64_t port;
    const char *why;
    if (colon == NULL || colon == text)
        return false;
    snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
    return inet_pton(AF_INET, host, &address) == 1 &&
           ww_parse_count(colon + 1, &port, &why) == WW_OK && port >= 1 && port <= 65535;
}

static void fill_node(const struct ww_config *config, struct ww_config_node *node)
{
    bool udp = config->transport == WW_CONFIG_UDP;
    if (node->address[0] == 0 && udp)
        snprintf(node->address, sizeof(node->address), "127.0.0.1");
    else if (node->address[0] == 0)
        snprintf(node->address, sizeof(node->address), "10.77.0.%u", node->id & 0xff);
    if (node->port == 0)
        node->port = WW_UDP_PORT_DEFAULT + (udp ? node->id : 0);
    if (node->mac[0] == 0)
        snprintf(node->mac, sizeof(node->mac), "02:57:57:00:00:%02x", node->id & 0xff);
    if (node->admin[0] == 0)
        snprintf(node->admin, sizeof(node->admin), "127.0.0.1:%u", ADMIN_PORT + node->id);
}

static int validate_node(const struct ww_config *config, uint32_t place, struct ww_error *error)
{
    const struct ww_config_node *node = &config->nodes[place];
    struct in_addr address;
    if (node->id < 1 || node->id > WW_NODES_MAX)
        return ww_fail(error, WW_EINVAL, "cluster.nodes: id %u is outside 1 .. %u", node->id,
                       WW_NODES_MAX);
    if (inet_pton(AF_INET, node->address, &address) != 1)
        return ww_fail(error, WW_EINVAL, "cluster.nodes: node %u: '%s' is not an IPv4 address",
                       node->id, node->address);
    if (!is_mac(node->mac))
        return ww_fail(error, WW_EINVAL,
                       "cluster.nodes: node %u: '%s' is not a MAC address of one station, such as "
                       "02:57:57:00:00:01",
                       node->id, node->mac);
    if (!is_admin(node->admin))
        return ww_fail(
            error, WW_EINVAL,
            "cluster.nodes: node %u: admin '%s' is not an IPv4 address and port, such as "
            "127.0.0.1:7201",
            node->id, node->admin);
    for (uint32_t i = 0; i < place; i++) {
        const struct ww_config_node *other = &config->nodes[i];
        if (other->id == node->id)
            return ww_fail(error, WW_EINVAL, "cluster.nodes: id %u stands there twice", node->id);
        if (strcmp(other->admin, node->admin) == 0)
            return ww_fail(error, WW_EINVAL, "cluster.nodes: nodes %u and %u share admin %s",
                           other->id, node->id, node->admin);
        if (other->port == node->port && strcmp(other->address, node->address) == 0)
            return ww_fail(error, WW_EINVAL, "cluster.nodes: nodes %u and %u share %s port %u",
                           other->id, node->id, node->address, node->port);
    }
    return WW_OK;
}

static int validate_cluster(struct ww_config *config, struct ww_error *error)
{
    bool listed = false;
    uint32_t voters = 0;
    if (config->cluster_name[0] == 0)
        return ww_fail(error, WW_EINVAL, "cluster.name must not be empty");
    for (uint32_t i = 0; i < config->node_count; i++) {
        fill_node(config, &config->nodes[i]);
        int status = validate_node(config, i, error);
        if (status != WW_OK)
            return status;
        listed |= config->nodes[i].id == config->node_id;
        voters += !config->nodes[i].learner && !config->nodes[i].join;
    }
    if (voters % 2 == 0)
        return ww_fail(error, WW_EINVAL,
                       "cluster.nodes lists %u nodes that vote from the beginning; a cluster has "
                       "1, 3, 5 or 7",
                       voters);
    if (config->node_id == 0)
        return ww_fail(error, WW_EINVAL, "node.id is missing: which of cluster.nodes is this?");
    if (!listed)
        return ww_fail(error, WW_EINVAL, "node.id %u is not in cluster.nodes", config->node_id);
    if (config->data_dir[0] == 0 && config->durability != WW_CONFIG_MEMORY)
        return ww_fail(error, WW_EINVAL, "node.data is missing: the directory of the log");
    return WW_OK;
}

static int validate_raft(const struct ww_config *config, struct ww_error *error)
{
    char one[32], two[32];
    if (2 * config->election_min_ns < 3 * config->heartbeat_ns)
        return ww_fail(error, WW_EINVAL,
                       "raft.election_min (%s) must be at least one and a half of raft.heartbeat "
                       "(%s)",
                       ww_format_duration(config->election_min_ns, one, sizeof(one)),
                       ww_format_duration(config->heartbeat_ns, two, sizeof(two)));
    if (config->election_max_ns <= config->election_min_ns)
        return ww_fail(error, WW_EINVAL,
                       "raft.election_max (%s) must be more than raft.election_min (%s)",
                       ww_format_duration(config->election_max_ns, one, sizeof(one)),
                       ww_format_duration(config->election_min_ns, two, sizeof(two)));
    if (config->retry_ns > config->election_max_ns)
        return ww_fail(error, WW_EINVAL, "raft.retry (%s) must be at most raft.election_max (%s)",
                       ww_format_duration(config->retry_ns, one, sizeof(one)),
                       ww_format_duration(config->election_max_ns, two, sizeof(two)));
    return WW_OK;
}

static int validate_sizes(const struct ww_config *config, struct ww_error *error)
{
    char one[32], two[32];
    uint64_t segment = config->segment_bytes, buffer = config->log_buffer_bytes;
    const char *segment_text = ww_format_bytes(segment, two, sizeof(two));
    if (!is_power_of_two(segment))
        return ww_fail(error, WW_EINVAL, "wal.segment (%s) must be a power of two", segment_text);
    if (config->prepare_bytes < segment)
        return ww_fail(error, WW_EINVAL, "wal.prepare (%s) must be at least wal.segment (%s)",
                       ww_format_bytes(config->prepare_bytes, one, sizeof(one)), segment_text);
    if (config->max_bytes != 0 && config->max_bytes < config->prepare_bytes)
        return ww_fail(error, WW_EINVAL, "wal.max (%s) must be 0 or at least wal.prepare (%s)",
                       ww_format_bytes(config->max_bytes, one, sizeof(one)),
                       ww_format_bytes(config->prepare_bytes, two, sizeof(two)));
    if (config->retain_bytes != 0 && config->max_bytes != 0 &&
        (config->max_bytes < config->retain_bytes ||
         config->max_bytes - config->retain_bytes < 3 * segment))
        return ww_fail(error, WW_EINVAL,
                       "wal.max (%s) must be at least wal.retain (%s) and three segments: it would "
                       "be full before anything leaves the log",
                       ww_format_bytes(config->max_bytes, one, sizeof(one)),
                       ww_format_bytes(config->retain_bytes, two, sizeof(two)));
    if (buffer % WW_BLOCK_ALIGN != 0 || (segment % buffer != 0 && buffer % segment != 0))
        return ww_fail(error, WW_EINVAL,
                       "memory.log_buffer (%s) must divide wal.segment (%s) or be a multiple of it",
                       ww_format_bytes(buffer, one, sizeof(one)), segment_text);
    if (!is_power_of_two(config->padding_bytes))
        return ww_fail(error, WW_EINVAL, "wal.padding (%s) must be a power of two",
                       ww_format_bytes(config->padding_bytes, one, sizeof(one)));
    if (config->block_bytes % WW_BLOCK_ALIGN != 0)
        return ww_fail(error, WW_EINVAL, "wal.block (%s) must be a multiple of 4KiB",
                       ww_format_bytes(config->block_bytes, one, sizeof(one)));
    if (config->block_bytes < WW_BATCH_MAX(config->mtu) + WW_BLOCK_HEADER_BYTES)
        return ww_fail(error, WW_EINVAL,
                       "wal.block (%s) must hold the largest batch, which net.mtu makes %" PRIu64
                       " bytes, and 64 more",
                       ww_format_bytes(config->block_bytes, one, sizeof(one)),
                       WW_BATCH_MAX(config->mtu));
    return WW_OK;
}

/* "0,1,2" names as many cores as there are threads. */
static bool cores_fit(const char *text, uint32_t threads)
{
    uint32_t count = 0;
    while (true) {
        char *end;
        if (*text < '0' || *text > '9' || strtoul(text, &end, 10) > 1023)
            return false;
        count++;
        if (*end == 0)
            return count == threads;
        if (*end != ',')
            return false;
        text = end + 1;
    }
}

static int validate_machine(struct ww_config *config, struct ww_error *error)
{
    bool kernel_interface =
        config->transport == WW_CONFIG_AF_PACKET || config->transport == WW_CONFIG_AF_XDP;
    if (kernel_interface && config->interface[0] == 0)
        return ww_fail(error, WW_EINVAL, "net.interface is missing: net.transport needs one");
    if (config->trace_every != 0 && !is_power_of_two(config->trace_every))
        return ww_fail(error, WW_EINVAL, "trace.every (%u) must be a power of two, or 0",
                       config->trace_every);
    if (config->threads == 2)
        return ww_fail(error, WW_EINVAL, "stages.threads must be 1 or 3");
    if (config->cores[0] != 0 && !cores_fit(config->cores, config->threads))
        return ww_fail(error, WW_EINVAL,
                       "stages.cores '%s' must name one core for each of stages.threads (%u), such "
                       "as %s",
                       config->cores, config->threads, config->threads == 1 ? "1" : "0,1,2");
    if (config->socket_dir[0] == 0)
        snprintf(config->socket_dir, sizeof(config->socket_dir), "/tmp/ww-%s",
                 config->cluster_name);
    return WW_OK;
}

int ww_config_validate(struct ww_config *config, struct ww_error *error)
{
    int status = validate_cluster(config, error);
    if (status == WW_OK)
        status = validate_raft(config, error);
    if (status == WW_OK)
        status = validate_sizes(config, error);
    if (status == WW_OK)
        status = validate_machine(config, error);
    return status;
}
