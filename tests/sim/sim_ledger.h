/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an observer of everything has seen, per group: every entry that reached any disk, what each
 * disk holds now, what was committed, what was applied. The arrays grow and are kept from run to
 * run.
 */
#ifndef WW_SIM_LEDGER_H
#define WW_SIM_LEDGER_H

#include "engine/base/limits.h"
#include "engine/wire/batch.h"
#include "world.h"

#include <stdbool.h>
#include <stdint.h>

#define SIM_LEDGER_CLIENTS 8u

/* One of the entries that some disk held at an index. */
struct sim_variant {
    uint64_t term;
    uint64_t previous_term; /* of the entry before it */
    uint32_t checksum;
    uint32_t size_bytes;
    uint32_t next; /* another one at this index; 0: none */
};

struct sim_committed {
    uint64_t term;
    uint64_t by_term; /* of the node that was first to know */
    uint64_t digest;  /* of the machine behind it; 0: nobody applied it yet */
};

struct sim_vote {
    uint64_t term;
    uint32_t vote;
};

/* What a disk holds of a group. */
struct sim_held {
    uint64_t *terms; /* by index: 1..last */
    uint64_t last;
    uint64_t base; /* a snapshot holds all up to here */
    size_t capacity;
    struct sim_vote *votes; /* every one that became durable */
    size_t vote_count, vote_capacity;
    /* What it held before it was read anew and had perhaps lost something, until the node remembers
     * or has rejoined: what it acknowledged counts as long as the acknowledgement is on its way. */
    bool anew;
    uint64_t *lost_terms;
    uint64_t lost_last, lost_base;
    size_t lost_capacity;
};

/* A client's proposal. */
struct sim_operation {
    uint64_t index; /* where it was applied; 0: not yet */
    uint64_t floor; /* `told` when it was made */
    size_t history; /* its handle in the history, + 1; 0: it is not in there */
    bool gone;      /* not applied when the client heard that its session is gone: never any more */
};

/* The proposals of a client in a group, by sequence. */
struct sim_stream {
    struct sim_operation *operations;
    uint64_t count;
    size_t capacity;
};

/* A register was changed by the entry `index`. */
struct sim_change {
    uint64_t index;
    uint64_t value; /* from then on */
    uint8_t number;
};

struct sim_group_ledger {
    uint32_t *variants; /* by index: the first in the pool; 0: none */
    uint64_t indexes;
    size_t variants_capacity;
    struct sim_committed *committed; /* by index */
    uint64_t commit;
    uint64_t applied; /* by anyone */
    size_t committed_capacity;
    uint8_t *leaders; /* by term: the node */
    uint64_t terms;
    size_t leaders_capacity;
    struct sim_held held[WW_NODES_MAX + 1];
    struct sim_stream streams[SIM_LEDGER_CLIENTS];
    struct sim_change *changes;
    size_t change_count, change_capacity;
    uint64_t told; /* the greatest index that a client knows the effect of */
    uint64_t seen_commit[WW_NODES_MAX + 1];
    uint64_t led_term[WW_NODES_MAX + 1]; /* the last term in which the node was seen to lead */
    uint64_t seen_term[WW_NODES_MAX + 1];
};

struct sim_ledger {
    struct sim_variant *pool; /* from 1 on */
    uint32_t pool_count;
    size_t pool_capacity;
    struct sim_group_ledger groups[WORLD_GROUPS];
};

void sim_ledger_reset(struct sim_ledger *ledger);
void sim_ledger_free(struct sim_ledger *ledger);

/* An entry reached the disk of `node`, behind what it holds below `index`. NULL, or what is wrong
 * with that. */
const char *sim_ledger_entry(struct sim_ledger *ledger, uint32_t group, uint32_t node,
                             uint64_t index, uint64_t term, const uint8_t *stored, uint32_t bytes);
/* The entry that disks hold at (index, term), or NULL. */
const struct sim_variant *sim_ledger_find(const struct sim_ledger *ledger, uint32_t group,
                                          uint64_t index, uint64_t term);
/* Does the disk of `node` hold the entry (index, term)? */
bool sim_ledger_holds(const struct sim_group_ledger *group, uint32_t node, uint64_t index,
                      uint64_t term);
/* A disk says that a snapshot holds all up to (index, term), and where the log ended then (0: that
 * entry was not in it). */
void sim_ledger_snapshot(struct sim_held *held, uint64_t index, uint64_t term, uint64_t last);
/* What a disk that gave space back still holds goes on at `index`. */
void sim_ledger_gap(struct sim_held *held, uint64_t index);
/* The log on the disk is empty from here on. */
void sim_ledger_lose(struct sim_held *held);
/* What the disk holds will be told from the begin; it may be less than before. */
void sim_ledger_anew(struct sim_held *held);
void sim_ledger_vote(struct sim_held *held, uint64_t term, uint32_t vote);
bool sim_ledger_voted(const struct sim_held *held, uint64_t term, uint32_t vote);

struct sim_committed *sim_ledger_committed(struct sim_group_ledger *group, uint64_t index);
uint8_t *sim_ledger_leader(struct sim_group_ledger *group, uint64_t term);
struct sim_operation *sim_ledger_operation(struct sim_stream *stream, uint64_t sequence);

/* The register's value behind the entry `index`. */
uint64_t sim_ledger_register(const struct sim_group_ledger *group, uint8_t number, uint64_t index);
/* An entry was applied by the first node, in the order of the log. */
void sim_ledger_change(struct sim_group_ledger *group, uint64_t index,
                       const struct world_command *command);

#endif
