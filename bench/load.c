/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load_internal.h"

#include "engine/base/time_ns.h"

#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRAIN_NS (30 * WW_SECOND_NS) /* every entry must have its answer after this time */
#define COMPLETIONS 256u             /* runs taken per poll */
#define ARRIVALS_MAX 4096u           /* open loop: entries proposed between two polls */
#define PAUSE_POLL_MS 10             /* how long ^C may wait in a pause */

static struct load_totals read_totals(const struct load *load, uint64_t now_ns)
{
    struct ww_client_stats client;
    ww_client_stats(load->client, &client);
    return (struct load_totals){
        .clock_ns = now_ns,
        .cpu_ns = ww_time_ns(CLOCK_PROCESS_CPUTIME_ID),
        .cycles = __builtin_ia32_rdtsc(),
        .busy = client.busy,
        .redirects = client.redirects,
        .resent = client.resent,
        .drops = client.drops,
    };
}

static void add_totals(struct load_totals *sum, const struct load_totals *begin,
                       const struct load_totals *end)
{
    sum->clock_ns += end->clock_ns - begin->clock_ns;
    sum->cpu_ns += end->cpu_ns - begin->cpu_ns;
    sum->cycles += end->cycles - begin->cycles;
    sum->busy += end->busy - begin->busy;
    sum->redirects += end->redirects - begin->redirects;
    sum->resent += end->resent - begin->resent;
    sum->drops += end->drops - begin->drops;
}

/* ---- proposing ---- */

/* Proposes the next entry to the group at the cursor; false when that group's window is full. */
static bool propose(struct load *load, uint64_t sent_ns)
{
    struct load_group *group = &load->groups[load->cursor];
    uint32_t size;
    const void *data = ww_payload_get(load->payload, load->cursor, load->base + group->next, &size);
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
    uint32_t done = 0, full = 0;
    while (ww_load_in_flight(load) < load->inflight && full < load->options->groups) {
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
    uint32_t done = 0;
    ww_lateness_note(&load->lateness, load->arrivals.due_ns, now_ns,
                     load->phase == WW_LOAD_MEASURE);
    load->lateness.blocked = false;
    while (load->arrivals.due_ns <= now_ns && done < ARRIVALS_MAX) {
        if (!propose(load, load->arrivals.due_ns)) {
            load->lateness.blocked = true;
            break;
        }
        ww_arrivals_next(&load->arrivals);
        done++;
    }
    return done;
}

static uint32_t propose_due(struct load *load, uint64_t now_ns)
{
    if (load->phase == WW_LOAD_DRAIN)
        return 0;
    return load->options->rate > 0 ? propose_open(load, now_ns) : propose_closed(load, now_ns);
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
        if (load->phase == WW_LOAD_MEASURE) {
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
    uint64_t sequence = load->base + run->first_sequence;
    load->acknowledged += run->count;
    if (run->group == 0)
        ww_gap_note(&load->gaps, now_ns);
    ww_ack_writer_add(&load->acks, run->group, sequence, run->first_index, run->count);
    record(load, run, now_ns);
    if (load->phase == WW_LOAD_MEASURE) {
        ww_load_trace_add(&load->trace, load->client, run, load->groups[run->group].sent_ns,
                          load->window - 1, now_ns);
        load->measured_count += run->count;
        load->measured_bytes += ww_payload_bytes(load->payload, sequence, run->count);
    }
}

/* ---- the course of phases ---- */

static void begin_phase(struct load *load, enum ww_load_phase phase, uint64_t begin_ns,
                        uint64_t length_ns, uint64_t now_ns)
{
    load->phase = phase;
    load->phase_ns = begin_ns;
    load->deadline_ns = begin_ns + length_ns;
    load->interval_ns = now_ns;
    load->interval_at = begin_ns + WW_SECOND_NS;
}

static int next_phase(struct load *load, uint64_t now_ns, struct ww_error *error)
{
    int status = WW_OK;
    if (load->interval->count > 0) /* an interval lies in one phase */
        status = ww_load_say_interval(load, now_ns, error);
    const struct ww_load_options *options = load->options;
    uint64_t begin_ns = load->deadline_ns; /* not a little later: all processes agree on it */
    struct load_totals end;
    switch (load->phase) {
    case WW_LOAD_MEASURE:
        end = read_totals(load, now_ns);
        add_totals(&load->sum, &load->begin, &end);
        begin_phase(load, WW_LOAD_COOLDOWN, begin_ns, WW_LOAD_SAMPLE_NS, now_ns);
        break;
    case WW_LOAD_COOLDOWN:
        begin_phase(load, WW_LOAD_DRAIN, begin_ns, DRAIN_NS, now_ns);
        break;
    default:
        load->begin = read_totals(load, now_ns);
        begin_phase(load, WW_LOAD_MEASURE, begin_ns, options->duration_ns / options->rounds,
                    now_ns);
        break;
    }
    return status;
}

static bool finished(const struct load *load)
{
    return load->phase == WW_LOAD_DRAIN && load->proposed == load->acknowledged;
}

static int check(const struct load *load, uint64_t now_ns, int stop, struct ww_error *error)
{
    if (stop)
        return ww_fail(error, WW_ECLOSED, "stopped by a signal");
    if (load->refused > 0)
        return ww_fail(error, load->refused_status, "the cluster refused %lu entries: %s",
                       load->refused, ww_status_name(load->refused_status));
    if (load->phase == WW_LOAD_DRAIN && now_ns >= load->deadline_ns && !finished(load))
        return ww_fail(error, WW_ETIMEOUT, "%lu entries had no answer after %d s",
                       load->proposed - load->acknowledged, (int)(DRAIN_NS / WW_SECOND_NS));
    return WW_OK;
}

/* One slice, from the ramp before it until everything has its answer. */
static int drive(struct load *load, const volatile int *stop, struct ww_error *error)
{
    struct ww_completion runs[COMPLETIONS];
    int status = WW_OK;
    while (status == WW_OK && !finished(load)) {
        uint64_t cycles = __builtin_ia32_rdtsc();
        size_t count = ww_client_poll(load->client, runs, COMPLETIONS);
        uint64_t now_ns = ww_time_ns(CLOCK_MONOTONIC);
        if (now_ns >= load->deadline_ns && load->phase != WW_LOAD_DRAIN)
            status = next_phase(load, now_ns, error);
        for (size_t i = 0; i < count; i++)
            complete(load, &runs[i], now_ns);
        uint32_t work = (uint32_t)count + propose_due(load, now_ns);
        if (work > 0 && load->phase == WW_LOAD_MEASURE)
            load->work_cycles += __builtin_ia32_rdtsc() - cycles;
        if (status == WW_OK && now_ns >= load->interval_at)
            status = ww_load_say_interval(load, now_ns, error);
        if (status == WW_OK)
            status = check(load, now_ns, *stop, error);
        ww_idle(&load->idle, work, true); /* always busy: it must not sleep through an arrival */
    }
    return status;
}

/* Waits for "go TIME"; the client stays alive meanwhile. */
static int wait_for_go(struct load *load, const volatile int *stop, uint64_t *begin_ns,
                       struct ww_error *error)
{
    struct ww_completion none;
    char text[64];
    size_t used = 0;
    while (memchr(text, '\n', used) == NULL) {
        struct pollfd wait = {.fd = load->in, .events = POLLIN};
        int ready = poll(&wait, 1, PAUSE_POLL_MS);
        if (*stop)
            return ww_fail(error, WW_ECLOSED, "stopped by a signal");
        ww_client_poll(load->client, &none, 1);
        if (ready <= 0)
            continue;
        ssize_t got = read(load->in, text + used, sizeof(text) - 1 - used);
        if (got <= 0)
            return ww_fail(error, WW_ECLOSED, "nobody says when to go on");
        used += (size_t)got;
    }
    text[used] = 0;
    if (sscanf(text, "go %lu\n", begin_ns) != 1)
        return ww_fail(error, WW_EINVAL, "told '%s' instead of go TIME", text);
    return WW_OK;
}

static int run(struct load *load, const volatile int *stop, struct ww_error *error)
{
    int status = WW_OK;
    while (status == WW_OK && load->round < load->options->rounds) {
        uint64_t begin_ns;
        ww_load_say_pause(load);
        status = wait_for_go(load, stop, &begin_ns, error);
        if (status != WW_OK)
            break;
        uint64_t now_ns = ww_time_ns(CLOCK_MONOTONIC);
        load->round++;
        begin_phase(load, load->round == 1 ? WW_LOAD_WARMUP : WW_LOAD_RAMP, now_ns,
                    begin_ns > now_ns ? begin_ns - now_ns : 0, now_ns);
        ww_arrivals_start(&load->arrivals, now_ns);
        status = drive(load, stop, error);
    }
    int closed = ww_ack_writer_close(&load->acks, status == WW_OK ? error : NULL);
    if (status == WW_OK)
        status = closed;
    return status == WW_OK ? ww_load_say_final(load, error) : status;
}

int ww_load_run(const struct ww_load_options *options, const volatile int *stop, int in, FILE *out,
                struct ww_error *error)
{
    struct load load = {.options = options, .in = in, .out = out};
    int status = ww_load_start(&load, error);
    if (status == WW_OK)
        status = run(&load, stop, error);
    ww_load_end(&load);
    return status;
}
