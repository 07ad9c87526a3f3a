/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshot files: DIR/snapshots/GROUP-INDEX.snap, 8 and 16 hex digits. Such a file is whole and
 * durable; while it is written its name ends in `.new` (one of this node's own) or `.part` (a
 * received one). For the store in memory the same on files without a name (memfd).
 */
#ifndef WW_WAL_SNAPSHOT_FILE_H
#define WW_WAL_SNAPSHOT_FILE_H

#include "engine/base/error.h"
#include "engine/snapshot/snapshot.h"

/* One that is being written. */
struct ww_wal_snapshot_file {
    int directory_fd; /* DIR/snapshots; -1: in memory */
    int fd;           /* -1: none */
    const char *suffix;
    uint32_t group;
    uint64_t index;
    uint64_t bytes;
    uint64_t written_back; /* of these; the others may be in the kernel's cache only */
};

/* Creates the file, empty; `directory_fd` and `suffix` are set. WW_ENOSPC, WW_EIO, as of all. */
int ww_wal_snapshot_create(struct ww_wal_snapshot_file *file, uint32_t group, uint64_t index);
int ww_wal_snapshot_append(struct ww_wal_snapshot_file *file, const void *data, size_t bytes);

/* Waits until the disk has what was appended: a later crash may still lose it. */
int ww_wal_snapshot_write_back(struct ww_wal_snapshot_file *file);

int ww_wal_snapshot_put_header(struct ww_wal_snapshot_file *file,
                               const struct ww_snapshot_header *header);

/* Maps what is in the file: WW_EIO, WW_ENOMEM, WW_EDAMAGED when it is empty. */
int ww_wal_snapshot_map_file(const struct ww_wal_snapshot_file *file,
                             struct ww_snapshot_blob *blob);

/* Makes it durable, then gives it its name, then makes that durable; closes it. */
int ww_wal_snapshot_publish(struct ww_wal_snapshot_file *file);

/* Closes and removes it, if there is one. */
void ww_wal_snapshot_discard(struct ww_wal_snapshot_file *file);

/* ---- those that are there ---- */

/* Opens DIR/snapshots, which is created if missing, and removes what was never finished. */
int ww_wal_snapshot_directory(int parent_fd, int *directory_fd, struct ww_error *error);

/* Calls `visit` for every whole one, in no order; it may remove it. WW_EIO. */
typedef void (*ww_wal_snapshot_visit)(void *context, const char *name, uint32_t group,
                                      uint64_t index);
int ww_wal_snapshot_each(int directory_fd, ww_wal_snapshot_visit visit, void *context);

/* Maps a whole one. WW_ENOTFOUND, WW_EIO, WW_ENOMEM; WW_EDAMAGED: the disk cannot read it, or it
 * is empty. */
int ww_wal_snapshot_map(int directory_fd, uint32_t group, uint64_t index,
                        struct ww_snapshot_blob *blob);
void ww_wal_snapshot_unmap(struct ww_snapshot_blob *blob);

#endif
