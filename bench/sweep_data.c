/* SPDX-License-Identifier: Apache-2.0 */
/* The runs as they lie in their directories, and the medians of those that count. */
#include "bench/sweep_data.h"

#include "bench/json.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RATE_REACHED 0.99 /* as in the report of ww bench */

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

double ww_sweep_median(double *values, uint32_t count)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            values[used++] = values[i];
    if (used == 0)
        return NAN;
    qsort(values, used, sizeof(values[0]), by_size);
    return (values[(used - 1) / 2] + values[used / 2]) / 2;
}

/* ---- reading ---- */

static void read_result(struct ww_sweep_run *run, struct json_object *result)
{
    run->state = WW_RUN_KEPT;
    ww_figures_read(result, run->figures);
    for (int i = 0; i < WW_SIGNALS; i++)
        run->signals[i] = ww_json_number_at(result, ww_sweep_signal_path((enum ww_sweep_signal)i));
    run->reached = ww_json_number_at(result, "config.achieved_rate") /
                   ww_json_number_at(result, "config.rate");
}

static int read_run(struct ww_sweep_data *data, struct ww_sweep_run *run, const char *directory,
                    struct ww_error *error)
{
    char path[PATH_MAX + 16];
    run->state = WW_RUN_MISSING;
    snprintf(path, sizeof(path), "%s/%s", directory, WW_SWEEP_FAILED);
    struct json_object *failed = json_object_from_file(path);
    if (failed != NULL) {
        const char *why = json_object_get_string(json_object_object_get(failed, "why"));
        run->state = WW_RUN_FAILED;
        snprintf(run->why, sizeof(run->why), "%s", why != NULL ? why : "unknown");
        json_object_put(failed);
        return WW_OK;
    }
    snprintf(path, sizeof(path), "%s/result.json", directory);
    if (access(path, F_OK) != 0)
        return WW_OK;
    struct json_object *result = json_object_from_file(path);
    if (result == NULL)
        return ww_fail(error, WW_EIO, "%s: %s", path, json_util_get_last_err());
    read_result(run, result);
    if (data->first == NULL)
        data->first = json_object_get(result);
    json_object_put(result);
    return WW_OK;
}

int ww_sweep_data_read(struct ww_sweep_data *data, const struct ww_sweep *sweep,
                       const char *directory, struct ww_error *error)
{
    uint32_t points = ww_sweep_point_count(sweep);
    int status = WW_OK;
    *data = (struct ww_sweep_data){.sweep = sweep};
    data->points = calloc(points, sizeof(*data->points));
    if (data->points == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for %u points", points);
    for (uint32_t i = 0; i < points && status == WW_OK; i++) {
        for (uint32_t k = 0; k < sweep->repeats && status == WW_OK; k++) {
            char path[PATH_MAX], name[WW_SWEEP_RUN_NAME_MAX];
            ww_sweep_run_name((struct ww_sweep_step){.point = i, .repeat = k}, name);
            snprintf(path, sizeof(path), "%s/runs/%s", directory, name);
            status = read_run(data, &data->points[i].runs[k], path, error);
        }
    }
    if (status != WW_OK)
        return status;
    ww_sweep_find_noise(data);
    ww_sweep_summarise(data);
    return WW_OK;
}

void ww_sweep_data_free(struct ww_sweep_data *data)
{
    json_object_put(data->first);
    free(data->points);
}

/* ---- medians and the front ---- */

static void count_runs(struct ww_sweep_data *data, struct ww_sweep_point *point)
{
    point->kept = 0;
    for (uint32_t k = 0; k < data->sweep->repeats; k++) {
        enum ww_sweep_state state = point->runs[k].state;
        data->missing += state == WW_RUN_MISSING;
        data->failed += state == WW_RUN_FAILED;
        data->thrown += state == WW_RUN_NOISY;
        point->kept += state == WW_RUN_KEPT;
    }
    data->kept += point->kept;
}

/* Of one figure of the kept runs; `offset` is its place in struct ww_sweep_run. */
static double median_of(const struct ww_sweep_data *data, const struct ww_sweep_point *point,
                        size_t offset)
{
    double values[WW_SWEEP_REPEATS_MAX];
    uint32_t count = 0;
    for (uint32_t k = 0; k < data->sweep->repeats; k++)
        if (point->runs[k].state == WW_RUN_KEPT)
            memcpy(&values[count++], (const char *)&point->runs[k] + offset, sizeof(double));
    return ww_sweep_median(values, count);
}

/* Does `a` have at least the rate and at most the p99 of `b`, and one of them better? */
static bool dominates(const struct ww_sweep_point *a, const struct ww_sweep_point *b)
{
    double rate = a->figures[WW_FIGURE_PER_S] - b->figures[WW_FIGURE_PER_S];
    double p99 = b->figures[WW_FIGURE_P99] - a->figures[WW_FIGURE_P99];
    return rate >= 0 && p99 >= 0 && (rate > 0 || p99 > 0);
}

void ww_sweep_summarise(struct ww_sweep_data *data)
{
    uint32_t count = ww_sweep_point_count(data->sweep);
    data->missing = data->failed = data->thrown = data->kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct ww_sweep_point *point = &data->points[i];
        count_runs(data, point);
        for (int figure = 0; figure < WW_FIGURES; figure++)
            point->figures[figure] =
                median_of(data, point,
                          offsetof(struct ww_sweep_run, figures) + figure * sizeof(double));
        double reached = median_of(data, point, offsetof(struct ww_sweep_run, reached));
        point->open = !isnan(reached);
        point->rate_missed = reached < RATE_REACHED;
    }
    for (uint32_t i = 0; i < count; i++) {
        data->points[i].pareto = data->points[i].kept > 0;
        for (uint32_t j = 0; j < count && data->points[i].pareto; j++)
            data->points[i].pareto = !dominates(&data->points[j], &data->points[i]);
    }
}

/* ---- the best ---- */

bool ww_sweep_meets(const struct ww_sweep_data *data, uint32_t point, const struct ww_slo *slo)
{
    const struct ww_sweep_point *at = &data->points[point];
    return at->kept > 0 && !at->rate_missed && ww_slo_met(slo, at->figures);
}

uint32_t ww_sweep_best(const struct ww_sweep_data *data, const struct ww_objective *objective,
                       const struct ww_slo *slo, uint32_t but)
{
    uint32_t best = WW_SWEEP_NO_POINT;
    for (uint32_t i = 0; i < ww_sweep_point_count(data->sweep); i++) {
        double value = data->points[i].figures[objective->figure];
        if (i == but || isnan(value) || !ww_sweep_meets(data, i, slo))
            continue;
        const double *leader = best == WW_SWEEP_NO_POINT ? NULL : data->points[best].figures;
        if (leader == NULL || ww_objective_better(objective, value, leader[objective->figure]) ||
            (value == leader[objective->figure] &&
             data->points[i].figures[WW_FIGURE_P99] < leader[WW_FIGURE_P99]))
            best = i;
    }
    return best;
}

uint32_t ww_sweep_nearest(const struct ww_sweep_data *data, const struct ww_slo *slo)
{
    uint32_t nearest = WW_SWEEP_NO_POINT;
    double smallest = INFINITY;
    for (uint32_t i = 0; i < ww_sweep_point_count(data->sweep); i++) {
        if (data->points[i].kept == 0 || data->points[i].rate_missed)
            continue;
        double distance = ww_slo_distance(slo, data->points[i].figures);
        if (nearest == WW_SWEEP_NO_POINT || distance < smallest) {
            nearest = i;
            smallest = distance;
        }
    }
    return nearest;
}
