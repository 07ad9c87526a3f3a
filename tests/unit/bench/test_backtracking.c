/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/backtracking.h"

#include <criterion/criterion.h>
#include <whitewater/status.h>

static struct ww_backtracking_result run(enum ww_backtracking_shape shape, uint64_t common,
                                         uint64_t terms, uint64_t entries)
{
    const struct ww_backtracking_case logs = {shape, common, terms, entries};
    struct ww_backtracking_result result;
    const char *why;
    cr_assert_eq(ww_backtracking_run(&logs, &result, &why), WW_OK, "%s", why);
    return result;
}

Test(backtracking, a_diverging_log_costs_a_round_trip_for_each_term)
{
    for (uint64_t terms = 1; terms <= 32; terms *= 2)
        for (uint64_t entries = 1; entries <= 1000; entries *= 10) {
            struct ww_backtracking_result result =
                run(WW_BACKTRACKING_DIVERGED, 100, terms, entries);
            cr_expect_eq(result.engine, terms + 1, "%lu x %lu", terms, entries);
            cr_expect_eq(result.one, terms * entries + 1);
            cr_expect_geq(result.engine_rtts, 0.5 * (double)result.engine);
            cr_expect_leq(result.engine_rtts, 1.5 * (double)result.engine);
        }
}

Test(backtracking, a_log_that_ends_before_costs_one)
{
    struct ww_backtracking_result result = run(WW_BACKTRACKING_MISSING, 100, 8, 50);
    cr_expect_eq(result.engine, 2, "the rejection says where the log ends");
    cr_expect_eq(result.one, 401);
}

Test(backtracking, halves_ask_as_often_as_the_log_can_be_halved)
{
    /* 1,023 entries, of which the first 511 agree: no, then halves of 1,024 until one is left. */
    cr_expect_eq(run(WW_BACKTRACKING_DIVERGED, 511, 1, 512).halves, 11);
    cr_expect_leq(run(WW_BACKTRACKING_DIVERGED, 10000, 64, 1000).halves, 18);
}
