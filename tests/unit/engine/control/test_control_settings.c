/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/control/control_settings.h"

#include <criterion/criterion.h>
#include <string.h>

static int parse(const char *body, struct ww_control_settings *settings, struct ww_error *error)
{
    return ww_control_parse_settings(body, strlen(body), settings, error);
}

Test(control_settings, values_are_texts_numbers_and_booleans)
{
    struct ww_control_settings settings;
    struct ww_error error;
    cr_assert_eq(parse("{\"a\": \"4KiB\", \"b\": 7, \"c\": true}", &settings, &error), WW_OK);
    cr_assert_eq(settings.count, 3);
    cr_assert_str_eq(settings.list[0].key, "a");
    cr_assert_str_eq(settings.list[0].value, "4KiB");
    cr_assert_str_eq(settings.list[1].value, "7");
    cr_assert_str_eq(settings.list[2].value, "true");
}

Test(control_settings, what_is_wrong_is_said)
{
    static const struct {
        const char *body, *says;
    } cases[] = {
        {"", "not JSON"},
        {"[1]", "not an object"},
        {"{}", "not an object of keys"},
        {"{\"a\": 1.5}", "'a' is neither"},
        {"{\"a\": {}}", "'a' is neither"},
        {"{\"a\": \"1234567890123456789012345678901234567890123456789012345678901234\"}",
         "too long"},
        {"{\"a23456789012345678901234567890123456789012345678\": 1}", "too long"},
        {"{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,"
         "\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1}",
         "more than 16 keys"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ww_control_settings settings;
        struct ww_error error;
        cr_assert_eq(parse(cases[i].body, &settings, &error), WW_EINVAL, "%s", cases[i].body);
        cr_assert_not_null(strstr(error.text, cases[i].says), "%s", error.text);
    }
}
