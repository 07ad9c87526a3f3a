/* SPDX-License-Identifier: Apache-2.0 */
/* Inside wal_uring: what the log on disk and the log in memory have in common. */
#ifndef WW_WAL_WAL_H
#define WW_WAL_WAL_H

#include "wal_uring/prepare.h"
#include "wal_uring/snapshots.h"
#include "wal_uring/wal_uring.h"

#include <stdatomic.h>

/* The head of both kinds of store; `store` is the handle. */
struct ww_wal_head {
    struct ww_log_store store;
    struct ww_wal_recovery recovery;
    struct ww_wal_preparer preparer;
    struct ww_wal_snapshots snapshots;
    uint64_t segment_bytes;
    uint64_t next_position; /* where the last write ended */
    uint64_t released;      /* below it nothing can be read any more */
};

/* Fills the head from checked options and what was recovered. */
void ww_wal_head_init(struct ww_wal_head *head, const struct ww_wal_options *options,
                      uint64_t start_position);

/* Asserts the caller's side of write(): aligned, in one segment, at the place that is next. */
void ww_wal_head_check_write(const struct ww_wal_head *head, uint64_t position,
                             uint32_t size_bytes);

/* A write begins at `position`: when that is a segment's begin, notes it and tells the preparer. */
void ww_wal_head_enter(struct ww_wal_head *head, uint64_t position);

/*
 * Lets go of whole segments below `position`. The segment that holds the last durable block is
 * kept: recovery takes epoch and link from it.
 */
void ww_wal_head_release(struct ww_wal_head *head, uint64_t position, uint64_t durable);

/* How much of a read at `position` is kept, lies in one segment and is durable; 0: it is gone. */
uint32_t ww_wal_head_readable(const struct ww_wal_head *head, uint64_t position,
                              uint32_t size_bytes, uint64_t durable);

/* The operations on snapshots, of both kinds. */
int ww_wal_head_snapshot_save(struct ww_log_store *store, const struct ww_snapshot_save *save);
int ww_wal_head_snapshot_receive(struct ww_log_store *store, uint32_t group, uint64_t index,
                                 uint64_t offset, const void *data, uint32_t bytes, bool last);
void ww_wal_head_snapshot_drop(struct ww_log_store *store, uint32_t group, uint64_t index);
int ww_wal_head_snapshot_map(struct ww_log_store *store, uint32_t group, uint64_t index,
                             struct ww_snapshot_blob *blob);
void ww_wal_head_snapshot_unmap(struct ww_log_store *store, struct ww_snapshot_blob *blob);

/* Counters have one writer each and may be read by any thread. */
static inline void ww_wal_count(struct ww_wal_head *head, enum ww_log_counter counter, uint64_t n)
{
    __atomic_store_n(&head->store.counters[counter], head->store.counters[counter] + n,
                     __ATOMIC_RELAXED);
}

/* WW_DURABILITY_MEMORY. */
int ww_wal_memory_open(const struct ww_wal_options *options, struct ww_log_store **store,
                       struct ww_error *error);

#endif
