/* SPDX-License-Identifier: Apache-2.0 */
/* What a sweep looks at: the figures of a run, an objective and a service level (SLO) over them. */
#ifndef WW_BENCH_SWEEP_GOAL_H
#define WW_BENCH_SWEEP_GOAL_H

#include "engine/base/error.h"
#include "engine/base/limits.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

enum ww_figure {
    WW_FIGURE_PER_S, /* commits */
    WW_FIGURE_BYTES_PER_S,
    WW_FIGURE_P50, /* commit latency, ns */
    WW_FIGURE_P99,
    WW_FIGURE_P999,
    WW_FIGURE_CPU_NS, /* processor time of all nodes for one entry */
    WW_FIGURES,
};

struct ww_figure_kind {
    const char *name;
    const char *path; /* in result.json */
    bool higher_is_better;
    bool is_time; /* ns */
};

extern const struct ww_figure_kind ww_figure_kinds[WW_FIGURES];

/* The figures of a result.json; NAN: not measured. */
void ww_figures_read(struct json_object *result, double figures[WW_FIGURES]);

/* "max per_s", "min p99". */
struct ww_objective {
    enum ww_figure figure;
};

/* Is `a` better than `b` by the objective? */
bool ww_objective_better(const struct ww_objective *objective, double a, double b);

/* "p99<1ms, per_s>=100k": all terms must hold. No term: everything meets it. */
struct ww_slo_term {
    enum ww_figure figure;
    bool or_equal;
    double limit; /* above it, or below it where higher is better, the term does not hold */
};

struct ww_slo {
    struct ww_slo_term terms[WW_SWEEP_SLO_TERMS_MAX];
    uint32_t count;
};

/* WW_EINVAL: the sentence says what could be written; `where` stands before it. */
int ww_objective_parse(const char *text, struct ww_objective *objective, const char *where,
                       struct ww_error *error);
int ww_slo_parse(const char *text, struct ww_slo *slo, const char *where, struct ww_error *error);

bool ww_slo_met(const struct ww_slo *slo, const double figures[WW_FIGURES]);

/* By which factor the worst term is missed; 1 or less: none is. Not measured: infinitely. */
double ww_slo_distance(const struct ww_slo *slo, const double figures[WW_FIGURES]);

#endif
