/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/experiment.h"

#include <criterion/criterion.h>
#include <string.h>

static double number(struct json_object *object, const char *key)
{
    return json_object_get_double(json_object_object_get(object, key));
}

Test(experiment, a_cell_has_medians_and_all_its_runs)
{
    static const char *const names[] = {"p50", "per_s", NULL};
    struct ww_experiment_cell cell = {.values = {{30, 1}, {10, 9}, {20, 2}, {1000, 4}}, .count = 3};
    struct json_object *json = json_object_new_object();
    ww_experiment_put_cell(json, &cell, names);
    cr_expect_float_eq(number(json, "p50"), 20, 1e-9);
    cr_expect_float_eq(number(json, "per_s"), 2, 1e-9);
    struct json_object *runs = json_object_object_get(json, "runs");
    cr_assert_eq(json_object_array_length(runs), 3);
    cr_expect_float_eq(number(json_object_array_get_idx(runs, 1), "per_s"), 9, 1e-9);
    json_object_put(json);

    cell.count = 4;
    json = json_object_new_object();
    ww_experiment_put_cell(json, &cell, names);
    cr_expect_float_eq(number(json, "p50"), 25, 1e-9, "between the two in the middle");
    json_object_put(json);
}

Test(experiment, lists_name_what_is_wanted)
{
    static const char *const names[] = {"entry", "self", "1ms"};
    struct ww_error error;
    cr_expect(ww_experiment_listed(NULL, "self"));
    cr_expect(ww_experiment_listed("entry,self", "self"));
    cr_expect_not(ww_experiment_listed("entry,selfish", "self"));
    cr_expect_not(ww_experiment_listed("", "self"));
    cr_expect_eq(ww_experiment_check_list("windows", NULL, names, 3, &error), WW_OK);
    cr_expect_eq(ww_experiment_check_list("windows", "1ms,entry", names, 3, &error), WW_OK);
    cr_expect_eq(ww_experiment_check_list("windows", "1ms,never", names, 3, &error), WW_EINVAL);
    cr_expect_str_eq(error.text, "--windows: 'never' is not one of entry,self,1ms");
    cr_expect_eq(ww_experiment_check_list("windows", "", names, 3, &error), WW_EINVAL);
}

Test(experiment, lists_of_numbers_are_read_with_their_units)
{
    static const struct ww_flag flags[] = {{"loads", 0, "LIST", "1,2k", ""},
                                           {"delays", 0, "LIST", NULL, ""},
                                           {NULL}};
    static const struct ww_command command = {.verb = "try", .flags = flags};
    static const struct ww_command *const commands[] = {&command, NULL};
    struct ww_experiment_numbers numbers;
    struct ww_error error;
    struct ww_cli cli;
    char *words[] = {"try", "--delays", "1ms,20us,3"};
    cr_assert_eq(ww_args_parse(&cli, commands, 3, words, &error), WW_OK, "%s", error.text);
    cr_assert_eq(ww_experiment_counts(&cli, "loads", 1, 2000, &numbers, &error), WW_OK);
    cr_expect_eq(numbers.count, 2);
    cr_expect_eq(numbers.of[1], 2000);
    cr_expect_eq(ww_experiment_counts(&cli, "loads", 2, 2000, &numbers, &error), WW_EINVAL);
    cr_expect_str_eq(error.text, "--loads: '1' is outside 2 .. 2000");
    cr_expect_eq(ww_experiment_durations(&cli, "delays", 1, 9, &numbers, &error), WW_EINVAL);
    cr_expect_str_eq(error.text, "--delays: '1ms' is outside 1ns .. 9ns");
    cr_expect_eq(ww_experiment_durations(&cli, "delays", 1, 1000000, &numbers, &error), WW_EINVAL);
    cr_expect_str_eq(error.text, "--delays: '3': unknown unit; use ns, us, ms, s, m or h");
    words[2] = "1us,1us,1us,1us,1us,1us,1us,1us,1us";
    cr_assert_eq(ww_args_parse(&cli, commands, 3, words, &error), WW_OK, "%s", error.text);
    cr_expect_eq(ww_experiment_durations(&cli, "delays", 1, 1000000, &numbers, &error), WW_EINVAL);
    cr_expect_str_eq(error.text, "--delays: more than 8 numbers");
}

Test(experiment, plots_gather_the_points_of_each_series)
{
    struct json_object *json = json_object_new_object();
    const struct ww_experiment_plot plot = {"Title", "x", "log", "y", "linear"};
    struct json_object *series = ww_experiment_add_plot(json, &plot);
    ww_experiment_add_point(series, "one", 2, 0.5);
    ww_experiment_add_point(series, "two", 1, 20);
    ww_experiment_add_point(series, "one", 1, 10);
    cr_expect_str_eq(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
                     "{\"plots\":[{\"title\":\"Title\",\"x\":{\"label\":\"x\",\"scale\":\"log\"},"
                     "\"y\":{\"label\":\"y\",\"scale\":\"linear\"},\"series\":["
                     "{\"name\":\"one\",\"points\":[[1,10],[2,0.5]]},"
                     "{\"name\":\"two\",\"points\":[[1,20]]}]}]}");
    json_object_put(json);
}

Test(experiment, each_is_a_command_of_its_name)
{
    for (const struct ww_experiment *const *each = ww_experiments; *each != NULL; each++) {
        const struct ww_command *command = &(*each)->command;
        cr_expect_eq(strncmp(command->verb, "experiment ", 11), 0, "%s", command->verb);
        cr_expect_str_eq(command->verb + 11, (*each)->name);
        cr_expect_leq(strlen(command->summary), 80, "%s", (*each)->name);
        cr_expect(command->flags != NULL && command->run == ww_experiment_main);
    }
}
