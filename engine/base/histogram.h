/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Latency histogram, log-linear like HdrHistogram with 3 significant digits (Tene): values from
 * 1 ns to about 1,000 s with an error below 0.1 %. Recording is a few instructions; fixed memory.
 */
#ifndef WW_BASE_HISTOGRAM_H
#define WW_BASE_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

#define WW_HISTOGRAM_SUB_BITS 11u /* 2,048 sub-buckets: 3 significant digits */
#define WW_HISTOGRAM_EXPONENTS 30u
#define WW_HISTOGRAM_BUCKETS ((WW_HISTOGRAM_EXPONENTS + 1u) << (WW_HISTOGRAM_SUB_BITS - 1u))

struct ww_histogram {
    uint64_t count;
    uint64_t min; /* UINT64_MAX when empty */
    uint64_t max;
    uint64_t buckets[WW_HISTOGRAM_BUCKETS];
};

void ww_histogram_reset(struct ww_histogram *histogram);
void ww_histogram_record(struct ww_histogram *histogram, uint64_t value, uint64_t count);
void ww_histogram_merge(struct ww_histogram *into, const struct ww_histogram *from);
/* As if each value of `from` had been recorded `times` as often; times >= 1. */
void ww_histogram_merge_times(struct ww_histogram *into, const struct ww_histogram *from,
                              uint64_t times);

/* The value below or at which `quantile` (0..1) of the recorded ones lie; 0 when empty. */
uint64_t ww_histogram_quantile(const struct ww_histogram *histogram, double quantile);
double ww_histogram_mean(const struct ww_histogram *histogram);

/* The percentile table that HdrHistogram tools read (.hgrm); values divided by `scale`. */
int ww_histogram_write_hgrm(const struct ww_histogram *histogram, double scale, FILE *file);

#endif
