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

Test(experiment, each_has_a_name_and_a_line)
{
    for (const struct ww_experiment *const *each = ww_experiments; *each != NULL; each++) {
        cr_expect_gt(strlen((*each)->name), 0);
        cr_expect_leq(strlen((*each)->summary), 80, "%s", (*each)->name);
    }
}
