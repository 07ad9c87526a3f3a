/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ww experiment fsync`: what group commit is worth. Every durability mode x window x number of
 * entries in flight, on clusters of real processes. A repeat starts a cluster per mode and goes
 * through the windows, which the nodes change while they run; so whatever drifts on the machine
 * meets all cells alike.
 */
#include "bench/course.h"
#include "bench/experiment.h"
#include "bench/format.h"
#include "bench/probe_wal.h"
#include "bench/run_directory.h"
#include "engine/cli/local_files.h"
#include "engine/node/config_keys.h"

#include <stdlib.h>
#include <string.h>

#define READY_NS UINT64_C(30000000000)
#define PROBE_MAX_NS UINT64_C(500000000)
#define INFLIGHT_MAX (1u << 20)
#define MODES 3u
#define WINDOWS 6u

static const char *const mode_names[MODES] = {"dsync", "fdatasync", "buffered"};

static const struct {
    const char *name, *keys;
} windows[WINDOWS] = {
    {"entry", "\"wal.group\":\"entry\",\"wal.delay\":\"0\",\"wal.delay_bytes\":\"0\""},
    {"self", "\"wal.group\":\"self\",\"wal.delay\":\"0\",\"wal.delay_bytes\":\"0\""},
    {"50us", "\"wal.group\":\"self\",\"wal.delay\":\"50us\",\"wal.delay_bytes\":\"0\""},
    {"200us", "\"wal.group\":\"self\",\"wal.delay\":\"200us\",\"wal.delay_bytes\":\"0\""},
    {"1ms", "\"wal.group\":\"self\",\"wal.delay\":\"1ms\",\"wal.delay_bytes\":\"0\""},
    {"16KiB", "\"wal.group\":\"self\",\"wal.delay\":\"1ms\",\"wal.delay_bytes\":\"16KiB\""},
};

static const struct ww_flag flags[] = {
    WW_EXPERIMENT_FLAGS_TIMING("1s", "200ms", "3"),
    {"size", 0, "BYTES", "64B", "of an entry"},
    {"replicas", 0, "N", "3", "nodes: 1, 3, 5 or 7"},
    {"modes", 0, "LIST", NULL, "of dsync,fdatasync,buffered (default: all)"},
    {"windows", 0, "LIST", NULL, "of entry,self,50us,200us,1ms,16KiB (default: all)"},
    {"inflight", 0, "LIST", "1,64,1024", "entries without an answer"},
    {"data", 0, "DIR", ".", "the logs are written below it and removed"},
    {NULL},
};

static const char *const figures[] = {"p50", "p99", "p999", "per_s", "entries_per_write", NULL};
static const char *const limit_figures[] = {"p50", "p99", "per_s", NULL};

struct fsync {
    struct ww_experiment_timing timing;
    struct ww_experiment_numbers inflight;
    const char *modes, *windows;   /* lists of names; NULL: all */
    const char *data;              /* the logs are written below it */
    struct ww_bench_options bench; /* of the cell under way */
    struct ww_experiment_cell limits[MODES];
    struct ww_experiment_cell cells[MODES][WINDOWS][WW_EXPERIMENT_LIST_MAX];
    uint64_t acknowledged;
    char directory[WW_RUN_DIRECTORY_MAX];
    struct ww_local_cluster *cluster;
};

/* ---- one cell ---- */

static int set_window(const struct fsync *fsync, uint32_t window, struct ww_error *error)
{
    char json[160];
    snprintf(json, sizeof(json), "{%s}", windows[window].keys);
    return ww_course_configure(fsync->cluster, fsync->bench.replicas, json, error);
}

static double count_of(struct json_object *object, const char *key)
{
    return (double)json_object_get_uint64(json_object_object_get(object, key));
}

static void take(struct fsync *fsync, struct ww_experiment_cell *cell,
                 const struct ww_bench_result *result)
{
    double applied = 0, writes = 0;
    for (uint32_t i = 0; i < fsync->bench.replicas; i++) {
        applied += (double)result->change.nodes[i].applied;
        writes += (double)result->change.nodes[i].wal_writes;
    }
    const struct ww_histogram *latency = &result->latency;
    double seconds = count_of(result->load, "elapsed_ns") / 1e9;
    double values[] = {
        (double)ww_histogram_quantile(latency, 0.5),
        (double)ww_histogram_quantile(latency, 0.99),
        (double)ww_histogram_quantile(latency, 0.999),
        (double)latency->count / seconds,
        writes > 0 ? applied / writes : 0,
    };
    ww_experiment_add_run(cell, values, sizeof(values) / sizeof(values[0]));
    fsync->acknowledged += (uint64_t)count_of(result->load, "acknowledged");
}

static int run_cell(struct fsync *fsync, uint32_t mode, uint32_t window, uint32_t place,
                    struct ww_error *error)
{
    struct ww_experiment_cell *cell = &fsync->cells[mode][window][place];
    struct ww_bench_result *result = calloc(1, sizeof(*result));
    if (result == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    fsync->bench.inflight = (uint32_t)fsync->inflight.of[place];
    ww_progress(&fsync->bench, "run %u of %u: %s, window %s, %u in flight", cell->count + 1,
                fsync->timing.repeats, mode_names[mode], windows[window].name,
                fsync->bench.inflight);
    result->options = &fsync->bench;
    result->intervals = json_object_new_array();
    struct ww_load_options load = ww_course_load(&fsync->bench, fsync->cluster, fsync->directory);
    int status = set_window(fsync, window, error);
    if (status == WW_OK)
        status = ww_course_run(result, &load, NULL, fsync->cluster, error);
    if (status == WW_OK && result->latency.count == 0)
        status = ww_fail(error, WW_EIO, "%s, window %s: nothing committed in the measured phase",
                         mode_names[mode], windows[window].name);
    if (status == WW_OK)
        take(fsync, cell, result);
    ww_bench_result_end(result);
    free(result);
    return status;
}

/* ---- one cluster ---- */

/* One durable write at a time in each of as many processes as there are nodes, in the same mode. */
static int measure_limit(struct fsync *fsync, uint32_t mode, struct ww_error *error)
{
    static const enum ww_durability durabilities[MODES] = {WW_DURABILITY_DSYNC,
                                                           WW_DURABILITY_FDATASYNC,
                                                           WW_DURABILITY_BUFFERED};
    struct ww_probe_wal_options probe;
    struct ww_probe_wal_result result;
    ww_probe_wal_options_init(&probe);
    probe.directory = fsync->directory;
    probe.durability = durabilities[mode];
    probe.writers = fsync->bench.replicas;
    probe.warmup_ns /= 2;
    probe.duration_ns =
        fsync->timing.duration_ns < PROBE_MAX_NS ? fsync->timing.duration_ns : PROBE_MAX_NS;
    int status = ww_probe_wal(&probe, &result, error);
    if (status != WW_OK)
        return status;
    double values[] = {
        (double)ww_histogram_quantile(&result.latency, 0.5),
        (double)ww_histogram_quantile(&result.latency, 0.99),
        (double)result.writes * 1e9 / (double)result.elapsed_ns,
    };
    ww_experiment_add_run(&fsync->limits[mode], values, sizeof(values) / sizeof(values[0]));
    return WW_OK;
}

static int start_cluster(struct fsync *fsync, uint32_t mode, struct ww_error *error)
{
    struct ww_local_options local = {
        .config = fsync->bench.config,
        .nodes = fsync->bench.replicas,
        .directory = fsync->directory,
        .keep = true, /* removed here */
    };
    int status = ww_config_set(&local.config, "wal.durability", mode_names[mode], WW_ORIGIN_FLAG,
                               "--modes", error);
    if (status == WW_OK)
        status = ww_local_cluster_start(&local, &fsync->cluster, error);
    if (status == WW_OK)
        status = ww_local_cluster_wait_ready(fsync->cluster, READY_NS, ww_cli_interrupted, error);
    return status;
}

/* Did all replicas apply the same? */
static int compare(struct fsync *fsync, struct ww_error *error)
{
    struct ww_bench_result *result = calloc(1, sizeof(*result));
    uint64_t *commit = calloc(fsync->bench.config.groups, sizeof(*commit));
    int status = result == NULL || commit == NULL ? ww_fail(error, WW_ENOMEM, "no memory") : WW_OK;
    if (status == WW_OK) {
        result->options = &fsync->bench;
        status = ww_course_settle(result, fsync->cluster, commit, error);
    }
    if (status == WW_OK && !result->verified.replicas_identical)
        status = ww_fail(error, WW_EIO, "verification failed: %s", result->verified.detail);
    free(commit);
    free(result);
    return status;
}

/* The order of the windows is another in each repeat. */
static int run_windows(struct fsync *fsync, uint32_t mode, uint32_t repeat, struct ww_error *error)
{
    int status = WW_OK;
    for (uint32_t i = 0; i < WINDOWS && status == WW_OK; i++) {
        uint32_t window = (i + repeat) % WINDOWS;
        if (!ww_experiment_listed(fsync->windows, windows[window].name))
            continue;
        for (uint32_t place = 0; place < fsync->inflight.count && status == WW_OK; place++)
            status = run_cell(fsync, mode, window, place, error);
    }
    return status;
}

static int run_mode(struct fsync *fsync, uint32_t mode, uint32_t repeat, struct ww_error *error)
{
    int status = ww_run_directory_make(fsync->data, true, fsync->directory, error);
    ww_progress(&fsync->bench, "run %u of %u: starting nodes with %s", repeat + 1,
                fsync->timing.repeats, mode_names[mode]);
    if (status == WW_OK)
        status = measure_limit(fsync, mode, error);
    if (status == WW_OK)
        status = start_cluster(fsync, mode, error);
    if (status == WW_OK)
        status = run_windows(fsync, mode, repeat, error);
    if (status == WW_OK)
        status = compare(fsync, error);
    int stopped = ww_local_cluster_stop(fsync->cluster, status == WW_OK ? error : NULL);
    fsync->cluster = NULL;
    if (fsync->directory[0] != 0)
        ww_local_remove(fsync->directory);
    if (ww_cli_interrupted(0))
        return ww_fail(error, WW_ECLOSED, "interrupted");
    return status != WW_OK ? status : stopped;
}

/* ---- the result ---- */

static void put_cells(const struct fsync *fsync, uint32_t mode, struct json_object *limits,
                      struct json_object *cells)
{
    if (!ww_experiment_listed(fsync->modes, mode_names[mode]))
        return;
    struct json_object *limit = json_object_new_object();
    json_object_object_add(limit, "durability", json_object_new_string(mode_names[mode]));
    ww_experiment_put_cell(limit, &fsync->limits[mode], limit_figures);
    json_object_array_add(limits, limit);
    for (uint32_t window = 0; window < WINDOWS; window++) {
        if (!ww_experiment_listed(fsync->windows, windows[window].name))
            continue;
        for (uint32_t place = 0; place < fsync->inflight.count; place++) {
            struct json_object *cell = json_object_new_object();
            json_object_object_add(cell, "durability", json_object_new_string(mode_names[mode]));
            json_object_object_add(cell, "window", json_object_new_string(windows[window].name));
            json_object_object_add(cell, "inflight",
                                   json_object_new_uint64(fsync->inflight.of[place]));
            ww_experiment_put_cell(cell, &fsync->cells[mode][window][place], figures);
            json_object_array_add(cells, cell);
        }
    }
}

static void plot(struct json_object *result, struct json_object *cells)
{
    struct json_object *latency =
        ww_experiment_add_plot(result, &(struct ww_experiment_plot){"Commit latency, p50",
                                                                    "entries in flight", "log",
                                                                    "microseconds", "log"});
    struct json_object *rate =
        ww_experiment_add_plot(result,
                               &(struct ww_experiment_plot){"Rate of commits", "entries in flight",
                                                            "log", "entries per second", "log"});
    for (size_t i = 0; i < json_object_array_length(cells); i++) {
        struct json_object *cell = json_object_array_get_idx(cells, i);
        double inflight = ww_experiment_number(cell, "inflight");
        char name[64];
        snprintf(name, sizeof(name), "%s, %s", ww_experiment_text(cell, "durability"),
                 ww_experiment_text(cell, "window"));
        ww_experiment_add_point(latency, name, inflight, ww_experiment_number(cell, "p50") / 1e3);
        ww_experiment_add_point(rate, name, inflight, ww_experiment_number(cell, "per_s"));
    }
}

static struct json_object *result_of(const struct fsync *fsync)
{
    struct json_object *result = ww_experiment_result("fsync", fsync->data);
    struct json_object *config = json_object_new_object(), *limits = json_object_new_array();
    struct json_object *cells = json_object_new_array(), *verified = json_object_new_object();
    json_object_object_add(config, "replicas", json_object_new_int64(fsync->bench.replicas));
    json_object_object_add(config, "entry_bytes",
                           json_object_new_int64(fsync->bench.payload.entry_bytes));
    json_object_object_add(config, "repeats", json_object_new_int64(fsync->timing.repeats));
    json_object_object_add(config, "duration_s",
                           json_object_new_double((double)fsync->timing.duration_ns / 1e9));
    json_object_object_add(config, "wal_depth",
                           json_object_new_int64(fsync->bench.config.write_depth));
    for (uint32_t mode = 0; mode < MODES; mode++)
        put_cells(fsync, mode, limits, cells);
    json_object_object_add(verified, "replicas_identical", json_object_new_boolean(true));
    json_object_object_add(verified, "acknowledged", json_object_new_uint64(fsync->acknowledged));
    json_object_object_add(result, "config", config);
    json_object_object_add(result, "limits", limits);
    json_object_object_add(result, "cells", cells);
    json_object_object_add(result, "verified", verified);
    plot(result, cells);
    return result;
}

static int check_lists(const struct fsync *fsync, struct ww_error *error)
{
    const char *names[WINDOWS];
    for (uint32_t i = 0; i < WINDOWS; i++)
        names[i] = windows[i].name;
    int status = ww_experiment_check_list("modes", fsync->modes, mode_names, MODES, error);
    return status != WW_OK
               ? status
               : ww_experiment_check_list("windows", fsync->windows, names, WINDOWS, error);
}

/* Enough log is written ahead that most cells do not pay for zeroing more. */
static void write_ahead(struct fsync *fsync)
{
    const struct ww_config_key *key = ww_config_key_find("wal.prepare");
    if (ww_config_origin_of(&fsync->bench.config, key) == WW_ORIGIN_DEFAULT &&
        fsync->timing.duration_ns >= PROBE_MAX_NS)
        fsync->bench.config.prepare_bytes = WW_BENCH_PREPARE_BYTES;
}

static int read_flags(const struct ww_cli *cli, struct fsync *fsync, struct ww_error *error)
{
    uint64_t replicas, size;
    int status = ww_experiment_timing(cli, &fsync->timing, error);
    if (status != WW_OK ||
        (status = ww_cli_count(cli, "replicas", 1, WW_NODES_MAX, &replicas, error)) != WW_OK ||
        (status = ww_experiment_counts(cli, "inflight", 1, INFLIGHT_MAX, &fsync->inflight,
                                       error)) != WW_OK ||
        (status = ww_cli_config(cli, &fsync->bench.config, error)) != WW_OK ||
        (status = ww_cli_bytes(cli, "size", 1, WW_ENTRY_MAX(fsync->bench.config.mtu), &size,
                               error)) != WW_OK)
        return status;
    if (replicas % 2 == 0)
        return ww_fail(error, WW_EINVAL, "--replicas %lu: must be 1, 3, 5 or 7", replicas);
    fsync->modes = ww_cli_text(cli, "modes");
    fsync->windows = ww_cli_text(cli, "windows");
    fsync->data = ww_cli_text(cli, "data");
    fsync->bench.replicas = (uint32_t)replicas;
    fsync->bench.clients = fsync->bench.rounds = 1;
    fsync->bench.payload = (struct ww_payload_options){.entry_bytes = (uint32_t)size, .seed = 1};
    fsync->bench.warmup_ns = fsync->timing.warmup_ns;
    fsync->bench.duration_ns = fsync->timing.duration_ns;
    fsync->bench.progress = ww_cli_progress(cli);
    write_ahead(fsync);
    return check_lists(fsync, error);
}

static int run(const struct ww_cli *cli, struct json_object **result, struct ww_error *error)
{
    struct fsync *fsync = calloc(1, sizeof(*fsync));
    if (fsync == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    int status = read_flags(cli, fsync, error);
    for (uint32_t repeat = 0; status == WW_OK && repeat < fsync->timing.repeats; repeat++)
        for (uint32_t mode = 0; mode < MODES && status == WW_OK; mode++)
            if (ww_experiment_listed(fsync->modes, mode_names[mode]))
                status = run_mode(fsync, mode, repeat, error);
    ww_progress_end(&fsync->bench);
    if (status == WW_OK)
        *result = result_of(fsync);
    free(fsync);
    return status;
}

/* ---- the table ---- */

static bool is_of(struct json_object *object, const char *key, const char *value)
{
    return strcmp(json_object_get_string(json_object_object_get(object, key)), value) == 0;
}

static void print_figures(struct json_object *cell, FILE *file)
{
    char a[32], b[32], c[32];
    fprintf(file, "  %10s%10s%12s", ww_show_ns(ww_experiment_number(cell, "p50"), a),
            ww_show_ns(ww_experiment_number(cell, "p99"), b),
            ww_show_count(ww_experiment_number(cell, "per_s"), c));
    if (json_object_object_get(cell, "entries_per_write") != NULL)
        fprintf(file, "%10.1f", ww_experiment_number(cell, "entries_per_write"));
    fprintf(file, "\n");
}

static void print_mode(struct json_object *result, struct json_object *limit, FILE *file)
{
    const char *mode = json_object_get_string(json_object_object_get(limit, "durability"));
    struct json_object *cells = json_object_object_get(result, "cells");
    int64_t inflight = -1;
    fprintf(file, "\n%-12s%10s  %10s%10s%12s%10s\n", mode, "in flight", "p50", "p99", "per s",
            "per write");
    fprintf(file, "  %-10s%10s", "limit", "");
    print_figures(limit, file);
    for (size_t i = 0; i < json_object_array_length(cells); i++) {
        struct json_object *cell = json_object_array_get_idx(cells, i);
        if (!is_of(cell, "durability", mode))
            continue;
        bool first =
            inflight < 0 ||
            (i > 0 && !is_of(json_object_array_get_idx(cells, i - 1), "window",
                             json_object_get_string(json_object_object_get(cell, "window"))));
        inflight = json_object_get_int64(json_object_object_get(cell, "inflight"));
        fprintf(file, "  %-10s%10ld",
                first ? json_object_get_string(json_object_object_get(cell, "window")) : "",
                inflight);
        print_figures(cell, file);
    }
}

static void print(struct json_object *result, FILE *file)
{
    struct json_object *config = json_object_object_get(result, "config");
    struct json_object *limits = json_object_object_get(result, "limits");
    char a[32];
    fprintf(file,
            "Group commit: %.0f replicas, %.0f B entries, %.3g s for each cell, medians of %.0f\n",
            ww_experiment_number(config, "replicas"), ww_experiment_number(config, "entry_bytes"),
            ww_experiment_number(config, "duration_s"), ww_experiment_number(config, "repeats"));
    ww_experiment_print_head(result, file);
    fprintf(file, "  windows  entry: a write for each entry; self: while a write is in flight; a "
                  "time: so long at\n           most; 16KiB: until so much waits, 1 ms at most\n"
                  "  limit    a 4 KiB write at a time in each of as many processes, same mode\n");
    for (size_t i = 0; i < json_object_array_length(limits); i++)
        print_mode(result, json_object_array_get_idx(limits, i), file);
    fprintf(file, "\nAll replicas applied the same, %s entries in all.\n",
            ww_show_count(ww_experiment_number(json_object_object_get(result, "verified"),
                                               "acknowledged"),
                          a));
}

const struct ww_experiment ww_experiment_fsync = {
    WW_EXPERIMENT("fsync", .flags = flags, .takes_config = true,
                  .summary = "latency and rate of commits per durability mode and window of group "
                             "commit"),
    .run = run,
    .print = print,
};
