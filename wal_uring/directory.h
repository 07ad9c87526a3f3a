/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data directory: who holds it (lock), whose it is and what its log must still hold (identity).
 */
#ifndef WW_WAL_DIRECTORY_H
#define WW_WAL_DIRECTORY_H

#include "engine/base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define WW_WAL_VERSION 4u
#define WW_WAL_IDENTITY_MAGIC 0x44495757u /* "WWID" */

/* DIR/identity, byte by byte; docs/wal.md explains it. Replaced as a whole, by rename. */
struct ww_wal_identity {
    uint32_t crc32c; /* over the bytes behind it */
    uint32_t magic;
    uint32_t version;
    uint32_t node;
    uint64_t cluster;
    uint64_t stream; /* random; what binds the blocks to this log */
    uint64_t segment_bytes;
    uint64_t first_segment; /* the oldest that is kept: from here on none may be missing */
    uint64_t durable;       /* the stream reached at least this far: it may not end before */
    uint32_t epoch;         /* of the last opening: none that was ever written is greater */
    uint32_t recovering;    /* 1: may have forgotten what it promised; docs/wal.md, Repair */
};

_Static_assert(sizeof(struct ww_wal_identity) == 64, "the identity is 64 bytes on disk");

struct ww_wal_directory {
    char path[400];
    int fd;      /* DIR */
    int wal_fd;  /* DIR/wal */
    int lock_fd; /* holds the flock */
    bool fresh;  /* there was no identity: it is yet to be stored */
    struct ww_wal_identity identity;
};

/*
 * Locks DIR and reads its identity. With `create` a missing DIR is made, and a missing identity is
 * left to be filled in (`fresh`); without it nothing is changed. ww_wal_directory_close ends it;
 * after an error nothing is left open.
 */
int ww_wal_directory_open(struct ww_wal_directory *directory, const char *path, bool create,
                          struct ww_error *error);

/* To look at it only: nobody is kept from using it, and *in_use says whether somebody does. */
int ww_wal_directory_look(struct ww_wal_directory *directory, const char *path, bool *in_use,
                          struct ww_error *error);

/* Reads the identity again: another process may have replaced it. */
int ww_wal_identity_load(struct ww_wal_directory *directory, struct ww_error *error);
void ww_wal_directory_close(struct ww_wal_directory *directory);

/* Replaces DIR/identity by directory->identity, durably and at once. */
int ww_wal_identity_store(struct ww_wal_directory *directory, struct ww_error *error);

/* What errno means for a file that was to be written: WW_ENOSPC or WW_EIO. */
int ww_wal_errno_status(void);

/* Does this errno of a read say that the medium or the file system lost something? */
bool ww_wal_errno_lost(int reason);

/* Is the directory on a file system that lives in memory, where nothing is durable? */
bool ww_wal_directory_volatile(const struct ww_wal_directory *directory);

#endif
