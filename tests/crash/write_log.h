/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of a block device's writes and flushes, in the format of the kernel's dm-log-writes,
 * which qemu's filter `blklogwrites` writes, too: a superblock, then per entry a head and the data,
 * each filled up to a sector of the log.
 */
#ifndef WW_CRASH_WRITE_LOG_H
#define WW_CRASH_WRITE_LOG_H

#include <whitewater/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WW_DEVICE_SECTOR_BYTES 512u

struct ww_write_log_super {
    uint64_t magic;
    uint64_t version;
    uint64_t entries; /* brought up to date with each flush */
    uint32_t sector_bytes;
    uint32_t reserved;
};

struct ww_write_log_entry {
    uint64_t offset; /* on the device */
    const uint8_t *data;
    uint64_t bytes; /* 0: a flush: all before it is durable */
};

struct ww_write_log {
    void *mapping;
    size_t mapping_bytes;
    struct ww_write_log_entry *entries;
    size_t count;
    size_t *flushes; /* the numbers of the entries that flush */
    size_t flush_count;
};

/*
 * Maps and checks a whole log, of a device of `device_bytes`, which has writes and flushes only.
 * ww_write_log_close ends it.
 */
int ww_write_log_open(struct ww_write_log *log, const char *path, uint64_t device_bytes,
                      struct ww_error *error);
void ww_write_log_close(struct ww_write_log *log);

/* How many entries the log at `fd`, which is being written, held at the last flush. */
int ww_write_log_length(int fd, uint64_t *entries);

#endif
