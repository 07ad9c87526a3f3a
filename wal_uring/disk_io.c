/* SPDX-License-Identifier: Apache-2.0 */
/* The LOG thread's half of the log on disk: write, read, poll. */
#include "wal_uring/disk.h"
#include "wal_uring/segment.h"

#include "engine/base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

/* What a completion belongs to: the number of a write or read, and which. */
enum operation { OPERATION_WRITE, OPERATION_FLUSH, OPERATION_READ };

static struct io_uring_sqe *next_sqe(struct ww_wal_disk *disk)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&disk->ring);
    WW_ASSERT(sqe != NULL); /* WW_WAL_RING_ENTRIES has room for all that may be in flight */
    disk->in_kernel++;
    return sqe;
}

static void mark(struct io_uring_sqe *sqe, enum operation operation, uint32_t number,
                 unsigned int flags)
{
    sqe->flags |= IOSQE_FIXED_FILE | flags;
    sqe->user_data = (uint64_t)number << 2 | operation;
}

/* The registered region that holds the bytes; -1 when the kernel would not register any. */
static int region_of(const struct ww_wal_disk *disk, const void *data, uint32_t size_bytes)
{
    for (uint32_t i = 0; i < disk->region_count; i++) {
        const uint8_t *base = disk->regions[i].iov_base;
        const uint8_t *at = data;
        if (at >= base && at + size_bytes <= base + disk->regions[i].iov_len)
            return (int)i;
    }
    return -1;
}

static uint64_t file_offset(const struct ww_wal_disk *disk, uint64_t position)
{
    return WW_SEGMENT_HEADER_BYTES + position % disk->head.segment_bytes;
}

/*
 * The place in the ring's file table of a segment, opened when it is not there yet: once per
 * segment. The ring keeps the file; the descriptor is not needed beyond. Returns -errno on failure.
 * There is always a place without users, as there are more places than operations.
 */
static int acquire_file(struct ww_wal_disk *disk, uint64_t segment)
{
    for (uint32_t i = 0; i < WW_WAL_FILES; i++) {
        if (disk->files[i].segment == segment) {
            disk->files[i].users++;
            return (int)i;
        }
    }
    while (disk->files[disk->next_victim].users > 0)
        disk->next_victim = (disk->next_victim + 1) % WW_WAL_FILES;
    uint32_t place = disk->next_victim;
    disk->next_victim = (place + 1) % WW_WAL_FILES;

    struct ww_wal_name name = ww_wal_segment_name(segment, ".seg");
    int fd = openat(disk->directory.wal_fd, name.text, O_RDWR | O_CLOEXEC | disk->open_flags);
    if (fd < 0)
        return -errno;
    int result = io_uring_register_files_update(&disk->ring, place, &fd, 1);
    close(fd);
    if (result < 0)
        return result;
    disk->files[place] = (struct ww_wal_file){.segment = segment, .users = 1};
    return (int)place;
}

/* Queues the part of the write that is not written yet, and the flush behind it. */
static void queue_write(struct ww_wal_disk *disk, uint32_t number)
{
    const struct ww_wal_write *write = &disk->flight.writes[number];
    const uint8_t *data = write->data + write->written_bytes;
    uint32_t size = write->size_bytes - write->written_bytes;
    uint64_t offset = file_offset(disk, write->position) + write->written_bytes;
    int region = region_of(disk, data, size);

    ww_wal_flight_submitted(&disk->flight, number);
    struct io_uring_sqe *sqe = next_sqe(disk);
    if (region >= 0)
        io_uring_prep_write_fixed(sqe, (int)write->file, data, size, offset, region);
    else
        io_uring_prep_write(sqe, (int)write->file, data, size, offset);
    if (disk->dsync) {
        sqe->rw_flags = RWF_DSYNC;
        mark(sqe, OPERATION_WRITE, number, 0);
        return;
    }
    mark(sqe, OPERATION_WRITE, number, IOSQE_IO_LINK);
    sqe = next_sqe(disk);
    io_uring_prep_fsync(sqe, (int)write->file, IORING_FSYNC_DATASYNC);
    mark(sqe, OPERATION_FLUSH, number, 0);
    ww_wal_count(&disk->head, WW_WAL_FLUSHES, 1);
}

/* What could not be submitted stays queued; every poll tries again. */
static void submit(struct ww_wal_disk *disk)
{
    if (io_uring_sq_ready(&disk->ring) > 0)
        io_uring_submit(&disk->ring);
}

int ww_wal_disk_write(struct ww_log_store *store, uint64_t position, const void *data,
                      uint32_t size_bytes)
{
    struct ww_wal_disk *disk = (struct ww_wal_disk *)store;
    struct ww_wal_head *head = &disk->head;
    if (disk->flight.failure != 0)
        return WW_ECLOSED;
    if (disk->flight.count == store->write_depth)
        return WW_EBUSY;
    ww_wal_head_check_write(head, position, size_bytes);
    if (position + size_bytes > atomic_load_explicit(&store->limit_position, memory_order_acquire))
        return WW_ENOSPC;
    int file = acquire_file(disk, position / head->segment_bytes);
    if (file < 0) {
        disk->flight.failure = file;
        return WW_ECLOSED;
    }
    ww_wal_head_enter(head, position);
    uint32_t number = ww_wal_flight_begin(&disk->flight, position, data, size_bytes);
    disk->flight.writes[number].file = (uint32_t)file;
    head->next_position = position + size_bytes;
    ww_wal_count(head, WW_WAL_WRITES, 1);
    ww_wal_count(head, WW_WAL_BYTES, size_bytes);
    queue_write(disk, number);
    submit(disk);
    return WW_OK;
}

static void queue_read(struct ww_wal_disk *disk, uint32_t number)
{
    struct ww_wal_read *read = &disk->reads[number];
    int region = region_of(disk, read->data, read->size_bytes);
    uint64_t offset = file_offset(disk, read->position);
    struct io_uring_sqe *sqe = next_sqe(disk);
    if (region >= 0)
        io_uring_prep_read_fixed(sqe, (int)read->file, read->data, read->size_bytes, offset,
                                 region);
    else
        io_uring_prep_read(sqe, (int)read->file, read->data, read->size_bytes, offset);
    mark(sqe, OPERATION_READ, number, 0);
}

int ww_wal_disk_read(struct ww_log_store *store, uint32_t tag, uint64_t position, void *data,
                     uint32_t size_bytes)
{
    struct ww_wal_disk *disk = (struct ww_wal_disk *)store;
    uint32_t number = 0;
    while (number < WW_READ_BUFFERS && disk->reads[number].busy)
        number++;
    if (number == WW_READ_BUFFERS)
        return WW_EBUSY;
    WW_ASSERT(position % WW_BLOCK_ALIGN == 0 && size_bytes % WW_BLOCK_ALIGN == 0);
    struct ww_wal_read *read = &disk->reads[number];
    *read = (struct ww_wal_read){
        .position = position,
        .data = data,
        .size_bytes = ww_wal_head_readable(&disk->head, position, size_bytes, disk->flight.durable),
        .tag = tag,
        .busy = true,
    };
    read->gone = read->size_bytes == 0;
    int file = read->gone ? 0 : acquire_file(disk, position / disk->head.segment_bytes);
    if (file < 0) {
        read->busy = false;
        return WW_EIO;
    }
    read->file = (uint32_t)file;
    if (read->gone)
        disk->gone++;
    else
        queue_read(disk, number);
    return WW_OK;
}

static struct ww_log_event finish_read(struct ww_wal_disk *disk, struct ww_wal_read *read,
                                       int result)
{
    struct ww_log_event event = {
        .type = WW_LOG_READ,
        .status = result > 0 ? WW_OK : WW_EIO,
        .position = read->position,
        .size_bytes = result > 0 ? (uint32_t)result : 0,
        .tag = read->tag,
    };
    if (read->position < disk->head.released || read->gone) {
        event.status = WW_EGONE; /* its segment may be in use again by now */
        event.size_bytes = 0;
    }
    if (!read->gone)
        disk->files[read->file].users--;
    read->busy = false;
    ww_wal_count(&disk->head, WW_WAL_READS, 1);
    ww_wal_count(&disk->head, WW_WAL_READ_BYTES, event.size_bytes);
    return event;
}

static void complete_write(struct ww_wal_disk *disk, uint32_t number, bool is_flush, int result)
{
    uint32_t file = disk->flight.writes[number].file;
    switch (ww_wal_flight_complete(&disk->flight, number, is_flush, result)) {
    case WW_WAL_WAIT:
        break;
    case WW_WAL_SUBMIT:
        queue_write(disk, number);
        break;
    case WW_WAL_FINISHED:
        disk->files[file].users--;
        break;
    }
}

/* The states of which the caller has not heard yet. */
static uint32_t report(struct ww_wal_disk *disk, struct ww_log_event *events, uint32_t max)
{
    uint32_t count = 0;
    if (disk->flight.durable > disk->reported_durable && count < max) {
        disk->reported_durable = disk->flight.durable;
        events[count++] = (struct ww_log_event){
            .type = WW_LOG_WRITTEN,
            .position = disk->flight.durable,
        };
    }
    if (disk->flight.failure != 0 && !disk->reported_failure && count < max) {
        int failure = -disk->flight.failure;
        disk->reported_failure = true;
        ww_wal_snapshots_fence(&disk->head.snapshots);
        events[count++] = (struct ww_log_event){
            .type = WW_LOG_FAILED,
            .status = failure == ENOSPC || failure == EDQUOT ? WW_ENOSPC : WW_EIO,
        };
    }
    for (uint32_t i = 0; disk->gone > 0 && i < WW_READ_BUFFERS && count < max; i++) {
        if (disk->reads[i].busy && disk->reads[i].gone) {
            events[count++] = finish_read(disk, &disk->reads[i], 0);
            disk->gone--;
        }
    }
    return count;
}

/* Takes what is complete; stops early when a read has no room for its event. */
static uint32_t reap(struct ww_wal_disk *disk, struct ww_log_event *events, uint32_t max)
{
    struct io_uring_cqe *cqes[WW_WAL_RING_ENTRIES];
    uint32_t ready = io_uring_peek_batch_cqe(&disk->ring, cqes, WW_WAL_RING_ENTRIES);
    uint32_t count = 0, taken = 0;
    for (; taken < ready; taken++) {
        enum operation operation = (enum operation)(cqes[taken]->user_data & 3);
        uint32_t number = (uint32_t)(cqes[taken]->user_data >> 2);
        int result = cqes[taken]->res;
        if (operation == OPERATION_READ) {
            if (count == max)
                break;
            if (result == -EAGAIN || result == -EINTR)
                queue_read(disk, number);
            else
                events[count++] = finish_read(disk, &disk->reads[number], result);
        } else {
            complete_write(disk, number, operation == OPERATION_FLUSH, result);
        }
    }
    io_uring_cq_advance(&disk->ring, taken);
    disk->in_kernel -= taken;
    return count;
}

uint32_t ww_wal_disk_poll(struct ww_log_store *store, struct ww_log_event *events, uint32_t max)
{
    struct ww_wal_disk *disk = (struct ww_wal_disk *)store;
    uint32_t count = report(disk, events, max);
    count += ww_wal_snapshots_poll(&disk->head.snapshots, events + count, max - count);
    if (disk->in_kernel == 0)
        return count;
    submit(disk);
    count += reap(disk, events + count, max - count);
    submit(disk);
    return count + report(disk, events + count, max - count);
}

void ww_wal_disk_release(struct ww_log_store *store, uint64_t position)
{
    struct ww_wal_disk *disk = (struct ww_wal_disk *)store;
    ww_wal_head_release(&disk->head, position, disk->flight.durable);
}

void ww_wal_disk_recovered(struct ww_log_store *store)
{
    ww_wal_preparer_recovered(&((struct ww_wal_disk *)store)->head.preparer);
}

void ww_wal_disk_drain(struct ww_wal_disk *disk)
{
    struct ww_log_event ignored[WW_READ_BUFFERS];
    while (disk->in_kernel > 0) {
        io_uring_submit_and_wait(&disk->ring, 1);
        reap(disk, ignored, WW_READ_BUFFERS);
    }
}
