/* SPDX-License-Identifier: Apache-2.0 */
/* WW_DURABILITY_MEMORY: the same stream in plain memory, to measure everything but the disk. */
#include "wal_uring/wal.h"

#include "engine/base/assert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

struct memory_log {
    struct ww_wal_head head;                    /* first */
    uint64_t durable;                           /* what poll has reported */
    uint32_t unreported;                        /* writes since then */
    struct ww_log_event reads[WW_READ_BUFFERS]; /* complete, not reported */
    uint32_t read_count;

    /* The preparer's; segment n is at n % WW_WAL_MEMORY_SEGMENTS_MAX; the limit publishes it. */
    uint8_t **segments;
    uint64_t first, count, count_max; /* alive: count of them from first on */
    uint8_t **spares;
    size_t spare_count;
};

static uint8_t *at(const struct memory_log *log, uint64_t position)
{
    return log->segments[position / log->head.segment_bytes % WW_WAL_MEMORY_SEGMENTS_MAX] +
           position % log->head.segment_bytes;
}

static int make_segment(void *owner, uint64_t segment, struct ww_error *error)
{
    struct memory_log *log = owner;
    if (log->count == log->count_max)
        return ww_fail(error, WW_ENOSPC, "the log in memory is as large as it may be");
    uint8_t *memory;
    if (log->spare_count > 0) {
        memory = log->spares[--log->spare_count];
        ww_wal_count(&log->head, WW_WAL_SEGMENTS_RECYCLED, 1);
    } else {
        size_t size = log->head.segment_bytes;
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            return ww_fail_errno(error, WW_ENOSPC, "no memory for a segment of %zu bytes", size);
        madvise(memory, size, MADV_HUGEPAGE);
        madvise(memory, size, MADV_POPULATE_WRITE); /* here, so that a write never faults */
        ww_wal_count(&log->head, WW_WAL_SEGMENTS_PREPARED, 1);
        ww_wal_count(&log->head, WW_WAL_PREPARED_BYTES, size);
    }
    log->segments[segment % WW_WAL_MEMORY_SEGMENTS_MAX] = memory;
    log->count++;
    return WW_OK;
}

static void recycle(void *owner, uint64_t first_kept)
{
    struct memory_log *log = owner;
    for (; log->first < first_kept; log->first++, log->count--)
        log->spares[log->spare_count++] = log->segments[log->first % WW_WAL_MEMORY_SEGMENTS_MAX];
}

static int memory_write(struct ww_log_store *store, uint64_t position, const void *data,
                        uint32_t size_bytes)
{
    struct memory_log *log = (struct memory_log *)store;
    if (log->unreported == store->write_depth)
        return WW_EBUSY;
    ww_wal_head_check_write(&log->head, position, size_bytes);
    if (position + size_bytes > atomic_load_explicit(&store->limit_position, memory_order_acquire))
        return WW_ENOSPC;
    ww_wal_head_enter(&log->head, position);
    memcpy(at(log, position), data, size_bytes);
    log->head.next_position = position + size_bytes;
    log->unreported++;
    ww_wal_count(&log->head, WW_WAL_WRITES, 1);
    ww_wal_count(&log->head, WW_WAL_BYTES, size_bytes);
    return WW_OK;
}

static int memory_read(struct ww_log_store *store, uint32_t tag, uint64_t position, void *data,
                       uint32_t size_bytes)
{
    struct memory_log *log = (struct memory_log *)store;
    if (log->read_count == WW_READ_BUFFERS)
        return WW_EBUSY;
    WW_ASSERT(position % WW_BLOCK_ALIGN == 0 && size_bytes % WW_BLOCK_ALIGN == 0);
    uint32_t size = ww_wal_head_readable(&log->head, position, size_bytes, log->durable);
    if (size > 0)
        memcpy(data, at(log, position), size);
    log->reads[log->read_count++] = (struct ww_log_event){
        .type = WW_LOG_READ,
        .status = size > 0 ? WW_OK : WW_EGONE,
        .position = position,
        .size_bytes = size,
        .tag = tag,
    };
    ww_wal_count(&log->head, WW_WAL_READS, 1);
    ww_wal_count(&log->head, WW_WAL_READ_BYTES, size);
    return WW_OK;
}

static uint32_t memory_poll(struct ww_log_store *store, struct ww_log_event *events, uint32_t max)
{
    struct memory_log *log = (struct memory_log *)store;
    uint32_t count = 0;
    if (log->unreported > 0 && count < max) {
        log->unreported = 0;
        log->durable = log->head.next_position;
        events[count++] = (struct ww_log_event){.type = WW_LOG_WRITTEN, .position = log->durable};
    }
    uint32_t done = 0;
    while (done < log->read_count && count < max)
        events[count++] = log->reads[done++];
    log->read_count -= done;
    memmove(log->reads, log->reads + done, log->read_count * sizeof(log->reads[0]));
    return count + ww_wal_snapshots_poll(&log->head.snapshots, events + count, max - count);
}

static void memory_release(struct ww_log_store *store, uint64_t position)
{
    struct memory_log *log = (struct memory_log *)store;
    ww_wal_head_release(&log->head, position, log->durable);
}

static void memory_close(struct ww_log_store *store)
{
    struct memory_log *log = (struct memory_log *)store;
    ww_wal_snapshots_close(&log->head.snapshots);
    ww_wal_preparer_stop(&log->head.preparer);
    recycle(log, log->first + log->count);
    while (log->spare_count > 0)
        munmap(log->spares[--log->spare_count], log->head.segment_bytes);
    free(log->spares);
    free(log->segments);
    free(log);
}

static const struct ww_log_store_ops memory_ops = {
    .write = memory_write,
    .read = memory_read,
    .poll = memory_poll,
    .release = memory_release,
    .close = memory_close,
    .snapshot_save = ww_wal_head_snapshot_save,
    .snapshot_receive = ww_wal_head_snapshot_receive,
    .snapshot_drop = ww_wal_head_snapshot_drop,
    .snapshot_map = ww_wal_head_snapshot_map,
    .snapshot_unmap = ww_wal_head_snapshot_unmap,
};

int ww_wal_memory_open(const struct ww_wal_options *options, struct ww_log_store **store,
                       struct ww_error *error)
{
    struct memory_log *log = calloc(1, sizeof(*log));
    if (log == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for the log");
    ww_wal_head_init(&log->head, options, 0);
    log->head.store.ops = &memory_ops;
    log->head.store.epoch = 1;
    log->head.preparer.make = make_segment;
    log->head.preparer.recycle = recycle;
    log->head.recovery.recovering = true;
    log->count_max = options->max_bytes / options->segment_bytes;
    if (log->count_max == 0 || log->count_max > WW_WAL_MEMORY_SEGMENTS_MAX)
        log->count_max = WW_WAL_MEMORY_SEGMENTS_MAX;
    uint64_t bytes = options->prepare_bytes > 0 ? options->prepare_bytes : 1;
    if (bytes > log->count_max * options->segment_bytes)
        bytes = log->count_max * options->segment_bytes;

    int status = WW_OK;
    uint64_t *stream = &log->head.store.stream_id;
    log->segments = calloc(WW_WAL_MEMORY_SEGMENTS_MAX, sizeof(*log->segments));
    log->spares = calloc(WW_WAL_MEMORY_SEGMENTS_MAX, sizeof(*log->spares));
    if (log->segments == NULL || log->spares == NULL)
        status = ww_fail(error, WW_ENOMEM, "no memory for the log");
    else if (getrandom(stream, sizeof(*stream), 0) != (ssize_t)sizeof(*stream))
        status = ww_fail_errno(error, WW_EIO, "cannot draw a stream id");
    if (status == WW_OK)
        status = ww_wal_prepare_to(&log->head.preparer, bytes, error);
    if (status == WW_OK)
        status = ww_wal_preparer_start(&log->head.preparer, error);
    if (status == WW_OK)
        status = ww_wal_snapshots_open(&log->head.snapshots, -1, options->cluster, error);
    if (status != WW_OK) {
        memory_close(&log->head.store);
        return status;
    }
    *store = &log->head.store;
    return WW_OK;
}
