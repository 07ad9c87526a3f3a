/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/course.h"

#include "bench/json.h"
#include "bench/loads.h"
#include "bench/run_directory.h"
#include "engine/base/time_ns.h"
#include "engine/cli/cli.h"
#include "engine/control/control_request.h"
#include "engine/control/http_client.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND_NS 1e9
#define MILLISECOND_NS UINT64_C(1000000)
#define RAMP_NS (100 * MILLISECOND_NS) /* load before a later slice, and WW_LOAD_SAMPLE_NS */
#define LINE_WAIT_MS 100               /* how long ^C may wait */
#define ANSWER_NS (5000 * MILLISECOND_NS)
#define END_WAIT_NS (50 * MILLISECOND_NS)
#define RETURN_NS (30000 * MILLISECOND_NS) /* a node that was killed reads its log again */
#define SETTLE_NS (30000 * MILLISECOND_NS) /* ... and gets what it missed */
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

/* A node that a fault of `injector` (NULL: there is none) keeps from answering stays unknown. */
static int sample_all(struct ww_local_cluster *cluster, uint32_t count,
                      const struct ww_injector *injector, struct ww_cluster_sample *sample,
                      struct ww_error *error)
{
    ww_cluster_sample_free(sample);
    sample->cpu = ww_cpu_time();
    for (uint32_t id = 1; id <= count; id++) {
        bool excused = false;
        int status = WW_ETIMEOUT;
        sample->nodes[id - 1] = (struct ww_node_sample){.pid = 0};
        sample->count = id;
        if (injector == NULL || ww_injector_reaches(injector, id, &excused))
            status =
                ww_node_sample(ww_local_cluster_endpoint(cluster, id),
                               ww_local_cluster_pid(cluster, id), &sample->nodes[id - 1], error);
        if (status != WW_OK && !excused)
            return status;
    }
    return WW_OK;
}

/* ---- a course ---- */

struct course {
    struct ww_bench_result *result;
    const struct ww_load_options *load;
    const struct ww_course_hooks *hooks;
    struct ww_local_cluster *cluster;
    struct ww_loads loads;
    struct ww_injector injector;
    uint64_t slice_ns;
    uint64_t start_ns;      /* when the load began */
    struct ww_slice *slice; /* this one; NULL before the first */
    uint64_t unread;        /* entries committed since the nodes' traces were taken */
    uint32_t sampled;       /* ends of this slice at which the nodes were asked: 0, 1, 2 */
    struct ww_cluster_sample before;
    struct ww_cluster_sample second; /* at the end of the last interval */
};

/* What the machine and the nodes did in this second. What they do not tell in time is absent. */
static void put_second(struct course *course, struct json_object *line)
{
    struct ww_cluster_sample now = {.count = 0};
    struct ww_cluster_change change = {.slices = 0};
    struct ww_error why;
    double entries = 0, writes = 0;
    bool known = course->second.cpu.total != 0;
    now.cpu = ww_cpu_time();
    if (course->load->groups <= WW_BENCH_LIVE_GROUPS)
        sample_all(course->cluster, course->result->options->replicas, &course->injector, &now,
                   &why);
    ww_cluster_change_add(&change, &course->second, &now);
    ww_cluster_sample_free(&course->second);
    course->second = now;
    for (uint32_t i = 0; i < now.count; i++) {
        entries += (double)change.nodes[i].applied;
        writes += (double)change.nodes[i].wal_writes;
    }
    if (known && writes > 0)
        ww_json_put_number(line, "entries_per_write", entries / writes);
    if (known && change.cpu.total > 0)
        ww_json_put_number(line, "steal_fraction",
                           (double)change.cpu.steal / (double)change.cpu.total);
}

static void show_progress(const struct course *course, const struct ww_interval *interval,
                          const struct ww_histogram *latency, struct json_object *line)
{
    char batch[48] = "";
    struct json_object *size = json_object_object_get(line, "entries_per_write");
    if (size != NULL)
        snprintf(batch, sizeof(batch), "   %.1f entries/write", json_object_get_double(size));
    const struct ww_load_options *load = course->load;
    double done_s = (double)(interval->end_ns - course->start_ns) / SECOND_NS;
    double all_s = (double)load->warmup_ns / SECOND_NS;
    if (interval->phase != WW_LOAD_WARMUP) {
        all_s = (double)load->duration_ns / SECOND_NS;
        done_s = (double)course->slice_ns * (interval->round - 1) / SECOND_NS;
    }
    if (interval->phase == WW_LOAD_MEASURE)
        done_s += (double)(interval->end_ns - course->slice->begin_ns) / SECOND_NS;
    ww_progress(course->result->options,
                "%s %.0f/%.0f s   %.0f commits/s   p50 %.0f us   p99 %.0f us   %lu in flight%s",
                ww_load_phase_names[interval->phase], done_s, all_s,
                json_object_get_double(json_object_object_get(line, "per_s")),
                (double)ww_histogram_quantile(latency, 0.5) / 1e3,
                (double)ww_histogram_quantile(latency, 0.99) / 1e3, interval->in_flight, batch);
}

/* A line of intervals.jsonl. */
static void on_interval(void *context, const struct ww_interval *interval,
                        const struct ww_histogram *latency)
{
    struct course *course = context;
    course->unread += latency->count;
    double seconds = (double)(interval->end_ns - interval->begin_ns) / SECOND_NS;
    double per_s = seconds > 0 ? (double)latency->count / seconds : 0;
    char text[512];
    snprintf(text, sizeof(text),
             "{\"phase\":\"%s\",\"round\":%u,\"at_s\":%.3f,\"seconds\":%.3f,\"entries\":%lu,"
             "\"per_s\":%.1f,\"p50\":%lu,\"p99\":%lu,\"p999\":%lu,\"max\":%lu,\"in_flight\":%lu}",
             ww_load_phase_names[interval->phase], interval->round,
             (double)(interval->end_ns - course->start_ns) / SECOND_NS, seconds, latency->count,
             per_s, ww_histogram_quantile(latency, 0.5), ww_histogram_quantile(latency, 0.99),
             ww_histogram_quantile(latency, 0.999), latency->max, interval->in_flight);
    struct json_object *line = json_tokener_parse(text);
    put_second(course, line);
    json_object_array_add(course->result->intervals, line);
    if (interval->phase == WW_LOAD_MEASURE)
        ww_hlog_add(&course->result->hlog, interval->begin_ns, interval->end_ns, latency);
    show_progress(course, interval, latency, line);
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

/*
 * The nodes are asked just before a slice begins and just behind its end, both under load: when is
 * that due next? UINT64_MAX: not any more.
 */
static uint64_t sample_at(const struct course *course)
{
    if (course->slice == NULL || course->sampled == 2)
        return UINT64_MAX;
    return course->sampled == 0 ? course->slice->begin_ns - WW_LOAD_SAMPLE_NS
                                : course->slice->end_ns;
}

/* Injected failures may have replaced a node. */
static void name_processes(struct course *course)
{
    char title[WW_WITNESS_NAME];
    struct ww_witness *witness = &course->result->witness;
    ww_witness_ours(witness, getpid(), "bench");
    for (uint32_t i = 0; i < course->loads.count; i++) {
        snprintf(title, sizeof(title), "load %u", i);
        ww_witness_ours(witness, course->loads.processes[i].pid, title);
    }
    for (uint32_t id = 1; id <= course->result->options->replicas; id++) {
        snprintf(title, sizeof(title), "node %u", id);
        ww_witness_ours(witness, ww_local_cluster_pid(course->cluster, id), title);
    }
}

static int sample_due(struct course *course, uint64_t now_ns, struct ww_error *error)
{
    struct ww_bench_result *result = course->result;
    if (now_ns < sample_at(course))
        return WW_OK;
    bool begin = course->sampled++ == 0;
    int status = sample_all(course->cluster, result->options->replicas, &course->injector,
                            begin ? &course->before : &result->last, error);
    name_processes(course); /* at the end too: a killed node may be another process then */
    if (begin)
        ww_witness_begin(&result->witness);
    else
        ww_witness_end(&result->witness);
    if (status != WW_OK || begin)
        return status;
    ww_cluster_change_add(&result->change, &course->before, &result->last);
    return ww_injector_finish(&course->injector, error);
}

/* May a node's ring be half full of records? The leader keeps the most: some of them per peer. */
static bool traces_fill(const struct course *course)
{
    uint64_t replicas = course->result->options->replicas, every = course->result->traces.every;
    uint64_t records = WW_TRACE_POINTS + 2 * replicas;
    return every > 0 && course->unread / every > WW_TRACE_NET_SLOTS / 2 / records;
}

static int drain_traces(struct course *course, struct ww_error *error)
{
    struct ww_bench_result *result = course->result;
    int status = WW_OK;
    course->unread = 0;
    for (uint32_t id = 1; id <= result->options->replicas && status == WW_OK; id++) {
        bool excused;
        if (ww_injector_reaches(&course->injector, id, &excused))
            status = ww_traces_drain(&result->traces,
                                     ww_local_cluster_endpoint(course->cluster, id), error);
    }
    return status;
}

/* All processes wait: lets the next slice begin, for all at the same time. */
static int next_round(struct course *course, struct ww_error *error)
{
    const struct ww_course_hooks *hooks = course->hooks;
    int status = course->slice != NULL ? drain_traces(course, error) : WW_OK;
    if (status == WW_OK && course->slice != NULL && hooks != NULL && hooks->between != NULL)
        status = hooks->between(hooks->context, error);
    if (status != WW_OK)
        return status;
    uint64_t now_ns = ww_time_ns(CLOCK_MONOTONIC);
    uint64_t ramp_ns = course->slice != NULL ? RAMP_NS : course->load->warmup_ns;
    if (course->slice == NULL)
        course->start_ns = now_ns;
    course->slice = &course->result->slices[course->result->slice_count++];
    course->slice->begin_ns = now_ns + ramp_ns + WW_LOAD_SAMPLE_NS;
    course->slice->end_ns = course->slice->begin_ns + course->slice_ns;
    course->sampled = 0;
    ww_injector_start(&course->injector, course->slice->begin_ns, course->slice->end_ns);
    if (course->slice == course->result->slices &&
        ww_hlog_begin(&course->result->hlog, course->slice->begin_ns, error) != WW_OK)
        return error->code;
    return ww_loads_go(&course->loads, course->slice->begin_ns, error);
}

static int wait_ms(const struct course *course, uint64_t now_ns)
{
    uint64_t sample_ns = sample_at(course), inject_ns = ww_injector_due_ns(&course->injector);
    uint64_t due_ns = sample_ns < inject_ns ? sample_ns : inject_ns;
    uint64_t left_ns = due_ns > now_ns ? due_ns - now_ns : 0;
    uint64_t left_ms = (left_ns + MILLISECOND_NS - 1) / MILLISECOND_NS;
    return left_ms < LINE_WAIT_MS ? (int)left_ms : LINE_WAIT_MS;
}

static int step(struct course *course, struct ww_error *error)
{
    uint64_t now_ns = ww_time_ns(CLOCK_MONOTONIC);
    int status = ww_loads_follow(&course->loads, wait_ms(course, now_ns), error);
    if (status == WW_OK)
        status = ww_injector_step(&course->injector, ww_time_ns(CLOCK_MONOTONIC), error);
    if (status == WW_OK)
        status = sample_due(course, ww_time_ns(CLOCK_MONOTONIC), error);
    if (status == WW_OK && traces_fill(course))
        status = drain_traces(course, error);
    if (status == WW_OK && ww_loads_paused(&course->loads))
        status = next_round(course, error);
    int nodes = check_nodes(course->cluster, status != WW_OK, error);
    if (nodes != WW_OK || status != WW_OK)
        return nodes != WW_OK ? nodes : status;
    return ww_cli_interrupted(0) ? ww_fail(error, WW_ECLOSED, "interrupted") : WW_OK;
}

/* Which commits met a new segment of the log? */
static int divide_rotations(struct course *course, struct ww_error *error)
{
    struct ww_bench_result *result = course->result;
    int status = WW_OK;
    for (uint32_t id = 1; id <= result->options->replicas && status == WW_OK; id++)
        status = ww_rotations_ask(&result->rotations,
                                  ww_local_cluster_endpoint(course->cluster, id), error);
    ww_rotations_sort(&result->rotations);
    for (uint32_t i = 0; i < result->slice_count; i++)
        ww_rotations_count(&result->rotations, result->slices[i].begin_ns,
                           result->slices[i].end_ns);
    return status == WW_OK ? ww_rotations_read(&result->rotations, course->load->directory,
                                               course->load->clients, error)
                           : status;
}

static int join_traces(struct course *course, struct ww_error *error)
{
    struct ww_traces *traces = &course->result->traces;
    int status = drain_traces(course, error);
    for (uint32_t i = 0; i < course->load->clients && status == WW_OK; i++) {
        char path[WW_RUN_PATH_MAX];
        ww_run_load_file(path, course->load->directory, i, WW_LOAD_TRACE);
        status = ww_traces_read_load(traces, path, error);
    }
    return status == WW_OK ? ww_traces_join(traces, course->result->options->replicas, error)
                           : status;
}

/* What the injected faults cost; then all nodes are there again. */
static int read_injections(struct course *course, struct ww_error *error)
{
    const struct ww_bench_options *options = course->result->options;
    struct ww_gaps gaps;
    if (options->injections.count == 0)
        return WW_OK;
    int status = ww_gaps_read(&gaps, course->load->directory, course->load->clients, error);
    if (status != WW_OK)
        return status;
    course->result->injections =
        ww_injector_json(&course->injector, &gaps, options->config.election_max_ns);
    ww_gaps_free(&gaps);
    return ww_local_cluster_wait_ready(course->cluster, RETURN_NS, ww_cli_interrupted, error);
}

struct ww_load_options ww_course_load(const struct ww_bench_options *options,
                                      const struct ww_local_cluster *cluster, const char *directory)
{
    return (struct ww_load_options){
        .endpoint = ww_local_cluster_endpoint(cluster, 1),
        .directory = directory,
        .payload = options->payload,
        .groups = options->config.groups,
        .pollers = options->replicas * options->config.threads + options->clients,
        .clients = options->clients,
        .inflight = options->inflight,
        .rate = options->rate,
        .arrivals = options->arrivals,
        .rounds = options->rounds,
        .gaps = options->injections.count > 0,
        .warmup_ns = options->warmup_ns,
        .duration_ns = options->duration_ns,
    };
}

int ww_course_run(struct ww_bench_result *result, const struct ww_load_options *load,
                  const struct ww_course_hooks *hooks, struct ww_local_cluster *cluster,
                  struct ww_error *error)
{
    struct course *course = calloc(1, sizeof(*course));
    if (course == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    *course = (struct course){
        .result = result,
        .load = load,
        .hooks = hooks,
        .cluster = cluster,
        .injector = {.injections = &result->options->injections,
                     .cluster = cluster,
                     .replicas = result->options->replicas},
        .slice_ns = load->duration_ns / load->rounds,
    };
    int status = ww_loads_start(&course->loads, load, on_interval, course, error);
    while (status == WW_OK && !ww_loads_ended(&course->loads))
        status = step(course, error);
    if (status == WW_OK) {
        result->load = json_object_get(course->loads.totals);
        status = ww_loads_latency(&course->loads, &result->latency, error);
    }
    if (status == WW_OK)
        status = read_injections(course, error);
    if (status == WW_OK)
        status = divide_rotations(course, error);
    if (status == WW_OK)
        status = join_traces(course, error);
    ww_loads_stop(&course->loads);
    ww_cluster_sample_free(&course->before);
    ww_cluster_sample_free(&course->second);
    free(course);
    return status;
}

int ww_course_configure(struct ww_local_cluster *cluster, uint32_t nodes, const char *settings,
                        struct ww_error *error)
{
    int status = WW_OK;
    for (uint32_t id = 1; id <= nodes && status == WW_OK; id++) {
        char *body;
        uint32_t code;
        status = ww_http_post(ww_local_cluster_endpoint(cluster, id), "/v1/config", settings,
                              ANSWER_NS, &code, &body, error);
        if (status == WW_OK && code != 200)
            status = ww_control_refusal(body, error);
        free(body);
    }
    return status;
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
        status = sample_all(cluster, result->options->replicas, NULL, &sample, error);
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
