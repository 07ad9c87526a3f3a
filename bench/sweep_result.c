/* SPDX-License-Identifier: Apache-2.0 */
/* sweep.json (schema whitewater.sweep/1; docs/sweeps.md). */
#include "bench/json.h"
#include "bench/sweep_data.h"

#include "engine/base/units.h"
#include "engine/cli/cluster_status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void put_flag(struct json_object *object, const char *key, bool value)
{
    json_object_object_add(object, key, json_object_new_boolean(value));
}

static void put_figures(struct json_object *object, const double figures[WW_FIGURES])
{
    for (int i = 0; i < WW_FIGURES; i++)
        if (!isnan(figures[i]))
            json_object_object_add(object, ww_figure_kinds[i].name, ww_json_new_number(figures[i]));
}

static void put_id(struct json_object *object, const char *key, uint32_t point)
{
    char id[WW_SWEEP_RUN_NAME_MAX];
    if (point != WW_SWEEP_NO_POINT)
        ww_json_put_text(object, key, ww_sweep_point_id(point, id));
}

/* ---- axes: the values of each key that varies, as numbers where all of them are ---- */

static const struct {
    const char *unit;
    int (*parse)(const char *text, uint64_t *value, const char **why);
} units[] = {{"count", ww_parse_count}, {"bytes", ww_parse_bytes}, {"ns", ww_parse_duration}};

#define UNITS (sizeof(units) / sizeof(units[0]))

struct axis_value {
    const char *text;
    double number;
};

static int by_number(const void *a, const void *b)
{
    const struct axis_value *left = a, *right = b;
    return left->number < right->number ? -1 : left->number > right->number;
}

/* The first unit that all values have; UNITS: none. Fills in the numbers. */
static size_t unit_of(struct axis_value *values, size_t count)
{
    for (size_t unit = 0; unit < UNITS; unit++) {
        size_t good = 0;
        for (; good < count; good++) {
            uint64_t number;
            const char *why;
            if (units[unit].parse(values[good].text, &number, &why) != WW_OK)
                break;
            values[good].number = (double)number;
        }
        if (good == count)
            return unit;
    }
    for (size_t i = 0; i < count; i++)
        values[i].number = (double)i;
    return UNITS;
}

static struct json_object *axis_json(const struct ww_sweep *sweep, const char *key)
{
    uint32_t points = ww_sweep_point_count(sweep);
    struct axis_value *values = calloc(points, sizeof(*values));
    size_t count = 0;
    for (uint32_t i = 0; values != NULL && i < points; i++) {
        struct json_object *value;
        if (!json_object_object_get_ex(json_object_array_get_idx(sweep->points, i), key, &value))
            continue;
        const char *text = json_object_get_string(value);
        size_t same = 0;
        while (same < count && strcmp(values[same].text, text) != 0)
            same++;
        if (same == count)
            values[count++].text = text;
    }
    size_t unit = unit_of(values, count);
    if (unit < UNITS && values != NULL)
        qsort(values, count, sizeof(values[0]), by_number);
    struct json_object *axis = json_object_new_object(), *list = json_object_new_array();
    ww_json_put_text(axis, "key", key);
    ww_json_put_text(axis, "unit", unit < UNITS ? units[unit].unit : "text");
    for (size_t i = 0; i < count; i++) {
        struct json_object *value = json_object_new_object();
        ww_json_put_text(value, "text", values[i].text);
        json_object_object_add(value, "value", ww_json_new_number(values[i].number));
        json_object_array_add(list, value);
    }
    json_object_object_add(axis, "values", list);
    free(values);
    return axis;
}

static struct json_object *axes_json(const struct ww_sweep *sweep)
{
    struct json_object *axes = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(sweep->vary); i++)
        json_object_array_add(axes,
                              axis_json(sweep, json_object_get_string(
                                                   json_object_array_get_idx(sweep->vary, i))));
    return axes;
}

/* ---- points ---- */

static struct json_object *runs_json(const struct ww_sweep_data *data, uint32_t point)
{
    struct json_object *runs = json_object_new_array();
    for (uint32_t k = 0; k < data->sweep->repeats; k++) {
        const struct ww_sweep_run *run = &data->points[point].runs[k];
        char name[WW_SWEEP_RUN_NAME_MAX], path[WW_SWEEP_RUN_NAME_MAX + 8];
        if (run->state == WW_RUN_MISSING)
            continue;
        struct json_object *json = json_object_new_object();
        ww_sweep_run_name((struct ww_sweep_step){.point = point, .repeat = k}, name);
        snprintf(path, sizeof(path), "runs/%s", name);
        ww_json_put_text(json, "dir", path);
        put_flag(json, "kept", run->state == WW_RUN_KEPT);
        if (run->why[0] != 0)
            ww_json_put_text(json, "why", run->why);
        if (run->state == WW_RUN_FAILED)
            put_flag(json, "failed", true);
        else
            put_figures(json, run->figures);
        json_object_array_add(runs, json);
    }
    return runs;
}

static struct json_object *points_json(const struct ww_sweep_data *data)
{
    struct json_object *points = json_object_new_array();
    for (uint32_t i = 0; i < ww_sweep_point_count(data->sweep); i++) {
        const struct ww_sweep_point *point = &data->points[i];
        struct json_object *json = json_object_new_object();
        put_id(json, "id", i);
        json_object_object_add(json, "settings",
                               json_object_get(json_object_array_get_idx(data->sweep->points, i)));
        json_object_object_add(json, "runs", runs_json(data, i));
        put_figures(json, point->figures);
        put_flag(json, "pareto", point->pareto);
        put_flag(json, "meets_slo", ww_sweep_meets(data, i, &data->sweep->slo));
        if (point->rate_missed)
            put_flag(json, "rate_missed", true);
        if (point->unsettled)
            put_flag(json, "unsettled", true);
        json_object_array_add(points, json);
    }
    return points;
}

/* ---- the whole ---- */

static struct json_object *runs_summary(const struct ww_sweep_data *data)
{
    struct json_object *runs = json_object_new_object();
    ww_json_put_count(runs, "planned",
                      (uint64_t)ww_sweep_point_count(data->sweep) * data->sweep->repeats);
    ww_json_put_count(runs, "kept", data->kept);
    ww_json_put_count(runs, "noisy", data->thrown);
    ww_json_put_count(runs, "failed", data->failed);
    ww_json_put_count(runs, "missing", data->missing);
    return runs;
}

static struct json_object *noise_json(const struct ww_sweep_data *data)
{
    struct json_object *noise = json_object_new_object(), *limits = json_object_new_object();
    ww_json_put_text(noise, "rule", ww_sweep_noise_rule);
    for (int i = 0; i < WW_SIGNALS; i++)
        if (!isnan(data->noise_limits[i]))
            json_object_object_add(limits, ww_sweep_signal_path((enum ww_sweep_signal)i),
                                   ww_json_new_number(data->noise_limits[i]));
    json_object_object_add(noise, "limits", limits);
    return noise;
}

static void put_if(struct json_object *object, const char *key, struct json_object *value)
{
    if (value != NULL)
        json_object_object_add(object, key, value);
}

struct json_object *ww_sweep_json(const struct ww_sweep_data *data)
{
    const struct ww_sweep *sweep = data->sweep;
    struct json_object *json = json_object_new_object(), *environment = NULL;
    uint32_t best = ww_sweep_best(data, &sweep->objective, &sweep->slo, WW_SWEEP_NO_POINT);
    ww_json_put_text(json, "schema", WW_SWEEP_SCHEMA);
    ww_json_put_text(json, "version",
                     data->first != NULL ? ww_json_text(data->first, "version") : WW_VERSION);
    ww_json_put_text(json, "name", sweep->name);
    json_object_object_add(json, "load", json_object_get(sweep->load));
    json_object_object_add(json, "config", json_object_get(sweep->config));
    json_object_object_add(json, "vary", json_object_get(sweep->vary));
    json_object_object_add(json, "axes", axes_json(sweep));
    ww_json_put_count(json, "repeat", sweep->repeats);
    ww_json_put_text(json, "order", sweep->random ? "random" : "listed");
    ww_json_put_count(json, "seed", sweep->seed);
    ww_json_put_text(json, "objective", sweep->objective_text);
    if (sweep->slo_text[0] != 0)
        ww_json_put_text(json, "slo", sweep->slo_text);
    if (json_object_object_get_ex(data->first, "environment", &environment))
        json_object_object_add(json, "environment", json_object_get(environment));
    json_object_object_add(json, "runs", runs_summary(data));
    json_object_object_add(json, "noise", noise_json(data));
    json_object_object_add(json, "points", points_json(data));
    put_id(json, "best", best);
    if (best == WW_SWEEP_NO_POINT)
        put_id(json, "nearest", ww_sweep_nearest(data, &sweep->slo));
    put_if(json, "knee", ww_sweep_knees(data));
    put_if(json, "default", ww_sweep_default(data));
    return json;
}
