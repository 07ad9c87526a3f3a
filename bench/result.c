/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/result.h"

#include "bench/bench_files.h"
#include "bench/json.h"
#include "bench/warnings.h"
#include "engine/node/config_keys.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECOND_NS 1e9

/* ---- json-c, a little shorter ---- */

static uint64_t get_count(struct json_object *object, const char *key)
{
    struct json_object *value = json_object_object_get(object, key);
    return json_object_get_uint64(value);
}

static void put_same(struct json_object *to, struct json_object *from, const char *key)
{
    ww_json_put_count(to, key, get_count(from, key));
}

/* Absent where it has no denominator. */
static void put_ratio(struct json_object *object, const char *key, double above, double below)
{
    if (below > 0)
        ww_json_put_number(object, key, above / below);
}

/* ---- what was counted while measured, all nodes ---- */

struct change {
    double applied, wal_bytes, wal_writes, wal_flushes, wal_prepared_bytes, rx_frames, rx_bytes,
        work_cycles, cpu_ns;
    uint64_t write_sizes[WW_WRITE_SIZES], trace_dropped, trace_cycles;
};

static struct change change_of(const struct ww_bench_result *result)
{
    struct change sum = {0};
    for (uint32_t i = 0; i < result->options->replicas; i++) {
        const struct ww_node_counts *node = &result->change.nodes[i];
        sum.applied += (double)node->applied;
        sum.wal_bytes += (double)node->wal_bytes;
        sum.wal_writes += (double)node->wal_writes;
        sum.wal_flushes += (double)node->wal_flushes;
        sum.wal_prepared_bytes += (double)node->wal_prepared_bytes;
        sum.rx_frames += (double)node->rx_frames;
        sum.rx_bytes += (double)node->rx_bytes;
        sum.work_cycles += (double)node->work_cycles;
        sum.cpu_ns += (double)node->cpu_ns;
        sum.trace_dropped += node->trace_dropped;
        sum.trace_cycles += node->trace_cycles;
        for (uint32_t k = 0; k < WW_WRITE_SIZES; k++)
            sum.write_sizes[k] += node->write_sizes[k];
    }
    return sum;
}

/* ---- the parts of result.json, in their order ---- */

static void put_key(struct json_object *object, const char *name, const struct ww_config *config,
                    const char *key)
{
    char text[512];
    ww_json_put_text(object, name,
                     ww_config_get(config, ww_config_key_find(key), text, sizeof(text)));
}

/* How the nodes' threads wait: what `auto` became. */
static const char *idle_of(const struct ww_cluster_sample *sample)
{
    const char *idle = NULL;
    for (uint32_t i = 0; i < sample->count && idle == NULL; i++) {
        struct json_object *agents = json_object_object_get(sample->nodes[i].status, "agents");
        struct json_object *first = agents != NULL ? json_object_array_get_idx(agents, 0) : NULL;
        idle = json_object_get_string(json_object_object_get(first, "idle"));
    }
    return idle;
}

static struct json_object *config_json(const struct ww_bench_result *result)
{
    const struct ww_bench_options *options = result->options;
    const struct ww_config *cluster = &options->config;
    struct json_object *config = json_object_new_object();
    ww_json_put_count(config, "replicas", options->replicas);
    ww_json_put_count(config, "groups", cluster->groups);
    put_key(config, "transport", cluster, "net.transport");
    put_key(config, "durability", cluster, "wal.durability");
    ww_json_put_number(config, "entry_bytes", result->entry_mean_bytes);
    ww_json_put_text(config, "payload", ww_payload_name(&options->payload));
    if (options->payload.size != NULL)
        ww_json_put_text(config, "size", options->payload.size);
    ww_json_put_count(config, "clients", options->clients);
    ww_json_put_text(config, "loop", options->rate > 0 ? "open" : "closed");
    if (options->rate > 0) {
        ww_json_put_count(config, "rate", options->rate);
        ww_json_put_text(config, "arrivals", ww_arrivals_names[options->arrivals]);
        ww_json_put_number(config, "achieved_rate",
                           (double)get_count(result->load, "entries") * SECOND_NS /
                               (double)get_count(result->load, "elapsed_ns"));
    } else {
        ww_json_put_count(config, "inflight", options->inflight);
    }
    ww_json_put_count(config, "rounds", options->rounds);
    if (cluster->trace_every > 0)
        ww_json_put_count(config, "trace_every", cluster->trace_every);
    ww_json_put_number(config, "duration_s", (double)options->duration_ns / SECOND_NS);
    ww_json_put_number(config, "warmup_s", (double)options->warmup_ns / SECOND_NS);
    if (options->inject != NULL) {
        ww_json_put_text(config, "inject", options->inject);
        ww_json_put_count(config, "election_timeout_ns", cluster->election_max_ns);
    }
    ww_json_put_count(config, "seed", options->payload.seed);
    ww_json_put_count(config, "mtu", cluster->mtu);
    ww_json_put_count(config, "wal_depth", cluster->write_depth);
    ww_json_put_count(config, "wal_prepared_bytes", cluster->prepare_bytes);
    ww_json_put_count(config, "threads", cluster->threads);
    ww_json_put_count(config, "pollers", options->replicas * cluster->threads + options->clients);
    if (idle_of(&result->last) != NULL)
        ww_json_put_text(config, "idle", idle_of(&result->last));
    return config;
}

static struct json_object *commit_json(const struct ww_bench_result *result)
{
    struct json_object *commit = json_object_new_object();
    const struct ww_histogram *h = &result->latency;
    double seconds = (double)get_count(result->load, "elapsed_ns") / SECOND_NS;
    uint64_t bytes = get_count(result->load, "bytes");
    ww_json_put_count(commit, "count", h->count);
    ww_json_put_count(commit, "bytes", bytes);
    ww_json_put_number(commit, "elapsed_s", seconds);
    ww_json_put_number(commit, "per_s", (double)h->count / seconds);
    ww_json_put_number(commit, "bytes_per_s", (double)bytes / seconds);
    json_object_object_add(commit, "latency", ww_json_new_latency(h));
    return commit;
}

/* Absent where no segment was entered while it was measured. */
static void put_rotations(struct json_object *json, const struct ww_rotations *rotations)
{
    if (rotations->measured == 0)
        return;
    struct json_object *object = json_object_new_object();
    ww_json_put_count(object, "count", rotations->measured);
    ww_json_put_count(object, "window_ns", WW_ROTATION_WINDOW_NS);
    ww_json_put_count(object, "crossing_commits", rotations->crossing.count);
    ww_json_put_count(object, "other_commits", rotations->others.count);
    json_object_object_add(object, "crossing", ww_json_new_latency(&rotations->crossing));
    json_object_object_add(object, "others", ww_json_new_latency(&rotations->others));
    json_object_object_add(json, "rotation", object);
}

static struct json_object *wal_json(const struct change *sum)
{
    struct json_object *wal = json_object_new_object();
    ww_json_put_count(wal, "bytes", (uint64_t)sum->wal_bytes);
    ww_json_put_count(wal, "writes", (uint64_t)sum->wal_writes);
    ww_json_put_count(wal, "flushes", (uint64_t)sum->wal_flushes);
    ww_json_put_count(wal, "prepared_bytes", (uint64_t)sum->wal_prepared_bytes);
    put_ratio(wal, "bytes_per_write_avg", sum->wal_bytes, sum->wal_writes);
    return wal;
}

/* Absent where nothing was written. */
static void put_batches(struct json_object *json, const struct change *sum)
{
    struct json_object *sizes = json_object_new_array();
    for (uint32_t i = 0; i < WW_WRITE_SIZES; i++) {
        if (sum->write_sizes[i] == 0)
            continue;
        struct json_object *pair = json_object_new_array();
        json_object_array_add(pair, json_object_new_uint64(1ull << i));
        json_object_array_add(pair, json_object_new_uint64(sum->write_sizes[i]));
        json_object_array_add(sizes, pair);
    }
    if (json_object_array_length(sizes) == 0) {
        json_object_put(sizes);
        return;
    }
    struct json_object *batches = json_object_new_object();
    json_object_object_add(batches, "entries_per_write", sizes);
    json_object_object_add(json, "batches", batches);
}

/* What it costs to know where the time goes stands beside it. */
static void put_stages(struct json_object *json, const struct ww_bench_result *result,
                       const struct change *sum)
{
    ww_trace_put_stages(json, &result->traces);
    struct json_object *path = json_object_object_get(json, "critical_path");
    if (path == NULL)
        return;
    ww_json_put_count(path, "dropped_records", sum->trace_dropped);
    put_ratio(path, "recording_share_of_work", (double)sum->trace_cycles, sum->work_cycles);
}

/* Per entry and copy: each entry travels once to each replica, the first time from the client. */
static struct json_object *network_json(const struct ww_bench_result *result,
                                        const struct change *sum)
{
    struct json_object *network = json_object_new_object();
    ww_json_put_count(network, "frames", (uint64_t)sum->rx_frames);
    ww_json_put_count(network, "bytes", (uint64_t)sum->rx_bytes);
    put_ratio(network, "overhead_bytes_per_entry",
              sum->rx_bytes - sum->applied * result->entry_mean_bytes, sum->applied);
    return network;
}

static struct json_object *cpu_json(const struct ww_bench_result *result, const struct change *sum)
{
    struct json_object *cpu = json_object_new_object();
    struct json_object *busy = json_object_new_array();
    put_ratio(cpu, "work_cycles_per_entry_per_replica", sum->work_cycles, sum->applied);
    put_ratio(cpu, "nodes_ns_per_entry", sum->cpu_ns * result->options->replicas, sum->applied);
    put_ratio(cpu, "load_ns_per_entry", (double)get_count(result->load, "cpu_ns"),
              (double)get_count(result->load, "entries"));
    put_ratio(cpu, "load_work_cycles_per_entry", (double)get_count(result->load, "work_cycles"),
              (double)get_count(result->load, "entries"));
    for (uint32_t i = 0; i < result->options->replicas; i++) {
        const struct ww_node_counts *node = &result->change.nodes[i];
        double work = (double)node->work_cycles, all = work + (double)node->empty_cycles;
        json_object_array_add(busy, all > 0 ? ww_json_new_number(work / all) : NULL);
    }
    json_object_object_add(cpu, "busy_fraction", busy);
    put_ratio(cpu, "load_busy_fraction", (double)get_count(result->load, "work_cycles"),
              (double)get_count(result->load, "cycles"));
    put_ratio(cpu, "steal_fraction", (double)result->change.cpu.steal,
              (double)result->change.cpu.total);
    ww_witness_put_cpu(&result->witness, cpu);
    return cpu;
}

static struct json_object *memory_json(const struct ww_bench_result *result)
{
    struct json_object *memory = json_object_new_object();
    struct json_object *resident = json_object_new_array();
    struct json_object *parts = NULL;
    for (uint32_t i = 0; i < result->last.count; i++) {
        const struct ww_node_sample *node = &result->last.nodes[i];
        json_object_array_add(resident,
                              node->pid != 0 ? json_object_new_uint64(node->resident_bytes) : NULL);
        if (parts == NULL)
            parts = json_object_object_get(node->status, "memory");
    }
    json_object_object_add(memory, "node_resident_bytes", resident);
    if (parts != NULL)
        json_object_object_add(memory, "parts", json_object_get(parts));
    return memory;
}

/* The open loop: did entries leave when they were meant to, and if not, whose fault was it? */
static void put_lateness(struct json_object *load, const struct ww_bench_result *result)
{
    double all_ns = (double)get_count(result->load, "elapsed_ns") * result->options->clients;
    if (result->options->rate == 0)
        return;
    put_ratio(load, "behind_fraction", (double)get_count(result->load, "behind_ns"), all_ns);
    put_same(load, result->load, "behind_max_ns");
    put_ratio(load, "pushed_back_fraction", (double)get_count(result->load, "pushed_back_ns"),
              all_ns);
}

static struct json_object *load_json(const struct ww_bench_result *result)
{
    static const char *const keys[] = {"proposed",  "acknowledged", "busy",
                                       "redirects", "resent",       "drops"};
    struct json_object *load = json_object_new_object();
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        put_same(load, result->load, keys[i]);
    uint64_t drops = 0;
    for (uint32_t i = 0; i < result->options->replicas; i++)
        drops += result->change.nodes[i].drops;
    ww_json_put_count(load, "node_drops", drops);
    put_lateness(load, result);
    return load;
}

static struct json_object *ratios_json(const struct ww_bench_result *result,
                                       const struct change *sum)
{
    struct json_object *ratios = json_object_new_object();
    bool in_memory = result->options->config.durability == WW_CONFIG_MEMORY;
    const struct ww_limits *limits = &result->limits;
    const struct ww_histogram *commit = &result->latency;
    double seconds = (double)get_count(result->load, "elapsed_ns") / SECOND_NS;
    double stored = result->options->replicas * (double)get_count(result->load, "bytes") / seconds;
    double p50 = (double)ww_histogram_quantile(commit, 0.5);
    if (commit->count == 0)
        return ratios;
    put_ratio(ratios, "commit_p50_over_wal_write_p50", p50,
              (double)ww_histogram_quantile(&limits->wal_write, 0.5));
    put_ratio(ratios, "commit_p99_over_wal_write_p99", (double)ww_histogram_quantile(commit, 0.99),
              (double)ww_histogram_quantile(&limits->wal_write, 0.99));
    if (!in_memory)
        put_ratio(ratios, "wal_bytes_over_payload", sum->wal_bytes,
                  sum->applied * result->entry_mean_bytes);
    else
        put_ratio(ratios, "commit_p50_over_two_net_rtt_p50", p50,
                  2 * (double)ww_histogram_quantile(&limits->net_rtt, 0.5));
    const struct ww_rotations *rotations = &result->rotations;
    if (rotations->measured > 0)
        put_ratio(ratios, "rotation_p999_over_others_p999",
                  (double)ww_histogram_quantile(&rotations->crossing, 0.999),
                  (double)ww_histogram_quantile(&rotations->others, 0.999));
    put_ratio(ratios, "bandwidth_over_limit", stored, ww_limit_rate_per_s(&limits->wal));
    put_ratio(ratios, "bandwidth_over_shape_limit", stored,
              ww_limit_rate_per_s(&limits->wal_shape));
    return ratios;
}

static struct json_object *verified_json(const struct ww_bench_result *result)
{
    const struct ww_verified *found = &result->verified;
    struct json_object *verified = json_object_new_object();
    json_object_object_add(verified, "replicas_identical",
                           json_object_new_boolean(found->replicas_identical));
    ww_json_put_count(verified, "entries", found->entries);
    ww_json_put_count(verified, "acknowledged", found->acknowledged);
    json_object_object_add(verified, "read_back", json_object_new_boolean(result->read_back));
    if (result->read_back)
        ww_json_put_count(verified, "lost", found->lost);
    if (found->detail[0] != 0)
        ww_json_put_text(verified, "detail", found->detail);
    return verified;
}

/* What follows from all the rest. Each interval says what it stands on, too. */
static void put_conclusions(struct json_object *json, struct json_object *intervals)
{
    char conditions[WW_CONDITIONS_MAX];
    struct json_object *offered = ww_json_at(json, "config.rate");
    ww_json_put_text(json, "conditions", ww_conditions_text(json, conditions));
    json_object_object_add(json, "warnings", ww_warnings_find(json, intervals));
    for (size_t i = 0; i < json_object_array_length(intervals); i++) {
        struct json_object *interval = json_object_array_get_idx(intervals, i);
        if (offered != NULL)
            json_object_object_add(interval, "offered_per_s", json_object_get(offered));
        ww_json_put_text(interval, "conditions", conditions);
    }
}

struct json_object *ww_result_json(const struct ww_bench_result *result)
{
    struct change sum = change_of(result);
    struct json_object *json = json_object_new_object();
    ww_json_put_text(json, "schema", WW_BENCH_SCHEMA);
    ww_json_put_text(json, "version", WW_VERSION);
    ww_json_put_text(json, "started_at", result->started_at);
    json_object_object_add(json, "config", config_json(result));
    json_object_object_add(json, "environment", json_object_get(result->environment));
    json_object_object_add(json, "limits", ww_limits_json(&result->limits));
    json_object_object_add(json, "commit", commit_json(result));
    put_rotations(json, &result->rotations);
    put_stages(json, result, &sum);
    json_object_object_add(json, "wal", wal_json(&sum));
    put_batches(json, &sum);
    json_object_object_add(json, "network", network_json(result, &sum));
    json_object_object_add(json, "cpu", cpu_json(result, &sum));
    json_object_object_add(json, "memory", memory_json(result));
    json_object_object_add(json, "placement", ww_witness_placement(&result->witness));
    json_object_object_add(json, "load", load_json(result));
    if (result->injections != NULL)
        json_object_object_add(json, "injections", json_object_get(result->injections));
    json_object_object_add(json, "ratios", ratios_json(result, &sum));
    json_object_object_add(json, "verified", verified_json(result));
    put_conclusions(json, result->intervals);
    return json;
}

void ww_bench_result_end(struct ww_bench_result *result)
{
    json_object_put(result->environment);
    json_object_put(result->load);
    json_object_put(result->intervals);
    json_object_put(result->injections);
    ww_hlog_free(&result->hlog);
    ww_cluster_sample_free(&result->last);
    ww_traces_free(&result->traces);
}

static int close_file(FILE *file, const char *path, int wrong, struct ww_error *error)
{
    wrong |= ferror(file);
    wrong |= fclose(file);
    return wrong != 0 ? ww_fail_errno(error, WW_EIO, "%s", path) : WW_OK;
}

/* Of the files just written, as `ww report` does it: the two cannot differ. */
static int write_page(const char *directory, struct ww_error *error)
{
    struct json_object *data;
    int status = ww_bench_files_read(directory, &data, error);
    if (status == WW_OK)
        status = ww_bench_page_write(directory, data, error);
    json_object_put(data);
    return status;
}

int ww_result_write(struct ww_bench_result *result, struct json_object *json, const char *directory,
                    struct ww_error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/result.json", directory);
    if (json_object_to_file_ext(path, json, JSON_C_TO_STRING_PRETTY) != 0)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    snprintf(path, sizeof(path), "%s/commit.hgrm", directory);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    int wrong = ww_histogram_write_hgrm(&result->latency, 1, file);
    fprintf(file, "#[Conditions = %s]\n", ww_json_text_or(json, "conditions", ""));
    int status = close_file(file, path, wrong, error);
    snprintf(path, sizeof(path), "%s/commit.hlog", directory);
    if (status == WW_OK)
        status = ww_hlog_write(&result->hlog, ww_json_text_or(json, "conditions", ""), path, error);
    if (status != WW_OK)
        return status;
    snprintf(path, sizeof(path), "%s/intervals.jsonl", directory);
    file = fopen(path, "w");
    if (file == NULL)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    for (size_t i = 0; i < json_object_array_length(result->intervals); i++)
        fprintf(file, "%s\n",
                json_object_to_json_string_ext(json_object_array_get_idx(result->intervals, i),
                                               JSON_C_TO_STRING_PLAIN));
    status = close_file(file, path, 0, error);
    return status == WW_OK ? write_page(directory, error) : status;
}
