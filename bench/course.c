/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/course.h"

#include "bench/load_process.h"
#include "engine/base/time_ns.h"
#include "engine/cli/cli.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MILLISECOND_NS UINT64_C(1000000)
#define LINE_WAIT_MS 100 /* how long ^C may wait */
#define END_WAIT_NS (50 * MILLISECOND_NS)
#define SETTLE_NS (10000 * MILLISECOND_NS)
#define SETTLE_INTERVAL_NS (20 * MILLISECOND_NS)

void ww_progress(const struct ww_bench_options *options, const char *format, ...)
{
    if (!options->progress)
        return;
    bool terminal = isatty(STDERR_FILENO);
    va_list arguments;
    va_start(arguments, format);
    fputs(terminal ? "\r\033[K" : "", stderr);
    vfprintf(stderr, format, arguments);
    fputs(terminal ? "" : "\n", stderr);
    fflush(stderr);
    va_end(arguments);
}

void ww_progress_end(const struct ww_bench_options *options)
{
    if (options->progress && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static int sample_all(struct ww_local_cluster *cluster, uint32_t count,
                      struct ww_cluster_sample *sample, struct ww_error *error)
{
    ww_cluster_sample_free(sample);
    for (uint32_t id = 1; id <= count; id++) {
        int status =
            ww_node_sample(ww_local_cluster_endpoint(cluster, id),
                           ww_local_cluster_pid(cluster, id), &sample->nodes[id - 1], error);
        if (status != WW_OK)
            return status;
        sample->count = id;
    }
    return WW_OK;
}

/* ---- the generator's lines ---- */

static double number(struct json_object *line, const char *key)
{
    return json_object_get_double(json_object_object_get(line, key));
}

static void on_interval(struct ww_bench_result *result, struct json_object *line)
{
    const struct ww_bench_options *options = result->options;
    ww_progress(options,
                "%s %.0f/%.0f s   %.0f commits/s   p50 %.0f us   p99 %.0f us   %.0f in flight",
                json_object_get_string(json_object_object_get(line, "phase")), number(line, "at_s"),
                (double)(options->warmup_ns + options->duration_ns) / 1e9, number(line, "per_s"),
                number(line, "p50") / 1e3, number(line, "p99") / 1e3, number(line, "in_flight"));
    json_object_object_del(line, "event");
    json_object_array_add(result->intervals, json_object_get(line));
}

static int on_line(struct ww_bench_result *result, struct ww_local_cluster *cluster,
                   struct json_object *line, struct ww_error *error)
{
    const char *event = json_object_get_string(json_object_object_get(line, "event"));
    if (event == NULL)
        return ww_fail(error, WW_EIO, "the load generator said something else");
    if (strcmp(event, "interval") == 0) {
        on_interval(result, line); /* takes the event out of the line */
        return WW_OK;
    }
    if (strcmp(event, "final") == 0)
        result->load = json_object_get(line);
    bool before = strcmp(event, "before") == 0;
    if (!before && strcmp(event, "after") != 0)
        return WW_OK;
    *(before ? &result->cpu_before : &result->cpu_after) = ww_cpu_time();
    int status = sample_all(cluster, result->options->replicas,
                            before ? &result->before : &result->after, error);
    for (uint32_t id = 1; id <= result->options->replicas && !before && status == WW_OK; id++)
        status =
            ww_rotations_ask(&result->rotations, ww_local_cluster_endpoint(cluster, id), error);
    return status;
}

/*
 * A node that died explains more than what others say of it: when something is wrong already, it is
 * given a moment to end.
 */
static int check_nodes(struct ww_local_cluster *cluster, bool wrong, struct ww_error *error)
{
    int status = ww_local_cluster_check(cluster, error);
    for (int i = 0; wrong && status == WW_OK && i < 20 && !ww_cli_interrupted(END_WAIT_NS); i++)
        status = ww_local_cluster_check(cluster, error);
    return status;
}

static int follow(struct ww_bench_result *result, struct ww_load_process *process,
                  struct ww_local_cluster *cluster, struct ww_error *error)
{
    for (;;) {
        struct json_object *line;
        int status = ww_load_process_next(process, LINE_WAIT_MS, &line, error);
        if (status == WW_OK && line != NULL) {
            status = on_line(result, cluster, line, error);
            json_object_put(line);
        }
        if (status == WW_ENOTFOUND)
            return result->load != NULL
                       ? WW_OK
                       : ww_fail(error, WW_EIO, "the load generator ended without a result");
        int nodes = check_nodes(cluster, status != WW_OK, error);
        if (nodes != WW_OK || status != WW_OK)
            return nodes != WW_OK ? nodes : status;
        if (ww_cli_interrupted(0))
            return ww_fail(error, WW_ECLOSED, "interrupted");
    }
}

static int read_histogram(struct ww_histogram *histogram, const char *directory,
                          struct ww_error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", directory, WW_LOAD_HISTOGRAM);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    bool whole = fread(histogram, sizeof(*histogram), 1, file) == 1;
    fclose(file);
    return whole ? WW_OK : ww_fail(error, WW_EIO, "%s is cut off", path);
}

int ww_course_run(struct ww_bench_result *result, const struct ww_load_options *load,
                  struct ww_local_cluster *cluster, struct ww_error *error)
{
    struct ww_load_process process;
    int status = ww_load_process_start(&process, load, error);
    if (status != WW_OK)
        return status;
    status = follow(result, &process, cluster, error);
    ww_load_process_stop(&process);
    if (status == WW_OK)
        status = read_histogram(&result->latency, load->directory, error);
    return status != WW_OK ? status : ww_rotations_read(&result->rotations, load->directory, error);
}

/* ---- after the load ---- */

/* Did all apply the same? WW_EBUSY: not yet. */
static int compare_applied(struct ww_bench_result *result, const struct ww_cluster_sample *sample,
                           uint64_t *commit, uint64_t *digest, struct ww_error *error)
{
    uint32_t groups = result->options->config.groups;
    uint64_t *applied = commit + groups, *other = digest + groups; /* of the later nodes */
    struct ww_verified *verified = &result->verified;
    verified->replicas_identical = true;
    verified->detail[0] = 0;
    int status = ww_node_applied(&sample->nodes[0], groups, commit, digest, error);
    for (uint32_t i = 1; i < sample->count && status == WW_OK; i++) {
        status = ww_node_applied(&sample->nodes[i], groups, applied, other, error);
        for (uint32_t group = 0; group < groups && status == WW_OK; group++) {
            if (applied[group] != commit[group])
                return ww_fail(error, WW_EBUSY, "group %u: node 1 applied %lu entries, node %u %lu",
                               group, commit[group], i + 1, applied[group]);
            if (other[group] == digest[group])
                continue;
            verified->replicas_identical = false;
            snprintf(verified->detail, sizeof(verified->detail),
                     "group %u: node %u applied other entries than node 1", group, i + 1);
        }
    }
    verified->entries = 0;
    for (uint32_t group = 0; group < groups; group++)
        verified->entries += commit[group];
    return status;
}

int ww_course_settle(struct ww_bench_result *result, struct ww_local_cluster *cluster,
                     uint64_t *commit, struct ww_error *error)
{
    uint32_t groups = result->options->config.groups;
    struct ww_cluster_sample sample = {.count = 0};
    uint64_t *positions = calloc(2 * (size_t)groups, sizeof(uint64_t));
    uint64_t *digests = calloc(2 * (size_t)groups, sizeof(uint64_t));
    int status = positions == NULL || digests == NULL
                     ? ww_fail(error, WW_ENOMEM, "no memory for %u groups", groups)
                     : WW_EBUSY;
    uint64_t deadline_ns = ww_time_ns(CLOCK_MONOTONIC) + SETTLE_NS;
    while (status == WW_EBUSY) {
        status = sample_all(cluster, result->options->replicas, &sample, error);
        if (status == WW_OK)
            status = compare_applied(result, &sample, positions, digests, error);
        if (status != WW_EBUSY)
            break;
        if (ww_cli_interrupted(SETTLE_INTERVAL_NS))
            status = ww_fail(error, WW_ECLOSED, "interrupted");
        else if (ww_time_ns(CLOCK_MONOTONIC) > deadline_ns)
            status = WW_ETIMEOUT;
    }
    if (status == WW_OK)
        memcpy(commit, positions, groups * sizeof(uint64_t));
    if (status == WW_ETIMEOUT) {
        ww_fail_context(error, "the replicas do not become equal");
        error->code = status = WW_EIO;
    }
    ww_cluster_sample_free(&sample);
    free(positions);
    free(digests);
    return status;
}
