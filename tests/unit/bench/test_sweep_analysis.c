/* SPDX-License-Identifier: Apache-2.0 */
/* Knees, the default against the others, and sweep.json with its table. */
#include "sweep_fixture.h"

#include "bench/json.h"
#include "engine/cli/cluster_status.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct ww_sweep_data data_;

static void tear_down(void)
{
    ww_sweep_data_free(&data_);
    ww_sweep_free(&sweep_);
}

static struct json_object *at(struct json_object *list, size_t place)
{
    return json_object_array_get_idx(list, place);
}

static struct json_object *in(struct json_object *object, const char *key)
{
    return json_object_object_get(object, key);
}

static bool is_true(struct json_object *object, const char *key)
{
    return json_object_get_boolean(in(object, key));
}

Test(sweep_analysis, the_knee_has_the_most_throughput_for_its_latency, .fini = tear_down)
{
    cr_assert_eq(sweep_read_text("name: x\nvary: {inflight: [1, 512, 8, 64], wal.depth: [1, 2]}\n"),
                 WW_OK, "%s", error_.text);
    sweep_fill(&data_, 1000, 100);
    sweep_set_point(&data_, 4, 7000, 110);  /* 8 in flight, depth 1: the knee */
    sweep_set_point(&data_, 6, 9000, 400);  /* 64 */
    sweep_set_point(&data_, 2, 9100, 9000); /* 512 */
    sweep_set_point(&data_, 3, 99000, 110); /* 512, depth 2: still growing */
    ww_sweep_summarise(&data_);
    struct json_object *knees = ww_sweep_knees(&data_), *curves = in(knees, "curves");
    cr_assert_eq(json_object_array_length(curves), 2);
    cr_expect_str_eq(ww_json_text(at(curves, 0), "knee"), "p005");
    cr_expect(is_true(at(curves, 0), "inside"));
    cr_expect_str_eq(json_object_get_string(in(at(curves, 0), "points")),
                     "[ \"p001\", \"p005\", \"p007\", \"p003\" ]", "in the order of the load");
    cr_expect_str_eq(ww_json_text(in(at(curves, 0), "settings"), "wal.depth"), "1");
    cr_expect_str_eq(ww_json_text(at(curves, 1), "knee"), "p004");
    cr_expect_not(is_true(at(curves, 1), "inside"), "nothing was measured beyond it");
    json_object_put(knees);
}

Test(sweep_analysis, two_loads_have_no_knee, .fini = tear_down)
{
    cr_assert_eq(sweep_read_text("name: x\nloads: [{inflight: 1}, {inflight: 9}, {rate: 5}]\n"),
                 WW_OK, "%s", error_.text);
    sweep_fill(&data_, 1000, 100);
    ww_sweep_summarise(&data_);
    cr_expect_null(ww_sweep_knees(&data_), "two of one loop and one of the other");
    cr_expect_null(ww_sweep_default(&data_), "nothing beside the default");
}

Test(sweep_analysis, the_default_is_held_against_the_best_of_each_load, .fini = tear_down)
{
    cr_assert_eq(sweep_read_text("name: x\nloads: [{inflight: 64}, {rate: 100k}]\n"
                                 "points: [{}]\nvary: {wal.depth: [1, 2]}\n"),
                 WW_OK, "%s", error_.text);
    sweep_fill(&data_, 1000, 100);
    sweep_set_point(&data_, 1, 1100, 95); /* 64 in flight: the best, and the default is near */
    sweep_set_point(&data_, 0, 900, 50);
    sweep_set_point(&data_, 4, 999, 40); /* open loop: the lower p99 is the better one */
    for (uint32_t i = 3; i < 6; i++)
        data_.points[i].runs[0].reached = 1;
    ww_sweep_summarise(&data_);
    struct json_object *found = ww_sweep_default(&data_), *rows = in(found, "loads");
    cr_assert_eq(json_object_array_length(rows), 2);
    cr_expect_str_eq(ww_json_text(at(rows, 0), "default"), "p003");
    cr_expect_str_eq(ww_json_text(at(rows, 0), "best"), "p002");
    cr_expect_str_eq(ww_json_text(at(rows, 0), "lowest_p99"), "p001");
    cr_expect_float_eq(ww_json_number_at(at(rows, 0), "throughput_ratio"), 1000.0 / 1100, 1e-5);
    cr_expect_float_eq(ww_json_number_at(at(rows, 0), "p99_ratio"), 100.0 / 95, 1e-5);
    cr_expect(is_true(at(rows, 0), "holds"));
    cr_expect_str_eq(ww_json_text(at(rows, 1), "best"), "p005");
    cr_expect_not(is_true(at(rows, 1), "holds"), "2.5 times the p99");
    cr_expect_not(is_true(found, "holds"));
    json_object_put(found);
}

Test(sweep_analysis, a_missed_rate_is_never_the_best, .fini = tear_down)
{
    cr_assert_eq(sweep_read_text("name: x\nload: {size: 64B}\npoints: [{rate: 5}]\n"
                                 "vary: {rate: [5], wal.depth: [1, 2, 3]}\n"),
                 WW_OK, "%s", error_.text);
    sweep_fill(&data_, 1000, 100);
    sweep_set_point(&data_, 0, 500, 10);
    sweep_set_point(&data_, 2, 1000, 90);
    for (uint32_t i = 0; i < 4; i++)
        data_.points[i].runs[0].reached = i == 0 ? 0.5 : 1;
    ww_sweep_summarise(&data_);
    cr_expect(data_.points[0].rate_missed);
    struct json_object *found = ww_sweep_default(&data_);
    cr_expect_str_eq(ww_json_text(at(in(found, "loads"), 0), "best"), "p003");
    json_object_put(found);
}

Test(sweep_analysis, axes_are_numbers_where_all_values_are, .fini = tear_down)
{
    cr_assert_eq(sweep_read_text("name: x\nvary: {wal.delay: [100us, 0, 1ms], "
                                 "wal.block: [64KiB, 4KiB], inflight: [1k, 2], "
                                 "wal.durability: [memory, dsync]}\n"),
                 WW_OK, "%s", error_.text);
    sweep_fill(&data_, 1000, 100);
    ww_sweep_summarise(&data_);
    struct json_object *json = ww_sweep_json(&data_), *axes = in(json, "axes");
    static const struct {
        const char *unit, *first;
        double last;
    } wanted[] = {{"ns", "0", 1e6},
                  {"bytes", "4KiB", 65536},
                  {"count", "2", 1000},
                  {"text", "memory", 1}};
    cr_assert_eq(json_object_array_length(axes), 4);
    for (size_t i = 0; i < 4; i++) {
        struct json_object *values = in(at(axes, i), "values");
        cr_expect_str_eq(ww_json_text(at(axes, i), "unit"), wanted[i].unit);
        cr_expect_str_eq(ww_json_text(at(values, 0), "text"), wanted[i].first);
        cr_expect_float_eq(ww_json_number_at(at(values, json_object_array_length(values) - 1),
                                             "value"),
                           wanted[i].last, 1e-9);
    }
    json_object_put(json);
}

static char *print(struct json_object *json)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    ww_sweep_print(json, file);
    fclose(file);
    return text;
}

Test(sweep_analysis, json_and_table_say_what_was_left_out, .fini = tear_down)
{
    cr_assert_eq(sweep_read_text("name: two\nload: {size: 64B}\nvary: {inflight: [1, 2]}\n"
                                 "repeat: 3\nslo: p99<1us\n"),
                 WW_OK, "%s", error_.text);
    sweep_fill(&data_, 1000, 500);
    sweep_set_point(&data_, 1, 3000, 5000);
    data_.points[0].runs[0].state = WW_RUN_FAILED;
    strcpy(data_.points[0].runs[0].why, "no luck");
    data_.points[0].runs[1].state = WW_RUN_MISSING;
    data_.points[1].runs[2].state = WW_RUN_NOISY;
    strcpy(data_.points[1].runs[2].why, "a loud neighbour");
    ww_sweep_summarise(&data_);
    struct json_object *json = ww_sweep_json(&data_);
    cr_expect_str_eq(ww_json_text(json, "schema"), "whitewater.sweep/1");
    cr_expect_str_eq(ww_json_text(json, "best"), "p001");
    cr_expect_float_eq(ww_json_number_at(json, "runs.planned"), 6, 0);
    cr_expect_float_eq(ww_json_number_at(json, "runs.kept"), 3, 0);
    cr_expect_float_eq(ww_json_number_at(json, "runs.missing"), 1, 0);
    struct json_object *point = at(in(json, "points"), 1), *run = at(in(point, "runs"), 2);
    cr_expect(is_true(point, "pareto"));
    cr_expect_not(is_true(point, "meets_slo"));
    cr_expect_not(is_true(run, "kept"));
    cr_expect_str_eq(ww_json_text(run, "why"), "a loud neighbour");
    cr_expect_str_eq(ww_json_text(run, "dir"), "runs/p002-r03");
    cr_expect_float_eq(ww_json_number_at(run, "per_s"), 3000, 0, "it is still told");

    char *text = print(json);
    static const char *const parts[] = {
        "Sweep two: 2 points, 3 runs of 6, 1 noisy, 1 failed, 1 missing",
        "runs/p001-r01  failed: no luck",
        "runs/p002-r03  noisy: a loud neighbour",
        "5 MAD",
        "misses the SLO",
        "Best: p001, inflight=1: 1,000 commits/s, p99 500 ns",
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        cr_expect(strstr(text, parts[i]) != NULL, "'%s' in %s", parts[i], text);
    free(text);
    json_object_put(json);
}

Test(sweep_analysis, when_no_point_is_good_enough_the_nearest_is_named, .fini = tear_down)
{
    cr_assert_eq(sweep_read_text("name: x\nvary: {inflight: [1, 2]}\nslo: p99<100ns\n"), WW_OK);
    sweep_fill(&data_, 1000, 500);
    sweep_set_point(&data_, 1, 1000, 300);
    ww_sweep_summarise(&data_);
    struct json_object *json = ww_sweep_json(&data_);
    cr_expect_null(in(json, "best"));
    cr_expect_str_eq(ww_json_text(json, "nearest"), "p002");
    char *text = print(json);
    cr_expect_not_null(strstr(text, "No point meets the SLO; the nearest: p002"));
    free(text);
    json_object_put(json);
}
