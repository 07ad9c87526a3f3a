/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The state machine that a node applies committed entries to. All calls for one node come from one
 * thread, in log order per group, each entry once per run of the process: a machine that keeps its
 * state in memory is rebuilt from the log when the node starts.
 */
#ifndef WHITEWATER_STATE_MACHINE_H
#define WHITEWATER_STATE_MACHINE_H

#include <whitewater/status.h>

#include <stddef.h>
#include <stdint.h>

/**
 * Committed entries of one group, consecutive from `first_index`, in the encoding of the batch.
 * With no bytes they take no effect: they were proposed again and applied before, or their client's
 * session is gone.
 */
struct ww_apply_run {
    uint32_t group;
    uint32_t count;
    uint64_t first_index;
    uint64_t term;
    /** The entries in a row, each a u32 (size in bits 0-23, type in bits 24-31), then bytes. */
    const uint8_t *entries;
    uint32_t entries_bytes;
};

/** Steps through the entries of a run; begin with *cursor = 0. Returns 0 at the end. */
int ww_apply_next(const struct ww_apply_run *run, uint32_t *cursor, const void **data, size_t *size,
                  uint8_t *type);

/** Takes a piece of a machine's saved state; a negative status is to be passed on. */
typedef int (*ww_state_write)(void *context, const void *data, size_t bytes);

/** Gives the next up to `bytes` bytes of a saved state; returns how many, 0 at its end, or a
 *  negative status, which is to be passed on. */
typedef int64_t (*ww_state_read)(void *context, void *data, size_t bytes);

struct ww_state_machine {
    const char *name;
    void *self;
    /** Applies the run; the bytes are only valid during the call. A negative status stops the node
     *  (it fences itself), since replicas must not differ. */
    int (*apply)(void *self, const struct ww_apply_run *run);
    /** Digest of all applied entries of a group, for comparing replicas at equal positions. May be
     *  called from the apply thread only. NULL: none. */
    uint64_t (*digest)(void *self, uint32_t group);
    /** Takes a view of the state of a group as it is now, which later entries do not change: a copy
     *  of a small state, a read transaction of a large one. From the apply thread, which waits:
     *  the work is for `save`. NULL: the machine has no snapshots, and its log only grows. */
    int (*view)(void *self, uint32_t group, void **view);
    /** Writes a view piece by piece. From another thread, while entries are applied. */
    int (*save)(void *self, void *view, ww_state_write write, void *context);
    /** Gives a view back. From any thread, not at the same time as `save` on the same view. */
    void (*end_view)(void *self, void *view);
    /** Replaces the state of a group by one that was saved behind the entry `index`, perhaps by
     *  another replica. A negative status stops the node. */
    int (*restore)(void *self, uint32_t group, uint64_t index, ww_state_read read, void *context);
    /** Answers a client's query about a group's state as it is now: writes at most *answer_bytes to
     *  `answer` and sets *answer_bytes. It must not change the state. A negative status is the
     *  client's answer. NULL: the machine has no queries. */
    int (*query)(void *self, uint32_t group, const void *request, size_t bytes, void *answer,
                 size_t *answer_bytes);
    void (*destroy)(void *self);
};

/** The append-only log: keeps nothing but counts and a running CRC64 of all entries per group.
 *  A query without bytes is answered by two u64: the last applied index, and that CRC. */
int ww_machine_log_create(uint32_t groups, struct ww_state_machine *machine);

#endif
