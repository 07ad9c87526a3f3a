/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the key-value machine: machine_kv.c (apply), _query.c, _snapshot.c. */
#ifndef WW_MACHINE_MACHINE_KV_H
#define WW_MACHINE_MACHINE_KV_H

#include "engine/base/limits.h"

#include <whitewater/kv.h>
#include <whitewater/state_machine.h>

#include <lmdb.h>
#include <stdbool.h>

#define WW_KV_MAGIC 0x564b5757u /* "WWKV": what a saved state begins with */
#define WW_KV_VERSION 1u

/* What a group's state is beside its keys; a saved one begins with it (docs/formats.md). */
struct ww_kv_state {
    uint32_t magic;
    uint32_t version;
    uint64_t applied;
    uint64_t digest;
    uint64_t keys;                        /* in a saved one: how many items follow */
    uint64_t counts[WW_KV_MALFORMED + 1]; /* of operations, by outcome; that of NONE is 0 */
    uint8_t outcomes[WW_KV_OUTCOMES];     /* of the entry `index` at index % WW_KV_OUTCOMES */
};

_Static_assert(sizeof(struct ww_kv_state) == 72 + WW_KV_OUTCOMES, "no holes on disk");

struct ww_kv_group {
    MDB_dbi dbi;
    struct ww_kv_state state;
};

struct ww_kv_machine {
    MDB_env *env;
    /* Left open from one run to the next, so that a commit is for many operations; the apply
     * thread's. NULL: none is open. */
    MDB_txn *write;
    uint32_t writes; /* in it */
    uint64_t map_bytes;
    bool temporary; /* the directory goes at the end */
    char directory[300];
    uint32_t group_count;
    struct ww_kv_group groups[];
};

/* The status of a result of LMDB; what is to be done is said on stderr, since it ends the node. */
int ww_kv_status(const struct ww_kv_machine *machine, int result);

/* Opens the write transaction unless it is open; commits it if it is. */
int ww_kv_begin(struct ww_kv_machine *machine);
int ww_kv_commit(struct ww_kv_machine *machine);

/* Puts a key with its revision; `flags` are LMDB's. Counts, and commits now and then. */
int ww_kv_put(struct ww_kv_machine *machine, const struct ww_kv_group *group, MDB_val key,
              uint64_t revision, const void *value, size_t value_bytes, unsigned flags);

/* A stored value is the revision, then the bytes. WW_ENOTFOUND: no such key. */
int ww_kv_get(const struct ww_kv_machine *machine, MDB_txn *txn, MDB_dbi dbi, MDB_val key,
              uint64_t *revision, MDB_val *value);

static inline uint64_t ww_kv_split(MDB_val *value)
{
    uint64_t revision;
    memcpy(&revision, value->mv_data, sizeof(revision));
    value->mv_data = (uint8_t *)value->mv_data + sizeof(revision);
    value->mv_size -= sizeof(revision);
    return revision;
}

/* Functions of struct ww_state_machine. */
int ww_kv_query(void *self, uint32_t group, const void *request, size_t bytes, void *answer,
                size_t *answer_bytes);
int ww_kv_view(void *self, uint32_t group, void **view);
int ww_kv_save(void *self, void *view, ww_state_write write, void *context);
void ww_kv_end_view(void *self, void *view);
int ww_kv_restore(void *self, uint32_t group, uint64_t index, ww_state_read read, void *context);

#endif
