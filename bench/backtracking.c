/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/backtracking.h"

#include "bench/virtual_group.h"

#include <stdlib.h>

#define LEADER 1u
#define FOLLOWER 2u
#define OTHER 3u /* its log is the leader's: it makes the quorum that elects it */
#define NODES 3u
#define SECOND_NS UINT64_C(1000000000)
#define DELAY_NS 1000u                  /* so short that no heartbeat comes between */
#define ELECTION_MIN_NS (2 * SECOND_NS) /* nodes that just started vote for nobody before */

/* ---- the logs ---- */

static uint64_t behind_common(const struct ww_backtracking_case *logs)
{
    return logs->terms * logs->entries;
}

static uint64_t leader_term(const struct ww_backtracking_case *logs)
{
    return logs->terms + 2;
}

static uint64_t leader_last(const struct ww_backtracking_case *logs)
{
    return logs->common + behind_common(logs);
}

static uint64_t follower_last(const struct ww_backtracking_case *logs)
{
    return logs->shape == WW_BACKTRACKING_DIVERGED ? leader_last(logs) : logs->common;
}

/* Fills in at most terms + 1 runs. */
static struct ww_virtual_log follower_log(const struct ww_backtracking_case *logs,
                                          struct ww_raft_run *runs)
{
    uint64_t next = logs->common + 1;
    runs[0] = (struct ww_raft_run){1, logs->common, 1};
    struct ww_virtual_log log = {.runs = runs, .run_count = 1, .term = leader_term(logs)};
    for (; next <= follower_last(logs); next += logs->entries, log.run_count++)
        runs[log.run_count] =
            (struct ww_raft_run){next, next + logs->entries - 1, log.run_count + 1};
    return log;
}

/* Would the follower say yes: does it have the leader's entry at `index`? */
static bool agrees(const struct ww_backtracking_case *logs, uint64_t index)
{
    return index <= logs->common;
}

/* ---- the models ---- */

static uint64_t one_by_one(const struct ww_backtracking_case *logs)
{
    uint64_t questions = 1;
    for (uint64_t index = leader_last(logs); !agrees(logs, index); index--)
        questions++;
    return questions;
}

/* The first question hopes that the logs are equal, as everybody's does. */
static uint64_t by_halves(const struct ww_backtracking_case *logs)
{
    uint64_t yes = 0, no = leader_last(logs) + 1, asked = leader_last(logs), questions = 0;
    while (yes + 1 < no) {
        questions++;
        if (agrees(logs, asked))
            yes = asked;
        else
            no = asked;
        asked = yes + (no - yes) / 2;
    }
    return questions;
}

/* ---- the engine ---- */

static int ask_cores(struct ww_virtual_group *group, struct ww_backtracking_result *result)
{
    struct ww_virtual_event event;
    uint64_t led_ns = 0;
    while (ww_virtual_group_next(group, ELECTION_MIN_NS, &event))
        ;
    ww_virtual_group_stand(group, LEADER);
    while (ww_virtual_group_next(group, ELECTION_MIN_NS + SECOND_NS, &event)) {
        if (led_ns == 0 && ww_raft_is_leader(group->nodes[LEADER].raft))
            led_ns = group->now_ns;
        if (led_ns == 0 || event.node != LEADER || event.from != FOLLOWER)
            continue;
        if (event.message.type != WW_RAFT_APPEND_REJECT && event.message.type != WW_RAFT_APPEND_ACK)
            continue;
        result->engine++;
        result->engine_rtts = (double)(group->now_ns - led_ns) / (2.0 * DELAY_NS);
        if (event.message.type == WW_RAFT_APPEND_ACK)
            return WW_OK;
    }
    return WW_ETIMEOUT;
}

int ww_backtracking_run(const struct ww_backtracking_case *logs,
                        struct ww_backtracking_result *result, const char **why)
{
    struct ww_raft_run *runs = calloc(logs->terms + 1, sizeof(*runs));
    struct ww_virtual_group *group = NULL;
    *result = (struct ww_backtracking_result){0};
    *why = "no memory";
    if (runs == NULL)
        return WW_ENOMEM;
    const struct ww_raft_run leads[] = {
        {1, logs->common, 1},
        {logs->common + 1, leader_last(logs), leader_term(logs)},
    };
    const struct ww_virtual_log newest = {leads, 2, leader_term(logs)};
    const struct ww_virtual_log disks[NODES + 1] = {
        [LEADER] = newest, [FOLLOWER] = follower_log(logs, runs), [OTHER] = newest};
    const struct ww_virtual_options options = {
        .nodes = NODES,
        .seed = 1,
        .delay_ns = DELAY_NS,
        .heartbeat_ns = SECOND_NS,
        .election_min_ns = ELECTION_MIN_NS,
        .election_max_ns = 2 * ELECTION_MIN_NS,
        .retry_ns = SECOND_NS,
        .logs = disks,
    };
    int status = ww_virtual_group_create(&options, &group, why);
    if (status == WW_OK) {
        *why = "the follower did not agree in time";
        status = ask_cores(group, result);
    }
    result->one = one_by_one(logs);
    result->halves = by_halves(logs);
    ww_virtual_group_destroy(group);
    free(runs);
    return status;
}
