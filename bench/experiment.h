/* SPDX-License-Identifier: Apache-2.0 */
/* `ww experiment NAME`: questions with a table for an answer. docs/tuning.md explains each. */
#ifndef WW_BENCH_EXPERIMENT_H
#define WW_BENCH_EXPERIMENT_H

#include "engine/node/config.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define WW_EXPERIMENT_SCHEMA "whitewater.experiment/1"
#define WW_EXPERIMENT_REPEATS_MAX 25u
#define WW_EXPERIMENT_LIST_MAX 8u
#define WW_EXPERIMENT_FIGURES_MAX 12u

/* What the experiments take; each says which it uses. */
struct ww_experiment_options {
    struct ww_config config; /* fsync: of all nodes */
    uint32_t replicas;       /* fsync */
    uint32_t entry_bytes;
    uint32_t repeats;     /* of every cell; they are interleaved */
    uint64_t warmup_ns;   /* before each, not measured */
    uint64_t duration_ns; /* of each */
    uint32_t inflight[WW_EXPERIMENT_LIST_MAX];
    uint32_t inflight_count;
    const char *modes, *windows; /* fsync: lists of names; NULL: all */
    uint32_t readers;            /* log-readers: threads */
    uint64_t rate;               /* log-readers: appends per second */
    const char *data;            /* fsync: the logs are written below it */
    const char *output;          /* NAME.json goes here; NULL: nowhere */
    bool json;                   /* on stdout instead of the table */
    bool progress;
};

struct ww_experiment {
    const char *name, *summary;
    /* Measures; *result is the caller's to put, also when it was interrupted (WW_ECLOSED: NULL). */
    int (*run)(const struct ww_experiment_options *options, struct json_object **result,
               struct ww_error *error);
    void (*print)(struct json_object *result, FILE *file); /* from the result alone */
};

extern const struct ww_experiment ww_experiment_fsync;
extern const struct ww_experiment ww_experiment_log_readers;

/* All of them, ended by NULL. */
extern const struct ww_experiment *const ww_experiments[];

/* Runs it, prints what it found, and writes the file. */
int ww_experiment_run(const struct ww_experiment *experiment,
                      const struct ww_experiment_options *options, struct ww_error *error);

/* ---- for the experiments ---- */

/* {"schema", "version", "experiment", "started_at", "environment"}. */
struct json_object *ww_experiment_result(const char *name, const char *directory);

/* The figures of one cell in every repeat; each name gets its median, and "runs" all of them. */
struct ww_experiment_cell {
    double values[WW_EXPERIMENT_REPEATS_MAX][WW_EXPERIMENT_FIGURES_MAX];
    uint32_t count; /* repeats so far */
};

void ww_experiment_put_cell(struct json_object *to, const struct ww_experiment_cell *cell,
                            const char *const *names);

/* Is `name` in the list "a,b,c"? NULL holds all. */
bool ww_experiment_listed(const char *list, const char *name);

/* Fails when the list holds a name that is not one of `count` names, and says which there are. */
int ww_experiment_check_list(const char *flag, const char *list, const char *const *names,
                             uint32_t count, struct ww_error *error);

/* The lines about machine and disk at the head of a table. */
void ww_experiment_print_head(struct json_object *result, FILE *file);

#endif
