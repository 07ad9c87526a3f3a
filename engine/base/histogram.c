/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The buckets of HdrHistogram: values below 2,048 one by one, then for every power of two 1,024
 * buckets of equal width. Bucket i of exponent e holds [i << e, (i + 1) << e).
 */
#include "engine/base/histogram.h"

#include <math.h>
#include <string.h>

#define SUB_BUCKETS (1u << WW_HISTOGRAM_SUB_BITS)
#define HALF (SUB_BUCKETS / 2)
#define VALUE_MAX ((1ull << (WW_HISTOGRAM_SUB_BITS + WW_HISTOGRAM_EXPONENTS - 1)) - 1)
#define TICKS_PER_HALF_DISTANCE 5u

static uint32_t bucket_of(uint64_t value)
{
    if (value < SUB_BUCKETS)
        return (uint32_t)value;
    if (value > VALUE_MAX)
        value = VALUE_MAX;
    uint32_t exponent = 64u - (uint32_t)__builtin_clzll(value) - WW_HISTOGRAM_SUB_BITS;
    return exponent * HALF + (uint32_t)(value >> exponent);
}

static uint32_t bucket_exponent(uint32_t bucket)
{
    return bucket < SUB_BUCKETS ? 0 : bucket / HALF - 1;
}

static uint64_t bucket_low(uint32_t bucket)
{
    uint32_t exponent = bucket_exponent(bucket);
    return (uint64_t)(bucket - exponent * HALF) << exponent;
}

/* The highest value of the bucket that may have been recorded. */
static uint64_t bucket_high(const struct ww_histogram *histogram, uint32_t bucket)
{
    uint64_t high = bucket_low(bucket) + (1ull << bucket_exponent(bucket)) - 1;
    return high > histogram->max || bucket == WW_HISTOGRAM_BUCKETS - 1 ? histogram->max : high;
}

static double bucket_middle(uint32_t bucket)
{
    return (double)bucket_low(bucket) + (double)((1ull << bucket_exponent(bucket)) - 1) / 2;
}

void ww_histogram_reset(struct ww_histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
    histogram->min = UINT64_MAX;
}

void ww_histogram_record(struct ww_histogram *histogram, uint64_t value, uint64_t count)
{
    if (count == 0)
        return;
    histogram->count += count;
    histogram->buckets[bucket_of(value)] += count;
    if (value < histogram->min)
        histogram->min = value;
    if (value > histogram->max)
        histogram->max = value;
}

void ww_histogram_merge(struct ww_histogram *into, const struct ww_histogram *from)
{
    ww_histogram_merge_times(into, from, 1);
}

void ww_histogram_merge_times(struct ww_histogram *into, const struct ww_histogram *from,
                              uint64_t times)
{
    into->count += times * from->count;
    for (uint32_t i = 0; i < WW_HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += times * from->buckets[i];
    if (from->min < into->min)
        into->min = from->min;
    if (from->max > into->max)
        into->max = from->max;
}

uint64_t ww_histogram_quantile(const struct ww_histogram *histogram, double quantile)
{
    if (histogram->count == 0)
        return 0;
    /* Counting in doubles is exact up to 2^53; the small term takes back their rounding up. */
    double wanted = quantile * (double)histogram->count * (1 - 1e-15);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < WW_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen != 0 && (double)seen >= wanted)
            return bucket_high(histogram, i);
    }
    return histogram->max;
}

double ww_histogram_mean(const struct ww_histogram *histogram)
{
    double sum = 0;
    for (uint32_t i = 0; i < WW_HISTOGRAM_BUCKETS; i++)
        if (histogram->buckets[i] != 0)
            sum += (double)histogram->buckets[i] * bucket_middle(i);
    return histogram->count == 0 ? 0 : sum / (double)histogram->count;
}

static double standard_deviation(const struct ww_histogram *histogram, double mean)
{
    double sum = 0;
    for (uint32_t i = 0; i < WW_HISTOGRAM_BUCKETS; i++) {
        double distance = bucket_middle(i) - mean;
        if (histogram->buckets[i] != 0)
            sum += (double)histogram->buckets[i] * distance * distance;
    }
    return histogram->count == 0 ? 0 : sqrt(sum / (double)histogram->count);
}

/* Five steps from 0 to 0.5, five from 0.5 to 0.75, and so on: as Tene's percentile iterator. */
static double level_after(double level)
{
    double distance = 1;
    while (distance / 2 >= 1 - level)
        distance /= 2;
    return level + distance / 2 / TICKS_PER_HALF_DISTANCE;
}

static void write_line(FILE *file, double value, double level, uint64_t seen)
{
    if (level < 1)
        fprintf(file, "%12.3f %2.12f %10llu %14.2f\n", value, level, (unsigned long long)seen,
                1 / (1 - level));
    else
        fprintf(file, "%12.3f %2.12f %10llu\n", value, level, (unsigned long long)seen);
}

int ww_histogram_write_hgrm(const struct ww_histogram *histogram, double scale, FILE *file)
{
    double total = (double)histogram->count;
    double level = 0;
    uint64_t seen = 0;
    fprintf(file, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    for (uint32_t i = 0; i < WW_HISTOGRAM_BUCKETS && seen < histogram->count; i++) {
        if (histogram->buckets[i] == 0)
            continue;
        seen += histogram->buckets[i];
        double value = (double)bucket_high(histogram, i) / scale;
        if (seen == histogram->count)
            write_line(file, value, 1, seen);
        else
            for (; (double)seen >= level * total; level = level_after(level))
                write_line(file, value, level, seen);
    }
    double mean = ww_histogram_mean(histogram);
    fprintf(file, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", mean / scale,
            standard_deviation(histogram, mean) / scale);
    fprintf(file, "#[Max     = %12.3f, Total count    = %12llu]\n", (double)histogram->max / scale,
            (unsigned long long)histogram->count);
    fprintf(file, "#[Buckets = %12u, SubBuckets     = %12u]\n", WW_HISTOGRAM_EXPONENTS,
            SUB_BUCKETS);
    return ferror(file) ? -1 : 0;
}
