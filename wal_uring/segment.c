/* SPDX-License-Identifier: Apache-2.0 */
#include "wal_uring/segment.h"

#include "engine/base/limits.h"
#include "engine/wire/checksum.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_DIGITS 16

struct ww_wal_name ww_wal_segment_name(uint64_t segment, const char *suffix)
{
    struct ww_wal_name name;
    snprintf(name.text, sizeof(name.text), "%016" PRIx64 "%s", segment, suffix);
    return name;
}

static bool parse_name(const char *name, const char *suffix, uint64_t *segment)
{
    if (strspn(name, "0123456789abcdef") != NAME_DIGITS || strcmp(name + NAME_DIGITS, suffix) != 0)
        return false;
    *segment = strtoull(name, NULL, 16);
    return true;
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

int ww_wal_segment_list(const struct ww_wal_directory *directory, const char *suffix,
                        uint64_t **segments, size_t *count, struct ww_error *error)
{
    *segments = NULL;
    *count = 0;
    int fd = openat(directory->wal_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (entries == NULL) {
        int status = ww_fail_errno(error, WW_EIO, "cannot list %s/wal", directory->path);
        if (fd >= 0)
            close(fd);
        return status;
    }
    int status = WW_OK;
    size_t capacity = 0;
    for (struct dirent *entry; status == WW_OK && (entry = readdir(entries)) != NULL;) {
        uint64_t segment;
        if (!parse_name(entry->d_name, suffix, &segment))
            continue;
        if (*count == capacity) {
            capacity = capacity == 0 ? 64 : capacity * 2;
            uint64_t *larger = realloc(*segments, capacity * sizeof(**segments));
            if (larger == NULL) {
                status = ww_fail(error, WW_ENOMEM, "no memory to list %s/wal", directory->path);
                break;
            }
            *segments = larger;
        }
        (*segments)[(*count)++] = segment;
    }
    closedir(entries);
    if (*count > 0)
        qsort(*segments, *count, sizeof(**segments), by_number);
    if (status != WW_OK) {
        free(*segments);
        *segments = NULL;
    }
    return status;
}

static uint32_t header_checksum(const void *header)
{
    return ww_crc32c((const uint8_t *)header + 4, WW_SEGMENT_HEADER_BYTES - 4);
}

int ww_wal_segment_check(const struct ww_wal_directory *directory, int fd, uint64_t segment,
                         struct ww_error *error)
{
    const struct ww_wal_identity *owner = &directory->identity;
    struct ww_wal_name name = ww_wal_segment_name(segment, ".seg");
    const char *path = directory->path;
    off_t expected = (off_t)(WW_SEGMENT_HEADER_BYTES + owner->segment_bytes);
    struct stat status;
    if (fstat(fd, &status) != 0)
        return ww_fail_errno(error, WW_EIO, "cannot look at %s/wal/%s", path, name.text);
    if (status.st_size != expected)
        return ww_fail(error, WW_EDAMAGED, "%s/wal/%s: %s: %lld bytes instead of %lld", path,
                       name.text, status.st_size < expected ? "truncated" : "too long",
                       (long long)status.st_size, (long long)expected);
    _Alignas(WW_BLOCK_ALIGN) uint8_t bytes[WW_SEGMENT_HEADER_BYTES];
    const struct ww_wal_segment_header *header = (const void *)bytes;
    if (pread(fd, bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return ww_fail_errno(error, WW_EIO, "cannot read the header of %s/wal/%s", path, name.text);
    if (header->magic != WW_WAL_SEGMENT_MAGIC || header->crc32c != header_checksum(bytes))
        return ww_fail(error, WW_EDAMAGED, "%s/wal/%s: offset 0: the header's checksum fails", path,
                       name.text);
    if (header->version != WW_WAL_VERSION)
        return ww_fail(error, WW_EVERSION,
                       "%s/wal/%s: has format version %" PRIu32
                       ", but this program knows version %u",
                       path, name.text, header->version, WW_WAL_VERSION);
    if (header->cluster != owner->cluster || header->node != owner->node ||
        header->stream != owner->stream)
        return ww_fail(error, WW_EFOREIGN,
                       "%s/wal/%s: belongs to stream %016" PRIx64 " of node %" PRIu32
                       " of cluster %016" PRIx64,
                       path, name.text, header->stream, header->node, header->cluster);
    if (header->segment != segment || header->segment_bytes != owner->segment_bytes)
        return ww_fail(error, WW_EDAMAGED,
                       "%s/wal/%s: offset 0: the header is that of segment %" PRIx64 " of %" PRIu64
                       " bytes",
                       path, name.text, header->segment, header->segment_bytes);
    return WW_OK;
}

/* O_DIRECT must write whole blocks; a short write is gone on with, so that its reason shows. */
static bool write_all(int fd, const uint8_t *data, size_t bytes, off_t offset)
{
    while (bytes > 0) {
        ssize_t done = pwrite(fd, data, bytes, offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        data += done;
        bytes -= (size_t)done;
        offset += done;
    }
    return true;
}

static bool write_zeros(int fd, uint64_t bytes, const struct ww_wal_pace *pace)
{
    /* Takes the room at once, so that a full disk shows before time is spent on it. */
    if (fallocate(fd, 0, 0, (off_t)bytes) != 0 && errno != EOPNOTSUPP)
        return false;
    uint8_t *zeros = aligned_alloc(WW_BLOCK_ALIGN, WW_WAL_PREPARE_PIECE);
    if (zeros == NULL)
        return false;
    memset(zeros, 0, WW_WAL_PREPARE_PIECE);
    bool written = true;
    uint32_t next = WW_WAL_PREPARE_PIECE;
    for (uint64_t at = 0; written && at < bytes;) {
        uint32_t piece = bytes - at < next ? (uint32_t)(bytes - at) : next;
        written = write_all(fd, zeros, piece, (off_t)at);
        at += piece;
        if (written && pace != NULL)
            next = pace->piece(pace->owner, piece);
    }
    int reason = errno;
    free(zeros);
    errno = reason;
    return written;
}

static bool write_header(const struct ww_wal_directory *directory, int fd, uint64_t segment)
{
    const struct ww_wal_identity *owner = &directory->identity;
    _Alignas(WW_BLOCK_ALIGN) uint8_t bytes[WW_SEGMENT_HEADER_BYTES] = {0};
    struct ww_wal_segment_header *header = (void *)bytes;
    *header = (struct ww_wal_segment_header){
        .magic = WW_WAL_SEGMENT_MAGIC,
        .version = WW_WAL_VERSION,
        .node = owner->node,
        .cluster = owner->cluster,
        .stream = owner->stream,
        .segment = segment,
        .segment_bytes = owner->segment_bytes,
    };
    header->crc32c = header_checksum(bytes);
    return write_all(fd, bytes, sizeof(bytes), 0);
}

int ww_wal_segment_rename(const struct ww_wal_directory *directory, uint64_t from,
                          const char *from_suffix, uint64_t to, const char *to_suffix,
                          struct ww_error *error)
{
    struct ww_wal_name old = ww_wal_segment_name(from, from_suffix);
    struct ww_wal_name new = ww_wal_segment_name(to, to_suffix);
    if (renameat(directory->wal_fd, old.text, directory->wal_fd, new.text) == 0 &&
        fsync(directory->wal_fd) == 0)
        return WW_OK;
    return ww_fail_errno(error, ww_wal_errno_status(), "cannot rename %s/wal/%s to %s",
                         directory->path, old.text, new.text);
}

int ww_wal_segment_create(const struct ww_wal_directory *directory, uint64_t segment,
                          const uint64_t *spare, int open_flags, const struct ww_wal_pace *pace,
                          struct ww_error *error)
{
    uint64_t number = spare != NULL ? *spare : segment;
    const char *suffix = spare != NULL ? ".spare" : ".new";
    struct ww_wal_name name = ww_wal_segment_name(number, suffix);
    int flags = O_RDWR | O_CLOEXEC | open_flags | (spare != NULL ? 0 : O_CREAT | O_TRUNC);
    int fd = openat(directory->wal_fd, name.text, flags, 0640);
    if (fd < 0)
        return ww_fail_errno(error, ww_wal_errno_status(), "cannot open %s/wal/%s", directory->path,
                             name.text);
    uint64_t bytes = WW_SEGMENT_HEADER_BYTES + directory->identity.segment_bytes;
    int status = WW_OK;
    if ((spare == NULL && !write_zeros(fd, bytes, pace)) || !write_header(directory, fd, segment) ||
        fdatasync(fd) != 0)
        status = ww_fail_errno(error, ww_wal_errno_status(),
                               "cannot write %" PRIu64 " bytes to %s/wal/%s", bytes,
                               directory->path, name.text);
    close(fd);
    if (status == WW_OK)
        status = ww_wal_segment_rename(directory, number, suffix, segment, ".seg", error);
    if (status != WW_OK && spare == NULL)
        unlinkat(directory->wal_fd, name.text, 0);
    return status;
}
