/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/cluster.h"

#include "engine/base/assert.h"

#include <string.h>

void cluster_violated(struct cluster *cluster, const char *what)
{
    if (cluster->violation == NULL)
        cluster->violation = what;
}

static bool equal(struct ww_configuration a, struct ww_configuration b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static bool same(struct entry a, struct entry b)
{
    return a.term == b.term && a.value == b.value && equal(a.configuration, b.configuration);
}

struct ww_configuration cluster_configuration_at(const struct cluster *cluster, uint64_t index)
{
    while (index > 0 && cluster->committed[index].configuration.voters == 0)
        index--;
    return index > 0 ? cluster->committed[index].configuration
                     : (struct ww_configuration){.voters = cluster->voters};
}

/* "A server always uses the latest configuration in its log"; one at a time is pending. */
static void check_configuration(struct cluster *cluster, const struct node *node,
                                const struct ww_raft_status *status)
{
    uint64_t index = status->last_index;
    uint32_t pending = 0;

    while (index >= status->first_index && node->log[index].configuration.voters == 0)
        index--;
    if (index >= status->first_index &&
        (status->configuration_index != index ||
         !equal(status->configuration, node->log[index].configuration)))
        cluster_violated(cluster, "the configuration is the latest of the log");
    if (index < status->first_index && node->snapshot.index > 0 && index > 0 &&
        !equal(status->configuration, cluster_configuration_at(cluster, index)))
        cluster_violated(cluster, "the configuration is that of the log's begin");
    for (index = status->last_index; index > cluster->committed_last; index--)
        pending += node->log[index].configuration.voters != 0;
    if (status->role == WW_RAFT_LEADER && pending > 1)
        cluster_violated(cluster, "one change at a time is pending");
}

/* Log matching: equal terms at an index mean equal logs up to it. */
void cluster_check_log(struct cluster *cluster, const struct node *node)
{
    struct ww_raft_status status;

    ww_raft_status(node->raft, &status);
    check_configuration(cluster, node, &status);
    for (uint32_t id = 1; id <= cluster->nodes; id++) {
        const struct node *other = &cluster->node[id];
        uint64_t index;
        if (other == node || other->raft == NULL)
            continue;
        index = ww_raft_last_index(node->raft);
        if (index > ww_raft_last_index(other->raft))
            index = ww_raft_last_index(other->raft);
        while (index > 0 && node->log[index].term != other->log[index].term)
            index--;
        for (; index >= status.first_index; index--)
            if (!same(node->log[index], other->log[index]))
                cluster_violated(cluster, "log matching");
    }
    for (uint64_t index = status.first_index; index <= status.last_index; index++)
        if (ww_raft_term_at(node->raft, index) != node->log[index].term)
            cluster_violated(cluster, "the core's terms are those of the log");
}

void cluster_check_leader(struct cluster *cluster, const struct node *node)
{
    uint64_t term = ww_raft_term(node->raft);

    WW_ASSERT(term < TERM_MAX);
    if (cluster->leader_of[term] == 0)
        cluster->elections++;
    else if (cluster->leader_of[term] != node->id)
        cluster_violated(cluster, "one leader per term");
    cluster->leader_of[term] = node->id;
    for (uint64_t index = 1; index <= cluster->committed_last; index++)
        if (cluster->committed_in[index] < term &&
            (index > ww_raft_last_index(node->raft) ||
             !same(node->log[index], cluster->committed[index])))
            cluster_violated(cluster, "leader completeness");
}

static bool majority(uint8_t members, uint8_t holders)
{
    return 2 * __builtin_popcount(members & holders) > __builtin_popcount(members);
}

/* Durable on a quorum of the configuration that was in force when it was committed. */
static void check_durable(struct cluster *cluster, const struct node *node, uint64_t index)
{
    const struct ww_configuration *configuration = &node->configuration;
    uint8_t holders = 0;

    for (uint32_t id = 1; id <= cluster->nodes; id++) {
        const struct node *holder = &cluster->node[id];
        if (holder->durable_snapshot.index >= index ||
            (holder->durable_last >= index && same(holder->durable_log[index], node->log[index])))
            holders |= (uint8_t)(1u << id);
    }
    if (!majority(configuration->voters, holders) ||
        (configuration->old_voters != 0 && !majority(configuration->old_voters, holders)))
        cluster_violated(cluster, "what is committed is durable on a quorum");
}

void cluster_check_commit(struct cluster *cluster, struct node *node)
{
    uint64_t commit = ww_raft_commit(node->raft);

    if (commit < node->commit)
        cluster_violated(cluster, "the commit position is monotonic");
    for (uint64_t index = node->commit + 1; index <= commit; index++) {
        if (index <= cluster->committed_last) {
            if (!same(node->log[index], cluster->committed[index]))
                cluster_violated(cluster, "committed entries never change");
            continue;
        }
        cluster->committed[index] = node->log[index];
        cluster->committed_in[index] = ww_raft_term(node->raft);
        cluster->committed_last = index;
        cluster->changes += node->log[index].configuration.voters != 0;
        check_durable(cluster, node, index);
    }
    node->commit = commit;
}

/* Linearizable: it sees all that was committed anywhere when it began. */
static void served(struct cluster *cluster, const struct read *read)
{
    if (read->index < read->required)
        cluster_violated(cluster, read->round == 0 ? "a read by lease is stale"
                                                   : "a read by round is stale");
    if (read->round == 0)
        cluster->lease_reads++;
    else
        cluster->round_reads++;
}

void cluster_check_reads(struct cluster *cluster, struct node *node,
                         const struct ww_raft_update *update)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < node->read_count; i++) {
        const struct read *read = &node->reads[i];
        if (!ww_raft_is_leader(node->raft) || update->term != read->term)
            continue; /* refused */
        if (update->confirmed_round >= read->round)
            served(cluster, read);
        else
            node->reads[kept++] = *read;
    }
    node->read_count = kept;
}
