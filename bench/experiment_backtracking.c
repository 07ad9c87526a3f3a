/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ww experiment backtracking`: round trips that a new leader needs until it knows where the log of
 * a follower agrees with its own.
 */
#include "bench/backtracking.h"
#include "bench/experiment.h"
#include "bench/format.h"

#include <string.h>

#define TERMS_MAX 1000u
#define ENTRIES_MAX 10000u
#define COMMON_MAX 1000000u

static const struct ww_flag flags[] = {
    {"terms", 0, "LIST", "1,4,16,64", "that the follower has and the leader has not"},
    {"entries", 0, "LIST", "1,10,100,1000", "in each of them"},
    {"common", 0, "N", "10k", "entries before, that both have"},
    {NULL},
};

static const char *const shapes[] = {"diverged", "missing"};

struct setup {
    struct ww_experiment_numbers terms, entries;
    uint64_t common;
};

static int add_cell(const struct ww_backtracking_case *logs, struct json_object *cells,
                    struct ww_error *error)
{
    struct ww_backtracking_result result;
    const char *why;
    int status = ww_backtracking_run(logs, &result, &why);
    if (status != WW_OK)
        return ww_fail(error, status, "%lu terms of %lu entries: %s", logs->terms, logs->entries,
                       why);
    struct json_object *cell = json_object_new_object();
    ww_json_put_text(cell, "log", shapes[logs->shape]);
    ww_json_put_count(cell, "terms", logs->terms);
    ww_json_put_count(cell, "entries", logs->entries);
    ww_json_put_count(cell, "engine", result.engine);
    ww_json_put_number(cell, "engine_rtts", result.engine_rtts);
    ww_json_put_count(cell, "one_by_one", result.one);
    ww_json_put_count(cell, "halves", result.halves);
    json_object_array_add(cells, cell);
    return WW_OK;
}

static int run_cells(const struct setup *setup, struct json_object *cells, struct ww_error *error)
{
    int status = WW_OK;
    for (uint32_t shape = 0; shape < WW_BACKTRACKING_SHAPES; shape++)
        for (uint32_t t = 0; t < setup->terms.count; t++)
            for (uint32_t e = 0; e < setup->entries.count && status == WW_OK; e++) {
                const struct ww_backtracking_case logs = {
                    .shape = (enum ww_backtracking_shape)shape,
                    .common = setup->common,
                    .terms = setup->terms.of[t],
                    .entries = setup->entries.of[e],
                };
                status = add_cell(&logs, cells, error);
            }
    return status;
}

static void plot(struct json_object *result, struct json_object *cells)
{
    struct json_object *series = ww_experiment_add_plot(
        result, &(struct ww_experiment_plot){"Round trips until the logs are known to agree",
                                             "diverging entries", "log", "round trips", "log"});
    for (size_t i = 0; i < json_object_array_length(cells); i++) {
        struct json_object *cell = json_object_array_get_idx(cells, i);
        double terms = ww_experiment_number(cell, "terms");
        double entries = terms * ww_experiment_number(cell, "entries");
        char name[64];
        if (strcmp(ww_experiment_text(cell, "log"), shapes[WW_BACKTRACKING_DIVERGED]) != 0)
            continue;
        snprintf(name, sizeof(name), "a term at a time, %.0f terms", terms);
        ww_experiment_add_point(series, name, entries, ww_experiment_number(cell, "engine"));
        ww_experiment_add_point(series, "one by one", entries,
                                ww_experiment_number(cell, "one_by_one"));
        ww_experiment_add_point(series, "halves", entries, ww_experiment_number(cell, "halves"));
    }
}

static int run(const struct ww_cli *cli, struct json_object **result, struct ww_error *error)
{
    struct setup setup;
    struct json_object *cells = json_object_new_array();
    int status = ww_experiment_counts(cli, "terms", 1, TERMS_MAX, &setup.terms, error);
    if (status == WW_OK)
        status = ww_experiment_counts(cli, "entries", 1, ENTRIES_MAX, &setup.entries, error);
    if (status == WW_OK)
        status = ww_cli_count(cli, "common", 1, COMMON_MAX, &setup.common, error);
    if (status == WW_OK)
        status = run_cells(&setup, cells, error);
    if (status == WW_OK) {
        struct json_object *config = json_object_new_object();
        ww_json_put_count(config, "common", setup.common);
        *result = ww_experiment_result("backtracking", "/");
        json_object_object_add(*result, "config", config);
        json_object_object_add(*result, "cells", json_object_get(cells));
        plot(*result, cells);
    }
    json_object_put(cells);
    return status;
}

/* ---- the table ---- */

static void print(struct json_object *result, FILE *file)
{
    struct json_object *config = json_object_object_get(result, "config");
    struct json_object *cells = json_object_object_get(result, "cells");
    const char *before = "";
    char a[32], b[32], c[32], d[32];
    fprintf(file,
            "Round trips until a new leader knows where a follower's log agrees with its own;\n"
            "%s entries before that agree\n\n"
            "%-10s%8s%10s%16s%14s%10s\n",
            ww_show_count(ww_experiment_number(config, "common"), a), "follower", "terms",
            "entries", "term at a time", "one by one", "halves");
    for (size_t i = 0; i < json_object_array_length(cells); i++) {
        struct json_object *cell = json_object_array_get_idx(cells, i);
        const char *shape = ww_experiment_text(cell, "log");
        fprintf(file, "%-10s%8s%10s%16s%14s%10.0f\n", *shape != *before ? shape : "",
                ww_show_count(ww_experiment_number(cell, "terms"), a),
                ww_show_count(ww_experiment_number(cell, "entries"), b),
                ww_show_count(ww_experiment_number(cell, "engine"), c),
                ww_show_count(ww_experiment_number(cell, "one_by_one"), d),
                ww_experiment_number(cell, "halves"));
        before = shape;
    }
    fprintf(file,
            "\n  diverged: the follower has so many terms that the leader never saw; missing: "
            "it has nothing there\n");
}

const struct ww_experiment ww_experiment_backtracking = {
    WW_EXPERIMENT("backtracking", .flags = flags,
                  .summary =
                      "round trips to a diverging log: a term at a time, one by one, halves"),
    .run = run,
    .print = print,
};
