/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ww experiment bypass`: what going around the kernel brings. The same engine, load and durability
 * over kernel UDP sockets and over DPDK: on one machine alone (udp, memif), and over kernel
 * interfaces that join network namespaces (udp, af_packet and af_xdp over veth). The latter need
 * root; without it they are left out.
 */
#include "bench/course.h"
#include "bench/experiment.h"
#include "bench/format.h"
#include "bench/peers/system.h"
#include "bench/veth_network.h"
#include "engine/cli/local_files.h"
#include "engine/node/config_keys.h"

#include <stdlib.h>
#include <string.h>

#define ROWS 5u
#define MODES 2u
#define INFLIGHT_MAX 65536u
#define VETH_MTU 3400u /* what af_xdp takes on veth; the same for all three */
#define SIZE_MAX_BYTES 2048u

static const struct {
    const char *name, *transport;
    bool veth;
} rows[ROWS] = {
    {"udp", "udp", false},           {"memif", "memif", false},
    {"udp-veth", "udp", true},       {"af_packet-veth", "af_packet", true},
    {"af_xdp-veth", "af_xdp", true},
};
static const char *const mode_names[MODES] = {"memory", "dsync"};

static const struct ww_flag flags[] = {
    WW_EXPERIMENT_FLAGS_TIMING("1s", "200ms", "3"),
    {"transports", 0, "LIST", NULL,
     "of udp,memif,udp-veth,af_packet-veth,af_xdp-veth (default: all that this process may)"},
    {"modes", 0, "LIST", NULL, "of memory,dsync (default: both)"},
    {"inflight", 0, "LIST", "1,1024", "entries without an answer"},
    {"size", 0, "BYTES", "64B", "of an entry"},
    {"data", 0, "DIR", ".", "the logs are written below it and removed"},
    {NULL},
};

static const char *const figures[] = {"p50",          "p99",           "p999", "per_s",
                                      "nodes_cpu_us", "client_cpu_us", NULL};

struct bypass {
    struct ww_experiment_timing timing;
    struct ww_experiment_numbers inflight;
    struct ww_config config;
    uint32_t entry_bytes;
    const char *transports, *modes, *data;
    char left_out[256]; /* why there is no veth; empty: there is */
    struct ww_bench_options progress;
    uint64_t acknowledged;
    struct ww_experiment_cell cells[ROWS][MODES][WW_EXPERIMENT_LIST_MAX];
};

static bool taken(const struct bypass *bypass, uint32_t row)
{
    return ww_experiment_listed(bypass->transports, rows[row].name) &&
           !(rows[row].veth && bypass->left_out[0] != 0);
}

/* ---- measuring ---- */

static int configure(const struct bypass *bypass, uint32_t row, uint32_t mode,
                     struct ww_config *config, struct ww_error *error)
{
    *config = bypass->config;
    int status = ww_config_set(config, "net.transport", rows[row].transport, WW_ORIGIN_FLAG,
                               "--transports", error);
    if (status == WW_OK)
        status = ww_config_set(config, "wal.durability", mode_names[mode], WW_ORIGIN_FLAG,
                               "--modes", error);
    if (status == WW_OK && rows[row].veth) {
        config->mtu = VETH_MTU;
        snprintf(config->interface, sizeof(config->interface), "data");
    }
    return status;
}

static int run_loads(struct bypass *bypass, struct ww_peer_cluster *cluster, uint32_t row,
                     uint32_t mode, struct ww_error *error)
{
    int status = WW_OK;
    for (uint32_t place = 0; place < bypass->inflight.count && status == WW_OK; place++) {
        struct ww_experiment_cell *cell = &bypass->cells[row][mode][place];
        const struct ww_peer_load load = {
            .entry_bytes = bypass->entry_bytes,
            .inflight = (uint32_t)bypass->inflight.of[place],
            .warmup_ns = bypass->timing.warmup_ns,
            .duration_ns = bypass->timing.duration_ns,
        };
        struct ww_peer_figures got = {0};
        ww_progress(&bypass->progress, "run %u of %u: %s, %s, %u in flight", cell->count + 1,
                    bypass->timing.repeats, rows[row].name, mode_names[mode], load.inflight);
        status = ww_peer_whitewater.run(cluster, &load, &got, error);
        const double values[] = {got.p50,   got.p99,      got.p999,
                                 got.per_s, got.nodes_us, got.client_us};
        if (status == WW_OK)
            ww_experiment_add_run(cell, values, sizeof(values) / sizeof(values[0]));
    }
    return status;
}

static int run_cluster(struct bypass *bypass, uint32_t row, uint32_t mode, struct ww_error *error)
{
    struct ww_config config;
    struct ww_veth_network network;
    struct ww_peer_cluster cluster = {.config = &config};
    bool entered = false;
    int status = configure(bypass, row, mode, &config, error);
    if (status == WW_OK)
        status = ww_run_directory_make(bypass->data, mode != 0, cluster.directory, error);
    if (status == WW_OK && rows[row].veth) {
        status = ww_veth_network_enter(&network, WW_PEER_NODES, VETH_MTU, error);
        entered = status == WW_OK;
        cluster.namespaces = network.nodes;
    }
    if (status == WW_OK)
        status = ww_peer_whitewater.start(&cluster, error);
    if (status == WW_OK)
        status = run_loads(bypass, &cluster, row, mode, error);
    if (status == WW_OK)
        status = ww_peer_whitewater.verify(&cluster, error);
    int stopped = ww_peer_cluster_stop(&cluster, status == WW_OK ? error : NULL);
    if (entered)
        ww_veth_network_leave(&network);
    if (cluster.directory[0] != 0)
        ww_local_remove(cluster.directory);
    bypass->acknowledged += cluster.acknowledged;
    if (ww_cli_interrupted(0))
        return ww_fail(error, WW_ECLOSED, "interrupted");
    if (status == WW_OK)
        status = stopped;
    if (status != WW_OK)
        ww_fail_context(error, "%s, %s", rows[row].name, mode_names[mode]);
    return status;
}

/* Neighbours in time differ in the transport; each repeat begins with another. */
static int run_repeat(struct bypass *bypass, uint32_t repeat, struct ww_error *error)
{
    int status = WW_OK;
    for (uint32_t i = 0; i < MODES * ROWS && status == WW_OK; i++) {
        uint32_t row = (i + repeat) % ROWS, mode = i / ROWS;
        if (taken(bypass, row) && ww_experiment_listed(bypass->modes, mode_names[mode]))
            status = run_cluster(bypass, row, mode, error);
    }
    return status;
}

/* ---- the result ---- */

static void put_cells(const struct bypass *bypass, struct json_object *result)
{
    struct json_object *cells = json_object_new_array();
    for (uint32_t i = 0; i < MODES * bypass->inflight.count * ROWS; i++) {
        uint32_t row = i % ROWS, place = i / ROWS % bypass->inflight.count;
        uint32_t mode = i / ROWS / bypass->inflight.count;
        const struct ww_experiment_cell *figures_of = &bypass->cells[row][mode][place];
        if (figures_of->count == 0)
            continue;
        struct json_object *cell = json_object_new_object();
        json_object_object_add(cell, "durability", json_object_new_string(mode_names[mode]));
        json_object_object_add(cell, "inflight",
                               json_object_new_uint64(bypass->inflight.of[place]));
        json_object_object_add(cell, "transport", json_object_new_string(rows[row].name));
        ww_experiment_put_cell(cell, figures_of, figures);
        json_object_array_add(cells, cell);
    }
    json_object_object_add(result, "cells", cells);
}

static void put_plots(struct json_object *result)
{
    static const struct {
        const char *figure, *title, *label;
        double scale;
    } plots[] = {{"p50", "Commit latency, median", "p50, us", 1e-3},
                 {"per_s", "Commits a second", "commits per second", 1}};
    struct json_object *cells = json_object_object_get(result, "cells");
    for (size_t i = 0; i < sizeof(plots) / sizeof(plots[0]); i++) {
        struct json_object *series =
            ww_experiment_add_plot(result,
                                   &(struct ww_experiment_plot){plots[i].title, "entries in flight",
                                                                "log", plots[i].label, "log"});
        for (size_t at = 0; at < json_object_array_length(cells); at++) {
            struct json_object *cell = json_object_array_get_idx(cells, at);
            char name[64];
            snprintf(name, sizeof(name), "%s, %s", ww_experiment_text(cell, "transport"),
                     ww_experiment_text(cell, "durability"));
            ww_experiment_add_point(series, name, ww_experiment_number(cell, "inflight"),
                                    ww_experiment_number(cell, plots[i].figure) * plots[i].scale);
        }
    }
}

static struct json_object *result_of(const struct bypass *bypass)
{
    struct json_object *result = ww_experiment_result("bypass", bypass->data);
    struct json_object *config = json_object_new_object();
    json_object_object_add(config, "nodes", json_object_new_int(WW_PEER_NODES));
    json_object_object_add(config, "entry_bytes", json_object_new_int64(bypass->entry_bytes));
    json_object_object_add(config, "repeats", json_object_new_int64(bypass->timing.repeats));
    json_object_object_add(config, "duration_s",
                           ww_json_new_number((double)bypass->timing.duration_ns / 1e9));
    json_object_object_add(config, "veth_mtu", json_object_new_int(VETH_MTU));
    json_object_object_add(result, "config", config);
    if (bypass->left_out[0] != 0)
        json_object_object_add(result, "veth_left_out", json_object_new_string(bypass->left_out));
    json_object_object_add(result, "acknowledged", json_object_new_uint64(bypass->acknowledged));
    put_cells(bypass, result);
    put_plots(result);
    return result;
}

/* ---- the command line ---- */

static int check_lists(struct bypass *bypass, struct ww_error *error)
{
    const char *names[ROWS];
    for (uint32_t row = 0; row < ROWS; row++)
        names[row] = rows[row].name;
    int status = ww_experiment_check_list("transports", bypass->transports, names, ROWS, error);
    if (status == WW_OK)
        status = ww_experiment_check_list("modes", bypass->modes, mode_names, MODES, error);
    struct ww_error why;
    if (status != WW_OK || ww_veth_network_possible(&why) == WW_OK)
        return status;
    snprintf(bypass->left_out, sizeof(bypass->left_out), "%.250s", why.text);
    for (uint32_t row = 0; row < ROWS && bypass->transports != NULL; row++)
        if (rows[row].veth && ww_experiment_listed(bypass->transports, rows[row].name))
            return ww_fail(error, WW_EINVAL, "--transports: %s: %.250s", rows[row].name, why.text);
    return WW_OK;
}

static int read_flags(const struct ww_cli *cli, struct bypass *bypass, struct ww_error *error)
{
    uint64_t size = 0;
    int status;
    if ((status = ww_experiment_timing(cli, &bypass->timing, error)) != WW_OK ||
        (status = ww_experiment_counts(cli, "inflight", 1, INFLIGHT_MAX, &bypass->inflight,
                                       error)) != WW_OK ||
        (status = ww_cli_bytes(cli, "size", 1, SIZE_MAX_BYTES, &size, error)) != WW_OK ||
        (status = ww_cli_config(cli, &bypass->config, error)) != WW_OK)
        return status;
    bypass->entry_bytes = (uint32_t)size;
    bypass->transports = ww_cli_text(cli, "transports");
    bypass->modes = ww_cli_text(cli, "modes");
    bypass->data = ww_cli_text(cli, "data");
    bypass->progress.progress = ww_cli_progress(cli);
    return check_lists(bypass, error);
}

static int run(const struct ww_cli *cli, struct json_object **result, struct ww_error *error)
{
    struct bypass *bypass = calloc(1, sizeof(*bypass));
    if (bypass == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    int status = read_flags(cli, bypass, error);
    for (uint32_t repeat = 0; status == WW_OK && repeat < bypass->timing.repeats; repeat++)
        status = run_repeat(bypass, repeat, error);
    ww_progress_end(&bypass->progress);
    if (status == WW_OK)
        *result = result_of(bypass);
    free(bypass);
    return status;
}

/* ---- the table ---- */

static bool same_load(struct json_object *one, struct json_object *other)
{
    return strcmp(ww_experiment_text(one, "durability"), ww_experiment_text(other, "durability")) ==
               0 &&
           ww_experiment_number(one, "inflight") == ww_experiment_number(other, "inflight");
}

static void print_cell(struct json_object *cell, FILE *file)
{
    char a[32], b[32], c[32], d[32];
    fprintf(file, "  %-22s%12s%12s%12s%12s%10.3g us%10.3g us\n",
            ww_experiment_text(cell, "transport"), ww_show_ns(ww_experiment_number(cell, "p50"), a),
            ww_show_ns(ww_experiment_number(cell, "p99"), b),
            ww_show_ns(ww_experiment_number(cell, "p999"), c),
            ww_show_count(ww_experiment_number(cell, "per_s"), d),
            ww_experiment_number(cell, "nodes_cpu_us"),
            ww_experiment_number(cell, "client_cpu_us"));
}

static void print(struct json_object *result, FILE *file)
{
    struct json_object *config = json_object_object_get(result, "config");
    struct json_object *cells = json_object_object_get(result, "cells");
    char a[32];
    fprintf(file, "Bypass: %.0f nodes, %.0f B entries, %.3g s for each line, medians of %.0f\n",
            ww_experiment_number(config, "nodes"), ww_experiment_number(config, "entry_bytes"),
            ww_experiment_number(config, "duration_s"), ww_experiment_number(config, "repeats"));
    ww_experiment_print_head(result, file);
    if (json_object_object_get(result, "veth_left_out") != NULL)
        fprintf(file, "  left out what runs over veth: %s\n",
                ww_experiment_text(result, "veth_left_out"));
    for (size_t i = 0; i < json_object_array_length(cells); i++) {
        struct json_object *cell = json_object_array_get_idx(cells, i);
        char title[48];
        snprintf(title, sizeof(title), "%s, %.0f in flight", ww_experiment_text(cell, "durability"),
                 ww_experiment_number(cell, "inflight"));
        if (i == 0 || !same_load(json_object_array_get_idx(cells, i - 1), cell))
            fprintf(file, "\n%-24s%12s%12s%12s%12s%13s%13s\n", title, "p50", "p99", "p99.9",
                    "commits/s", "CPU, nodes", "CPU, client");
        print_cell(cell, file);
    }
    fprintf(file, "\nAll replicas applied the same, %s entries in all; CPU is per entry.\n",
            ww_show_count(ww_experiment_number(result, "acknowledged"), a));
}

const struct ww_experiment ww_experiment_bypass = {
    WW_EXPERIMENT("bypass", .flags = flags, .takes_config = true,
                  .summary = "the same engine over kernel sockets and around the kernel"),
    .run = run,
    .print = print,
};
