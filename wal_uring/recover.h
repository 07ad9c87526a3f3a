/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the stream on disk from its oldest segment to its end. docs/wal.md has the rules and why
 * they are right.
 */
#ifndef WW_WAL_RECOVER_H
#define WW_WAL_RECOVER_H

#include "wal_uring/segment.h"
#include "wal_uring/wal_uring.h"

struct ww_wal_recovered {
    uint64_t end;          /* where the chain of blocks ends: writing begins there */
    uint32_t link;         /* CRC32C of its last block */
    uint64_t next_segment; /* the first that has no file, or a file that must go */
    struct ww_wal_recovery found;
};

enum ww_wal_purpose {
    WW_WAL_TO_CHECK,
    /* What was read is made durable too: after a killed process the last blocks may be in the
     * kernel's or the device's cache only. */
    WW_WAL_TO_WRITE,
    /* And where the log is damaged, it ends: `found.damage` says what and where. */
    WW_WAL_TO_REPAIR,
};

int ww_wal_recover(const struct ww_wal_directory *directory, enum ww_wal_purpose purpose,
                   ww_log_visit visit, void *context, struct ww_wal_recovered *recovered,
                   struct ww_error *error);

#endif
