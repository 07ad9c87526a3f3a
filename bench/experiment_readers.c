/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ww experiment log-readers`: what readers of the log cost its writer, under a mutex, a
 * reader-writer lock, and as the engine does it. The same appends, at fixed times, with nobody
 * reading, with one read per append (50/50) and with four (80/20).
 */
#include "bench/course.h"
#include "bench/experiment.h"
#include "bench/format.h"
#include "bench/log_readers.h"

#include <stdlib.h>
#include <unistd.h>

#define MIXES 3u

static const char *const design_names[WW_LOG_DESIGNS] = {
    [WW_LOG_MUTEX] = "mutex",
    [WW_LOG_RWLOCK] = "rwlock",
    [WW_LOG_OWNED] = "lock-free",
};

static const struct {
    const char *name;
    uint32_t cursors;
} mixes[MIXES] = {{"no reader", 0}, {"50/50", 1}, {"80/20", 4}};

static const struct ww_flag flags[] = {
    WW_EXPERIMENT_FLAGS_TIMING("1s", "200ms", "3"),
    {"size", 0, "BYTES", "1KiB", "of an entry"},
    {"readers", 0, "N", NULL, "reading threads (default: all cores but one)"},
    {"rate", 0, "R", "100k", "appends per second"},
    {NULL},
};

struct setup {
    struct ww_experiment_timing timing;
    uint64_t rate, size, readers;
};

static const char *const figures[] = {"p50",         "p99",      "p999",      "max",
                                      "took_p50",    "took_p99", "took_p999", "appends_per_s",
                                      "reads_per_s", "skipped",  "refused",   NULL};

static int run_cell(const struct setup *setup, enum ww_log_design design, uint32_t mix,
                    struct ww_experiment_cell *cell, struct ww_error *error)
{
    const struct ww_log_readers_options run = {
        .design = design,
        .cursors = mixes[mix].cursors,
        .threads = (uint32_t)setup->readers,
        .entry_bytes = (uint32_t)setup->size,
        .rate = setup->rate,
        .warmup_ns = setup->timing.warmup_ns,
        .duration_ns = setup->timing.duration_ns,
    };
    struct ww_log_readers_result *result = malloc(sizeof(*result));
    if (result == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    int status = ww_log_readers_run(&run, ww_cli_interrupted, result, error);
    if (status == WW_OK && result->appends == 0)
        status = ww_fail(error, WW_EIO, "nothing was appended in the measured phase");
    double seconds = (double)result->elapsed_ns / 1e9;
    const struct ww_histogram *latency = &result->latency, *took = &result->took;
    const double values[] = {
        (double)ww_histogram_quantile(latency, 0.5),
        (double)ww_histogram_quantile(latency, 0.99),
        (double)ww_histogram_quantile(latency, 0.999),
        (double)latency->max,
        (double)ww_histogram_quantile(took, 0.5),
        (double)ww_histogram_quantile(took, 0.99),
        (double)ww_histogram_quantile(took, 0.999),
        (double)result->appends / seconds,
        (double)result->reads / seconds,
        (double)result->skipped,
        (double)result->refused,
    };
    ww_experiment_add_run(cell, values, sizeof(values) / sizeof(values[0]));
    free(result);
    return status;
}

typedef struct ww_experiment_cell cells_of_designs[WW_LOG_DESIGNS][MIXES];

static void plot(struct json_object *result, struct json_object *cells)
{
    struct json_object *series =
        ww_experiment_add_plot(result,
                               &(struct ww_experiment_plot){"An append, p99", "reads per append",
                                                            "linear", "microseconds", "log"});
    for (size_t i = 0; i < json_object_array_length(cells); i++) {
        struct json_object *cell = json_object_array_get_idx(cells, i);
        uint32_t reads = mixes[i / WW_LOG_DESIGNS].cursors;
        ww_experiment_add_point(series, ww_experiment_text(cell, "design"), reads,
                                ww_experiment_number(cell, "took_p99") / 1e3);
    }
}

static struct json_object *result_of(const struct setup *setup, cells_of_designs cells)
{
    struct json_object *result = ww_experiment_result("log-readers", "/");
    struct json_object *config = json_object_new_object(), *list = json_object_new_array();
    ww_json_put_count(config, "entry_bytes", setup->size);
    ww_json_put_count(config, "rate", setup->rate);
    ww_json_put_count(config, "readers", setup->readers);
    ww_json_put_count(config, "repeats", setup->timing.repeats);
    json_object_object_add(config, "duration_s",
                           json_object_new_double((double)setup->timing.duration_ns / 1e9));
    for (uint32_t mix = 0; mix < MIXES; mix++) {
        for (uint32_t design = 0; design < WW_LOG_DESIGNS; design++) {
            struct json_object *cell = json_object_new_object();
            ww_json_put_text(cell, "mix", mixes[mix].name);
            ww_json_put_text(cell, "design", design_names[design]);
            ww_experiment_put_cell(cell, &cells[design][mix], figures);
            json_object_array_add(list, cell);
        }
    }
    json_object_object_add(result, "config", config);
    json_object_object_add(result, "cells", list);
    plot(result, list);
    return result;
}

static int read_flags(const struct ww_cli *cli, struct setup *setup, struct ww_error *error)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int status = ww_experiment_timing(cli, &setup->timing, error);
    setup->readers = cores > 1 ? (uint64_t)cores - 1 : 1;
    if (status == WW_OK)
        status = ww_cli_bytes(cli, "size", 1, WW_ENTRY_MAX(WW_MTU_DEFAULT), &setup->size, error);
    if (status == WW_OK)
        status = ww_cli_count(cli, "rate", 1, 100000000, &setup->rate, error);
    if (status == WW_OK && ww_cli_given(cli, "readers"))
        status = ww_cli_count(cli, "readers", 1, 64, &setup->readers, error);
    return status;
}

static int run(const struct ww_cli *cli, struct json_object **result, struct ww_error *error)
{
    const struct ww_bench_options bench = {.progress = ww_cli_progress(cli)};
    struct setup setup;
    int status = read_flags(cli, &setup, error);
    if (status != WW_OK)
        return status;
    struct ww_experiment_cell(*cells)[MIXES] = calloc(WW_LOG_DESIGNS, sizeof(*cells));
    if (cells == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    for (uint32_t repeat = 0; repeat < setup.timing.repeats && status == WW_OK; repeat++) {
        for (uint32_t i = 0; i < MIXES * WW_LOG_DESIGNS && status == WW_OK; i++) {
            /* Neighbours in time differ in the design; each repeat begins with another. */
            uint32_t design = (i + repeat) % WW_LOG_DESIGNS, mix = i / WW_LOG_DESIGNS;
            ww_progress(&bench, "run %u of %u: %s, %s", repeat + 1, setup.timing.repeats,
                        design_names[design], mixes[mix].name);
            status = run_cell(&setup, (enum ww_log_design)design, mix, &cells[design][mix], error);
        }
    }
    ww_progress_end(&bench);
    if (status == WW_OK)
        *result = result_of(&setup, cells);
    free(cells);
    return status;
}

static void print(struct json_object *result, FILE *file)
{
    struct json_object *config = json_object_object_get(result, "config");
    struct json_object *cells = json_object_object_get(result, "cells");
    char a[32], b[32], c[32], d[32], e[32], f[32], g[32];
    fprintf(file,
            "Readers of the log: %s appends/s of %.0f B, at most %.0f reading threads, %.3g s for\n"
            "each cell, medians of %.0f\n",
            ww_show_count(ww_experiment_number(config, "rate"), a),
            ww_experiment_number(config, "entry_bytes"), ww_experiment_number(config, "readers"),
            ww_experiment_number(config, "duration_s"), ww_experiment_number(config, "repeats"));
    ww_experiment_print_head(result, file);
    fprintf(file, "  took     the append itself, with its lock; latency: since it was due\n\n%-22s",
            "");
    fprintf(file, "%10s%10s%10s  %10s%10s%12s%12s\n", "took p50", "p99", "p99.9", "lat. p50", "p99",
            "appends/s", "reads/s");
    for (size_t i = 0; i < json_object_array_length(cells); i++) {
        struct json_object *cell = json_object_array_get_idx(cells, i);
        bool first = i % WW_LOG_DESIGNS == 0;
        fprintf(file, "%-11s%-11s%10s%10s%10s  %10s%10s%12s%12s\n",
                first ? json_object_get_string(json_object_object_get(cell, "mix")) : "",
                json_object_get_string(json_object_object_get(cell, "design")),
                ww_show_ns(ww_experiment_number(cell, "took_p50"), a),
                ww_show_ns(ww_experiment_number(cell, "took_p99"), b),
                ww_show_ns(ww_experiment_number(cell, "took_p999"), c),
                ww_show_ns(ww_experiment_number(cell, "p50"), d),
                ww_show_ns(ww_experiment_number(cell, "p99"), e),
                ww_show_count(ww_experiment_number(cell, "appends_per_s"), f),
                ww_show_count(ww_experiment_number(cell, "reads_per_s"), g));
    }
}

const struct ww_experiment ww_experiment_log_readers = {
    WW_EXPERIMENT("log-readers", .flags = flags,
                  .summary = "what readers of the log cost its writer: mutex, rwlock, the engine's "
                             "way"),
    .run = run,
    .print = print,
};
