/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_files.h"

#include "bench/bench.h"
#include "bench/html.h"
#include "bench/json.h"
#include "bench/json_file.h"
#include "bench/result.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* What the table and the page rely on; the rest of result.json may be absent. */
static const struct {
    const char *path;
    enum json_type type;
} needed[] = {
    {"version", json_type_string},
    {"started_at", json_type_string},
    {"config", json_type_object},
    {"environment", json_type_object},
    {"limits", json_type_object},
    {"commit", json_type_object},
    {"commit.latency", json_type_object},
    {"cpu.busy_fraction", json_type_array},
    {"memory.node_resident_bytes", json_type_array},
    {"ratios", json_type_object},
    {"verified", json_type_object},
};

static int check_result(const char *path, struct json_object *result, struct ww_error *error)
{
    struct json_object *schema = ww_json_at(result, "schema");
    if (!json_object_is_type(schema, json_type_string))
        return ww_fail(error, WW_EDAMAGED, "%s: no 'schema': not a result of ww bench", path);
    if (strcmp(json_object_get_string(schema), WW_BENCH_SCHEMA) != 0)
        return ww_fail(error, WW_EDAMAGED, "%s: schema '%s' instead of '%s'", path,
                       json_object_get_string(schema), WW_BENCH_SCHEMA);
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!json_object_is_type(ww_json_at(result, needed[i].path), needed[i].type))
            return ww_fail(error, WW_EDAMAGED, "%s: '%s' is not there, or no %s", path,
                           needed[i].path, json_type_to_name(needed[i].type));
    struct json_object *parts = ww_json_at(result, "memory.parts");
    if (parts != NULL && !json_object_is_type(parts, json_type_object))
        return ww_fail(error, WW_EDAMAGED, "%s: 'memory.parts' is no object", path);
    return WW_OK;
}

/* The rows of a percentile table: value, percentile, count, 1/(1-percentile). */
static int read_hgrm(const char *path, struct json_object **rows, struct ww_error *error)
{
    char line[256];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return ww_fail_errno(error, WW_EINVAL, "%s", path);
    *rows = json_object_new_array();
    int status = WW_OK;
    for (unsigned number = 1; status == WW_OK && fgets(line, sizeof(line), file) != NULL;
         number++) {
        double value, part, count;
        size_t blank = strspn(line, " ");
        if (strchr("#\r\n", line[blank]) != NULL || strncmp(line + blank, "Value ", 6) == 0)
            continue;
        if (sscanf(line, "%lf %lf %lf", &value, &part, &count) != 3 || !(part >= 0 && part <= 1)) {
            status =
                ww_fail(error, WW_EDAMAGED, "%s:%u: not a row of a percentile table", path, number);
            continue;
        }
        struct json_object *row = json_object_new_array_ext(3);
        json_object_array_add(row, json_object_new_double_s(value, strtok(line, " ")));
        json_object_array_add(row, json_object_new_double_s(part, strtok(NULL, " ")));
        json_object_array_add(row, json_object_new_uint64((uint64_t)count));
        json_object_array_add(*rows, row);
    }
    fclose(file);
    return status;
}

/* Adds a companion of result.json under `key`, unless there is none. */
static int add_companion(struct json_object *data, const char *directory, const char *name,
                         const char *key,
                         int (*read)(const char *, struct json_object **, struct ww_error *),
                         struct ww_error *error)
{
    char path[PATH_MAX];
    struct json_object *value = NULL;
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return WW_OK;
    int status = read(path, &value, error);
    json_object_object_add(data, key, value);
    return status;
}

int ww_bench_files_read(const char *directory, struct json_object **data, struct ww_error *error)
{
    char path[PATH_MAX];
    struct json_object *result;
    *data = NULL;
    snprintf(path, sizeof(path), "%s/result.json", directory);
    int status = ww_json_read(path, &result, error);
    if (status != WW_OK)
        return status;
    *data = json_object_new_object();
    json_object_object_add(*data, "result", result);
    status = check_result(path, result, error);
    if (status == WW_OK)
        status = add_companion(*data, directory, "intervals.jsonl", "intervals", ww_json_lines_read,
                               error);
    if (status == WW_OK)
        status = add_companion(*data, directory, "commit.hgrm", "percentiles", read_hgrm, error);
    if (status != WW_OK) {
        json_object_put(*data);
        *data = NULL;
    }
    return status;
}

int ww_bench_page_write(const char *directory, struct json_object *data, struct ww_error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/report.html", directory);
    return ww_html_write(path, WW_HTML_BENCH, data, error);
}

int ww_bench_report(const char *directory, bool json, struct ww_error *error)
{
    struct json_object *data;
    int status = ww_bench_files_read(directory, &data, error);
    if (status != WW_OK)
        return status;
    struct json_object *result = json_object_object_get(data, "result");
    status = ww_bench_page_write(directory, data, error);
    if (status == WW_OK && json)
        puts(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PRETTY));
    else if (status == WW_OK)
        ww_report_print(result, stdout);
    json_object_put(data);
    return status;
}
