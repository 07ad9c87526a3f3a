/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loads.h"

#include "bench/run_directory.h"

#include <poll.h>
#include <string.h>

int ww_loads_start(struct ww_loads *loads, const struct ww_load_options *options,
                   ww_interval_visitor visit, void *context, struct ww_error *error)
{
    *loads = (struct ww_loads){
        .options = options,
        .merge = {.processes = options->clients, .visit = visit, .context = context},
        .totals = json_object_new_object(),
    };
    int status = WW_OK;
    for (uint32_t i = 0; i < options->clients && status == WW_OK; i++) {
        struct ww_load_options one = *options;
        one.client = i;
        status = ww_load_process_start(&loads->processes[i], &one, error);
        if (status == WW_OK)
            loads->count++;
    }
    return status;
}

/* ---- their lines ---- */

static int on_interval(struct ww_loads *loads, uint32_t process, struct ww_error *error)
{
    struct ww_interval interval;
    char path[WW_RUN_PATH_MAX];
    ww_run_load_file(path, loads->options->directory, process, WW_LOAD_INTERVALS);
    if (loads->intervals[process] == NULL)
        loads->intervals[process] = fopen(path, "rb");
    if (loads->intervals[process] == NULL)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    int status = ww_interval_read(loads->intervals[process], &interval, &loads->latency, error);
    return status == WW_OK
               ? ww_interval_merge_add(&loads->merge, process, &interval, &loads->latency, error)
               : ww_fail_context(error, "%s", path);
}

void ww_loads_add_totals(struct json_object *sum, struct json_object *line)
{
    json_object_object_foreach(line, key, value)
    {
        if (!json_object_is_type(value, json_type_int))
            continue;
        uint64_t before = json_object_get_uint64(json_object_object_get(sum, key));
        uint64_t one = json_object_get_uint64(value);
        bool longest = strcmp(key, "elapsed_ns") == 0 || strstr(key, "_max_ns") != NULL;
        uint64_t all = !longest ? before + one : one > before ? one : before;
        json_object_object_add(sum, key, json_object_new_uint64(all));
    }
}

static int on_line(struct ww_loads *loads, uint32_t process, struct json_object *line,
                   struct ww_error *error)
{
    const char *event = json_object_get_string(json_object_object_get(line, "event"));
    if (event == NULL)
        return ww_fail(error, WW_EIO, "the load generator said something else");
    if (strcmp(event, "interval") == 0)
        return on_interval(loads, process, error);
    if (strcmp(event, "pause") == 0)
        loads->paused++;
    if (strcmp(event, "final") == 0) {
        loads->told[process] = true;
        ww_loads_add_totals(loads->totals, line);
    }
    return WW_OK;
}

/* All lines of one process that are there. */
static int hear(struct ww_loads *loads, uint32_t process, struct ww_error *error)
{
    struct ww_load_process *one = &loads->processes[process];
    int status = WW_OK;
    for (bool more = true; more && status == WW_OK && one->pid != 0;) {
        struct json_object *line;
        status = ww_load_process_next(one, 0, &line, error);
        if (status == WW_ENOTFOUND) {
            loads->ended++;
            return loads->told[process]
                       ? WW_OK
                       : ww_fail(error, WW_EIO, "the load generator ended without a result");
        }
        more = status == WW_OK && line != NULL;
        if (more)
            status = on_line(loads, process, line, error);
        if (more)
            json_object_put(line);
    }
    return status;
}

int ww_loads_follow(struct ww_loads *loads, int timeout_ms, struct ww_error *error)
{
    struct pollfd waits[WW_CLIENTS_MAX];
    int status = WW_OK;
    for (uint32_t i = 0; i < loads->count; i++) /* poll passes over negative descriptors */
        waits[i] = (struct pollfd){
            .fd = loads->processes[i].pid != 0 ? loads->processes[i].lines : -1,
            .events = POLLIN,
        };
    if (poll(waits, loads->count, timeout_ms) <= 0)
        return WW_OK;
    for (uint32_t i = 0; i < loads->count && status == WW_OK; i++)
        if (waits[i].revents != 0)
            status = hear(loads, i, error);
    return status;
}

int ww_loads_go(struct ww_loads *loads, uint64_t begin_ns, struct ww_error *error)
{
    int status = WW_OK;
    loads->paused = 0;
    for (uint32_t i = 0; i < loads->count && status == WW_OK; i++)
        status = ww_load_process_go(&loads->processes[i], begin_ns, error);
    return status;
}

/* ---- their files ---- */

int ww_loads_latency(const struct ww_loads *loads, struct ww_histogram *latency,
                     struct ww_error *error)
{
    ww_histogram_reset(latency);
    for (uint32_t i = 0; i < loads->count; i++) {
        struct ww_histogram one;
        char path[WW_RUN_PATH_MAX];
        ww_run_load_file(path, loads->options->directory, i, WW_LOAD_HISTOGRAM);
        FILE *file = fopen(path, "rb");
        if (file == NULL)
            return ww_fail_errno(error, WW_EIO, "%s", path);
        bool whole = fread(&one, sizeof(one), 1, file) == 1;
        fclose(file);
        if (!whole)
            return ww_fail(error, WW_EIO, "%s is cut off", path);
        ww_histogram_merge(latency, &one);
    }
    return WW_OK;
}

void ww_loads_stop(struct ww_loads *loads)
{
    for (uint32_t i = 0; i < loads->count; i++) {
        ww_load_process_stop(&loads->processes[i]);
        if (loads->intervals[i] != NULL)
            fclose(loads->intervals[i]);
    }
    ww_interval_merge_end(&loads->merge, ww_loads_ended(loads));
    json_object_put(loads->totals);
}
