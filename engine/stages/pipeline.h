/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of a shard: three stages, each the only writer of its state, joined by bounded rings.
 *
 *            datagrams                                                        segments
 *   network <=========> NET ──persist──▶ LOG <================================> disk
 *                        │ ◀──durable───  │   (reads of the log come and go here too)
 *                        │ ──reads─────▶  │
 *                        │ ──committed─▶ APPLY (state machine)
 *                        │ ◀──applied───  │
 *
 * ring       item                 who waits when it is full
 * persist    closed block         NET leaves the block open and grows it; full buffer: BUSY
 * durable    event of the disk    LOG leaves completions where they are (in the completion queue)
 * reads      read of the log      never full: NET owns fewer read buffers than it has slots
 * committed  batch, lookup, query, save, restore: NET feeds the rest at a later poll
 * applied    how far it came      APPLY takes no further batch
 *
 * Beside the rings NET tells LOG how far the stream is not needed any more (`released`, a position
 * that only grows).
 *
 * Memory: the log buffer and the read buffers belong to NET. LOG reads blocks from `persist` until
 * the `durable` event covers them, and writes a read buffer from `reads` until its event is back.
 * APPLY reads batches from `committed` until the `applied` position covers them. What else an item
 * points to is APPLY's until the item is back.
 *
 * Snapshots do not go through LOG: NET asks the store, whose own thread writes them; what came of
 * it is an event of the disk.
 */
#ifndef WW_STAGES_PIPELINE_H
#define WW_STAGES_PIPELINE_H

#include "engine/backend/clock.h"
#include "engine/backend/log_store.h"
#include "engine/backend/transport.h"
#include "engine/groups/log_buffer.h"
#include "engine/groups/recovery.h"
#include "engine/stages/ring.h"
#include "engine/stages/trace.h"
#include "engine/wire/configuration.h"

#include <whitewater/state_machine.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ww_snapshot_job;
struct ww_session;
struct ww_query;

/* NET to LOG: read the stream into a read buffer. */
struct ww_read_request {
    uint64_t position;
    uint32_t size_bytes;
    uint32_t buffer;
};

/* What NET asks of APPLY, in this order; each comes back through `applied`. */
enum ww_apply_kind {
    WW_APPLY_BATCH,   /* run the machine on the entries [from, to] of the batch */
    WW_APPLY_SAVE,    /* take a view of the state at this very point, for a snapshot */
    WW_APPLY_RESTORE, /* take the state from a snapshot */
    WW_APPLY_LOOKUP,  /* copy what is known of the session with that id; id 0: nothing */
    WW_APPLY_QUERY,   /* let the machine answer a query */
};

struct ww_committed {
    enum ww_apply_kind kind;
    uint32_t group;
    union {
        struct {
            const struct ww_batch_header *batch;
            uint64_t from;
            uint64_t to;
        };
        /* The following are APPLY's until the item is back. */
        struct ww_snapshot_job *job;
        struct {
            union {
                struct ww_session *session;
                struct ww_query *query;
            };
            uint32_t slot; /* NET's number for it, which comes back */
        };
    };
};

struct ww_query {
    uint8_t *request; /* WW_QUERY_BYTES_MAX */
    size_t request_bytes;
    uint8_t *answer;
    size_t answer_bytes; /* first the room for it */
};

/* APPLY to NET. */
struct ww_applied {
    enum ww_apply_kind kind;
    uint32_t group;
    int32_t status;  /* SAVE, QUERY: could it be done? BATCH: of the entries that were skipped */
    uint32_t slot;   /* LOOKUP, QUERY */
    uint64_t index;  /* BATCH (one for neighbouring ones of a group), RESTORE: last applied */
    uint64_t digest; /* there */
    /* BATCH: entries that the machine did not get begin at skipped_from (0: it got all). They were
     * applied before (WW_OK), their session is gone (WW_EGONE); or it is a session's registration,
     * then `session` is its id, or there is no room for it (WW_EBUSY). */
    uint64_t skipped_from;
    uint64_t skipped;
    uint64_t session;
};

/* How blocks are closed and written: docs/tuning.md. All of it may change while the shard runs. */
struct ww_wal_tuning {
    uint32_t depth;     /* writes in flight, at most the store's; 0: as many as the store's */
    uint32_t block_max; /* bytes */
    uint32_t padding;   /* as in struct ww_log_buffer; 0: WW_BLOCK_ALIGN */
    bool each_entry;    /* an entry is a batch, a block and a write of its own */
    /* A block that is not full waits so long for more, or until it holds so many bytes or entries
     * (0: no matter how many). Terms, votes and records of snapshots do not wait. */
    uint64_t delay_ns;
    uint32_t delay_bytes;
    uint32_t delay_entries;
};

struct ww_shard_options {
    uint64_t cluster;
    uint32_t self;
    struct ww_configuration configuration; /* at the begin of every log; zero: waits to be added */
    uint32_t groups;
    /* As in struct ww_raft_options. */
    uint64_t heartbeat_ns, election_min_ns, election_max_ns, retry_ns;
    uint32_t window_bytes;
    bool adaptive;
    bool leases;
    uint32_t clock_drift_ppm;
    uint8_t priorities[WW_NODES_MAX + 1];
    uint64_t seed;
    /* What was promised may be forgotten (ww_raft_options), until the store is told `recovered`;
     * but for groups that wrote into the stream behind this position that it is not. 0: the disk
     * is new; else (from 1 on) the stream was cut there. */
    bool amnesia;
    uint64_t amnesia_position;
    /* A group whose newest snapshot is lost or damaged begins anew, as one that may have forgotten
     * what it promised: its peers have the rest. Else it is refused. */
    bool repair;
    /* A snapshot is taken every so many applied entries (0: never); so many entries before it stay
     * in the log, for followers that are a little behind. */
    uint64_t snapshot_entries;
    uint64_t snapshot_keep;
    /* What is beyond one of these leaves the log, also when no snapshot is due: entries that are
     * followed by so many bytes of the stream, or by one that is so much younger by log time (0: no
     * limit). With one of them snapshot_keep does not count. */
    uint64_t retain_bytes;
    uint64_t retain_time_ns;
    uint64_t session_timeout_ns; /* of log time: a session that is silent so long may expire */
    struct ww_wal_tuning wal;    /* at the start */
    uint32_t trace_every;        /* of a group's entries: trace.h */
    uint8_t *log_buffer;         /* log_buffer_bytes, registered with the store; the caller's */
    uint64_t log_buffer_bytes;
    uint8_t *read_buffers; /* WW_READ_BUFFERS x WW_READ_BYTES, registered likewise */
    /* Sizes of tables; 0: WW_BATCH_TABLE_SLOTS, WW_PROMISES_MAX, WW_PENDING_MAX, and
     * WW_RAFT_TERM_RUNS per group. */
    uint32_t batch_slots; /* a power of two */
    uint32_t promises;
    uint32_t pendings;
    uint32_t term_runs;
};

/* Each is the only writer of its trace. */
enum ww_stage { WW_STAGE_NET, WW_STAGE_LOG, WW_STAGE_APPLY, WW_STAGES };

struct ww_net;
struct ww_log;
struct ww_apply;

struct ww_shard {
    struct ww_shard_options options;
    struct ww_transport *transport;
    struct ww_log_store *store;
    struct ww_clock *clock;
    struct ww_state_machine *machine;
    struct ww_ring persist, durable, reads, committed, applied;
    struct ww_trace traces[WW_STAGES];
    struct ww_net *net;
    struct ww_log *log;
    struct ww_apply *apply;
    /* Set by NET when no group may have forgotten a promise any more: LOG tells the store. */
    _Atomic bool recovered;
    /* The first failure of any stage; from then on nothing is acknowledged. 0: healthy. */
    _Atomic int fenced;
    /* Of the tuning in force, set by NET: how many writes LOG has in flight, and whether it joins
     * adjacent blocks. */
    _Atomic uint32_t write_depth;
    _Atomic bool join_blocks;
    /* Of LOG, read relaxed by others: writes that held up to 2^i entries, but at least one. */
    _Atomic uint64_t write_sizes[WW_WRITE_SIZES];
    /* NET needs nothing of the stream below; LOG tells the store. */
    _Atomic uint64_t released;
    /* Set by NET while an answer is on its way, so that idle threads do not go to sleep. */
    _Atomic bool busy;
};

/*
 * Builds the stages and rings from what recovery found (its log indexes move into the shard). The
 * backends stay the caller's. On failure nothing is left. Nothing runs until the agents do.
 */
int ww_shard_create(const struct ww_shard_options *options, struct ww_transport *transport,
                    struct ww_log_store *store, struct ww_clock *clock,
                    struct ww_state_machine *machine, struct ww_group_recovery *recovered,
                    struct ww_shard **shard, struct ww_error *error);
void ww_shard_destroy(struct ww_shard *shard);

/* When no agent runs any more, before the store is closed (and that before the shard is destroyed,
 * whose memory it uses): gives back the snapshots that are mapped. */
void ww_shard_unmap(struct ww_shard *shard);

/* The stages' work functions: each returns how much it did. One thread calls each. */
uint32_t ww_net_work(struct ww_shard *shard);
uint32_t ww_log_work(struct ww_shard *shard);
uint32_t ww_apply_work(struct ww_shard *shard);

/* Fences the shard (the first status wins). Any thread. */
void ww_shard_fence(struct ww_shard *shard, int status, const char *what);

/* Traces every so many entries from now on, a power of two; 0: none. Any thread. */
void ww_shard_trace(struct ww_shard *shard, uint32_t every);

/* Bytes that the shard's own tables take, for the start-up line. */
uint64_t ww_shard_table_bytes(const struct ww_shard *shard);

#endif
