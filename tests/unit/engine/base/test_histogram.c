/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/histogram.h"

#include "engine/base/random.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static struct ww_histogram *new_histogram(void)
{
    struct ww_histogram *histogram = malloc(sizeof(*histogram));
    cr_assert_not_null(histogram);
    ww_histogram_reset(histogram);
    return histogram;
}

Test(histogram, empty)
{
    struct ww_histogram *histogram = new_histogram();
    cr_assert_eq(ww_histogram_quantile(histogram, 0.5), 0);
    cr_assert_eq(ww_histogram_mean(histogram), 0);
    cr_assert_eq(histogram->count, 0);
    free(histogram);
}

Test(histogram, small_values_are_exact)
{
    struct ww_histogram *histogram = new_histogram();
    for (uint64_t value = 1; value <= 1000; value++)
        ww_histogram_record(histogram, value, 1);
    cr_assert_eq(ww_histogram_quantile(histogram, 0), 1);
    cr_assert_eq(ww_histogram_quantile(histogram, 0.5), 500);
    cr_assert_eq(ww_histogram_quantile(histogram, 0.99), 990);
    cr_assert_eq(ww_histogram_quantile(histogram, 0.999), 999);
    cr_assert_eq(ww_histogram_quantile(histogram, 1), 1000);
    cr_assert_float_eq(ww_histogram_mean(histogram), 500.5, 1e-9);
    free(histogram);
}

Test(histogram, any_value_is_kept_to_a_thousandth)
{
    struct ww_histogram *histogram = new_histogram();
    struct ww_random random = {.state = 1};
    for (int i = 0; i < 2000; i++) {
        uint64_t value = ww_random_next(&random) >> (24 + ww_random_next(&random) % 40);
        ww_histogram_reset(histogram);
        ww_histogram_record(histogram, value, 1);
        ww_histogram_record(histogram, 1ull << 40, 1); /* so that max does not bound it */
        uint64_t kept = ww_histogram_quantile(histogram, 0.5);
        cr_assert_geq(kept, value);
        cr_assert_leq(kept - value, value / 1000, "%lu is kept as %lu", value, kept);
    }
    free(histogram);
}

Test(histogram, values_beyond_the_range_are_counted_with_their_maximum)
{
    struct ww_histogram *histogram = new_histogram();
    ww_histogram_record(histogram, UINT64_MAX, 1);
    ww_histogram_record(histogram, 1, 3);
    cr_assert_eq(histogram->count, 4);
    cr_assert_eq(ww_histogram_quantile(histogram, 0.75), 1);
    cr_assert_eq(ww_histogram_quantile(histogram, 1), UINT64_MAX);
    free(histogram);
}

Test(histogram, merging_equals_recording_into_one)
{
    struct ww_histogram *one = new_histogram(), *two = new_histogram(), *all = new_histogram();
    struct ww_random random = {.state = 7};
    for (int i = 0; i < 5000; i++) {
        uint64_t value = ww_random_range(&random, 1, 10000000);
        ww_histogram_record(i % 3 == 0 ? one : two, value, 2);
        ww_histogram_record(all, value, 2);
    }
    ww_histogram_merge(one, two);
    cr_assert_eq(memcmp(one, all, sizeof(*one)), 0);
    free(one);
    free(two);
    free(all);
}

Test(histogram, merging_several_times_equals_recording_so_often)
{
    struct ww_histogram *one = new_histogram(), *two = new_histogram();
    ww_histogram_record(one, 5, 2);
    ww_histogram_record(one, 7000, 1);
    ww_histogram_merge_times(two, one, 3);
    cr_expect_eq(two->count, 9);
    cr_expect_eq(two->min, 5);
    cr_expect_eq(two->max, 7000);
    cr_expect_eq(ww_histogram_quantile(two, 0.6), 5);
    cr_expect_geq(ww_histogram_quantile(two, 0.7), 6990);
    free(one);
    free(two);
}

Test(histogram, hgrm_table)
{
    struct ww_histogram *histogram = new_histogram();
    for (uint64_t value = 1; value <= 1000; value++)
        ww_histogram_record(histogram, value, 1);
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    cr_assert_eq(ww_histogram_write_hgrm(histogram, 1, file), 0);
    fclose(file);
    cr_assert(strstr(text, "Value     Percentile TotalCount 1/(1-Percentile)\n\n") != NULL);
    cr_assert(strstr(text, "       1.000 0.000000000000          1           1.00\n") != NULL);
    cr_assert(strstr(text, "     500.000 0.500000000000        500           2.00\n") != NULL);
    cr_assert(strstr(text, "     550.000 0.550000000000        550           2.22\n") != NULL);
    cr_assert(strstr(text, "    1000.000 1.000000000000       1000\n") != NULL);
    cr_assert(strstr(text, "#[Mean    =      500.500, StdDeviation   =      288.675]\n") != NULL);
    cr_assert(strstr(text, "#[Max     =     1000.000, Total count    =         1000]\n") != NULL);
    cr_assert(strstr(text, "#[Buckets =           30, SubBuckets     =         2048]\n") != NULL);
    free(text);
    free(histogram);
}

Test(histogram, hgrm_of_nothing_has_no_rows)
{
    struct ww_histogram *histogram = new_histogram();
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    cr_assert_eq(ww_histogram_write_hgrm(histogram, 1000, file), 0);
    fclose(file);
    cr_assert(strstr(text, "1/(1-Percentile)\n\n#[Mean ") != NULL, "%s", text);
    free(text);
    free(histogram);
}
