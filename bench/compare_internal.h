/* SPDX-License-Identifier: Apache-2.0 */
/* Inside `ww compare`: likeness, metrics, gates. */
#ifndef WW_BENCH_COMPARE_INTERNAL_H
#define WW_BENCH_COMPARE_INTERNAL_H

#include "bench/compare.h"

/* A figure of a run, and where it and its parts are found. */
struct ww_metric {
    const char *name;
    const char *alias; /* another name in gates, or NULL */
    const char *title; /* in the table */
    const char *unit;  /* "ns", "1/s", or "" */
    bool higher;       /* is better */
    const char *path;  /* in result.json */
    /* In a line of intervals.jsonl and in limits.rounds: the metric is the one above the other. */
    const char *interval, *limit;
};

extern const struct ww_metric ww_metrics[];
extern const uint32_t ww_metric_count;

/* One metric of one point on both sides. What is not known is NAN. */
struct ww_change {
    const struct ww_metric *metric;
    double a, b;
    double change, low, high;      /* b / a - 1, and the interval that holds it */
    double b_low, b_high;          /* the interval that holds b */
    uint32_t samples_a, samples_b; /* that the interval was made from */
    bool from_runs;                /* runs; else intervals within one run */
};

/* False when neither side has the metric. */
bool ww_change_find(const struct ww_metric *metric, struct json_object *a, struct json_object *b,
                    const struct ww_compare_options *options, struct ww_change *change);

/* "better", "worse", "same", or "unknown" without an interval. */
const char *ww_change_verdict(const struct ww_change *change);

/* METRIC(>|<)BOUND: docs/compare.md has the grammar. */
struct ww_gate {
    char text[64];
    const struct ww_metric *metric;
    bool above; /* fails above the bound, else below */
    enum { WW_GATE_PERCENT, WW_GATE_DIFFERENCE, WW_GATE_VALUE } kind;
    double bound; /* a fraction, or in the metric's unit */
};

int ww_gate_parse(const char *text, struct ww_gate *gate, struct ww_error *error);

/* "passed", "failed" or "undecided". */
const char *ww_gate_judge(const struct ww_gate *gate, const struct ww_change *change);

/*
 * Adds to `differences` in what the runs of one point differ: {"key", "a", "b", "allowed"}. Values
 * are texts. Runs of one side are held against each other as well.
 */
void ww_compare_likeness(struct json_object *a, struct json_object *b,
                         const struct ww_compare_options *options, struct json_object *differences);

/* Is every name of options->allow one that the runs have? */
int ww_compare_check_allowed(struct json_object *a, struct json_object *b,
                             const struct ww_compare_options *options, struct ww_error *error);

#endif
