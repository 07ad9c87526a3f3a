/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stops the nodes of a local cluster while a probe measures beside them, each time shorter than a
 * follower waits for its leader, and lets them hear of each other in between.
 */
#ifndef WW_BENCH_STANDSTILL_H
#define WW_BENCH_STANDSTILL_H

#include "bench/probe_quiet.h"
#include "engine/cli/local_cluster.h"

#include <stdint.h>

#define WW_STANDSTILL_MAX_NS UINT64_C(100000000)
#define WW_STANDSTILL_MIN_NS UINT64_C(20000000) /* too short to measure anything in it */

struct ww_standstill {
    struct ww_local_cluster *cluster;
    uint32_t nodes;
    uint64_t window_ns;  /* 0: they cannot be stopped */
    uint64_t rest_ns;    /* they run so long in between */
    uint64_t resumed_ns; /* when they were let go */
    bool stopped[WW_NODES_MAX];
    struct ww_probe_quiet quiet;
};

/*
 * How long nodes of this configuration may stand still at once: half of what a follower waits for
 * its leader, less the time since it last heard of it. 0: too short.
 */
uint64_t ww_standstill_window(const struct ww_config *config);

void ww_standstill_init(struct ww_standstill *standstill, struct ww_local_cluster *cluster,
                        uint32_t nodes, const struct ww_config *config);

#endif
