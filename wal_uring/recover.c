/* SPDX-License-Identifier: Apache-2.0 */
#include "wal_uring/recover.h"

#include "engine/base/time_ns.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct walk {
    const struct ww_wal_directory *directory;
    uint64_t segment_bytes;
    uint64_t *segments; /* the files, ascending without gaps */
    size_t segment_count;
    bool settle;
    struct ww_error *error;

    int fd; /* of the segment that is being read */
    uint64_t segment;
    uint8_t *window; /* holds the stream's bytes from window_position on */
    uint64_t window_position;
    uint64_t window_bytes;
};

static uint64_t end_of_files(const struct walk *walk)
{
    uint64_t end = walk->directory->identity.first_segment;
    if (walk->segment_count > 0 && walk->segments[walk->segment_count - 1] >= end)
        end = walk->segments[walk->segment_count - 1] + 1;
    return end * walk->segment_bytes;
}

static int open_segment(struct walk *walk, uint64_t segment)
{
    const struct ww_wal_directory *directory = walk->directory;
    if (walk->fd >= 0)
        close(walk->fd);
    struct ww_wal_name name = ww_wal_segment_name(segment, ".seg");
    /* Past the cache where that is possible: after a failed flush the cache may hold what the disk
     * has not. */
    walk->fd = openat(directory->wal_fd, name.text, O_RDONLY | O_CLOEXEC | O_DIRECT);
    if (walk->fd < 0 && errno == EINVAL)
        walk->fd = openat(directory->wal_fd, name.text, O_RDONLY | O_CLOEXEC);
    if (walk->fd < 0)
        return ww_fail_errno(walk->error, WW_EIO, "cannot open %s/wal/%s", directory->path,
                             name.text);
    walk->segment = segment;
    walk->window_bytes = 0;
    int status = ww_wal_segment_check(directory, walk->fd, segment, walk->error);
    if (status == WW_OK && walk->settle && fdatasync(walk->fd) != 0)
        status =
            ww_fail_errno(walk->error, WW_EIO, "cannot sync %s/wal/%s", directory->path, name.text);
    return status;
}

/*
 * Points *data at the bytes at `position`, *bytes of them: at least a whole block where the segment
 * has that much. The caller keeps below end_of_files().
 */
static int look(struct walk *walk, uint64_t position, const uint8_t **data, size_t *bytes)
{
    uint64_t segment = position / walk->segment_bytes;
    if (walk->fd < 0 || walk->segment != segment) {
        int status = open_segment(walk, segment);
        if (status != WW_OK)
            return status;
    }
    uint64_t left = (segment + 1) * walk->segment_bytes - position;
    uint64_t need = left < WW_BLOCK_MAX ? left : WW_BLOCK_MAX;
    if (position < walk->window_position ||
        position + need > walk->window_position + walk->window_bytes) {
        uint64_t size = left < WW_WAL_RECOVERY_BYTES ? left : WW_WAL_RECOVERY_BYTES;
        uint64_t offset = WW_SEGMENT_HEADER_BYTES + position % walk->segment_bytes;
        ssize_t got = pread(walk->fd, walk->window, size, (off_t)offset);
        if (got < (ssize_t)need) {
            struct ww_wal_name name = ww_wal_segment_name(segment, ".seg");
            errno = got < 0 ? errno : EIO;
            return ww_fail_errno(walk->error, WW_EIO, "%s/wal/%s: offset %" PRIu64 ": cannot read",
                                 walk->directory->path, name.text, offset);
        }
        walk->window_position = position;
        walk->window_bytes = (uint64_t)got;
    }
    *data = walk->window + (position - walk->window_position);
    *bytes = walk->window_position + walk->window_bytes - position;
    return WW_OK;
}

/*
 * Checks that no file is missing: neither at the beginning nor between. Files below the first
 * segment were about to be recycled when the process ended.
 */
static int check_row(const struct walk *walk)
{
    uint64_t expected = walk->directory->identity.first_segment;
    for (size_t i = 0; i < walk->segment_count; i++) {
        if (walk->segments[i] < walk->directory->identity.first_segment)
            continue;
        if (walk->segments[i] == expected) {
            expected++;
            continue;
        }
        struct ww_wal_name name = ww_wal_segment_name(expected, ".seg");
        return ww_fail(walk->error, WW_EDAMAGED, "%s/wal/%s: the segment is missing",
                       walk->directory->path, name.text);
    }
    return WW_OK;
}

/* Why `block` is not the next of the chain, or NULL. */
static const char *refusal(const struct walk *walk, const struct ww_wal_recovered *so_far,
                           const struct ww_block_header *block, size_t bytes)
{
    const char *why =
        ww_block_check(block, bytes,
                       (struct ww_block_place){.stream = walk->directory->identity.stream,
                                               .position = so_far->end});
    if (why != NULL)
        return why;
    uint64_t left = walk->segment_bytes - so_far->end % walk->segment_bytes;
    if (block->span_bytes > left)
        return "block: its span crosses the end of the segment";
    bool first = so_far->found.blocks == 0;
    if ((!first || so_far->end == 0) && block->link != so_far->link)
        return "block: does not follow the block before";
    if (block->epoch < so_far->epoch)
        return "block: written before the block before it";
    return NULL;
}

static int visit_batches(const struct walk *walk, const struct ww_block_header *block,
                         ww_log_visit visit, void *context)
{
    uint32_t offset = WW_BLOCK_HEADER_BYTES;
    for (uint32_t i = 0; i < block->batches; i++) {
        const struct ww_batch_header *batch = ww_batch_header((const uint8_t *)block + offset);
        int status = visit(context, block->position, offset, batch);
        if (status < 0)
            return ww_fail(walk->error, status,
                           "%s: recovery was stopped at the batch at stream position %" PRIu64,
                           walk->directory->path, block->position + offset);
        offset += batch->size_bytes;
    }
    return WW_OK;
}

/* Follows the chain to its end; *why says what ended it (NULL: the last file did). */
static int follow(struct walk *walk, ww_log_visit visit, void *context,
                  struct ww_wal_recovered *recovered, const char **why)
{
    *why = NULL;
    while (recovered->end < end_of_files(walk)) {
        const uint8_t *data;
        size_t bytes;
        int status = look(walk, recovered->end, &data, &bytes);
        if (status != WW_OK)
            return status;
        const struct ww_block_header *block = (const void *)data;
        *why = refusal(walk, recovered, block, bytes);
        if (*why != NULL)
            return WW_OK;
        status = visit_batches(walk, block, visit, context);
        if (status != WW_OK)
            return status;
        recovered->end += block->span_bytes;
        recovered->link = block->crc32c;
        recovered->epoch = block->epoch;
        recovered->found.blocks++;
        recovered->found.batches += block->batches;
        recovered->found.bytes += block->used_bytes;
    }
    return WW_OK;
}

static int damaged(const struct walk *walk, uint64_t position, const char *why, uint64_t witness)
{
    struct ww_wal_name name = ww_wal_segment_name(position / walk->segment_bytes, ".seg");
    return ww_fail(walk->error, WW_EDAMAGED,
                   "%s/wal/%s: offset %" PRIu64 " (stream position %" PRIu64
                   "): %s; but it was durable when the block at %" PRIu64 " was written",
                   walk->directory->path, name.text,
                   WW_SEGMENT_HEADER_BYTES + position % walk->segment_bytes, position, why,
                   witness);
}

/*
 * The chain ended at recovered->end. Looks at every place behind for a block of this chain: one
 * that knew the bad position to be durable proves damage; the others were never acknowledged.
 */
static int search_behind(struct walk *walk, struct ww_wal_recovered *recovered, const char *why)
{
    uint64_t bad = recovered->end;
    uint32_t last_good_epoch = recovered->epoch;
    for (uint64_t at = bad + WW_BLOCK_ALIGN; at < end_of_files(walk);) {
        const uint8_t *data;
        size_t bytes;
        int status = look(walk, at, &data, &bytes);
        if (status != WW_OK)
            return status;
        const struct ww_block_header *block = (const void *)data;
        struct ww_block_place place = {.stream = walk->directory->identity.stream, .position = at};
        if (block->magic != WW_BLOCK_MAGIC || ww_block_check(block, bytes, place) != NULL) {
            at += WW_BLOCK_ALIGN;
            continue;
        }
        if (block->epoch >= last_good_epoch) {
            if (block->durable > bad)
                return damaged(walk, bad, why, at);
            recovered->found.cut_bytes = at + block->used_bytes - bad;
        }
        if (block->epoch > recovered->epoch)
            recovered->epoch = block->epoch;
        at += ww_align_up(block->used_bytes, WW_BLOCK_ALIGN);
    }
    return WW_OK;
}

static int recover(struct walk *walk, ww_log_visit visit, void *context,
                   struct ww_wal_recovered *recovered)
{
    const struct ww_wal_directory *directory = walk->directory;
    int status = check_row(walk);
    if (status != WW_OK)
        return status;
    recovered->end = directory->identity.first_segment * walk->segment_bytes;
    recovered->next_segment = end_of_files(walk) / walk->segment_bytes;
    const char *why;
    status = follow(walk, visit, context, recovered, &why);
    if (status == WW_OK && why != NULL)
        status = search_behind(walk, recovered, why);
    if (status != WW_OK || recovered->end >= directory->identity.durable)
        return status;
    struct ww_wal_name name = ww_wal_segment_name(recovered->end / walk->segment_bytes, ".seg");
    return ww_fail(walk->error, WW_EDAMAGED,
                   "%s/wal/%s: offset %" PRIu64 " (stream position %" PRIu64
                   "): %s; but the log was durable up to %" PRIu64,
                   directory->path, name.text,
                   WW_SEGMENT_HEADER_BYTES + recovered->end % walk->segment_bytes, recovered->end,
                   why != NULL ? why : "the segment is missing", directory->identity.durable);
}

int ww_wal_recover(const struct ww_wal_directory *directory, bool settle, ww_log_visit visit,
                   void *context, struct ww_wal_recovered *recovered, struct ww_error *error)
{
    uint64_t began_ns = ww_time_ns(CLOCK_MONOTONIC);
    *recovered = (struct ww_wal_recovered){0};
    struct walk walk = {
        .directory = directory,
        .segment_bytes = directory->identity.segment_bytes,
        .settle = settle,
        .error = error,
        .fd = -1,
    };
    walk.window = aligned_alloc(WW_BLOCK_ALIGN, WW_WAL_RECOVERY_BYTES);
    if (walk.window == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory to read %s", directory->path);
    int status = ww_wal_segment_list(directory, ".seg", &walk.segments, &walk.segment_count, error);
    if (status == WW_OK)
        status = recover(&walk, visit, context, recovered);
    if (walk.fd >= 0)
        close(walk.fd);
    free(walk.segments);
    free(walk.window);
    recovered->found.elapsed_ns = ww_time_ns(CLOCK_MONOTONIC) - began_ns;
    return status;
}
