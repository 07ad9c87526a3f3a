/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consensus core of one group: pure. No I/O, threads, clocks, payload bytes; no allocation
 * after ww_raft_create. It knows indexes and terms (run-length), and time only from its events.
 *
 * Sources: Ongaro, Ousterhout: In Search of an Understandable Consensus Algorithm (2014), figure 2
 * and section 5; Ongaro: Consensus: Bridging Theory and Practice (2014), 9.6 (pre-vote),
 * 10.2.1 (writing to the leader's disk in parallel).
 *
 * The shell's contract, per event:
 *   1. ww_raft_step(raft, event, update); the shell then obeys `update` in this order:
 *      truncate, hard state (append a record to the stream), new entries (append to the stream),
 *      messages (those marked `wait` only when the group's last hard-state record is durable),
 *      commit.
 *   2. When all events of a poll iteration are stepped: one FLUSH event, which emits the
 *      acknowledgements that are due; then ww_raft_next_append for each peer until it has nothing,
 *      each followed by ww_raft_sent.
 *   3. Durable positions come back as DURABLE and HARD_STATE_DURABLE events, in stream order. A
 *      write of entries that were truncated since must not be reported (truncate cuts the shell's
 *      notes of writes on the way to truncate_from - 1): the same (term, index) may have been
 *      appended anew, and then the term does not tell the old write from the new one (C5).
 */
#ifndef WW_RAFT_RAFT_H
#define WW_RAFT_RAFT_H

#include "engine/base/limits.h"
#include "engine/wire/raft_message.h"

#include <whitewater/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ww_raft_role {
    WW_RAFT_FOLLOWER,
    WW_RAFT_PRE_CANDIDATE,
    WW_RAFT_CANDIDATE,
    WW_RAFT_LEADER,
};

/* A run of entries of one term: what the core knows of the log. */
struct ww_raft_run {
    uint64_t first_index;
    uint64_t last_index;
    uint64_t term;
};

struct ww_raft_options {
    uint32_t group;
    uint32_t self;                 /* node id, 1..WW_NODES_MAX */
    uint32_t voters[WW_NODES_MAX]; /* node ids, self among them */
    uint32_t voter_count;          /* 1..WW_NODES_MAX */
    uint64_t heartbeat_ns;         /* a leader is heard from this often */
    uint64_t election_min_ns;      /* election timeouts are drawn from [min, max) */
    uint64_t election_max_ns;
    uint64_t retry_ns;     /* unanswered AppendEntries are probed after this */
    uint32_t window_bytes; /* AppendEntries bytes in flight to one follower */
    uint32_t term_runs;    /* capacity of the term table: WW_RAFT_TERM_RUNS */
    uint64_t seed;         /* of the election timeouts */
    /* What the disk held at start. */
    uint64_t term;
    uint32_t vote;                 /* node id or 0 */
    const struct ww_raft_run *log; /* consecutive, ascending; copied */
    size_t log_runs;
    uint64_t now_ns;
};

enum ww_raft_event_type {
    WW_RAFT_EV_TICK,               /* time passed */
    WW_RAFT_EV_MESSAGE,            /* from, message, and for APPEND its runs */
    WW_RAFT_EV_PROPOSE,            /* count entries; the update says whether they were taken */
    WW_RAFT_EV_DURABLE,            /* the log is durable up to (term, index) */
    WW_RAFT_EV_HARD_STATE_DURABLE, /* (term, vote) is durable */
    WW_RAFT_EV_FLUSH,              /* end of a poll iteration: emit what is due */
};

struct ww_raft_event {
    enum ww_raft_event_type type;
    uint64_t now_ns;
    /* MESSAGE. The runs describe the batches of an APPEND, consecutive from message->index + 1. */
    uint32_t from;
    const struct ww_raft_message *message;
    const struct ww_raft_run *runs;
    size_t run_count;
    uint32_t count;        /* PROPOSE: entries, at least 1 */
    uint64_t term;         /* DURABLE, HARD_STATE_DURABLE */
    uint64_t index;        /* DURABLE */
    uint32_t vote;         /* HARD_STATE_DURABLE */
    uint32_t window_bytes; /* FLUSH: what this node grants to its leader from now on */
};

struct ww_raft_outgoing {
    uint32_t to;
    bool wait; /* release only when the group's hard state so far is durable */
    struct ww_raft_message message;
};

/* What the shell must do; valid until the next step. All zero means nothing. */
struct ww_raft_update {
    uint64_t
        truncate_from; /* entries >= this leave the log; 0: none. Before anything is appended */
    bool hard_state;   /* (term, vote) changed: append a record to the stream */
    uint64_t term;     /* current term, always set */
    uint32_t vote;     /* current vote, always set */
    /* Entries that joined the log. Follower: of the message's batches, those in [from, to].
     * Leader: the proposed ones, or (noop set) the empty first entry of its term. from 0: none. */
    uint64_t append_from;
    uint64_t append_to;
    bool noop;
    int propose_status; /* PROPOSE: WW_OK, or WW_ENOTLEADER */
    uint64_t commit;    /* commit position, always set; never goes back */
    bool commit_changed;
    bool role_changed; /* role, term or leader changed: ask ww_raft_status */
    uint32_t message_count;
    struct ww_raft_outgoing messages[WW_RAFT_UPDATE_MESSAGES];
};

struct ww_raft;

struct ww_raft_peer_status {
    uint32_t id;
    uint64_t match;
    uint64_t next;
    uint32_t inflight_bytes;
    uint32_t window_bytes;
    bool probing;
};

struct ww_raft_status {
    enum ww_raft_role role;
    uint32_t leader; /* node id, 0: unknown */
    uint64_t term;
    uint32_t vote;
    uint64_t first_index; /* the log is [first, last]; empty when last = first - 1 */
    uint64_t last_index;
    uint64_t last_term;
    uint64_t durable;
    uint64_t commit;
    uint32_t peer_count; /* as leader: the other voters */
    struct ww_raft_peer_status peers[WW_NODES_MAX];
};

/* Checks the options (WW_EINVAL with the reason in *why) and takes what they say of the disk. */
int ww_raft_create(const struct ww_raft_options *options, struct ww_raft **raft, const char **why);
void ww_raft_destroy(struct ww_raft *raft);

/*
 * One step. Returns WW_OK; WW_EINVAL for a message that no correct node sends (the update is empty,
 * the message counts as dropped); WW_ENOMEM when the term table is full (nothing changed).
 */
int ww_raft_step(struct ww_raft *raft, const struct ww_raft_event *event,
                 struct ww_raft_update *update);

/*
 * As leader: the next AppendEntries for `peer` that window and state allow now. Returns false when
 * there is none. The message carries no body yet: the shell may put in whole batches that begin at
 * message->index + 1 and end at or below *last, of at most *budget_bytes (but always at least one
 * batch when the budget is not 0). When *last <= message->index it tells only the commit position.
 */
bool ww_raft_next_append(const struct ww_raft *raft, uint32_t peer, struct ww_raft_message *message,
                         uint64_t *last, uint32_t *budget_bytes);

/* The shell sent that message with entries up to `last` (message->index if none), of `bytes`. */
void ww_raft_sent(struct ww_raft *raft, uint32_t peer, uint64_t last, uint32_t bytes,
                  uint64_t now_ns);

/* When the next TICK is needed. */
uint64_t ww_raft_deadline_ns(const struct ww_raft *raft);

/* The term of the entry at `index`; 0 for index 0, and for one that is not in the log. */
uint64_t ww_raft_term_at(const struct ww_raft *raft, uint64_t index);

bool ww_raft_is_leader(const struct ww_raft *raft);
uint64_t ww_raft_commit(const struct ww_raft *raft);
uint64_t ww_raft_last_index(const struct ww_raft *raft);
uint32_t ww_raft_leader(const struct ww_raft *raft);
uint64_t ww_raft_term(const struct ww_raft *raft);
void ww_raft_status(const struct ww_raft *raft, struct ww_raft_status *status);

#endif
