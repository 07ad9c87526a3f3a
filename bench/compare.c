/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare.h"

#include "bench/compare_internal.h"
#include "bench/json.h"

#include <math.h>
#include <string.h>

#define GATES_MAX 16u

struct compare {
    const struct ww_compare_options *options;
    struct ww_gate gates[GATES_MAX];
    uint32_t gate_count;
    struct json_object *metrics, *differences, *judged;
};

static int parse_gates(struct compare *compare, struct ww_error *error)
{
    int status = WW_OK;
    const char *at = compare->options->gates;
    for (; at != NULL && status == WW_OK; at = strchr(at, ','), at += at != NULL) {
        char text[64];
        snprintf(text, sizeof(text), "%.*s", (int)strcspn(at, ","), at);
        if (compare->gate_count == GATES_MAX)
            return ww_fail(error, WW_EINVAL, "more than %u gates", GATES_MAX);
        status = ww_gate_parse(text, &compare->gates[compare->gate_count], error);
        compare->gate_count += status == WW_OK;
    }
    return status;
}

/* ---- one point ---- */

static void put_known(struct json_object *object, const char *key, double value)
{
    if (!isnan(value))
        ww_json_put_number(object, key, value);
}

/* Which point of a sweep it is of. */
static void put_point(struct json_object *object, struct json_object *point)
{
    struct json_object *settings = ww_json_at(point, "settings");
    if (settings == NULL)
        return;
    json_object_object_add(object, "point", json_object_get(ww_json_at(point, "id")));
    json_object_object_add(object, "settings", json_object_get(settings));
}

static void put_change(struct compare *compare, struct json_object *point,
                       const struct ww_change *change)
{
    struct json_object *object = json_object_new_object();
    put_point(object, point);
    ww_json_put_text(object, "name", change->metric->name);
    ww_json_put_text(object, "title", change->metric->title);
    ww_json_put_text(object, "unit", change->metric->unit);
    ww_json_put_text(object, "better", change->metric->higher ? "higher" : "lower");
    put_known(object, "a", change->a);
    put_known(object, "b", change->b);
    put_known(object, "change", change->change);
    put_known(object, "low", change->low);
    put_known(object, "high", change->high);
    ww_json_put_text(object, "verdict", ww_change_verdict(change));
    ww_json_put_text(object, "from", change->from_runs ? "runs" : "intervals");
    ww_json_put_count(object, "samples_a", change->samples_a);
    ww_json_put_count(object, "samples_b", change->samples_b);
    json_object_array_add(compare->metrics, object);
}

static void judge(struct compare *compare, struct json_object *point,
                  const struct ww_change *change)
{
    for (uint32_t i = 0; i < compare->gate_count; i++) {
        const struct ww_gate *gate = &compare->gates[i];
        if (gate->metric != change->metric)
            continue;
        bool value = gate->kind == WW_GATE_VALUE;
        struct json_object *object = json_object_new_object();
        ww_json_put_text(object, "gate", gate->text);
        put_point(object, point);
        ww_json_put_text(object, "metric", gate->metric->name);
        put_known(object, value ? "b" : "change", value ? change->b : change->change);
        put_known(object, "low", value ? change->b_low : change->low);
        put_known(object, "high", value ? change->b_high : change->high);
        ww_json_put_text(object, "verdict", ww_gate_judge(gate, change));
        json_object_array_add(compare->judged, object);
    }
}

static void compare_point(struct compare *compare, struct json_object *a, struct json_object *b)
{
    for (uint32_t i = 0; i < ww_metric_count; i++) {
        struct ww_change change;
        if (!ww_change_find(&ww_metrics[i], a, b, compare->options, &change))
            continue;
        put_change(compare, a, &change);
        judge(compare, a, &change);
    }
}

/* ---- all of them ---- */

static struct json_object *points_of(struct json_object *side)
{
    return json_object_object_get(side, "points");
}

static bool has_runs(struct json_object *point)
{
    return json_object_array_length(json_object_object_get(point, "runs")) > 0;
}

static const char *settings_of(struct json_object *point)
{
    return ww_json_text_or(point, "settings", "");
}

/* The point of the same settings, or NULL. */
static struct json_object *same_point(struct json_object *side, struct json_object *point)
{
    struct json_object *points = points_of(side);
    for (size_t i = 0; i < json_object_array_length(points); i++) {
        struct json_object *each = json_object_array_get_idx(points, i);
        if (strcmp(settings_of(each), settings_of(point)) == 0 && has_runs(each))
            return each;
    }
    return NULL;
}

static void note_lonely(struct compare *compare, struct json_object *point, bool in_a)
{
    struct json_object *difference = json_object_new_object();
    char key[300];
    snprintf(key, sizeof(key), "point %s", settings_of(point));
    ww_json_put_text(difference, "key", key);
    ww_json_put_text(difference, "a", in_a ? "measured" : "absent");
    ww_json_put_text(difference, "b", in_a ? "absent" : "measured");
    json_object_object_add(difference, "allowed", json_object_new_boolean(compare->options->force));
    json_object_array_add(compare->differences, difference);
}

/* Calls `each` for the points that both have, and notes the others. */
static uint32_t
for_pairs(struct compare *compare, struct json_object *a, struct json_object *b, bool note,
          void (*each)(struct compare *, struct json_object *, struct json_object *))
{
    uint32_t pairs = 0;
    struct json_object *sides[] = {a, b};
    for (int k = 0; k < 2; k++) {
        struct json_object *points = points_of(sides[k]);
        for (size_t i = 0; i < json_object_array_length(points); i++) {
            struct json_object *point = json_object_array_get_idx(points, i);
            struct json_object *other = same_point(sides[1 - k], point);
            if (!has_runs(point))
                continue;
            if (other == NULL && note)
                note_lonely(compare, point, k == 0);
            else if (other != NULL && k == 0)
                each(compare, point, other);
            pairs += other != NULL && k == 0;
        }
    }
    return pairs;
}

static void hold_together(struct compare *compare, struct json_object *a, struct json_object *b)
{
    ww_compare_likeness(a, b, compare->options, compare->differences);
}

static int check_differences(struct compare *compare, struct ww_error *error)
{
    size_t count = json_object_array_length(compare->differences), refused = 0;
    for (size_t i = 0; i < count; i++)
        refused += !json_object_get_boolean(
            ww_json_at(json_object_array_get_idx(compare->differences, i), "allowed"));
    if (refused == 0)
        return WW_OK;
    return ww_fail(error, WW_EINVAL,
                   "these are not alike (%zu difference%s above): --allow KEY,... for those that "
                   "are meant, or --force, compares them all the same",
                   refused, refused == 1 ? "" : "s");
}

static struct json_object *describe(struct json_object *side)
{
    struct json_object *object = json_object_new_object(), *first = NULL;
    struct json_object *points = points_of(side);
    size_t runs = 0;
    for (size_t i = 0; i < json_object_array_length(points); i++) {
        struct json_object *list =
            json_object_object_get(json_object_array_get_idx(points, i), "runs");
        runs += json_object_array_length(list);
        if (first == NULL && json_object_array_length(list) > 0)
            first = json_object_object_get(json_object_array_get_idx(list, 0), "result");
    }
    ww_json_put_text(object, "path", ww_json_text_or(side, "path", ""));
    ww_json_put_text(object, "kind", ww_json_text_or(side, "kind", ""));
    ww_json_put_count(object, "points", json_object_array_length(points));
    ww_json_put_count(object, "runs", runs);
    ww_json_put_text(object, "version", ww_json_text_or(first, "version", "unknown"));
    ww_json_put_text(object, "started_at", ww_json_text_or(first, "started_at", "unknown"));
    ww_json_put_text(object, "conditions", ww_json_text_or(first, "conditions", "unknown"));
    return object;
}

static void warn(struct json_object *warnings, const char *code, const char *text)
{
    struct json_object *warning = json_object_new_object();
    ww_json_put_text(warning, "code", code);
    ww_json_put_text(warning, "text", text);
    json_object_array_add(warnings, warning);
}

/* What makes the comparison worth less. */
static struct json_object *warnings_of(const struct compare *compare)
{
    struct json_object *warnings = json_object_new_array();
    bool single = false;
    for (size_t i = 0; i < json_object_array_length(compare->metrics); i++) {
        const char *from =
            ww_json_text_or(json_object_array_get_idx(compare->metrics, i), "from", "");
        single |= strcmp(from, "intervals") == 0;
    }
    if (single)
        warn(warnings, "single_runs",
             "one run a side: these intervals come from the seconds within the runs, and know "
             "nothing of how two runs of one program differ; give directories of several runs");
    if (json_object_array_length(compare->differences) > 0)
        warn(warnings, "unlike",
             "the runs are not alike, and were compared because that was asked "
             "for; differences lists in what");
    return warnings;
}

static int check_sides(struct compare *compare, struct json_object *a, struct json_object *b,
                       struct ww_error *error)
{
    int status = parse_gates(compare, error);
    if (status == WW_OK)
        status = ww_compare_check_allowed(a, b, compare->options, error);
    if (status != WW_OK)
        return status;
    if (for_pairs(compare, a, b, true, hold_together) == 0)
        return ww_fail(error, WW_EINVAL, "%s and %s have no point in common",
                       ww_json_text_or(a, "path", ""), ww_json_text_or(b, "path", ""));
    return check_differences(compare, error);
}

int ww_compare(struct json_object *a, struct json_object *b,
               const struct ww_compare_options *options, struct json_object **found,
               struct ww_error *error)
{
    struct compare compare = {
        .options = options,
        .metrics = json_object_new_array(),
        .differences = json_object_new_array(),
        .judged = json_object_new_array(),
    };
    *found = json_object_new_object();
    ww_json_put_text(*found, "schema", WW_COMPARE_SCHEMA);
    json_object_object_add(*found, "a", describe(a));
    json_object_object_add(*found, "b", describe(b));
    ww_json_put_number(*found, "confidence", options->confidence);
    json_object_object_add(*found, "strict", json_object_new_boolean(options->strict));
    json_object_object_add(*found, "metrics", compare.metrics);
    json_object_object_add(*found, "differences", compare.differences);
    json_object_object_add(*found, "gates", compare.judged);
    int status = check_sides(&compare, a, b, error);
    if (status == WW_OK)
        for_pairs(&compare, a, b, false, compare_point);
    json_object_object_add(*found, "warnings", warnings_of(&compare));
    return status;
}

bool ww_compare_failed(struct json_object *found)
{
    struct json_object *gates = json_object_object_get(found, "gates");
    bool strict = json_object_get_boolean(json_object_object_get(found, "strict")), failed = false;
    for (size_t i = 0; i < json_object_array_length(gates); i++) {
        const char *verdict = ww_json_text_or(json_object_array_get_idx(gates, i), "verdict", "");
        failed |= strcmp(verdict, "failed") == 0;
        failed |= strict && strcmp(verdict, "undecided") == 0;
    }
    return failed;
}
