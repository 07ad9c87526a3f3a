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

void ww_limits_init(struct ww_limits *limits)
{
    memset(limits, 0, sizeof(*limits));
    ww_histogram_reset(&limits->wal_write);
    ww_histogram_reset(&limits->net_rtt);
}

/*
 * Always dsync, whatever the mode of the nodes: the fastest way to durable bytes that is known. In
 * the bandwidth measurements a writer has as many writes in flight as a node.
 */
static int probe_wal(const struct ww_limits_options *options, uint32_t size_bytes, uint32_t depth,
                     struct ww_probe_wal_result *result, struct ww_error *error)
{
    struct ww_probe_wal_options probe;
    ww_probe_wal_options_init(&probe);
    probe.directory = options->directory;
    probe.writers = options->writers;
    probe.size_bytes = size_bytes;
    probe.depth = depth;
    probe.warmup_ns = 100 * MILLISECOND_NS;
    probe.duration_ns = (depth == 1 ? 1000 : 400) * MILLISECOND_NS;
    return ww_probe_wal(&probe, result, error);
}

static void add_rate(struct ww_rate *rate, uint64_t bytes, uint64_t elapsed_ns)
{
    rate->bytes += bytes;
    rate->elapsed_ns += elapsed_ns;
}

static int measure_disk(struct ww_limits *limits, const struct ww_limits_options *options,
                        struct ww_error *error)
{
    struct ww_probe_wal_result result;
    int status = probe_wal(options, WW_BLOCK_ALIGN, 1, &result, error);
    if (status != WW_OK)
        return status;
    ww_histogram_merge(&limits->wal_write, &result.latency);
    status = probe_wal(options, WW_WRITE_MAX, options->depth, &result, error);
    add_rate(&limits->wal, result.bytes, result.elapsed_ns);
    return status;
}

int ww_limits_measure_shape(struct ww_limits *limits, const struct ww_limits_options *options,
                            uint64_t bytes, struct ww_error *error)
{
    struct ww_probe_wal_result result;
    uint32_t size =
        bytes < WW_WRITE_MAX ? ww_align_up((uint32_t)bytes, WW_BLOCK_ALIGN) : WW_WRITE_MAX;
    int status = probe_wal(options, size, options->depth, &result, error);
    limits->wal_shape_bytes = size;
    add_rate(&limits->wal_shape, result.bytes, result.elapsed_ns);
    return status;
}

static int measure_copy(struct ww_limits *limits, struct ww_error *error)
{
    uint8_t *memory = malloc(2 * (size_t)COPY_BYTES);
    if (memory == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory to measure copying");
    memset(memory, 1, 2 * (size_t)COPY_BYTES); /* its pages exist from now on */
    uint64_t begin_ns = ww_time_ns(CLOCK_MONOTONIC), elapsed_ns = 0, bytes = 0;
    while (elapsed_ns < 100 * MILLISECOND_NS) {
        memcpy(memory, memory + COPY_BYTES, COPY_BYTES);
        __asm__ volatile("" : : "r"(memory) : "memory");
        bytes += COPY_BYTES;
        elapsed_ns = ww_time_ns(CLOCK_MONOTONIC) - begin_ns;
    }
    free(memory);
    add_rate(&limits->memcpy_rate, bytes, elapsed_ns);
    return WW_OK;
}

/* The two ends wait as the nodes do. Only between processes of this machine. */
static int measure_network(struct ww_limits *limits, const struct ww_limits_options *options,
                           struct ww_error *error)
{
    char path[512];
    struct ww_probe_net_result result;
    snprintf(path, sizeof(path), "%s/probe", options->directory);
    struct ww_probe_net_options probe = {
        .kind = options->transport,
        .datagram_bytes = ROUND_TRIP_BYTES,
        .rounds = 20000,
        .warmup_rounds = 2000,
        .spin = ww_idle_resolve(WW_IDLE_AUTO, options->pollers) == WW_IDLE_SPIN,
        .dir = path,
        .timeout_ns = 20000 * MILLISECOND_NS,
    };
    if (mkdir(path, 0700) != 0)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    int status = ww_probe_net(&probe, &result, error);
    rmdir(path);
    if (status == WW_OK)
        ww_histogram_merge(&limits->net_rtt, &result.round_trip_ns);
    return status;
}

int ww_limits_measure(struct ww_limits *limits, const struct ww_limits_options *options,
                      struct ww_error *error)
{
    int status = options->writers > 0 ? measure_disk(limits, options, error) : WW_OK;
    if (status == WW_OK)
        status = measure_network(limits, options, error);
    return status == WW_OK ? measure_copy(limits, error) : status;
}
