/* SPDX-License-Identifier: Apache-2.0 */
/* Intervals of known distributions hold what they should, about as often as they say. */
#include "bench/bootstrap.h"

#include "engine/base/random.h"

#include <criterion/criterion.h>
#include <math.h>

#define TRIALS 200

/* About normal: the sum of twelve uniform numbers. */
static double normal(struct ww_random *random, double mean, double deviation)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += (double)ww_random_range(random, 0, 1u << 30) / (1u << 30);
    return mean + deviation * sum;
}

/* In how many of TRIALS does the interval of B over A hold `ratio`? */
static int covered(uint32_t count_a, uint32_t count_b, double ratio, double claimed)
{
    struct ww_random random = {7};
    int held = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        double a[16], b[16], low, high, mean_a = 0, mean_b = 0;
        for (uint32_t i = 0; i < count_a; i++)
            mean_a += (a[i] = normal(&random, 100, 5)) / count_a;
        for (uint32_t i = 0; i < count_b; i++)
            mean_b += (b[i] = normal(&random, 100 * ratio, 5 * ratio)) / count_b;
        struct ww_bootstrap_factor factors[] = {{b, count_b, count_b, 1},
                                                {a, count_a, count_a, -1}};
        ww_bootstrap(factors, 2, 0.95, (uint64_t)trial, &low, &high);
        cr_assert_leq(low, high);
        double found = mean_b / mean_a;
        held += found * exp(low) <= claimed && found * exp(high) >= claimed;
    }
    return held;
}

Test(bootstrap, student_and_normal_quantiles_of_the_tables)
{
    cr_expect_float_eq(ww_student_quantile(0.95, 1), 12.7062, 1e-3);
    cr_expect_float_eq(ww_student_quantile(0.95, 4), 2.7764, 1e-3);
    cr_expect_float_eq(ww_student_quantile(0.99, 10), 3.1693, 1e-3);
    cr_expect_float_eq(ww_student_quantile(0.95, 1e9), 1.96, 0.02);
}

Test(bootstrap, the_same_distribution_mostly_covers_no_change)
{
    cr_expect_geq(covered(5, 5, 1, 1), TRIALS * 9 / 10);
    cr_expect_geq(covered(3, 3, 1, 1), TRIALS * 9 / 10);
    cr_expect_geq(covered(12, 12, 1, 1), TRIALS * 9 / 10);
}

Test(bootstrap, a_shift_is_covered_and_no_change_is_not)
{
    cr_expect_geq(covered(5, 5, 1.3, 1.3), TRIALS * 9 / 10);
    cr_expect_leq(covered(5, 5, 1.3, 1), TRIALS / 20);
    cr_expect_leq(covered(12, 12, 1.1, 1), TRIALS / 10);
}

Test(bootstrap, more_values_make_a_narrower_interval)
{
    double few[] = {95, 105}, many[16], low, high, wide;
    for (int i = 0; i < 16; i++)
        many[i] = i % 2 == 0 ? 95 : 105;
    ww_bootstrap(&(struct ww_bootstrap_factor){few, 2, 2, 1}, 1, 0.95, 1, &low, &high);
    wide = high - low;
    ww_bootstrap(&(struct ww_bootstrap_factor){many, 16, 16, 1}, 1, 0.95, 1, &low, &high);
    cr_expect_lt(high - low, wide / 4);
}

Test(bootstrap, what_does_not_vary_has_no_width_and_a_seed_repeats)
{
    double same[] = {5, 5, 5}, other[] = {4, 5, 6}, low, high, low_again, high_again;
    ww_bootstrap(&(struct ww_bootstrap_factor){same, 3, 3, 1}, 1, 0.95, 1, &low, &high);
    cr_expect_float_eq(low, 0, 1e-12);
    cr_expect_float_eq(high, 0, 1e-12);
    ww_bootstrap(&(struct ww_bootstrap_factor){other, 3, 3, 1}, 1, 0.95, 9, &low, &high);
    ww_bootstrap(&(struct ww_bootstrap_factor){other, 3, 3, 1}, 1, 0.95, 9, &low_again,
                 &high_again);
    cr_expect_eq(low, low_again);
    cr_expect_eq(high, high_again);
    cr_expect_lt(low, high);
}
