/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a running node, for node.c and node_status.c. */
#ifndef WW_NODE_INTERNAL_H
#define WW_NODE_INTERNAL_H

#include "engine/control/http_server.h"
#include "engine/node/config.h"
#include "engine/stages/agent.h"
#include "engine/stages/pipeline.h"

#include <whitewater/node.h>

#define WW_NODE_AGENTS_MAX 3u

/* What the node's memory is made of, in bytes. */
struct ww_node_memory {
    uint64_t log_buffer;
    uint64_t read_buffers;
    uint64_t tables;
    uint64_t net_pools;
    uint64_t net_rings;
    bool net_hugepages;
    bool log_hugepages;
};

/* What opening the log found. */
struct ww_node_recovery {
    uint64_t blocks, bytes;
    uint64_t read_bytes; /* of the files */
    uint64_t cut_bytes;  /* of a torn tail */
    uint64_t elapsed_ns;
    uint64_t cut_position; /* the log goes on here behind damage */
    bool recovering;       /* may have forgotten what it promised: a new disk, or damage */
    struct ww_error damage;
    uint32_t lost_groups; /* that begin anew: the snapshots that they rested on are lost */
    struct ww_error lost; /* which and why, of the first */
};

struct ww_node {
    struct ww_config config;
    uint8_t *log_buffer;
    uint8_t *read_buffers;
    struct ww_log_store *store;
    struct ww_node_recovery recovery;
    struct ww_transport *transport;
    struct ww_state_machine machine;
    struct ww_shard *shard;
    struct ww_agent agents[WW_NODE_AGENTS_MAX];
    uint32_t agent_count;
    struct ww_control *control;
    struct ww_node_memory memory;
};

/* An operator's request (control/http_server.h). */
int ww_node_request(struct ww_node *node, const struct ww_control_request *request,
                    struct ww_control_answer *answer, struct ww_error *error);

/* When the log's segments were entered. */
char *ww_node_rotations_json(struct ww_node *node);

/* Takes the records of sampled entries out (node_trace.c); one thread. */
char *ww_node_trace_json(struct ww_node *node);

/* Likewise; both on the control thread, the only one that reads or changes `config` by then. */
char *ww_node_config_json(struct ww_node *node);
int ww_node_configure(struct ww_node *node, const struct ww_control_settings *settings,
                      struct ww_error *error);

/* What the stages get of the keys of `wal:` that may change while the node runs. */
struct ww_wal_tuning ww_node_tuning(const struct ww_config *config);

/* Opens the newest snapshot of a group, which a node in memory has no file of. */
int ww_node_open_snapshot(struct ww_node *node, uint32_t group, int *fd, struct ww_error *error);

/* The "cores" text of the configuration: the core of agent `number`, or -1. */
int ww_node_core(const char *cores, uint32_t number);

#endif
