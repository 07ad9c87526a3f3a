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

#include <stdbool.h>
#include <stdint.h>

#define WW_READER_NO_BUFFER UINT32_MAX

/* Someone who reads a group's log from some index on: a follower's feed, apply, a client. */
struct ww_reader {
    uint64_t hint;       /* batch table number of the last batch served from memory */
    uint32_t buffer;     /* read buffer that it holds, or WW_READER_NO_BUFFER */
    uint32_t offset;     /* of the next batch in it */
    uint64_t limit;      /* first index that the current point does not reach */
    uint64_t not_before; /* batches before this place of the stream are not the log's */
};

/* A run of proposals of one client that waits for its commit. */
struct ww_pending {
    uint64_t first_sequence;
    uint64_t first_index;
    uint64_t term;
    uint32_t count;
    uint32_t link;
    uint32_t client;
    uint32_t next; /* slot in the pool, or WW_PENDING_NONE */
};

#define WW_PENDING_NONE UINT32_MAX

/* What the leader knows of one client of one group. */
struct ww_session {
    uint32_t client;     /* the client's number, 0: none */
    uint64_t term;       /* the leadership that the rest is for */
    uint64_t expected;   /* next sequence to be accepted */
    uint64_t refused_ns; /* when a gap was last answered */
    /* The last committed run, to answer a repeated proposal. */
    uint64_t done_sequence;
    uint64_t done_index;
    uint64_t done_count;
};

struct ww_group {
    uint32_t id;
    struct ww_raft *raft;
    struct ww_batch_chain chain;
    struct ww_log_index index;
    uint64_t hard_state_end;              /* stream position behind the last hard-state record */
    uint64_t fed;                         /* last index handed to APPLY */
    uint64_t applied;                     /* last index that APPLY reported */
    uint64_t digest;                      /* of the machine at `applied` */
    uint64_t durable_term, durable_index; /* gathered from a durable range, then one event */
    bool durable_news;
    bool dirty;                           /* in the list of groups to flush */
    uint32_t pending_first, pending_last; /* slots in the pool */
    struct ww_reader apply;
    struct ww_reader peers[WW_NODES_MAX + 1]; /* by node id */
    struct ww_session sessions[WW_CLIENTS_MAX];
};

void ww_reader_init(struct ww_reader *reader);

#endif
