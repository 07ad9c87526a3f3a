/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ww experiment trace-cost`: what it costs to trace sampled entries. The nodes are told to trace
 * and not to, in turn, while they run; each pair of neighbouring runs gives one ratio.
 */
#include "bench/bootstrap.h"
#include "bench/course.h"
#include "bench/experiment.h"
#include "bench/format.h"
#include "bench/run_directory.h"
#include "engine/cli/local_files.h"
#include "engine/node/config_keys.h"

#include <math.h>
#include <stdlib.h>

#define READY_NS UINT64_C(30000000000)
#define SECOND_NS UINT64_C(1000000000)
#define INFLIGHT_MAX (1u << 20)
#define CONFIDENCE 0.95

static const struct ww_flag flags[] = {
    WW_EXPERIMENT_FLAGS_TIMING("2s", "300ms", "9"),
    {"size", 0, "BYTES", "64B", "of an entry"},
    {"replicas", 0, "N", "3", "nodes: 1, 3, 5 or 7"},
    {"inflight", 0, "LIST", "1,64,4096", "entries without an answer"},
    {"data", 0, "DIR", ".", "the logs are written below it and removed"},
    {NULL},
};

enum figure { P50, P99, PER_S, WORK_CYCLES, NODES_NS, LOAD_NS, RECORDING, FIGURES };
static const char *const figures[] = {"p50",      "p99",     "per_s",     "work_cycles",
                                      "nodes_ns", "load_ns", "recording", NULL};

/* The same load with and without. */
struct pair {
    uint32_t every; /* of those that trace */
    struct ww_experiment_cell off, on;
};

struct trace_cost {
    struct ww_experiment_timing timing;
    struct ww_experiment_numbers inflight;
    const char *data;
    struct ww_bench_options bench; /* of the run under way */
    struct pair pairs[WW_EXPERIMENT_LIST_MAX];
    char directory[WW_RUN_DIRECTORY_MAX];
    struct ww_local_cluster *cluster;
};

/* ---- one run ---- */

static void take(const struct trace_cost *cost, struct ww_experiment_cell *cell,
                 const struct ww_bench_result *result)
{
    struct ww_node_counts sum = {0};
    for (uint32_t i = 0; i < cost->bench.replicas; i++) {
        const struct ww_node_counts *node = &result->change.nodes[i];
        sum.applied += node->applied;
        sum.work_cycles += node->work_cycles;
        sum.trace_cycles += node->trace_cycles;
        sum.cpu_ns += node->cpu_ns;
    }
    double entries = (double)sum.applied / cost->bench.replicas;
    double values[FIGURES] = {
        [P50] = (double)ww_histogram_quantile(&result->latency, 0.5),
        [P99] = (double)ww_histogram_quantile(&result->latency, 0.99),
        [PER_S] = ww_experiment_number(result->load, "entries") * 1e9 /
                  ww_experiment_number(result->load, "elapsed_ns"),
        [WORK_CYCLES] = (double)sum.work_cycles / (double)sum.applied,
        [NODES_NS] = (double)sum.cpu_ns / entries,
        [LOAD_NS] = ww_experiment_number(result->load, "cpu_ns") /
                    ww_experiment_number(result->load, "entries"),
        [RECORDING] = (double)sum.trace_cycles / (double)sum.work_cycles,
    };
    ww_experiment_add_run(cell, values, FIGURES);
}

static int run_once(struct trace_cost *cost, uint32_t place, bool traced, struct ww_error *error)
{
    struct pair *pair = &cost->pairs[place];
    struct ww_experiment_cell *cell = traced ? &pair->on : &pair->off;
    struct ww_bench_result *result = calloc(1, sizeof(*result));
    if (result == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    char setting[48];
    uint32_t every = traced ? pair->every : 0;
    snprintf(setting, sizeof(setting), "{\"trace.every\":\"%u\"}", every);
    cost->bench.inflight = (uint32_t)cost->inflight.of[place];
    ww_progress(&cost->bench, "run %u of %u: %u in flight, trace.every %u", cell->count + 1,
                cost->timing.repeats, cost->bench.inflight, every);
    result->options = &cost->bench;
    result->intervals = json_object_new_array();
    result->traces.every = every;
    struct ww_load_options load = ww_course_load(&cost->bench, cost->cluster, cost->directory);
    load.trace_every = every;
    int status = ww_course_configure(cost->cluster, cost->bench.replicas, setting, error);
    if (status == WW_OK)
        status = ww_course_run(result, &load, NULL, cost->cluster, error);
    if (status == WW_OK && result->latency.count == 0)
        status = ww_fail(error, WW_EIO, "%u in flight: nothing committed in the measured phase",
                         cost->bench.inflight);
    if (status == WW_OK)
        take(cost, cell, result);
    ww_bench_result_end(result);
    free(result);
    return status;
}

/* Which of the two comes first changes, so that a drift helps neither. */
static int run_all(struct trace_cost *cost, struct ww_error *error)
{
    int status = WW_OK;
    for (uint32_t repeat = 0; repeat < cost->timing.repeats; repeat++)
        for (uint32_t place = 0; place < cost->inflight.count && status == WW_OK; place++) {
            bool first = (repeat + place) % 2 == 0;
            status = run_once(cost, place, first, error);
            if (status == WW_OK)
                status = run_once(cost, place, !first, error);
        }
    return status;
}

static int run_cluster(struct trace_cost *cost, struct ww_error *error)
{
    bool durable = cost->bench.config.durability != WW_CONFIG_MEMORY;
    int status = ww_run_directory_make(cost->data, durable, cost->directory, error);
    if (status != WW_OK)
        return status;
    struct ww_local_options local = {
        .config = cost->bench.config,
        .nodes = cost->bench.replicas,
        .directory = cost->directory,
        .keep = true, /* removed here */
    };
    ww_progress(&cost->bench, "starting the nodes");
    status = ww_local_cluster_start(&local, &cost->cluster, error);
    if (status == WW_OK)
        status = ww_local_cluster_wait_ready(cost->cluster, READY_NS, ww_cli_interrupted, error);
    if (status == WW_OK)
        status = run_all(cost, error);
    int stopped = ww_local_cluster_stop(cost->cluster, status == WW_OK ? error : NULL);
    ww_local_remove(cost->directory);
    if (ww_cli_interrupted(0))
        return ww_fail(error, WW_ECLOSED, "interrupted");
    return status != WW_OK ? status : stopped;
}

/* ---- the result ---- */

/* The geometric mean of on / off over all pairs, less 1, and how far it may lie from that. */
static struct json_object *change_of(const struct pair *pair, enum figure figure)
{
    struct json_object *change = json_object_new_object();
    double sum = 0, squares = 0, count = pair->on.count;
    for (uint32_t i = 0; i < pair->on.count; i++) {
        double ratio = log(pair->on.values[i][figure] / pair->off.values[i][figure]);
        sum += ratio;
        squares += ratio * ratio;
    }
    double mean = sum / count;
    json_object_object_add(change, "mean", ww_json_new_number(exp(mean) - 1));
    if (pair->on.count < 2)
        return change; /* one pair says nothing of its own error */
    double variance = fmax(squares / count - mean * mean, 0) * count / (count - 1);
    double error = ww_student_quantile(CONFIDENCE, count - 1) * sqrt(variance / count);
    json_object_object_add(change, "low", ww_json_new_number(exp(mean - error) - 1));
    json_object_object_add(change, "high", ww_json_new_number(exp(mean + error) - 1));
    return change;
}

static struct json_object *result_of(const struct trace_cost *cost)
{
    static const struct ww_experiment_plot plot = {"What tracing changes", "entries in flight",
                                                   "log", "percent", "linear"};
    struct json_object *result = ww_experiment_result("trace-cost", cost->data);
    struct json_object *config = json_object_new_object(), *cells = json_object_new_array();
    struct json_object *series = ww_experiment_add_plot(result, &plot);
    json_object_object_add(config, "replicas", json_object_new_int64(cost->bench.replicas));
    json_object_object_add(config, "entry_bytes",
                           json_object_new_int64(cost->bench.payload.entry_bytes));
    json_object_object_add(config, "repeats", json_object_new_int64(cost->timing.repeats));
    json_object_object_add(config, "duration_s",
                           ww_json_new_number((double)cost->timing.duration_ns / 1e9));
    for (uint32_t place = 0; place < cost->inflight.count; place++) {
        const struct pair *pair = &cost->pairs[place];
        struct json_object *cell = json_object_new_object(), *change = json_object_new_object();
        struct json_object *off = json_object_new_object(), *on = json_object_new_object();
        ww_experiment_put_cell(off, &pair->off, figures);
        ww_experiment_put_cell(on, &pair->on, figures);
        for (uint32_t figure = 0; figure < RECORDING; figure++) {
            struct json_object *one = change_of(pair, figure);
            ww_experiment_add_point(series, figures[figure], (double)cost->inflight.of[place],
                                    100 * ww_experiment_number(one, "mean"));
            json_object_object_add(change, figures[figure], one);
        }
        json_object_object_add(cell, "inflight", json_object_new_uint64(cost->inflight.of[place]));
        json_object_object_add(cell, "trace_every", json_object_new_int64(pair->every));
        json_object_object_add(cell, "off", off);
        json_object_object_add(cell, "on", on);
        json_object_object_add(cell, "change", change);
        json_object_array_add(cells, cell);
    }
    json_object_object_add(result, "config", config);
    json_object_object_add(result, "cells", cells);
    return result;
}

static int read_flags(const struct ww_cli *cli, struct trace_cost *cost, struct ww_error *error)
{
    uint64_t replicas, size;
    struct ww_bench_options *bench = &cost->bench;
    int status = ww_experiment_timing(cli, &cost->timing, error);
    if (status != WW_OK ||
        (status = ww_cli_count(cli, "replicas", 1, WW_NODES_MAX, &replicas, error)) != WW_OK ||
        (status = ww_experiment_counts(cli, "inflight", 1, INFLIGHT_MAX, &cost->inflight, error)) !=
            WW_OK ||
        (status = ww_cli_config(cli, &bench->config, error)) != WW_OK ||
        (status = ww_cli_bytes(cli, "size", 1, WW_ENTRY_MAX(bench->config.mtu), &size, error)) !=
            WW_OK)
        return status;
    if (replicas % 2 == 0)
        return ww_fail(error, WW_EINVAL, "--replicas %lu: must be 1, 3, 5 or 7", replicas);
    cost->data = ww_cli_text(cli, "data");
    bench->replicas = (uint32_t)replicas;
    bench->clients = bench->rounds = 1;
    bench->warmup_ns = cost->timing.warmup_ns;
    bench->duration_ns = cost->timing.duration_ns;
    bench->payload = (struct ww_payload_options){.entry_bytes = (uint32_t)size, .seed = 1};
    bench->progress = ww_cli_progress(cli);
    bool durable = bench->config.durability != WW_CONFIG_MEMORY;
    uint32_t every = bench->config.trace_every; /* given: for all; else as ww bench chooses it */
    for (uint32_t place = 0; place < cost->inflight.count; place++)
        cost->pairs[place].every = every != 0
                                       ? every
                                       : ww_trace_choose(0, (uint32_t)cost->inflight.of[place],
                                                         durable, cost->timing.duration_ns);
    const struct ww_config_key *prepare = ww_config_key_find("wal.prepare");
    if (durable && ww_config_origin_of(&bench->config, prepare) == WW_ORIGIN_DEFAULT &&
        cost->timing.duration_ns >= SECOND_NS)
        bench->config.prepare_bytes = WW_BENCH_PREPARE_BYTES;
    return WW_OK;
}

static int run(const struct ww_cli *cli, struct json_object **result, struct ww_error *error)
{
    struct trace_cost *cost = calloc(1, sizeof(*cost));
    if (cost == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    int status = read_flags(cli, cost, error);
    if (status == WW_OK)
        status = run_cluster(cost, error);
    ww_progress_end(&cost->bench);
    if (status == WW_OK)
        *result = result_of(cost);
    free(cost);
    return status;
}

/* ---- the table ---- */

static void print_change(struct json_object *cell, enum figure figure, const char *name, FILE *file)
{
    struct json_object *off = json_object_object_get(cell, "off");
    struct json_object *on = json_object_object_get(cell, "on");
    struct json_object *change =
        json_object_object_get(json_object_object_get(cell, "change"), figures[figure]);
    char a[32], b[32];
    bool time = figure == P50 || figure == P99 || figure == NODES_NS || figure == LOAD_NS;
    const char *(*show)(double, char *) = time ? ww_show_ns : ww_show_count;
    fprintf(file, "  %-34s%12s%12s%+9.2f %%", name,
            show(ww_experiment_number(off, figures[figure]), a),
            show(ww_experiment_number(on, figures[figure]), b),
            100 * ww_experiment_number(change, "mean"));
    if (json_object_object_get(change, "low") != NULL)
        fprintf(file, "  (%+.2f .. %+.2f)", 100 * ww_experiment_number(change, "low"),
                100 * ww_experiment_number(change, "high"));
    fprintf(file, "\n");
}

static void print(struct json_object *result, FILE *file)
{
    static const char *const names[RECORDING] = {
        [P50] = "latency, p50",
        [P99] = "latency, p99",
        [PER_S] = "commits per second",
        [WORK_CYCLES] = "work cycles per entry and replica",
        [NODES_NS] = "processor time per entry, nodes",
        [LOAD_NS] = "processor time per entry, load",
    };
    struct json_object *cells = json_object_object_get(result, "cells");
    fprintf(file, "What it costs to trace sampled entries\n");
    ww_experiment_print_head(result, file);
    for (size_t i = 0; i < json_object_array_length(cells); i++) {
        struct json_object *cell = json_object_array_get_idx(cells, i);
        char title[64];
        snprintf(title, sizeof(title), "%s in flight, trace.every %s",
                 ww_experiment_text(cell, "inflight"), ww_experiment_text(cell, "trace_every"));
        fprintf(file, "\n%-36s%12s%12s%11s\n", title, "off", "on", "change");
        for (uint32_t figure = 0; figure < RECORDING; figure++)
            print_change(cell, figure, names[figure], file);
        fprintf(file, "  recording itself takes %.3f %% of the nodes' work cycles\n",
                100 * ww_experiment_number(json_object_object_get(cell, "on"), "recording"));
    }
    fprintf(file, "\nIn brackets: where the change lies with 95 %% confidence.\n");
}

const struct ww_experiment ww_experiment_trace_cost = {
    WW_EXPERIMENT("trace-cost", .summary = "what it costs to trace sampled entries", .flags = flags,
                  .takes_config = true),
    .run = run,
    .print = print,
};
