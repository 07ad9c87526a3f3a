/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The systems that `ww experiment peers` compares, behind one interface: three nodes on this
 * machine, durable, and a closed loop of entries.
 */
#ifndef WW_BENCH_PEERS_SYSTEM_H
#define WW_BENCH_PEERS_SYSTEM_H

#include "bench/helper.h"
#include "bench/run_directory.h"
#include "engine/cli/local_cluster.h"

#define WW_PEER_NODES 3u

/* One closed loop. */
struct ww_peer_load {
    uint32_t entry_bytes, inflight;
    uint64_t warmup_ns, duration_ns;
};

/* What came of it in the measured phase. */
struct ww_peer_figures {
    double p50, p99, p999, per_s; /* ns; commits a second */
    double nodes_us, client_us;   /* processor time per entry, of all nodes and of the client */
};

/* A running cluster of one system. */
struct ww_peer_cluster {
    const struct ww_config *config; /* ours */
    const int *namespaces;          /* ours: struct ww_local_options */
    char directory[WW_RUN_DIRECTORY_MAX];
    struct ww_local_cluster *ours;
    struct ww_helper nodes[WW_PEER_NODES];
    struct ww_helper client;
    char version[32];
    uint64_t acknowledged; /* entries of all loads */
};

struct ww_peer_system {
    const char *name;
    /* WW_ENOTFOUND when something that it needs is not there. */
    int (*find)(struct ww_error *error);
    /* Starts nodes and client below cluster->directory, and waits for a leader. */
    int (*start)(struct ww_peer_cluster *cluster, struct ww_error *error);
    int (*run)(struct ww_peer_cluster *cluster, const struct ww_peer_load *load,
               struct ww_peer_figures *figures, struct ww_error *error);
    /* Has every node applied all that was acknowledged, and nothing else? WW_EIO: no. */
    int (*verify)(struct ww_peer_cluster *cluster, struct ww_error *error);
};

extern const struct ww_peer_system ww_peer_whitewater, ww_peer_libraft, ww_peer_etcd;

/* Ends whatever of it runs, also what start left when it failed. */
int ww_peer_cluster_stop(struct ww_peer_cluster *cluster, struct ww_error *error);

/* ---- for those that have a driver (bench/peers/driver.h) ---- */

/* Has it run the load, with the time of these nodes. */
int ww_peer_drive(struct ww_peer_cluster *cluster, struct ww_helper *driver,
                  const struct ww_peer_load *load, struct ww_peer_figures *figures,
                  struct ww_error *error);

/* Asks how many entries were applied; `counts` gets a number for each node that it knows. */
int ww_peer_count(struct ww_helper *driver, uint64_t *counts, uint32_t count, char digest[32],
                  struct ww_error *error);

/* Entries that each of the nodes has applied. */
typedef int (*ww_peer_counter)(struct ww_peer_cluster *cluster, uint64_t counts[WW_PEER_NODES],
                               struct ww_error *error);

/* Waits until each has all that was acknowledged; fails when one has more, or not all in 10 s. */
int ww_peer_verify(struct ww_peer_cluster *cluster, ww_peer_counter counter,
                   struct ww_error *error);

#endif
