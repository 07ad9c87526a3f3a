/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sample.h"

#include "engine/backend/transport.h"
#include "engine/control/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ANSWER_NS UINT64_C(5000000000)

/* What is missing is remembered by its name. */
static uint64_t get_count(struct json_object *object, const char *key, const char **missing)
{
    struct json_object *value = NULL;
    if (json_object_object_get_ex(object, key, &value) && json_object_is_type(value, json_type_int))
        return json_object_get_uint64(value);
    *missing = key;
    return 0;
}

static struct json_object *get_list(struct json_object *object, const char *key,
                                    const char **missing)
{
    struct json_object *value = NULL;
    if (json_object_object_get_ex(object, key, &value) &&
        json_object_is_type(value, json_type_array))
        return value;
    *missing = key;
    return NULL;
}

static void read_network(struct json_object *status, struct ww_node_counts *counts,
                         const char **missing)
{
    struct json_object *counters =
        json_object_object_get(json_object_object_get(status, "transport"), "counters");
    counts->rx_frames = get_count(counters, ww_transport_counter_name(WW_NET_RX_FRAMES), missing);
    counts->rx_bytes = get_count(counters, ww_transport_counter_name(WW_NET_RX_BYTES), missing);
    for (int i = WW_NET_DROP_RX_SHORT; i < WW_NET_COUNTERS; i++)
        counts->drops +=
            get_count(counters, ww_transport_counter_name((enum ww_transport_counter)i), missing);
    struct json_object *drops =
        json_object_object_get(json_object_object_get(status, "stages"), "drops");
    if (drops == NULL) {
        *missing = "drops";
        return;
    }
    json_object_object_foreach(drops, name, count)
    {
        (void)name;
        counts->drops += json_object_get_uint64(count);
    }
}

static void read_status(struct json_object *status, struct ww_node_counts *counts,
                        const char **missing)
{
    struct json_object *wal = json_object_object_get(status, "wal");
    counts->wal_bytes = get_count(wal, "bytes", missing);
    counts->wal_writes = get_count(wal, "writes", missing);
    counts->wal_flushes = get_count(wal, "flushes", missing);
    struct json_object *trace = json_object_object_get(status, "trace");
    counts->trace_dropped = get_count(trace, "dropped", missing);
    counts->trace_cycles = get_count(trace, "cycles", missing);
    struct json_object *list = get_list(wal, "entries_per_write", missing);
    for (size_t i = 0; list != NULL && i < WW_WRITE_SIZES; i++)
        counts->write_sizes[i] = json_object_get_uint64(json_object_array_get_idx(list, i));
    counts->wal_prepared_bytes = get_count(wal, "prepared_bytes", missing);
    read_network(status, counts, missing);
    list = get_list(status, "groups", missing);
    for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
        counts->applied += get_count(json_object_array_get_idx(list, i), "applied", missing);
    list = get_list(status, "agents", missing);
    for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
        struct json_object *agent = json_object_array_get_idx(list, i);
        counts->work_cycles += get_count(agent, "work_cycles", missing);
        counts->empty_cycles += get_count(agent, "empty_cycles", missing);
    }
}

/* What the kernel knows: time on a processor and memory. */
static void read_process(pid_t pid, struct ww_node_sample *sample)
{
    char path[64], line[256];
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &used) == 0)
        sample->counts.cpu_ns = (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    FILE *file = fopen(path, "r");
    unsigned long kib;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "VmRSS: %lu kB", &kib) == 1)
            sample->resident_bytes = kib * 1024;
    }
    if (file != NULL)
        fclose(file);
}

int ww_node_sample(const char *endpoint, pid_t pid, struct ww_node_sample *sample,
                   struct ww_error *error)
{
    *sample = (struct ww_node_sample){0};
    char *text;
    int code = ww_http_get(endpoint, "/v1/status", ANSWER_NS, &text, error);
    if (code != WW_OK)
        return code;
    const char *missing = NULL;
    sample->status = json_tokener_parse(text);
    free(text);
    if (sample->status == NULL)
        return ww_fail(error, WW_EIO, "the status of %s is not JSON", endpoint);
    read_status(sample->status, &sample->counts, &missing);
    if (missing != NULL) {
        json_object_put(sample->status);
        sample->status = NULL;
        return ww_fail(error, WW_EIO, "the status of %s has no \"%s\"", endpoint, missing);
    }
    read_process(pid, sample);
    sample->pid = pid;
    return WW_OK;
}

void ww_cluster_sample_free(struct ww_cluster_sample *sample)
{
    for (uint32_t i = 0; i < sample->count; i++)
        json_object_put(sample->nodes[i].status);
    *sample = (struct ww_cluster_sample){.count = 0};
}

void ww_cluster_change_add(struct ww_cluster_change *change, const struct ww_cluster_sample *begin,
                           const struct ww_cluster_sample *end)
{
    enum { FIELDS = sizeof(struct ww_node_counts) / sizeof(uint64_t) };
    for (uint32_t i = 0; i < end->count; i++) {
        const struct ww_node_sample *from = &begin->nodes[i], *to = &end->nodes[i];
        const uint64_t *before = (const uint64_t *)&from->counts;
        const uint64_t *after = (const uint64_t *)&to->counts;
        uint64_t *sum = (uint64_t *)&change->nodes[i];
        bool same = to->pid != 0 && to->pid == from->pid;
        change->through[i] = same && (change->slices == 0 || change->through[i]);
        for (size_t k = 0; k < FIELDS; k++)
            sum[k] = change->through[i] ? sum[k] + (after[k] - before[k]) : 0;
    }
    change->cpu.total += end->cpu.total - begin->cpu.total;
    change->cpu.steal += end->cpu.steal - begin->cpu.steal;
    change->slices++;
}

int ww_node_applied(const struct ww_node_sample *sample, uint32_t groups, uint64_t *applied,
                    uint64_t *digest, struct ww_error *error)
{
    const char *missing = NULL;
    struct json_object *list = get_list(sample->status, "groups", &missing);
    for (uint32_t i = 0; i < groups && missing == NULL; i++) {
        struct json_object *group = json_object_array_get_idx(list, i);
        const char *text = json_object_get_string(json_object_object_get(group, "digest"));
        if (text == NULL || get_count(group, "group", &missing) != i)
            missing = "digest";
        else
            digest[i] = strtoull(text, NULL, 16);
        applied[i] = get_count(group, "applied", &missing);
        if (missing == NULL && get_count(group, "durable", &missing) < applied[i])
            return ww_fail(error, WW_EBUSY, "group %u: a node has not written all that it applied",
                           i);
    }
    return missing == NULL ? WW_OK
                           : ww_fail(error, WW_EIO, "a node's status has no \"%s\"", missing);
}
