/* SPDX-License-Identifier: Apache-2.0 */
/* The log on disk: its parts, and the two halves that make it (disk_io.c, wal_uring.c). */
#ifndef WW_WAL_DISK_H
#define WW_WAL_DISK_H

#include "wal_uring/directory.h"
#include "wal_uring/flight.h"
#include "wal_uring/wal.h"

#include <liburing.h>

struct ww_wal_file {
    uint64_t segment; /* UINT64_MAX: none */
    uint32_t users;   /* operations in flight */
};

struct ww_wal_read {
    uint64_t position;
    void *data;
    uint32_t size_bytes;
    uint32_t tag;
    uint32_t file;
    bool busy;
    bool gone; /* complete without having been started: outside what is kept */
};

struct ww_wal_disk {
    struct ww_wal_head head; /* first */
    struct ww_wal_directory directory;
    int open_flags; /* O_DIRECT or 0 */
    bool dsync;

    /* The LOG thread's. */
    struct io_uring ring;
    bool ring_open;
    struct iovec regions[WW_WAL_REGIONS];
    uint32_t region_count; /* registered ones */
    struct ww_wal_flight flight;
    struct ww_wal_read reads[WW_READ_BUFFERS];
    struct ww_wal_file files[WW_WAL_FILES];
    uint32_t next_victim;
    uint32_t in_kernel; /* completions to come */
    uint32_t gone;      /* reads that are complete without the kernel */
    uint64_t reported_durable;
    bool reported_failure;

    /* The preparer's. */
    uint64_t *spares;
    size_t spare_count, spare_capacity;
    uint64_t file_count, file_limit; /* segments and spares on disk */
    uint64_t bytes_seen;             /* of the log's, when a piece of a new segment was written */
};

int ww_wal_disk_write(struct ww_log_store *store, uint64_t position, const void *data,
                      uint32_t size_bytes);
int ww_wal_disk_read(struct ww_log_store *store, uint32_t tag, uint64_t position, void *data,
                     uint32_t size_bytes);
uint32_t ww_wal_disk_poll(struct ww_log_store *store, struct ww_log_event *events, uint32_t max);
void ww_wal_disk_release(struct ww_log_store *store, uint64_t position);
void ww_wal_disk_recovered(struct ww_log_store *store);

/* Waits until nothing is in the kernel any more. */
void ww_wal_disk_drain(struct ww_wal_disk *disk);

#endif
