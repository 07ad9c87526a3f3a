/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/machine_limits.h"

#include "bench/probe_net.h"
#include "bench/probe_wal.h"
#include "engine/base/idle.h"
#include "engine/base/time_ns.h"
#include "engine/wire/block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MILLISECOND_NS UINT64_C(1000000)
#define ROUND_TRIP_BYTES 64u
#define COPY_BYTES (32u * WW_MIB) /* more than the caches hold */
#define BETWEEN_FILE_BYTES (4u * WW_MIB)
#define ROUND_WEIGHT 100000u /* a round's histogram counts as so many values */
#define CLOCK_PIECES 20u
#define CLOCK_STEPS 20000u /* of a piece: about 20 us, which few interruptions hit */
#define CLOCK_CYCLES_PER_STEP 3u

enum { WRITE, BANDWIDTH, NETWORK, COPY };

/* A round under way. */
struct measurement {
    struct ww_limits *limits;
    const struct ww_limits_options *options;
    const struct ww_limits_between *between; /* NULL: around all */
    struct ww_limits_sample *sample;
    uint64_t begin_ns;
};

void ww_limits_init(struct ww_limits *limits)
{
    memset(limits, 0, sizeof(*limits));
    ww_histogram_reset(&limits->wal_write);
    ww_histogram_reset(&limits->net_rtt);
}

/* ---- adding up ---- */

static void add_rate(struct ww_limit_rate *rate, double per_s)
{
    rate->sum_per_s += per_s;
    rate->rounds += per_s > 0;
}

/* Each round has the same weight, whether it measured a tenth of a second or a whole one. */
static void add_histogram(struct ww_histogram *to, const struct ww_histogram *from)
{
    if (from->count == 0)
        return;
    uint64_t weight = (ROUND_WEIGHT + from->count / 2) / from->count;
    ww_histogram_merge_times(to, from, weight > 0 ? weight : 1);
}

void ww_limits_add(struct ww_limits *limits, const struct ww_limits_sample *sample)
{
    struct ww_limits_round round = sample->round;
    round.wal_write_p50 = ww_histogram_quantile(&sample->wal_write, 0.5);
    round.wal_write_p99 = ww_histogram_quantile(&sample->wal_write, 0.99);
    round.net_rtt_p50 = ww_histogram_quantile(&sample->net_rtt, 0.5);
    if (limits->round_count < WW_LIMITS_ROUNDS_MAX)
        limits->rounds[limits->round_count++] = round;
    if (!round.counts)
        return;
    add_histogram(&limits->wal_write, &sample->wal_write);
    add_histogram(&limits->net_rtt, &sample->net_rtt);
    add_rate(&limits->wal, round.wal_bytes_per_s);
    add_rate(&limits->wal_shape, round.wal_shape_bytes_per_s);
    add_rate(&limits->memcpy_rate, round.memcpy_bytes_per_s);
}

/* ---- one probe ---- */

static const struct ww_probe_quiet *quiet_of(const struct measurement *measurement)
{
    return measurement->between != NULL ? measurement->between->quiet : NULL;
}

/* How long a probe measures: `around_ms`, or its share of the window in which nodes may stand. */
static uint64_t length_ns(const struct measurement *measurement, uint64_t around_ms,
                          unsigned percent)
{
    return measurement->between == NULL ? around_ms * MILLISECOND_NS
                                        : measurement->between->window_ns * percent / 100;
}

/* Is there time left for a probe, by what it cost the last time? */
static bool fits(const struct measurement *measurement, int probe)
{
    if (measurement->between == NULL)
        return true;
    uint64_t spent_ns = ww_time_ns(CLOCK_MONOTONIC) - measurement->begin_ns;
    return spent_ns + measurement->limits->costs_ns[probe] + measurement->between->window_ns <=
           measurement->between->budget_ns;
}

static void note_cost(const struct measurement *measurement, int probe, uint64_t begin_ns,
                      uint64_t measured_ns)
{
    uint64_t took_ns = ww_time_ns(CLOCK_MONOTONIC) - begin_ns;
    measurement->limits->costs_ns[probe] = took_ns > measured_ns ? took_ns - measured_ns : 0;
}

/*
 * Always dsync, whatever the mode of the nodes: the fastest way to durable bytes that is known. In
 * the bandwidth measurements a writer has as many writes in flight as a node.
 */
static int probe_wal(const struct measurement *measurement, uint32_t size_bytes, uint32_t depth,
                     struct ww_probe_wal_result *result, struct ww_error *error)
{
    int which = depth == 1 && size_bytes == WW_BLOCK_ALIGN ? WRITE : BANDWIDTH;
    uint64_t begin_ns = ww_time_ns(CLOCK_MONOTONIC);
    struct ww_probe_wal_options probe;
    ww_probe_wal_options_init(&probe);
    probe.directory = measurement->options->directory;
    probe.writers = measurement->options->writers;
    probe.size_bytes = size_bytes;
    probe.depth = depth;
    probe.warmup_ns = length_ns(measurement, 100, 15);
    probe.duration_ns = length_ns(measurement, which == WRITE ? 1000 : 400, 70);
    probe.quiet = quiet_of(measurement);
    if (measurement->between != NULL && which == WRITE)
        probe.file_bytes = BETWEEN_FILE_BYTES;
    int status = ww_probe_wal(&probe, result, error);
    note_cost(measurement, which, begin_ns, probe.warmup_ns + probe.duration_ns);
    return status;
}

static double per_s(uint64_t bytes, uint64_t elapsed_ns)
{
    return elapsed_ns == 0 ? 0 : (double)bytes * 1e9 / (double)elapsed_ns;
}

static int measure_disk(const struct measurement *measurement, uint64_t shape_bytes,
                        struct ww_error *error)
{
    struct ww_probe_wal_result result;
    struct ww_limits_sample *sample = measurement->sample;
    int status = WW_OK;
    if (fits(measurement, WRITE)) {
        status = probe_wal(measurement, WW_BLOCK_ALIGN, 1, &result, error);
        ww_histogram_merge(&sample->wal_write, &result.latency);
    }
    if (status == WW_OK && fits(measurement, BANDWIDTH)) {
        status = probe_wal(measurement, WW_WRITE_MAX, measurement->options->depth, &result, error);
        sample->round.wal_bytes_per_s = per_s(result.bytes, result.elapsed_ns);
    }
    if (status == WW_OK && shape_bytes > 0 && fits(measurement, BANDWIDTH)) {
        uint32_t size = shape_bytes < WW_WRITE_MAX
                            ? ww_align_up((uint32_t)shape_bytes, WW_BLOCK_ALIGN)
                            : WW_WRITE_MAX;
        status = probe_wal(measurement, size, measurement->options->depth, &result, error);
        sample->round.wal_shape_bytes_per_s = per_s(result.bytes, result.elapsed_ns);
        measurement->limits->wal_shape_bytes = size;
    }
    return status;
}

/* Cycles of a core in a nanosecond, by a chain in which each step waits for the one before. The
 * fastest of several pieces: what interrupts a piece only makes it slower. */
static double measure_clock(void)
{
    double most = 0;
    for (unsigned piece = 0; piece < CLOCK_PIECES; piece++) {
        uint64_t value = piece, begin_ns = ww_time_ns(CLOCK_MONOTONIC);
        for (unsigned step = 0; step < CLOCK_STEPS; step++)
            __asm__ volatile("imul %0, %0" : "+r"(value));
        uint64_t took_ns = ww_time_ns(CLOCK_MONOTONIC) - begin_ns;
        double found = (double)CLOCK_STEPS * CLOCK_CYCLES_PER_STEP / (double)took_ns;
        most = found > most ? found : most;
    }
    return most;
}

static int measure_core(const struct measurement *measurement, struct ww_error *error)
{
    uint64_t begin_ns = ww_time_ns(CLOCK_MONOTONIC), copied_ns = 0, bytes = 0;
    uint64_t duration_ns = length_ns(measurement, 100, 30);
    measurement->sample->round.cycles_per_ns = measure_clock();
    if (!fits(measurement, COPY))
        return WW_OK;
    uint8_t *memory = malloc(2 * (size_t)COPY_BYTES);
    if (memory == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory to measure copying");
    memset(memory, 1, 2 * (size_t)COPY_BYTES); /* its pages exist from now on */
    ww_probe_quiet_begin(quiet_of(measurement));
    uint64_t copy_ns = ww_time_ns(CLOCK_MONOTONIC);
    while (copied_ns < duration_ns) {
        memcpy(memory, memory + COPY_BYTES, COPY_BYTES);
        __asm__ volatile("" : : "r"(memory) : "memory");
        bytes += COPY_BYTES;
        copied_ns = ww_time_ns(CLOCK_MONOTONIC) - copy_ns;
    }
    ww_probe_quiet_end(quiet_of(measurement));
    free(memory);
    measurement->sample->round.memcpy_bytes_per_s = per_s(bytes, copied_ns);
    note_cost(measurement, COPY, begin_ns, copied_ns);
    return WW_OK;
}

/* The two ends wait as the nodes do. Only between processes of this machine. */
static int measure_network(const struct measurement *measurement, struct ww_error *error)
{
    char path[512];
    struct ww_probe_net_result result;
    const struct ww_limits_options *options = measurement->options;
    uint64_t begin_ns = ww_time_ns(CLOCK_MONOTONIC);
    if (!fits(measurement, NETWORK))
        return WW_OK;
    snprintf(path, sizeof(path), "%s/probe", options->directory);
    struct ww_probe_net_options probe = {
        .kind = options->transport,
        .datagram_bytes = ROUND_TRIP_BYTES,
        .rounds = 20000,
        .warmup_rounds = 2000,
        .spin = ww_idle_resolve(WW_IDLE_AUTO, options->pollers) == WW_IDLE_SPIN,
        .dir = path,
        .timeout_ns = 20000 * MILLISECOND_NS,
        .duration_max_ns = measurement->between != NULL ? length_ns(measurement, 0, 70) : 0,
        .quiet = quiet_of(measurement),
    };
    if (mkdir(path, 0700) != 0)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    int status = ww_probe_net(&probe, &result, error);
    rmdir(path);
    note_cost(measurement, NETWORK, begin_ns, 0);
    if (status == WW_OK)
        ww_histogram_merge(&measurement->sample->net_rtt, &result.round_trip_ns);
    return status;
}

int ww_limits_measure(struct ww_limits *limits, const struct ww_limits_options *options,
                      const struct ww_limits_between *between, uint64_t shape_bytes,
                      struct ww_error *error)
{
    struct ww_limits_sample *sample = calloc(1, sizeof(*sample));
    if (sample == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory to measure the limits");
    ww_histogram_reset(&sample->wal_write);
    ww_histogram_reset(&sample->net_rtt);
    sample->round.between = between != NULL;
    sample->round.counts = between == NULL || between->quiet != NULL;
    const struct measurement measurement = {
        .limits = limits,
        .options = options,
        .between = between,
        .sample = sample,
        .begin_ns = ww_time_ns(CLOCK_MONOTONIC),
    };
    int status = options->writers > 0 ? measure_disk(&measurement, shape_bytes, error) : WW_OK;
    if (status == WW_OK)
        status = measure_network(&measurement, error);
    if (status == WW_OK)
        status = measure_core(&measurement, error);
    if (status == WW_OK)
        ww_limits_add(limits, sample);
    free(sample);
    return status;
}
