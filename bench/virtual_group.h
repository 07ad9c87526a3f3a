/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cores of one group (engine/raft) in virtual time: links with a delay, disks that take a
 * while, timers that are looked at now and then. One seed makes a run; nothing here looks at a
 * clock, so that thousands of elections fit into a second.
 */
#ifndef WW_BENCH_VIRTUAL_GROUP_H
#define WW_BENCH_VIRTUAL_GROUP_H

#include "engine/base/random.h"
#include "engine/raft/raft.h"

#define WW_VIRTUAL_FLIGHTS 1024u /* on the way to a node or a disk; messages on top are lost */
#define WW_VIRTUAL_RUNS 4u       /* runs of equal term in one AppendEntries */
#define WW_VIRTUAL_ENTRIES 256u  /* entries in one AppendEntries */

/* What a node's disk holds at the start. */
struct ww_virtual_log {
    const struct ww_raft_run *runs;
    size_t run_count;
    uint64_t term; /* at least that of the last run */
};

struct ww_virtual_options {
    uint32_t group; /* its number */
    uint32_t nodes; /* 1..nodes, all of them voters */
    uint64_t seed;
    uint64_t delay_ns; /* of a link one way: each message takes from half to one and a half of it */
    uint64_t disk_ns;  /* until a write is durable */
    uint64_t tick_ns;  /* timers are looked at so often, by each node at its own phase */
    uint64_t heartbeat_ns, election_min_ns, election_max_ns, retry_ns;
    bool adaptive;
    const struct ww_virtual_log *logs; /* by node id; NULL: all are empty */
    /* Draws the election timeout of a node whose last `failures` candidacies failed, in place of
     * the core; NULL: the core's own. The core's clock is set forward to where its timer ends, so
     * all that it does then is its own. */
    uint64_t (*draw_ns)(const struct ww_virtual_options *options, struct ww_random *random,
                        uint32_t failures);
};

struct ww_virtual_flight {
    uint64_t due_ns, order;
    uint32_t kind, from, to;
    uint64_t held_until; /* HELD: the hard states of `from` that must be durable */
    struct ww_raft_message message;
    struct ww_raft_run runs[WW_VIRTUAL_RUNS];
    uint32_t run_count;
    uint64_t term, index; /* what becomes durable */
    uint32_t vote;
    bool known;
};

struct ww_virtual_node {
    struct ww_raft *raft;
    bool dead;
    uint64_t ahead_ns;    /* of its clock before the group's */
    uint64_t phase_ns;    /* of its looks at the timers */
    uint64_t deadline_ns; /* of the core, when the timer was set */
    uint64_t timer_ns;    /* when it is due, in the group's time */
    uint32_t failures;
    uint64_t hard_states, hard_states_durable;
};

struct ww_virtual_group {
    struct ww_virtual_options options;
    struct ww_random random;
    uint64_t now_ns;
    uint64_t orders;
    struct ww_virtual_node nodes[WW_NODES_MAX + 1];
    struct ww_virtual_flight lost;
    uint32_t flight_count;
    struct ww_virtual_flight flights[WW_VIRTUAL_FLIGHTS];
};

/* What happened, to which node. */
struct ww_virtual_event {
    uint32_t node;
    bool role_changed;
    uint32_t from; /* whose message arrived; 0: a timer or a disk */
    struct ww_raft_message message;
};

/* WW_EINVAL with the reason in *why: options that no core takes. */
int ww_virtual_group_create(const struct ww_virtual_options *options,
                            struct ww_virtual_group **group, const char **why);
void ww_virtual_group_destroy(struct ww_virtual_group *group);

/* Lets the next thing happen that is due until `until_ns`. False: there is none, it is then. */
bool ww_virtual_group_next(struct ww_virtual_group *group, uint64_t until_ns,
                           struct ww_virtual_event *event);

/* The election timer of a node ends now. */
void ww_virtual_group_stand(struct ww_virtual_group *group, uint32_t node);
/* It hears and says nothing from now on; what it sent before arrives. */
void ww_virtual_group_kill(struct ww_virtual_group *group, uint32_t node);

#endif
