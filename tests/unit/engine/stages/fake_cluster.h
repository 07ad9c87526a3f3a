/* SPDX-License-Identifier: Apache-2.0 */
/* Three shards on fake backends, stepped by the test, and a client that speaks the protocol. */
#ifndef WW_TESTS_FAKE_CLUSTER_H
#define WW_TESTS_FAKE_CLUSTER_H

#include "engine/stages/net_internal.h"
#include "fake_backends.h"

#define FAKE_CLIENT_NUMBER (WW_CLIENT_SOURCE | 77u)
#define FAKE_VOTERS 3u /* of the first configuration: 1, 2, 3 */
#define FAKE_NODES 5u
#define FAKE_STAGES 3u /* NET, LOG, APPLY */
#define FAKE_LOG_BUFFER (1u << 20)

struct fake_node {
    struct fake_disk disk;
    struct ww_state_machine machine, log;
    uint32_t padding_bytes; /* in the machine's saved state */
    uint32_t views;         /* of it that were not given back */
    int save_status;        /* of the next saves */
    struct ww_shard *shard; /* NULL while the node is down */
    uint8_t *log_buffer;
    uint8_t *read_buffers;
};

/* What tests choose of a cluster's options. */
struct fake_options {
    uint32_t spare; /* nodes behind 1, 2, 3 that wait to be added */
    uint64_t snapshot_entries;
    uint64_t snapshot_keep;
    uint64_t retain_bytes, retain_time_ns;
    uint32_t segment_bytes; /* of the disks; 0: FAKE_SEGMENT */
    uint32_t groups;        /* 0: one */
    bool repair;            /* groups whose snapshots are lost begin anew */
    uint32_t padding_bytes; /* of the machine's saved state */
    uint32_t trace_every;
};

struct fake_cluster {
    struct fake_network network;
    struct fake_clock clock;
    struct fake_node nodes[FAKE_NODES + 1]; /* 1.. */
    struct fake_options options;
    uint64_t session; /* of the client's proposals; 0: none */
};

void fake_cluster_start(struct fake_cluster *cluster, uint64_t seed);
void fake_cluster_start_with(struct fake_cluster *cluster, uint64_t seed,
                             struct fake_options options);
void fake_cluster_stop(struct fake_cluster *cluster);

/* A node dies with all that was not durable; and comes back with what its disk held. */
void fake_cluster_kill(struct fake_cluster *cluster, uint32_t node);
void fake_cluster_restart(struct fake_cluster *cluster, uint32_t node);

/* The same for a start that may fail; the node is then down. */
int fake_cluster_try_start(struct fake_cluster *cluster, uint32_t node, struct ww_error *error);

/* Each node polls `rounds` times, 100 us apart. */
void fake_cluster_run(struct fake_cluster *cluster, uint32_t rounds);

/* Runs until a leader is known to itself; returns it (0: none within 20 s of fake time). */
uint32_t fake_cluster_leader(struct fake_cluster *cluster);

/* One stage of one node polls once. */
void fake_cluster_poll(struct fake_cluster *cluster, uint32_t node, uint32_t stage);

struct ww_group *fake_cluster_group(struct fake_cluster *cluster, uint32_t node);

/* Sends `count` entries of `bytes` each, from `sequence` on, to a node. */
void fake_client_propose(struct fake_cluster *cluster, uint32_t node, uint64_t sequence,
                         uint32_t count, uint32_t bytes, uint64_t oldest);

/* Proposes `entries` of 64 bytes from `sequence` on, ten at a time, each until it is committed, to
 * whoever leads; the sequence behind them. */
uint64_t fake_client_commit(struct fake_cluster *cluster, uint64_t sequence, uint32_t entries);

/* Sends a REGISTER, and others until they are answered; the answer. */
struct ww_client_message fake_client_register(struct fake_cluster *cluster, uint32_t node,
                                              uint64_t nonce);

/* Sends any datagram of one message to a node. */
void fake_client_send(struct fake_cluster *cluster, uint32_t node,
                      struct ww_client_message *message, const void *body);

/* The next message that arrived at the client; its datagram's body is copied to `body`. */
bool fake_client_receive(struct fake_cluster *cluster, struct ww_client_message *message,
                         uint8_t *body);

/* Polls until a message arrives at the client; type 0: none within 100 rounds. */
struct ww_client_message fake_client_answer(struct fake_cluster *cluster);

#endif
