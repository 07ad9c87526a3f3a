/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char *label(uint32_t point)
{
    static char text[256];
    return ww_sweep_label(json_object_array_get_idx(sweep_.points, point), text, sizeof(text));
}

Test(sweep_file, every_part_is_taken)
{
    cr_assert_eq(sweep_read_text("name: all-of-it\n"
                                 "load: {inflight: 64, duration: 2s}\n"
                                 "config:\n"
                                 "  wal: {durability: fdatasync}\n"
                                 "  net.mtu: 1500\n"
                                 "vary: {size: [64B, 1KiB]}\n"
                                 "repeat: 3\norder: listed\nseed: 7\n"
                                 "objective: min p99\nslo: p999<5ms, per_s>=10k\n"),
                 WW_OK, "%s", error_.text);
    cr_expect_str_eq(sweep_.name, "all-of-it");
    cr_expect_eq(sweep_.repeats, 3);
    cr_expect_eq(sweep_.seed, 7);
    cr_expect_not(sweep_.random);
    cr_expect_eq(sweep_.objective.figure, WW_FIGURE_P99);
    cr_expect_eq(sweep_.slo.count, 2);
    char text[128];
    cr_expect_str_eq(ww_sweep_label(sweep_.config, text, sizeof(text)),
                     "wal.durability=fdatasync net.mtu=1500");
    cr_expect_str_eq(ww_sweep_label(sweep_.load, text, sizeof(text)), "inflight=64 duration=2s");
    ww_sweep_free(&sweep_);
}

Test(sweep_file, what_is_not_said_has_a_default)
{
    cr_assert_eq(sweep_read_text("name: x\nvary: {inflight: [1]}\n"), WW_OK, "%s", error_.text);
    cr_expect_eq(sweep_.repeats, 1);
    cr_expect(sweep_.random);
    cr_expect_str_eq(sweep_.objective_text, "max per_s");
    cr_expect_eq(sweep_.objective.figure, WW_FIGURE_PER_S);
    cr_expect_eq(sweep_.slo.count, 0);
    ww_sweep_free(&sweep_);
}

Test(sweep_file, vary_is_a_grid_whose_last_key_changes_fastest)
{
    cr_assert_eq(sweep_read_text("name: x\nvary:\n  wal: {depth: [1, 2]}\n"
                                 "  inflight: [1, 64, 4096]\n"),
                 WW_OK, "%s", error_.text);
    cr_assert_eq(ww_sweep_point_count(&sweep_), 6);
    cr_expect_str_eq(label(0), "wal.depth=1 inflight=1");
    cr_expect_str_eq(label(1), "wal.depth=1 inflight=64");
    cr_expect_str_eq(label(5), "wal.depth=2 inflight=4096");
    ww_sweep_free(&sweep_);
}

Test(sweep_file, rows_join_the_grid_and_loads_multiply_both)
{
    cr_assert_eq(sweep_read_text("name: x\n"
                                 "loads: [{inflight: 1}, {rate: 100k}]\n"
                                 "points: [{}, {wal.depth: 4, wal.delay: 1ms}]\n"
                                 "vary: {wal.depth: [1, 2]}\n"),
                 WW_OK, "%s", error_.text);
    static const char *const wanted[] = {
        "inflight=1 wal.depth=1",
        "inflight=1 wal.depth=2",
        "inflight=1",
        "inflight=1 wal.depth=4 wal.delay=1ms",
        "rate=100k wal.depth=1",
        "rate=100k wal.depth=2",
        "rate=100k",
        "rate=100k wal.depth=4 wal.delay=1ms",
    };
    cr_assert_eq(ww_sweep_point_count(&sweep_), 8);
    for (uint32_t i = 0; i < 8; i++)
        cr_expect_str_eq(label(i), wanted[i]);
    cr_expect_eq(json_object_array_length(sweep_.vary), 4);
    ww_sweep_free(&sweep_);
    cr_assert_eq(sweep_read_text("name: x\nloads: [{inflight: 1}, {inflight: 2}]\n"), WW_OK);
    cr_expect_eq(ww_sweep_point_count(&sweep_), 2);
    ww_sweep_free(&sweep_);
}

Test(sweep_file, what_is_wrong_is_named_with_its_line)
{
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"name: x\nvarry: {}\n", " line 2: unknown key 'varry'; did you mean 'vary'?"},
        {"name: x\nname: y\n", " line 2: name was given before"},
        {"name: a b\n", " line 1: name:"},
        {"vary: {inflight: [1]}\n", "no name"},
        {"name: x\n", "nothing varies"},
        {"name: x\nvary: {inflight: []}\n", " line 2: inflight: 0 values"},
        {"name: x\nvary: {inflight: 3}\n", " line 2: inflight: vary needs a list"},
        {"name: x\nvary: {inflight: [1, 1]}\n", " line 2: inflight: 1 stands there twice"},
        {"name: x\nvary: {inflight: [[1]]}\n", " line 2: inflight needs a single value"},
        {"name: x\nvary: {inflight: ['']}\n", " line 2: inflight: no value"},
        {"name: x\nvary:\n  bad: [1]\n", " line 3: unknown flag '--bad=1'"},
        {"name: x\nvary:\n  wal.dept: [1]\n", " line 3: unknown key 'wal.dept'; did you mean"},
        {"name: x\nvary:\n  wal: {depth: [1, 99]}\n", " line 3: wal.depth: '99' is outside"},
        {"name: x\nconfig: {depth: 1}\n", " line 2: depth has no dot"},
        {"name: x\nload: {wal.depth: 1}\n", " line 2: wal.depth is a configuration key"},
        {"name: x\nloads: [{wal.depth: 1}]\n", " line 2: wal.depth is a configuration key"},
        {"name: x\nload: {size: 1}\nvary: {size: [2]}\n", " line 3: size was given before, in"},
        {"name: x\npoints: [{size: 1}]\nloads: [{size: 2}]\n", " line 3: size was given before"},
        {"name: x\npoints: [{size: 1}, {size: 1}]\n", " line 2: the same settings"},
        {"name: x\nvary: {size: [1, 2]}\npoints: [{size: 2}]\n", "both make the point size=2"},
        {"name: x\npoints: {size: 1}\n", " line 2: a list of settings"},
        {"name: x\npoints: [size]\n", " line 2: a map"},
        {"name: x\nvary: {size: [1]}\nrepeat: 0\n", " line 3: repeat: '0' is outside 1 .. 25"},
        {"name: x\nvary: {size: [1]}\nrepeat: many\n", " line 3: repeat: 'many': not a number"},
        {"name: x\nvary: {size: [1]}\norder: wild\n", " line 3: order: must be random or listed"},
        {"name: x\nvary: {size: [1]}\nslo: p98<1ms\n", " line 3: slo: no figure 'p98'"},
        {"name: x\nvary: {size: [1]}\nobjective: p99\n", " line 3: objective: 'p99' is not"},
        {"name: [x\n", " line 2: not YAML"},
        {"- name\n", " line 1: the file must be a map"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        sweep_expect_bad(rows[i].text, rows[i].part);
}

Test(sweep_file, points_have_a_limit)
{
    char text[4000] = "name: x\nvary:\n";
    for (int key = 0; key < 3; key++) {
        size_t used = strlen(text);
        used += (size_t)snprintf(text + used, sizeof(text) - used, "  key%d: [", key);
        for (int i = 0; i < 8; i++)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%d,", i);
        snprintf(text + used, sizeof(text) - used, "]\n");
    }
    sweep_expect_bad(text, " line 2: 512 settings under 1 loads are more than 500 points");
}

Test(sweep_file, a_file_that_is_not_there)
{
    cr_expect_eq(ww_sweep_read(&sweep_, "/nonexistent/sweep.yaml", NULL, &error_), WW_EINVAL);
    cr_expect_not_null(strstr(error_.text, "/nonexistent/sweep.yaml"));
    ww_sweep_free(&sweep_);
}
