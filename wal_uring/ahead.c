/* SPDX-License-Identifier: Apache-2.0 */
#include "wal_uring/ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RING_BYTES ((uint64_t)WW_WAL_WINDOWS * WW_WAL_WINDOW_BYTES)

static uint64_t segment_bytes(const struct ww_wal_ahead *ahead)
{
    return ahead->directory->identity.segment_bytes;
}

static uint64_t file_offset(const struct ww_wal_ahead *ahead, uint64_t position)
{
    return WW_SEGMENT_HEADER_BYTES + position % segment_bytes(ahead);
}

static int open_file(const struct ww_wal_ahead *ahead, uint64_t segment)
{
    struct ww_wal_name name = ww_wal_segment_name(segment, ".seg");
    int fd = openat(ahead->directory->wal_fd, name.text, O_RDONLY | O_CLOEXEC | O_DIRECT);
    if (fd < 0 && errno == EINVAL)
        fd = openat(ahead->directory->wal_fd, name.text, O_RDONLY | O_CLOEXEC);
    return fd;
}

static void stop_at_segment(struct ww_wal_ahead *ahead, uint64_t segment, int status)
{
    ahead->stop = segment * segment_bytes(ahead);
    ahead->bad_segment = segment;
    ahead->damage = status == WW_EDAMAGED;
}

/* Makes `segment` the one that is read. */
static bool enter(struct ww_wal_ahead *ahead, uint64_t segment)
{
    const char *path = ahead->directory->path;
    struct ww_wal_name name = ww_wal_segment_name(segment, ".seg");
    if (ahead->fd >= 0)
        close(ahead->fd); /* the reads in flight hold the file */
    ahead->fd = open_file(ahead, segment);
    ahead->segment = segment;
    int status = WW_OK;
    if (ahead->fd < 0)
        status = errno == ENOENT ? ww_fail(&ahead->error, WW_EDAMAGED,
                                           "%s/wal/%s: the segment is missing", path, name.text)
                                 : ww_fail_errno(&ahead->error, WW_EIO, "cannot open %s/wal/%s",
                                                 path, name.text);
    if (status == WW_OK)
        status = ww_wal_segment_check(ahead->directory, ahead->fd, segment, &ahead->error);
    if (status == WW_OK && ahead->settle && fdatasync(ahead->fd) != 0)
        status = ww_fail_errno(&ahead->error, WW_EIO, "cannot sync %s/wal/%s", path, name.text);
    if (status != WW_OK)
        stop_at_segment(ahead, segment, status);
    return status == WW_OK;
}

static uint8_t *place(const struct ww_wal_ahead *ahead, uint64_t position)
{
    return ahead->buffer + position % RING_BYTES;
}

/* Starts reads until the buffer is full of windows from `first` on. */
static void read_on(struct ww_wal_ahead *ahead)
{
    for (; ahead->next < ahead->first + WW_WAL_WINDOWS; ahead->next++) {
        uint64_t position = ahead->next * WW_WAL_WINDOW_BYTES;
        if (position >= ahead->end || position >= ahead->stop)
            break;
        uint64_t segment = position / segment_bytes(ahead);
        if (ahead->fd < 0 || ahead->segment != segment) {
            io_uring_submit(&ahead->ring); /* what is queued holds the file that is now closed */
            if (!enter(ahead, segment))
                break;
        }
        struct io_uring_sqe *sqe = io_uring_get_sqe(&ahead->ring);
        io_uring_prep_read(sqe, ahead->fd, place(ahead, position), WW_WAL_WINDOW_BYTES,
                           file_offset(ahead, position));
        sqe->user_data = ahead->next;
        ahead->pending[ahead->next % WW_WAL_WINDOWS] = true;
    }
    if (io_uring_sq_ready(&ahead->ring) > 0)
        io_uring_submit(&ahead->ring);
}

/* Reads a window again page by page, after a read that failed or was short: up to what is lost. */
static void read_slowly(struct ww_wal_ahead *ahead, uint64_t position)
{
    uint64_t segment = position / segment_bytes(ahead);
    uint64_t end = position + WW_WAL_WINDOW_BYTES;
    int fd = open_file(ahead, segment);
    while (position < end) {
        ssize_t got =
            pread(fd, place(ahead, position), WW_BLOCK_ALIGN, (off_t)file_offset(ahead, position));
        if (got == WW_BLOCK_ALIGN) {
            position += WW_BLOCK_ALIGN;
        } else if (got >= 0 || (errno != EINTR && errno != EAGAIN)) {
            errno = got < 0 ? errno : EIO;
            break;
        }
    }
    if (position < end && position < ahead->stop) {
        struct ww_wal_name name = ww_wal_segment_name(segment, ".seg");
        ahead->stop = position;
        ahead->damage = ww_wal_errno_lost(errno);
        ww_fail_errno(&ahead->error, WW_EIO, "%s/wal/%s: offset %" PRIu64 ": cannot read",
                      ahead->directory->path, name.text, file_offset(ahead, position));
    }
    if (fd >= 0)
        close(fd);
}

/* Waits until the window is in the buffer, as far as it can be read. */
static void await(struct ww_wal_ahead *ahead, uint64_t number)
{
    while (ahead->pending[number % WW_WAL_WINDOWS]) {
        struct io_uring_cqe *cqe;
        if (io_uring_submit_and_wait(&ahead->ring, 1) < 0 ||
            io_uring_peek_batch_cqe(&ahead->ring, &cqe, 1) != 1)
            continue; /* interrupted */
        uint64_t done = cqe->user_data;
        int result = cqe->res;
        io_uring_cqe_seen(&ahead->ring, cqe);
        ahead->pending[done % WW_WAL_WINDOWS] = false;
        if (result != (int)WW_WAL_WINDOW_BYTES)
            read_slowly(ahead, done * WW_WAL_WINDOW_BYTES);
        if (done % WW_WAL_WINDOWS == 0)
            memcpy(ahead->buffer + RING_BYTES, ahead->buffer, WW_BLOCK_MAX);
    }
}

int ww_wal_ahead_look(struct ww_wal_ahead *ahead, uint64_t position, const uint8_t **data,
                      size_t *bytes)
{
    uint64_t wanted = position / WW_WAL_WINDOW_BYTES;
    for (; ahead->first < wanted; ahead->first++)
        if (ahead->first < ahead->next)
            await(ahead, ahead->first);
    if (ahead->next < ahead->first)
        ahead->next = ahead->first;
    read_on(ahead);

    uint64_t left = segment_bytes(ahead) - position % segment_bytes(ahead);
    uint64_t end = position + (left < WW_BLOCK_MAX ? left : WW_BLOCK_MAX);
    for (; wanted < ahead->next && wanted * WW_WAL_WINDOW_BYTES < end; wanted++)
        await(ahead, wanted);
    if (end > ahead->stop)
        end = ahead->stop;
    if (end <= position)
        return ahead->error.code;
    *data = place(ahead, position);
    *bytes = end - position;
    return WW_OK;
}

int ww_wal_ahead_open(struct ww_wal_ahead *ahead, const struct ww_wal_directory *directory,
                      bool settle, struct ww_error *error)
{
    *ahead = (struct ww_wal_ahead){
        .directory = directory,
        .settle = settle,
        .fd = -1,
        .stop = UINT64_MAX,
        .bad_segment = UINT64_MAX,
    };
    uint64_t *segments;
    size_t count;
    int status = ww_wal_segment_list(directory, ".seg", &segments, &count, error);
    if (status != WW_OK)
        return status;
    /* Files below the first segment were about to be recycled when the process ended. */
    uint64_t past_last = directory->identity.first_segment;
    if (count > 0 && segments[count - 1] >= past_last)
        past_last = segments[count - 1] + 1;
    free(segments);
    ahead->end = past_last * directory->identity.segment_bytes;

    ahead->begin = ahead->first = ahead->next =
        directory->identity.first_segment * directory->identity.segment_bytes / WW_WAL_WINDOW_BYTES;
    ahead->buffer = aligned_alloc(WW_BLOCK_ALIGN, RING_BYTES + WW_BLOCK_MAX);
    if (ahead->buffer == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory to read %s", directory->path);
    int result = io_uring_queue_init(WW_WAL_WINDOWS, &ahead->ring, 0);
    if (result == 0)
        return WW_OK;
    free(ahead->buffer);
    errno = -result;
    return ww_fail_errno(error, WW_EIO, "cannot set up io_uring (Linux 5.19 is needed)");
}

void ww_wal_ahead_close(struct ww_wal_ahead *ahead)
{
    for (uint64_t number = ahead->first; number < ahead->next; number++)
        await(ahead, number);
    io_uring_queue_exit(&ahead->ring);
    if (ahead->fd >= 0)
        close(ahead->fd);
    free(ahead->buffer);
}
