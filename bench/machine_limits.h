/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's own limits, measured in the same run, before the cluster starts and after it
 * stopped: the denominators of the report.
 */
#ifndef WW_BENCH_MACHINE_LIMITS_H
#define WW_BENCH_MACHINE_LIMITS_H

#include "dpdk_io/dpdk_io.h"
#include "engine/base/error.h"
#include "engine/base/histogram.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes moved in some time; the halves of a measurement are added up. */
struct ww_rate {
    uint64_t bytes, elapsed_ns;
};

static inline double ww_rate_per_s(const struct ww_rate *rate)
{
    return rate->elapsed_ns == 0 ? 0 : (double)rate->bytes * 1e9 / (double)rate->elapsed_ns;
}

struct ww_limits {
    struct ww_histogram wal_write; /* one durable 4 KiB write, as many writers as replicas; ns */
    struct ww_histogram net_rtt;   /* 64 B there and back between two processes; ns */
    struct ww_rate wal;            /* durable 1 MiB writes, all writers together */
    struct ww_rate wal_shape;      /* durable writes of the size that the nodes' had on average */
    uint64_t wal_shape_bytes;      /* that size; 0: not measured */
    struct ww_rate memcpy_rate;    /* one core */
};

struct ww_limits_options {
    const char *directory; /* on the file system of the cluster's logs */
    uint32_t writers;      /* replicas; 0: no disk is used, do not measure it */
    uint32_t depth;        /* writes that a node has in flight */
    uint32_t pollers;      /* threads that poll while the cluster works */
    enum ww_net_kind transport;
};

/* One half of the measurement, a second or two; the halves are merged in *limits. */
int ww_limits_measure(struct ww_limits *limits, const struct ww_limits_options *options,
                      struct ww_error *error);

/* Durable writes of about `bytes` each, as the nodes wrote them on average. */
int ww_limits_measure_shape(struct ww_limits *limits, const struct ww_limits_options *options,
                            uint64_t bytes, struct ww_error *error);

void ww_limits_init(struct ww_limits *limits);

#endif
