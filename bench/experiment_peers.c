/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ww experiment peers`: this engine beside the C library raft and etcd, on one machine in one run.
 * A repeat goes through the systems, each with a fresh cluster of three nodes, and each cluster
 * through the sizes and the numbers of entries in flight; the order of the systems is another in
 * each repeat. docs/peers.md says what is comparable.
 */
#include "bench/course.h"
#include "bench/experiment.h"
#include "bench/format.h"
#include "bench/peers/system.h"
#include "bench/probe_wal.h"
#include "engine/cli/local_files.h"
#include "engine/node/config_keys.h"

#include <stdlib.h>
#include <string.h>

#define SYSTEMS 3u
#define SIZE_MIN 8u
#define SIZE_LARGEST 4096u
#define INFLIGHT_MAX 65536u
#define PROBE_MAX_NS UINT64_C(500000000)
#define PROBE_LARGE_BYTES WW_MIB
#define GOAL_BEST_PEER 5 /* times its commits per second: G4 */
#define GOAL_ETCD 100
#define PREPARE_MIN_NS UINT64_C(500000000)

enum { OURS, LIBRAFT, ETCD };
static const struct ww_peer_system *const systems[SYSTEMS] = {
    [OURS] = &ww_peer_whitewater,
    [LIBRAFT] = &ww_peer_libraft,
    [ETCD] = &ww_peer_etcd,
};
static const char *const names[SYSTEMS] = {"whitewater", "libraft", "etcd"};

static const struct ww_flag flags[] = {
    WW_EXPERIMENT_FLAGS_TIMING("2s", "500ms", "5"),
    {"sizes", 0, "LIST", "64B,1KiB", "of an entry"},
    {"inflight", 0, "LIST", "1,64,1024", "entries without an answer"},
    {"systems", 0, "LIST", NULL, "of whitewater,libraft,etcd (default: all that are there)"},
    {"data", 0, "DIR", ".", "the logs are written below it and removed"},
    {NULL},
};

/* The client of libraft is in its leader, and has no account of its own. */
static const char *const figures[] = {"p50",          "p99",           "p999", "per_s",
                                      "nodes_cpu_us", "client_cpu_us", NULL};
static const char *const libraft_figures[] = {"p50", "p99", "p999", "per_s", "nodes_cpu_us", NULL};
#define PER_S 3u /* the place of that figure */
static const char *const limit_figures[] = {"p50", "p99", "bytes_per_s", NULL};

struct peers {
    struct ww_experiment_timing timing;
    struct ww_experiment_numbers sizes, inflight;
    struct ww_config config;
    const char *data;
    struct ww_bench_options progress; /* of it only whether to tell */
    bool taken[SYSTEMS];
    char left_out[SYSTEMS][256]; /* why; empty: nobody asked for it */
    char versions[SYSTEMS][32];
    uint64_t acknowledged[SYSTEMS];
    struct ww_experiment_cell limits;
    struct ww_experiment_cell cells[SYSTEMS][WW_EXPERIMENT_LIST_MAX][WW_EXPERIMENT_LIST_MAX];
    struct ww_peer_cluster cluster; /* of the system under way */
};

/* ---- measuring ---- */

static int run_loads(struct peers *peers, uint32_t which, uint32_t repeat, struct ww_error *error)
{
    const struct ww_peer_system *system = systems[which];
    int status = WW_OK;
    for (uint32_t i = 0; i < peers->sizes.count * peers->inflight.count && status == WW_OK; i++) {
        uint32_t size = i / peers->inflight.count, place = i % peers->inflight.count;
        const struct ww_peer_load load = {
            .entry_bytes = (uint32_t)peers->sizes.of[size],
            .inflight = (uint32_t)peers->inflight.of[place],
            .warmup_ns = peers->timing.warmup_ns,
            .duration_ns = peers->timing.duration_ns,
        };
        struct ww_peer_figures got = {0};
        ww_progress(&peers->progress, "run %u of %u: %s, %u B, %u in flight", repeat + 1,
                    peers->timing.repeats, names[which], load.entry_bytes, load.inflight);
        status = system->run(&peers->cluster, &load, &got, error);
        const double values[] = {got.p50,   got.p99,      got.p999,
                                 got.per_s, got.nodes_us, got.client_us};
        if (status == WW_OK)
            ww_experiment_add_run(&peers->cells[which][size][place], values,
                                  sizeof(values) / sizeof(values[0]));
    }
    return status;
}

static int run_system(struct peers *peers, uint32_t which, uint32_t repeat, struct ww_error *error)
{
    const struct ww_peer_system *system = systems[which];
    struct ww_peer_cluster *cluster = &peers->cluster;
    *cluster = (struct ww_peer_cluster){.config = &peers->config};
    int status = ww_run_directory_make(peers->data, true, cluster->directory, error);
    ww_progress(&peers->progress, "run %u of %u: starting %s", repeat + 1, peers->timing.repeats,
                names[which]);
    if (status == WW_OK)
        status = system->start(cluster, error);
    if (status == WW_OK)
        status = run_loads(peers, which, repeat, error);
    if (status == WW_OK)
        status = system->verify(cluster, error);
    int stopped = ww_peer_cluster_stop(cluster, status == WW_OK ? error : NULL);
    if (cluster->directory[0] != 0)
        ww_local_remove(cluster->directory);
    memcpy(peers->versions[which], cluster->version, sizeof(cluster->version));
    peers->acknowledged[which] += cluster->acknowledged;
    if (ww_cli_interrupted(0))
        return ww_fail(error, WW_ECLOSED, "interrupted");
    if (status == WW_OK)
        status = stopped;
    if (status != WW_OK)
        ww_fail_context(error, "%s", names[which]);
    return status;
}

/* What the disk can do for as many writers: small writes one at a time, and large ones. */
static int measure_limit(struct peers *peers, struct ww_error *error)
{
    char directory[WW_RUN_DIRECTORY_MAX];
    struct ww_probe_wal_options probe;
    struct ww_probe_wal_result small, large;
    int status = ww_run_directory_make(peers->data, true, directory, error);
    if (status != WW_OK)
        return status;
    ww_probe_wal_options_init(&probe);
    probe.directory = directory;
    probe.writers = WW_PEER_NODES;
    probe.duration_ns =
        peers->timing.duration_ns < PROBE_MAX_NS ? peers->timing.duration_ns : PROBE_MAX_NS;
    status = ww_probe_wal(&probe, &small, error);
    probe.size_bytes = PROBE_LARGE_BYTES;
    if (status == WW_OK)
        status = ww_probe_wal(&probe, &large, error);
    ww_local_remove(directory);
    if (status != WW_OK)
        return status;
    const double values[] = {
        (double)ww_histogram_quantile(&small.latency, 0.5),
        (double)ww_histogram_quantile(&small.latency, 0.99),
        (double)large.bytes * 1e9 / (double)large.elapsed_ns,
    };
    ww_experiment_add_run(&peers->limits, values, sizeof(values) / sizeof(values[0]));
    return WW_OK;
}

static int run_repeat(struct peers *peers, uint32_t repeat, struct ww_error *error)
{
    int status = measure_limit(peers, error);
    for (uint32_t i = 0; i < SYSTEMS && status == WW_OK; i++) {
        uint32_t which = (i + repeat) % SYSTEMS;
        if (peers->taken[which])
            status = run_system(peers, which, repeat, error);
    }
    return status;
}

/* ---- the result ---- */

/* How many times the rate of the best of the others, of the same repeat. */
static struct json_object *new_ratio(const struct peers *peers, uint32_t size, uint32_t place)
{
    const char *wanted[SYSTEMS + 1] = {NULL};
    struct ww_experiment_cell ratio = {.count = peers->timing.repeats};
    const struct ww_experiment_cell *ours = &peers->cells[OURS][size][place];
    uint32_t count = 0;
    for (uint32_t which = LIBRAFT; which < SYSTEMS; which++) {
        if (!peers->taken[which])
            continue;
        wanted[count] = which == ETCD ? "over_etcd" : "over_libraft";
        for (uint32_t i = 0; i < ratio.count; i++)
            ratio.values[i][count] =
                ours->values[i][PER_S] / peers->cells[which][size][place].values[i][PER_S];
        count++;
    }
    wanted[count] = "over_best_peer";
    for (uint32_t i = 0; i < ratio.count; i++)
        ratio.values[i][count] = count == 1 || ratio.values[i][0] < ratio.values[i][1]
                                     ? ratio.values[i][0]
                                     : ratio.values[i][1];
    struct json_object *json = json_object_new_object();
    json_object_object_add(json, "entry_bytes", json_object_new_uint64(peers->sizes.of[size]));
    json_object_object_add(json, "inflight", json_object_new_uint64(peers->inflight.of[place]));
    ww_experiment_put_cell(json, &ratio, wanted);
    return json;
}

static struct json_object *new_cell(const struct peers *peers, uint32_t which, uint32_t size,
                                    uint32_t place)
{
    struct json_object *cell = json_object_new_object();
    json_object_object_add(cell, "entry_bytes", json_object_new_uint64(peers->sizes.of[size]));
    json_object_object_add(cell, "inflight", json_object_new_uint64(peers->inflight.of[place]));
    json_object_object_add(cell, "system", json_object_new_string(names[which]));
    ww_experiment_put_cell(cell, &peers->cells[which][size][place],
                           which == LIBRAFT ? libraft_figures : figures);
    return cell;
}

static void put_cells(const struct peers *peers, struct json_object *result)
{
    struct json_object *cells = json_object_new_array(), *ratios = json_object_new_array();
    bool compared = peers->taken[OURS] && (peers->taken[LIBRAFT] || peers->taken[ETCD]);
    for (uint32_t size = 0; size < peers->sizes.count; size++) {
        for (uint32_t place = 0; place < peers->inflight.count; place++) {
            for (uint32_t which = 0; which < SYSTEMS; which++)
                if (peers->taken[which])
                    json_object_array_add(cells, new_cell(peers, which, size, place));
            if (compared)
                json_object_array_add(ratios, new_ratio(peers, size, place));
        }
    }
    json_object_object_add(result, "cells", cells);
    if (compared)
        json_object_object_add(result, "ratios", ratios);
    else
        json_object_put(ratios);
}

static void put_systems(const struct peers *peers, struct json_object *result)
{
    struct json_object *list = json_object_new_array();
    for (uint32_t which = 0; which < SYSTEMS; which++) {
        struct json_object *system = json_object_new_object();
        if (!peers->taken[which] && peers->left_out[which][0] == 0) {
            json_object_put(system);
            continue;
        }
        json_object_object_add(system, "system", json_object_new_string(names[which]));
        if (peers->taken[which]) {
            json_object_object_add(system, "version",
                                   json_object_new_string(peers->versions[which]));
            json_object_object_add(system, "acknowledged",
                                   json_object_new_uint64(peers->acknowledged[which]));
        } else {
            json_object_object_add(system, "left_out",
                                   json_object_new_string(peers->left_out[which]));
        }
        json_object_array_add(list, system);
    }
    json_object_object_add(result, "systems", list);
}

static void put_plots(const struct peers *peers, struct json_object *result)
{
    static const struct {
        const char *figure, *title, *label;
        double scale;
    } plots[] = {{"per_s", "Commits a second", "commits per second", 1},
                 {"p50", "Latency, median", "p50, us", 1e-3},
                 {"p99", "Latency, 99th percentile", "p99, us", 1e-3},
                 {"nodes_cpu_us", "Processor time of all nodes", "us per entry", 1}};
    struct json_object *cells = json_object_object_get(result, "cells");
    for (uint32_t size = 0; size < peers->sizes.count; size++) {
        for (size_t i = 0; i < sizeof(plots) / sizeof(plots[0]); i++) {
            char title[96];
            snprintf(title, sizeof(title), "%s, entries of %lu B", plots[i].title,
                     peers->sizes.of[size]);
            struct json_object *series =
                ww_experiment_add_plot(result,
                                       &(struct ww_experiment_plot){title, "entries in flight",
                                                                    "log", plots[i].label, "log"});
            for (size_t at = 0; at < json_object_array_length(cells); at++) {
                struct json_object *cell = json_object_array_get_idx(cells, at);
                if (ww_experiment_number(cell, "entry_bytes") == (double)peers->sizes.of[size])
                    ww_experiment_add_point(series, ww_experiment_text(cell, "system"),
                                            ww_experiment_number(cell, "inflight"),
                                            ww_experiment_number(cell, plots[i].figure) *
                                                plots[i].scale);
            }
        }
    }
}

static void put_key(struct json_object *to, const struct peers *peers, const char *name,
                    const char *key)
{
    char text[32];
    json_object_object_add(to, name,
                           json_object_new_string(ww_config_get(&peers->config,
                                                                ww_config_key_find(key), text,
                                                                sizeof(text))));
}

static struct json_object *result_of(const struct peers *peers)
{
    struct json_object *result = ww_experiment_result("peers", peers->data);
    struct json_object *config = json_object_new_object(), *limits = json_object_new_object();
    json_object_object_add(config, "nodes", json_object_new_int(WW_PEER_NODES));
    put_key(config, peers, "durability", "wal.durability");
    put_key(config, peers, "transport", "net.transport");
    json_object_object_add(config, "groups", json_object_new_int64(peers->config.groups));
    json_object_object_add(config, "repeats", json_object_new_int64(peers->timing.repeats));
    json_object_object_add(config, "warmup_s",
                           ww_json_new_number((double)peers->timing.warmup_ns / 1e9));
    json_object_object_add(config, "duration_s",
                           ww_json_new_number((double)peers->timing.duration_ns / 1e9));
    ww_experiment_put_cell(limits, &peers->limits, limit_figures);
    json_object_object_add(result, "config", config);
    json_object_object_add(result, "limits", limits);
    put_systems(peers, result);
    put_cells(peers, result);
    put_plots(peers, result);
    return result;
}

/* ---- the command line ---- */

static int choose_systems(const struct ww_cli *cli, struct peers *peers, struct ww_error *error)
{
    const char *list = ww_cli_text(cli, "systems");
    int status = ww_experiment_check_list("systems", list, names, SYSTEMS, error);
    for (uint32_t which = 0; which < SYSTEMS && status == WW_OK; which++) {
        struct ww_error why;
        if (!ww_experiment_listed(list, names[which]))
            continue;
        peers->taken[which] = systems[which]->find(&why) == WW_OK;
        if (peers->taken[which])
            continue;
        snprintf(peers->left_out[which], sizeof(peers->left_out[which]), "%.250s", why.text);
        if (list != NULL) /* it was asked for by its name */
            status = ww_fail(error, WW_EINVAL, "--systems: %s: %.250s", names[which], why.text);
    }
    return status;
}

static int read_flags(const struct ww_cli *cli, struct peers *peers, struct ww_error *error)
{
    const struct ww_config_key *prepare = ww_config_key_find("wal.prepare");
    int status;
    if ((status = ww_experiment_timing(cli, &peers->timing, error)) != WW_OK ||
        (status = ww_experiment_sizes(cli, "sizes", SIZE_MIN, SIZE_LARGEST, &peers->sizes,
                                      error)) != WW_OK ||
        (status = ww_experiment_counts(cli, "inflight", 1, INFLIGHT_MAX, &peers->inflight,
                                       error)) != WW_OK ||
        (status = ww_cli_config(cli, &peers->config, error)) != WW_OK ||
        (status = choose_systems(cli, peers, error)) != WW_OK)
        return status;
    if (peers->config.durability == WW_CONFIG_MEMORY)
        return ww_fail(error, WW_EINVAL,
                       "--wal.durability memory: the peers write to the disk, and so must ours");
    peers->data = ww_cli_text(cli, "data");
    peers->progress.progress = ww_cli_progress(cli);
    /* As ww bench: enough log is written ahead that the measured phases pay for no zeroing. */
    if (ww_config_origin_of(&peers->config, prepare) == WW_ORIGIN_DEFAULT &&
        peers->timing.duration_ns >= PREPARE_MIN_NS)
        peers->config.prepare_bytes = WW_BENCH_PREPARE_BYTES;
    return WW_OK;
}

static int run(const struct ww_cli *cli, struct json_object **result, struct ww_error *error)
{
    struct peers *peers = calloc(1, sizeof(*peers));
    if (peers == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    int status = read_flags(cli, peers, error);
    for (uint32_t repeat = 0; status == WW_OK && repeat < peers->timing.repeats; repeat++)
        status = run_repeat(peers, repeat, error);
    ww_progress_end(&peers->progress);
    if (status == WW_OK)
        *result = result_of(peers);
    free(peers);
    return status;
}

/* ---- the table ---- */

static void print_time(struct json_object *cell, const char *key, FILE *file)
{
    if (json_object_object_get(cell, key) != NULL)
        fprintf(file, "%10.3g us", ww_experiment_number(cell, key));
    else
        fprintf(file, "%13s", "-");
}

static void print_cell(struct json_object *cell, FILE *file)
{
    char a[32], b[32], c[32], d[32];
    fprintf(file, "  %-22s%12s%12s%12s%12s", ww_experiment_text(cell, "system"),
            ww_show_count(ww_experiment_number(cell, "per_s"), a),
            ww_show_ns(ww_experiment_number(cell, "p50"), b),
            ww_show_ns(ww_experiment_number(cell, "p99"), c),
            ww_show_ns(ww_experiment_number(cell, "p999"), d));
    print_time(cell, "nodes_cpu_us", file);
    print_time(cell, "client_cpu_us", file);
    fprintf(file, "\n");
}

static bool same_load(struct json_object *one, struct json_object *other)
{
    return ww_experiment_number(one, "entry_bytes") == ww_experiment_number(other, "entry_bytes") &&
           ww_experiment_number(one, "inflight") == ww_experiment_number(other, "inflight");
}

static void print_ratio(struct json_object *result, struct json_object *cell, FILE *file)
{
    struct json_object *ratios = json_object_object_get(result, "ratios");
    for (size_t i = 0; ratios != NULL && i < json_object_array_length(ratios); i++) {
        struct json_object *ratio = json_object_array_get_idx(ratios, i);
        if (!same_load(ratio, cell))
            continue;
        fprintf(file, "  ours is %.3g times the best peer (goal %d)",
                ww_experiment_number(ratio, "over_best_peer"), GOAL_BEST_PEER);
        if (json_object_object_get(ratio, "over_etcd") != NULL)
            fprintf(file, ", %.3g times etcd (goal %d)", ww_experiment_number(ratio, "over_etcd"),
                    GOAL_ETCD);
        fprintf(file, "\n");
    }
}

static void print_systems(struct json_object *result, FILE *file)
{
    struct json_object *list = json_object_object_get(result, "systems");
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *system = json_object_array_get_idx(list, i);
        char a[32];
        fprintf(file, "  %-9s", i == 0 ? "systems" : "");
        if (json_object_object_get(system, "left_out") != NULL)
            fprintf(file, "%s is left out: %s\n", ww_experiment_text(system, "system"),
                    ww_experiment_text(system, "left_out"));
        else
            fprintf(file, "%s %s: every node applied all %s acknowledged entries\n",
                    ww_experiment_text(system, "system"), ww_experiment_text(system, "version"),
                    ww_show_count(ww_experiment_number(system, "acknowledged"), a));
    }
}

static void print(struct json_object *result, FILE *file)
{
    struct json_object *config = json_object_object_get(result, "config");
    struct json_object *limits = json_object_object_get(result, "limits");
    struct json_object *cells = json_object_object_get(result, "cells");
    char a[32], b[32], c[32];
    fprintf(file, "Peers: %.0f nodes each, durable, %.3g s for each line, medians of %.0f\n",
            ww_experiment_number(config, "nodes"), ww_experiment_number(config, "duration_s"),
            ww_experiment_number(config, "repeats"));
    ww_experiment_print_head(result, file);
    fprintf(file,
            "  limit    a 4 KiB write at a time by three writers: p50 %s, p99 %s; 1 MiB: %s/s\n",
            ww_show_ns(ww_experiment_number(limits, "p50"), a),
            ww_show_ns(ww_experiment_number(limits, "p99"), b),
            ww_show_bytes(ww_experiment_number(limits, "bytes_per_s"), c));
    fprintf(file, "  ours     %s over %s, %.0f group(s)\n",
            ww_experiment_text(config, "durability"), ww_experiment_text(config, "transport"),
            ww_experiment_number(config, "groups"));
    print_systems(result, file);
    for (size_t i = 0; i < json_object_array_length(cells); i++) {
        struct json_object *cell = json_object_array_get_idx(cells, i);
        struct json_object *next = json_object_array_get_idx(cells, i + 1);
        char title[48];
        snprintf(title, sizeof(title), "%.0f B, %.0f in flight",
                 ww_experiment_number(cell, "entry_bytes"), ww_experiment_number(cell, "inflight"));
        if (i == 0 || !same_load(json_object_array_get_idx(cells, i - 1), cell))
            fprintf(file, "\n%-24s%12s%12s%12s%12s%13s%13s\n", title, "commits/s", "p50", "p99",
                    "p99.9", "CPU, nodes", "CPU, client");
        print_cell(cell, file);
        if (next == NULL || !same_load(next, cell))
            print_ratio(result, cell, file);
    }
    fprintf(file, "\nCPU is processor time per entry; the client of libraft is in its leader.\n");
}

const struct ww_experiment ww_experiment_peers = {
    WW_EXPERIMENT("peers", .flags = flags, .takes_config = true,
                  .summary = "this engine beside the C library raft and etcd, all durable"),
    .run = run,
    .print = print,
};
