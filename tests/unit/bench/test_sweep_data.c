/* SPDX-License-Identifier: Apache-2.0 */
/* Runs read from their directories, medians, the front and the best point. */
#include "sweep_fixture.h"

#include "engine/cli/local_files.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct ww_sweep_data data_;
static char directory_[] = "sweep-test-XXXXXX";

static void set_up(void)
{
    cr_assert_eq(sweep_read_text("name: x\nvary: {inflight: [1, 2, 3, 4]}\nrepeat: 3\n"), WW_OK,
                 "%s", error_.text);
}

static void tear_down(void)
{
    ww_sweep_data_free(&data_);
    ww_sweep_free(&sweep_);
}

static void put_file(const char *run, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/runs", directory_);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/runs/%s", directory_, run);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/runs/%s/%s", directory_, run, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

Test(sweep_data, medians_are_those_of_what_was_measured)
{
    double odd[] = {9, 1, NAN, 5}, even[] = {4, 1}, none[] = {NAN};
    cr_expect_float_eq(ww_sweep_median(odd, 4), 5, 1e-9);
    cr_expect_float_eq(ww_sweep_median(even, 2), 2.5, 1e-9);
    cr_expect(isnan(ww_sweep_median(none, 1)));
    cr_expect(isnan(ww_sweep_median(none, 0)));
}

Test(sweep_data, runs_are_whole_failed_or_missing, .init = set_up, .fini = tear_down)
{
    cr_assert_not_null(mkdtemp(directory_));
    put_file("p001-r01", "result.json",
             "{\"version\":\"9\",\"commit\":{\"per_s\":100,\"latency\":{\"p99\":7}}}");
    put_file("p001-r02", "result.json",
             "{\"commit\":{\"per_s\":300,\"latency\":{\"p99\":9}},"
             "\"config\":{\"rate\":1000,\"achieved_rate\":900}}");
    put_file("p002-r01", "result.json", "{\"commit\":{\"per_s\":1}}");
    put_file("p002-r01", "failed.json", "{\"why\":\"no luck\"}");
    put_file("p003-r01.part", "result.json", "{\"commit\":{\"per_s\":1}}");
    cr_assert_eq(ww_sweep_data_read(&data_, &sweep_, directory_, &error_), WW_OK, "%s",
                 error_.text);
    cr_expect_eq(data_.points[0].kept, 2);
    cr_expect_float_eq(data_.points[0].figures[WW_FIGURE_PER_S], 200, 1e-9);
    cr_expect_float_eq(data_.points[0].figures[WW_FIGURE_P99], 8, 1e-9);
    cr_expect(isnan(data_.points[0].figures[WW_FIGURE_CPU_NS]));
    cr_expect(data_.points[0].rate_missed, "900 of 1000");
    cr_expect_eq(data_.points[1].kept, 0);
    cr_expect_str_eq(data_.points[1].runs[0].why, "no luck");
    cr_expect_eq(data_.failed, 1);
    cr_expect_eq(data_.missing, 9);
    ww_sweep_data_free(&data_);

    put_file("p004-r01", "result.json", "{\"commit\":");
    cr_expect_eq(ww_sweep_data_read(&data_, &sweep_, directory_, &error_), WW_EIO);
    cr_expect_not_null(strstr(error_.text, "p004-r01/result.json"));
    ww_local_remove(directory_);
}

Test(sweep_data, the_front_is_what_nothing_beats_in_both, .init = set_up, .fini = tear_down)
{
    sweep_fill(&data_, 1000, 500);
    sweep_set_point(&data_, 1, 2000, 600);
    sweep_set_point(&data_, 2, 1900, 700);
    sweep_set_point(&data_, 3, 1000, 500);
    ww_sweep_summarise(&data_);
    cr_expect(data_.points[0].pareto);
    cr_expect(data_.points[1].pareto);
    cr_expect_not(data_.points[2].pareto, "point 1 has more at a lower p99");
    cr_expect(data_.points[3].pareto, "equal ones do not beat each other");
    for (uint32_t k = 0; k < 3; k++)
        data_.points[1].runs[k].state = WW_RUN_FAILED;
    ww_sweep_summarise(&data_);
    cr_expect_not(data_.points[1].pareto, "no run counts");
    cr_expect(data_.points[2].pareto);
}

Test(sweep_data, the_best_meets_the_limits, .init = set_up, .fini = tear_down)
{
    struct ww_objective most, fastest;
    struct ww_slo none = {.count = 0}, slo;
    cr_assert_eq(ww_objective_parse("max per_s", &most, "", &error_), WW_OK);
    cr_assert_eq(ww_objective_parse("min p99", &fastest, "", &error_), WW_OK);
    cr_assert_eq(ww_slo_parse("p99<600ns", &slo, "", &error_), WW_OK);
    sweep_fill(&data_, 1000, 500);
    sweep_set_point(&data_, 1, 3000, 900);
    sweep_set_point(&data_, 2, 2000, 550);
    sweep_set_point(&data_, 3, 2000, 540);
    ww_sweep_summarise(&data_);
    cr_expect_eq(ww_sweep_best(&data_, &most, &none, WW_SWEEP_NO_POINT), 1);
    cr_expect_eq(ww_sweep_best(&data_, &most, &slo, WW_SWEEP_NO_POINT), 3, "the lower p99");
    cr_expect_eq(ww_sweep_best(&data_, &most, &slo, 3), 2, "the runner-up");
    cr_expect_eq(ww_sweep_best(&data_, &fastest, &none, WW_SWEEP_NO_POINT), 0);
    data_.points[0].rate_missed = true;
    cr_expect_eq(ww_sweep_best(&data_, &fastest, &none, WW_SWEEP_NO_POINT), 3,
                 "a rate that was not reached is no success");
    cr_assert_eq(ww_slo_parse("p99<100ns", &slo, "", &error_), WW_OK);
    cr_expect_eq(ww_sweep_best(&data_, &most, &slo, WW_SWEEP_NO_POINT), WW_SWEEP_NO_POINT);
    cr_expect_eq(ww_sweep_nearest(&data_, &slo), 3);
}
