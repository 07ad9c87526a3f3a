/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics of `ww compare`, and how much each changed. Several runs are the sample where a side
 * has them; where each side has one, its measured seconds are, and the rounds of the limits: they
 * know what drifts within a run, and nothing of what differs from one run to the next.
 */
#include "bench/bootstrap.h"
#include "bench/compare_internal.h"
#include "bench/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct ww_metric ww_metrics[] = {
    {"throughput", "per_s", "commits/s", "1/s", true, "commit.per_s", "per_s", NULL},
    {"p50", NULL, "p50", "ns", false, "commit.latency.p50", "p50", NULL},
    {"p99", NULL, "p99", "ns", false, "commit.latency.p99", "p99", NULL},
    {"p999", "p99.9", "p99.9", "ns", false, "commit.latency.p999", "p999", NULL},
    {"p50_over_write", NULL, "p50 / durable write", "", false,
     "ratios.commit_p50_over_wal_write_p50", "p50", "wal_write.p50"},
    {"p99_over_write", NULL, "p99 / durable write", "", false,
     "ratios.commit_p99_over_wal_write_p99", "p99", "wal_write.p99"},
    {"p50_over_round_trips", NULL, "p50 / two round trips", "", false,
     "ratios.commit_p50_over_two_net_rtt_p50", "p50", "net_rtt.p50"},
    {"bandwidth_over_limit", NULL, "bandwidth / limit", "", true, "ratios.bandwidth_over_limit",
     "per_s", "wal_bytes_per_s"},
    {"bandwidth_over_shape", NULL, "bandwidth / same shape", "", true,
     "ratios.bandwidth_over_shape_limit", "per_s", NULL},
    {"cycles", NULL, "work cycles / entry, replica", "", false,
     "cpu.work_cycles_per_entry_per_replica", NULL, NULL},
};
const uint32_t ww_metric_count = sizeof(ww_metrics) / sizeof(ww_metrics[0]);

/* The values of one metric on one side. */
struct sample {
    double *values;
    uint32_t count;
};

static struct json_object *runs_of(struct json_object *point)
{
    return json_object_object_get(point, "runs");
}

/* What stands at `path` in each element that has it and, by `flag`, counts. */
static struct sample sample_of(struct json_object *list, const char *path, const char *flag)
{
    size_t length = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    struct sample sample = {.values = calloc(length + 1, sizeof(double))};
    for (size_t i = 0; i < length && sample.values != NULL; i++) {
        struct json_object *each = json_object_array_get_idx(list, i);
        double value = ww_json_number_at(each, path);
        if (flag != NULL && !json_object_get_boolean(ww_json_at(each, flag)))
            continue;
        if (value > 0)
            sample.values[sample.count++] = value;
    }
    return sample;
}

/* Whole seconds only: the rest of a round at its end is too short to be one of them. */
static struct json_object *whole_intervals(struct json_object *run)
{
    struct json_object *all = ww_json_at(run, "intervals"), *whole = json_object_new_array();
    size_t length = json_object_is_type(all, json_type_array) ? json_object_array_length(all) : 0;
    double longest = 0;
    for (size_t i = 0; i < length; i++)
        longest = fmax(longest, ww_json_number_or(json_object_array_get_idx(all, i), "seconds", 0));
    for (size_t i = 0; i < length; i++) {
        struct json_object *each = json_object_array_get_idx(all, i);
        if (ww_json_number_or(each, "seconds", 0) >= longest / 2)
            json_object_array_add(whole, json_object_get(each));
    }
    return whole;
}

static double mean_of(const struct sample *sample)
{
    double sum = 0;
    for (uint32_t i = 0; i < sample->count; i++)
        sum += sample->values[i];
    return sample->count == 0 ? (double)NAN : sum / sample->count;
}

/* ---- what an interval is made from ---- */

struct factors {
    struct ww_bootstrap_factor list[WW_BOOTSTRAP_FACTORS_MAX];
    struct sample samples[WW_BOOTSTRAP_FACTORS_MAX];
    uint32_t count;
};

/* Takes the sample over; one that does not vary is no factor. */
static void add_factor(struct factors *factors, struct sample sample, uint32_t drawn, int power)
{
    if (sample.count < 2) {
        free(sample.values);
        return;
    }
    factors->samples[factors->count] = sample;
    factors->list[factors->count++] = (struct ww_bootstrap_factor){
        .values = sample.values,
        .count = sample.count,
        .drawn = drawn == 0 ? sample.count : drawn,
        .power = power,
    };
}

/* A side of one run is given the spread that the other side's runs have. */
static void add_runs(struct factors *factors, const struct ww_metric *metric,
                     struct json_object *point, struct json_object *other, int power)
{
    char path[96];
    snprintf(path, sizeof(path), "result.%s", metric->path);
    struct sample sample = sample_of(runs_of(point), path, NULL);
    if (sample.count == 1) {
        free(sample.values);
        add_factor(factors, sample_of(runs_of(other), path, NULL), 1, power);
    } else {
        add_factor(factors, sample, 0, power);
    }
}

/* Returns the number of intervals. */
static uint32_t add_intervals(struct factors *factors, const struct ww_metric *metric,
                              struct json_object *point, int power)
{
    struct json_object *run = json_object_array_get_idx(runs_of(point), 0);
    struct json_object *intervals = whole_intervals(run);
    struct sample sample = sample_of(intervals, metric->interval, NULL);
    uint32_t count = sample.count;
    json_object_put(intervals);
    add_factor(factors, sample, 0, power);
    if (metric->limit != NULL)
        add_factor(factors,
                   sample_of(ww_json_at(run, "result.limits.rounds"), metric->limit, "counts"), 0,
                   -power);
    return count;
}

static void free_factors(struct factors *factors)
{
    for (uint32_t i = 0; i < factors->count; i++)
        free(factors->samples[i].values);
}

static uint32_t runs_with(struct json_object *point, const struct ww_metric *metric, double *mean)
{
    char path[96];
    snprintf(path, sizeof(path), "result.%s", metric->path);
    struct sample sample = sample_of(runs_of(point), path, NULL);
    uint32_t count = sample.count;
    *mean = mean_of(&sample);
    free(sample.values);
    return count;
}

/* Adds the factors of one side; false when there is nothing that varies. */
static bool add_side(struct factors *factors, struct ww_change *change, struct json_object *point,
                     struct json_object *other, int power)
{
    uint32_t before = factors->count;
    uint32_t *samples = power > 0 ? &change->samples_b : &change->samples_a;
    if (change->from_runs) {
        add_runs(factors, change->metric, point, other, power);
        return factors->count > before;
    }
    if (change->metric->interval == NULL)
        return false;
    *samples = add_intervals(factors, change->metric, point, power);
    return *samples >= 2;
}

bool ww_change_find(const struct ww_metric *metric, struct json_object *a, struct json_object *b,
                    const struct ww_compare_options *options, struct ww_change *change)
{
    *change = (struct ww_change){
        .metric = metric, .change = NAN, .low = NAN, .high = NAN, .b_low = NAN, .b_high = NAN};
    change->samples_a = runs_with(a, metric, &change->a);
    change->samples_b = runs_with(b, metric, &change->b);
    change->from_runs = change->samples_a > 1 || change->samples_b > 1;
    if (change->samples_a == 0 || change->samples_b == 0)
        return change->samples_a + change->samples_b > 0;
    change->change = change->b / change->a - 1;
    struct factors factors = {.count = 0};
    double low, high;
    if (add_side(&factors, change, b, a, 1)) {
        ww_bootstrap(factors.list, factors.count, options->confidence, options->seed, &low, &high);
        change->b_low = change->b * exp(low);
        change->b_high = change->b * exp(high);
        if (add_side(&factors, change, a, b, -1)) {
            ww_bootstrap(factors.list, factors.count, options->confidence, options->seed, &low,
                         &high);
            change->low = (1 + change->change) * exp(low) - 1;
            change->high = (1 + change->change) * exp(high) - 1;
        }
    }
    free_factors(&factors);
    return true;
}

const char *ww_change_verdict(const struct ww_change *change)
{
    if (isnan(change->low))
        return "unknown";
    if (change->low <= 0 && change->high >= 0)
        return "same";
    return (change->low > 0) == change->metric->higher ? "better" : "worse";
}
