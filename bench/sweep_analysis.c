/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the points of a sweep say together: where each configuration's latency begins to grow faster
 * than its throughput, and how the default stands against the best of the others.
 */
#include "bench/json.h"
#include "bench/sweep_data.h"
#include "engine/base/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KNEE_LOADS_MIN 3u
#define GOAL_THROUGHPUT 0.9 /* docs/tuning.md: the default against the best static point */
#define GOAL_P99 1.1

static struct json_object *settings_of(const struct ww_sweep_data *data, uint32_t point)
{
    return json_object_array_get_idx(data->sweep->points, point);
}

static struct json_object *id_of(uint32_t point)
{
    char id[WW_SWEEP_RUN_NAME_MAX];
    return json_object_new_string(ww_sweep_point_id(point, id));
}

/* The settings for which `wanted` holds. */
static struct json_object *part_of(struct json_object *settings, bool wanted(const char *key))
{
    struct json_object *part = json_object_new_object();
    json_object_object_foreach(settings, key, value)
    {
        if (wanted(key))
            json_object_object_add(part, key, json_object_get(value));
    }
    return part;
}

static bool is_config(const char *key)
{
    return strchr(key, '.') != NULL;
}

static bool is_flag(const char *key)
{
    return !is_config(key);
}

/* ---- knees ---- */

static bool is_amount(const char *key)
{
    return strcmp(key, "inflight") == 0 || strcmp(key, "rate") == 0;
}

static bool is_no_amount(const char *key)
{
    return !is_amount(key);
}

/* How much load a point has: entries in flight or a second. NAN: it does not say. */
static double amount_of(struct json_object *settings, bool *open)
{
    struct json_object *text = NULL;
    uint64_t amount;
    const char *why;
    *open = json_object_object_get_ex(settings, "rate", &text);
    if (!*open && !json_object_object_get_ex(settings, "inflight", &text))
        return NAN;
    return ww_parse_count(json_object_get_string(text), &amount, &why) == WW_OK ? (double)amount
                                                                                : NAN;
}

struct load_point {
    double amount;
    uint32_t point;
};

static int by_amount(const void *a, const void *b)
{
    const struct load_point *left = a, *right = b;
    return left->amount < right->amount ? -1 : left->amount > right->amount;
}

/*
 * The points that differ from `first` in the amount of load alone, in the order of it, itself
 * among them. 0: `first` is not the first of them, or has no load of its own.
 */
static uint32_t curve_of(const struct ww_sweep_data *data, uint32_t first,
                         struct load_point *points)
{
    bool open, other_open;
    uint32_t count = 0;
    if (data->points[first].kept == 0 || isnan(amount_of(settings_of(data, first), &open)))
        return 0;
    struct json_object *same = part_of(settings_of(data, first), is_no_amount);
    for (uint32_t i = 0; i < ww_sweep_point_count(data->sweep); i++) {
        double amount = amount_of(settings_of(data, i), &other_open);
        if (isnan(amount) || other_open != open || data->points[i].kept == 0)
            continue;
        struct json_object *other = part_of(settings_of(data, i), is_no_amount);
        bool equal = json_object_equal(same, other) != 0;
        json_object_put(other);
        if (equal && i < first) {
            count = 0;
            break;
        }
        if (equal)
            points[count++] = (struct load_point){.amount = amount, .point = i};
    }
    json_object_put(same);
    qsort(points, count, sizeof(points[0]), by_amount);
    return count;
}

static double power_of(const struct ww_sweep_point *point)
{
    return point->figures[WW_FIGURE_PER_S] / point->figures[WW_FIGURE_P99];
}

static struct json_object *curve_json(const struct ww_sweep_data *data,
                                      const struct load_point *points, uint32_t count)
{
    struct json_object *curve = json_object_new_object(), *ids = json_object_new_array();
    bool open;
    uint32_t knee = 0;
    amount_of(settings_of(data, points[0].point), &open);
    for (uint32_t i = 0; i < count; i++) {
        json_object_array_add(ids, id_of(points[i].point));
        if (power_of(&data->points[points[i].point]) > power_of(&data->points[points[knee].point]))
            knee = i;
    }
    json_object_object_add(curve, "load", json_object_new_string(open ? "rate" : "inflight"));
    json_object_object_add(curve, "settings",
                           part_of(settings_of(data, points[0].point), is_no_amount));
    json_object_object_add(curve, "points", ids);
    json_object_object_add(curve, "knee", id_of(points[knee].point));
    json_object_object_add(curve, "inside", json_object_new_boolean(knee > 0 && knee + 1 < count));
    return curve;
}

struct json_object *ww_sweep_knees(const struct ww_sweep_data *data)
{
    uint32_t all = ww_sweep_point_count(data->sweep);
    struct load_point *points = calloc(all, sizeof(*points));
    struct json_object *curves = json_object_new_array();
    for (uint32_t i = 0; points != NULL && i < all; i++) {
        uint32_t count = curve_of(data, i, points);
        if (count >= KNEE_LOADS_MIN)
            json_object_array_add(curves, curve_json(data, points, count));
    }
    free(points);
    if (json_object_array_length(curves) == 0) {
        json_object_put(curves);
        return NULL;
    }
    struct json_object *knees = json_object_new_object();
    json_object_object_add(knees, "method",
                           json_object_new_string(
                               "the load with the most power, per_s / p99 (Kleinrock 1979): "
                               "beyond it p99 grows faster than the throughput"));
    json_object_object_add(knees, "curves", curves);
    return knees;
}

/* ---- the default against the best static point ---- */

static bool is_default(const struct ww_sweep_data *data, uint32_t point)
{
    struct json_object *config = part_of(settings_of(data, point), is_config);
    bool empty = json_object_object_length(config) == 0;
    json_object_put(config);
    return empty;
}

struct rivals {
    uint32_t best, lowest_p99;
};

/*
 * Of those under the same load: the one with the most commits; in an open loop, where all that
 * reach the rate have the same, the one of them with the lowest p99.
 */
static void offer(const struct ww_sweep_data *data, uint32_t point, struct rivals *rivals)
{
    const struct ww_sweep_point *candidate = &data->points[point];
    if (rivals->best == WW_SWEEP_NO_POINT) {
        *rivals = (struct rivals){.best = point, .lowest_p99 = point};
        return;
    }
    const struct ww_sweep_point *best = &data->points[rivals->best];
    bool more = candidate->figures[WW_FIGURE_PER_S] > best->figures[WW_FIGURE_PER_S];
    if (candidate->rate_missed != best->rate_missed)
        more = best->rate_missed;
    else if (candidate->open && !candidate->rate_missed)
        more = candidate->figures[WW_FIGURE_P99] < best->figures[WW_FIGURE_P99];
    if (more)
        rivals->best = point;
    if (candidate->figures[WW_FIGURE_P99] < data->points[rivals->lowest_p99].figures[WW_FIGURE_P99])
        rivals->lowest_p99 = point;
}

static struct json_object *against(const struct ww_sweep_data *data, uint32_t point,
                                   struct rivals rivals, struct json_object *load)
{
    const double *ours = data->points[point].figures, *best = data->points[rivals.best].figures;
    double throughput = ours[WW_FIGURE_PER_S] / best[WW_FIGURE_PER_S];
    double p99 = ours[WW_FIGURE_P99] / best[WW_FIGURE_P99];
    struct json_object *row = json_object_new_object();
    json_object_object_add(row, "load", json_object_get(load));
    json_object_object_add(row, "default", id_of(point));
    json_object_object_add(row, "best", id_of(rivals.best));
    json_object_object_add(row, "lowest_p99", id_of(rivals.lowest_p99));
    json_object_object_add(row, "throughput_ratio", ww_json_new_number(throughput));
    json_object_object_add(row, "p99_ratio", ww_json_new_number(p99));
    json_object_object_add(row, "p99_over_lowest",
                           ww_json_new_number(
                               ours[WW_FIGURE_P99] /
                               data->points[rivals.lowest_p99].figures[WW_FIGURE_P99]));
    json_object_object_add(row, "holds",
                           json_object_new_boolean(throughput >= GOAL_THROUGHPUT &&
                                                   p99 <= GOAL_P99));
    return row;
}

static struct json_object *compare_default(const struct ww_sweep_data *data, uint32_t point)
{
    struct rivals rivals = {.best = WW_SWEEP_NO_POINT};
    struct json_object *load = part_of(settings_of(data, point), is_flag), *row = NULL;
    for (uint32_t i = 0; i < ww_sweep_point_count(data->sweep); i++) {
        if (i == point || data->points[i].kept == 0)
            continue;
        struct json_object *other = part_of(settings_of(data, i), is_flag);
        if (json_object_equal(load, other) != 0)
            offer(data, i, &rivals);
        json_object_put(other);
    }
    if (rivals.best != WW_SWEEP_NO_POINT)
        row = against(data, point, rivals, load);
    json_object_put(load);
    return row;
}

struct json_object *ww_sweep_default(const struct ww_sweep_data *data)
{
    struct json_object *rows = json_object_new_array();
    bool holds = true;
    for (uint32_t i = 0; i < ww_sweep_point_count(data->sweep); i++) {
        if (data->points[i].kept == 0 || !is_default(data, i))
            continue;
        struct json_object *row = compare_default(data, i);
        if (row == NULL)
            continue;
        holds = holds && json_object_get_boolean(json_object_object_get(row, "holds"));
        json_object_array_add(rows, row);
    }
    if (json_object_array_length(rows) == 0) {
        json_object_put(rows);
        return NULL;
    }
    struct json_object *result = json_object_new_object();
    json_object_object_add(result, "throughput_goal", ww_json_new_number(GOAL_THROUGHPUT));
    json_object_object_add(result, "p99_goal", ww_json_new_number(GOAL_P99));
    json_object_object_add(result, "loads", rows);
    json_object_object_add(result, "holds", json_object_new_boolean(holds));
    return result;
}
