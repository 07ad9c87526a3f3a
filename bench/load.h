/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load generator, a process of its own (`ww load`): drives a cluster through the client
 * library, in a closed loop (`inflight` entries without an answer at any time) or an open one
 * (`rate` arrivals a second, latency from the time at which an entry was meant to be sent). It says
 * what it does in JSON, one object a line; each has "event":
 *
 *   before    the measured phase is about to begin: time to sample the nodes
 *   interval  one second passed: phase, seconds, entries, per_s, p50, p99, max (ns), in_flight
 *   after     the measured phase is over, the load goes on for a moment: sample again
 *   final     everything proposed has its answer; the totals
 *
 * What is too large for a line is left in files of the directory: the histogram of the measured
 * phase (WW_LOAD_HISTOGRAM, a struct ww_histogram), the first WW_LOAD_COMMITS_MAX commits of it one
 * by one (WW_LOAD_COMMITS, struct ww_load_commit), and the acknowledged runs (WW_LOAD_ACKS).
 */
#ifndef WW_BENCH_LOAD_H
#define WW_BENCH_LOAD_H

#include "bench/payload.h"
#include "engine/base/error.h"

#include <stdint.h>
#include <stdio.h>

#define WW_LOAD_HISTOGRAM "load.histogram"
#define WW_LOAD_ACKS "load.acks"
#define WW_LOAD_COMMITS "load.commits"
#define WW_LOAD_COMMITS_MAX (8u << 20)

/* Entries that were proposed together and answered together. */
struct ww_load_commit {
    uint64_t answered_ns; /* CLOCK_MONOTONIC */
    uint32_t latency_ns;  /* at most UINT32_MAX */
    uint32_t count;
};

struct ww_load_options {
    const char *endpoint;  /* admin endpoint of a node */
    const char *directory; /* where the files go */
    struct ww_payload_options payload;
    uint32_t groups;   /* as many as the cluster has */
    uint32_t pollers;  /* threads that poll on this machine, this one among them */
    uint32_t inflight; /* closed loop: entries in flight over all groups, at least 1 */
    uint64_t rate;     /* open loop: entries per second over all groups; 0: closed loop */
    uint64_t warmup_ns;
    uint64_t duration_ns;
};

/*
 * Runs the whole course and writes the lines to `out`. Ends early with WW_ECLOSED when *stop
 * becomes non-zero, with WW_ETIMEOUT when answers do not come.
 */
int ww_load_run(const struct ww_load_options *options, const volatile int *stop, FILE *out,
                struct ww_error *error);

#endif
