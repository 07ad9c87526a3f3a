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

/* The log as the core knows it, (base_index, last_index]: a run ends where the next one begins. */
struct ww_raft_log_run {
    uint64_t first_index;
    uint64_t term;
};

struct ww_raft_log {
    uint64_t base_index; /* the entry before the first one, and its term: a snapshot's, or 0 */
    uint64_t base_term;
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

/* A node sees a pause or jump of its clock above this part of the shortest election timeout. */
#define WW_RAFT_JUMP_PART 4u

#define WW_RAFT_MILLION 1000000u

/* Candidacies refused in a row before a node asks for terms instead. */
#define WW_RAFT_REFUSALS_MAX 3u

/* Rounds of heartbeats whose begin is remembered: for leases and round-trip times. */
#define WW_RAFT_ROUNDS 16u

/*
 * A leader's view of another member.
 *
 * PROBE: it is not known where the logs agree; one message at a time asks for `asked`.
 * REPLICATE: messages follow each other, as many as the window allows.
 * SEND_SNAPSHOT: what it needs left our log; the snapshot goes out in parts, then PROBE.
 *
 *   new leadership ──▶ PROBE ──ack at or above `asked`──▶ REPLICATE
 *                      ▲  │ ▲────────────rejection───────────┘
 *     acknowledged ────┘  │ below our log                    (also from REPLICATE)
 *          SEND_SNAPSHOT ◀┘
 */
struct ww_raft_peer {
    enum ww_raft_peer_state state;
    bool paused;       /* PROBE: the question is on its way */
    uint16_t question; /* how many there were in this term */
    uint64_t asked;    /* PROBE: the previous index of the question */
    uint64_t match;    /* durable there and equal to ours; falls only when the peer lost it */
    uint64_t next;     /* first entry not yet sent; > match */
    uint64_t told;     /* commit position that the peer was told and could take */
    uint64_t heard_ns; /* last answer in this term */
    uint64_t round;    /* newest round that it answered */
    uint64_t retry_at_ns;
    uint32_t retries; /* without progress */
    uint32_t granted_bytes;
    uint32_t inflight_bytes;
    uint32_t inflight_head;
    uint32_t inflight_count;
    uint64_t rtt_ns, rtt_deviation_ns; /* smoothed as in RFC 6298; 0: not measured */
    /* Thesis 4.2.1: a learner is caught up when it replicated, in less than an election timeout,
     * what our log held when the round of catching up began. */
    uint64_t catch_up_goal;
    uint64_t catch_up_began_ns;
    bool caught_up;
    /* Rejoining: the number of its start that may have forgotten promises (0: we know of none), and
     * the entry that was appended when we heard of it. Until the peer said that it has rejoined
     * (barrier 0) it counts for nothing. */
    uint64_t start;
    uint64_t barrier;
    /* SEND_SNAPSHOT. */
    uint64_t snapshot_acked; /* bytes */
    uint64_t snapshot_sent;
    uint16_t snapshot_answered; /* the newest question that was answered */
    bool snapshot_ask;          /* send a part, though it may be empty, to learn what is there */
    struct ww_raft_inflight inflight[WW_RAFT_INFLIGHT_MAX];
};

/* What a follower measured of its leader's heartbeats: adaptive timeouts. */
struct ww_raft_arrivals {
    uint64_t last_ns;      /* when the newest round arrived; 0: none in this term */
    uint64_t gap_ns;       /* smoothed time between rounds, per round */
    uint64_t deviation_ns; /* smoothed */
    uint32_t loss_ppm;     /* smoothed: rounds that did not arrive */
};

/* A node that may have forgotten what it promised: rejoin.c. */
struct ww_raft_rejoin {
    bool amnesia;
    bool ending;   /* the record that ends it is on its way to the disk */
    uint8_t fresh; /* bit per voter: in this round of questions it was in term 0 */
    uint8_t same;  /* ... and in the same start as in the round before, in which all were */
    bool steady;   /* there was such a round before */
    uint32_t round;
    uint32_t asks; /* since a leader was heard: the next question waits longer */
    uint64_t ask_at_ns;
    uint64_t term;    /* its leader knows of us: acknowledgements may leave; 0: none */
    uint64_t barrier; /* that leader's others hold it; 0: not that we know */
    uint64_t starts[WW_NODES_MAX + 1]; /* of those in `fresh`, in the newest round */
};

struct ww_raft {
    struct ww_raft_options options; /* log and configurations are not kept */
    struct ww_random random;
    uint64_t now_ns;          /* never goes back: the time of the events, plus ... */
    uint64_t clock_offset_ns; /* ... what their clock went back in all */

    uint64_t start; /* the number of this start: random, so that nobody takes it for another */
    uint64_t term;
    uint32_t vote;
    bool hard_state_durable; /* (term, vote) is on the disk */
    struct ww_raft_log log;
    uint64_t durable;
    uint64_t commit;
    uint64_t snapshot_index; /* the newest one that is durable here; >= log.base_index */
    uint64_t snapshot_term;
    uint64_t snapshot_bytes;

    /* The latest configuration of the log, committed or not, and the one before it. That one is
     * committed, so that two are enough: a leader adds none before its last one committed. */
    struct ww_raft_placed_configuration configuration, previous_configuration;

    enum ww_raft_role role;
    uint32_t leader;
    uint64_t election_at_ns;      /* not as leader */
    uint64_t election_timeout_ns; /* the last one drawn */
    uint32_t candidacies;         /* failed in a row: the next one waits longer */
    uint32_t refusals;            /* candidacies in a row that a quorum refused */
    uint32_t votes;               /* (pre-)candidate: bit per node id that granted */
    uint32_t denials;             /* ... that refused */
    bool transfer_election;       /* candidate: the leader asked for it */

    /* Follower. */
    /* No vote before this, but for a transfer: a leader was heard (4.2.3), and may hold a lease. */
    uint64_t no_vote_until_ns;
    uint64_t verified;     /* our log equals that of this term's leader up to here */
    uint64_t acknowledged; /* index of the last acknowledgement in this term */
    bool answer_due;
    uint16_t snapshot_question; /* of the last SNAPSHOT */
    uint32_t round;             /* newest round heard in this term, low bits */
    uint32_t window_bytes;      /* what we grant now ... */
    uint32_t granted_bytes;     /* ... and what the leader was last told */
    struct ww_raft_arrivals arrivals;
    struct ww_raft_rejoin rejoin;

    /* Leader. */
    uint64_t heartbeat_at_ns;
    uint64_t rounds; /* begun in this term */
    uint64_t rounds_began_ns[WW_RAFT_ROUNDS];
    uint64_t rounds_valid_from; /* earlier ones began before the clock jumped: no lease of them */
    uint64_t confirmed_round;
    bool round_wanted; /* a read waits for the next round */
    bool no_lease;     /* in this term: a transfer may have elected another leader */
    bool transfer_sent;
    uint32_t transfer_to;
    uint64_t transfer_until_ns;
    uint64_t preferred_since_ns; /* a preferred leader has been ready for so long; 0: none */
    uint32_t preferred_tries;    /* to hand over to it, in this term */
    struct ww_raft_peer peers[WW_NODES_MAX + 1]; /* by node id */
};

/* A value of every node, by node id. */
struct ww_raft_tally {
    uint64_t of[WW_NODES_MAX + 1];
};

/* raft.c */
struct ww_raft_message *ww_raft_emit(struct ww_raft *raft, struct ww_raft_update *update,
                                     uint32_t to, enum ww_raft_message_type type);
/* A leader's own entry joins the log. At most one per step. */
void ww_raft_append_own(struct ww_raft *raft, struct ww_raft_update *update,
                        enum ww_raft_append_kind kind);

/* options_check.c: what is wrong with the options; NULL: nothing. */
const char *ww_raft_options_wrong(const struct ww_raft_options *options);

/* message_check.c: could a correct node have sent this? */
bool ww_raft_message_valid(const struct ww_raft *raft, const struct ww_raft_event *event);

/* log_terms.c */
int ww_raft_log_create(struct ww_raft_log *log, uint32_t capacity);
void ww_raft_log_append(struct ww_raft_log *log, uint64_t last_index, uint64_t term);
void ww_raft_log_truncate(struct ww_raft_log *log, uint64_t from);
/* Entries up to `index` leave at the front; index is in the log, or its base. */
void ww_raft_log_compact(struct ww_raft_log *log, uint64_t index);
/* Empties the log: it goes on behind (index, term). */
void ww_raft_log_reset(struct ww_raft_log *log, uint64_t index, uint64_t term);
/* Of an entry of the log, or of its base; 0 for others. */
uint64_t ww_raft_log_term_at(const struct ww_raft_log *log, uint64_t index);
/* The run that holds `index`, which is in the log. */
struct ww_raft_run ww_raft_log_run_at(const struct ww_raft_log *log, uint64_t index);
/* The last entry of `term`, or the base when that is all that is known of it; 0: none. */
uint64_t ww_raft_log_last_of_term(const struct ww_raft_log *log, uint64_t term);
uint64_t ww_raft_log_last_term(const struct ww_raft_log *log);

/* configuration.c: who is in the group, by the latest configuration of the log. */
bool ww_raft_is_voter(const struct ww_raft *raft, uint32_t id); /* of either half */
/* Are the nodes in `votes` (bit per id) a majority, in both halves of a joint configuration? */
bool ww_raft_is_quorum(const struct ww_raft *raft, uint32_t votes);
/* The greatest value that a quorum has or exceeds; of both halves the smaller one. */
uint64_t ww_raft_quorum_value(const struct ww_raft *raft, const struct ww_raft_tally *tally);
/* An entry with a configuration joined the log, or entries >= index left it. */
void ww_raft_configuration_appended(struct ww_raft *raft,
                                    const struct ww_raft_placed_configuration *placed);
void ww_raft_configuration_truncated(struct ww_raft *raft, uint64_t index);

/* membership.c: changes, as leader. */
void ww_raft_append_configuration(struct ww_raft *raft, struct ww_configuration configuration,
                                  struct ww_raft_update *update);
void ww_raft_change(struct ww_raft *raft, const struct ww_raft_event *event,
                    struct ww_raft_update *update);
/* The commit position rose: leave the joint phase; step down when we are no longer a voter. */
void ww_raft_membership_committed(struct ww_raft *raft, struct ww_raft_update *update);
/* A learner's match rose: is it caught up? */
void ww_raft_catch_up(struct ww_raft *raft, struct ww_raft_peer *peer);
bool ww_raft_caught_up(const struct ww_raft *raft, const struct ww_raft_peer *peer);

/* rejoin.c: a node that may have forgotten promises, and the leader that takes it back. */
void ww_raft_rejoin_create(struct ww_raft *raft, bool alone);
void ww_raft_rejoin_tick(struct ww_raft *raft, struct ww_raft_update *update);
uint64_t ww_raft_rejoin_deadline_ns(const struct ww_raft *raft);
/* Another leader was heard. */
void ww_raft_rejoin_heard(struct ww_raft *raft);
void ww_raft_recv_rejoin(struct ww_raft *raft, const struct ww_raft_event *event,
                         struct ww_raft_update *update);
int ww_raft_recv_rejoin_reply(struct ww_raft *raft, const struct ww_raft_event *event,
                              struct ww_raft_update *update);
/* After each step: is all there that must be? Then the record that ends amnesia is due. */
void ww_raft_rejoin_step(struct ww_raft *raft);
/* Does a record of (term, vote) end amnesia? */
static inline bool ww_raft_knows(const struct ww_raft *raft)
{
    return !raft->rejoin.amnesia || raft->rejoin.ending;
}
/* That record is durable. */
void ww_raft_rejoin_over(struct ww_raft *raft, struct ww_raft_update *update);
/* May acknowledgements leave? Not before the leader knows that they do not count. */
bool ww_raft_may_acknowledge(const struct ww_raft *raft);
/* Leader: a message to each that has not rejoined, how it can. */
void ww_raft_send_barriers(struct ww_raft *raft, struct ww_raft_update *update);
/* Does the peer count in a quorum? */
bool ww_raft_counts(const struct ww_raft *raft, uint32_t id);

/* transfer.c */
void ww_raft_transfer(struct ww_raft *raft, uint32_t node, struct ww_raft_update *update);
/* Leader's tick, and whenever a match rose: ask the target to stand, give up, prefer another. */
void ww_raft_transfer_step(struct ww_raft *raft, struct ww_raft_update *update);
int ww_raft_recv_timeout_now(struct ww_raft *raft, const struct ww_raft_event *event,
                             struct ww_raft_update *update);

/* term_probe.c */
void ww_raft_send_term_probe(struct ww_raft *raft, struct ww_raft_update *update);
void ww_raft_recv_term_probe(struct ww_raft *raft, const struct ww_raft_event *event,
                             struct ww_raft_update *update);

/* timing.c: how long to wait. */
void ww_raft_reset_election_timer(struct ww_raft *raft);
/* A round of the leader arrived: measure the gap since the one before. */
void ww_raft_arrived(struct ww_raft *raft, uint32_t round);

/* election.c */
void ww_raft_become_follower(struct ww_raft *raft, uint64_t term, uint32_t leader);
int ww_raft_election_tick(struct ww_raft *raft, struct ww_raft_update *update);
/* Stands for election at once, without a pre-vote. WW_ENOMEM: no room for a new term. */
int ww_raft_become_candidate(struct ww_raft *raft, bool transfer, struct ww_raft_update *update);
void ww_raft_count_vote(struct ww_raft *raft, uint32_t from, struct ww_raft_update *update);
void ww_raft_count_denial(struct ww_raft *raft, uint32_t from);

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
/* FLUSH as follower: the acknowledgement that is due. */
void ww_raft_acknowledge(struct ww_raft *raft, uint32_t window_bytes,
                         struct ww_raft_update *update);

/* append_reply.c */
int ww_raft_recv_append_ack(struct ww_raft *raft, const struct ww_raft_event *event,
                            struct ww_raft_update *update);
void ww_raft_recv_append_reject(struct ww_raft *raft, const struct ww_raft_event *event);

/* replicate.c */
void ww_raft_peer_start(struct ww_raft *raft, struct ww_raft_peer *peer);
/* Asks at `next`, or sends the snapshot when `next` is no longer in the log. */
void ww_raft_peer_probe(struct ww_raft *raft, struct ww_raft_peer *peer, uint64_t next);
uint64_t ww_raft_retry_at(struct ww_raft *raft, const struct ww_raft_peer *peer, uint64_t now_ns);
void ww_raft_leader_tick(struct ww_raft *raft, struct ww_raft_update *update);
uint64_t ww_raft_leader_deadline_ns(const struct ww_raft *raft);
/* A heartbeat of the current round to every member. */
void ww_raft_send_heartbeats(struct ww_raft *raft, struct ww_raft_update *update);

/* commit.c */
void ww_raft_advance_commit(struct ww_raft *raft, struct ww_raft_update *update);
/* The last entry that a quorum of those that count holds durably. */
uint64_t ww_raft_quorum_holds(const struct ww_raft *raft);
/* May a leader decide now: has it committed an entry of its own term? */
bool ww_raft_committed_own(const struct ww_raft *raft);

/* read.c: rounds, read index, leases. */
void ww_raft_read(struct ww_raft *raft, struct ww_raft_update *update);
void ww_raft_begin_round(struct ww_raft *raft, struct ww_raft_update *update);
/* FLUSH as leader: begins the round that reads wait for, unless one is under way. */
void ww_raft_flush_reads(struct ww_raft *raft, struct ww_raft_update *update);
/* A member answered a round, of which the wire has the low bits. */
void ww_raft_round_answered(struct ww_raft *raft, struct ww_raft_peer *peer, uint32_t low_bits);
void ww_raft_time_jumped(struct ww_raft *raft, uint64_t step_ns);
uint64_t ww_raft_lease_ns(const struct ww_raft *raft); /* what is left of it */

/* snapshot.c */
int ww_raft_compact(struct ww_raft *raft, const struct ww_raft_event *event);
int ww_raft_recv_snapshot(struct ww_raft *raft, const struct ww_raft_event *event,
                          struct ww_raft_update *update);
void ww_raft_snapshot_staged(struct ww_raft *raft, const struct ww_raft_event *event,
                             struct ww_raft_update *update);
int ww_raft_snapshot_installed(struct ww_raft *raft, const struct ww_raft_event *event,
                               struct ww_raft_update *update);
void ww_raft_recv_snapshot_ack(struct ww_raft *raft, const struct ww_raft_event *event);

#endif
