/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster of real `ww node` processes on this machine, for `ww up`, `ww bench` and tests.
 *
 *   DIR/nodeN.yaml   configuration        DIR/nodeN.log   what the process printed
 *   DIR/nodeN/       data directory       DIR/sockets/    memif sockets
 *
 * The nodes are children of the calling thread: the kernel kills them when it ends. They run in
 * process groups of their own, so that ^C reaches only the caller.
 */
#ifndef WW_CLI_LOCAL_CLUSTER_H
#define WW_CLI_LOCAL_CLUSTER_H

#include "engine/base/error.h"
#include "engine/node/config.h"

#include <stdbool.h>
#include <sys/types.h>

struct ww_local_options {
    struct ww_config config; /* of all nodes; cluster.nodes, node.* and net.sockets are filled in */
    uint32_t nodes;          /* 1, 3, 5, 7 */
    uint32_t spares;         /* more nodes, behind them, which wait to be added */
    /* Created if missing; a cluster that is there is started again with its data. NULL: a fresh one
     * below $TMPDIR or /tmp, removed at the end unless `keep`. */
    const char *directory;
    bool keep;
    /* A network namespace for each node, in which it has the address 10.99.0.ID, which the caller
     * must reach (bench/veth_network.h makes such ones). NULL: all in the caller's. */
    const int *namespaces;
    uint32_t admin_port; /* the first node's, the others follow; 0: any free ports */
};

struct ww_local_cluster;

/* Writes the files and starts the processes. On failure *cluster is NULL and nothing is left. */
int ww_local_cluster_start(const struct ww_local_options *options,
                           struct ww_local_cluster **cluster, struct ww_error *error);

/* Waits until every running node answers and, but for the spares, names a leader of every group.
 * WW_ECLOSED: one died; WW_ETIMEOUT. `interrupted` (may be NULL) ends the wait when it returns
 * true: WW_ECLOSED too. */
int ww_local_cluster_wait_ready(struct ww_local_cluster *cluster, uint64_t timeout_ns,
                                bool (*interrupted)(uint64_t wait_ns), struct ww_error *error);

/* WW_OK, or WW_ECLOSED and a sentence with the last words of a node that ended by itself. */
int ww_local_cluster_check(struct ww_local_cluster *cluster, struct ww_error *error);

/* SIGKILL, SIGSTOP, SIGCONT ... to node `id`; after SIGKILL and SIGTERM waits for its end. */
int ww_local_cluster_signal(struct ww_local_cluster *cluster, uint32_t id, int signal,
                            struct ww_error *error);

/* Starts a node that was ended by ww_local_cluster_signal. */
int ww_local_cluster_restart(struct ww_local_cluster *cluster, uint32_t id, struct ww_error *error);

/* The configuration of node `id`, with its admin endpoint in nodes[id - 1]. */
const struct ww_config *ww_local_cluster_config(const struct ww_local_cluster *cluster,
                                                uint32_t id);
const char *ww_local_cluster_endpoint(const struct ww_local_cluster *cluster, uint32_t id);
const char *ww_local_cluster_directory(const struct ww_local_cluster *cluster);
pid_t ww_local_cluster_pid(const struct ww_local_cluster *cluster,
                           uint32_t id); /* 0: not running */

/* Ends the processes (SIGTERM, after 5 s SIGKILL), removes what is temporary, frees. WW_EIO: a node
 * did not end cleanly. NULL is allowed. */
int ww_local_cluster_stop(struct ww_local_cluster *cluster, struct ww_error *error);

#endif
