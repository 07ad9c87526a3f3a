/* SPDX-License-Identifier: Apache-2.0 */
/* All that a run measured, and result.json made of it (schema whitewater.bench/1). */
#ifndef WW_BENCH_RESULT_H
#define WW_BENCH_RESULT_H

#include "bench/bench.h"
#include "bench/environment.h"
#include "bench/hlog.h"
#include "bench/machine_limits.h"
#include "bench/rotation.h"
#include "bench/sample.h"
#include "bench/trace.h"
#include "bench/verify.h"
#include "bench/witness.h"

/* A part of the measured phase, on CLOCK_MONOTONIC. */
struct ww_slice {
    uint64_t begin_ns, end_ns;
};

struct ww_bench_result {
    const struct ww_bench_options *options;
    double entry_mean_bytes;
    char started_at[32];             /* ISO 8601, UTC */
    struct json_object *environment; /* owned */
    struct ww_limits limits;
    struct json_object *load;       /* the `final` lines of all load processes, added up; owned */
    struct json_object *intervals;  /* of all load processes together, in time order; owned */
    struct json_object *injections; /* NULL: none; owned */
    struct ww_histogram latency;    /* commit latency of the measured phase, ns */
    struct ww_hlog hlog;            /* a line per second of the measured phase */
    struct ww_rotations rotations;
    struct ww_traces traces;
    struct ww_slice slices[WW_BENCH_ROUNDS_MAX];
    uint32_t slice_count;
    struct ww_cluster_change change; /* of the nodes' counters in the measured slices */
    struct ww_witness witness;       /* of what else went on in the measured slices */
    struct ww_cluster_sample last;   /* the nodes at the end of the last slice */
    bool read_back;                  /* the logs were read from the disk */
    struct ww_verified verified;
};

/* Frees what it owns, not itself. */
void ww_bench_result_end(struct ww_bench_result *result);

/* The whole of result.json. */
struct json_object *ww_result_json(const struct ww_bench_result *result);

/* Writes result.json, commit.hgrm, commit.hlog, intervals.jsonl, report.html into `directory`. */
int ww_result_write(struct ww_bench_result *result, struct json_object *json, const char *directory,
                    struct ww_error *error);

/* The table for people, made of result.json alone. */
void ww_report_print(struct json_object *json, FILE *file);

#endif
