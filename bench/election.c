/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/election.h"

#define ROUNDS_BEFORE 10u
#define PATIENCE 100u /* times election_max */
#define SLOT_PART 8u  /* BACKOFF: of the range, at first; and the range so many times at last */
#define SLOT_DOUBLINGS 6u

const char *const ww_election_designs[] = {"fixed",  "random",   "backoff",
                                           "engine", "adaptive", NULL};

static uint64_t draw_fixed(const struct ww_virtual_options *options, struct ww_random *random,
                           uint32_t failures)
{
    (void)random;
    (void)failures;
    return options->election_min_ns;
}

static uint64_t draw_random(const struct ww_virtual_options *options, struct ww_random *random,
                            uint32_t failures)
{
    (void)failures;
    return ww_random_range(random, options->election_min_ns, options->election_max_ns);
}

static uint64_t draw_backoff(const struct ww_virtual_options *options, struct ww_random *random,
                             uint32_t failures)
{
    uint64_t range_ns = options->election_max_ns - options->election_min_ns;
    uint32_t doublings = failures < SLOT_DOUBLINGS ? failures : SLOT_DOUBLINGS;
    return options->election_min_ns +
           ww_random_range(random, 0, (range_ns / SLOT_PART) << doublings);
}

/* What is seen of one election. */
struct election {
    uint64_t first_term; /* the first one that can begin */
    uint64_t term;       /* the newest one in which a node stood */
    uint32_t candidates; /* in it */
    uint64_t terms;
    bool split;
};

/* Several stood in the newest term, and another one begins. */
static void term_failed(struct election *election)
{
    election->split |= election->candidates > 1;
    election->candidates = 0;
}

static void role_changed(struct election *election, const struct ww_raft *raft)
{
    struct ww_raft_status status;
    ww_raft_status(raft, &status);
    if (status.role != WW_RAFT_CANDIDATE || status.term < election->first_term)
        return;
    if (status.term > election->term) {
        term_failed(election);
        election->term = status.term;
        election->terms++;
    }
    election->candidates += status.term == election->term;
}

/* Node 1 is made the leader, is heard for a while, and dies anywhere between two heartbeats. */
static bool let_die(struct ww_virtual_group *group)
{
    const struct ww_virtual_options *options = &group->options;
    struct ww_virtual_event event;
    uint64_t limit_ns = PATIENCE * options->election_max_ns;
    ww_virtual_group_stand(group, 1);
    while (!ww_raft_is_leader(group->nodes[1].raft) &&
           ww_virtual_group_next(group, limit_ns, &event))
        ;
    uint64_t dies_ns = group->now_ns + ROUNDS_BEFORE * options->heartbeat_ns +
                       ww_random_range(&group->random, 0, options->heartbeat_ns);
    while (ww_virtual_group_next(group, dies_ns, &event))
        ;
    if (!ww_raft_is_leader(group->nodes[1].raft))
        return false;
    ww_virtual_group_kill(group, 1);
    return true;
}

static void elect(struct ww_virtual_group *group, struct ww_election_result *result)
{
    uint64_t died_ns = group->now_ns, limit_ns = PATIENCE * group->options.election_max_ns;
    struct election election = {.first_term = ww_raft_term(group->nodes[1].raft) + 1};
    struct ww_virtual_event event;
    bool elected = false;
    while (!elected && ww_virtual_group_next(group, died_ns + limit_ns, &event)) {
        if (!event.role_changed)
            continue;
        const struct ww_raft *raft = group->nodes[event.node].raft;
        elected = ww_raft_is_leader(raft);
        if (!elected)
            role_changed(&election, raft);
        else if (ww_raft_term(raft) < election.term)
            term_failed(&election);
    }
    if (!elected)
        term_failed(&election);
    result->elections++;
    result->split += election.split;
    result->terms += election.terms;
    result->unresolved += !elected;
    ww_histogram_record(&result->latency, group->now_ns - died_ns, 1);
}

void ww_election_result_reset(struct ww_election_result *result)
{
    ww_histogram_reset(&result->latency);
    result->elections = result->split = result->terms = result->unresolved = 0;
}

int ww_election_run(const struct ww_virtual_options *options, enum ww_election_design design,
                    uint64_t number, struct ww_election_result *result, const char **why)
{
    struct ww_virtual_options one = *options;
    struct ww_virtual_group *group;
    one.seed = ww_random_mix(options->seed + ww_random_mix(number));
    one.adaptive = design == WW_ELECTION_ADAPTIVE;
    one.draw_ns = design == WW_ELECTION_FIXED     ? draw_fixed
                  : design == WW_ELECTION_RANDOM  ? draw_random
                  : design == WW_ELECTION_BACKOFF ? draw_backoff
                                                  : NULL;
    int status = ww_virtual_group_create(&one, &group, why);
    if (status != WW_OK)
        return status;
    if (let_die(group))
        elect(group, result);
    ww_virtual_group_destroy(group);
    return WW_OK;
}
