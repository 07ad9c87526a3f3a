/* SPDX-License-Identifier: Apache-2.0 */
/* `ww experiment NAME`: questions with a table for an answer. docs/experiments.md explains each. */
#ifndef WW_BENCH_EXPERIMENT_H
#define WW_BENCH_EXPERIMENT_H

#include "bench/json.h"
#include "engine/cli/cli.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define WW_EXPERIMENT_SCHEMA "whitewater.experiment/1"
#define WW_EXPERIMENT_REPEATS_MAX 25u
#define WW_EXPERIMENT_LIST_MAX 8u
#define WW_EXPERIMENT_FIGURES_MAX 12u

/* One per experiment_*.c: a command of its own, with flags of its own. */
struct ww_experiment {
    const char *name;
    struct ww_command command;
    /* Reads its flags and measures; *result is the caller's to put. WW_ECLOSED: interrupted. */
    int (*run)(const struct ww_cli *cli, struct json_object **result, struct ww_error *error);
    void (*print)(struct json_object *result, FILE *file); /* from the result alone */
};

/* The begin of such a struct: .summary, .flags, and whether it takes configuration keys. */
#define WW_EXPERIMENT(NAME, ...)                                                                   \
    .name = NAME, .command = {.verb = "experiment " NAME,                                          \
                              .hidden = true,                                                      \
                              .run = ww_experiment_main,                                           \
                              __VA_ARGS__}

extern const struct ww_experiment ww_experiment_backtracking;
extern const struct ww_experiment ww_experiment_election;
extern const struct ww_experiment ww_experiment_fsync;
extern const struct ww_experiment ww_experiment_heartbeats;
extern const struct ww_experiment ww_experiment_log_readers;
extern const struct ww_experiment ww_experiment_bypass;
extern const struct ww_experiment ww_experiment_codec;
extern const struct ww_experiment ww_experiment_peers;
extern const struct ww_experiment ww_experiment_trace_cost;
extern const struct ww_experiment ww_experiment_vote_queue;

/* All of them, ended by NULL; engine/cli/main.c lists their commands. */
extern const struct ww_experiment *const ww_experiments[];

/* Runs the experiment that cli->command is of, prints what it found, and writes the files. */
int ww_experiment_main(struct ww_cli *cli);

/* ---- for the experiments: experiment_flags.c ---- */

/* How those that measure in real time do it; their tables of flags hold these. */
struct ww_experiment_timing {
    uint32_t repeats;     /* of every cell; they are interleaved */
    uint64_t warmup_ns;   /* before each, not measured */
    uint64_t duration_ns; /* of each */
};

#define WW_EXPERIMENT_FLAGS_TIMING(DURATION, WARMUP, REPEATS)                                      \
    {"duration", 0, "T", DURATION, "measured, for each cell of the table"},                        \
        {"warmup", 0, "T", WARMUP, "before that, not measured"},                                   \
    {                                                                                              \
        "repeats", 0, "N", REPEATS, "of each cell, interleaved; the table has their medians"       \
    }

int ww_experiment_timing(const struct ww_cli *cli, struct ww_experiment_timing *timing,
                         struct ww_error *error);

/* The numbers in a flag's list "1,64,1k", each in [min, max]. */
struct ww_experiment_numbers {
    uint64_t of[WW_EXPERIMENT_LIST_MAX];
    uint32_t count;
};

int ww_experiment_counts(const struct ww_cli *cli, const char *flag, uint64_t min, uint64_t max,
                         struct ww_experiment_numbers *numbers, struct ww_error *error);
int ww_experiment_durations(const struct ww_cli *cli, const char *flag, uint64_t min_ns,
                            uint64_t max_ns, struct ww_experiment_numbers *numbers,
                            struct ww_error *error);
int ww_experiment_sizes(const struct ww_cli *cli, const char *flag, uint64_t min, uint64_t max,
                        struct ww_experiment_numbers *numbers, struct ww_error *error);

/* Is `name` in the list "a,b,c"? NULL holds all. */
bool ww_experiment_listed(const char *list, const char *name);

/* Fails when the list holds a name that is not one of `count` names, and says which there are. */
int ww_experiment_check_list(const char *flag, const char *list, const char *const *names,
                             uint32_t count, struct ww_error *error);

/* ---- experiment_result.c ---- */

/* {"schema", "version", "experiment", "started_at", "environment"}. */
struct json_object *ww_experiment_result(const char *name, const char *directory);

/* The figures of one cell in every repeat; each name gets its median, and "runs" all of them. */
struct ww_experiment_cell {
    double values[WW_EXPERIMENT_REPEATS_MAX][WW_EXPERIMENT_FIGURES_MAX];
    uint32_t count; /* repeats so far */
};

/* One run more, of `count` figures. */
void ww_experiment_add_run(struct ww_experiment_cell *cell, const double *values, uint32_t count);
void ww_experiment_put_cell(struct json_object *to, const struct ww_experiment_cell *cell,
                            const char *const *names);

/* What stands there; 0 and "unknown" when nothing does. */
double ww_experiment_number(struct json_object *object, const char *key);
const char *ww_experiment_text(struct json_object *object, const char *key);

/* The lines about machine and disk at the head of a table. */
void ww_experiment_print_head(struct json_object *result, FILE *file);

/* One of the result's "plots"; the scales are "linear" or "log". */
struct ww_experiment_plot {
    const char *title;
    const char *x_label, *x_scale, *y_label, *y_scale;
};

/* Adds it, and returns its series. */
struct json_object *ww_experiment_add_plot(struct json_object *result,
                                           const struct ww_experiment_plot *plot);
/* A point of the series `name`, which is made when it is the first one and ordered by x. */
void ww_experiment_add_point(struct json_object *series, const char *name, double x, double y);

#endif
