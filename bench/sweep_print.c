/* SPDX-License-Identifier: Apache-2.0 */
/* The table for people. It reads sweep.json, so that the two cannot differ. */
#include "bench/format.h"
#include "bench/json.h"
#include "bench/sweep_data.h"
#include "engine/cli/cluster_status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_MIN 24

static struct json_object *get(struct json_object *object, const char *key)
{
    return json_object_object_get(object, key);
}

static bool is_true(struct json_object *object, const char *key)
{
    return json_object_get_boolean(get(object, key));
}

static const char *show(struct json_object *point, enum ww_figure figure, char out[32])
{
    double value = ww_json_number_at(point, ww_figure_kinds[figure].name);
    if (isnan(value))
        return "-";
    return ww_figure_kinds[figure].is_time ? ww_show_ns(value, out) : ww_show_count(value, out);
}

static struct json_object *find_point(struct json_object *json, const char *id)
{
    struct json_object *points = get(json, "points");
    for (size_t i = 0; i < json_object_array_length(points); i++) {
        struct json_object *point = json_object_array_get_idx(points, i);
        if (strcmp(ww_json_text(point, "id"), id) == 0)
            return point;
    }
    return NULL;
}

/* ---- head ---- */

static void print_head(struct json_object *json, FILE *file)
{
    struct json_object *runs = get(json, "runs");
    char label[512];
    fprintf(file, "Sweep %s: %zu points, %s runs of %s", ww_json_text(json, "name"),
            json_object_array_length(get(json, "points")), ww_json_text(runs, "kept"),
            ww_json_text(runs, "planned"));
    static const char *const others[] = {"noisy", "failed", "missing"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (ww_json_number_at(runs, others[i]) > 0)
            fprintf(file, ", %s %s", ww_json_text(runs, others[i]), others[i]);
    fprintf(file, "\n  objective   %s%s%s\n", ww_json_text(json, "objective"),
            get(json, "slo") != NULL ? ", with " : "", ww_json_text(json, "slo"));
    if (json_object_object_length(get(json, "load")) > 0)
        fprintf(file, "  load        %s\n",
                ww_sweep_label(get(json, "load"), label, sizeof(label)));
    if (json_object_object_length(get(json, "config")) > 0)
        fprintf(file, "  config      %s\n",
                ww_sweep_label(get(json, "config"), label, sizeof(label)));
    struct json_object *environment = get(json, "environment");
    if (environment != NULL)
        fprintf(file, "  machine     %s, %s cores, %s on %s\n", ww_json_text(environment, "cpu"),
                ww_json_text(environment, "cores"), ww_json_text(environment, "filesystem"),
                ww_json_text(environment, "device"));
    fprintf(file, "\n");
}

/* ---- points ---- */

static int label_width(struct json_object *points)
{
    int width = LABEL_MIN;
    char label[512];
    for (size_t i = 0; i < json_object_array_length(points); i++) {
        struct json_object *settings = get(json_object_array_get_idx(points, i), "settings");
        int length = (int)strlen(ww_sweep_label(settings, label, sizeof(label)));
        width = length > width ? length : width;
    }
    return width;
}

static void print_notes(struct json_object *json, struct json_object *point, FILE *file)
{
    bool slo = get(json, "slo") != NULL;
    if (is_true(point, "pareto"))
        fprintf(file, "  front");
    if (strcmp(ww_json_text(point, "id"), ww_json_text(json, "best")) == 0)
        fprintf(file, "  best");
    if (is_true(point, "rate_missed"))
        fprintf(file, "  rate not reached");
    else if (slo && !is_true(point, "meets_slo"))
        fprintf(file, "  misses the SLO");
    if (is_true(point, "unsettled"))
        fprintf(file, "  unsettled machine");
}

static void print_points(struct json_object *json, FILE *file)
{
    static const enum ww_figure columns[] = {WW_FIGURE_PER_S, WW_FIGURE_P50, WW_FIGURE_P99,
                                             WW_FIGURE_P999, WW_FIGURE_CPU_NS};
    struct json_object *points = get(json, "points");
    int width = label_width(points);
    char label[512], out[32];
    fprintf(file, "      %-*s %12s %9s %9s %9s %9s  runs\n", width, "", "commits/s", "p50", "p99",
            "p99.9", "cpu/entry");
    for (size_t i = 0; i < json_object_array_length(points); i++) {
        struct json_object *point = json_object_array_get_idx(points, i);
        struct json_object *runs = get(point, "runs");
        int kept = 0;
        for (size_t k = 0; k < json_object_array_length(runs); k++)
            kept += is_true(json_object_array_get_idx(runs, k), "kept");
        fprintf(file, "%s  %-*s", ww_json_text(point, "id"), width,
                ww_sweep_label(get(point, "settings"), label, sizeof(label)));
        for (size_t k = 0; k < sizeof(columns) / sizeof(columns[0]); k++)
            fprintf(file, " %*s", k == 0 ? 12 : 9, show(point, columns[k], out));
        fprintf(file, "  %4d", kept);
        print_notes(json, point, file);
        fprintf(file, "\n");
    }
    fprintf(file, "\n");
}

/* ---- what follows ---- */

static void print_knees(struct json_object *json, FILE *file)
{
    struct json_object *curves = get(get(json, "knee"), "curves");
    char label[512], a[32], b[32];
    if (curves == NULL)
        return;
    fprintf(file, "Knees: %s\n", ww_json_text(get(json, "knee"), "method"));
    for (size_t i = 0; i < json_object_array_length(curves); i++) {
        struct json_object *curve = json_object_array_get_idx(curves, i);
        struct json_object *point = find_point(json, ww_json_text(curve, "knee"));
        const char *load = ww_json_text(curve, "load");
        fprintf(file, "  %s=%s: %s /s at p99 %s%s   %s\n", load,
                ww_json_text(get(point, "settings"), load), show(point, WW_FIGURE_PER_S, a),
                show(point, WW_FIGURE_P99, b),
                is_true(curve, "inside") ? "" : " (an end of what was measured)",
                ww_sweep_label(get(curve, "settings"), label, sizeof(label)));
    }
    fprintf(file, "\n");
}

static void print_default(struct json_object *json, FILE *file)
{
    struct json_object *all = get(json, "default"), *loads = get(all, "loads");
    char label[512], best[512];
    if (all == NULL)
        return;
    fprintf(file,
            "The default configuration over the best of the others (goal: commits/s >= %s, "
            "p99 <= %s)\n",
            ww_json_text(all, "throughput_goal"), ww_json_text(all, "p99_goal"));
    for (size_t i = 0; i < json_object_array_length(loads); i++) {
        struct json_object *row = json_object_array_get_idx(loads, i);
        struct json_object *settings = json_object_new_object();
        struct json_object *winner = find_point(json, ww_json_text(row, "best"));
        json_object_object_foreach(get(winner, "settings"), key, value)
        {
            if (strchr(key, '.') != NULL)
                json_object_object_add(settings, key, json_object_get(value));
        }
        fprintf(file, "  %-24s %-6s commits/s %.3f   p99 %.3f   (over the lowest p99 %.3f)   %s\n",
                ww_sweep_label(get(row, "load"), label, sizeof(label)),
                is_true(row, "holds") ? "holds" : "MISSES",
                ww_json_number_at(row, "throughput_ratio"), ww_json_number_at(row, "p99_ratio"),
                ww_json_number_at(row, "p99_over_lowest"),
                ww_sweep_label(settings, best, sizeof(best)));
        json_object_put(settings);
    }
    fprintf(file, "\n");
}

static void print_runs_left_out(struct json_object *json, FILE *file)
{
    struct json_object *points = get(json, "points");
    bool head = false;
    for (size_t i = 0; i < json_object_array_length(points); i++) {
        struct json_object *runs = get(json_object_array_get_idx(points, i), "runs");
        for (size_t k = 0; k < json_object_array_length(runs); k++) {
            struct json_object *run = json_object_array_get_idx(runs, k);
            if (is_true(run, "kept"))
                continue;
            fprintf(file, "%s  %s  %s: %s\n", head ? "" : "Left out:\n", ww_json_text(run, "dir"),
                    is_true(run, "failed") ? "failed" : "noisy", ww_json_text(run, "why"));
            head = true;
        }
    }
    if (ww_json_number_at(json, "runs.noisy") > 0) {
        fputs("  ", file);
        ww_show_words(ww_json_text(get(json, "noise"), "rule"), 2, file);
    }
    fputs(head ? "\n" : "", file);
}

static void print_verdict(struct json_object *json, FILE *file)
{
    bool met = get(json, "best") != NULL;
    struct json_object *point = find_point(json, ww_json_text(json, met ? "best" : "nearest"));
    char label[512], a[32], b[32];
    if (point == NULL) {
        fprintf(file, "No run counts yet.\n");
        return;
    }
    fprintf(file, "%s: %s, %s: %s commits/s, p99 %s\n",
            met ? "Best" : "No point meets the SLO; the nearest", ww_json_text(point, "id"),
            ww_sweep_label(get(point, "settings"), label, sizeof(label)),
            show(point, WW_FIGURE_PER_S, a), show(point, WW_FIGURE_P99, b));
}

void ww_sweep_print(struct json_object *json, FILE *file)
{
    print_head(json, file);
    print_points(json, file);
    print_runs_left_out(json, file);
    print_knees(json, file);
    print_default(json, file);
    print_verdict(json, file);
}
