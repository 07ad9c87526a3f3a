/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster of real cores in one process, driven by one seed: a network that loses, duplicates,
 * delays and reorders, disks with latency, crashes that keep only what was written, clocks that
 * drift and jump, pauses; members that come and go, transfers, snapshots, reads. Time moves in
 * polls. What must always hold is checked in every poll; the first violation ends the run.
 */
#ifndef WW_TEST_RAFT_CLUSTER_H
#define WW_TEST_RAFT_CLUSTER_H

#include "engine/base/random.h"
#include "engine/raft/raft.h"

#define POLL_NS 100000u
#define ELECTION_MIN_NS (50 * POLL_NS)
#define ELECTION_MAX_NS (80 * POLL_NS)
#define DRIFT_PPM 20000 /* of a clock, at most */
#define LOG_MAX 4096u   /* entries of one run */
#define DISK_MAX 32768u /* records of one disk */
#define WIRE_MAX 4096u  /* messages on the way */
#define TERM_MAX 4096u
#define BATCH_MAX 8u /* entries of one AppendEntries */
#define ENTRY_BYTES 100u
#define CLUSTER_SNAPSHOT_BYTES 1000u
#define PART_MAX 300u /* bytes of a snapshot in one message */
#define READS_MAX 64u /* of one node, that wait for a round */

struct entry {
    uint64_t term;
    uint64_t value;                        /* unique in the run */
    struct ww_configuration configuration; /* no voters: the entry is not one */
};

enum record_kind { RECORD_ENTRY, RECORD_HARD_STATE, RECORD_TAKEN, RECORD_RECEIVED };

/* A record of a node's stream: an entry, a term and vote, or the end of a snapshot. */
struct record {
    enum record_kind kind;
    uint64_t index;
    struct entry entry; /* HARD_STATE: value is the vote */
    bool truncated;     /* left the log before it was durable */
};

struct snapshot {
    uint64_t index; /* 0: none */
    uint64_t term;
    struct ww_configuration configuration;
};

struct read {
    uint64_t term;
    uint64_t round;
    uint64_t index;
    uint64_t required; /* what was committed anywhere when it began */
};

struct node {
    struct ww_raft *raft; /* NULL: down */
    uint32_t id;
    uint64_t up_at_poll;
    uint64_t paused_until_poll;
    uint64_t clock_ns; /* its own, and when it was last looked at */
    uint64_t seen_ns;
    int32_t drift_ppm;
    uint64_t leapt_poll;       /* the last step of its clock that it may not notice */
    struct entry log[LOG_MAX]; /* in memory, by index */
    uint64_t commit;
    struct ww_configuration configuration; /* before the step */
    struct record disk[DISK_MAX];
    uint32_t disk_count;
    uint32_t disk_durable; /* records */
    uint64_t write_done_poll;
    uint32_t write_count;              /* records that the write in flight covers; 0: none */
    struct entry durable_log[LOG_MAX]; /* what recovery would find */
    uint64_t durable_last;
    struct snapshot durable_snapshot;
    struct snapshot snapshot; /* the newest that the core knows */
    bool snapshot_pending;    /* one is on its way to the disk */
    struct snapshot staged;   /* what comes from the leader */
    uint64_t staged_bytes;
    uint32_t held_count; /* messages that wait for the hard state */
    struct ww_raft_outgoing held[256];
    uint32_t held_until[256]; /* disk_durable that releases it */
    uint32_t read_count;
    struct read reads[READS_MAX];
};

struct packet {
    uint64_t due_poll;
    uint32_t from;
    uint32_t to;
    struct ww_raft_message message;
    struct ww_configuration configuration; /* SNAPSHOT */
    uint32_t entry_count;
    struct entry entries[BATCH_MAX];
};

struct cluster {
    struct ww_random random;
    uint32_t nodes;
    uint8_t voters; /* of the first configuration */
    uint64_t poll;
    bool faults;               /* lose, delay, crash, partition */
    uint32_t disk_polls_max;   /* a write takes 1..this */
    uint32_t crash_polls;      /* one crash in about this many */
    uint32_t cut_polls;        /* new cuts in about so many */
    uint32_t clock_polls;      /* one jump or pause in about this many; 0: none, and no drift */
    uint32_t change_polls;     /* one change of the configuration in about this many; 0: none */
    uint32_t transfer_polls;   /* the same for transfers */
    uint32_t snapshot_entries; /* a snapshot is taken every so many entries; 0: none */
    bool adaptive;
    bool leases;
    uint8_t priorities[WW_NODES_MAX + 1];
    bool cut[WW_NODES_MAX + 1][WW_NODES_MAX + 1]; /* [from][to]: nothing gets through */
    struct node node[WW_NODES_MAX + 1];
    struct packet wire[WIRE_MAX];
    uint32_t wire_count;
    uint32_t leader_of[TERM_MAX];
    struct entry committed[LOG_MAX];
    uint64_t committed_in[LOG_MAX]; /* the term of the leader that committed it */
    uint64_t committed_last;
    uint64_t values;
    uint64_t elections; /* leaders seen */
    uint64_t changes;   /* configurations committed */
    uint64_t installed; /* snapshots */
    uint64_t transfers; /* asked for */
    uint64_t lease_reads;
    uint64_t round_reads;
    const char *violation; /* NULL: everything held */
};

struct cluster *cluster_create(uint64_t seed, uint32_t nodes);
void cluster_destroy(struct cluster *cluster);
void cluster_poll(struct cluster *cluster);
/* Proposes one entry to every node that leads; returns whether one took it. */
bool cluster_propose(struct cluster *cluster);
/* A linearizable read at every node that believes to lead. */
void cluster_read(struct cluster *cluster);
uint32_t cluster_leader(const struct cluster *cluster); /* of the highest term; 0: none */
/* Ends all faults and polls until every member has committed a new entry; false: too slow. */
bool cluster_settle(struct cluster *cluster, uint64_t polls);

/* cluster_check.c: what must hold. */
void cluster_violated(struct cluster *cluster, const char *what);
void cluster_check_log(struct cluster *cluster, const struct node *node);
void cluster_check_leader(struct cluster *cluster, const struct node *node);
void cluster_check_commit(struct cluster *cluster, struct node *node);
void cluster_check_reads(struct cluster *cluster, struct node *node,
                         const struct ww_raft_update *update);
/* The configuration that the committed entries up to `index` leave in force. */
struct ww_configuration cluster_configuration_at(const struct cluster *cluster, uint64_t index);

/* cluster_shell.c: disk, network, one poll of a node. */
bool cluster_chance(struct cluster *cluster, uint32_t percent);
uint64_t cluster_pick(struct cluster *cluster, uint64_t low, uint64_t high); /* both included */
/* Steps the core and obeys the update, whose status it returns; `packet` is that of a MESSAGE. */
int cluster_step(struct cluster *cluster, struct node *node, struct ww_raft_event *event,
                 const struct packet *packet);
void cluster_poll_node(struct cluster *cluster, struct node *node);
void cluster_snapshot_record(struct node *node, enum record_kind kind,
                             const struct snapshot *snapshot);

/* cluster_snapshot.c */
void cluster_take_snapshot(struct cluster *cluster, struct node *node);
void cluster_stage(struct cluster *cluster, struct node *node, const struct packet *packet);
void cluster_snapshot_durable(struct cluster *cluster, struct node *node,
                              const struct record *record);
void cluster_send_part(struct cluster *cluster, struct node *node, struct packet *packet,
                       uint32_t budget);
#endif
