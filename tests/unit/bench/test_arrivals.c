/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/arrivals.h"

#include <criterion/criterion.h>
#include <math.h>

#define SECOND UINT64_C(1000000000)

static struct ww_arrivals make(enum ww_arrivals_kind kind, uint64_t rate, uint32_t client,
                               uint32_t clients, uint64_t seed)
{
    struct ww_arrivals arrivals;
    ww_arrivals_init(&arrivals, &(struct ww_arrivals_options){kind, rate, client, clients, seed});
    ww_arrivals_start(&arrivals, SECOND);
    return arrivals;
}

Test(arrivals, fixed_ones_keep_their_distance)
{
    struct ww_arrivals arrivals = make(WW_ARRIVALS_FIXED, 3, 0, 1, 1);
    static const uint64_t due[] = {0, 333333333, 666666666, 1000000000};
    for (size_t i = 0; i < 4; i++, ww_arrivals_next(&arrivals))
        cr_expect_eq(arrivals.due_ns, SECOND + due[i], "arrival %zu", i);
    for (uint64_t i = 4; i < 3000000; i++)
        ww_arrivals_next(&arrivals);
    cr_expect_eq(arrivals.due_ns, 1000001 * SECOND, "no error adds up");
}

Test(arrivals, processes_take_turns_in_one_schedule)
{
    struct ww_arrivals all = make(WW_ARRIVALS_FIXED, 1000, 0, 1, 1), parts[3];
    for (uint32_t k = 0; k < 3; k++)
        parts[k] = make(WW_ARRIVALS_FIXED, 1000, k, 3, 1);
    for (uint32_t i = 0; i < 3000; i++) {
        cr_assert_eq(parts[i % 3].due_ns, all.due_ns, "arrival %u", i);
        ww_arrivals_next(&parts[i % 3]);
        ww_arrivals_next(&all);
    }
}

Test(arrivals, poisson_gaps_are_exponential)
{
    enum { COUNT = 200000 };
    const double mean_ns = 1000;
    struct ww_arrivals arrivals = make(WW_ARRIVALS_POISSON, SECOND / 1000, 0, 1, 7);
    uint64_t before = SECOND;
    double sum = 0, squares = 0;
    uint32_t longer = 0;
    for (uint32_t i = 0; i < COUNT; i++, ww_arrivals_next(&arrivals)) {
        cr_assert_geq(arrivals.due_ns, before);
        double gap = (double)(arrivals.due_ns - before);
        sum += gap;
        squares += gap * gap;
        longer += gap > mean_ns;
        before = arrivals.due_ns;
    }
    double mean = sum / COUNT, deviation = sqrt(squares / COUNT - mean * mean);
    cr_expect_float_eq(mean, mean_ns, 0.01 * mean_ns);
    cr_expect_float_eq(deviation, mean_ns, 0.02 * mean_ns, "as large as the mean");
    cr_expect_float_eq((double)longer / COUNT, exp(-1), 0.01);
}

Test(arrivals, follow_from_the_seed_and_differ_between_processes)
{
    struct ww_arrivals one = make(WW_ARRIVALS_POISSON, 1000, 0, 2, 5);
    struct ww_arrivals same = make(WW_ARRIVALS_POISSON, 1000, 0, 2, 5);
    struct ww_arrivals other = make(WW_ARRIVALS_POISSON, 1000, 1, 2, 5);
    struct ww_arrivals seed = make(WW_ARRIVALS_POISSON, 1000, 0, 2, 6);
    uint32_t equal = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        cr_assert_eq(one.due_ns, same.due_ns);
        equal += one.due_ns == other.due_ns || one.due_ns == seed.due_ns;
        ww_arrivals_next(&one);
        ww_arrivals_next(&same);
        ww_arrivals_next(&other);
        ww_arrivals_next(&seed);
    }
    cr_expect_lt(equal, 5);
    cr_expect_float_eq((double)(one.due_ns - SECOND) / 1e9, 2.0, 0.2, "500 a second are its share");
}

Test(arrivals, begin_again_behind_a_pause)
{
    struct ww_arrivals arrivals = make(WW_ARRIVALS_FIXED, 10, 0, 1, 1);
    ww_arrivals_next(&arrivals);
    ww_arrivals_start(&arrivals, 50 * SECOND);
    cr_expect_eq(arrivals.due_ns, 50 * SECOND);
    struct ww_arrivals poisson = make(WW_ARRIVALS_POISSON, 10, 0, 1, 1);
    uint64_t first_gap = poisson.due_ns - SECOND;
    ww_arrivals_start(&poisson, 50 * SECOND);
    cr_expect_geq(poisson.due_ns, 50 * SECOND);
    cr_expect_neq(poisson.due_ns - 50 * SECOND, first_gap, "it goes on, not from the start");
}

Test(arrivals, a_late_generator_is_told_apart_from_a_full_window)
{
    struct ww_lateness lateness = {0};
    ww_lateness_note(&lateness, 500, 1000, true); /* nothing is known before the first look */
    cr_expect_eq(lateness.behind_ns, 0);
    ww_lateness_note(&lateness, 1500, 2000, true); /* as quick as the loop goes */
    ww_lateness_note(&lateness, 9000, 3000, true); /* nothing is due */
    cr_expect_eq(lateness.behind_ns, 0);
    ww_lateness_note(&lateness, 4000, 4000 + WW_LATE_NS, true); /* it did not run */
    cr_expect_eq(lateness.behind_ns, WW_LATE_NS);
    const uint64_t now_ns = lateness.seen_ns;
    ww_lateness_note(&lateness, 5000, now_ns + 10, true); /* and cannot make them fast enough */
    cr_expect_eq(lateness.behind_ns, WW_LATE_NS + 10);
    lateness.blocked = true;
    ww_lateness_note(&lateness, 5000, now_ns + 50, true);
    cr_expect_eq(lateness.pushed_back_ns, 40);
    lateness.blocked = false;
    ww_lateness_note(&lateness, 6000, now_ns + 70, false); /* not in the measured phase */
    cr_expect_eq(lateness.behind_ns, WW_LATE_NS + 10);
    cr_expect_eq(lateness.behind_max_ns, WW_LATE_NS);
}

Test(arrivals, bursts_keep_the_rate)
{
    enum { COUNT = 400000 };
    struct ww_arrivals arrivals = make(WW_ARRIVALS_BURST, 10000, 0, 1, 7); /* 100 us apart */
    uint64_t before = SECOND;
    uint32_t close = 0;
    for (uint32_t i = 0; i < COUNT; i++, ww_arrivals_next(&arrivals)) {
        cr_assert_geq(arrivals.due_ns, before);
        close += arrivals.due_ns - before <= 1001;
        before = arrivals.due_ns;
    }
    cr_expect_float_eq((double)(before - SECOND) / COUNT, 100000, 2000);
    cr_expect_float_eq((double)close / COUNT, 11.0 / 12, 0.01, "a burst has twelve");
}
