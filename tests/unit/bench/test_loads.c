/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loads.h"

#include <criterion/criterion.h>

static uint64_t count(struct json_object *json, const char *key)
{
    return json_object_get_uint64(json_object_object_get(json, key));
}

Test(loads, totals_of_processes_add_up)
{
    static const char *const lines[] = {
        "{\"event\":\"final\",\"entries\":10,\"elapsed_ns\":900,\"busy\":0}",
        "{\"event\":\"final\",\"entries\":32,\"elapsed_ns\":1000,\"busy\":1,\"behind_max_ns\":5}",
        "{\"event\":\"final\",\"entries\":1,\"elapsed_ns\":950,\"busy\":0,\"behind_max_ns\":4}",
    };
    struct json_object *sum = json_object_new_object();
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct json_object *line = json_tokener_parse(lines[i]);
        ww_loads_add_totals(sum, line);
        json_object_put(line);
    }
    cr_expect_eq(count(sum, "entries"), 43);
    cr_expect_eq(count(sum, "busy"), 1);
    cr_expect_eq(count(sum, "elapsed_ns"), 1000, "they run at the same time");
    cr_expect_eq(count(sum, "behind_max_ns"), 5);
    cr_expect_null(json_object_object_get(sum, "event"));
    json_object_put(sum);
}
