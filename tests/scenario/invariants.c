/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold after every command, whatever the scenario is about (figure 3 of the paper):
 * Election Safety, Log Matching, State Machine Safety, Leader Completeness.
 */
#include "scenario_internal.h"

#include <inttypes.h>

/* Committed once, committed for ever: the term of each committed index, as first seen. */
static void check_committed(struct scenario *scenario, uint32_t id, const struct ww_raft *raft)
{
    struct ww_raft_status status;
    ww_raft_status(raft, &status);
    for (uint64_t index = status.first_index; index <= status.commit; index++) {
        uint64_t term = ww_raft_term_at(raft, index);
        if (index >= SCENARIO_COMMITTED_MAX)
            return;
        if (scenario->committed[index] == 0)
            scenario->committed[index] = term;
        if (scenario->committed[index] != term)
            script_fail(&scenario->line,
                        "State Machine Safety: node %" PRIu32 " committed entry %" PRIu64
                        " of term %" PRIu64 ", but it was committed with term %" PRIu64,
                        id, index, term, scenario->committed[index]);
    }
    if (scenario->last_committed < status.commit)
        scenario->last_committed = status.commit;
}

/* One leader per term, over the whole run. */
static void check_leader(struct scenario *scenario, uint32_t id, const struct ww_raft *raft)
{
    uint64_t term = ww_raft_term(raft);
    if (!ww_raft_is_leader(raft) || term >= SCENARIO_TERMS_MAX)
        return;
    if (scenario->highest_leader_term < term)
        scenario->highest_leader_term = term;
    if (scenario->leaders[term] == 0)
        scenario->leaders[term] = id;
    if (scenario->leaders[term] != id)
        script_fail(&scenario->line,
                    "Election Safety: nodes %" PRIu32 " and %" PRIu32 " led term %" PRIu64,
                    scenario->leaders[term], id, term);
}

/* Equal term at an index means equal terms at all indexes before it. */
static void check_matching(struct scenario *scenario, uint32_t one, uint32_t two)
{
    const struct ww_raft *a = cluster_group(scenario->cluster, one)->raft;
    const struct ww_raft *b = cluster_group(scenario->cluster, two)->raft;
    uint64_t index = ww_raft_last_index(a) < ww_raft_last_index(b) ? ww_raft_last_index(a)
                                                                   : ww_raft_last_index(b);
    bool met = false;
    for (; index > 0; index--) {
        uint64_t terms[] = {ww_raft_term_at(a, index), ww_raft_term_at(b, index)};
        if (terms[0] == 0 || terms[1] == 0)
            return;
        if (met && terms[0] != terms[1])
            script_fail(&scenario->line,
                        "Log Matching: nodes %" PRIu32 " and %" PRIu32 " differ at %" PRIu64
                        " and agree behind it",
                        one, two, index);
        met = met || terms[0] == terms[1];
    }
}

/* A leader of the highest term holds all that was ever committed. */
static void check_completeness(struct scenario *scenario, uint32_t id, const struct ww_raft *raft)
{
    struct ww_raft_status status;
    ww_raft_status(raft, &status);
    if (status.role != WW_RAFT_LEADER || status.term < scenario->highest_leader_term)
        return;
    for (uint64_t index = status.first_index;
         index <= scenario->last_committed && index < SCENARIO_COMMITTED_MAX; index++)
        if (scenario->committed[index] != 0 &&
            ww_raft_term_at(raft, index) != scenario->committed[index])
            script_fail(&scenario->line,
                        "Leader Completeness: leader %" PRIu32 " of term %" PRIu64
                        " lacks committed entry %" PRIu64,
                        id, status.term, index);
}

void check_invariants(struct scenario *scenario)
{
    uint8_t up = 0;
    if (scenario->cluster == NULL)
        return;
    for (uint32_t id = 1; id <= scenario->setup.nodes; id++) {
        const struct ww_group *group = cluster_group(scenario->cluster, id);
        if (group == NULL)
            continue;
        up |= (uint8_t)(1u << id);
        check_leader(scenario, id, group->raft);
        check_committed(scenario, id, group->raft);
    }
    for (uint32_t id = 1; id <= scenario->setup.nodes; id++) {
        if (!(up >> id & 1))
            continue;
        check_completeness(scenario, id, cluster_group(scenario->cluster, id)->raft);
        for (uint32_t other = id + 1; other <= scenario->setup.nodes; other++)
            if (up >> other & 1)
                check_matching(scenario, id, other);
    }
}
