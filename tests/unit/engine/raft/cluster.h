/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster of real cores in one process, driven by one seed: a network that loses, duplicates,
 * delays and reorders, disks with latency, crashes that keep only what was written. Time moves in
 * polls. What must always hold is checked in every poll; the first violation ends the run.
 */
#ifndef WW_TEST_RAFT_CLUSTER_H
#define WW_TEST_RAFT_CLUSTER_H

#include "engine/base/random.h"
#include "engine/raft/raft.h"

#define POLL_NS 100000u
#define LOG_MAX 4096u   /* entries of one run */
#define DISK_MAX 32768u /* records of one disk */
#define WIRE_MAX 4096u  /* messages on the way */
#define TERM_MAX 4096u
#define BATCH_MAX 8u /* entries of one AppendEntries */
#define ENTRY_BYTES 100u

struct entry {
    uint64_t term;
    uint64_t value; /* unique in the run */
};

/* A record of a node's stream: an entry, or (index 0) a term and vote. */
struct record {
    uint64_t index;
    uint64_t term;
    uint64_t value; /* the vote, when index is 0 */
    bool truncated; /* left the log before it was durable */
};

struct node {
    struct ww_raft *raft; /* NULL: down */
    uint32_t id;
    uint64_t up_at_poll;
    struct entry log[LOG_MAX]; /* in memory, by index */
    uint64_t commit;
    struct record disk[DISK_MAX];
    uint32_t disk_count;
    uint32_t disk_durable; /* records */
    uint64_t write_done_poll;
    uint32_t write_count;              /* records that the write in flight covers; 0: none */
    struct entry durable_log[LOG_MAX]; /* what recovery would find */
    uint64_t durable_last;
    uint32_t held_count; /* messages that wait for the hard state */
    struct ww_raft_outgoing held[256];
    uint32_t held_until[256]; /* disk_durable that releases it */
};

struct packet {
    uint64_t due_poll;
    uint32_t from;
    uint32_t to;
    struct ww_raft_message message;
    uint32_t entry_count;
    struct entry entries[BATCH_MAX];
};

struct cluster {
    struct ww_random random;
    uint32_t nodes;
    uint64_t poll;
    bool faults;                                  /* lose, delay, crash, partition */
    uint32_t disk_polls_max;                      /* a write takes 1..this */
    uint32_t crash_polls;                         /* one crash in about this many */
    bool cut[WW_NODES_MAX + 1][WW_NODES_MAX + 1]; /* [from][to]: nothing gets through */
    struct node node[WW_NODES_MAX + 1];
    struct packet wire[WIRE_MAX];
    uint32_t wire_count;
    uint32_t leader_of[TERM_MAX];
    struct entry committed[LOG_MAX];
    uint64_t committed_last;
    uint64_t values;
    uint64_t elections;    /* leaders seen */
    const char *violation; /* NULL: everything held */
};

struct cluster *cluster_create(uint64_t seed, uint32_t nodes);
void cluster_destroy(struct cluster *cluster);
void cluster_poll(struct cluster *cluster);
void cluster_crash(struct cluster *cluster, uint32_t id, uint64_t down_polls);
/* Proposes one entry to every node that leads; returns whether one took it. */
bool cluster_propose(struct cluster *cluster);
uint32_t cluster_leader(const struct cluster *cluster); /* of the highest term; 0: none */
/* Ends all faults and polls until every node has committed a new entry; false: too slow. */
bool cluster_settle(struct cluster *cluster, uint64_t polls);

#endif
