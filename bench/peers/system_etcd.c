/* SPDX-License-Identifier: Apache-2.0 */
/* etcd of Debian's etcd-server: three members with their defaults, and ww-peer-etcd as client. */
#include "bench/peers/system.h"
#include "engine/cli/cli.h"
#include "engine/cli/local_files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READY_NS UINT64_C(40000000000)
#define URL_MAX 48u

static int find(struct ww_error *error)
{
    char path[WW_HELPER_PATH_MAX];
    if (!ww_helper_installed("etcd", path))
        return ww_fail(error, WW_ENOTFOUND, "there is no etcd: install etcd-server");
    return ww_helper_built("ww-peer-etcd", path)
               ? WW_OK
               : ww_fail(error, WW_ENOTFOUND,
                         "ww-peer-etcd was not built: libnghttp2-dev, libprotobuf-c-dev or "
                         "protobuf-c-compiler are missing");
}

struct plan {
    char client[WW_PEER_NODES][URL_MAX], peer[WW_PEER_NODES][URL_MAX];
    char all[WW_PEER_NODES * (URL_MAX + 8)];
};

static int make_plan(struct plan *plan, struct ww_error *error)
{
    uint16_t ports[2 * WW_PEER_NODES];
    int status = ww_local_take_ports(false, 0, ports, 2 * WW_PEER_NODES, error);
    for (uint32_t i = 0, used = 0; i < WW_PEER_NODES && status == WW_OK; i++) {
        snprintf(plan->client[i], URL_MAX, "http://127.0.0.1:%u", ports[2 * i]);
        snprintf(plan->peer[i], URL_MAX, "http://127.0.0.1:%u", ports[2 * i + 1]);
        used += (uint32_t)snprintf(plan->all + used, sizeof(plan->all) - used, "%sn%u=%s",
                                   i > 0 ? "," : "", i + 1, plan->peer[i]);
    }
    return status;
}

static int start_member(struct ww_peer_cluster *cluster, const struct plan *plan, uint32_t i,
                        struct ww_error *error)
{
    char program[WW_HELPER_PATH_MAX], data[WW_HELPER_PATH_MAX], log[WW_HELPER_PATH_MAX];
    static const char *const members[WW_PEER_NODES] = {"n1", "n2", "n3"};
    static const char *const names[WW_PEER_NODES] = {"etcd member 1", "etcd member 2",
                                                     "etcd member 3"};
    if (!ww_helper_installed("etcd", program))
        return find(error);
    snprintf(data, sizeof(data), "%s/etcd%u", cluster->directory, i + 1);
    snprintf(log, sizeof(log), "%s/etcd%u.log", cluster->directory, i + 1);
    const char *const words[] = {program, "--name", members[i], "--data-dir", data,
                                 "--listen-client-urls", plan->client[i], "--advertise-client-urls",
                                 plan->client[i], "--listen-peer-urls", plan->peer[i],
                                 "--initial-advertise-peer-urls", plan->peer[i],
                                 "--initial-cluster", plan->all, "--initial-cluster-state", "new",
                                 "--logger", "zap", "--log-level", "error", "--log-outputs",
                                 "stderr",
                                 /* So that a long run does not end for want of room. */
                                 "--quota-backend-bytes", "8589934592", NULL};
    return ww_helper_start(&cluster->nodes[i], names[i], false, words, log, error);
}

static int start_client(struct ww_peer_cluster *cluster, const struct plan *plan,
                        struct ww_error *error)
{
    char program[WW_HELPER_PATH_MAX], log[WW_HELPER_PATH_MAX];
    struct json_object *ready;
    if (!ww_helper_built("ww-peer-etcd", program))
        return find(error);
    snprintf(log, sizeof(log), "%s/etcd-client.log", cluster->directory);
    size_t scheme = strlen("http://");
    const char *const words[] = {program, plan->client[0] + scheme, plan->client[1] + scheme,
                                 plan->client[2] + scheme, NULL};
    int status = ww_helper_start(&cluster->client, "the client of etcd", true, words, log, error);
    if (status == WW_OK)
        status = ww_helper_ask(&cluster->client, NULL, READY_NS, &ready, error);
    if (status != WW_OK)
        return status;
    const char *version = json_object_get_string(json_object_object_get(ready, "version"));
    snprintf(cluster->version, sizeof(cluster->version), "%s", version != NULL ? version : "");
    json_object_put(ready);
    return WW_OK;
}

static int start(struct ww_peer_cluster *cluster, struct ww_error *error)
{
    struct plan plan;
    /* Variables that would override the flags. */
    for (char **entry = environ; *entry != NULL;) {
        char name[128];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(*entry, "="), *entry);
        if (strncmp(name, "ETCD_", 5) != 0 || unsetenv(name) != 0)
            entry++;
    }
    int status = make_plan(&plan, error);
    for (uint32_t i = 0; i < WW_PEER_NODES && status == WW_OK; i++)
        status = start_member(cluster, &plan, i, error);
    if (status == WW_OK)
        status = start_client(cluster, &plan, error);
    /* A member that died says more than a client that waits for it. */
    for (uint32_t i = 0; i < WW_PEER_NODES && status != WW_OK; i++)
        if (ww_helper_check(&cluster->nodes[i], error) != WW_OK)
            break;
    return status;
}

static int run(struct ww_peer_cluster *cluster, const struct ww_peer_load *load,
               struct ww_peer_figures *figures, struct ww_error *error)
{
    return ww_peer_drive(cluster, &cluster->client, load, figures, error);
}

/* Each entry was given a key of its own. */
static int count_keys(struct ww_peer_cluster *cluster, uint64_t counts[WW_PEER_NODES],
                      struct ww_error *error)
{
    char digest[32];
    return ww_peer_count(&cluster->client, counts, WW_PEER_NODES, digest, error);
}

static int verify(struct ww_peer_cluster *cluster, struct ww_error *error)
{
    return ww_peer_verify(cluster, count_keys, error);
}

const struct ww_peer_system ww_peer_etcd = {
    .name = "etcd",
    .find = find,
    .start = start,
    .run = run,
    .verify = verify,
};
