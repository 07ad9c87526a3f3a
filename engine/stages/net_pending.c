/* SPDX-License-Identifier: Apache-2.0 */
/* Proposals that wait for their commit, per group in the order of the log; and their answers. */
#include "engine/stages/net_internal.h"

/* Adds a run; grows the newest one when it simply goes on. */
void ww_net_add_pending(struct ww_net *net, struct ww_group *group, const struct ww_pending *run)
{
    if (group->pending_last != WW_PENDING_NONE) {
        struct ww_pending *last = &net->pending[group->pending_last];
        if (last->client == run->client && last->link == run->link && last->term == run->term &&
            last->session == run->session && run->session != WW_PENDING_REGISTER &&
            last->first_sequence + last->count == run->first_sequence &&
            last->first_index + last->count == run->first_index) {
            last->count += run->count;
            return;
        }
    }
    uint32_t slot = net->pending_free;
    WW_ASSERT(slot != WW_PENDING_NONE);
    net->pending_free = net->pending[slot].next;
    net->pending[slot] = *run;
    net->pending[slot].next = WW_PENDING_NONE;
    if (group->pending_last != WW_PENDING_NONE)
        net->pending[group->pending_last].next = slot;
    else
        group->pending_first = slot;
    group->pending_last = slot;
    net->pending_count++;
}

static void pop_pending(struct ww_net *net, struct ww_group *group)
{
    uint32_t slot = group->pending_first;
    group->pending_first = net->pending[slot].next;
    if (group->pending_first == WW_PENDING_NONE)
        group->pending_last = WW_PENDING_NONE;
    net->pending[slot].next = net->pending_free;
    net->pending_free = slot;
    net->pending_count--;
}

void ww_net_refuse(struct ww_net *net, uint32_t link, uint32_t client,
                   const struct ww_client_message *about, uint8_t type, int status,
                   uint64_t expected)
{
    struct ww_client_message message = {
        .type = type,
        .status = (uint8_t)-status,
        .group = about->group,
        .sequence = about->sequence,
        .oldest = expected,
        .index = about->index,
        .node = ww_raft_leader(net->groups[about->group].raft),
    };
    ww_net_post(net, link, client, &message);
}

void ww_net_answer_committed(struct ww_net *net, uint32_t group, uint32_t link, uint32_t client,
                             uint64_t sequence, uint64_t index, uint64_t count)
{
    struct ww_client_message message = {
        .type = WW_CLIENT_COMMITTED,
        .group = group,
        .sequence = sequence,
        .oldest = sequence + count,
        .index = index,
        .count = (uint32_t)count,
    };
    ww_net_post(net, link, client, &message);
}

/* Remembers the committed run, so that a repeated proposal gets its answer again. */
static void remember(struct ww_group *group, const struct ww_pending *run, uint64_t count)
{
    struct ww_client_slot *slot = &group->clients[run->link - WW_LINK_CLIENT];
    if (slot->client == run->client && slot->term == run->term &&
        slot->session_id == run->session && slot->state == WW_CLIENT_READY)
        ww_session_note(&slot->session, run->first_sequence, run->first_index, count);
}

/* `count` entries at the run's begin were committed, but not applied. */
static void answer_skipped(struct ww_net *net, struct ww_group *group, const struct ww_pending *run,
                           uint64_t count, int status)
{
    struct ww_client_message message = {
        .type = WW_CLIENT_REFUSED,
        .status = (uint8_t)-status,
        .group = group->id,
        .sequence = run->first_sequence,
        .index = run->session,
        .count = (uint32_t)count,
    };
    if (status == WW_OK) { /* they were applied before, where is not known here */
        ww_net_answer_committed(net, group->id, run->link, run->client, run->first_sequence, 0,
                                count);
        return;
    }
    struct ww_client_slot *slot = &group->clients[run->link - WW_LINK_CLIENT];
    if (slot->client == run->client && slot->session_id == run->session)
        slot->state = slot->state == WW_CLIENT_READY ? WW_CLIENT_GONE : slot->state;
    net->counters.session_refusals += count;
    ww_net_post(net, run->link, run->client, &message);
}

static void answer_run(struct ww_net *net, struct ww_group *group, const struct ww_pending *run,
                       uint64_t count)
{
    ww_net_trace(net, group, WW_TRACE_ANSWERED, run->first_index, run->first_index + count - 1);
    ww_net_answer_committed(net, group->id, run->link, run->client, run->first_sequence,
                            run->first_index, count);
    remember(group, run, count);
}

void ww_net_answer_applied(struct ww_net *net, struct ww_group *group,
                           const struct ww_applied *applied)
{
    uint64_t skipped_end = applied->skipped_from + applied->skipped;
    while (group->pending_first != WW_PENDING_NONE) {
        struct ww_pending *run = &net->pending[group->pending_first];
        uint64_t from = run->first_index, end = from + run->count;
        if (from > applied->index)
            return;
        if (end > applied->index + 1)
            end = applied->index + 1;
        if (run->session == WW_PENDING_REGISTER) {
            ww_net_registered(net, group, run, applied);
        } else if (from >= applied->skipped_from && from < skipped_end) {
            end = end < skipped_end ? end : skipped_end;
            answer_skipped(net, group, run, end - from, applied->status);
        } else {
            if (from < applied->skipped_from && end > applied->skipped_from)
                end = applied->skipped_from;
            answer_run(net, group, run, end - from);
        }
        run->first_sequence += end - from;
        run->first_index = end;
        run->count -= (uint32_t)(end - from);
        if (run->count == 0)
            pop_pending(net, group);
    }
}

void ww_net_abandon_pending(struct ww_net *net, struct ww_group *group)
{
    while (group->pending_first != WW_PENDING_NONE) {
        const struct ww_pending *run = &net->pending[group->pending_first];
        struct ww_client_message message = {
            .type = WW_CLIENT_NOT_LEADER,
            .group = group->id,
            .sequence = run->first_sequence,
            .node = ww_raft_leader(group->raft),
        };
        ww_net_post(net, run->link, run->client, &message);
        pop_pending(net, group);
    }
}

uint64_t ww_net_pending_from(const struct ww_net *net, const struct ww_group *group,
                             const struct ww_client_slot *client)
{
    uint64_t from = client->expected;
    for (uint32_t slot = group->pending_first; slot != WW_PENDING_NONE;
         slot = net->pending[slot].next) {
        const struct ww_pending *run = &net->pending[slot];
        /* A session may come back with another client number. */
        if (run->session == client->session_id &&
            (run->session != 0 || run->client == client->client) && run->first_sequence < from)
            from = run->first_sequence;
    }
    return from;
}

bool ww_net_registers(const struct ww_net *net, const struct ww_group *group, uint64_t nonce)
{
    for (uint32_t slot = group->pending_first; slot != WW_PENDING_NONE;
         slot = net->pending[slot].next) {
        const struct ww_pending *run = &net->pending[slot];
        if (run->session == WW_PENDING_REGISTER && run->first_sequence == nonce)
            return true;
    }
    return false;
}
