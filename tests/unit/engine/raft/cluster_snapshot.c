/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of the simulated nodes: taken, sent, staged, installed. Their state is what is
 * committed up to their end, and a size. */
#include "tests/unit/engine/raft/cluster.h"

#include <string.h>

void cluster_take_snapshot(struct cluster *cluster, struct node *node)
{
    struct snapshot snapshot = {.index = node->commit};
    struct ww_configuration right;

    if (cluster->snapshot_entries == 0 || node->snapshot_pending ||
        node->commit < node->snapshot.index + cluster->snapshot_entries ||
        !ww_raft_configuration_at(node->raft, snapshot.index, &snapshot.configuration))
        return;
    right = cluster_configuration_at(cluster, snapshot.index);
    if (memcmp(&snapshot.configuration, &right, sizeof(right)) != 0)
        cluster_violated(cluster, "a snapshot holds the configuration at its end");
    snapshot.term = ww_raft_term_at(node->raft, snapshot.index);
    node->snapshot_pending = true;
    cluster_snapshot_record(node, RECORD_TAKEN, &snapshot);
}

void cluster_stage(struct cluster *cluster, struct node *node, const struct packet *packet)
{
    struct snapshot offered = {.index = packet->message.index,
                               .term = packet->message.log_term,
                               .configuration = packet->configuration};
    struct ww_raft_event event = {.type = WW_RAFT_EV_SNAPSHOT_STAGED};

    if (memcmp(&node->staged, &offered, sizeof(offered)) != 0 ||
        (cluster->faults && cluster_chance(cluster, 3))) {
        node->staged = offered;
        node->staged_bytes = 0;
    }
    if (node->staged_bytes == packet->message.commit && packet->message.body_bytes > 0) {
        node->staged_bytes += packet->message.body_bytes;
        if (node->staged_bytes == CLUSTER_SNAPSHOT_BYTES)
            cluster_snapshot_record(node, RECORD_RECEIVED, &offered);
    }
    event.index = offered.index;
    event.term = offered.term;
    event.staged_bytes = node->staged_bytes;
    cluster_step(cluster, node, &event, NULL);
}

/* What recovery would make of it: see the log's contract for such records. */
static void recover(struct cluster *cluster, struct node *node, const struct snapshot *snapshot)
{
    bool kept = node->durable_last >= snapshot->index &&
                node->durable_log[snapshot->index].term == snapshot->term;

    if (snapshot->index <= node->durable_snapshot.index)
        return;
    if (snapshot->index > cluster->committed_last) {
        cluster_violated(cluster, "a snapshot ends with what is committed");
        return;
    }
    memcpy(node->durable_log, cluster->committed,
           (snapshot->index + 1) * sizeof(cluster->committed[0]));
    node->durable_snapshot = *snapshot;
    if (!kept)
        node->durable_last = snapshot->index;
}

void cluster_snapshot_durable(struct cluster *cluster, struct node *node,
                              const struct record *record)
{
    struct snapshot snapshot = {.index = record->index,
                                .term = record->entry.term,
                                .configuration = record->entry.configuration};
    struct ww_raft_event event = {.type = WW_RAFT_EV_COMPACT,
                                  .term = snapshot.term,
                                  .index = snapshot.index,
                                  .configuration = snapshot.configuration,
                                  .snapshot_bytes = CLUSTER_SNAPSHOT_BYTES};

    recover(cluster, node, &snapshot);
    if (node->raft == NULL || cluster->violation != NULL)
        return; /* read back at a restart */
    if (record->kind == RECORD_RECEIVED) {
        event.type = WW_RAFT_EV_SNAPSHOT_INSTALLED;
    } else {
        node->snapshot_pending = false;
        event.first_index = snapshot.index + 1;
        event.first_index -= cluster_pick(cluster, 0, snapshot.index < 9 ? snapshot.index : 9);
        if (node->snapshot.index < snapshot.index)
            node->snapshot = snapshot;
    }
    cluster_step(cluster, node, &event, NULL);
}

void cluster_send_part(struct cluster *cluster, struct node *node, struct packet *packet,
                       uint32_t budget)
{
    uint64_t left = CLUSTER_SNAPSHOT_BYTES - packet->message.commit;
    uint64_t bytes = left < PART_MAX ? left : PART_MAX;

    if (packet->message.index != node->snapshot.index ||
        packet->message.log_term != node->snapshot.term)
        cluster_violated(cluster, "the snapshot that is sent is the newest");
    packet->configuration = node->snapshot.configuration;
    packet->message.body_bytes = (uint32_t)(bytes < budget ? bytes : budget);
    if (packet->message.commit + packet->message.body_bytes == CLUSTER_SNAPSHOT_BYTES)
        packet->message.flags |= WW_RAFT_LAST;
}
