/* SPDX-License-Identifier: Apache-2.0 */
/* What the peers that have a driver share. */
#include "bench/peers/system.h"

#include "engine/cli/cli.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_NS UINT64_C(30000000000)
#define EQUAL_TRIES 500u /* 10 s */
#define EQUAL_PAUSE_NS UINT64_C(20000000)

static double number(struct json_object *object, const char *key)
{
    return json_object_get_double(json_object_object_get(object, key));
}

static int read_figures(struct ww_peer_cluster *cluster, struct json_object *answer,
                        struct ww_peer_figures *figures, struct ww_error *error)
{
    double entries = number(answer, "entries"), seconds = number(answer, "elapsed_ns") / 1e9;
    if (entries < 1 || seconds <= 0)
        return ww_fail(error, WW_EIO, "nothing committed in the measured phase");
    cluster->acknowledged = json_object_get_uint64(json_object_object_get(answer, "acknowledged"));
    *figures = (struct ww_peer_figures){
        .p50 = number(answer, "p50"),
        .p99 = number(answer, "p99"),
        .p999 = number(answer, "p999"),
        .per_s = entries / seconds,
        .nodes_us = number(answer, "nodes_cpu_ns") / 1e3 / entries,
        .client_us = number(answer, "driver_cpu_ns") / 1e3 / entries,
    };
    return WW_OK;
}

int ww_peer_drive(struct ww_peer_cluster *cluster, struct ww_helper *driver,
                  const struct ww_peer_load *load, struct ww_peer_figures *figures,
                  struct ww_error *error)
{
    char line[160];
    struct json_object *answer;
    snprintf(line, sizeof(line), "run %u %u %lu %lu %d %d %d", load->inflight, load->entry_bytes,
             load->warmup_ns, load->duration_ns, cluster->nodes[0].pid, cluster->nodes[1].pid,
             cluster->nodes[2].pid);
    int status = ww_helper_ask(driver, line, load->warmup_ns + load->duration_ns + ANSWER_NS,
                               &answer, error);
    if (status == WW_OK)
        status = read_figures(cluster, answer, figures, error);
    json_object_put(answer);
    for (uint32_t i = 0; i < WW_PEER_NODES && status == WW_OK; i++)
        status = ww_helper_check(&cluster->nodes[i], error);
    return status;
}

int ww_peer_count(struct ww_helper *driver, uint64_t *counts, uint32_t count, char digest[32],
                  struct ww_error *error)
{
    struct json_object *answer, *list;
    int status = ww_helper_ask(driver, "count", ANSWER_NS, &answer, error);
    if (status != WW_OK)
        return status;
    if (!json_object_object_get_ex(answer, "applied", &list) ||
        json_object_array_length(list) != count)
        status = ww_fail(error, WW_EIO, "%s does not count", driver->name);
    for (uint32_t i = 0; i < count && status == WW_OK; i++)
        counts[i] = json_object_get_uint64(json_object_array_get_idx(list, i));
    const char *text = json_object_get_string(json_object_object_get(answer, "digest"));
    snprintf(digest, 32, "%s", text != NULL ? text : "");
    json_object_put(answer);
    return status;
}

int ww_peer_verify(struct ww_peer_cluster *cluster, ww_peer_counter counter, struct ww_error *error)
{
    uint64_t counts[WW_PEER_NODES] = {0};
    for (uint32_t tries = 0, equal = 0; tries < EQUAL_TRIES && equal < WW_PEER_NODES; tries++) {
        int status = counter(cluster, counts, error);
        if (status != WW_OK)
            return status;
        equal = 0;
        for (uint32_t i = 0; i < WW_PEER_NODES; i++)
            equal += counts[i] >= cluster->acknowledged;
        if (equal < WW_PEER_NODES && ww_cli_interrupted(EQUAL_PAUSE_NS))
            return ww_fail(error, WW_ECLOSED, "interrupted");
    }
    for (uint32_t i = 0; i < WW_PEER_NODES; i++)
        if (counts[i] != cluster->acknowledged)
            return ww_fail(error, WW_EIO, "%s applied %lu entries, but %lu were acknowledged",
                           cluster->nodes[i].name, counts[i], cluster->acknowledged);
    return WW_OK;
}

int ww_peer_cluster_stop(struct ww_peer_cluster *cluster, struct ww_error *error)
{
    int status = ww_local_cluster_stop(cluster->ours, error);
    cluster->ours = NULL;
    int ended = ww_helper_stop(&cluster->client, status == WW_OK ? error : NULL);
    status = status != WW_OK ? status : ended;
    for (uint32_t i = 0; i < WW_PEER_NODES; i++) {
        ended = ww_helper_stop(&cluster->nodes[i], status == WW_OK ? error : NULL);
        status = status != WW_OK ? status : ended;
    }
    return status;
}
