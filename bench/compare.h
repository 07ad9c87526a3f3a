/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ww compare A B`: what changed from one measurement to the other, and how sure that is. Each side
 * is a result directory of `ww bench`, a directory of several, or that of a sweep.
 */
#ifndef WW_BENCH_COMPARE_H
#define WW_BENCH_COMPARE_H

#include "engine/base/error.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define WW_COMPARE_SCHEMA "whitewater.compare/1"

struct ww_compare_options {
    double confidence; /* 0.5 .. 0.999 */
    uint64_t seed;     /* of the bootstrap */
    bool force;        /* compare unlike runs, too */
    const char *allow; /* "key,key": these may differ; NULL: none */
    const char *gates; /* "p99>+5%,throughput<-3%"; NULL: none */
    bool strict;       /* a gate that is undecided fails */
};

/*
 * One side, as it lies in a directory: {"path", "kind": "run"|"runs"|"sweep", "points": [{"id",
 * "settings", "runs": [{"path", "result", "intervals": [...]}]}]}; without a sweep there is one
 * point, which has no settings. The caller puts *side.
 */
int ww_compare_load(const char *path, struct json_object **side, struct ww_error *error);

/*
 * All that is found, by the schema; the caller puts *found. WW_EINVAL: the sides are not alike
 * (then *found holds "differences" alone), or an option is wrong.
 */
int ww_compare(struct json_object *a, struct json_object *b,
               const struct ww_compare_options *options, struct json_object **found,
               struct ww_error *error);

/* Did a gate fail? By `strict` an undecided one has. */
bool ww_compare_failed(struct json_object *found);

/* The table, and the differences of runs that are not alike, for people. */
void ww_compare_print(struct json_object *found, FILE *file);
void ww_compare_print_differences(struct json_object *found, FILE *file);

#endif
