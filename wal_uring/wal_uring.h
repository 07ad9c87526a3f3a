/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log over io_uring: engine/backend/log_store.h on segment files in a directory.
 *
 *   DIR/lock            held (flock) while a process uses the directory
 *   DIR/identity        cluster, node, stream id, format version; checksummed
 *   DIR/wal/SEQ.seg     segments: a 4 KiB header, then `segment_bytes` of the stream
 *   DIR/wal/SEQ.spare   written (zeroed or used before), waiting to become segments
 *   DIR/wal/SEQ.cut     was behind damage; kept until the node has recovered
 *   DIR/snapshots/      GROUP-INDEX.snap, one per group and index (snapshot_file.h)
 */
#ifndef WW_WAL_URING_H
#define WW_WAL_URING_H

#include "engine/backend/log_store.h"
#include "engine/base/error.h"

#include <stdint.h>
#include <sys/uio.h>

enum ww_durability {
    WW_DURABILITY_DSYNC,     /* O_DIRECT and RWF_DSYNC: the default */
    WW_DURABILITY_FDATASYNC, /* O_DIRECT write, then a linked fdatasync */
    WW_DURABILITY_BUFFERED,  /* through the kernel's cache, then fdatasync */
    WW_DURABILITY_MEMORY,    /* no disk: segments are plain memory, lost with the process */
};

/* What opening does with a log that is damaged. */
enum ww_wal_repair {
    WW_WAL_REPAIR_NEVER, /* it is refused */
    WW_WAL_REPAIR_PEERS, /* it is cut where the damage begins, for peers that have the rest */
};

struct ww_wal_options {
    const char *directory; /* created if missing (its parent must exist) */
    uint64_t cluster;
    uint32_t node;
    enum ww_durability durability;
    uint64_t segment_bytes; /* stream bytes of one segment; a power of two */
    uint64_t prepare_bytes; /* written ahead of use before open returns: at least one segment */
    uint64_t max_bytes;     /* the stream may take this much disk; 0: no limit */
    uint32_t span_bytes;    /* the log buffer's size: divides segment_bytes or is a multiple */
    uint32_t write_depth;   /* writes in flight: 1..WW_WRITE_DEPTH_MAX */
    uint64_t sqpoll_ns;     /* a kernel thread submits, and sleeps when idle so long; 0: none */
    bool plain_buffers;     /* do not register the regions */
    enum ww_wal_repair repair;
    struct iovec regions[2]; /* registered with io_uring: the log buffer, the read buffers */
};

/*
 * Opens or creates the log: locks the directory, checks whose it is, recovers the stream calling
 * `visit` for every batch in order, cuts a provably torn tail, and prepares segments. Errors name
 * file, offset and reason: WW_ELOCKED, WW_EFOREIGN, WW_EVERSION, WW_EDAMAGED, WW_EIO, WW_ENOSPC.
 * store->ops->close ends it. In WW_DURABILITY_MEMORY the directory is not used.
 */
int ww_wal_open(const struct ww_wal_options *options, ww_log_visit visit, void *context,
                struct ww_log_store **store, struct ww_error *error);

/* What recovery found, for the start-up line. */
struct ww_wal_recovery {
    uint64_t blocks, batches, bytes;
    uint64_t read_bytes; /* of the files: space that was prepared is looked at, too */
    uint64_t cut_bytes;  /* of a torn tail */
    uint64_t elapsed_ns;
    /* The directory is fresh, or was damaged now or earlier, and op `recovered` has not come since:
     * this node may have forgotten what it promised. Always so without a disk. */
    bool recovering;
    /* The log goes on here behind damage that was cut out last; 0: nowhere in what is kept. */
    uint64_t cut_position;
    struct ww_error damage; /* what was cut now, and why: file, offset, reason; WW_OK: nothing */
};

void ww_wal_recovery(const struct ww_log_store *store, struct ww_wal_recovery *recovery);

/*
 * Reads a stopped node's stream without changing anything (a torn tail is left where it is): used
 * for verification. The directory must not be in use (WW_ELOCKED).
 */
int ww_wal_scan(const char *directory, ww_log_visit visit, void *context,
                struct ww_wal_recovery *recovery, struct ww_error *error);

#endif
