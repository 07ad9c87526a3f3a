/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which repeats do not count. A run is judged by the machine alone: by its own measurements of the
 * limits and by the stolen time. Its result is never looked at, for whoever throws out bad results
 * keeps the good ones, and reports luck.
 *
 * A deviation is the distance of a run's signal from the median of its point (of ratios the
 * logarithm, of the stolen share the difference). What is usual is learned from all points
 * together, since three repeats say little of their own spread: the median absolute deviation (MAD)
 * of the whole sweep, which outliers do not move (Hampel 1974).
 */
#include "bench/sweep_data.h"

#include <math.h>
#include <stdlib.h>

#define MADS 5.0    /* about 3.4 standard deviations of a normal distribution */
#define RUNS_MIN 3u /* of two it cannot be said which one is the odd one out */

static const struct {
    const char *name;
    bool ratio;
    double floor; /* deviations up to this are never noise, however quiet the rest was */
} signals[WW_SIGNALS] = {
    [WW_SIGNAL_WAL_WRITE] = {"durable write p50", true, 0.1},
    [WW_SIGNAL_NET_RTT] = {"round trip p50", true, 0.1},
    [WW_SIGNAL_STEAL] = {"stolen time", false, 0.02},
};

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
        if (signals[signal].ratio && !(deviations[k] > 0))
            deviations[k] = NAN;
        else if (signals[signal].ratio)
            deviations[k] = log(deviations[k]);
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
    const char *form = signals[signal].ratio
                           ? "%s is off its point's median by %.0f %% (limit %.0f %%)"
                           : "%s is off its point's median by %.1f points (limit %.1f)";
    double shown = signals[signal].ratio ? expm1(deviation) : deviation;
    double bound = signals[signal].ratio ? expm1(limit) : limit;
    snprintf(run->why, sizeof(run->why), form, signals[signal].name, 100 * shown, 100 * bound);
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
