/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit of the network: two processes of their own that send one frame to and fro, over the
 * same kind of transport as the nodes use, without links, checks or protocol.
 */
#ifndef WW_BENCH_PROBE_NET_H
#define WW_BENCH_PROBE_NET_H

#include "bench/probe_quiet.h"
#include "dpdk_io/dpdk_io.h"
#include "engine/base/histogram.h"

struct ww_probe_net_options {
    enum ww_net_kind kind;   /* WW_NET_MEMIF or WW_NET_UDP */
    uint32_t datagram_bytes; /* UDP payload: 8 .. WW_DATAGRAM_MAX(WW_MTU_MAX) */
    uint32_t rounds;         /* that are recorded */
    uint32_t warmup_rounds;
    bool spin;       /* else sched_yield between empty polls: right with fewer cores than pollers */
    const char *dir; /* memif: an empty directory for the socket */
    uint64_t timeout_ns;                /* for all of it, the start of both processes included */
    uint64_t duration_max_ns;           /* ends earlier than by the rounds; 0: does not */
    const struct ww_probe_quiet *quiet; /* around the recorded rounds; NULL: nobody is to be told */
};

struct ww_probe_net_result {
    struct ww_histogram round_trip_ns;
};

/* Forks, measures, with a core for each of the two if it can, and leaves nothing behind. This
 * process must not have started DPDK. */
int ww_probe_net(const struct ww_probe_net_options *options, struct ww_probe_net_result *result,
                 struct ww_error *error);

#endif
