/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's own limits, measured in the same run: before the cluster starts, between the rounds
 * of the load, and after the cluster stopped. They are the denominators of the report.
 *
 * Each of these rounds counts the same in a denominator, however long it measured. Between the
 * rounds of the load the nodes are idle, but an idle node looks for work 20,000 times a second, and
 * three of them on two cores make a durable write slower by a quarter (docs/benchmark.md). Such a
 * limit would flatter us, so the nodes are stopped (SIGSTOP) while a probe measures, shorter than
 * they would miss each other. Where that cannot be, the round does not count.
 */
#ifndef WW_BENCH_MACHINE_LIMITS_H
#define WW_BENCH_MACHINE_LIMITS_H

#include "bench/probe_quiet.h"
#include "dpdk_io/dpdk_io.h"
#include "engine/base/error.h"
#include "engine/base/histogram.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#define WW_LIMITS_ROUNDS_MAX 104u /* rounds of the load, and one more */

/* A mean over rounds. */
struct ww_limit_rate {
    double sum_per_s;
    uint32_t rounds;
};

static inline double ww_limit_rate_per_s(const struct ww_limit_rate *rate)
{
    return rate->rounds == 0 ? 0 : rate->sum_per_s / rate->rounds;
}

/* What one round measured. 0: that it did not. */
struct ww_limits_round {
    bool between; /* two rounds of the load; else before or after all */
    bool counts;  /* in the denominators */
    uint64_t wal_write_p50, wal_write_p99, net_rtt_p50;
    double wal_bytes_per_s, wal_shape_bytes_per_s, memcpy_bytes_per_s;
    double cycles_per_ns; /* of a core: what is left of a chain of multiplications, 3 cycles each */
};

struct ww_limits {
    struct ww_histogram wal_write;  /* one durable 4 KiB write, as many writers as replicas; ns */
    struct ww_histogram net_rtt;    /* 64 B there and back between two processes; ns */
    struct ww_limit_rate wal;       /* durable 1 MiB writes, all writers together; bytes */
    struct ww_limit_rate wal_shape; /* durable writes of the size that the nodes' had on average */
    uint64_t wal_shape_bytes;       /* that size; 0: not measured */
    struct ww_limit_rate memcpy_rate; /* one core */
    struct ww_limits_round rounds[WW_LIMITS_ROUNDS_MAX];
    uint32_t round_count;
    uint64_t costs_ns[4]; /* of each probe, what it takes besides measuring */
};

struct ww_limits_options {
    const char *directory; /* on the file system of the cluster's logs */
    uint32_t writers;      /* replicas; 0: no disk is used, do not measure it */
    uint32_t depth;        /* writes that a node has in flight */
    uint32_t pollers;      /* threads that poll while the cluster works */
    enum ww_net_kind transport;
};

/* A round between two rounds of the load. */
struct ww_limits_between {
    const struct ww_probe_quiet *quiet; /* stops the nodes; NULL: they go on, it does not count */
    uint64_t window_ns;                 /* they may be stopped so long */
    uint64_t budget_ns;                 /* for all of it; what does not fit is left out */
};

/*
 * One round. `between` NULL: before or after all, a second or two. `shape_bytes`: the average size
 * of the nodes' writes so far; 0: not known.
 */
int ww_limits_measure(struct ww_limits *limits, const struct ww_limits_options *options,
                      const struct ww_limits_between *between, uint64_t shape_bytes,
                      struct ww_error *error);

void ww_limits_init(struct ww_limits *limits);

/* The object `limits` of result.json; what was not measured is absent. */
struct json_object *ww_limits_json(const struct ww_limits *limits);

/* What a round found, before it is added. */
struct ww_limits_sample {
    struct ww_limits_round round;
    struct ww_histogram wal_write, net_rtt;
};

/* Adds a round, and, where it counts, its part of the denominators. */
void ww_limits_add(struct ww_limits *limits, const struct ww_limits_sample *sample);

#endif
