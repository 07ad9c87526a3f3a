/* SPDX-License-Identifier: Apache-2.0 */
/* One course of the load against a running cluster, and the waiting around it. */
#ifndef WW_BENCH_COURSE_H
#define WW_BENCH_COURSE_H

#include "bench/load.h"
#include "bench/result.h"
#include "engine/cli/local_cluster.h"

/* What is happening, on one line of stderr that is drawn again; silent without progress. */
void ww_progress(const struct ww_bench_options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void ww_progress_end(const struct ww_bench_options *options);

/*
 * Runs the load generator to its end: fills in result->load, intervals, latency, rotations, before
 * and after.
 * WW_ECLOSED when interrupted; fails when the generator or a node ends before its time.
 */
int ww_course_run(struct ww_bench_result *result, const struct ww_load_options *load,
                  struct ww_local_cluster *cluster, struct ww_error *error);

/*
 * Waits until every replica applied the same entries of every group and compares their digests:
 * verified->replicas_identical, `entries`, and commit[group], the common position.
 */
int ww_course_settle(struct ww_bench_result *result, struct ww_local_cluster *cluster,
                     uint64_t *commit, struct ww_error *error);

#endif
