/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/election.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define MS UINT64_C(1000000)
#define ELECTIONS 100u

static struct ww_election_result *results;

static void set_up(void)
{
    results = malloc(WW_ELECTION_DESIGNS * sizeof(*results));
}

static void tear_down(void)
{
    free(results);
}

TestSuite(election, .init = set_up, .fini = tear_down);

static struct ww_virtual_options options_of(uint64_t delay_ns)
{
    return (struct ww_virtual_options){
        .nodes = 5,
        .seed = 3,
        .delay_ns = delay_ns,
        .disk_ns = MS / 5,
        .tick_ns = MS,
        .heartbeat_ns = 50 * MS,
        .election_min_ns = 300 * MS,
        .election_max_ns = 600 * MS,
        .retry_ns = 20 * MS,
    };
}

static const struct ww_election_result *run(enum ww_election_design design, uint64_t delay_ns)
{
    const struct ww_virtual_options options = options_of(delay_ns);
    struct ww_election_result *result = &results[design];
    const char *why;
    ww_election_result_reset(result);
    for (uint64_t i = 0; i < ELECTIONS; i++)
        cr_assert_eq(ww_election_run(&options, design, i, result, &why), WW_OK, "%s", why);
    return result;
}

Test(election, every_design_elects)
{
    for (uint32_t design = 0; design < WW_ELECTION_DESIGNS; design++) {
        const struct ww_election_result *result = run((enum ww_election_design)design, MS);
        cr_expect_eq(result->elections, ELECTIONS, "%s", ww_election_designs[design]);
        cr_expect_eq(result->latency.count, ELECTIONS);
        cr_expect_eq(result->unresolved, 0);
        cr_expect_geq(result->terms, ELECTIONS, "each begins a term at least");
        cr_expect_leq(result->split, ELECTIONS);
        /* The last heartbeat came up to its interval, and a delay, before the death. */
        cr_expect_geq(result->latency.min, (300 - 50 - 2) * MS);
    }
}

Test(election, equal_timeouts_split_votes_and_random_ones_hardly)
{
    const struct ww_election_result *fixed = run(WW_ELECTION_FIXED, 10 * MS);
    const struct ww_election_result *random = run(WW_ELECTION_RANDOM, 10 * MS);
    cr_expect_gt(fixed->split, ELECTIONS / 2);
    cr_expect_lt(random->split, ELECTIONS / 4);
    cr_expect_gt(fixed->terms, fixed->elections + fixed->split / 2);
    cr_expect_gt(ww_histogram_mean(&fixed->latency), ww_histogram_mean(&random->latency));
}

Test(election, the_number_and_the_seed_make_an_election)
{
    const struct ww_virtual_options options = options_of(10 * MS);
    uint64_t took[2];
    const char *why;
    for (uint32_t i = 0; i < 2; i++) {
        ww_election_result_reset(&results[i]);
        cr_assert_eq(ww_election_run(&options, WW_ELECTION_ENGINE, 5, &results[i], &why), WW_OK);
        took[i] = results[i].latency.min;
    }
    cr_expect_eq(took[0], took[1]);
    cr_assert_eq(ww_election_run(&options, WW_ELECTION_ENGINE, 6, &results[0], &why), WW_OK);
    cr_expect_neq(results[0].latency.min, results[0].latency.max);
}

Test(election, where_no_leader_stays_nothing_counts)
{
    cr_expect_eq(run(WW_ELECTION_RANDOM, 2000 * MS)->elections, 0);
}
