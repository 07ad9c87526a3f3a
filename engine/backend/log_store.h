/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stages know of the disk: one stream of bytes, addressed by a position that is unique for
 * ever, written in aligned blocks and read back. One thread (LOG) calls write, read, poll, release.
 *
 * The stream is a chain of blocks (engine/wire/block.h): block header, then sealed batches. A block
 * lies whole inside one span of `span_bytes` (ww_log_store): spans divide both the segments and the
 * log buffer, so that a block is contiguous in file and memory alike.
 */
#ifndef WW_BACKEND_LOG_STORE_H
#define WW_BACKEND_LOG_STORE_H

#include "engine/snapshot/snapshot.h"
#include "engine/wire/batch.h"
#include "engine/wire/block.h"

#include <whitewater/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ww_log_event_type {
    WW_LOG_WRITTEN, /* every byte below `position` is durable (in the mode that was chosen) */
    WW_LOG_READ,    /* the read `tag` is complete: `size_bytes` bytes are in its buffer */
    WW_LOG_FAILED,  /* a write or flush failed: the store is fenced for good */
    WW_LOG_SNAPSHOT_SAVED, /* the snapshot of group `tag` at index `position` is durable, whole,
                            * and mapped: or it is not there at all (status) */
};

struct ww_log_event {
    enum ww_log_event_type type;
    int status; /* WW_OK; READ: WW_EGONE, WW_EIO; FAILED: WW_EIO, WW_ENOSPC; SNAPSHOT_SAVED: these,
                 * WW_EDAMAGED (a received one fails its checks), or what the producer returned */
    uint64_t position; /* WRITTEN: the new durable position; READ: where it began */
    uint32_t size_bytes;
    uint32_t tag;
    struct ww_snapshot_blob snapshot; /* SNAPSHOT_SAVED, WW_OK: NET's until it unmaps it */
};

/*
 * Makes the bytes of a snapshot (engine/snapshot/snapshot.h): calls `write` with piece after piece,
 * and passes on a negative status of it. The store calls it in a thread of its own.
 */
typedef int (*ww_snapshot_produce)(void *context, ww_state_write write, void *sink);

struct ww_snapshot_save {
    uint32_t group;
    struct ww_snapshot_header about; /* lengths and checksums are the store's to fill in */
    ww_snapshot_produce sessions;    /* the first part; then the machine's */
    ww_snapshot_produce machine;
    void *context; /* of both; must stay until the event SNAPSHOT_SAVED */
};

/*
 * Recovery calls this for every batch of the stream, in order, with the position of the block that
 * holds it and its offset in that block; a status below 0 stops it and is what open returns.
 */
typedef int (*ww_log_visit)(void *context, uint64_t block_position, uint32_t offset,
                            const struct ww_batch_header *batch);

struct ww_log_store;

struct ww_log_store_ops {
    /*
     * Writes `size_bytes` (aligned) at `position`, which is where the last write ended or, when
     * that block's span reached further, where its span ended. The bytes must stay until the
     * WRITTEN event covers them. WW_EBUSY when `write_depth` writes are in flight; WW_ECLOSED when
     * fenced.
     */
    int (*write)(struct ww_log_store *store, uint64_t position, const void *data,
                 uint32_t size_bytes);

    /* Reads up to `size_bytes` at an aligned `position` below the durable one; never crosses a
     * segment. `data` lies in a registered region. WW_EBUSY when too many reads are in flight. */
    int (*read)(struct ww_log_store *store, uint32_t tag, uint64_t position, void *data,
                uint32_t size_bytes);

    /* Submits what is queued, collects what is complete; returns the number of events (<= max). */
    uint32_t (*poll)(struct ww_log_store *store, struct ww_log_event *events, uint32_t max);

    /* Releases whole segments below `position` for reuse. They cannot be read any more. */
    void (*release)(struct ww_log_store *store, uint64_t position);

    /* Waits for writes in flight, then ends all that open() began. Snapshots under way are given
     * up: their producers get a negative status from `write`, and none runs behind it. Those that
     * were mapped were unmapped before, but for what poll has not reported. */
    void (*close)(struct ww_log_store *store);

    /*
     * Snapshots, beside the stream: whole or not there, one per group and index, one under way per
     * group. NULL, all of them: a store without them, where no log is ever compacted. NET calls
     * these. A thread of the store's own does the work, so that neither the stream nor a caller
     * ever waits for it.
     */

    /* One of this node's own; discards one that a leader sends and that is not complete. Ends with
     * the event SNAPSHOT_SAVED. WW_EBUSY when too many are under way; WW_ECLOSED when fenced. */
    int (*snapshot_save)(struct ww_log_store *store, const struct ww_snapshot_save *save);

    /* A part of one that a leader sends: `offset` is what was taken so far, 0 begins anew and
     * discards another that was not complete. The bytes are copied. `last` completes it: the store
     * checks it whole, makes it durable and reports SNAPSHOT_SAVED. WW_EBUSY: no room for the part
     * now, it was not taken. WW_ENOSPC, WW_EIO: it was given up, begin anew. */
    int (*snapshot_receive)(struct ww_log_store *store, uint32_t group, uint64_t index,
                            uint64_t offset, const void *data, uint32_t bytes, bool last);

    /* Those of the group below `index` are not needed any more. */
    void (*snapshot_drop)(struct ww_log_store *store, uint32_t group, uint64_t index);

    /* Before any thread runs: maps one that is there. WW_ENOTFOUND; WW_EDAMAGED: the disk lost
     * something of it; WW_EIO, WW_ENOMEM. Its contents are the caller's to check. */
    int (*snapshot_map)(struct ww_log_store *store, uint32_t group, uint64_t index,
                        struct ww_snapshot_blob *blob);
    void (*snapshot_unmap)(struct ww_log_store *store, struct ww_snapshot_blob *blob);

    /* No group may have forgotten promises any more (`amnesia` of ww_shard_options): the store need
     * not remember that it was new, or that damage was cut out of it. Called once, when all that
     * this rests on is durable. NULL: it does not remember. */
    void (*recovered)(struct ww_log_store *store);
};

enum ww_log_counter {
    WW_WAL_WRITES,
    WW_WAL_BYTES,
    WW_WAL_FLUSHES, /* separate fdatasync calls; a dsync write needs none */
    WW_WAL_READS,
    WW_WAL_READ_BYTES,
    WW_WAL_SEGMENTS_PREPARED,
    WW_WAL_SEGMENTS_RECYCLED,
    WW_WAL_SEGMENTS_FAILED,  /* tries to make one ready: no room, or an error of the disk */
    WW_WAL_PREPARED_BYTES,   /* zeros written ahead of use */
    WW_WAL_PREPARE_PAUSE_NS, /* waited meanwhile, so that the log could write */
    WW_WAL_SEGMENTS_ENTERED, /* begun to be written */
    WW_WAL_COUNTERS,
};

struct ww_log_store {
    const struct ww_log_store_ops *ops;
    uint64_t stream_id;
    uint64_t start_position; /* where writing begins after recovery: aligned */
    uint32_t start_link;     /* CRC32C of the last block of the recovered stream, 0 if none */
    uint32_t epoch;          /* of this opening: greater than any in the recovered stream */
    uint32_t span_bytes;     /* a block never crosses a multiple of this */
    uint64_t segment_bytes;  /* space goes back in multiples of this; a multiple of the span */
    uint32_t write_depth;    /* writes that may be in flight */
    /* Positions below this have a written segment waiting for them; another thread raises it. */
    _Atomic uint64_t limit_position;
    uint64_t counters[WW_WAL_COUNTERS];
    /* When the last segments were entered (CLOCK_MONOTONIC): number n of them, counted from 0, at
     * n % WW_WAL_ROTATIONS. Written before the counter. */
    uint64_t entered_ns[WW_WAL_ROTATIONS];
};

#endif
