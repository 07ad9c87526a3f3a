/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the core, and what its files offer each other. */
#ifndef WW_RAFT_INTERNAL_H
#define WW_RAFT_INTERNAL_H

#include "engine/base/assert.h"
#include "engine/base/random.h"
#include "engine/raft/raft.h"

#define WW_RAFT_NEVER UINT64_MAX

/* Terms and indexes in a message are below this, so that sums of them do not overflow. */
#define WW_RAFT_POSITION_MAX (UINT64_MAX >> 2)

/* The log as the core knows it, [1, last_index]: a run ends where the next one begins. */
struct ww_raft_log_run {
    uint64_t first_index;
    uint64_t term;
};

struct ww_raft_log {
    uint64_t last_index;
    uint32_t count;
    uint32_t capacity;
    struct ww_raft_log_run *runs;
};

/* One AppendEntries on the way to a peer. */
struct ww_raft_inflight {
    uint64_t last_index;
    uint32_t bytes;
};

/*
 * A leader's view of another voter.
 *
 * PROBE (probing): it is not known where the logs agree; one message at a time asks for `asked`.
 * REPLICATE: messages follow each other, as many as the window allows.
 *
 *   new leadership ──▶ PROBE ──ack at or above `asked`──▶ REPLICATE
 *                        ▲────────────rejection───────────────┘
 */
struct ww_raft_peer {
    bool probing;
    bool paused;       /* PROBE: the question is on its way */
    uint16_t question; /* how many there were in this term */
    uint64_t asked;    /* PROBE: the previous index of the question */
    uint64_t match;    /* durable there and equal to ours; falls only when the peer lost it */
    uint64_t next;     /* first entry not yet sent; > match */
    uint64_t told;     /* commit position that the peer was told and could take */
    uint64_t heard_ns; /* last answer in this term */
    uint64_t retry_at_ns;
    uint32_t retries; /* without progress */
    uint32_t granted_bytes;
    uint32_t inflight_bytes;
    uint32_t inflight_head;
    uint32_t inflight_count;
    struct ww_raft_inflight inflight[WW_RAFT_INFLIGHT_MAX];
};

struct ww_raft {
    struct ww_raft_options options; /* log and log_runs are not kept */
    struct ww_random random;
    uint64_t now_ns;

    uint64_t term;
    uint32_t vote;
    bool hard_state_durable; /* (term, vote) is on the disk */
    struct ww_raft_log log;
    uint64_t durable;
    uint64_t commit;

    enum ww_raft_role role;
    uint32_t leader;
    uint64_t election_at_ns; /* not as leader */
    uint32_t votes;          /* (pre-)candidate: bit per node id that granted */

    /* Follower. */
    uint64_t heard_ns;     /* last AppendEntries of the current leader */
    uint64_t verified;     /* our log equals that of this term's leader up to here */
    uint64_t acknowledged; /* index of the last acknowledgement in this term */
    bool answer_due;
    uint32_t window_bytes;  /* what we grant now ... */
    uint32_t granted_bytes; /* ... and what the leader was last told */

    /* Leader. */
    uint64_t heartbeat_at_ns;
    struct ww_raft_peer peers[WW_NODES_MAX + 1]; /* by node id */
};

/* A value of every node, by node id. */
struct ww_raft_tally {
    uint64_t of[WW_NODES_MAX + 1];
};

/* raft.c */
struct ww_raft_message *ww_raft_emit(struct ww_raft *raft, struct ww_raft_update *update,
                                     uint32_t to, enum ww_raft_message_type type);
bool ww_raft_is_voter(const struct ww_raft *raft, uint32_t id);

/* message_check.c: could a correct node have sent this? */
bool ww_raft_message_valid(const struct ww_raft *raft, const struct ww_raft_event *event);

/* log_terms.c */
int ww_raft_log_create(struct ww_raft_log *log, uint32_t capacity);
void ww_raft_log_append(struct ww_raft_log *log, uint64_t last_index, uint64_t term);
void ww_raft_log_truncate(struct ww_raft_log *log, uint64_t from);
uint64_t ww_raft_log_term_at(const struct ww_raft_log *log, uint64_t index);
/* The run that holds `index`, which is in the log. */
struct ww_raft_run ww_raft_log_run_at(const struct ww_raft_log *log, uint64_t index);
/* The last entry of `term`; 0 when there is none. */
uint64_t ww_raft_log_last_of_term(const struct ww_raft_log *log, uint64_t term);
uint64_t ww_raft_log_last_term(const struct ww_raft_log *log);

/* election.c */
void ww_raft_reset_election_timer(struct ww_raft *raft);
void ww_raft_become_follower(struct ww_raft *raft, uint64_t term, uint32_t leader);
int ww_raft_election_tick(struct ww_raft *raft, struct ww_raft_update *update);
void ww_raft_count_vote(struct ww_raft *raft, uint32_t from, struct ww_raft_update *update);

/* vote.c */
void ww_raft_recv_pre_vote(struct ww_raft *raft, const struct ww_raft_event *event,
                           struct ww_raft_update *update);
void ww_raft_recv_vote(struct ww_raft *raft, const struct ww_raft_event *event,
                       struct ww_raft_update *update);
void ww_raft_recv_vote_reply(struct ww_raft *raft, const struct ww_raft_event *event,
                             struct ww_raft_update *update);

/* append.c */
int ww_raft_recv_append(struct ww_raft *raft, const struct ww_raft_event *event,
                        struct ww_raft_update *update);
void ww_raft_flush(struct ww_raft *raft, uint32_t window_bytes, struct ww_raft_update *update);

/* append_reply.c */
int ww_raft_recv_append_ack(struct ww_raft *raft, const struct ww_raft_event *event);
void ww_raft_recv_append_reject(struct ww_raft *raft, const struct ww_raft_event *event);

/* replicate.c */
void ww_raft_peer_start(struct ww_raft *raft, struct ww_raft_peer *peer);
void ww_raft_peer_probe(struct ww_raft_peer *peer, uint64_t next);
uint64_t ww_raft_retry_at(struct ww_raft *raft, const struct ww_raft_peer *peer, uint64_t now_ns);
void ww_raft_leader_tick(struct ww_raft *raft, struct ww_raft_update *update);
uint64_t ww_raft_leader_deadline_ns(const struct ww_raft *raft);

/* commit.c */
bool ww_raft_is_quorum(const struct ww_raft *raft, uint32_t votes);
/* The greatest value that a quorum has or exceeds. */
uint64_t ww_raft_quorum_value(const struct ww_raft *raft, const struct ww_raft_tally *tally);
void ww_raft_advance_commit(struct ww_raft *raft);

#endif
