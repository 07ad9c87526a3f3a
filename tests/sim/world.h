/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole cluster in one thread: real shards (engine/stages with their rings, groups and cores) on
 * a simulated network, disks and clocks. Nothing moves by itself: time, datagrams, disk operations
 * and stages go on when they are told to. The random simulator (tests/sim) and the scenario runner
 * (tests/scenario) are two drivers of it.
 *
 *   world.c           the run, the nodes and their life
 *   world_network.c   datagrams in flight
 *   world_disk.c      the log store: operations in flight, and what a crash leaves of them
 *   world_recovery.c  reading the stream back at start, by the rule of docs/wal.md
 *   world_machine.c   the state machine: registers and a running digest
 */
#ifndef WW_SIM_WORLD_H
#define WW_SIM_WORLD_H

#include "engine/backend/clock.h"
#include "engine/backend/log_store.h"
#include "engine/backend/transport.h"
#include "engine/base/error.h"
#include "engine/base/random.h"
#include "engine/stages/net_internal.h"
#include "engine/wire/batch.h"
#include "tests/memory_file.h"

#include <stdbool.h>
#include <stdint.h>

#define WORLD_CLUSTER 0x77775757u
#define WORLD_DATAGRAM WW_DATAGRAM_MAX(WW_MTU_MIN)
#define WORLD_CLIENTS 8u
#define WORLD_ADDRESSES (WW_LINK_CLIENT + WORLD_CLIENTS) /* nodes 1..7, clients from 16 on */
#define WORLD_GROUPS 8u
#define WORLD_REGISTERS 8u
#define WORLD_SPAN (64u * WW_KIB)           /* of a block, and the unit of release */
#define WORLD_DISK_BYTES (64u * WW_MIB)     /* reserved; resident where written */
#define WORLD_BUFFER_BYTES (1u * WW_MIB)    /* log buffer of a node */
#define WORLD_OPERATIONS 64u                /* of one disk, in flight */
#define WORLD_SNAPSHOTS (4u * WORLD_GROUPS) /* on one disk */
#define WORLD_SECTOR 512u                   /* written whole or not at all */
#define WORLD_MS ((uint64_t)1000000)
#define WORLD_START_NS (1000000 * WORLD_MS) /* clocks begin here: room to jump back */

struct world;

/* ---- network ---- */

/* A datagram in flight, from `from` to `to`: node ids, or WW_LINK_CLIENT + client. */
struct world_frame {
    uint64_t id; /* in the order of sending; a duplicate is a new frame */
    uint32_t from, to;
    uint64_t due_ns; /* the driver's own; 0 after sending */
    uint32_t size_bytes;
    struct world_frame *next, *previous; /* in flight, or in the receiver's inbox */
    _Alignas(8) uint8_t data[WORLD_DATAGRAM];
};

struct world_frames {
    struct world_frame *first, *last;
    uint32_t count;
};

struct world_port {
    struct ww_transport base;
    struct world *world;
    uint32_t self; /* address */
    struct world_frame *open;
    struct world_frames inbox; /* delivered, not yet received */
};

const struct ww_datagram_header *world_frame_header(const struct world_frame *frame);
/* Message number `i` of the frame (a ww_raft_message or ww_client_message), and its body. NULL:
 * there is none, as far as a frame that may be corrupt can say. */
const void *world_frame_message(const struct world_frame *frame, uint32_t i, const uint8_t **body);

/* The frame leaves the air for the receiver's inbox, or is lost when the link is cut, the inbox is
 * full or nobody is there; false: lost. */
bool world_deliver(struct world *world, struct world_frame *frame);
void world_drop(struct world *world, struct world_frame *frame);
/* A second copy, in flight as well, behind all others. */
struct world_frame *world_duplicate(struct world *world, const struct world_frame *frame);
void world_corrupt(struct world_frame *frame, uint32_t bit);

/* ---- disk ---- */

enum world_operation_kind { WORLD_WRITE, WORLD_READ, WORLD_SNAPSHOT };

struct world_operation {
    uint64_t id;
    enum world_operation_kind kind;
    uint64_t position; /* SNAPSHOT: its index */
    uint8_t *data;     /* SNAPSHOT: malloc, NULL when it fails. Else the shard's memory, which must
                        * not change while the operation is in flight */
    uint32_t size_bytes;
    uint32_t tag;      /* SNAPSHOT: its group */
    uint32_t checksum; /* WRITE: of the bytes when it began */
    bool done;         /* a WRITE behind one that is not done yet */
    int status;        /* SNAPSHOT: it will fail so */
    uint64_t due_ns;   /* the driver's own; 0 at the beginning */
};

/* What a crash leaves of the writes in flight. */
enum world_survival { WORLD_SURVIVE_NONE, WORLD_SURVIVE_ALL, WORLD_SURVIVE_RANDOM };

/* A snapshot on the disk: whole. */
struct world_snapshot {
    uint32_t group;
    uint64_t index;
    struct memory_file file;
};

/* What came of a leader's snapshot. */
struct world_received {
    uint64_t index;
    struct memory_file file;
};

struct world_disk {
    struct ww_log_store base;
    struct world *world;
    uint32_t node;
    uint8_t *bytes;            /* by position */
    uint64_t begin;            /* given back below it; a multiple of WORLD_SPAN */
    uint64_t released;         /* the node needs nothing below it, and may say so again */
    uint64_t end;              /* never written from here on: zeros */
    uint64_t next;             /* where the next write goes */
    uint64_t durable;          /* reported */
    uint64_t identity_durable; /* what the file `identity` knows to be durable: docs/wal.md */
    bool recovering;           /* in it too: promises may be forgotten, but for what was written */
    uint64_t recovering_from;  /* ... behind this position; 0: the disk was new */
    uint64_t damage;           /* where the last recovery found it */
    bool failed;               /* fenced until the next start */
    uint32_t operation_count;  /* in the order in which they began */
    struct world_operation operations[WORLD_OPERATIONS];
    uint32_t event_count;
    struct ww_log_event events[WORLD_OPERATIONS + 2];
    uint32_t snapshot_count;
    struct world_snapshot snapshots[WORLD_SNAPSHOTS];
    struct world_received received[WORLD_GROUPS]; /* not complete */
    uint64_t cut_bytes;                           /* of the last recovery */
};

/* The operation is complete: the bytes are on the disk, or those of a read in their buffer. */
void world_disk_done(struct world_disk *disk, struct world_operation *operation);
/* All that are in flight. */
void world_disk_done_all(struct world_disk *disk);
/* The disk is lost: an empty one takes its place. Or what lies behind the damage is cut off. */
void world_disk_lose(struct world_disk *disk);
void world_disk_cut(struct world_disk *disk);
/* A write or its flush fails, with `survival` of its bytes: the store is fenced. Or a snapshot
 * cannot be saved. */
void world_disk_fail(struct world_disk *disk, struct world_operation *operation, int status,
                     enum world_survival survival);

/* ---- nodes ---- */

/* Local time = local_ns + (world time - true_ns) * (1 + ppm / 1e6). */
struct world_clock {
    struct ww_clock base;
    struct world *world;
    uint64_t true_ns, local_ns;
    uint64_t stale_ns; /* what the node reads next, once: it was stopped right behind; 0: no */
    int32_t ppm;
};

struct world_group_state {
    uint64_t applied;
    uint64_t digest;
    uint64_t registers[WORLD_REGISTERS];
};

struct world_node {
    uint32_t id;
    struct ww_shard *shard; /* NULL: down */
    bool paused;
    bool joins; /* its file says so: on an empty disk it waits to be told who is in the group */
    uint32_t starts;
    struct world_clock clock;
    struct world_disk disk;
    struct world *world;
    struct ww_state_machine machine;
    struct world_group_state *groups; /* WORLD_GROUPS: the machine's state */
    uint8_t *log_buffer;
    uint8_t *read_buffers;
};

/* What an entry begins with that the machine understands; any other only enters the digest. */
enum world_command_kind { WORLD_COMMAND_WRITE = 0x51, WORLD_COMMAND_ADD = 0x52 };

struct world_command {
    uint8_t kind;
    uint8_t number; /* of the register, below WORLD_REGISTERS */
    uint16_t client;
    uint32_t padding;
    uint64_t value;
    uint64_t operation; /* unique: the client's own */
};

/* What a driver wants to be told. Every pointer may be NULL. */
struct world_hooks {
    void *context;
    /* A frame is in flight; the hook may drop, duplicate or deliver it. */
    void (*sent)(void *context, struct world_frame *frame);
    /* A disk operation began. */
    void (*began)(void *context, struct world_disk *disk, struct world_operation *operation);
    /* A block became durable, as it was written. */
    void (*durable)(void *context, uint32_t node, const struct ww_block_header *block);
    /* At a start: a batch that is on the disk, in stream order. */
    void (*recovered)(void *context, uint32_t node, uint64_t position,
                      const struct ww_batch_header *batch);
    /* The node's disk lost something: what it still holds is told by `recovered`, all of it. */
    void (*forgot)(void *context, uint32_t node);
    /* So many groups of the node begin anew, since their snapshots are lost. */
    void (*began_anew)(void *context, uint32_t node, uint32_t groups);
    /* The machine was given an entry; its digest is now `digest`. */
    void (*applied)(void *context, uint32_t node, uint32_t group, const struct ww_entry *entry,
                    uint64_t digest);
    /* The machine got its state behind `index` from a snapshot. */
    void (*restored)(void *context, uint32_t node, uint32_t group, uint64_t index, uint64_t digest);
};

struct world_options {
    uint32_t nodes; /* 1..WW_NODES_MAX: those that exist; none of them is started */
    uint64_t seed;
    /* What every shard gets; the world sets cluster, self, seed and memory. */
    struct ww_shard_options shard;
    uint32_t write_depth;
    uint64_t disk_bytes; /* of each node; the log is full there */
    uint32_t parts_refused,
        parts_lost; /* percent of a leader's snapshot: not taken; all given up */
    bool amnesia;   /* who starts with an empty disk may have forgotten promises */
    bool repairs;   /* a damaged disk is cut at the damage, a group without its snapshot begins
                     * anew: `wal.repair` */
    struct world_hooks hooks;
};

struct world {
    struct world_options options;
    struct ww_random random; /* of the world's own choices: what a crash leaves */
    uint64_t now_ns;
    uint64_t frame_ids, operation_ids;
    struct world_frames flight; /* in the order of sending */
    struct world_frame *free_frames;
    bool cut[WORLD_ADDRESSES][WORLD_ADDRESSES]; /* [from][to] */
    struct world_port ports[WORLD_ADDRESSES];
    struct world_node nodes[WW_NODES_MAX + 1];
    const char *broken; /* a contract between shard and backends was broken; NULL: none */
};

/* The memory of a world serves any number of runs, one after the other. NULL: no memory. */
struct world *world_create(void);
void world_destroy(struct world *world);

/* One group, 3 nodes, times that suit simulated milliseconds. */
void world_options_init(struct world_options *options);
void world_begin(struct world *world, const struct world_options *options);
void world_end(struct world *world);

static inline void world_advance(struct world *world, uint64_t ns)
{
    world->now_ns += ns;
}

/* Recovers the disk and builds the shard. The status of either; the node is then down. */
int world_start(struct world *world, uint32_t id, struct ww_error *error);
/* The node, which is down, gets an empty disk. When members have changed since the cluster began,
 * its file must say `join`: what it names would be another group. */
void world_lose(struct world *world, uint32_t id);
/* The process dies: its memory, its inbox and, by `survival`, its writes in flight are gone. */
void world_crash(struct world *world, uint32_t id, enum world_survival survival);
/* The process ends in order: its writes are done, its disk knows its end. */
void world_stop(struct world *world, uint32_t id);

enum world_stage { WORLD_NET, WORLD_LOG, WORLD_APPLY };

/* One round of a stage, unless the node is down or paused; returns the work done. */
uint32_t world_poll_stage(struct world *world, uint32_t id, enum world_stage stage);
/* One round of each stage. */
uint32_t world_poll(struct world *world, uint32_t id);
/* Rounds until the node has nothing to do, at most `rounds`. */
void world_poll_idle(struct world *world, uint32_t id, uint32_t rounds);

uint64_t world_clock_ns(const struct world_node *node);
void world_clock_jump(struct world_node *node, int64_t ns);
void world_clock_rate(struct world_node *node, int32_t ppm);
/* The world's time at which the node's clock shows `local_ns`. */
uint64_t world_clock_when(const struct world_node *node, uint64_t local_ns);

/* A client's end, for the client library core or for messages of the driver's own. */
static inline struct ww_transport *world_client(struct world *world, uint32_t client)
{
    return &world->ports[WW_LINK_CLIENT + client].base;
}

static inline struct ww_group *world_group(struct world *world, uint32_t id, uint32_t group)
{
    return &world->nodes[id].shard->net->groups[group];
}

/* ---- between the files of the world ---- */

void world_network_begin(struct world *world);
void world_network_end(struct world *world);
void world_inbox_clear(struct world *world, uint32_t address);

bool world_disk_create(struct world_disk *disk); /* reserves memory */
void world_disk_destroy(struct world_disk *disk);
void world_disk_begin(struct world_disk *disk, struct world *world, uint32_t node);
void world_disk_crash(struct world_disk *disk, enum world_survival survival);
void world_disk_broken(struct world_disk *disk, const char *what); /* a contract was */
uint32_t world_disk_in_flight(const struct world_disk *disk, enum world_operation_kind kind);
void world_disk_add(struct world_disk *disk, struct world_operation operation);
void world_disk_remove(struct world_disk *disk, struct world_operation *operation);
void world_disk_tell(struct world_disk *disk, struct ww_log_event event);
/* Bytes at `position`: at most *bytes, up to the end of the span. */
const uint8_t *world_disk_look(const struct world_disk *disk, uint64_t position, size_t *bytes);
void world_disk_recovered(struct ww_log_store *store); /* no promise is forgotten any more */

/* Walks the stream; sets where writing goes on. WW_EDAMAGED with a sentence in `error`. */
int world_disk_recover(struct world_disk *disk, ww_log_visit visit, void *context,
                       struct ww_error *error);

/* As in struct ww_log_store_ops. */
int world_snapshot_save(struct ww_log_store *store, const struct ww_snapshot_save *save);
int world_snapshot_receive(struct ww_log_store *store, uint32_t group, uint64_t index,
                           uint64_t offset, const void *data, uint32_t bytes, bool last);
void world_snapshot_drop(struct ww_log_store *store, uint32_t group, uint64_t index);
int world_snapshot_map(struct ww_log_store *store, uint32_t group, uint64_t index,
                       struct ww_snapshot_blob *blob);
void world_snapshot_unmap(struct ww_log_store *store, struct ww_snapshot_blob *blob);
void world_snapshot_store(struct world_disk *disk, const struct world_operation *operation);
void world_snapshot_finish(struct world_disk *disk, struct world_operation *operation, int status);
void world_snapshots_forget(struct world_disk *disk);   /* those not on the disk yet */
void world_snapshots_drop_all(struct world_disk *disk); /* those on the disk */

void world_machine_init(struct world_node *node);

#endif
