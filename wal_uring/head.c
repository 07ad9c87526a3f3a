/* SPDX-License-Identifier: Apache-2.0 */
#include "wal_uring/wal.h"

#include "engine/base/assert.h"
#include "engine/base/time_ns.h"

void ww_wal_head_init(struct ww_wal_head *head, const struct ww_wal_options *options,
                      uint64_t start_position)
{
    uint64_t size = options->segment_bytes;
    head->segment_bytes = size;
    head->next_position = start_position;
    head->store.start_position = start_position;
    head->store.segment_bytes = size;
    head->store.write_depth = options->write_depth;
    head->store.span_bytes = options->span_bytes < size ? options->span_bytes : (uint32_t)size;

    struct ww_wal_preparer *preparer = &head->preparer;
    preparer->owner = head;
    preparer->limit_position = &head->store.limit_position;
    preparer->segment_bytes = size;
    preparer->current = start_position / size;
    preparer->ahead_segments = (options->prepare_bytes + size - 1) / size;
}

void ww_wal_head_check_write(const struct ww_wal_head *head, uint64_t position, uint32_t size_bytes)
{
    uint64_t next = head->next_position, span = head->store.span_bytes;
    uint64_t next_span = (next + span - 1) / span * span;
    WW_ASSERT(position == next || position == next_span);
    WW_ASSERT(size_bytes > 0 && size_bytes % WW_BLOCK_ALIGN == 0);
    WW_ASSERT(position % head->segment_bytes + size_bytes <= head->segment_bytes);
}

void ww_wal_head_enter(struct ww_wal_head *head, uint64_t position)
{
    struct ww_log_store *store = &head->store;
    if (position % head->segment_bytes != 0)
        return;
    uint64_t entered = store->counters[WW_WAL_SEGMENTS_ENTERED];
    __atomic_store_n(&store->entered_ns[entered % WW_WAL_ROTATIONS], ww_time_ns(CLOCK_MONOTONIC),
                     __ATOMIC_RELAXED);
    /* Pairs with the acquire of whoever tells the times. */
    __atomic_store_n(&store->counters[WW_WAL_SEGMENTS_ENTERED], entered + 1, __ATOMIC_RELEASE);
    ww_wal_preparer_enter(&head->preparer, position / head->segment_bytes);
}

void ww_wal_head_release(struct ww_wal_head *head, uint64_t position, uint64_t durable)
{
    if (durable == 0)
        return;
    uint64_t last = durable - 1;
    uint64_t first_needed = (position < last ? position : last) / head->segment_bytes;
    if (first_needed * head->segment_bytes <= head->released)
        return;
    head->released = first_needed * head->segment_bytes;
    ww_wal_preparer_release(&head->preparer, first_needed);
}

uint32_t ww_wal_head_readable(const struct ww_wal_head *head, uint64_t position,
                              uint32_t size_bytes, uint64_t durable)
{
    uint64_t segment_left = head->segment_bytes - position % head->segment_bytes;
    uint64_t left = position >= head->released && position < durable ? durable - position : 0;
    if (left > segment_left)
        left = segment_left;
    return left < size_bytes ? (uint32_t)left : size_bytes;
}

void ww_wal_recovery(const struct ww_log_store *store, struct ww_wal_recovery *recovery)
{
    *recovery = ((const struct ww_wal_head *)store)->recovery;
}

static struct ww_wal_snapshots *snapshots_of(struct ww_log_store *store)
{
    return &((struct ww_wal_head *)store)->snapshots;
}

int ww_wal_head_snapshot_save(struct ww_log_store *store, const struct ww_snapshot_save *save)
{
    return ww_wal_snapshots_save(snapshots_of(store), save);
}

int ww_wal_head_snapshot_receive(struct ww_log_store *store, uint32_t group, uint64_t index,
                                 uint64_t offset, const void *data, uint32_t bytes, bool last)
{
    return ww_wal_snapshots_receive(snapshots_of(store), group, index, offset, data, bytes, last);
}

void ww_wal_head_snapshot_drop(struct ww_log_store *store, uint32_t group, uint64_t index)
{
    ww_wal_snapshots_drop(snapshots_of(store), group, index);
}

int ww_wal_head_snapshot_map(struct ww_log_store *store, uint32_t group, uint64_t index,
                             struct ww_snapshot_blob *blob)
{
    return ww_wal_snapshot_map(snapshots_of(store)->directory_fd, group, index, blob);
}

void ww_wal_head_snapshot_unmap(struct ww_log_store *store, struct ww_snapshot_blob *blob)
{
    ww_wal_snapshots_unmap(snapshots_of(store), blob);
}
