/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consensus core of one group: pure. No I/O, threads, clocks, payload bytes; no allocation
 * after ww_raft_create. It knows indexes and terms (run-length), and time only from its events.
 *
 * Sources: Ongaro, Ousterhout: In Search of an Understandable Consensus Algorithm (2014), figure 2,
 * sections 5 to 7; Ongaro: Consensus: Bridging Theory and Practice (2014), 3.10 (transfer), 4.2.1
 * (learners), 4.3 (joint consensus), 6.4 (reads), 9.6 (pre-vote), 10.2.1 (the leader's disk).
 *
 * The shell's contract, per event:
 *   1. ww_raft_step(raft, event, update); the shell then obeys `update` in this order:
 *      truncate, hard state (append a record to the stream), new entries (append to the stream),
 *      messages (those marked `wait` only when the group's last hard-state record is durable),
 *      commit, reads.
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
#include "engine/wire/configuration.h"
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

/* A configuration and the index of its entry (0: that of the log's begin). */
struct ww_raft_placed_configuration {
    uint64_t index;
    struct ww_configuration configuration;
};

struct ww_raft_options {
    uint32_t group;
    uint32_t self;            /* node id, 1..WW_NODES_MAX */
    uint64_t heartbeat_ns;    /* a leader is heard from this often */
    uint64_t election_min_ns; /* election timeouts are drawn from [min, max) */
    uint64_t election_max_ns;
    bool adaptive;            /* draws them from a part of it, by measured jitter and loss */
    uint64_t retry_ns;        /* unanswered AppendEntries are probed after this */
    uint32_t window_bytes;    /* AppendEntries bytes in flight to one follower */
    uint32_t term_runs;       /* capacity of the term table: WW_RAFT_TERM_RUNS */
    bool leases;              /* reads without a round, on the leader's clock */
    uint32_t clock_drift_ppm; /* bound on the rate error of any node's clock, for leases */
    uint8_t priorities[WW_NODES_MAX + 1]; /* by node id: a higher one is preferred as leader */
    uint64_t seed; /* of the election timeouts, and of the number of this start */
    /* The disk may have lost what this node promised: it is new, or damage was cut out of it. The
     * node does not vote, stand or count until that can do no harm: rejoin.c. */
    bool amnesia;
    bool newborn; /* amnesia of a new disk: perhaps the whole group is new */
    /* What the disk held at start. The log is (base_index, ...]; the base is the end of the last
     * snapshot, or 0. */
    uint64_t term;
    uint32_t vote; /* node id or 0 */
    uint64_t base_index;
    uint64_t base_term;
    uint64_t snapshot_bytes;               /* of the snapshot that ends at the base */
    struct ww_configuration configuration; /* at the base; all zero: waits to be added */
    const struct ww_raft_placed_configuration *configurations; /* of the log, ascending: the last */
    size_t configuration_count;                                /* two are enough; copied */
    const struct ww_raft_run *log; /* consecutive, ascending, from base_index + 1; copied */
    size_t log_runs;
    uint64_t now_ns;
};

enum ww_raft_event_type {
    WW_RAFT_EV_TICK,               /* time passed */
    WW_RAFT_EV_MESSAGE,            /* from, message, and for APPEND its runs and configurations */
    WW_RAFT_EV_PROPOSE,            /* count entries; the update's status: were they taken? */
    WW_RAFT_EV_DURABLE,            /* the log is durable up to (term, index) */
    WW_RAFT_EV_HARD_STATE_DURABLE, /* (term, vote, known) is durable */
    WW_RAFT_EV_FLUSH,              /* end of a poll iteration: emit what is due */
    /* Leader: make `configuration` (its old_voters are 0) that of the group. Status: WW_OK (its
     * entry was appended), WW_ENOTLEADER, WW_EBUSY (nothing committed in this term yet, a change or
     * a transfer is under way, or a learner to be promoted is not caught up), WW_EINVAL (no voters,
     * or a new voter that is not a learner yet). */
    WW_RAFT_EV_CHANGE,
    /* Leader: hand over to the voter `node`. Status: WW_OK (under way), WW_ENOTLEADER, WW_EBUSY,
     * WW_EINVAL (not a voter, or self). Proposals get WW_EBUSY until it is over. */
    WW_RAFT_EV_TRANSFER,
    /* Leader: a linearizable read begins. Status: WW_OK (read_index and read_round of the update
     * are set), WW_ENOTLEADER, WW_EBUSY (nothing committed in this term yet). now_ns was looked at
     * after the read arrived: a lease that ended before that must not serve it. */
    WW_RAFT_EV_READ,
    /* A snapshot of the state at `index` (applied) is durable here, of snapshot_bytes; entries
     * below first_index leave the log (first_index <= index + 1). Again with the same index: more
     * of them do. */
    WW_RAFT_EV_COMPACT,
    /* Follower: of the leader's snapshot (term, index), offered by an update's snapshot_chunk,
     * staged_bytes are here. */
    WW_RAFT_EV_SNAPSHOT_STAGED,
    /* Follower: the snapshot (term, index) with `configuration`, of snapshot_bytes, is whole and
     * durable here: it becomes the begin of the log. */
    WW_RAFT_EV_SNAPSHOT_INSTALLED,
    /* The clock went back, or made a step of more than a quarter of election_min_ns between two
     * polls: a pause or a jump. Leases of rounds begun before it are void, and so is the time that
     * seems to have passed since a leader was heard. */
    WW_RAFT_EV_TIME_JUMPED,
};

struct ww_raft_event {
    enum ww_raft_event_type type;
    uint64_t now_ns;
    /* MESSAGE. The runs describe the batches of an APPEND, consecutive from message->index + 1. */
    uint32_t from;
    const struct ww_raft_message *message;
    const struct ww_raft_run *runs;
    size_t run_count;
    const struct ww_raft_placed_configuration *configurations; /* among them, ascending */
    size_t configuration_count;
    uint32_t count;        /* PROPOSE: entries, at least 1 */
    uint64_t term;         /* DURABLE, HARD_STATE_DURABLE, SNAPSHOT_* */
    uint64_t index;        /* DURABLE, COMPACT, SNAPSHOT_* */
    uint32_t vote;         /* HARD_STATE_DURABLE */
    bool known;            /* HARD_STATE_DURABLE: as it was in the update */
    uint32_t window_bytes; /* FLUSH: what this node grants to its leader from now on */
    uint32_t node;         /* TRANSFER */
    struct ww_configuration configuration; /* CHANGE, SNAPSHOT_INSTALLED */
    uint64_t first_index;                  /* COMPACT */
    uint64_t snapshot_bytes;               /* COMPACT, SNAPSHOT_INSTALLED */
    uint64_t staged_bytes;                 /* SNAPSHOT_STAGED */
    uint64_t step_ns;                      /* TIME_JUMPED; 0: the clock went back */
};

struct ww_raft_outgoing {
    uint32_t to;
    bool wait; /* release only when the group's hard state so far is durable */
    struct ww_raft_message message;
};

/* Entries that joined the log, and who makes their bytes. */
enum ww_raft_append_kind {
    WW_RAFT_APPENDED_BATCHES,       /* of the message or the proposal: the shell has them */
    WW_RAFT_APPENDED_NOOP,          /* one empty entry, the first of a leader's term */
    WW_RAFT_APPENDED_BARRIER,       /* one empty entry, behind which a node may rejoin */
    WW_RAFT_APPENDED_CONFIGURATION, /* one entry with the update's `configuration` */
};

/* What the shell must do; valid until the next step. All zero means nothing. */
struct ww_raft_update {
    uint64_t
        truncate_from; /* entries >= this leave the log; 0: none. Before anything is appended */
    bool hard_state;   /* (term, vote, known) changed: append a record to the stream */
    uint64_t term;     /* current term, always set */
    uint32_t vote;     /* current vote, always set */
    bool known;        /* nothing that was promised is forgotten: the record says so too */
    bool recovered;    /* amnesia is over, durably */
    /* Entries that joined the log. Follower: of the message's batches, those in [from, to].
     * Leader: the proposed ones, or one of its own. from 0: none. */
    uint64_t append_from;
    uint64_t append_to;
    enum ww_raft_append_kind append_kind;
    struct ww_configuration configuration;
    int status;      /* PROPOSE, CHANGE, TRANSFER, READ */
    uint64_t commit; /* commit position, always set; never goes back */
    bool commit_changed;
    bool role_changed; /* role, term, leader or configuration changed: ask ww_raft_status */
    /* READ: what must be applied before it is served, and the round that must be confirmed first;
     * round 0: none, the lease holds. Rounds are of this leadership and only grow. */
    uint64_t read_index;
    uint64_t read_round;
    uint64_t confirmed_round; /* leader, always set: reads of rounds up to this may be served */
    /* MESSAGE of type SNAPSHOT: its body belongs at message->commit of the snapshot (term,
     * index) = (log_term, index); when it follows what is staged, stage it; in any case answer with
     * SNAPSHOT_STAGED. */
    bool snapshot_chunk;
    /* SNAPSHOT_INSTALLED: it is now the begin of the log; when truncate_from is set, of an empty
     * one. False: it was not newer than the commit position, and nothing changed. */
    bool installed;
    uint32_t message_count;
    struct ww_raft_outgoing messages[WW_RAFT_UPDATE_MESSAGES];
};

struct ww_raft;

enum ww_raft_peer_state { WW_RAFT_PROBE, WW_RAFT_REPLICATE, WW_RAFT_SEND_SNAPSHOT };

struct ww_raft_peer_status {
    uint32_t id;
    enum ww_raft_peer_state state;
    bool voter;
    bool caught_up; /* a learner that may be promoted */
    bool amnesia;   /* it may have forgotten promises, and does not count */
    uint64_t match;
    uint64_t next;
    uint32_t inflight_bytes;
    uint32_t window_bytes;
    uint64_t rtt_ns; /* smoothed; 0: not measured yet */
};

struct ww_raft_status {
    enum ww_raft_role role;
    uint32_t leader; /* node id, 0: unknown */
    uint64_t term;
    uint32_t vote;
    uint64_t start;       /* the number of this start in messages: random */
    bool amnesia;         /* may have forgotten promises, and has not rejoined yet */
    bool known;           /* as in the update: what a record of (term, vote) says */
    uint64_t first_index; /* the log is [first, last]; empty when last = first - 1 */
    uint64_t last_index;
    uint64_t last_term;
    uint64_t durable;
    uint64_t commit;
    uint64_t snapshot_index; /* of the newest snapshot; 0: none */
    struct ww_configuration configuration;
    uint64_t configuration_index;
    bool configuration_committed;
    uint32_t transfer_to;         /* leader: the node that it hands over to; 0: none */
    uint64_t lease_ns;            /* leader: what is left of the lease; 0: none */
    uint64_t election_timeout_ns; /* the last one drawn */
    uint32_t peer_count;          /* as leader: the other members */
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
 *
 * A message of type SNAPSHOT asks for at most *budget_bytes of the snapshot that ends at
 * message->index, from offset message->commit on; the shell sets the flag LAST when they end it.
 */
bool ww_raft_next_append(const struct ww_raft *raft, uint32_t peer, struct ww_raft_message *message,
                         uint64_t *last, uint32_t *budget_bytes);

/* The shell sent that message with entries up to `last` (message->index if none), of `bytes`; or a
 * SNAPSHOT with `bytes` (last: its index). */
void ww_raft_sent(struct ww_raft *raft, uint32_t peer, uint64_t last, uint32_t bytes,
                  uint64_t now_ns);

/* When the next TICK is needed. */
uint64_t ww_raft_deadline_ns(const struct ww_raft *raft);

/* The term of the entry at `index`; 0 for index 0, and for one that is not in the log. */
uint64_t ww_raft_term_at(const struct ww_raft *raft, uint64_t index);

/* The configuration in force at `index`, which is committed; false: older than what is remembered
 * (take the snapshot at a later index). */
bool ww_raft_configuration_at(const struct ww_raft *raft, uint64_t index,
                              struct ww_configuration *configuration);

/* As leader: is a snapshot on its way to a member that answers? A newer one would begin it anew. */
bool ww_raft_sends_snapshot(const struct ww_raft *raft);

/* Every node that this one exchanges messages with as leader: bit per node id, without itself. */
uint8_t ww_raft_peers(const struct ww_raft *raft);

bool ww_raft_is_leader(const struct ww_raft *raft);
/* Would a proposal be taken now? A leader that hands over takes none. */
bool ww_raft_takes_proposals(const struct ww_raft *raft);
uint64_t ww_raft_commit(const struct ww_raft *raft);
uint64_t ww_raft_last_index(const struct ww_raft *raft);
uint32_t ww_raft_leader(const struct ww_raft *raft);
uint64_t ww_raft_term(const struct ww_raft *raft);
bool ww_raft_amnesia(const struct ww_raft *raft);
void ww_raft_status(const struct ww_raft *raft, struct ww_raft_status *status);

#endif
