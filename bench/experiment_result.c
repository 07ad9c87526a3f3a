/* SPDX-License-Identifier: Apache-2.0 */
/* What an experiment found: its head, medians of cells, plots. */
#include "bench/environment.h"
#include "bench/experiment.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct json_object *ww_experiment_result(const char *name, const char *directory)
{
    struct json_object *result = json_object_new_object();
    char started_at[32];
    time_t now = time(NULL);
    strftime(started_at, sizeof(started_at), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
    ww_json_put_text(result, "schema", WW_EXPERIMENT_SCHEMA);
    ww_json_put_text(result, "version", WW_VERSION);
    ww_json_put_text(result, "experiment", name);
    ww_json_put_text(result, "started_at", started_at);
    json_object_object_add(result, "environment", ww_environment_json(directory));
    return result;
}

double ww_experiment_number(struct json_object *object, const char *key)
{
    return ww_json_number_or(object, key, 0);
}

const char *ww_experiment_text(struct json_object *object, const char *key)
{
    return ww_json_text_or(object, key, "unknown");
}

/* ---- cells ---- */

void ww_experiment_add_run(struct ww_experiment_cell *cell, const double *values, uint32_t count)
{
    memcpy(cell->values[cell->count++], values, count * sizeof(values[0]));
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static double median_of(const struct ww_experiment_cell *cell, uint32_t place)
{
    double sorted[WW_EXPERIMENT_REPEATS_MAX];
    for (uint32_t i = 0; i < cell->count; i++)
        sorted[i] = cell->values[i][place];
    qsort(sorted, cell->count, sizeof(sorted[0]), by_size);
    return (sorted[(cell->count - 1) / 2] + sorted[cell->count / 2]) / 2;
}

void ww_experiment_put_cell(struct json_object *to, const struct ww_experiment_cell *cell,
                            const char *const *names)
{
    struct json_object *runs = json_object_new_array();
    for (uint32_t i = 0; i < cell->count; i++) {
        struct json_object *run = json_object_new_object();
        for (uint32_t place = 0; names[place] != NULL; place++)
            ww_json_put_number(run, names[place], cell->values[i][place]);
        json_object_array_add(runs, run);
    }
    for (uint32_t place = 0; cell->count > 0 && names[place] != NULL; place++)
        ww_json_put_number(to, names[place], median_of(cell, place));
    json_object_object_add(to, "runs", runs);
}

/* ---- plots ---- */

static struct json_object *new_axis(const char *label, const char *scale)
{
    struct json_object *axis = json_object_new_object();
    ww_json_put_text(axis, "label", label);
    ww_json_put_text(axis, "scale", scale);
    return axis;
}

struct json_object *ww_experiment_add_plot(struct json_object *result,
                                           const struct ww_experiment_plot *plot)
{
    struct json_object *plots, *json = json_object_new_object(), *series = json_object_new_array();
    if (!json_object_object_get_ex(result, "plots", &plots)) {
        plots = json_object_new_array();
        json_object_object_add(result, "plots", plots);
    }
    ww_json_put_text(json, "title", plot->title);
    json_object_object_add(json, "x", new_axis(plot->x_label, plot->x_scale));
    json_object_object_add(json, "y", new_axis(plot->y_label, plot->y_scale));
    json_object_object_add(json, "series", series);
    json_object_array_add(plots, json);
    return series;
}

static struct json_object *points_of(struct json_object *series, const char *name)
{
    for (size_t i = 0; i < json_object_array_length(series); i++) {
        struct json_object *one = json_object_array_get_idx(series, i);
        if (strcmp(ww_experiment_text(one, "name"), name) == 0)
            return json_object_object_get(one, "points");
    }
    struct json_object *one = json_object_new_object(), *points = json_object_new_array();
    ww_json_put_text(one, "name", name);
    json_object_object_add(one, "points", points);
    json_object_array_add(series, one);
    return points;
}

static int by_x(const void *a, const void *b)
{
    double left = json_object_get_double(json_object_array_get_idx(*(void *const *)a, 0));
    double right = json_object_get_double(json_object_array_get_idx(*(void *const *)b, 0));
    return left < right ? -1 : left > right;
}

void ww_experiment_add_point(struct json_object *series, const char *name, double x, double y)
{
    struct json_object *points = points_of(series, name), *point = json_object_new_array();
    json_object_array_add(point, ww_json_new_number(x));
    json_object_array_add(point, ww_json_new_number(y));
    json_object_array_add(points, point);
    json_object_array_sort(points, by_x);
}

/* ---- the head of a table ---- */

void ww_experiment_print_head(struct json_object *result, FILE *file)
{
    struct json_object *environment = json_object_object_get(result, "environment");
    fprintf(file, "  machine  %s, %s cores, Linux %s\n", ww_experiment_text(environment, "cpu"),
            ww_experiment_text(environment, "cores"), ww_experiment_text(environment, "kernel"));
    if (json_object_object_get(environment, "device") != NULL)
        fprintf(file, "  disk     %s on %s (write cache: %s)\n",
                ww_experiment_text(environment, "filesystem"),
                ww_experiment_text(environment, "device"),
                ww_experiment_text(environment, "device_write_cache"));
}
