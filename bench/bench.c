/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The course of `ww bench`: limits, cluster, load, verification, limits again, report. The cluster
 * lives in one directory of this run, which is removed however it ends.
 */
#include "bench/bench.h"

#include "bench/course.h"
#include "bench/result.h"
#include "bench/run_directory.h"
#include "bench/standstill.h"
#include "engine/cli/cli.h"
#include "engine/cli/local_cluster.h"
#include "engine/cli/local_files.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READY_NS UINT64_C(30000000000)

struct bench {
    const struct ww_bench_options *options;
    struct ww_bench_result result;
    struct ww_limits_options limits;
    struct ww_verify_options verify;
    char directory[WW_RUN_DIRECTORY_MAX]; /* of this run; empty: not made */
    struct ww_standstill standstill;
    struct ww_local_cluster *cluster;
};

/* Says what comes next, and is the place where ^C is heard. */
static int next(const struct bench *bench, struct ww_error *error, const char *what)
{
    ww_progress(bench->options, "%s", what);
    return ww_cli_interrupted(0) ? ww_fail(error, WW_ECLOSED, "interrupted") : WW_OK;
}

static bool is_durable(const struct bench *bench)
{
    return bench->options->config.durability != WW_CONFIG_MEMORY;
}

/* ---- before ---- */

static int look_at_payload(struct bench *bench, struct ww_error *error)
{
    const struct ww_bench_options *options = bench->options;
    uint64_t entry_max = WW_ENTRY_MAX(options->config.mtu);
    struct ww_payload *payload;
    int status = ww_payload_create(&options->payload, &payload, error);
    if (status != WW_OK)
        return status;
    bench->result.entry_mean_bytes = ww_payload_entry_mean(payload);
    if (ww_payload_entry_max(payload) > entry_max)
        status = ww_fail(error, WW_EINVAL,
                         "--%s %s: the largest entry has %u bytes, more than %lu (net.mtu %lu)",
                         options->payload.size != NULL ? "size" : "payload",
                         options->payload.size != NULL ? options->payload.size
                                                       : ww_payload_name(&options->payload),
                         ww_payload_entry_max(payload), entry_max, options->config.mtu);
    ww_payload_destroy(payload);
    return status;
}

static int prepare(struct bench *bench, struct ww_error *error)
{
    const struct ww_bench_options *options = bench->options;
    struct ww_bench_result *result = &bench->result;
    time_t now = time(NULL);
    strftime(result->started_at, sizeof(result->started_at), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
    result->options = options;
    int status = look_at_payload(bench, error);
    if (status != WW_OK)
        return status;
    status = ww_run_output_make(options->output, error);
    if (status == WW_OK)
        status = ww_run_directory_make(options->data, is_durable(bench), bench->directory, error);
    if (status != WW_OK)
        return status;
    result->environment = ww_environment_json(bench->directory);
    result->intervals = json_object_new_array();
    result->traces.every = options->config.trace_every;
    ww_limits_init(&result->limits);
    bench->limits = (struct ww_limits_options){
        .directory = bench->directory,
        .writers = is_durable(bench) ? options->replicas : 0,
        .depth = options->config.write_depth,
        .pollers = options->replicas * options->config.threads + options->clients,
        .transport = (enum ww_net_kind)options->config.transport,
    };
    bench->verify = (struct ww_verify_options){
        .replicas = options->replicas,
        .groups = options->config.groups,
        .payload = options->payload,
        .directory = bench->directory,
        .clients = options->clients,
        .commit = calloc(options->config.groups, sizeof(uint64_t)),
    };
    return bench->verify.commit != NULL ? WW_OK : ww_fail(error, WW_ENOMEM, "no memory");
}

/* ---- the limits ---- */

/* The average size of the nodes' writes in the measured phase, as far as it has come. */
static uint64_t write_shape(const struct ww_bench_result *result)
{
    uint64_t bytes = 0, writes = 0;
    for (uint32_t i = 0; i < result->options->replicas; i++) {
        bytes += result->change.nodes[i].wal_bytes;
        writes += result->change.nodes[i].wal_writes;
    }
    return writes == 0 ? 0 : bytes / writes;
}

static int measure_limits(struct bench *bench, bool again, struct ww_error *error)
{
    int status = next(bench, error, again ? "measuring the limits again" : "measuring the limits");
    uint64_t shape = is_durable(bench) ? write_shape(&bench->result) : 0;
    if (status == WW_OK)
        status = ww_limits_measure(&bench->result.limits, &bench->limits, NULL, shape, error);
    return status;
}

/* Between two rounds of the load; all of them together take at most half of the duration. */
static int measure_between(void *context, struct ww_error *error)
{
    struct bench *bench = context;
    const struct ww_bench_options *options = bench->options;
    bool stands = bench->standstill.window_ns > 0;
    const struct ww_limits_between between = {
        .quiet = stands ? &bench->standstill.quiet : NULL,
        .window_ns = stands ? bench->standstill.window_ns : WW_STANDSTILL_MAX_NS,
        .budget_ns = options->duration_ns / 2 / (options->rounds - 1),
    };
    uint64_t shape = is_durable(bench) ? write_shape(&bench->result) : 0;
    int status = next(bench, error, "measuring the limits between two rounds");
    if (status == WW_OK)
        status = ww_limits_measure(&bench->result.limits, &bench->limits, &between, shape, error);
    return status;
}

/* ---- the cluster and its load ---- */

static int start_cluster(struct bench *bench, struct ww_error *error)
{
    const struct ww_bench_options *options = bench->options;
    struct ww_local_options local = {
        .config = options->config,
        .nodes = options->replicas,
        .directory = bench->directory,
        .keep = true, /* this run's directory is removed here */
    };
    int status = next(bench, error, "starting the nodes");
    if (status == WW_OK)
        status = ww_local_cluster_start(&local, &bench->cluster, error);
    if (status == WW_OK)
        status = ww_local_cluster_wait_ready(bench->cluster, READY_NS, ww_cli_interrupted, error);
    for (uint32_t i = 0; status == WW_OK && i < options->replicas; i++)
        snprintf(bench->verify.directories[i], sizeof(bench->verify.directories[i]), "%s",
                 ww_local_cluster_config(bench->cluster, i + 1)->data_dir);
    return status;
}

static int run_load(struct bench *bench, struct ww_error *error)
{
    const struct ww_bench_options *options = bench->options;
    struct ww_load_options load = ww_course_load(options, bench->cluster, bench->directory);
    load.trace_every = options->config.trace_every;
    const struct ww_course_hooks hooks = {.between = measure_between, .context = bench};
    ww_standstill_init(&bench->standstill, bench->cluster, options->replicas, &options->config);
    int status = next(bench, error, "connecting the load generator");
    if (status == WW_OK)
        status = ww_course_run(&bench->result, &load, &hooks, bench->cluster, error);
    if (status == WW_OK)
        status = next(bench, error, "waiting for the replicas to become equal");
    if (status == WW_OK)
        status = ww_course_settle(&bench->result, bench->cluster, bench->verify.commit, error);
    return status;
}

static int stop_cluster(struct bench *bench, struct ww_error *error)
{
    int status = next(bench, error, "stopping the nodes");
    if (status == WW_OK) {
        status = ww_local_cluster_stop(bench->cluster, error);
        bench->cluster = NULL;
    }
    return status;
}

/* ---- after ---- */

static int read_back(struct bench *bench, struct ww_error *error)
{
    struct ww_bench_result *result = &bench->result;
    result->read_back = is_durable(bench);
    if (!result->read_back) {
        struct json_object *count = json_object_object_get(result->load, "acknowledged");
        result->verified.acknowledged = json_object_get_uint64(count);
        return WW_OK;
    }
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", bench->directory, WW_VERIFY_FILE);
    bool applied_alike = result->verified.replicas_identical;
    char detail[sizeof(result->verified.detail)];
    memcpy(detail, result->verified.detail, sizeof(detail));
    int status = next(bench, error, "reading every log back");
    if (status == WW_OK)
        status = ww_verify_options_write(&bench->verify, path, error);
    if (status == WW_OK)
        status = ww_verify_logs(&bench->verify, &result->verified, error);
    if (!applied_alike) {
        result->verified.replicas_identical = false;
        memcpy(result->verified.detail, detail, sizeof(detail));
    }
    return status;
}

static int report(struct bench *bench, struct ww_error *error)
{
    const struct ww_bench_options *options = bench->options;
    struct json_object *json = ww_result_json(&bench->result);
    ww_progress_end(options);
    if (options->json)
        puts(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY));
    else
        ww_report_print(json, stdout);
    int status = WW_OK;
    if (options->output != NULL)
        status = ww_result_write(&bench->result, json, options->output, error);
    json_object_put(json);
    if (status == WW_OK && !ww_verified_good(&bench->result.verified))
        status = ww_fail(error, WW_EIO, "verification failed: %s", bench->result.verified.detail);
    if (status == WW_OK && bench->result.latency.count == 0)
        status = ww_fail(error, WW_EIO, "nothing committed in the measured phase");
    return status;
}

static int run(struct bench *bench, struct ww_error *error)
{
    int status = prepare(bench, error);
    if (status == WW_OK)
        status = measure_limits(bench, false, error);
    if (status == WW_OK)
        status = start_cluster(bench, error);
    if (status == WW_OK)
        status = run_load(bench, error);
    if (status == WW_OK)
        status = stop_cluster(bench, error);
    if (status == WW_OK)
        status = read_back(bench, error);
    if (status == WW_OK)
        status = measure_limits(bench, true, error);
    return status != WW_OK ? status : report(bench, error);
}

static void clean_up(struct bench *bench)
{
    ww_progress_end(bench->options);
    ww_local_cluster_stop(bench->cluster, NULL);
    if (bench->directory[0] != 0 && bench->options->keep)
        fprintf(stderr, "ww bench: kept %s\n", bench->directory);
    else if (bench->directory[0] != 0)
        ww_local_remove(bench->directory);
    ww_bench_result_end(&bench->result);
    free(bench->verify.commit);
    free(bench);
}

int ww_bench_run(const struct ww_bench_options *options, struct ww_error *error)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    if (bench == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    bench->options = options;
    int status = run(bench, error);
    /* ^C may reach a child too, before it has left our process group: its end is not the reason. */
    if (status != WW_OK && ww_cli_interrupted(0))
        status = ww_fail(error, WW_ECLOSED, "interrupted");
    clean_up(bench);
    return status;
}
