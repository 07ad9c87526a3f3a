/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which repeats do not count. A run is judged by the machine alone: by its own measurements of the
 * limits and by the stolen time. Its result is never looked at, for whoever throws out bad results
 * keeps the good ones, and reports luck.
 *
 * A deviation is the distance of a run's signal from the median of its point (of ratios the
 * logarithm, of shares the difference). What is usual is learned from all points
 * together, since three repeats say little of their own spread: the median absolute deviation (MAD)
 * of the whole sweep, which outliers do not move (Hampel 1974).
 */
#include "bench/sweep_data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MADS 5.0    /* about 3.4 standard deviations of a normal distribution */
#define RUNS_MIN 3u /* of two it cannot be said which one is the odd one out */

const char ww_sweep_noise_rule[] =
    "thrown out: runs whose own limit probes, stolen time or processor time of others are off "
    "their "
    "point's median by more than 5 MAD of the sweep, and at least 10 % (stolen: 2 points, others: "
    "0.1 cores); at most the smaller half of a point's runs, and none of fewer than three";

static const struct {
    const char *path, *name;
    const char *unit; /* of a difference; NULL: a ratio is looked at */
    double scale;     /* to that unit */
    double floor;     /* deviations up to this are never noise, however quiet the rest was */
} signals[WW_SIGNALS] = {
    [WW_SIGNAL_WAL_WRITE] = {"limits.wal_write.p50", "durable write p50", NULL, 1, 0.1},
    [WW_SIGNAL_NET_RTT] = {"limits.net_rtt.p50", "round trip p50", NULL, 1, 0.1},
    [WW_SIGNAL_STEAL] = {"cpu.steal_fraction", "stolen time", "points", 100, 0.02},
    [WW_SIGNAL_OTHERS] = {"cpu.others_cores", "processor time of others", "cores", 1, 0.1},
};

const char *ww_sweep_signal_path(enum ww_sweep_signal signal)
{
    return signals[signal].path;
}

/* deviations[k] of every measured run of the point; NAN: not measured. Returns their number. */
static uint32_t deviations_of(const struct ww_sweep_data *data, const struct ww_sweep_point *point,
                              int signal, double deviations[WW_SWEEP_REPEATS_MAX])
{
    double sorted[WW_SWEEP_REPEATS_MAX];
    uint32_t count = 0;
    for (uint32_t k = 0; k < data->sweep->repeats; k++) {
        const struct ww_sweep_run *run = &point->runs[k];
        bool measured = run->state == WW_RUN_KEPT || run->state == WW_RUN_NOISY;
        deviations[k] = measured ? run->signals[signal] : NAN;
        if (signals[signal].unit == NULL)
            deviations[k] = deviations[k] > 0 ? log(deviations[k]) : NAN;
        sorted[k] = deviations[k];
        count += !isnan(deviations[k]);
    }
    double median = ww_sweep_median(sorted, data->sweep->repeats);
    for (uint32_t k = 0; k < data->sweep->repeats; k++)
        deviations[k] = fabs(deviations[k] - median);
    return count;
}

/* The limit for one signal, from all points that have enough runs. */
static double limit_of(const struct ww_sweep_data *data, int signal, double *all)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < ww_sweep_point_count(data->sweep); i++) {
        double deviations[WW_SWEEP_REPEATS_MAX];
        uint32_t count = deviations_of(data, &data->points[i], signal, deviations);
        /* The run in the middle is its own median: its zero says nothing of the spread. */
        bool skip = count % 2 == 1;
        for (uint32_t k = 0; count >= RUNS_MIN && k < data->sweep->repeats; k++) {
            if (skip && deviations[k] == 0)
                skip = false;
            else if (!isnan(deviations[k]))
                all[used++] = deviations[k];
        }
    }
    double mad = ww_sweep_median(all, used);
    return isnan(mad) ? NAN : fmax(MADS * mad, signals[signal].floor);
}

static void say_why(struct ww_sweep_run *run, int signal, double deviation, double limit)
{
    bool ratio = signals[signal].unit == NULL;
    snprintf(run->why, sizeof(run->why), "%s is off its point's median by %.3g %s (limit %.3g)",
             signals[signal].name,
             ratio ? 100 * expm1(deviation) : signals[signal].scale * deviation,
             ratio ? "%" : signals[signal].unit,
             ratio ? 100 * expm1(limit) : signals[signal].scale * limit);
}

/* Throws out the runs of a point that are farthest off, at most the smaller half of them. */
static void judge_point(const struct ww_sweep_data *data, struct ww_sweep_point *point)
{
    double worst[WW_SWEEP_REPEATS_MAX] = {0}; /* of the signals, as a multiple of the limit */
    uint32_t runs = 0;
    for (int signal = 0; signal < WW_SIGNALS; signal++) {
        double deviations[WW_SWEEP_REPEATS_MAX], limit = data->noise_limits[signal];
        uint32_t count = deviations_of(data, point, signal, deviations);
        runs = count > runs ? count : runs;
        for (uint32_t k = 0; count >= RUNS_MIN && k < data->sweep->repeats; k++) {
            if (!(deviations[k] / limit > fmax(worst[k], 1)))
                continue;
            worst[k] = deviations[k] / limit;
            say_why(&point->runs[k], signal, deviations[k], limit);
        }
    }
    uint32_t room = runs < RUNS_MIN ? 0 : (runs - 1) / 2;
    for (;;) {
        uint32_t farthest = 0;
        for (uint32_t k = 1; k < data->sweep->repeats; k++)
            farthest = worst[k] > worst[farthest] ? k : farthest;
        if (worst[farthest] == 0)
            return;
        point->unsettled = room == 0;
        if (room == 0)
            return;
        point->runs[farthest].state = WW_RUN_NOISY;
        worst[farthest] = 0;
        room--;
    }
}

void ww_sweep_find_noise(struct ww_sweep_data *data)
{
    uint32_t points = ww_sweep_point_count(data->sweep);
    double *all = calloc((size_t)points * data->sweep->repeats, sizeof(double));
    for (int signal = 0; signal < WW_SIGNALS; signal++)
        data->noise_limits[signal] = all == NULL ? NAN : limit_of(data, signal, all);
    free(all);
    for (uint32_t i = 0; i < points; i++)
        judge_point(data, &data->points[i]);
}
