/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a ratio of means may lie from what was measured: the bootstrap (Efron 1979). Each sample
 * is drawn again with replacement, many times, and the spread of the ratio's logarithm over the
 * draws is the interval. With few values the bare bootstrap is too sure of itself: its deviations
 * are stretched by sqrt(n / (n - 1)) for the variance and by Student's t over the normal quantile
 * (after Hesterberg, "What Teachers Should Know About the Bootstrap", 2015, section 4.1), with
 * Welch's degrees of freedom.
 */
#ifndef WW_BENCH_BOOTSTRAP_H
#define WW_BENCH_BOOTSTRAP_H

#include <stdbool.h>
#include <stdint.h>

#define WW_BOOTSTRAP_FACTORS_MAX 4u
#define WW_BOOTSTRAP_DRAWS 4000u

/* A mean that stands above (power 1) or below (-1) the line. */
struct ww_bootstrap_factor {
    const double *values; /* all above 0 */
    uint32_t count;       /* at least 2 */
    /* How many of them make one mean: `count`, or 1 for a single run that is given the spread of
     * others. */
    uint32_t drawn;
    int power;
};

/*
 * The deviations of the logarithm of the product of all factors that leave (1 - confidence) / 2
 * below and above. Deterministic for a seed.
 */
void ww_bootstrap(const struct ww_bootstrap_factor *factors, uint32_t count, double confidence,
                  uint64_t seed, double *low, double *high);

/* |t| below which a fraction `confidence` of Student's distribution lies; degrees >= 1. */
double ww_student_quantile(double confidence, double degrees);

#endif
