/* SPDX-License-Identifier: Apache-2.0 */
/* The C library raft of Debian's libraft-dev: three processes ww-peer-raft, the first leads. */
#include "bench/peers/system.h"
#include "engine/cli/local_files.h"

#include <string.h>
#include <sys/stat.h>

#define READY_NS UINT64_C(30000000000)

static int find(struct ww_error *error)
{
    char path[WW_HELPER_PATH_MAX];
    return ww_helper_built("ww-peer-raft", path)
               ? WW_OK
               : ww_fail(error, WW_ENOTFOUND,
                         "ww-peer-raft was not built: libraft-dev and libuv1-dev are missing");
}

static int start_node(struct ww_peer_cluster *cluster, uint32_t i, char addresses[][32],
                      struct ww_error *error)
{
    char program[WW_HELPER_PATH_MAX], data[WW_HELPER_PATH_MAX], log[WW_HELPER_PATH_MAX], id[16];
    static const char *const names[WW_PEER_NODES] = {"libraft node 1", "libraft node 2",
                                                     "libraft node 3"};
    if (!ww_helper_built("ww-peer-raft", program))
        return find(error);
    snprintf(id, sizeof(id), "%u", i + 1);
    snprintf(data, sizeof(data), "%s/libraft%u", cluster->directory, i + 1);
    snprintf(log, sizeof(log), "%s/libraft%u.log", cluster->directory, i + 1);
    if (mkdir(data, 0755) != 0)
        return ww_fail_errno(error, WW_EIO, "cannot make %s", data);
    const char *const words[] = {program, id, data, addresses[0], addresses[1], addresses[2], NULL};
    return ww_helper_start(&cluster->nodes[i], names[i], true, words, log, error);
}

static int start(struct ww_peer_cluster *cluster, struct ww_error *error)
{
    uint16_t ports[WW_PEER_NODES];
    char addresses[WW_PEER_NODES][32];
    int status = ww_local_take_ports(false, 0, ports, WW_PEER_NODES, error);
    for (uint32_t i = 0; i < WW_PEER_NODES && status == WW_OK; i++)
        snprintf(addresses[i], sizeof(addresses[i]), "127.0.0.1:%u", ports[i]);
    for (uint32_t i = 0; i < WW_PEER_NODES && status == WW_OK; i++)
        status = start_node(cluster, i, addresses, error);
    for (uint32_t i = 0; i < WW_PEER_NODES && status == WW_OK; i++) {
        struct json_object *ready;
        status = ww_helper_ask(&cluster->nodes[i], NULL, READY_NS, &ready, error);
        const char *version = json_object_get_string(json_object_object_get(ready, "version"));
        if (version != NULL)
            snprintf(cluster->version, sizeof(cluster->version), "%s", version);
        json_object_put(ready);
    }
    return status;
}

static int run(struct ww_peer_cluster *cluster, const struct ww_peer_load *load,
               struct ww_peer_figures *figures, struct ww_error *error)
{
    int status = ww_peer_drive(cluster, &cluster->nodes[0], load, figures, error);
    figures->client_us = 0; /* it is in the leader */
    return status;
}

static int count_applied(struct ww_peer_cluster *cluster, uint64_t counts[WW_PEER_NODES],
                         struct ww_error *error)
{
    char digests[WW_PEER_NODES][32];
    for (uint32_t i = 0; i < WW_PEER_NODES; i++) {
        int status = ww_peer_count(&cluster->nodes[i], &counts[i], 1, digests[i], error);
        if (status != WW_OK)
            return status;
        if (counts[i] == counts[0] && strcmp(digests[i], digests[0]) != 0)
            return ww_fail(error, WW_EIO, "%s applied other entries than node 1",
                           cluster->nodes[i].name);
    }
    return WW_OK;
}

static int verify(struct ww_peer_cluster *cluster, struct ww_error *error)
{
    return ww_peer_verify(cluster, count_applied, error);
}

const struct ww_peer_system ww_peer_libraft = {
    .name = "libraft",
    .find = find,
    .start = start,
    .run = run,
    .verify = verify,
};
