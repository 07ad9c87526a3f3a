/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The random simulator: one seed is one run of a whole cluster (world.h) under faults whose kinds
 * and strengths the seed chooses; every event is checked; then the faults stop, and progress must
 * come. Everything that happens follows from the seed.
 *
 *   main.c         the command line; workers; what is printed
 *   sim.c          a run: the queue of events, and what each does
 *   sim_choose.c   what the seed chooses
 *   sim_faults.c   the faults
 *   sim_disks.c    disks that fail, rot, are full or lost
 *   sim_operator.c membership changes and hand-overs
 *   sim_network.c  what becomes of a datagram, and of a disk operation
 *   sim_clients.c  clients: the real client library
 *   sim_reads.c    linearizable reads
 *   sim_history.c  what clients did and saw, for tests/lincheck
 *   sim_check.c    what must hold after every event
 *   sim_ledger.c   what was seen on the disks, committed and applied
 *   sim_state.c    where the nodes stand, for a reader
 *   sim_trace.c    the last events, and the hash over all of them
 */
#ifndef WW_SIM_SIM_H
#define WW_SIM_SIM_H

#include "sim_ledger.h"
#include "sim_trace.h"
#include "world.h"

#include "engine/client/client_core.h"
#include "tests/lincheck/lincheck.h"

#define SIM_CLIENTS 4u
#define SIM_PADDING_MAX 1000u
#define SIM_READS 8u                    /* under way at a time */
#define SIM_READER SIM_CLIENTS          /* the client's port that reads come from */
#define SIM_BOUND_NS (30000 * WORLD_MS) /* from the end of the faults to progress */

/* What the seed chose. Rates are per second of simulated time, of the whole cluster. */
struct sim_settings {
    uint32_t nodes, groups, clients;
    uint64_t heartbeat_ns, election_min_ns, election_max_ns;
    /* Network: percentages of datagrams. */
    uint32_t loss, duplicates, corruption, late;
    uint64_t delay_min_ns, delay_max_ns, late_max_ns;
    /* Disk. */
    uint64_t write_min_ns, write_max_ns;
    uint32_t write_late; /* per cent of operations, by up to late_max_ns */
    uint32_t write_depth;
    struct ww_wal_tuning wal;
    uint64_t disk_bytes;
    /* Faults per second. */
    uint32_t cuts, crashes, power_cuts, pauses, jumps, failed_writes, rot, lost_disks, alone;
    bool repairs;   /* a damaged node cuts its log, and gets back what was behind the damage */
    uint32_t room;  /* disks are full but for what they get; 0: they have enough */
    uint32_t stops; /* per cent of the pauses: within a poll */
    uint32_t parts_refused, parts_lost; /* per cent of a leader's snapshot */
    /* What operators do, per second; and how often a snapshot is taken (0: never). */
    uint32_t changes, transfers, snapshots;
    uint64_t snapshot_entries, snapshot_keep;
    uint64_t retain_bytes, retain_time_ns; /* 0: no limit */
    struct ww_configuration configuration; /* in the beginning */
    bool adaptive, leases, priorities;
    bool sessions;                /* clients propose in them */
    uint32_t restarts, strangers; /* per second: of clients, and clients that only register */
    uint64_t session_timeout_ns;
    uint32_t reads; /* per second */
    uint32_t drift_ppm;
    uint64_t down_max_ns, pause_max_ns, cut_max_ns, jump_max_ns;
    uint32_t lazy; /* per cent of the rounds in which LOG or APPLY does not come to run */
    /* Clients. */
    uint64_t think_max_ns;
    uint32_t burst;   /* proposals at a time, at most */
    uint32_t padding; /* bytes of each behind the command, at most */
};

enum sim_event_kind {
    SIM_FRAME,
    SIM_DISK,
    SIM_WAKE,
    SIM_CLIENT,
    SIM_FAULT,
    SIM_START,
    SIM_RESUME,
    SIM_HEAL,
    SIM_END, /* a fenced node is ended, if it still is the process `id` */
    SIM_EVENT_KINDS,
};

struct sim_event {
    uint64_t at_ns;
    uint64_t order; /* of two at the same time the one that was made first */
    enum sim_event_kind kind;
    uint32_t node; /* or client, or fault */
    uint64_t id;   /* DISK: of the operation */
    struct world_frame *frame;
};

struct sim_node {
    uint64_t wake_ns;    /* the WAKE that counts; others are old */
    bool damaged;        /* its disk lost something, and it does not know yet */
    uint32_t anew;       /* groups that begin anew, and its disk does not say so yet */
    bool lost;           /* it found out, and stays away */
    bool fenced;         /* it stopped itself, and is about to be ended */
    uint64_t stopped_ns; /* what its clock showed when it was stopped in a poll; 0: it was not */
    uint64_t witnessed;  /* a durable block calls all below this durable */
};

struct sim_client {
    struct ww_client *library;
    uint32_t number;
    uint32_t processes;              /* that were started */
    uint64_t proposed[WORLD_GROUPS]; /* by all of them */
    uint64_t first[WORLD_GROUPS];    /* the first one of this process */
};

/* A linearizable read under way. */
struct sim_read {
    uint64_t tag; /* 0: none */
    uint32_t group;
    uint8_t number; /* of the register */
    uint64_t floor; /* what was known when it began */
    size_t history; /* as in struct sim_operation */
};

struct sim {
    struct world *world;
    uint64_t seed;
    struct ww_random random;
    struct sim_settings settings;
    bool calm; /* the faults are over */
    uint64_t events;
    struct sim_event *heap;
    uint32_t heap_count, heap_capacity;
    uint64_t orders;
    struct sim_node nodes[WW_NODES_MAX + 1];
    struct sim_client clients[SIM_CLIENTS];
    struct ww_clock client_clock;
    struct sim_ledger ledger;
    struct sim_trace trace;
    char violation[256]; /* empty: none */
    uint64_t acknowledged, crashes, changes, restored, answers;
    uint64_t gone;             /* proposals in sessions that were gone */
    uint64_t full;             /* nodes that ended because the disk was */
    uint64_t losses, cut_logs; /* disks that were lost, logs that were cut at damage */
    uint64_t begun_anew;       /* groups, since their snapshots were damaged */
    struct sim_read reads[SIM_READS];
    struct ww_history
        history; /* of the registers that are only written, for an independent judge */
    uint64_t read_tags;
    uint64_t client_steps_ns; /* that the clients' clock goes on by itself, while they end */
    FILE *report;             /* where a violated run tells how the nodes stand; NULL: nowhere */
    bool plant; /* disks lie, so that there is something to find: for the simulator's own test */
};

struct sim_result {
    uint64_t events;
    uint64_t hash;
    uint64_t simulated_ns;
    uint64_t commits, acknowledged, crashes, changes, restored, answers, gone, full, losses,
        cut_logs, begun_anew;
    uint64_t released; /* bytes that the disks got back */
    char violation[256];
};

struct sim *sim_create(void);
void sim_destroy(struct sim *sim);

/* One run. */
void sim_run(struct sim *sim, uint64_t seed, uint64_t events, struct sim_result *result);

void sim_violated(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline bool sim_failed(const struct sim *sim)
{
    return sim->violation[0] != 0;
}

/* sim_state.c */
void sim_print_state(const struct sim *sim, FILE *to);

/* sim.c */
void sim_at(struct sim *sim, uint64_t at_ns, struct sim_event event);
void sim_wake(struct sim *sim, uint32_t node, uint64_t at_ns);
void sim_poll_node(struct sim *sim, uint32_t node);

static inline bool sim_chance(struct sim *sim, uint32_t percent)
{
    return percent > 0 && ww_random_range(&sim->random, 0, 100) < percent;
}

static inline uint64_t sim_pick(struct sim *sim, uint64_t low, uint64_t high)
{
    return ww_random_range(&sim->random, low, high + 1);
}

/* sim_operator.c */
void sim_change_members(struct sim *sim, uint32_t group);
void sim_transfer(struct sim *sim, uint32_t group);
void sim_snapshot(struct sim *sim, uint32_t node, uint32_t group);

/* sim_choose.c */
void sim_choose(struct sim *sim);

/* sim_faults.c */
void sim_faults_begin(struct sim *sim);
void sim_fault(struct sim *sim, uint32_t kind);
void sim_faults_end(struct sim *sim);
void sim_start_node(struct sim *sim, uint32_t node);
void sim_end_node(struct sim *sim, uint32_t node);
void sim_heal(struct sim *sim);
uint32_t sim_pick_leader(struct sim *sim); /* some node, where there is none */
void sim_note(struct sim *sim, const char *what, uint64_t a, uint64_t b, uint64_t c);

/* sim_disks.c */
void sim_fail_write(struct sim *sim, uint32_t node);
void sim_rot(struct sim *sim, uint32_t node);
void sim_give_room(struct sim *sim, uint32_t node); /* one that is full may write again */
void sim_lose_disk(struct sim *sim, uint32_t node);
/* May the node not remember what it promised in the group, now or from its next start on? */
bool sim_forgets(const struct sim *sim, uint32_t node, uint32_t group);
/* Is one among the voters that may have forgotten its promises? */
bool sim_voter_forgets(const struct sim *sim, uint32_t group);

/* sim_network.c: hooks of the world */
void sim_sent(void *context, struct world_frame *frame);
void sim_began(void *context, struct world_disk *disk, struct world_operation *operation);

/* sim_clients.c */
void sim_clients_begin(struct sim *sim);
void sim_clients_end(struct sim *sim);
void sim_client_turn(struct sim *sim, uint32_t client); /* polls, and perhaps proposes */
void sim_client_poll(struct sim *sim, uint32_t client);
void sim_client_restart(struct sim *sim, uint32_t client);
/* Clients that register a session and are never heard of again: they fill the table. */
void sim_strangers(struct sim *sim, uint32_t group);
void sim_client_propose(struct sim *sim, uint32_t client, uint32_t group);
uint64_t sim_clients_outstanding(const struct sim *sim);

/* sim_reads.c */
void sim_read(struct sim *sim, uint32_t group);
void sim_reader_poll(struct sim *sim);

/* sim_history.c: 0 when the register is not one of those */
size_t sim_history_write(struct sim *sim, uint32_t client, uint32_t group, uint8_t number,
                         uint64_t value);
size_t sim_history_read(struct sim *sim, uint32_t group, uint8_t number);
void sim_history_end(struct sim *sim, size_t operation, uint64_t result);
bool sim_history_holds(uint8_t number); /* is it only written? */
void sim_check_history(struct sim *sim);

/* sim_check.c */
void sim_check_node(struct sim *sim, uint32_t node);
void sim_check_sent(struct sim *sim, const struct world_frame *frame);
void sim_check_started(struct sim *sim, uint32_t node);
void sim_applied(void *context, uint32_t node, uint32_t group, const struct ww_entry *entry,
                 uint64_t digest);
void sim_check_applied(struct sim *sim, uint32_t node, uint32_t group, const struct ww_entry *entry,
                       uint64_t digest);
void sim_check_command(struct sim *sim, uint32_t group, const struct ww_entry *entry);
void sim_restored(void *context, uint32_t node, uint32_t group, uint64_t index, uint64_t digest);
void sim_durable(void *context, uint32_t node, const struct ww_block_header *block);
void sim_recovered(void *context, uint32_t node, uint64_t position,
                   const struct ww_batch_header *batch);
void sim_forgot(void *context, uint32_t node);
void sim_began_anew(void *context, uint32_t node, uint32_t groups);
void sim_acknowledged(struct sim *sim, uint32_t client, const struct ww_completion *completion);
/* A read was answered with `value`, as it is behind the entry `index`. */
void sim_check_answer(struct sim *sim, uint32_t group, uint64_t floor, uint8_t number,
                      uint64_t value, uint64_t index);
/* Has everything come to rest: a leader per group, all live nodes equal? Else *why. */
bool sim_settled(struct sim *sim, const char **why);
void sim_check_end(struct sim *sim);

#endif
