/* SPDX-License-Identifier: Apache-2.0 */
/* The sides of `ww compare`, read from the directories that `ww bench` and `ww sweep` leave. */
#include "bench/bench.h"
#include "bench/compare.h"
#include "bench/json.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* DIRECTORY/NAME; false when that is too long. */
static bool join(char path[PATH_MAX], const char *directory, const char *name)
{
    return snprintf(path, PATH_MAX, "%s/%s", directory, name) < PATH_MAX;
}

static int read_json(const char *path, const char *schema, struct json_object **json,
                     struct ww_error *error)
{
    *json = json_object_from_file(path);
    if (*json == NULL)
        return ww_fail(error, WW_EINVAL, "%s: %s", path, json_util_get_last_err());
    const char *found = ww_json_text_or(*json, "schema", "nothing");
    if (strcmp(found, schema) == 0)
        return WW_OK;
    ww_fail(error, WW_EINVAL, "%s: its schema is '%s', not '%s'", path, found, schema);
    json_object_put(*json);
    *json = NULL;
    return WW_EINVAL;
}

/* The measured seconds; a run of an older version may have none. */
static int read_intervals(const char *directory, struct json_object *intervals,
                          struct ww_error *error)
{
    char path[PATH_MAX], *line = NULL;
    size_t room = 0;
    int status = WW_OK, number = 0;
    FILE *file = join(path, directory, "intervals.jsonl") ? fopen(path, "r") : NULL;
    if (file == NULL)
        return errno == ENOENT ? WW_OK : ww_fail_errno(error, WW_EIO, "%s", path);
    while (status == WW_OK && getline(&line, &room, file) > 0) {
        struct json_object *interval = json_tokener_parse(line);
        number++;
        if (!json_object_is_type(interval, json_type_object))
            status = ww_fail(error, WW_EINVAL, "%s:%d: not a JSON object", path, number);
        else if (strcmp(ww_json_text_or(interval, "phase", ""), "measure") == 0)
            json_object_array_add(intervals, json_object_get(interval));
        json_object_put(interval);
    }
    free(line);
    fclose(file);
    return status;
}

static int add_run(struct json_object *runs, const char *directory, struct ww_error *error)
{
    char path[PATH_MAX];
    struct json_object *result, *intervals;
    int status = join(path, directory, "result.json")
                     ? read_json(path, WW_BENCH_SCHEMA, &result, error)
                     : ww_fail(error, WW_EINVAL, "%s: too long a path", directory);
    if (status != WW_OK)
        return status;
    struct json_object *run = json_object_new_object();
    intervals = json_object_new_array();
    ww_json_put_text(run, "path", directory);
    json_object_object_add(run, "result", result);
    json_object_object_add(run, "intervals", intervals);
    json_object_array_add(runs, run);
    return read_intervals(directory, intervals, error);
}

static struct json_object *add_point(struct json_object *side, const char *id,
                                     struct json_object *settings)
{
    struct json_object *point = json_object_new_object(), *runs = json_object_new_array();
    ww_json_put_text(point, "id", id);
    json_object_object_add(point, "settings", json_object_get(settings));
    json_object_object_add(point, "runs", runs);
    json_object_array_add(json_object_object_get(side, "points"), point);
    return runs;
}

static bool holds(const char *directory, const char *name)
{
    char path[PATH_MAX];
    return join(path, directory, name) && access(path, F_OK) == 0;
}

/* Every directory in it that holds a result, in the order of their names. */
static int read_several(const char *path, struct json_object *side, struct ww_error *error)
{
    struct dirent **names;
    struct json_object *runs = add_point(side, "", NULL);
    int count = scandir(path, &names, NULL, alphasort), status = WW_OK;
    if (count < 0)
        return ww_fail_errno(error, WW_EINVAL, "%s", path);
    for (int i = 0; i < count; i++) {
        char directory[PATH_MAX];
        if (status == WW_OK && names[i]->d_name[0] != '.' &&
            join(directory, path, names[i]->d_name) && holds(directory, "result.json"))
            status = add_run(runs, directory, error);
        free(names[i]);
    }
    free(names);
    if (status == WW_OK && json_object_array_length(runs) == 0)
        status = ww_fail(error, WW_EINVAL,
                         "%s holds no result.json, no sweep.json and no directories with one "
                         "(ww bench -o DIR and ww sweep -o DIR write them)",
                         path);
    return status;
}

/* What the sweep threw out stays out. */
static int read_sweep(const char *path, struct json_object *side, struct ww_error *error)
{
    char file[PATH_MAX];
    struct json_object *sweep;
    int status = join(file, path, "sweep.json")
                     ? read_json(file, "whitewater.sweep/1", &sweep, error)
                     : ww_fail(error, WW_EINVAL, "%s: too long a path", path);
    if (status != WW_OK)
        return status;
    struct json_object *points = ww_json_at(sweep, "points");
    if (!json_object_is_type(points, json_type_array))
        status = ww_fail(error, WW_EINVAL, "%s: no \"points\"", file);
    for (size_t i = 0; status == WW_OK && i < json_object_array_length(points); i++) {
        struct json_object *point = json_object_array_get_idx(points, i);
        struct json_object *runs =
            add_point(side, ww_json_text_or(point, "id", ""), ww_json_at(point, "settings"));
        struct json_object *listed = ww_json_at(point, "runs");
        size_t count =
            json_object_is_type(listed, json_type_array) ? json_object_array_length(listed) : 0;
        for (size_t k = 0; status == WW_OK && k < count; k++) {
            struct json_object *run = json_object_array_get_idx(listed, k);
            char directory[PATH_MAX];
            if (json_object_get_boolean(ww_json_at(run, "kept")) &&
                join(directory, path, ww_json_text_or(run, "dir", "")))
                status = add_run(runs, directory, error);
        }
    }
    json_object_put(sweep);
    return status;
}

int ww_compare_load(const char *path, struct json_object **side, struct ww_error *error)
{
    *side = json_object_new_object();
    ww_json_put_text(*side, "path", path);
    json_object_object_add(*side, "points", json_object_new_array());
    int status;
    const char *kind = "run";
    if (holds(path, "sweep.json")) {
        kind = "sweep";
        status = read_sweep(path, *side, error);
    } else if (holds(path, "result.json")) {
        status = add_run(add_point(*side, "", NULL), path, error);
    } else {
        kind = "runs";
        status = read_several(path, *side, error);
    }
    ww_json_put_text(*side, "kind", kind);
    if (status != WW_OK) {
        json_object_put(*side);
        *side = NULL;
    }
    return status;
}
