/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_files.h"

#include "bench/json.h"
#include "engine/cli/local_files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char good_[] =
    "{\"schema\":\"whitewater.bench/1\",\"version\":\"0\",\"started_at\":\"now\",\"config\":{},"
    "\"environment\":{},\"limits\":{},\"commit\":{\"latency\":{}},\"cpu\":{\"busy_fraction\":[]},"
    "\"memory\":{\"node_resident_bytes\":[],\"parts\":{}},\"ratios\":{},\"verified\":{}}";
static const char hgrm_[] = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n"
                            "  100.000 0.000000000000          1           1.00\n"
                            "  250.000 1.000000000000          9            inf\n"
                            "#[Mean    =      233.333, StdDeviation   =       47.140]\n";

static char directory_[] = "files-test-XXXXXX";
static struct ww_error error_;
static struct json_object *data_;

static void put_file(const char *name, const char *text)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", directory_, name);
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(directory_));
    put_file("result.json", good_);
    put_file("intervals.jsonl", "{\"at_s\":1}\n{\"at_s\":2}\n");
    put_file("commit.hgrm", hgrm_);
}

static void tear_down(void)
{
    ww_local_remove(directory_);
}

TestSuite(bench_files, .init = set_up, .fini = tear_down);

static void fails(int status, const char *says)
{
    cr_expect_eq(ww_bench_files_read(directory_, &data_, &error_), status, "%s", says);
    cr_expect_null(data_);
    cr_expect_not_null(strstr(error_.text, says), "'%s' instead of '%s'", error_.text, says);
}

Test(bench_files, the_directory_is_read_back)
{
    cr_assert_eq(ww_bench_files_read(directory_, &data_, &error_), WW_OK, "%s", error_.text);
    cr_expect_eq(json_object_array_length(ww_json_at(data_, "intervals")), 2);
    struct json_object *rows = ww_json_at(data_, "percentiles");
    cr_expect_str_eq(json_object_to_json_string_ext(rows, JSON_C_TO_STRING_PLAIN),
                     "[[100.000,0.000000000000,1],[250.000,1.000000000000,9]]");
    cr_expect_str_eq(json_object_get_string(ww_json_at(data_, "result.started_at")), "now");
    json_object_put(data_);
}

Test(bench_files, companions_may_be_missing)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/intervals.jsonl", directory_);
    unlink(path);
    snprintf(path, sizeof(path), "%s/commit.hgrm", directory_);
    unlink(path);
    cr_assert_eq(ww_bench_files_read(directory_, &data_, &error_), WW_OK, "%s", error_.text);
    cr_expect_null(ww_json_at(data_, "intervals"));
    cr_expect_null(ww_json_at(data_, "percentiles"));
    json_object_put(data_);
    snprintf(path, sizeof(path), "%s/result.json", directory_);
    unlink(path);
    fails(WW_EINVAL, "result.json: No such file");
}

Test(bench_files, what_is_damaged_is_named)
{
    static const struct {
        const char *from, *to, *says;
    } rows[] = {
        {"whitewater.bench/1", "whitewater.bench/9", "schema 'whitewater.bench/9' instead of"},
        {"schema", "shema", "no 'schema'"},
        {"\"config\":{}", "\"config\":[]", "'config' is not there, or no object"},
        {"\"latency\":{}", "\"latency\":7", "'commit.latency'"},
        {"\"busy_fraction\":[]", "\"busy_fraction\":{}", "'cpu.busy_fraction' is not there, or no"},
        {"\"parts\":{}", "\"parts\":[]", "'memory.parts'"},
        {"\"verified\":{}", "\"verified\":", "result.json:1: "},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[1024];
        const char *at = strstr(good_, rows[i].from);
        cr_assert_not_null(at);
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good_), good_, rows[i].to,
                 at + strlen(rows[i].from));
        put_file("result.json", text);
        fails(WW_EDAMAGED, rows[i].says);
    }
    put_file("result.json", good_);
    put_file("commit.hgrm", "100 0.5 1 1\n100 1.5 1 1\n");
    fails(WW_EDAMAGED, "commit.hgrm:2: not a row");
    put_file("commit.hgrm", "100 half\n");
    fails(WW_EDAMAGED, "commit.hgrm:1: not a row");
    put_file("intervals.jsonl", "{\"at_s\":1}\n{\"at");
    fails(WW_EDAMAGED, "intervals.jsonl:2: ");
}
