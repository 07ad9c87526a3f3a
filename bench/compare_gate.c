/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gates of `ww compare`. One fails when the whole interval lies behind its bound: an accident of
 * the measurement does not stop anybody's work. When only the figure itself does, it is undecided:
 * more runs would tell.
 */
#include "bench/compare_internal.h"

#include "engine/base/nearest.h"
#include "engine/base/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct ww_metric *find_metric(const char *name, struct ww_error *error)
{
    const char *nearest = NULL;
    size_t distance = SIZE_MAX;
    for (uint32_t i = 0; i < ww_metric_count; i++) {
        const struct ww_metric *metric = &ww_metrics[i];
        if (strcmp(metric->name, name) == 0 ||
            (metric->alias != NULL && strcmp(metric->alias, name) == 0))
            return metric;
        ww_nearest_offer(name, metric->name, &nearest, &distance);
    }
    ww_fail(error, WW_EINVAL, "no metric '%s'; did you mean '%s'?", name, nearest);
    return NULL;
}

/* A bound that is no percentage: in the unit of its metric. */
static int parse_value(const char *text, const struct ww_metric *metric, double *value,
                       const char **why)
{
    uint64_t whole = 0;
    char *end;
    int status;
    if (strcmp(metric->unit, "ns") == 0) {
        status = ww_parse_duration(text, &whole, why);
        *value = (double)whole;
    } else if (strcmp(metric->unit, "1/s") == 0) {
        status = ww_parse_count(text, &whole, why);
        *value = (double)whole;
    } else {
        *value = strtod(text, &end);
        status = end != text && *end == 0 && *value >= 0 && isfinite(*value) ? WW_OK : WW_EINVAL;
        *why = "not a number";
    }
    return status;
}

int ww_gate_parse(const char *text, struct ww_gate *gate, struct ww_error *error)
{
    char name[32];
    size_t length = strcspn(text, "<>");
    if (text[length] == 0 || length >= sizeof(name) || strlen(text) >= sizeof(gate->text))
        return ww_fail(error, WW_EINVAL,
                       "gate '%.60s': wanted is METRIC>BOUND or METRIC<BOUND, such as p99>+5%%",
                       text);
    snprintf(name, sizeof(name), "%.*s", (int)length, text);
    snprintf(gate->text, sizeof(gate->text), "%s", text);
    gate->metric = find_metric(name, error);
    if (gate->metric == NULL)
        return ww_fail_context(error, "gate '%s'", text);
    gate->above = text[length] == '>';
    const char *bound = text + length + 1, *why = "not a number";
    bool has_sign = *bound == '+' || *bound == '-';
    bool negative = *bound == '-';
    bound += has_sign;
    char *end;
    gate->bound = strtod(bound, &end);
    int status = WW_OK;
    if (end != bound && strcmp(end, "%") == 0 && isfinite(gate->bound)) {
        gate->kind = WW_GATE_PERCENT;
        gate->bound /= 100;
        why = "a percentage is a change and has a sign, such as +5%";
        status = has_sign && *bound != '-' && *bound != '+' ? WW_OK : WW_EINVAL;
    } else {
        gate->kind = has_sign ? WW_GATE_DIFFERENCE : WW_GATE_VALUE;
        status = parse_value(bound, gate->metric, &gate->bound, &why);
    }
    if (negative)
        gate->bound = -gate->bound;
    return status == WW_OK ? WW_OK
                           : ww_fail(error, WW_EINVAL, "gate '%s': '%s': %s", text, bound, why);
}

const char *ww_gate_judge(const struct ww_gate *gate, const struct ww_change *change)
{
    double at = change->change, low = change->low, high = change->high;
    if (gate->kind == WW_GATE_DIFFERENCE) {
        at *= change->a;
        low *= change->a;
        high *= change->a;
    } else if (gate->kind == WW_GATE_VALUE) {
        at = change->b;
        low = change->b_low;
        high = change->b_high;
    }
    if (isnan(at))
        return "undecided";
    if (gate->above ? at <= gate->bound : at >= gate->bound)
        return "passed";
    return (gate->above ? low > gate->bound : high < gate->bound) ? "failed" : "undecided";
}
