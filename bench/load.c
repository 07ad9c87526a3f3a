/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load.h"

#include "bench/ack_log.h"
#include "engine/base/histogram.h"
#include "engine/base/idle.h"
#include "engine/base/limits.h"
#include "engine/base/time_ns.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <whitewater/client.h>

#define SECOND_NS UINT64_C(1000000000)
#define SAMPLE_NS                                                                                  \
    (SECOND_NS / 10) /* the nodes are sampled this long before and after the measuring */
#define DRAIN_NS (30 * SECOND_NS) /* every entry must have its answer after this time */
#define COMPLETIONS 256u          /* runs taken per poll */
#define ARRIVALS_MAX 4096u        /* open loop: entries proposed between two polls */
#define WINDOW_MIN 64u            /* entries without an answer per group: at least so many may be */
#define WINDOW_MAX 65536u         /* limits of the client library */
#define WINDOW_BYTES_MIN (1u * WW_MIB)
#define WINDOW_BYTES_MAX (256u * WW_MIB)

enum phase { WARMUP, SAMPLE, MEASURE, COOLDOWN, DRAIN };
static const char *const phase_names[] = {"warmup", "warmup", "measure", "cooldown", "drain"};

struct group {
    uint64_t next;     /* sequence */
    uint64_t *sent_ns; /* when each sequence was (meant to be) sent: a ring */
};

struct totals {
    uint64_t clock_ns, cpu_ns, cycles;
    struct ww_client_stats client;
};

struct load {
    const struct ww_load_options *options;
    struct ww_client *client;
    struct ww_payload *payload;
    struct ww_ack_writer acks;
    FILE *out;
    struct group *groups;
    uint32_t cursor; /* the group that gets the next entry */
    uint32_t window; /* entries per group: a power of two */
    uint64_t *ring_memory;

    enum phase phase;
    uint64_t start_ns;        /* first arrival of the open loop */
    uint64_t deadline_ns;     /* of this phase */
    struct totals begin, end; /* of the measured phase */
    uint64_t interval_ns;     /* when this interval began */
    uint64_t interval_at;     /* and when it is due */

    uint64_t proposed, acknowledged, refused;
    int refused_status;
    uint64_t measured_count, measured_bytes;
    uint64_t work_cycles; /* of the measured phase: TSC cycles in iterations that did something */
    struct ww_histogram *measured;  /* the measured phase */
    struct ww_histogram *interval;  /* the current second */
    struct ww_load_commit *commits; /* of the measured phase; memory that is there when used */
    uint32_t commit_count;
};

static struct totals read_totals(const struct load *load, uint64_t now_ns)
{
    struct totals totals = {
        .clock_ns = now_ns,
        .cpu_ns = ww_time_ns(CLOCK_PROCESS_CPUTIME_ID),
        .cycles = __builtin_ia32_rdtsc(),
    };
    ww_client_stats(load->client, &totals.client);
    return totals;
}

/* ---- proposing ---- */

/* Proposes the next entry to the group at the cursor; false when that group's window is full. */
static bool propose(struct load *load, uint64_t sent_ns)
{
    struct group *group = &load->groups[load->cursor];
    uint32_t size;
    const void *data = ww_payload_get(load->payload, load->cursor, group->next, &size);
    /* What the client can refuse but by a full window was checked at the start. */
    if (ww_client_propose(load->client, load->cursor, data, size) != WW_OK)
        return false;
    group->sent_ns[group->next & (load->window - 1)] = sent_ns;
    group->next++;
    load->proposed++;
    if (++load->cursor == load->options->groups)
        load->cursor = 0;
    return true;
}

/* Closed loop: fills up to `inflight`, passing over groups whose windows are full. */
static uint32_t propose_closed(struct load *load, uint64_t now_ns)
{
    uint64_t answered = load->acknowledged + load->refused;
    uint32_t done = 0, full = 0;
    while (load->proposed - answered < load->options->inflight && full < load->options->groups) {
        if (propose(load, now_ns)) {
            done++;
            full = 0;
        } else {
            full++;
            load->cursor = (load->cursor + 1) % load->options->groups;
        }
    }
    return done;
}

/* Open loop: whatever is due by now, each with the time at which it was due. */
static uint32_t propose_open(struct load *load, uint64_t now_ns)
{
    double ns_per_entry = (double)SECOND_NS / (double)load->options->rate;
    uint64_t due = (uint64_t)((double)(now_ns - load->start_ns) / ns_per_entry) + 1;
    uint32_t done = 0;
    while (load->proposed < due && done < ARRIVALS_MAX) {
        uint64_t sent_ns = load->start_ns + (uint64_t)((double)load->proposed * ns_per_entry);
        if (!propose(load, sent_ns))
            break;
        done++;
    }
    return done;
}

/* ---- completing ---- */

static void note_commit(struct load *load, uint64_t now_ns, uint64_t latency, uint32_t count)
{
    if (load->commit_count < WW_LOAD_COMMITS_MAX)
        load->commits[load->commit_count++] = (struct ww_load_commit){
            .answered_ns = now_ns,
            .latency_ns = latency < UINT32_MAX ? (uint32_t)latency : UINT32_MAX,
            .count = count,
        };
}

static void record(struct load *load, const struct ww_completion *run, uint64_t now_ns)
{
    const uint64_t *sent_ns = load->groups[run->group].sent_ns;
    uint32_t mask = load->window - 1;
    uint32_t begin = 0;
    while (begin < run->count) {
        /* Entries proposed together share a timestamp. */
        uint64_t sent = sent_ns[(run->first_sequence + begin) & mask];
        uint32_t end = begin + 1;
        while (end < run->count && sent_ns[(run->first_sequence + end) & mask] == sent)
            end++;
        uint64_t latency = now_ns > sent ? now_ns - sent : 0;
        ww_histogram_record(load->interval, latency, end - begin);
        if (load->phase == MEASURE) {
            ww_histogram_record(load->measured, latency, end - begin);
            note_commit(load, now_ns, latency, end - begin);
        }
        begin = end;
    }
}

static void complete(struct load *load, const struct ww_completion *run, uint64_t now_ns)
{
    if (run->status != WW_OK) {
        load->refused += run->count;
        load->refused_status = run->status;
        return;
    }
    load->acknowledged += run->count;
    ww_ack_writer_add(&load->acks, run->group, run->first_sequence, run->first_index, run->count);
    record(load, run, now_ns);
    if (load->phase == MEASURE) {
        load->measured_count += run->count;
        load->measured_bytes += ww_payload_bytes(load->payload, run->first_sequence, run->count);
    }
}

/* ---- the course of phases, and what is said of it ---- */

static void say(struct load *load, const char *event)
{
    fprintf(load->out, "{\"event\":\"%s\"}\n", event);
    fflush(load->out);
}

static void say_interval(struct load *load, uint64_t now_ns)
{
    const struct ww_histogram *h = load->interval;
    double seconds = (double)(now_ns - load->interval_ns) / SECOND_NS;
    fprintf(load->out,
            "{\"event\":\"interval\",\"phase\":\"%s\",\"at_s\":%.3f,\"seconds\":%.3f,"
            "\"entries\":%lu,\"per_s\":%.1f,\"p50\":%lu,\"p99\":%lu,\"max\":%lu,"
            "\"in_flight\":%lu}\n",
            phase_names[load->phase], (double)(now_ns - load->start_ns) / SECOND_NS, seconds,
            h->count, (double)h->count / seconds, ww_histogram_quantile(h, 0.5),
            ww_histogram_quantile(h, 0.99), h->max,
            load->proposed - load->acknowledged - load->refused);
    fflush(load->out);
    ww_histogram_reset(load->interval);
    load->interval_ns = now_ns;
    load->interval_at = now_ns + SECOND_NS;
}

static void next_phase(struct load *load, uint64_t now_ns)
{
    if (load->interval_ns < now_ns && load->interval->count > 0)
        say_interval(load, now_ns); /* an interval lies in one phase */
    switch (++load->phase) {
    case SAMPLE:
        say(load, "before");
        load->deadline_ns = now_ns + SAMPLE_NS;
        break;
    case MEASURE:
        load->begin = read_totals(load, now_ns);
        load->deadline_ns = now_ns + load->options->duration_ns;
        load->interval_ns = now_ns;
        load->interval_at = now_ns + SECOND_NS;
        break;
    case COOLDOWN:
        load->end = read_totals(load, now_ns);
        say(load, "after");
        load->deadline_ns = now_ns + SAMPLE_NS;
        break;
    case DRAIN:
        load->deadline_ns = now_ns + DRAIN_NS;
        break;
    default:
        break;
    }
}

static uint32_t propose_due(struct load *load, uint64_t now_ns)
{
    if (load->phase == DRAIN)
        return 0;
    return load->options->rate > 0 ? propose_open(load, now_ns) : propose_closed(load, now_ns);
}

static bool finished(const struct load *load)
{
    return load->phase == DRAIN && load->proposed == load->acknowledged;
}

static int check(const struct load *load, uint64_t now_ns, int stop, struct ww_error *error)
{
    if (stop)
        return ww_fail(error, WW_ECLOSED, "stopped by a signal");
    if (load->refused > 0)
        return ww_fail(error, load->refused_status, "the cluster refused %lu entries: %s",
                       load->refused, ww_status_name(load->refused_status));
    if (load->phase == DRAIN && now_ns >= load->deadline_ns && !finished(load))
        return ww_fail(error, WW_ETIMEOUT, "%lu entries had no answer after %d s",
                       load->proposed - load->acknowledged, (int)(DRAIN_NS / SECOND_NS));
    return WW_OK;
}

static int drive(struct load *load, const volatile int *stop, struct ww_error *error)
{
    struct ww_completion runs[COMPLETIONS];
    struct ww_idle idle;
    ww_idle_init(&idle, ww_idle_resolve(WW_IDLE_AUTO, load->options->pollers));
    load->start_ns = load->interval_ns = ww_time_ns(CLOCK_MONOTONIC);
    load->interval_at = load->start_ns + SECOND_NS;
    load->deadline_ns = load->start_ns + load->options->warmup_ns;
    for (;;) {
        uint64_t cycles = __builtin_ia32_rdtsc();
        size_t count = ww_client_poll(load->client, runs, COMPLETIONS);
        uint64_t now_ns = ww_time_ns(CLOCK_MONOTONIC);
        if (now_ns >= load->deadline_ns && load->phase != DRAIN)
            next_phase(load, now_ns);
        for (size_t i = 0; i < count; i++)
            complete(load, &runs[i], now_ns);
        uint32_t work = (uint32_t)count + propose_due(load, now_ns);
        if (work > 0 && load->phase == MEASURE)
            load->work_cycles += __builtin_ia32_rdtsc() - cycles;
        if (now_ns >= load->interval_at)
            say_interval(load, now_ns);
        int status = check(load, now_ns, *stop, error);
        if (status != WW_OK || finished(load))
            return status;
        ww_idle(&idle, work, true); /* always busy: it must not sleep through an arrival */
    }
}

static void say_final(struct load *load)
{
    const struct totals *begin = &load->begin, *end = &load->end;
    fprintf(load->out,
            "{\"event\":\"final\",\"entries\":%lu,\"bytes\":%lu,\"elapsed_ns\":%lu,"
            "\"cpu_ns\":%lu,\"work_cycles\":%lu,\"cycles\":%lu,\"proposed\":%lu,"
            "\"acknowledged\":%lu,\"busy\":%lu,\"redirects\":%lu,\"resent\":%lu,\"drops\":%lu}\n",
            load->measured_count, load->measured_bytes, end->clock_ns - begin->clock_ns,
            end->cpu_ns - begin->cpu_ns, load->work_cycles, end->cycles - begin->cycles,
            load->proposed, load->acknowledged, end->client.busy - begin->client.busy,
            end->client.redirects - begin->client.redirects,
            end->client.resent - begin->client.resent, end->client.drops - begin->client.drops);
    fflush(load->out);
}

/* ---- set-up ---- */

static uint32_t power_of_two(uint64_t value)
{
    uint32_t power = 1;
    while (power < value)
        power *= 2;
    return power;
}

/*
 * Room per group: a slow group may hold up to four times its share of what is in flight; then the
 * others go on without it. The open loop is bounded by the same rings, never by a drop.
 */
static uint32_t choose_window(const struct ww_load_options *options)
{
    uint32_t groups = options->groups;
    uint64_t share = options->rate > 0 ? WINDOW_MAX / groups : 4ull * options->inflight / groups;
    return power_of_two(share < WINDOW_MIN ? WINDOW_MIN : share < WINDOW_MAX ? share : WINDOW_MAX);
}

static int open_client(struct load *load, struct ww_error *error)
{
    const struct ww_load_options *options = load->options;
    uint64_t entry_max = ww_payload_entry_max(load->payload);
    struct ww_client_options client;
    ww_client_options_init(&client);
    client.endpoint = options->endpoint;
    load->window = choose_window(options);
    client.window_entries = load->window;
    uint64_t bytes = 2 * load->window * (entry_max + WW_ENTRY_HEADER_BYTES);
    client.window_bytes = bytes < WINDOW_BYTES_MIN   ? WINDOW_BYTES_MIN
                          : bytes > WINDOW_BYTES_MAX ? WINDOW_BYTES_MAX
                                                     : (uint32_t)bytes;
    int status = ww_client_open(&client, &load->client, error);
    if (status != WW_OK)
        return status;
    if (ww_client_groups(load->client) != options->groups)
        return ww_fail(error, WW_EINVAL, "the cluster has %u groups, not %u",
                       ww_client_groups(load->client), options->groups);
    if (entry_max > ww_client_entry_max(load->client))
        return ww_fail(error, WW_ETOOBIG,
                       "an entry has %lu bytes, this cluster takes at most %u (net.mtu)", entry_max,
                       ww_client_entry_max(load->client));
    return WW_OK;
}

static int allocate(struct load *load, struct ww_error *error)
{
    uint32_t groups = load->options->groups;
    load->groups = calloc(groups, sizeof(*load->groups));
    load->ring_memory = calloc((size_t)groups * load->window, sizeof(uint64_t));
    load->measured = malloc(sizeof(*load->measured));
    load->interval = malloc(sizeof(*load->interval));
    load->commits = calloc(WW_LOAD_COMMITS_MAX, sizeof(*load->commits));
    if (load->groups == NULL || load->ring_memory == NULL || load->measured == NULL ||
        load->interval == NULL || load->commits == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for %u groups", groups);
    for (uint32_t i = 0; i < groups; i++)
        load->groups[i].sent_ns = load->ring_memory + (size_t)i * load->window;
    ww_histogram_reset(load->measured);
    ww_histogram_reset(load->interval);
    return WW_OK;
}

static int save(const struct load *load, const char *name, const void *data, size_t bytes,
                struct ww_error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", load->options->directory, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    bool written = fwrite(data, 1, bytes, file) == bytes;
    if (fclose(file) != 0 || !written)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    return WW_OK;
}

static int run(struct load *load, const volatile int *stop, struct ww_error *error)
{
    int status = drive(load, stop, error);
    int closed = ww_ack_writer_close(&load->acks, status == WW_OK ? error : NULL);
    if (status == WW_OK)
        status = closed;
    if (status == WW_OK)
        status = save(load, WW_LOAD_HISTOGRAM, load->measured, sizeof(*load->measured), error);
    if (status == WW_OK)
        status = save(load, WW_LOAD_COMMITS, load->commits,
                      load->commit_count * sizeof(*load->commits), error);
    if (status == WW_OK)
        say_final(load);
    return status;
}

int ww_load_run(const struct ww_load_options *options, const volatile int *stop, FILE *out,
                struct ww_error *error)
{
    struct load load = {.options = options, .out = out};
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", options->directory, WW_LOAD_ACKS);
    int status = ww_payload_create(&options->payload, &load.payload, error);
    if (status == WW_OK)
        status = open_client(&load, error);
    if (status == WW_OK)
        status = allocate(&load, error);
    if (status == WW_OK)
        status = ww_ack_writer_open(&load.acks, path, options->groups, error);
    if (status == WW_OK)
        status = run(&load, stop, error);
    ww_client_close(load.client);
    ww_payload_destroy(load.payload);
    free(load.groups);
    free(load.ring_memory);
    free(load.measured);
    free(load.interval);
    free(load.commits);
    return status;
}
