/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shard's state as other threads may see it, and what they may ask of it. State has one writer:
 * another thread asks, NET answers at its next poll iteration, and never waits for the asker.
 */
#ifndef WW_STAGES_SHARD_VIEW_H
#define WW_STAGES_SHARD_VIEW_H

#include "engine/groups/group.h"
#include "engine/raft/raft.h"
#include "engine/stages/pipeline.h"

/* Datagrams and messages that NET did not take, by reason. */
enum ww_net_drop {
    WW_DROP_DATAGRAM,                         /* + enum ww_datagram_verdict: failed its check */
    WW_DROP_STRANGER = WW_DROP_DATAGRAM + 16, /* not from a node of this cluster, or a wrong link */
    WW_DROP_GROUP,                            /* for a group that does not exist here */
    WW_DROP_BATCH,                            /* a batch inside fails its check */
    WW_DROP_MESSAGE,                          /* the consensus core refused it as malformed */
    WW_DROP_NO_ROOM, /* the log buffer is full (a window was not respected, or the disk is slow) */
    WW_DROP_PROMISE, /* too many messages wait for the disk */
    WW_DROPS,
};

const char *ww_net_drop_name(uint32_t drop); /* NULL for unused numbers */

struct ww_group_view {
    struct ww_raft_status raft;
    uint64_t applied;
    uint64_t digest;
    uint64_t snapshot_bytes; /* of the newest snapshot; its index is in `raft` */
    enum ww_snapshot_step snapshot_step;
    uint64_t snapshot_staged_bytes; /* that came of the leader's */
    uint64_t snapshot_failed_index; /* of the last one that failed, and why; WW_OK: none did */
    int snapshot_failed_status;
};

struct ww_shard_view {
    uint64_t drops[WW_DROPS];
    uint64_t proposals;     /* entries admitted as leader */
    uint64_t busy_refusals; /* proposals (messages) refused for want of room */
    uint64_t batches_sealed;
    uint64_t blocks;
    uint64_t disk_reads;       /* of the log, for followers, apply and clients */
    uint64_t registrations;    /* of client sessions, as leader */
    uint64_t session_lookups;  /* of clients that a new leader heard of */
    uint64_t session_refusals; /* entries of sessions that were gone */
    uint64_t queries;
    uint64_t snapshots_taken;
    uint64_t snapshots_installed; /* sent by a leader */
    uint64_t snapshots_failed;    /* not saved, not stored, or damaged when they came */
    uint64_t durable_position;
    uint64_t head_position;
    uint64_t released_position; /* nobody needs what lies below */
    uint64_t checkpoints;       /* records of terms, votes and snapshots that were repeated */
    uint32_t group_count;
    struct ww_group_view *groups; /* group_count, the asker's memory */
};

/* What an operator asks of a group, and only its leader does; TUNE and SNAPSHOT any node does. */
enum ww_shard_op {
    WW_SHARD_ADD, /* as a learner; a member stays what it is */
    WW_SHARD_PROMOTE,
    WW_SHARD_DEMOTE,
    WW_SHARD_REMOVE,
    WW_SHARD_TRANSFER,
    WW_SHARD_TUNE,     /* of the shard, not of a group */
    WW_SHARD_SNAPSHOT, /* take one now, of what is applied */
};

struct ww_shard_request {
    enum ww_shard_op op;
    uint32_t group;
    uint32_t node;                   /* TUNE, SNAPSHOT: none */
    const struct ww_wal_tuning *wal; /* TUNE */
    int status;                      /* the answer */
    uint64_t index;                  /* SNAPSHOT: where it ends, or one that is there already */
};

/*
 * Asks NET to begin a change; `request->status` and the result are the core's answer to it
 * (WW_RAFT_EV_CHANGE, WW_RAFT_EV_TRANSFER) or ww_net_tune, or WW_ENOTFOUND for an unknown group,
 * WW_ECLOSED when the shard is fenced. SNAPSHOT: WW_EBUSY while another is under way or on its way
 * to a follower, WW_EINVAL when nothing is applied yet, or store or machine have none. Waits up to
 * `timeout_ns`; one asker at a time, of this and the view.
 */
int ww_shard_request(struct ww_shard *shard, struct ww_shard_request *request, uint64_t timeout_ns);

/* Asks and waits up to `timeout_ns`; one asker at a time. WW_ETIMEOUT when NET does not answer. */
int ww_shard_view(struct ww_shard *shard, struct ww_shard_view *view, uint64_t timeout_ns);

#endif
