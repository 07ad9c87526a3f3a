/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sweep_goal.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct ww_error error;

/* per_s, bytes_per_s, p50, p99, p999, cpu_ns */
static const double figures[WW_FIGURES] = {100000, 6400000, 200000, 900000, 4000000, NAN};

static bool met(const char *text)
{
    struct ww_slo slo;
    cr_assert_eq(ww_slo_parse(text, &slo, "--slo", &error), WW_OK, "%s", error.text);
    return ww_slo_met(&slo, figures);
}

static void refused(const char *text, const char *part)
{
    struct ww_slo slo;
    cr_assert_eq(ww_slo_parse(text, &slo, "--slo", &error), WW_EINVAL, "taken: %s", text);
    cr_expect(strstr(error.text, part) != NULL && strncmp(error.text, "--slo: ", 7) == 0, "%s",
              error.text);
}

Test(sweep_goal, limits_hold_or_do_not)
{
    cr_expect(met("p99<1ms"));
    cr_expect(met("p99 < 1ms, p999<=4ms"));
    cr_expect_not(met("p99<1ms, p999<4ms"), "equal is not below");
    cr_expect(met("per_s>=100k"));
    cr_expect_not(met("per_s>100k"));
    cr_expect_not(met("p99<900us"));
    cr_expect_not(met("cpu_ns<1s"), "what was not measured meets nothing");
}

Test(sweep_goal, limits_that_make_no_sense_are_refused)
{
    refused("p98<1ms", "no figure 'p98'; there are per_s");
    refused("p99", "'p99' is not a limit such as 'p99<1ms'");
    refused("p99<", "p99: ''");
    refused("p99<1", "p99: '1': unknown unit");
    refused("p99<0", "a limit of 0");
    refused("p99>1ms", "p99 is limited by '<'");
    refused("per_s<1k", "per_s is limited by '>'");
    refused("p99<1ms,", "is not a limit");
    refused("p99<1ms or so", "is not a limit");
    refused("p99<1s,p99<2s,p99<3s,p99<4s,p99<5s,p99<6s,p99<7s", "more than 6");
}

Test(sweep_goal, the_distance_is_that_of_the_worst_limit)
{
    struct ww_slo slo;
    cr_assert_eq(ww_slo_parse("p99<600us, per_s>=300k", &slo, "", &error), WW_OK);
    cr_expect_float_eq(ww_slo_distance(&slo, figures), 3, 1e-9);
    cr_assert_eq(ww_slo_parse("cpu_ns<1us", &slo, "", &error), WW_OK);
    cr_expect(isinf(ww_slo_distance(&slo, figures)));
}

Test(sweep_goal, objectives_know_which_way_is_better)
{
    struct ww_objective objective;
    cr_assert_eq(ww_objective_parse("max per_s", &objective, "", &error), WW_OK);
    cr_expect(ww_objective_better(&objective, 2, 1));
    cr_assert_eq(ww_objective_parse("min p99", &objective, "", &error), WW_OK);
    cr_expect(ww_objective_better(&objective, 1, 2));
    static const char *const bad[] = {"", "p99", "max", "max p99", "min per_s", "max per_s now"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_eq(ww_objective_parse(bad[i], &objective, "here", &error), WW_EINVAL, "%s",
                     bad[i]);
}

Test(sweep_goal, figures_come_out_of_a_result)
{
    double read[WW_FIGURES];
    struct json_object *result = json_tokener_parse(
        "{\"commit\":{\"per_s\":5,\"latency\":{\"p50\":7,\"p99\":8.5,\"p999\":\"no\"}}}");
    ww_figures_read(result, read);
    cr_expect_float_eq(read[WW_FIGURE_PER_S], 5, 1e-9);
    cr_expect_float_eq(read[WW_FIGURE_P99], 8.5, 1e-9);
    cr_expect(isnan(read[WW_FIGURE_P999]) && isnan(read[WW_FIGURE_CPU_NS]));
    json_object_put(result);
}
