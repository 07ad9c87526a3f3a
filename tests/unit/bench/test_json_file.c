/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/json_file.h"

#include "bench/json.h"
#include "engine/cli/local_files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char directory_[] = "json-test-XXXXXX", path_[64];
static struct ww_error error_;
static struct json_object *json_;

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(directory_));
    snprintf(path_, sizeof(path_), "%s/file", directory_);
}

static void tear_down(void)
{
    ww_local_remove(directory_);
}

TestSuite(json_file, .init = set_up, .fini = tear_down);

static void put_bytes(const char *text, size_t length)
{
    FILE *file = fopen(path_, "w");
    fwrite(text, 1, length, file);
    fclose(file);
}

/* Reading must fail with this, and name the place. */
static void fails(int (*read)(const char *, struct json_object **, struct ww_error *),
                  const char *text, const char *place)
{
    char wanted[96];
    put_bytes(text, strlen(text));
    cr_expect_eq(read(path_, &json_, &error_), WW_EDAMAGED, "'%s'", text);
    cr_expect_null(json_);
    snprintf(wanted, sizeof(wanted), "%s%s", path_, place);
    cr_expect_eq(strncmp(error_.text, wanted, strlen(wanted)), 0, "'%s' of '%s'", error_.text,
                 text);
}

Test(json_file, a_file_is_one_value)
{
    put_bytes("{\"a\":{\"b\":7}}\n\n", 15);
    cr_assert_eq(ww_json_read(path_, &json_, &error_), WW_OK, "%s", error_.text);
    cr_expect_eq(json_object_get_int(ww_json_at(json_, "a.b")), 7);
    cr_expect_null(ww_json_at(json_, "a.c"));
    cr_expect_null(ww_json_at(json_, "a.b.c"));
    cr_expect_null(ww_json_at(NULL, "a"));
    json_object_put(json_);
}

Test(json_file, damage_is_named_by_its_line)
{
    fails(ww_json_read, "", ":1: the JSON ends early");
    fails(ww_json_read, "{\"a\":\n\n1", ":3: the JSON ends early");
    fails(ww_json_read, "{\"a\":\n#}", ":2: ");
    fails(ww_json_read, "{}\n{}", ":2: ");
    put_bytes("{\"a\":1}\0{}", 10);
    cr_expect_eq(ww_json_read(path_, &json_, &error_), WW_EDAMAGED);
    cr_expect_not_null(strstr(error_.text, "offset 7"), "%s", error_.text);
}

Test(json_file, lines_are_an_array)
{
    put_bytes("{\"a\":1}\n{\"a\":2}", 15);
    cr_assert_eq(ww_json_lines_read(path_, &json_, &error_), WW_OK, "%s", error_.text);
    cr_assert_eq(json_object_array_length(json_), 2);
    cr_expect_eq(json_object_get_int(ww_json_at(json_object_array_get_idx(json_, 1), "a")), 2);
    json_object_put(json_);
    put_bytes("", 0);
    cr_assert_eq(ww_json_lines_read(path_, &json_, &error_), WW_OK, "%s", error_.text);
    cr_expect_eq(json_object_array_length(json_), 0);
    json_object_put(json_);
    fails(ww_json_lines_read, "{\"a\":1}\n{\"a\":\n", ":2: the JSON ends early");
    fails(ww_json_lines_read, "{\"a\":1}\n\n{}", ":2: ");
}

Test(json_file, a_file_that_is_not_there_is_no_damage)
{
    cr_expect_eq(ww_json_read("/nonexistent.json", &json_, &error_), WW_EINVAL);
    cr_expect_not_null(strstr(error_.text, "/nonexistent.json: No such file"), "%s", error_.text);
    cr_expect_eq(ww_json_read("/", &json_, &error_), WW_EINVAL);
    cr_expect_eq(ww_json_lines_read("/nonexistent", &json_, &error_), WW_EINVAL);
}
