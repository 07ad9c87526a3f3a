/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep_fixture.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct ww_sweep_data data_;

/* Two points, `repeats` runs of each, whose limit probes differ by 1 % or so. */
static void set_up(uint32_t repeats)
{
    char text[100];
    snprintf(text, sizeof(text), "name: x\nvary: {inflight: [1, 64]}\nrepeat: %u\n", repeats);
    cr_assert_eq(sweep_read_text(text), WW_OK, "%s", error_.text);
    sweep_fill(&data_, 1000, 500);
    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t k = 0; k < repeats; k++)
            data_.points[i].runs[k].signals[WW_SIGNAL_WAL_WRITE] *= 1 + 0.01 * k;
}

static void tear_down(void)
{
    ww_sweep_data_free(&data_);
    ww_sweep_free(&sweep_);
}

static uint32_t noisy(uint32_t point)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < sweep_.repeats; k++)
        count += data_.points[point].runs[k].state == WW_RUN_NOISY;
    return count;
}

Test(sweep_noise, a_quiet_machine_loses_nothing, .fini = tear_down)
{
    set_up(5);
    ww_sweep_find_noise(&data_);
    cr_expect_eq(noisy(0) + noisy(1), 0);
    cr_expect_float_eq(data_.noise_limits[WW_SIGNAL_WAL_WRITE], 0.1, 1e-9, "the floor");
}

Test(sweep_noise, a_run_on_a_slower_disk_is_thrown_out, .fini = tear_down)
{
    set_up(3);
    data_.points[1].runs[2].signals[WW_SIGNAL_WAL_WRITE] *= 2;
    ww_sweep_find_noise(&data_);
    ww_sweep_summarise(&data_);
    cr_expect_eq(noisy(0), 0);
    cr_expect_eq(noisy(1), 1);
    cr_expect_eq(data_.points[1].runs[2].state, WW_RUN_NOISY);
    cr_expect_not_null(strstr(data_.points[1].runs[2].why, "durable write p50 is off"));
    cr_expect_eq(data_.points[1].kept, 2);
    cr_expect_eq(data_.thrown, 1);
    cr_expect_not(data_.points[1].unsettled);
}

Test(sweep_noise, a_faster_disk_is_another_machine_as_well, .fini = tear_down)
{
    set_up(3);
    data_.points[0].runs[0].signals[WW_SIGNAL_WAL_WRITE] /= 2;
    ww_sweep_find_noise(&data_);
    cr_expect_eq(data_.points[0].runs[0].state, WW_RUN_NOISY);
}

Test(sweep_noise, stolen_time_counts_in_points, .fini = tear_down)
{
    set_up(3);
    data_.points[0].runs[1].signals[WW_SIGNAL_STEAL] = 0.005;
    data_.points[1].runs[1].signals[WW_SIGNAL_STEAL] = 0.2;
    ww_sweep_find_noise(&data_);
    cr_expect_eq(noisy(0), 0, "within the floor");
    cr_expect_eq(data_.points[1].runs[1].state, WW_RUN_NOISY);
    cr_expect_str_eq(data_.points[1].runs[1].why,
                     "stolen time is off its point's median by 20 points (limit 2)");
}

Test(sweep_noise, other_processes_count_in_cores, .fini = tear_down)
{
    set_up(3);
    data_.points[1].runs[0].signals[WW_SIGNAL_OTHERS] = 1.3;
    ww_sweep_find_noise(&data_);
    cr_expect_str_eq(data_.points[1].runs[0].why,
                     "processor time of others is off its point's median by 1.25 cores (limit "
                     "0.1)");
}

Test(sweep_noise, a_bad_result_is_no_reason, .fini = tear_down)
{
    set_up(5);
    data_.points[0].runs[1].figures[WW_FIGURE_PER_S] = 1;
    data_.points[0].runs[1].figures[WW_FIGURE_P99] = 1e9;
    ww_sweep_find_noise(&data_);
    cr_expect_eq(noisy(0) + noisy(1), 0);
}

Test(sweep_noise, two_runs_cannot_say_which_is_wrong, .fini = tear_down)
{
    set_up(2);
    data_.points[0].runs[1].signals[WW_SIGNAL_WAL_WRITE] *= 10;
    ww_sweep_find_noise(&data_);
    cr_expect_eq(noisy(0) + noisy(1), 0);
}

Test(sweep_noise, at_most_the_smaller_half_goes, .fini = tear_down)
{
    set_up(5);
    static const double factors[] = {1, 1, 2, 3, 0.4};
    for (uint32_t k = 0; k < 5; k++)
        data_.points[0].runs[k].signals[WW_SIGNAL_WAL_WRITE] *= factors[k];
    ww_sweep_find_noise(&data_);
    ww_sweep_summarise(&data_);
    cr_expect_eq(noisy(0), 2);
    cr_expect(data_.points[0].unsettled);
    cr_expect_eq(data_.points[0].runs[2].state, WW_RUN_KEPT, "the nearest of the three stays");
    cr_expect_gt(strlen(data_.points[0].runs[2].why), 0, "and says so");
}

Test(sweep_noise, what_is_usual_is_learned_from_all_points, .fini = tear_down)
{
    set_up(3);
    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t k = 0; k < 3; k++)
            data_.points[i].runs[k].signals[WW_SIGNAL_WAL_WRITE] = 100000 * (1 + 0.2 * k);
    data_.points[0].runs[2].signals[WW_SIGNAL_WAL_WRITE] = 160000;
    ww_sweep_find_noise(&data_);
    cr_expect_eq(noisy(0), 0, "on a restless machine this is usual");
    cr_expect_gt(data_.noise_limits[WW_SIGNAL_WAL_WRITE], 0.5);
}

Test(sweep_noise, failed_runs_and_signals_that_are_missing_say_nothing, .fini = tear_down)
{
    set_up(3);
    data_.points[0].runs[0].state = WW_RUN_FAILED;
    data_.points[0].runs[0].signals[WW_SIGNAL_WAL_WRITE] = 1e9;
    for (uint32_t k = 0; k < 3; k++)
        data_.points[1].runs[k].signals[WW_SIGNAL_WAL_WRITE] = NAN;
    ww_sweep_find_noise(&data_);
    cr_expect(isnan(data_.noise_limits[WW_SIGNAL_WAL_WRITE]), "no point has three of it");
    cr_expect_eq(noisy(0) + noisy(1), 0);
}
