/* SPDX-License-Identifier: Apache-2.0 */
/* What the experiments share: medians, lists of names, the head of a table, the result file. */
#include "bench/experiment.h"

#include "bench/environment.h"
#include "bench/run_directory.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const struct ww_experiment *const ww_experiments[] = {
    &ww_experiment_fsync,
    &ww_experiment_log_readers,
    NULL,
};

struct json_object *ww_experiment_result(const char *name, const char *directory)
{
    struct json_object *result = json_object_new_object();
    char started_at[32];
    time_t now = time(NULL);
    strftime(started_at, sizeof(started_at), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
    json_object_object_add(result, "schema", json_object_new_string(WW_EXPERIMENT_SCHEMA));
    json_object_object_add(result, "version", json_object_new_string(WW_VERSION));
    json_object_object_add(result, "experiment", json_object_new_string(name));
    json_object_object_add(result, "started_at", json_object_new_string(started_at));
    json_object_object_add(result, "environment", ww_environment_json(directory));
    return result;
}

/* Six significant digits: more than any measurement has. */
static struct json_object *new_number(double value)
{
    char text[32];
    snprintf(text, sizeof(text), "%.6g", value);
    return json_object_new_double_s(value, text);
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static double median_of(const struct ww_experiment_cell *cell, uint32_t place)
{
    double sorted[WW_EXPERIMENT_REPEATS_MAX];
    for (uint32_t i = 0; i < cell->count; i++)
        sorted[i] = cell->values[i][place];
    qsort(sorted, cell->count, sizeof(sorted[0]), by_size);
    return (sorted[(cell->count - 1) / 2] + sorted[cell->count / 2]) / 2;
}

void ww_experiment_put_cell(struct json_object *to, const struct ww_experiment_cell *cell,
                            const char *const *names)
{
    struct json_object *runs = json_object_new_array();
    for (uint32_t i = 0; i < cell->count; i++) {
        struct json_object *run = json_object_new_object();
        for (uint32_t place = 0; names[place] != NULL; place++)
            json_object_object_add(run, names[place], new_number(cell->values[i][place]));
        json_object_array_add(runs, run);
    }
    for (uint32_t place = 0; cell->count > 0 && names[place] != NULL; place++)
        json_object_object_add(to, names[place], new_number(median_of(cell, place)));
    json_object_object_add(to, "runs", runs);
}

bool ww_experiment_listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ','), at += at != NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == 0 || at[length] == ','))
            return true;
    return list == NULL;
}

int ww_experiment_check_list(const char *flag, const char *list, const char *const *names,
                             uint32_t count, struct ww_error *error)
{
    char known[256] = "";
    for (uint32_t i = 0; i < count; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", i > 0 ? "," : "", names[i]);
    }
    for (const char *at = list; at != NULL; at = strchr(at, ','), at += at != NULL) {
        char name[64];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, ","), at);
        if (!ww_experiment_listed(known, name))
            return ww_fail(error, WW_EINVAL, "--%s: '%s' is not one of %s", flag, name, known);
    }
    return WW_OK;
}

static const char *text(struct json_object *object, const char *key)
{
    const char *value = json_object_get_string(json_object_object_get(object, key));
    return value != NULL ? value : "unknown";
}

void ww_experiment_print_head(struct json_object *result, FILE *file)
{
    struct json_object *environment = json_object_object_get(result, "environment");
    fprintf(file, "  machine  %s, %s cores, Linux %s\n", text(environment, "cpu"),
            text(environment, "cores"), text(environment, "kernel"));
    if (json_object_object_get(environment, "device") != NULL)
        fprintf(file, "  disk     %s on %s (write cache: %s)\n", text(environment, "filesystem"),
                text(environment, "device"), text(environment, "device_write_cache"));
}

static int write_file(const struct ww_experiment *experiment, struct json_object *result,
                      const char *output, struct ww_error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s.json", output, experiment->name);
    return json_object_to_file_ext(path, result, JSON_C_TO_STRING_PRETTY) == 0
               ? WW_OK
               : ww_fail_errno(error, WW_EIO, "%s", path);
}

int ww_experiment_run(const struct ww_experiment *experiment,
                      const struct ww_experiment_options *options, struct ww_error *error)
{
    struct json_object *result = NULL;
    int status = ww_run_output_make(options->output, error);
    if (status == WW_OK)
        status = experiment->run(options, &result, error);
    if (status == WW_OK && options->json)
        puts(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PRETTY));
    else if (status == WW_OK)
        experiment->print(result, stdout);
    if (status == WW_OK && options->output != NULL)
        status = write_file(experiment, result, options->output, error);
    json_object_put(result);
    return status;
}
