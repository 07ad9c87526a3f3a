/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults that are injected while the load is measured: `--inject leader-kill@10s,
 * follower-pause@5s:2s`. Leader and followers are those of group 0. A killed node is started again
 * after its DURATION, a paused one goes on; whatever has not ended by itself ends with the measured
 * phase, so that every entry gets its answer and everything can be verified.
 */
#ifndef WW_BENCH_INJECT_H
#define WW_BENCH_INJECT_H

#include "bench/gaps.h"
#include "engine/base/error.h"
#include "engine/base/limits.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

struct ww_local_cluster;

enum ww_inject_action {
    WW_INJECT_LEADER_KILL,     /* SIGKILL */
    WW_INJECT_LEADER_PAUSE,    /* SIGSTOP, then SIGCONT */
    WW_INJECT_LEADER_TRANSFER, /* the leader is asked to hand over */
    WW_INJECT_FOLLOWER_KILL,
    WW_INJECT_FOLLOWER_PAUSE,
};

struct ww_injection {
    enum ww_inject_action action;
    uint64_t at_ns; /* behind the begin of the measured phase */
    uint64_t
        duration_ns; /* of a pause, or until a killed node is started again; 0: until the end */
};

struct ww_injections {
    struct ww_injection list[WW_BENCH_INJECTIONS_MAX]; /* in the order of their times */
    uint32_t count;
};

/* Reads ACTION@TIME[:DURATION],... for a cluster of `replicas` that is measured for `measured_ns`.
 * WW_EINVAL: `error` says which part is wrong, and how. */
int ww_inject_parse(const char *text, uint32_t replicas, uint64_t measured_ns,
                    struct ww_injections *injections, struct ww_error *error);

/* What became of one of them; times on CLOCK_MONOTONIC, 0: not yet. */
struct ww_injected {
    uint32_t node;
    uint64_t begin_ns, end_ns;
};

struct ww_injector {
    const struct ww_injections *injections;
    struct ww_local_cluster *cluster;
    uint32_t replicas;
    uint64_t measured_ns; /* the begin of the measured phase */
    uint64_t end_ns;      /* and its end */
    uint64_t start_ns;    /* the begin while faults may begin, else 0 */
    uint64_t retry_ns;    /* there was no leader: look again then */
    struct ww_injected injected[WW_BENCH_INJECTIONS_MAX];
    bool paused[WW_NODES_MAX];
    bool touched[WW_NODES_MAX]; /* was killed or paused at some time */
};

/* The measured phase lies between these times: so those of the faults are known. */
void ww_injector_start(struct ww_injector *injector, uint64_t begin_ns, uint64_t end_ns);

/* Does what is due at `now_ns`. */
int ww_injector_step(struct ww_injector *injector, uint64_t now_ns, struct ww_error *error);

/* When something is due next; UINT64_MAX: never. */
uint64_t ww_injector_due_ns(const struct ww_injector *injector);

/* Ends what has not ended: all nodes run. WW_EIO when one could not be injected in time. */
int ww_injector_finish(struct ww_injector *injector, struct ww_error *error);

/* Can the node answer? `excused`: it has a reason not to, also for a while behind its return. */
bool ww_injector_reaches(const struct ww_injector *injector, uint32_t id, bool *excused);

/* `injections` of result.json, with the outages that the gaps show. An election is over within some
 * election timeouts; the outage is looked for from the fault until twice `election_ns` behind it,
 * but not beyond the next fault. */
struct json_object *ww_injector_json(const struct ww_injector *injector, const struct ww_gaps *gaps,
                                     uint64_t election_ns);

#endif
