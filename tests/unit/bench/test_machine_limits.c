/* SPDX-License-Identifier: Apache-2.0 */
/* Which rounds of the limits make the denominators, and for how much. */
#include "bench/machine_limits.h"

#include "bench/json.h"
#include "bench/standstill.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static struct ww_limits limits_;
static struct ww_limits_sample *sample_;

static void set_up(void)
{
    ww_limits_init(&limits_);
    sample_ = calloc(1, sizeof(*sample_));
}

static void tear_down(void)
{
    free(sample_);
}

TestSuite(machine_limits, .init = set_up, .fini = tear_down);

static void add(bool between, bool counts, uint64_t write_ns, uint64_t writes, double bandwidth)
{
    *sample_ = (struct ww_limits_sample){
        .round = {.between = between, .counts = counts, .wal_bytes_per_s = bandwidth}};
    ww_histogram_reset(&sample_->wal_write);
    ww_histogram_reset(&sample_->net_rtt);
    if (writes > 0)
        ww_histogram_record(&sample_->wal_write, write_ns, writes);
    ww_limits_add(&limits_, sample_);
}

Test(machine_limits, each_round_counts_the_same_however_long_it_was)
{
    add(false, true, 100, 20000, 1000);
    add(true, true, 200, 500, 3000);
    add(true, true, 200, 1500, 0); /* had no time for the bandwidth */
    add(false, true, 100, 20000, 2000);
    cr_expect_eq(ww_histogram_quantile(&limits_.wal_write, 0.49), 100);
    cr_expect_eq(ww_histogram_quantile(&limits_.wal_write, 0.51), 200);
    cr_expect_float_eq(ww_limit_rate_per_s(&limits_.wal), 2000, 1e-9);
    cr_expect_float_eq(ww_limit_rate_per_s(&limits_.wal_shape), 0, 0, "never measured");
}

Test(machine_limits, a_round_beside_nodes_that_went_on_is_kept_and_left_out)
{
    add(false, true, 100, 1000, 1000);
    add(true, false, 900, 1000, 100);
    cr_expect_eq(limits_.wal_write.max, 100);
    cr_expect_float_eq(ww_limit_rate_per_s(&limits_.wal), 1000, 1e-9);
    struct json_object *json = ww_limits_json(&limits_);
    struct json_object *rounds = ww_json_at(json, "rounds");
    cr_assert_eq(json_object_array_length(rounds), 2);
    struct json_object *second = json_object_array_get_idx(rounds, 1);
    cr_expect_float_eq(ww_json_number_at(second, "wal_write.p50"), 900, 0);
    cr_expect(json_object_get_boolean(ww_json_at(second, "between")));
    cr_expect_not(json_object_get_boolean(ww_json_at(second, "counts")));
    cr_expect_null(ww_json_at(second, "net_rtt"), "not measured");
    cr_expect_float_eq(ww_json_number_at(json, "wal_bytes_per_s"), 1000, 1e-9);
    cr_expect_null(ww_json_at(json, "wal_shape_bytes"));
    json_object_put(json);
}

static int begun_, ended_;

static void on_begin(void *context)
{
    cr_expect_eq(begun_++, ended_, "one at a time");
    (void)context;
}

static void on_end(void *context)
{
    ended_++;
    (void)context;
}

Test(machine_limits, a_round_between_tells_when_it_measures_and_keeps_to_its_budget)
{
    char directory[] = "limits-test-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    const struct ww_probe_quiet quiet = {on_begin, on_end, NULL};
    const struct ww_limits_options options = {
        .directory = directory, .writers = 2, .depth = 2, .pollers = 4, .transport = WW_NET_UDP};
    struct ww_limits_between between = {&quiet, 20000000, UINT64_C(60000000000)};
    struct ww_error error = {0};
    cr_assert_eq(ww_limits_measure(&limits_, &options, &between, 8192, &error), WW_OK, "%s",
                 error.text);
    cr_expect_eq(begun_, 5, "write, bandwidth, shape, network, copy: %d", begun_);
    cr_expect_eq(ended_, 5);
    const struct ww_limits_round *round = &limits_.rounds[0];
    cr_expect(round->between && round->counts);
    cr_expect(round->wal_write_p50 > 0 && round->net_rtt_p50 > 0 && round->wal_bytes_per_s > 0 &&
              round->wal_shape_bytes_per_s > 0 && round->memcpy_bytes_per_s > 0);
    cr_expect_gt(round->cycles_per_ns, 0.1);
    cr_expect_eq(limits_.wal_shape_bytes, 8192);
    between.budget_ns = 1;
    cr_assert_eq(ww_limits_measure(&limits_, &options, &between, 8192, &error), WW_OK);
    cr_expect_eq(begun_, 5, "nothing fits");
    cr_expect_eq(limits_.rounds[1].wal_write_p50, 0);
    cr_expect_gt(limits_.rounds[1].cycles_per_ns, 0.1);
    rmdir(directory);
}

Test(machine_limits, nodes_stand_still_for_less_than_they_would_miss_each_other)
{
    struct ww_config config = {.heartbeat_ns = 50000000, .election_min_ns = 300000000};
    cr_expect_eq(ww_standstill_window(&config), 100000000);
    config.election_min_ns = 5000000000;
    cr_expect_eq(ww_standstill_window(&config), WW_STANDSTILL_MAX_NS);
    config.election_min_ns = 150000000;
    cr_expect_eq(ww_standstill_window(&config), 25000000);
    config.election_min_ns = 120000000;
    cr_expect_eq(ww_standstill_window(&config), 0, "10 ms are too short");
    config.election_min_ns = 80000000;
    cr_expect_eq(ww_standstill_window(&config), 0);
}
