/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/write_log.h"

#include "engine/base/error.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x6a736677736872ull
#define VERSION 1u
#define FLUSH 1u

struct entry_head {
    uint64_t sector;
    uint64_t sectors;
    uint64_t flags;
    uint64_t data_bytes; /* of a mark */
};

static int map(struct ww_write_log *log, const char *path, struct ww_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        int failed = ww_fail_errno(error, WW_EIO, "cannot open %s", path);
        if (fd >= 0)
            close(fd);
        return failed;
    }
    log->mapping_bytes = (size_t)status.st_size;
    log->mapping = log->mapping_bytes >= sizeof(struct ww_write_log_super)
                       ? mmap(NULL, log->mapping_bytes, PROT_READ, MAP_SHARED, fd, 0)
                       : MAP_FAILED;
    close(fd);
    if (log->mapping != MAP_FAILED)
        return WW_OK;
    log->mapping = NULL;
    return ww_fail(error, WW_EDAMAGED, "%s is no log of writes: %zu bytes", path,
                   log->mapping_bytes);
}

/*
 * Reads the entry at *at, which lies in the mapping, and steps over it; false: it is not whole, or
 * neither a write nor a flush.
 */
static bool take(const struct ww_write_log *log, uint64_t sector_bytes, uint64_t device_bytes,
                 size_t *at, struct ww_write_log_entry *entry)
{
    struct entry_head head;
    if (log->mapping_bytes - *at < sector_bytes)
        return false;
    memcpy(&head, (const uint8_t *)log->mapping + *at, sizeof(head));
    *at += sector_bytes;
    if (head.flags > FLUSH || (head.flags == FLUSH) != (head.sectors == 0) ||
        head.sector > device_bytes / WW_DEVICE_SECTOR_BYTES ||
        head.sectors > device_bytes / WW_DEVICE_SECTOR_BYTES - head.sector)
        return false;
    *entry = (struct ww_write_log_entry){
        .offset = head.sector * WW_DEVICE_SECTOR_BYTES,
        .data = (const uint8_t *)log->mapping + *at,
        .bytes = head.sectors * WW_DEVICE_SECTOR_BYTES,
    };
    uint64_t stored = (entry->bytes + sector_bytes - 1) / sector_bytes * sector_bytes;
    if (log->mapping_bytes - *at < stored)
        return false;
    *at += stored;
    return true;
}

static int read_entries(struct ww_write_log *log, const char *path, uint64_t device_bytes,
                        struct ww_error *error)
{
    struct ww_write_log_super super;
    memcpy(&super, log->mapping, sizeof(super));
    if (super.magic != MAGIC || super.version != VERSION ||
        super.sector_bytes < WW_DEVICE_SECTOR_BYTES || super.sector_bytes > log->mapping_bytes ||
        super.entries > log->mapping_bytes / super.sector_bytes)
        return ww_fail(error, WW_EDAMAGED, "%s is no log of writes", path);
    log->entries = calloc(super.entries + 1, sizeof(*log->entries));
    log->flushes = calloc(super.entries + 1, sizeof(*log->flushes));
    if (log->entries == NULL || log->flushes == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for the entries of %s", path);
    size_t at = super.sector_bytes;
    for (; log->count < super.entries; log->count++) {
        struct ww_write_log_entry *entry = &log->entries[log->count];
        if (!take(log, super.sector_bytes, device_bytes, &at, entry))
            return ww_fail(error, WW_EDAMAGED,
                           "%s: entry %zu of %" PRIu64 " is neither a whole write nor a flush",
                           path, log->count, super.entries);
        if (entry->bytes == 0)
            log->flushes[log->flush_count++] = log->count;
    }
    return WW_OK;
}

int ww_write_log_open(struct ww_write_log *log, const char *path, uint64_t device_bytes,
                      struct ww_error *error)
{
    *log = (struct ww_write_log){0};
    int status = map(log, path, error);
    if (status == WW_OK)
        status = read_entries(log, path, device_bytes, error);
    if (status != WW_OK)
        ww_write_log_close(log);
    return status;
}

void ww_write_log_close(struct ww_write_log *log)
{
    if (log->mapping != NULL)
        munmap(log->mapping, log->mapping_bytes);
    free(log->entries);
    free(log->flushes);
    *log = (struct ww_write_log){0};
}

int ww_write_log_length(int fd, uint64_t *entries)
{
    struct ww_write_log_super super;
    if (pread(fd, &super, sizeof(super), 0) != (ssize_t)sizeof(super) || super.magic != MAGIC)
        return WW_EIO;
    *entries = super.entries;
    return WW_OK;
}
