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

/* The load that the options ask for, its files in `directory`; it traces nothing. */
struct ww_load_options ww_course_load(const struct ww_bench_options *options,
                                      const struct ww_local_cluster *cluster,
                                      const char *directory);

/* What is done while nothing is in flight, between two slices of the measured phase. */
struct ww_course_hooks {
    int (*between)(void *context, struct ww_error *error); /* NULL: nothing */
    void *context;
};

/*
 * Runs the load to its end, load->clients processes in load->rounds slices: fills in result->load,
 * intervals, latency, rotations, change and last. `hooks` may be NULL.
 * WW_ECLOSED when interrupted; fails when a load process or a node ends before its time.
 */
int ww_course_run(struct ww_bench_result *result, const struct ww_load_options *load,
                  const struct ww_course_hooks *hooks, struct ww_local_cluster *cluster,
                  struct ww_error *error);

/* Changes keys of the running nodes: `settings` is what POST /v1/config takes. */
int ww_course_configure(struct ww_local_cluster *cluster, uint32_t nodes, const char *settings,
                        struct ww_error *error);

/*
 * Waits until every replica applied the same entries of every group and compares their digests:
 * verified->replicas_identical, `entries`, and commit[group], the common position.
 */
int ww_course_settle(struct ww_bench_result *result, struct ww_local_cluster *cluster,
                     uint64_t *commit, struct ww_error *error);

#endif
