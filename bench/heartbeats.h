/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heartbeats of many groups between two nodes: the engine's cores, datagrams and transport. One
 * process holds the leaders, another one the followers; each polls. How many heartbeats share a
 * datagram, and how long the first one waits for others, is the sender's to choose here. The
 * answers share datagrams in the same way, but wait for nothing.
 */
#ifndef WW_BENCH_HEARTBEATS_H
#define WW_BENCH_HEARTBEATS_H

#include "dpdk_io/dpdk_io.h"
#include "engine/base/histogram.h"

#define WW_HEARTBEATS_RUNS_MAX 128u
#define WW_HEARTBEATS_GROUPS_MAX WW_GROUPS_MAX

struct ww_heartbeats_run {
    uint32_t per_datagram; /* at most: 1..WW_MESSAGES_PER_DATAGRAM */
    uint64_t window_ns;    /* the first one waits so long for others; 0: to the end of the poll */
    /* 0: each group's next heartbeat is due when its last one was answered, so many are on the way
     * at a time. Else: they are due at fixed times, at so many percent of the rate of an earlier
     * run, and late ones are counted from when they were due. */
    uint32_t load_percent;
    uint32_t load_of; /* that run */
};

struct ww_heartbeats_result {
    struct ww_histogram
        latency;           /* ns, from when a heartbeat was due until its answer was handled */
    uint64_t answered;     /* in elapsed_ns */
    uint64_t leaders_ns;   /* processor time in it of polls that did something */
    uint64_t followers_ns; /* the same of the other process */
    uint64_t datagrams;    /* with heartbeats, sent in it */
    uint64_t sent;         /* heartbeats */
    uint64_t lost;
    uint64_t elapsed_ns;
};

struct ww_heartbeats_options {
    enum ww_net_kind kind; /* WW_NET_MEMIF or WW_NET_UDP */
    const char *directory; /* for the sockets of memif */
    uint16_t udp_ports[2];
    uint32_t groups; /* 1..WW_HEARTBEATS_GROUPS_MAX */
    uint64_t warmup_ns, duration_ns;
    const struct ww_heartbeats_run *runs;
    uint32_t run_count;
};

/* All runs, one after the other, between the same two processes. results[i] is of runs[i].
 * WW_ECLOSED when `interrupted` says so. */
int ww_heartbeats_run(const struct ww_heartbeats_options *options,
                      bool (*interrupted)(uint64_t wait_ns), struct ww_heartbeats_result *results,
                      struct ww_error *error);

#endif
