/* SPDX-License-Identifier: Apache-2.0 */
/* Where the nodes stand at the end of a run, for the reader of a failed one. */
#include "sim.h"

#include <inttypes.h>

static void print_group(const struct ww_group *group, const struct sim_ledger *ledger, FILE *to)
{
    static const char *const roles[] = {
        [WW_RAFT_FOLLOWER] = "follower",
        [WW_RAFT_PRE_CANDIDATE] = "pre-candidate",
        [WW_RAFT_CANDIDATE] = "candidate",
        [WW_RAFT_LEADER] = "LEADER",
    };
    struct ww_raft_status status;
    ww_raft_status(group->raft, &status);
    fprintf(to,
            "    group %u: %s, term %" PRIu64 ", leader %u, log %" PRIu64 "..%" PRIu64 "/%" PRIu64
            ", durable %" PRIu64 ", commit %" PRIu64 " of %" PRIu64 ", applied %" PRIu64
            ", snapshot %" PRIu64 ", members %02x old %02x learners %02x at %" PRIu64 "%s\n",
            group->id, roles[status.role], status.term, status.leader, status.first_index,
            status.last_index, status.last_term, status.durable, status.commit,
            ledger->groups[group->id].commit, group->applied, status.snapshot_index,
            status.configuration.voters, status.configuration.old_voters,
            status.configuration.learners, status.configuration_index,
            status.configuration_committed ? "" : ", not committed");
    for (uint32_t i = 0; i < status.peer_count; i++) {
        static const char *const states[] = {"probe", "replicate", "snapshot"};
        const struct ww_raft_peer_status *peer = &status.peers[i];
        fprintf(to,
                "      to %u: %s, match %" PRIu64 ", next %" PRIu64 ", %u bytes on the way of %u\n",
                peer->id, states[peer->state], peer->match, peer->next, peer->inflight_bytes,
                peer->window_bytes);
    }
}

void sim_print_state(const struct sim *sim, FILE *to)
{
    for (uint32_t id = 1; id <= sim->settings.nodes; id++) {
        const struct world_node *node = &sim->world->nodes[id];
        if (node->shard == NULL) {
            fprintf(to, "  node %u: down%s\n", id, sim->nodes[id].lost ? ", its disk damaged" : "");
            continue;
        }
        const struct ww_net *net = node->shard->net;
        fprintf(to,
                "  node %u: %sfenced %d, disk: %u operations, durable %" PRIu64 ", head %" PRIu64
                ", log buffer %" PRIu64 " used, promises %" PRIu64 ", pending %" PRIu64 "\n",
                id, node->paused ? "paused, " : "", atomic_load(&node->shard->fenced),
                node->disk.operation_count, net->durable, net->buffer.head,
                net->buffer.head - net->buffer.keep, net->promises_end - net->promises_first,
                net->pending_count);
        for (uint32_t i = 0; i < sim->settings.groups; i++)
            print_group(&net->groups[i], &sim->ledger, to);
    }
    fprintf(to, "  clients: %" PRIu64 " proposals without an answer\n",
            sim_clients_outstanding(sim));
}
