/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One core under test: node 1 of `voters`. A log is written as the terms of its entries: "1122" has
 * two entries of term 1, then two of term 2. Times are small numbers of ns.
 */
#ifndef WW_TEST_RAFT_FIXTURE_H
#define WW_TEST_RAFT_FIXTURE_H

#include "engine/raft/raft.h"

#define HEARTBEAT 10u
#define ELECTION_MIN 100u
#define ELECTION_MAX 200u
#define RETRY 20u
#define WINDOW 1000u
#define TERM_RUNS 8u
#define VOTERS(count) ((uint8_t)((1u << ((count) + 1)) - 2)) /* nodes 1 to count */
#define NODE(id) ((uint8_t)(1u << (id)))
#define SNAPSHOT_BYTES 1000u

struct fixture {
    struct ww_raft *raft;
    struct ww_raft_update update; /* of the last step */
    uint64_t now;
    struct ww_raft_placed_configuration appended; /* the last one that we made as leader */
};

void fixture_start(struct fixture *f, uint32_t voters, uint64_t term, uint32_t vote,
                   const char *log);
void fixture_options(struct ww_raft_options *options, uint32_t voters);
/* Starts with `options`; `log` follows their base. */
void fixture_start_with(struct fixture *f, struct ww_raft_options options, const char *log);
/* With an empty log, as a learner of the voters 2 and 3. */
void fixture_start_learner(struct fixture *f);
/* Starts with `options`, at term 1 with the log "1", and leads in term 2: all entries up to 2 are
 * durable everywhere, and committed. */
void fixture_lead_with(struct fixture *f, struct ww_raft_options options);
void fixture_lead(struct fixture *f, uint32_t voters);
void fixture_stop(struct fixture *f);
int fixture_step(struct fixture *f, struct ww_raft_event event);

int fixture_tick(struct fixture *f, uint64_t now);
int fixture_timeout(struct fixture *f); /* ticks at the deadline */
int fixture_receive(struct fixture *f, uint32_t from, struct ww_raft_message message);
/* AppendEntries from a leader: `entries` follow the entry (index, log_term) of its log. */
int fixture_append(struct fixture *f, uint32_t from, uint64_t term, uint64_t index,
                   uint64_t log_term, const char *entries, uint64_t commit);
/* The same with a configuration as the entry at `placed->index`. */
int fixture_append_placed(struct fixture *f, uint32_t from, uint64_t term, uint64_t index,
                          uint64_t log_term, const char *entries,
                          const struct ww_raft_placed_configuration *placed, size_t count);
int fixture_heartbeat(struct fixture *f, uint32_t from, uint64_t term, uint64_t index,
                      uint64_t log_term, uint64_t commit);
int fixture_ack(struct fixture *f, uint32_t from, uint64_t index); /* in our term, whole window */
int fixture_answer(struct fixture *f, uint32_t from, uint64_t index, uint64_t round);
int fixture_reject(struct fixture *f, uint32_t from, uint64_t index, uint64_t log_term,
                   uint64_t hint);
int fixture_vote_reply(struct fixture *f, uint32_t from, uint8_t type, uint64_t term, bool granted);
void fixture_propose(struct fixture *f, uint32_t count);
void fixture_durable(struct fixture *f, uint64_t term, uint64_t index);
void fixture_hard_state_durable(struct fixture *f); /* the current term and vote */
/* These return the status in the update. */
int fixture_change(struct fixture *f, uint8_t voters, uint8_t learners);
int fixture_transfer(struct fixture *f, uint32_t node);
int fixture_read(struct fixture *f);
int fixture_compact(struct fixture *f, uint64_t index, uint64_t first_index); /* 1000 bytes */
int fixture_install(struct fixture *f, uint64_t term, uint64_t index, uint8_t voters);
/* Our entries up to the last one are durable here and on the nodes of `peers` (bit per id). */
void fixture_all_durable(struct fixture *f, uint8_t peers);
void fixture_flush(struct fixture *f, uint32_t window);
void fixture_become_candidate(struct fixture *f); /* its vote is not durable yet */
void fixture_become_leader(struct fixture *f);

/* The first message of the last update to `to` (0: to anyone) of `type`; NULL: none. */
const struct ww_raft_outgoing *fixture_sent(const struct fixture *f, uint32_t to, uint8_t type);
/* Sends at most `max` entries of 100 bytes of what is next for `peer`; false: nothing is. */
bool fixture_replicate(struct fixture *f, uint32_t peer, uint64_t max,
                       struct ww_raft_message *message);
struct ww_raft_status fixture_status(const struct fixture *f);
struct ww_raft_peer_status fixture_peer(const struct fixture *f, uint32_t peer);

#endif
