/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nodes of a scenario: a world (tests/sim/world.h) in which only commands move something. A
 * frame on this network carries one message, so that commands can take messages one by one.
 */
#ifndef WW_TESTS_SCENARIO_CLUSTER_H
#define WW_TESTS_SCENARIO_CLUSTER_H

#include "script.h"
#include "tests/sim/world.h"

#define CLUSTER_NODES (WW_NODES_MAX + 1)
#define CLUSTER_LOG_MAX 64u      /* entries of a preset log */
#define CLUSTER_ENTRIES_MAX 512u /* applied, that are remembered */
#define CLUSTER_WRITES 4u        /* of a disk, in flight at once */
#define CLUSTER_PAYLOAD_MAX 24u  /* bytes of an entry that are remembered */

enum cluster_life { LIFE_RUNNING, LIFE_CRASHED, LIFE_PAUSED, LIFE_FENCED, LIFE_DAMAGED };
extern const char *const cluster_lives[]; /* their names, NULL at the end */

/* What of a disk waits until it is told to end. */
enum cluster_hold { HOLD_NOTHING, HOLD_WRITES, HOLD_ALL };

/* What a node's disk holds before the start. */
struct cluster_preset {
    uint32_t count;
    uint64_t terms[CLUSTER_LOG_MAX]; /* of entry i + 1 */
    uint64_t term;
    uint32_t vote;
};

struct cluster_setup {
    uint32_t nodes;  /* 1..nodes */
    uint8_t waiting; /* bit per id: knows nobody, and waits to be added */
    bool amnesia;    /* who starts with an empty disk may have forgotten promises */
    uint64_t seed;
    struct ww_shard_options shard;
    struct cluster_preset presets[CLUSTER_NODES];
};

/* Payloads of the data entries that a node's state machine was given, since the start or since it
 * got its state from a snapshot. */
struct cluster_applied {
    uint32_t count;
    uint64_t index[CLUSTER_ENTRIES_MAX];
    char payload[CLUSTER_ENTRIES_MAX][CLUSTER_PAYLOAD_MAX];
};

/* In a frame's due_ns: it is held back, and no command but `release` sees it. */
#define CLUSTER_HELD UINT64_MAX

/* A message on the network. */
struct cluster_flight {
    struct world_frame *frame;
    uint32_t from, to;
    uint32_t entries; /* in its body */
    struct ww_raft_message message;
};

struct cluster {
    struct world *world;
    struct cluster_setup setup;
    bool damaged[CLUSTER_NODES];        /* did not start from what its disk holds ... */
    struct ww_error why[CLUSTER_NODES]; /* ... because of this */
    enum cluster_hold disk_held[CLUSTER_NODES];
    bool disk_fails[CLUSTER_NODES]; /* the next write */
    bool cut[CLUSTER_NODES][CLUSTER_NODES];
    struct cluster_applied applied[CLUSTER_NODES];
    struct script_line *line; /* the command that runs: errors go there */
    /* A client's end received this message. */
    void (*answered)(void *context, uint32_t client, const struct ww_client_message *message,
                     const uint8_t *body);
    /* A message was sent by a node. */
    void (*sent)(void *context, const struct cluster_flight *flight);
    void *context;
};

/* All nodes are down, with empty disks. NULL: no memory. */
struct cluster *cluster_create(const struct cluster_setup *setup, struct script_line *line);
void cluster_destroy(struct cluster *cluster);

enum cluster_life cluster_life(const struct cluster *cluster, uint32_t id);
struct ww_group *cluster_group(const struct cluster *cluster, uint32_t id); /* NULL: it is down */
uint8_t cluster_running(const struct cluster *cluster);         /* bit per id: up and not paused */
bool cluster_is_up(const struct cluster *cluster, uint32_t id); /* has a process; may be paused */

/* Only the clock. */
void cluster_advance(struct cluster *cluster, uint32_t id, uint64_t ns);
/* Until it has nothing more to do. */
void cluster_poll(struct cluster *cluster, uint32_t id);
void cluster_poll_all(struct cluster *cluster, uint8_t nodes);

/* The first message in flight, and the one behind another; false: none. */
bool cluster_first_flight(const struct cluster *cluster, struct cluster_flight *flight);
bool cluster_next_flight(struct cluster_flight *flight);
/* It arrives, and the receiver is polled. */
void cluster_deliver(struct cluster *cluster, struct world_frame *frame);
void cluster_client_sends(struct cluster *cluster, uint32_t client, uint32_t node,
                          struct ww_client_message *message, const void *body);

void cluster_start(struct cluster *cluster, uint32_t id);
/* The process dies. Of the writes that wait, the oldest `kept` reached the disk; `torn`: and the
 * next one in part. */
void cluster_crash(struct cluster *cluster, uint32_t id, uint32_t kept, bool torn);
/* Does the operation wait while the disk is held? */
bool cluster_waits(const struct cluster *cluster, const struct world_disk *disk,
                   const struct world_operation *operation);
/* Puts on its disk what the setup says; before its first start. */
void cluster_preset_disk(struct cluster *cluster, uint32_t id);
/* The oldest write that waits fails, or else the next one. */
void cluster_disk_fail(struct cluster *cluster, uint32_t id);
/* Operations that wait, and the end of the oldest `count` of them. */
uint32_t cluster_writes(const struct cluster *cluster, uint32_t id);
void cluster_disk_done(struct cluster *cluster, uint32_t id, uint32_t count);

enum cluster_damage {
    DAMAGE_FLIP,
    DAMAGE_ZERO,
    DAMAGE_MISPLACED,
    DAMAGE_FOREIGN,
    DAMAGE_SNAPSHOT, /* a flipped bit in the newest one */
};
/* Of the block with entry `index` (0: the last block). */
void cluster_damage(struct cluster *cluster, uint32_t id, enum cluster_damage kind, uint64_t index);

#endif
