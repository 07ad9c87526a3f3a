/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ww experiment heartbeats`: how many groups a core can keep alive, and how long a heartbeat
 * takes, when those of many groups share a datagram, by its size and by a window of time.
 */
#include "bench/course.h"
#include "bench/experiment.h"
#include "bench/format.h"
#include "bench/heartbeats.h"
#include "bench/run_directory.h"
#include "engine/cli/local_files.h"

#include <stdlib.h>
#include <string.h>

#define LOAD_PERCENT 80u /* of what the first size holds: the load of the latencies */
#define GROUPS_MIN 256u  /* as many are on the way at a time */
#define SECOND_NS UINT64_C(1000000000)
#define CELLS_MAX (WW_EXPERIMENT_LIST_MAX * WW_EXPERIMENT_LIST_MAX)

_Static_assert(2 * CELLS_MAX <= WW_HEARTBEATS_RUNS_MAX, "each cell is two runs");

static const struct ww_flag flags[] = {
    WW_EXPERIMENT_FLAGS_TIMING("200ms", "50ms", "3"),
    {"sizes", 0, "LIST", "1,4,8,32", "heartbeats in a datagram, at most"},
    {"windows", 0, "LIST", "0us,100us,1ms", "how long the first one waits for others"},
    {"groups", 0, "N", "1024", "cores in each of the two processes"},
    {"interval", 0, "T", "100ms", "between two heartbeats of a group that is held"},
    {"transports", 0, "LIST", NULL, "of memif,udp: shared memory, kernel sockets (default: all)"},
    {NULL},
};

static const char *const figures[] = {
    "groups_held", "leader_ns", "follower_ns", "answered_per_s", "heartbeats_per_datagram",
    "p50",         "p99",       "p999",        "lost",           NULL};

#define TRANSPORTS 2u

static const char *const transports[TRANSPORTS] = {"memif", "udp"};
static const enum ww_net_kind kinds[TRANSPORTS] = {WW_NET_MEMIF, WW_NET_UDP};

struct cell {
    uint32_t size;
    uint64_t window_ns;
    struct ww_experiment_cell runs[TRANSPORTS];
};

struct setup {
    struct ww_experiment_timing timing;
    uint64_t groups, interval_ns;
    const char *transports; /* a list; NULL: all */
    struct cell cells[CELLS_MAX];
    uint32_t cell_count;
    struct ww_heartbeats_run runs[WW_HEARTBEATS_RUNS_MAX];
    struct ww_bench_options bench; /* for the progress */
};

/* What every cell holds, and then its latency at one load for all. Another cell begins in each
 * repeat. */
static void plan(struct setup *setup, uint32_t repeat)
{
    uint32_t count = setup->cell_count, base = (count - repeat % count) % count;
    for (uint32_t i = 0; i < count; i++) {
        const struct cell *cell = &setup->cells[(i + repeat) % count];
        setup->runs[i] = (struct ww_heartbeats_run){cell->size, cell->window_ns, 0, 0};
        setup->runs[count + i] =
            (struct ww_heartbeats_run){cell->size, cell->window_ns, LOAD_PERCENT, base};
    }
}

static void take(const struct setup *setup, struct ww_experiment_cell *cell,
                 const struct ww_heartbeats_result *capacity,
                 const struct ww_heartbeats_result *loaded)
{
    double answered = (double)capacity->answered;
    double leader_ns = (double)capacity->leaders_ns / answered;
    const double values[] = {
        (double)setup->interval_ns / leader_ns,
        leader_ns,
        (double)capacity->followers_ns / answered,
        answered * 1e9 / (double)capacity->elapsed_ns,
        loaded->datagrams > 0 ? (double)loaded->sent / (double)loaded->datagrams : 0,
        (double)ww_histogram_quantile(&loaded->latency, 0.5),
        (double)ww_histogram_quantile(&loaded->latency, 0.99),
        (double)ww_histogram_quantile(&loaded->latency, 0.999),
        (double)(capacity->lost + loaded->lost),
    };
    ww_experiment_add_run(cell, values, sizeof(values) / sizeof(values[0]));
}

static int run_transport(struct setup *setup, uint32_t transport, uint32_t repeat,
                         const char *directory, struct ww_error *error)
{
    uint32_t count = setup->cell_count;
    struct ww_heartbeats_options options = {
        .kind = kinds[transport],
        .directory = directory,
        .groups = (uint32_t)setup->groups,
        .warmup_ns = setup->timing.warmup_ns,
        .duration_ns = setup->timing.duration_ns,
        .runs = setup->runs,
        .run_count = 2 * count,
    };
    struct ww_heartbeats_result *results = calloc(options.run_count, sizeof(*results));
    if (results == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    plan(setup, repeat);
    ww_progress(&setup->bench, "run %u of %u: %s, %u ways to send", repeat + 1,
                setup->timing.repeats, transports[transport], count);
    int status = WW_OK;
    if (options.kind == WW_NET_UDP)
        status = ww_local_take_ports(true, 0, options.udp_ports, 2, error);
    if (status == WW_OK)
        status = ww_heartbeats_run(&options, ww_cli_interrupted, results, error);
    for (uint32_t i = 0; i < count && status == WW_OK; i++)
        take(setup, &setup->cells[(i + repeat) % count].runs[transport], &results[i],
             &results[count + i]);
    free(results);
    return status;
}

static int run_repeats(struct setup *setup, const char *directory, struct ww_error *error)
{
    int status = WW_OK;
    for (uint32_t repeat = 0; repeat < setup->timing.repeats; repeat++)
        for (uint32_t i = 0; i < TRANSPORTS && status == WW_OK; i++)
            if (ww_experiment_listed(setup->transports, transports[i]))
                status = run_transport(setup, i, repeat, directory, error);
    ww_progress_end(&setup->bench);
    return status;
}

/* ---- the result ---- */

static void plot(struct json_object *result, struct json_object *cells)
{
    static const struct {
        const char *figure, *title, *unit;
        double scale;
    } plots[] = {
        {"groups_held", "Groups held by a core", "groups", 1},
        {"p50", "From due to answered, p50, at one load", "microseconds", 1e3},
        {"p99", "From due to answered, p99, at one load", "microseconds", 1e3},
    };
    for (size_t k = 0; k < sizeof(plots) / sizeof(plots[0]); k++) {
        struct json_object *series =
            ww_experiment_add_plot(result,
                                   &(struct ww_experiment_plot){plots[k].title,
                                                                "heartbeats in a datagram, at most",
                                                                "log", plots[k].unit, "log"});
        for (size_t i = 0; i < json_object_array_length(cells); i++) {
            struct json_object *cell = json_object_array_get_idx(cells, i);
            char window[32], name[64];
            snprintf(name, sizeof(name), "%s, %s", ww_experiment_text(cell, "transport"),
                     ww_show_ns(ww_experiment_number(cell, "window_ns"), window));
            ww_experiment_add_point(series, name, ww_experiment_number(cell, "size"),
                                    ww_experiment_number(cell, plots[k].figure) / plots[k].scale);
        }
    }
}

static void put_cells(const struct setup *setup, uint32_t transport, struct json_object *list)
{
    for (uint32_t i = 0; i < setup->cell_count; i++) {
        const struct cell *cell = &setup->cells[i];
        struct json_object *json = json_object_new_object();
        ww_json_put_text(json, "transport", transports[transport]);
        ww_json_put_count(json, "size", cell->size);
        ww_json_put_count(json, "window_ns", cell->window_ns);
        ww_experiment_put_cell(json, &cell->runs[transport], figures);
        json_object_array_add(list, json);
    }
}

static struct json_object *result_of(const struct setup *setup)
{
    struct json_object *result = ww_experiment_result("heartbeats", "/");
    struct json_object *config = json_object_new_object(), *list = json_object_new_array();
    ww_json_put_count(config, "groups", setup->groups);
    ww_json_put_count(config, "interval_ns", setup->interval_ns);
    ww_json_put_count(config, "load_percent", LOAD_PERCENT);
    ww_json_put_count(config, "repeats", setup->timing.repeats);
    ww_json_put_number(config, "duration_s", (double)setup->timing.duration_ns / 1e9);
    for (uint32_t i = 0; i < TRANSPORTS; i++)
        if (ww_experiment_listed(setup->transports, transports[i]))
            put_cells(setup, i, list);
    json_object_object_add(result, "config", config);
    json_object_object_add(result, "cells", list);
    plot(result, list);
    return result;
}

/* ---- the run ---- */

static int read_flags(const struct ww_cli *cli, struct setup *setup, struct ww_error *error)
{
    struct ww_experiment_numbers sizes, windows;
    int status = ww_experiment_timing(cli, &setup->timing, error);
    if (status == WW_OK)
        status = ww_experiment_counts(cli, "sizes", 1, WW_MESSAGES_PER_DATAGRAM, &sizes, error);
    if (status == WW_OK)
        status = ww_experiment_durations(cli, "windows", 0, SECOND_NS / 100, &windows, error);
    if (status == WW_OK)
        status = ww_cli_count(cli, "groups", GROUPS_MIN, WW_HEARTBEATS_GROUPS_MAX, &setup->groups,
                              error);
    if (status == WW_OK)
        status = ww_cli_duration(cli, "interval", SECOND_NS / 1000, 100 * SECOND_NS,
                                 &setup->interval_ns, error);
    if (status == WW_OK)
        status = ww_experiment_check_list("transports", ww_cli_text(cli, "transports"), transports,
                                          TRANSPORTS, error);
    if (status != WW_OK)
        return status;
    setup->transports = ww_cli_text(cli, "transports");
    setup->bench.progress = ww_cli_progress(cli);
    for (uint32_t s = 0; s < sizes.count; s++)
        for (uint32_t w = 0; w < windows.count; w++) /* one alone waits for nobody */
            if (sizes.of[s] > 1 || w == 0)
                setup->cells[setup->cell_count++] =
                    (struct cell){.size = (uint32_t)sizes.of[s], .window_ns = windows.of[w]};
    return WW_OK;
}

static int run(const struct ww_cli *cli, struct json_object **result, struct ww_error *error)
{
    struct setup *setup = calloc(1, sizeof(*setup));
    char directory[WW_RUN_DIRECTORY_MAX] = "";
    if (setup == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    int status = read_flags(cli, setup, error);
    if (status == WW_OK) /* of the sockets */
        status = ww_local_open_directory(NULL, 0, directory, sizeof(directory), error);
    if (status == WW_OK)
        status = run_repeats(setup, directory, error);
    if (directory[0] != 0)
        ww_local_remove(directory);
    if (status == WW_OK)
        *result = result_of(setup);
    free(setup);
    return status;
}

/* ---- the table ---- */

static void print_cell(struct json_object *cell, double first, FILE *file)
{
    double held = ww_experiment_number(cell, "groups_held");
    char a[32], b[32], c[32], d[32], e[32], f[32], g[32];
    fprintf(file, "%7.0f  %-8s%12s%6.2fx%9s%9s%12.1f%10s%10s%10s\n",
            ww_experiment_number(cell, "size"),
            ww_show_ns(ww_experiment_number(cell, "window_ns"), a), ww_show_count(held, b),
            held / first, ww_show_ns(ww_experiment_number(cell, "leader_ns"), c),
            ww_show_ns(ww_experiment_number(cell, "follower_ns"), d),
            ww_experiment_number(cell, "heartbeats_per_datagram"),
            ww_show_ns(ww_experiment_number(cell, "p50"), e),
            ww_show_ns(ww_experiment_number(cell, "p99"), f),
            ww_show_ns(ww_experiment_number(cell, "p999"), g));
}

static void print(struct json_object *result, FILE *file)
{
    struct json_object *config = json_object_object_get(result, "config");
    struct json_object *cells = json_object_object_get(result, "cells");
    const char *transport = "";
    double first = 0;
    char a[32];
    fprintf(file, "Heartbeats of many groups: %.3g s for each cell, medians of %.0f\n",
            ww_experiment_number(config, "duration_s"), ww_experiment_number(config, "repeats"));
    ww_experiment_print_head(result, file);
    for (size_t i = 0; i < json_object_array_length(cells); i++) {
        struct json_object *cell = json_object_array_get_idx(cells, i);
        if (strcmp(transport, ww_experiment_text(cell, "transport")) != 0) {
            transport = ww_experiment_text(cell, "transport");
            first = ww_experiment_number(cell, "groups_held");
            fprintf(file, "\n%s\n%7s  %-8s%12s%7s%9s%9s%12s%10s%10s%10s\n", transport, "at most",
                    "window", "groups held", "", "leader", "follower", "in datagram", "lat. p50",
                    "p99", "p99.9");
        }
        print_cell(cell, first, file);
    }
    fprintf(
        file,
        "\n  leader, follower: processor time of a heartbeat and its answer, saturated; groups\n"
        "  held: by a core that does only this, a heartbeat in %s for each; in datagram, lat.:\n"
        "  at %.0f %% of what the two processes reach in the first line, for all of them\n",
        ww_show_ns(ww_experiment_number(config, "interval_ns"), a),
        ww_experiment_number(config, "load_percent"));
}

const struct ww_experiment ww_experiment_heartbeats = {
    WW_EXPERIMENT("heartbeats", .flags = flags,
                  .summary = "groups held per core and latency: one datagram each, or shared ones"),
    .run = run,
    .print = print,
};
