/* SPDX-License-Identifier: Apache-2.0 */
/* The properties of Raft (figure 3 of the paper) and of the engine, checked as things happen. */
#include "sim.h"

#include <inttypes.h>
#include <string.h>

static struct sim_group_ledger *ledger_of(struct sim *sim, uint32_t group)
{
    return &sim->ledger.groups[group];
}

/* ---- what reaches the disks ---- */

static void hold_batch(struct sim *sim, uint32_t node, const struct ww_batch_header *batch)
{
    struct sim_group_ledger *group = ledger_of(sim, batch->group);
    struct sim_held *held = &group->held[node];
    if (batch->kind == WW_BATCH_HARD_STATE) {
        const struct sim_vote *last =
            held->vote_count > 0 ? &held->votes[held->vote_count - 1] : NULL;
        uint32_t vote = ww_batch_vote(batch);
        if (last != NULL && batch->term < last->term)
            sim_violated(sim, "terms: node %u stores term %" PRIu64 " behind %" PRIu64, node,
                         batch->term, last->term);
        if (last != NULL && batch->term == last->term && last->vote != 0 && vote != last->vote)
            sim_violated(sim, "votes: node %u votes for %u and %u in term %" PRIu64, node,
                         last->vote, vote, batch->term);
        sim_ledger_vote(held, batch->term, vote);
        if (batch->first_index & WW_HARD_STATE_ANEW) /* it still knows its votes */
            sim_ledger_lose(held);
        return;
    }
    if (batch->kind == WW_BATCH_SNAPSHOT) {
        sim_ledger_snapshot(held, batch->first_index, batch->term, batch->first_sequence);
        return;
    }
    /* Entries that joined the log while a snapshot was being installed may lie below its end. */
    if (ww_batch_last_index(batch) <= held->base)
        return;
    struct ww_entry entry;
    uint32_t cursor = 0;
    uint64_t first = batch->first_index > held->base ? batch->first_index : held->base + 1;
    if (first <= held->last)
        held->last = first - 1;
    while (ww_batch_next(batch, &cursor, &entry)) {
        if (entry.index <= held->base)
            continue;
        const char *wrong =
            sim_ledger_entry(&sim->ledger, batch->group, node, entry.index, entry.term,
                             entry.data - 4, ww_entry_stored_bytes(entry.size_bytes));
        if (wrong != NULL)
            sim_violated(sim, "%s: node %u, group %u, index %" PRIu64 ", term %" PRIu64, wrong,
                         node, batch->group, entry.index, entry.term);
    }
}

void sim_durable(void *context, uint32_t node, const struct ww_block_header *block)
{
    struct sim *sim = context;
    uint32_t offset = WW_BLOCK_HEADER_BYTES;
    for (uint32_t i = 0; i < block->batches; i++) {
        const struct ww_batch_header *batch = ww_batch_header((const uint8_t *)block + offset);
        uint64_t last = ledger_of(sim, batch->group)->held[node].last;
        if (batch->kind == WW_BATCH_SNAPSHOT && batch->first_sequence != 0 &&
            batch->first_sequence != last)
            sim_violated(sim,
                         "snapshot: node %u says that its log ends at %" PRIu64 ", not %" PRIu64,
                         node, batch->first_sequence, last);
        hold_batch(sim, node, batch);
        if (batch->kind == WW_BATCH_HARD_STATE && (batch->first_index & WW_HARD_STATE_ANEW))
            sim->nodes[node].anew--;
        offset += batch->size_bytes;
    }
    if (block->durable > sim->nodes[node].witnessed)
        sim->nodes[node].witnessed = block->durable;
}

/* The node begins again: its disk is read anew, its memory is empty. */
void sim_check_started(struct sim *sim, uint32_t node)
{
    for (uint32_t i = 0; i < sim->settings.groups; i++) {
        struct sim_group_ledger *group = ledger_of(sim, i);
        sim_ledger_anew(&group->held[node]);
        group->seen_commit[node] = 0;
        group->led_term[node] = 0;
    }
    sim->nodes[node].fenced = false;
}

void sim_forgot(void *context, uint32_t node)
{
    struct sim *sim = context;
    for (uint32_t i = 0; i < sim->settings.groups; i++) {
        sim_ledger_anew(&ledger_of(sim, i)->held[node]);
        ledger_of(sim, i)->seen_term[node] = 0;
    }
    sim->nodes[node].damaged = false;
    sim->nodes[node].witnessed = 0;
}

void sim_recovered(void *context, uint32_t node, uint64_t position,
                   const struct ww_batch_header *batch)
{
    struct sim *sim = context;
    struct sim_node *own = &sim->nodes[node];
    struct sim_held *held = &ledger_of(sim, batch->group)->held[node];
    if (sim->world->nodes[node].disk.begin > 0 && batch->kind == WW_BATCH_ENTRIES &&
        batch->first_index > held->last + 1)
        sim_ledger_gap(held, batch->first_index);
    hold_batch(sim, node, batch);
    if (position > own->witnessed) /* the identity will say so */
        own->witnessed = position / WW_BLOCK_ALIGN * WW_BLOCK_ALIGN;
}

/* ---- what leaves a node ---- */

static void check_message(struct sim *sim, uint32_t from, uint32_t to,
                          const struct ww_raft_message *message)
{
    const struct sim_held *held = &ledger_of(sim, message->group)->held[from];
    bool granted = (message->flags & WW_RAFT_GRANTED) != 0;
    if (message->type == WW_RAFT_VOTE_REPLY && granted &&
        !sim_ledger_voted(held, message->term, to))
        sim_violated(sim, "votes: node %u grants %u its vote of term %" PRIu64 ", not durable",
                     from, to, message->term);
    if (message->type == WW_RAFT_VOTE && !sim_ledger_voted(held, message->term, from))
        sim_violated(sim, "votes: node %u stands in term %" PRIu64 ", which is not durable", from,
                     message->term);
    if (message->type == WW_RAFT_APPEND_ACK && message->index > held->last &&
        message->index > held->base)
        sim_violated(sim, "durability: node %u acknowledges index %" PRIu64 ", has %" PRIu64, from,
                     message->index, held->last);
}

void sim_check_sent(struct sim *sim, const struct world_frame *frame)
{
    if (frame->from >= WW_LINK_CLIENT || frame->to >= WW_LINK_CLIENT)
        return;
    const struct ww_datagram_header *header = world_frame_header(frame);
    for (uint32_t i = 0; i < header->message_count; i++)
        check_message(sim, frame->from, frame->to,
                      (const void *)(frame->data + sizeof(*header) + i * WW_MESSAGE_BYTES));
}

/* ---- the state of a node ---- */

/* Leader completeness: all that was committed in earlier terms is in the log of a new leader. */
static void check_complete(struct sim *sim, uint32_t node, uint32_t number,
                           const struct ww_raft *raft)
{
    struct sim_group_ledger *group = ledger_of(sim, number);
    uint64_t term = ww_raft_term(raft), index = group->commit;
    while (index > 0 && group->committed[index].by_term >= term)
        index--;
    struct ww_raft_status status;
    ww_raft_status(raft, &status);
    if (index >= status.first_index && ww_raft_term_at(raft, index) != group->committed[index].term)
        sim_violated(sim,
                     "leader completeness: node %u leads group %u in term %" PRIu64
                     " without the entry %" PRIu64 " of term %" PRIu64,
                     node, number, term, index, group->committed[index].term);
}

static void check_leader(struct sim *sim, uint32_t node, uint32_t number,
                         const struct ww_raft *raft)
{
    struct sim_group_ledger *group = ledger_of(sim, number);
    uint64_t term = ww_raft_term(raft);
    if (group->led_term[node] == term)
        return;
    group->led_term[node] = term;
    uint8_t *leader = sim_ledger_leader(group, term);
    if (*leader != 0 && *leader != node)
        sim_violated(sim, "election safety: nodes %u and %u lead group %u in term %" PRIu64,
                     *leader, node, number, term);
    *leader = (uint8_t)node;
    sim_trace_add(&sim->trace, sim->world->now_ns, "%lu  LEADS group %lu in term %lu (%lu %lu %lu)",
                  node, number, term, 0, 0, 0);
    check_complete(sim, node, number, raft);
}

static bool majority(const struct sim *sim, uint32_t number, uint8_t voters, uint64_t index,
                     uint64_t term)
{
    const struct sim_group_ledger *group = &sim->ledger.groups[number];
    uint32_t all = 0, have = 0;
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++) {
        if ((voters >> id & 1) == 0)
            continue;
        all++;
        have += sim_ledger_holds(group, id, index, term);
    }
    return have * 2 > all;
}

static void check_first_commit(struct sim *sim, uint32_t node, uint32_t number,
                               const struct ww_raft *raft, uint64_t index)
{
    struct sim_group_ledger *group = ledger_of(sim, number);
    uint64_t term = ww_raft_term_at(raft, index);
    struct ww_raft_status status;
    ww_raft_status(raft, &status);
    const struct ww_configuration *configuration = &status.configuration;
    if (!majority(sim, number, configuration->voters, index, term) ||
        (ww_configuration_joint(configuration) &&
         !majority(sim, number, configuration->old_voters, index, term)))
        sim_violated(sim,
                     "commit: node %u commits index %" PRIu64 " of term %" PRIu64
                     " of group %u, which no quorum of disks holds",
                     node, index, term, number);
    *sim_ledger_committed(group, index) =
        (struct sim_committed){.term = term, .by_term = ww_raft_term(raft)};
    group->commit = index;
}

static void check_commit(struct sim *sim, uint32_t node, uint32_t number,
                         const struct ww_raft *raft)
{
    struct sim_group_ledger *group = ledger_of(sim, number);
    uint64_t commit = ww_raft_commit(raft);
    bool first = commit > group->commit;
    if (commit < group->seen_commit[node])
        sim_violated(sim, "commit: node %u goes back from %" PRIu64 " to %" PRIu64, node,
                     group->seen_commit[node], commit);
    for (uint64_t i = group->seen_commit[node] + 1; i <= commit; i++) {
        if (i > group->commit)
            check_first_commit(sim, node, number, raft, i);
        else if (ww_raft_term_at(raft, i) != group->committed[i].term &&
                 ww_raft_term_at(raft, i) != 0) /* 0: a snapshot holds it */
            sim_violated(sim,
                         "state machine safety: node %u commits index %" PRIu64
                         " of group %u in term %" PRIu64 ", another did in term %" PRIu64,
                         node, i, number, ww_raft_term_at(raft, i), group->committed[i].term);
    }
    group->seen_commit[node] = commit;
    /* Section 5.4.2: entries of earlier terms commit only beneath one of the leader's own. */
    if (first && ww_raft_is_leader(raft) && ww_raft_term_at(raft, commit) != ww_raft_term(raft))
        sim_violated(sim,
                     "commit: node %u, leader in term %" PRIu64 ", commits up to index %" PRIu64
                     " of group %u, of term %" PRIu64,
                     node, ww_raft_term(raft), commit, number, ww_raft_term_at(raft, commit));
}

/* A node that stopped itself must have had a reason; an operator ends and restarts it. */
static void check_fenced(struct sim *sim, uint32_t id)
{
    const struct world_node *node = &sim->world->nodes[id];
    struct sim_node *own = &sim->nodes[id];
    int fenced = atomic_load(&node->shard->fenced);
    if (fenced == 0 || own->fenced)
        return;
    own->fenced = true;
    sim_trace_add(&sim->trace, sim->world->now_ns, "%lu  is FENCED, status %lu (%lu %lu %lu %lu)",
                  id, (uint64_t)-fenced, 0, 0, 0, 0);
    bool full = fenced == WW_ENOSPC && sim->settings.room > 0;
    sim->full += full;
    if (!node->disk.failed && !own->damaged && !full)
        sim_violated(sim, "node %u fences itself (%s) without a fault", id, ww_status_name(fenced));
    sim_at(sim, sim->world->now_ns + sim_pick(sim, WORLD_MS, 50 * WORLD_MS),
           (struct sim_event){.kind = SIM_END, .node = id, .id = node->starts});
}

void sim_check_node(struct sim *sim, uint32_t id)
{
    for (uint32_t i = 0; i < sim->settings.groups; i++) {
        const struct ww_raft *raft = world_group(sim->world, id, i)->raft;
        struct sim_group_ledger *group = ledger_of(sim, i);
        uint64_t term = ww_raft_term(raft);
        if (term < group->seen_term[id])
            sim_violated(sim, "terms: node %u goes back from %" PRIu64 " to %" PRIu64, id,
                         group->seen_term[id], term);
        if (!ww_raft_amnesia(raft) && group->held[id].anew) {
            group->held[id].anew = false;
            group->held[id].lost_last = group->held[id].lost_base = 0;
        }
        if (ww_raft_is_leader(raft))
            check_leader(sim, id, i, raft);
        if (ww_raft_commit(raft) != group->seen_commit[id])
            check_commit(sim, id, i, raft);
    }
    check_fenced(sim, id);
}

/* ---- what is applied and answered ---- */

void sim_check_command(struct sim *sim, uint32_t number, const struct ww_entry *entry)
{
    struct sim_group_ledger *group = ledger_of(sim, number);
    struct world_command command;
    memcpy(&command, entry->data, sizeof(command));
    struct sim_operation *operation =
        sim_ledger_operation(&group->streams[command.client], command.operation);
    if (operation->index != 0 && sim->settings.sessions)
        sim_violated(sim,
                     "sessions: operation %" PRIu64
                     " of client %u in group %u takes effect at %" PRIu64 " and at %" PRIu64,
                     command.operation, command.client, number, operation->index, entry->index);
    if (operation->gone)
        sim_violated(sim,
                     "sessions: operation %" PRIu64 " of client %u in group %u takes effect at "
                     "%" PRIu64 ", behind the end of its session",
                     command.operation, command.client, number, entry->index);
    if (operation->index == 0)
        operation->index = entry->index;
    sim_ledger_change(group, entry->index, &command);
}

void sim_applied(void *context, uint32_t node, uint32_t number, const struct ww_entry *entry,
                 uint64_t digest)
{
    struct sim *sim = context;
    check_commit(sim, node, number, world_group(sim->world, node, number)->raft);
    if (!sim_failed(sim))
        sim_check_applied(sim, node, number, entry, digest);
}

void sim_check_applied(struct sim *sim, uint32_t node, uint32_t number,
                       const struct ww_entry *entry, uint64_t digest)
{
    struct sim_group_ledger *group = ledger_of(sim, number);
    if (entry->index > group->commit) {
        sim_violated(sim, "commit: node %u applies index %" PRIu64 ", not committed", node,
                     entry->index);
        return;
    }
    struct sim_committed *committed = &group->committed[entry->index];
    const struct sim_variant *variant =
        sim_ledger_find(&sim->ledger, number, entry->index, entry->term);
    if (committed->term != entry->term || variant == NULL ||
        variant->size_bytes != ww_entry_stored_bytes(entry->size_bytes))
        sim_violated(sim,
                     "state machine safety: node %u applies index %" PRIu64 " of term %" PRIu64
                     ", committed was term %" PRIu64,
                     node, entry->index, entry->term, committed->term);
    if (committed->digest == 0) {
        committed->digest = digest;
        if (entry->type == WW_ENTRY_DATA)
            sim_check_command(sim, number, entry);
    } else if (committed->digest != digest) {
        sim_violated(sim,
                     "state machine safety: node %u differs behind index %" PRIu64 " of group %u",
                     node, entry->index, number);
    }
}

void sim_restored(void *context, uint32_t node, uint32_t number, uint64_t index, uint64_t digest)
{
    struct sim *sim = context;
    const struct sim_group_ledger *group = ledger_of(sim, number);
    sim->restored++;
    if (index > group->commit)
        sim_violated(sim, "snapshot: node %u restores index %" PRIu64 ", not committed", node,
                     index);
    else if (group->committed[index].digest != 0 && group->committed[index].digest != digest)
        sim_violated(sim,
                     "state machine safety: node %u differs behind the snapshot at %" PRIu64
                     " of group %u",
                     node, index, number);
}

static void tell(struct sim_group_ledger *group, uint64_t index)
{
    if (group->told < index)
        group->told = index;
}

/* What took no effect until a leader says that the session is gone never will. */
static void session_gone(struct sim *sim, uint32_t client, const struct ww_completion *completion)
{
    struct sim_stream *stream = &ledger_of(sim, completion->group)->streams[client];
    uint64_t first = sim->clients[client].first[completion->group] + completion->first_sequence;
    sim->gone += completion->count;
    for (uint64_t i = 0; i < completion->count; i++) {
        struct sim_operation *operation = sim_ledger_operation(stream, first + i);
        operation->gone = operation->index == 0;
    }
}

void sim_acknowledged(struct sim *sim, uint32_t client, const struct ww_completion *completion)
{
    struct sim_group_ledger *group = ledger_of(sim, completion->group);
    if (completion->status == WW_EGONE && sim->settings.sessions && sim->settings.strangers > 0) {
        session_gone(sim, client, completion);
        return;
    }
    if (completion->status != WW_OK) {
        sim_violated(sim, "client %u: sequence %" PRIu64 " of group %u is refused: %s", client,
                     completion->first_sequence, completion->group,
                     ww_status_name(completion->status));
        return;
    }
    sim->acknowledged += completion->count;
    for (uint64_t i = 0; i < completion->count && !sim_failed(sim); i++) {
        uint64_t sequence =
            sim->clients[client].first[completion->group] + completion->first_sequence + i;
        const struct sim_operation *operation =
            sim_ledger_operation(&group->streams[client], sequence);
        if (operation->index == 0)
            sim_violated(sim,
                         "durability: client %u has an answer for sequence %" PRIu64
                         " of group %u, which nobody applied",
                         client, sequence, completion->group);
        else if (operation->index <= operation->floor)
            sim_violated(sim,
                         "linearizability: client %u proposed sequence %" PRIu64
                         " of group %u when %" PRIu64 " was known; it took effect at %" PRIu64,
                         client, sequence, completion->group, operation->floor, operation->index);
        tell(group, operation->index);
        sim_history_end(sim, operation->history, 0);
    }
}

void sim_check_answer(struct sim *sim, uint32_t number, uint64_t floor, uint8_t place,
                      uint64_t value, uint64_t index)
{
    struct sim_group_ledger *group = ledger_of(sim, number);
    sim->answers++;
    if (index < floor)
        sim_violated(sim,
                     "linearizability: a read of group %u that began when %" PRIu64
                     " was known is answered at %" PRIu64,
                     number, floor, index);
    if (index > group->commit || value != sim_ledger_register(group, place, index))
        sim_violated(sim,
                     "linearizability: a read of register %u of group %u at %" PRIu64
                     " is answered with a value that it does not have there",
                     place, number, index);
    tell(group, index);
}

/* ---- the end ---- */

static uint32_t leader_of(const struct sim *sim, uint32_t group)
{
    uint32_t leader = 0;
    for (uint32_t id = 1; id <= sim->settings.nodes; id++) {
        if (sim->world->nodes[id].shard == NULL)
            continue;
        const struct ww_raft *raft = world_group(sim->world, id, group)->raft;
        if (ww_raft_is_leader(raft) && ww_raft_commit(raft) == ww_raft_last_index(raft) &&
            ww_raft_term_at(raft, ww_raft_commit(raft)) == ww_raft_term(raft))
            leader = id;
    }
    return leader;
}

/* Are all members of the leader's configuration where it is? */
static bool equal(struct sim *sim, uint32_t number, uint32_t leader)
{
    struct ww_raft_status status;
    ww_raft_status(world_group(sim->world, leader, number)->raft, &status);
    if (ww_configuration_joint(&status.configuration) || !status.configuration_committed)
        return false;
    for (uint32_t id = 1; id <= sim->settings.nodes; id++) {
        const struct world_node *node = &sim->world->nodes[id];
        if (node->shard == NULL || (ww_configuration_members(&status.configuration) >> id & 1) == 0)
            continue;
        const struct ww_group *group = world_group(sim->world, id, number);
        if (group->applied != status.last_index ||
            ww_raft_last_index(group->raft) != status.last_index ||
            node->groups[number].digest != sim->world->nodes[leader].groups[number].digest)
            return false;
    }
    return true;
}

bool sim_settled(struct sim *sim, const char **why)
{
    *why = "clients wait for answers";
    if (sim_clients_outstanding(sim) > 0)
        return false;
    for (uint32_t i = 0; i < sim->settings.groups; i++) {
        uint32_t leader = leader_of(sim, i);
        *why = leader == 0 ? "a group has no leader that committed all" : "replicas are not equal";
        if (leader == 0 || !equal(sim, i, leader))
            return false;
    }
    return true;
}

void sim_check_end(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->settings.groups; i++) {
        const struct sim_group_ledger *group = ledger_of(sim, i);
        const struct world_group_state *state = &sim->world->nodes[leader_of(sim, i)].groups[i];
        for (uint32_t id = 1; id <= sim->settings.nodes; id++) {
            const struct world_group_state *other = &sim->world->nodes[id].groups[i];
            if (sim->world->nodes[id].shard != NULL && other->digest == state->digest &&
                memcmp(other->registers, state->registers, sizeof(state->registers)) != 0)
                sim_violated(sim, "the end: the registers of node %u differ", id);
        }
        if (world_group(sim->world, leader_of(sim, i), i)->applied != group->commit)
            sim_violated(sim, "the end: a leader lacks committed entries of group %u", i);
    }
}
