/* SPDX-License-Identifier: Apache-2.0 */
/* Running a sweep, going on with one, and its report. */
#ifndef WW_BENCH_SWEEP_RUN_H
#define WW_BENCH_SWEEP_RUN_H

#include "bench/sweep.h"

struct ww_sweep_options {
    const char *path;   /* the file */
    const char *output; /* its directory: made, or one of the same sweep to go on with */
    const char *data;   /* the clusters' directories are made below this one */
    ww_sweep_check *check;
    bool json; /* sweep.json on stdout instead of the table */
    bool progress;
};

/*
 * Runs what is missing, one `ww bench` at a time, and then reports. WW_ECLOSED when it was
 * interrupted (the sentence says how to go on); WW_EIO when runs failed.
 */
int ww_sweep_run(const struct ww_sweep_options *options, struct ww_error *error);

/* Is this the directory of a sweep? */
bool ww_sweep_is_directory(const char *directory);

/*
 * Makes sweep.json and report.html anew from the runs, and prints the table, or sweep.json, to
 * stdout. *json, unless NULL, is the caller's to put.
 */
int ww_sweep_report(const char *directory, bool as_json, struct json_object **json,
                    struct ww_error *error);

/*
 * Writes the configuration of the best point to `output` (NULL: stdout), by the sweep's own SLO and
 * objective or by those given. WW_ENOTFOUND: no point meets the SLO; the error names the nearest.
 */
int ww_sweep_recommend(const char *directory, const char *slo, const char *objective,
                       const char *output, struct ww_error *error);

#endif
