/* SPDX-License-Identifier: Apache-2.0 */
/* Ours: three `ww node` with the configuration of the command line, and `ww load` as client. */
#include "bench/course.h"
#include "bench/peers/system.h"
#include "engine/cli/cli.h"

#include <stdlib.h>

#define READY_NS UINT64_C(30000000000)

static int find(struct ww_error *error)
{
    return WW_OK;
}

static int start(struct ww_peer_cluster *cluster, struct ww_error *error)
{
    const struct ww_local_options local = {
        .config = *cluster->config,
        .nodes = WW_PEER_NODES,
        .namespaces = cluster->namespaces,
        .directory = cluster->directory,
        .keep = true, /* removed by whoever made it */
    };
    snprintf(cluster->version, sizeof(cluster->version), "%s", WW_VERSION);
    int status = ww_local_cluster_start(&local, &cluster->ours, error);
    return status != WW_OK
               ? status
               : ww_local_cluster_wait_ready(cluster->ours, READY_NS, ww_cli_interrupted, error);
}

static int read_figures(struct ww_peer_cluster *cluster, const struct ww_bench_result *result,
                        struct ww_peer_figures *figures, struct ww_error *error)
{
    const struct ww_histogram *latency = &result->latency;
    double applied = 0, cpu_ns = 0;
    for (uint32_t i = 0; i < WW_PEER_NODES; i++) {
        applied += (double)result->change.nodes[i].applied;
        cpu_ns += (double)result->change.nodes[i].cpu_ns;
    }
    if (latency->count == 0)
        return ww_fail(error, WW_EIO, "nothing committed in the measured phase");
    json_object *load = result->load;
    double seconds = json_object_get_double(json_object_object_get(load, "elapsed_ns")) / 1e9;
    double client_ns = json_object_get_double(json_object_object_get(load, "cpu_ns"));
    cluster->acknowledged += json_object_get_uint64(json_object_object_get(load, "acknowledged"));
    *figures = (struct ww_peer_figures){
        .p50 = (double)ww_histogram_quantile(latency, 0.5),
        .p99 = (double)ww_histogram_quantile(latency, 0.99),
        .p999 = (double)ww_histogram_quantile(latency, 0.999),
        .per_s = (double)latency->count / seconds,
        .nodes_us = cpu_ns / 1e3 / (applied / WW_PEER_NODES),
        .client_us = client_ns / 1e3 / (double)latency->count,
    };
    return WW_OK;
}

static int run(struct ww_peer_cluster *cluster, const struct ww_peer_load *wanted,
               struct ww_peer_figures *figures, struct ww_error *error)
{
    const struct ww_bench_options options = {
        .config = *cluster->config,
        .replicas = WW_PEER_NODES,
        .payload = {.entry_bytes = wanted->entry_bytes, .seed = 1},
        .clients = 1,
        .inflight = wanted->inflight,
        .rounds = 1,
        .warmup_ns = wanted->warmup_ns,
        .duration_ns = wanted->duration_ns,
    };
    const struct ww_load_options load = ww_course_load(&options, cluster->ours, cluster->directory);
    struct ww_bench_result *result = calloc(1, sizeof(*result));
    if (result == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    result->options = &options;
    result->intervals = json_object_new_array();
    int status = ww_course_run(result, &load, NULL, cluster->ours, error);
    if (status == WW_OK)
        status = read_figures(cluster, result, figures, error);
    ww_bench_result_end(result);
    free(result);
    return status;
}

/* All replicas durably hold and applied the same; the engine has a few entries of its own. */
static int verify(struct ww_peer_cluster *cluster, struct ww_error *error)
{
    const struct ww_bench_options options = {.config = *cluster->config, .replicas = WW_PEER_NODES};
    struct ww_bench_result *result = calloc(1, sizeof(*result));
    uint64_t *commit = calloc(options.config.groups, sizeof(*commit));
    int status = result == NULL || commit == NULL ? ww_fail(error, WW_ENOMEM, "no memory") : WW_OK;
    if (status == WW_OK) {
        result->options = &options;
        status = ww_course_settle(result, cluster->ours, commit, error);
    }
    if (status == WW_OK && !result->verified.replicas_identical)
        status = ww_fail(error, WW_EIO, "%s", result->verified.detail);
    if (status == WW_OK && result->verified.entries < cluster->acknowledged)
        status = ww_fail(error, WW_EIO, "%lu entries are applied, but %lu were acknowledged",
                         result->verified.entries, cluster->acknowledged);
    free(commit);
    free(result);
    return status;
}

const struct ww_peer_system ww_peer_whitewater = {
    .name = "whitewater",
    .find = find,
    .start = start,
    .run = run,
    .verify = verify,
};
