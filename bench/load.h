/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load generator, a process of its own (`ww load`), or one of several: drives a cluster
 * through the client library, in a closed loop (`inflight` entries without an answer at any time)
 * or in an open one (`rate` arrivals a second, latency from the time at which an entry was meant
 * to be sent).
 *
 * The measured phase has `rounds` slices. Before each one the process says that it pauses, with
 * nothing in flight, and waits for a line "go TIME" on its standard input: from then on there is
 * load, and at TIME (CLOCK_MONOTONIC, ns), the same for all processes, the slice begins. It goes
 * on for WW_LOAD_SAMPLE_NS behind the slice, so that the nodes' counters can be read under load.
 * It says what it does in JSON, one object a line; each has "event":
 *
 *   pause     "round": so many slices are over
 *   interval  one second passed, and lies in WW_LOAD_INTERVALS (bench/interval.h)
 *   final     all slices are over; the totals
 *
 * What is too large for a line is left in files of the directory, load.CLIENT.NAME: the histogram
 * of the measured phase (WW_LOAD_HISTOGRAM, a struct ww_histogram), the first WW_LOAD_COMMITS_MAX
 * commits of it one by one (WW_LOAD_COMMITS, struct ww_load_commit), its sampled entries
 * (WW_LOAD_TRACE, bench/load_trace.h), the acknowledged runs (WW_ACK_LOG, bench/ack_log.h), and
 * when asked for the gaps between acknowledgements (WW_GAPS, bench/gaps.h).
 */
#ifndef WW_BENCH_LOAD_H
#define WW_BENCH_LOAD_H

#include "bench/arrivals.h"
#include "bench/payload.h"
#include "engine/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define WW_LOAD_HISTOGRAM "histogram"
#define WW_LOAD_INTERVALS "intervals"
#define WW_LOAD_TRACE "trace"
#define WW_LOAD_COMMITS "commits"
#define WW_LOAD_COMMITS_MAX (8u << 20)
#define WW_LOAD_SAMPLE_NS UINT64_C(100000000)

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
    uint32_t client, clients; /* this process of so many; what follows is of all together */
    uint32_t groups;          /* as many as the cluster has */
    uint32_t pollers;         /* threads that poll on this machine, this one among them */
    uint32_t inflight;        /* closed loop: entries in flight over all groups */
    uint64_t rate;            /* open loop: entries per second over all groups; 0: closed loop */
    enum ww_arrivals_kind arrivals;
    uint32_t trace_every; /* bench/load_trace.h */
    uint32_t rounds;      /* slices of the measured phase, at least 1 */
    uint64_t warmup_ns;
    uint64_t duration_ns; /* of all slices together */
    bool gaps;            /* write the gaps down */
};

/*
 * Runs the whole course, writes the lines to `out` and reads from `in`. Ends early with WW_ECLOSED
 * when *stop becomes non-zero, with WW_ETIMEOUT when answers do not come.
 */
int ww_load_run(const struct ww_load_options *options, const volatile int *stop, int in, FILE *out,
                struct ww_error *error);

#endif
