/* SPDX-License-Identifier: Apache-2.0 */
/* What the runs of a sweep measured, and what follows: noise, medians, front, knee, best point. */
#ifndef WW_BENCH_SWEEP_DATA_H
#define WW_BENCH_SWEEP_DATA_H

#include "bench/sweep.h"

#define WW_SWEEP_SCHEMA "whitewater.sweep/1"
#define WW_SWEEP_FAILED "failed.json" /* in the directory of a run that failed */
#define WW_SWEEP_NO_POINT UINT32_MAX

extern const char ww_sweep_noise_rule[]; /* a sentence; docs/sweeps.md says why */

/*
 * What says how disturbed the machine was during a run, and nothing of how well the run went: the
 * limits that it measured, and the processor time that the hypervisor and other processes took.
 */
enum ww_sweep_signal {
    WW_SIGNAL_WAL_WRITE, /* limits.wal_write.p50 */
    WW_SIGNAL_NET_RTT,   /* limits.net_rtt.p50 */
    WW_SIGNAL_STEAL,     /* cpu.steal_fraction */
    WW_SIGNAL_OTHERS,    /* cpu.others_cores */
    WW_SIGNALS,
};

enum ww_sweep_state { WW_RUN_MISSING, WW_RUN_FAILED, WW_RUN_NOISY, WW_RUN_KEPT };

struct ww_sweep_run {
    enum ww_sweep_state state;
    char why[200]; /* failed, noisy */
    double figures[WW_FIGURES], signals[WW_SIGNALS];
    double reached; /* open loop: achieved rate over the wanted one; otherwise NAN */
};

struct ww_sweep_point {
    struct ww_sweep_run runs[WW_SWEEP_REPEATS_MAX];
    double figures[WW_FIGURES]; /* medians over the kept runs; NAN: none */
    uint32_t kept;
    bool unsettled;   /* more of its runs are noisy than may be thrown out */
    bool open;        /* open loop */
    bool rate_missed; /* ... and the rate that was wanted was not reached */
    bool pareto;
};

struct ww_sweep_data {
    const struct ww_sweep *sweep;
    struct ww_sweep_point *points;
    double noise_limits[WW_SIGNALS]; /* a deviation beyond it is noise; NAN: not measured */
    uint32_t missing, failed, thrown, kept;
    struct json_object *first; /* a result.json: machine and version of all */
};

/* Reads all runs of the sweep below `directory`, and works out all of the above. */
int ww_sweep_data_read(struct ww_sweep_data *data, const struct ww_sweep *sweep,
                       const char *directory, struct ww_error *error);
void ww_sweep_data_free(struct ww_sweep_data *data);

/* ---- the steps of it, apart for tests ---- */

/* The median of the values that are not NAN; NAN when there is none. Sorts them. */
double ww_sweep_median(double *values, uint32_t count);

/* Where a signal stands in result.json. */
const char *ww_sweep_signal_path(enum ww_sweep_signal signal);

/* The rule of docs/sweeps.md: sets noisy runs apart. */
void ww_sweep_find_noise(struct ww_sweep_data *data);

/* Medians of the kept runs, counts, and the Pareto front: most commits, lowest p99. */
void ww_sweep_summarise(struct ww_sweep_data *data);

/*
 * The best point by the objective among those that meet the SLO and reached their rate; equal ones:
 * the lower p99. `but` is left out. WW_SWEEP_NO_POINT: there is none.
 */
uint32_t ww_sweep_best(const struct ww_sweep_data *data, const struct ww_objective *objective,
                       const struct ww_slo *slo, uint32_t but);

/* The point that misses the SLO by the smallest factor. */
uint32_t ww_sweep_nearest(const struct ww_sweep_data *data, const struct ww_slo *slo);

bool ww_sweep_meets(const struct ww_sweep_data *data, uint32_t point, const struct ww_slo *slo);

/* ---- as JSON ---- */

/* {"method", "curves"}: the knee of each configuration that was measured under three loads or more.
 * NULL: there is none. */
struct json_object *ww_sweep_knees(const struct ww_sweep_data *data);

/* Every load under which the default configuration and others were measured: the default against
 * the best of the others. NULL: there is none. */
struct json_object *ww_sweep_default(const struct ww_sweep_data *data);

/* sweep.json. */
struct json_object *ww_sweep_json(const struct ww_sweep_data *data);

/* The table, made of sweep.json alone. */
void ww_sweep_print(struct json_object *json, FILE *file);

#endif
