/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Raft group as NET holds it: the consensus core, where its batches are, how far it was
 * applied, and who waits for a commit.
 */
#ifndef WW_GROUPS_GROUP_H
#define WW_GROUPS_GROUP_H

#include "engine/groups/batch_table.h"
#include "engine/groups/log_index.h"
#include "engine/raft/raft.h"
#include "engine/session/session.h"
#include "engine/snapshot/snapshot.h"

#include <stdbool.h>
#include <stdint.h>

#define WW_READER_NO_BUFFER UINT32_MAX

/* Someone who reads a group's log from some index on: a follower's feed, apply, a client. */
struct ww_reader {
    uint64_t hint;       /* batch table number of the last batch served from memory */
    uint32_t buffer;     /* read buffer that it holds, or WW_READER_NO_BUFFER */
    uint32_t offset;     /* of the next batch in it */
    uint64_t limit;      /* first index that the current point does not reach */
    uint64_t asked;      /* from disk, the last time: the scan of the buffer only goes on */
    uint64_t not_before; /* batches before this place of the stream are not the log's */
};

/* A run of proposals of one client that waits for its commit. */
struct ww_pending {
    uint64_t session;        /* 0: none; WW_PENDING_REGISTER: a registration */
    uint64_t first_sequence; /* a registration's nonce */
    uint64_t first_index;
    uint64_t term;
    uint32_t count;
    uint32_t link;
    uint32_t client;
    uint32_t next; /* slot in the pool, or WW_PENDING_NONE */
};

#define WW_PENDING_NONE UINT32_MAX
#define WW_PENDING_REGISTER UINT64_MAX

/* What a leader knows of a client's session: nothing, until all that earlier leaders may have
 * committed of it is applied here, and APPLY was asked. */
enum ww_client_state {
    WW_CLIENT_WAITS, /* for APPLY to come to wait_index */
    WW_CLIENT_ASKED, /* APPLY looks the session up: `session` is its */
    WW_CLIENT_READY,
    WW_CLIENT_GONE, /* there is no such session */
};

/* What the leader knows of one client of one group. */
struct ww_client_slot {
    uint32_t client; /* the client's number, 0: none */
    enum ww_client_state state;
    uint64_t session_id; /* 0: it has none */
    uint64_t term;       /* the leadership that the rest is for */
    uint64_t wait_index;
    uint64_t expected;         /* next sequence to be accepted */
    uint64_t refused_ns;       /* when a gap was last answered */
    struct ww_session session; /* its runs answer repeated proposals */
};

/* The way of a snapshot of a group, one at a time: net_snapshot.c has the picture. */
enum ww_snapshot_step {
    WW_SNAPSHOT_NONE,
    WW_SNAPSHOT_VIEWING,   /* APPLY takes a view of the state */
    WW_SNAPSHOT_VIEWED,    /* it has one */
    WW_SNAPSHOT_STORING,   /* the store saves it; it has all parts of one that came */
    WW_SNAPSHOT_STORED,    /* it is durable, and mapped */
    WW_SNAPSHOT_RECORDING, /* its record is on the way to the disk */
    WW_SNAPSHOT_RECORDED,  /* the record is durable: the log may begin behind it */
    WW_SNAPSHOT_INSTALLED, /* it is the begin of the log; APPLY does not know yet */
    WW_SNAPSHOT_RESTORING, /* APPLY takes its state from it */
};

/* Of APPLY while it takes the view or restores, of the store while it saves, else of NET. */
struct ww_snapshot_job {
    struct ww_snapshot_header about; /* SAVE: what is known before; RESTORE: the blob's */
    const struct ww_state_machine *machine;
    void *view; /* of the machine's state, while `viewed` */
    bool viewed;
    void *sessions; /* encoded; malloc */
    size_t session_bytes;
    struct ww_snapshot_blob blob; /* once it is stored */
};

/* What the store took of a leader's snapshot; bytes 0: nothing. */
struct ww_staged_snapshot {
    uint64_t index, term;
    uint32_t identity; /* struct ww_raft_message */
    uint64_t bytes;
};

struct ww_group_snapshot {
    enum ww_snapshot_step step;
    bool install;        /* the one under way came from the leader */
    uint64_t next_index; /* one is taken when so much was fed to APPLY; UINT64_MAX: not now */
    /* The last one that failed, until the next begins; status WW_OK: none. */
    uint64_t failed_index;
    int failed_status;
    struct ww_snapshot_job job;   /* the one under way */
    struct ww_snapshot_blob kept; /* the newest one that is durable: for followers */
    struct ww_staged_snapshot staged;
};

/* The newest record of a kind: stream positions behind the last one that was appended, and behind
 * the last one that is durable; 0: there is none. */
struct ww_record {
    uint64_t end;
    uint64_t durable_end;
};

/* How far these came, for engine/stages/trace.h. */
struct ww_trace_marks {
    uint64_t ack_sent, committed;
    uint64_t acked[WW_NODES_MAX + 1]; /* by node id */
};

struct ww_group {
    uint32_t id;
    struct ww_raft *raft;
    struct ww_batch_chain chain;
    struct ww_log_index index;
    struct ww_record hard_state, snapshot_record;
    uint64_t first_index;                 /* of the log: those below are in a snapshot */
    uint64_t fed;                         /* last index handed to APPLY */
    uint64_t applied;                     /* last index that APPLY reported */
    uint64_t digest;                      /* of the machine at `applied` */
    uint64_t durable_term, durable_index; /* gathered from a durable range, then one event */
    bool durable_news;
    bool dirty;                           /* in the list of groups to flush */
    bool anew;                            /* it begins anew, and the stream does not say so yet */
    uint32_t pending_first, pending_last; /* slots in the pool */
    struct ww_reader apply;
    struct ww_reader peers[WW_NODES_MAX + 1]; /* by node id */
    struct ww_client_slot clients[WW_CLIENTS_MAX];
    /* Log time: the greatest known; as leader, that at the begin of this leadership, and when. */
    uint64_t time_ns, time_base_ns, leader_since_ns;
    uint64_t confirmed_round; /* as leader: reads of rounds up to it may be served */
    struct ww_group_snapshot snapshot;
    struct ww_trace_marks traced;
};

void ww_reader_init(struct ww_reader *reader);

#endif
