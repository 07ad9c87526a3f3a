/* SPDX-License-Identifier: Apache-2.0 */
/* NET runs the consensus core of a group and does what it says, in the order of its contract. */
#include "engine/stages/net_internal.h"

#include <string.h>

/* Runs of equal term in one datagram: as many as it can hold batches. */
#define RUNS_MAX ((WW_MTU_MAX) / (WW_BATCH_HEADER_BYTES + WW_BATCH_ALIGN))

#define TICK_NS 1000000u /* timers are looked at this often */

void ww_net_mark_dirty(struct ww_net *net, struct ww_group *group)
{
    if (group->dirty)
        return;
    group->dirty = true;
    net->dirty[net->dirty_count++] = group->id;
}

static void persist_hard_state(struct ww_net *net, struct ww_group *group,
                               const struct ww_raft_update *update)
{
    uint32_t flags = update->known ? WW_HARD_STATE_KNOWN : 0;
    if (!ww_net_append_hard_state(net, group, update->term, update->vote, flags))
        ww_shard_fence(net->shard, WW_ENOSPC, "no room in the log for a term and vote");
}

uint64_t ww_net_log_time(struct ww_net *net, struct ww_group *group)
{
    uint64_t led_ns =
        net->now_ns > group->leader_since_ns ? net->now_ns - group->leader_since_ns : 0;
    uint64_t time_ns = group->time_base_ns + led_ns;
    return time_ns > group->time_ns ? time_ns : group->time_ns; /* it never goes back */
}

/* A leader's own entry: the first of its term, a barrier, or a configuration. */
static void append_own(struct ww_net *net, struct ww_group *group,
                       const struct ww_raft_update *update)
{
    const struct ww_configuration *configuration = &update->configuration;
    ww_net_seal_open(net);
    if (update->append_kind == WW_RAFT_APPENDED_NOOP) {
        group->time_base_ns = group->time_ns;
        group->leader_since_ns = net->now_ns;
        for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
            group->traced.acked[id] = update->append_from;
    }
    uint8_t *place = ww_net_reserve(net, WW_BATCH_HEADER_BYTES + 2 * WW_BATCH_ALIGN);
    if (place == NULL) {
        ww_shard_fence(net->shard, WW_ENOSPC, "no room in the log for an entry of the leader");
        return;
    }
    uint8_t *entry = place + WW_BATCH_HEADER_BYTES;
    uint32_t bytes =
        update->append_kind == WW_RAFT_APPENDED_CONFIGURATION
            ? ww_entry_encode(entry, WW_ENTRY_CONFIGURATION, configuration, sizeof(*configuration))
            : ww_entry_encode(entry, WW_ENTRY_NOOP, NULL, 0);
    ww_batch_seal(place,
                  &(struct ww_batch_header){
                      .group = group->id,
                      .count = 1,
                      .term = update->term,
                      .first_index = update->append_from,
                      .time_ns = ww_net_log_time(net, group),
                  },
                  bytes);
    ww_net_commit_batch(net, group, place);
}

/* Copies the new entries of an AppendEntries into the log buffer; room was checked before. */
static void append_body(struct ww_net *net, struct ww_group *group,
                        const struct ww_raft_update *update, const uint8_t *body)
{
    ww_net_trace(net, group, WW_TRACE_APPENDED, update->append_from, update->append_to);
    ww_net_seal_open(net);
    uint64_t next = update->append_from;
    for (; next <= update->append_to; body += ww_batch_header(body)->size_bytes) {
        const struct ww_batch_header *batch = ww_batch_header(body);
        uint64_t last = ww_batch_last_index(batch);
        if (last < next)
            continue;
        uint8_t *place = ww_net_reserve(net, batch->size_bytes);
        WW_ASSERT(place != NULL);
        if (batch->first_index == next)
            memcpy(place, batch, batch->size_bytes);
        else
            ww_batch_slice(batch, next, last, place);
        ww_net_commit_batch(net, group, place);
        next = last + 1;
    }
}

/* Sends a message, or keeps it until the disk has what it promises. */
static void send_or_wait(struct ww_net *net, struct ww_group *group,
                         const struct ww_raft_outgoing *outgoing)
{
    if (outgoing->message.type == WW_RAFT_APPEND_ACK)
        ww_net_trace_rise(net, group, WW_TRACE_ACK_SENT, &group->traced.ack_sent,
                          outgoing->message.index);
    if (!outgoing->wait || group->hard_state.end <= net->durable) {
        ww_net_post(net, outgoing->to, outgoing->to, &outgoing->message);
        return;
    }
    if (net->promises_end - net->promises_first == net->shard->options.promises) {
        net->counters.drops[WW_DROP_PROMISE]++;
        return;
    }
    net->promises[net->promises_end++ % net->shard->options.promises] = (struct ww_promise){
        .position = group->hard_state.end,
        .to = outgoing->to,
        .message = outgoing->message,
    };
}

void ww_net_release_promises(struct ww_net *net)
{
    while (net->promises_first < net->promises_end) {
        uint64_t slot = net->promises_first % net->shard->options.promises;
        struct ww_promise *promise = &net->promises[slot];
        if (promise->position > net->durable)
            return;
        ww_net_post(net, promise->to, promise->to, &promise->message);
        net->promises_first++;
    }
}

/* Role, term, leader or configuration: the feeds of followers begin anew. */
static void change_role(struct ww_net *net, struct ww_group *group)
{
    ww_net_reset_feeds(net, group);
    if (!ww_raft_is_leader(group->raft))
        ww_net_abandon_pending(net, group);
}

static void obey(struct ww_net *net, struct ww_group *group, const struct ww_raft_update *update,
                 const uint8_t *body)
{
    if (update->truncate_from != 0) {
        ww_net_seal_open(net);
        ww_batch_table_truncate(&net->table, &group->chain, update->truncate_from);
        ww_log_index_truncate(&group->index, update->truncate_from);
        ww_net_truncate_readers(net, group, update->truncate_from);
        if (group->traced.ack_sent >= update->truncate_from)
            group->traced.ack_sent = update->truncate_from - 1;
    }
    if (update->hard_state)
        persist_hard_state(net, group, update);
    if (update->append_from != 0 && update->append_kind != WW_RAFT_APPENDED_BATCHES)
        append_own(net, group, update);
    else if (update->append_from != 0 && body != NULL)
        append_body(net, group, update, body);
    if (ww_net_fenced(net))
        return; /* what the messages promise found no room in the log, and never will */
    for (uint32_t i = 0; i < update->message_count; i++)
        send_or_wait(net, group, &update->messages[i]);
    if (update->role_changed)
        change_role(net, group);
    if (update->recovered && --net->amnesiac == 0)
        atomic_store_explicit(&net->shard->recovered, true, memory_order_release);
    group->confirmed_round = update->confirmed_round;
    ww_net_trace_rise(net, group, WW_TRACE_COMMITTED, &group->traced.committed, update->commit);
}

void ww_net_step(struct ww_net *net, struct ww_group *group, struct ww_raft_event *event,
                 const uint8_t *body)
{
    event->now_ns = net->now_ns;
    ww_net_mark_dirty(net, group);
    int status = ww_raft_step(group->raft, event, &net->update);
    if (status == WW_OK)
        obey(net, group, &net->update, body);
    else if (status == WW_EINVAL)
        net->counters.drops[WW_DROP_MESSAGE]++;
    else
        ww_shard_fence(net->shard, status, "the term table is full");
}

/* What the core is told of the batches of an AppendEntries. */
struct contents {
    struct ww_raft_run runs[RUNS_MAX]; /* of equal term */
    size_t run_count;
    struct ww_raft_placed_configuration configurations[RUNS_MAX];
    size_t configuration_count;
};

/* Checks the batches and gathers their contents. */
static bool check_body(const struct ww_raft_message *message, const uint8_t *body,
                       struct contents *contents)
{
    struct ww_raft_run *runs = contents->runs;
    size_t count = 0;
    contents->configuration_count = 0;
    uint64_t next = message->index + 1;
    for (uint32_t at = 0; at < message->body_bytes;) {
        const char *why;
        uint32_t size = ww_batch_check(body + at, message->body_bytes - at, &why);
        const struct ww_batch_header *batch = ww_batch_header(body + at);
        if (size == 0 || batch->kind != WW_BATCH_ENTRIES || batch->group != message->group ||
            batch->first_index != next)
            return false;
        next = ww_batch_last_index(batch) + 1;
        if (count > 0 && runs[count - 1].term == batch->term)
            runs[count - 1].last_index = next - 1;
        else if (count < RUNS_MAX)
            runs[count++] = (struct ww_raft_run){batch->first_index, next - 1, batch->term};
        else
            return false;
        struct ww_raft_placed_configuration *placed =
            &contents->configurations[contents->configuration_count];
        if (ww_batch_configuration(batch, &placed->configuration)) {
            placed->index = batch->first_index;
            contents->configuration_count++;
        }
        at += size;
    }
    contents->run_count = count;
    return count > 0;
}

void ww_net_append_entries(struct ww_net *net, uint32_t from, const struct ww_raft_message *message,
                           const uint8_t *body)
{
    struct ww_group *group = &net->groups[message->group];
    struct contents contents;
    struct ww_raft_event event = {.type = WW_RAFT_EV_MESSAGE, .from = from, .message = message};
    if (message->body_bytes > 0) {
        if (!check_body(message, body, &contents)) {
            net->counters.drops[WW_DROP_BATCH]++;
            return;
        }
        if (ww_net_room(net) < message->body_bytes) {
            net->counters.drops[WW_DROP_NO_ROOM]++;
            return;
        }
        event.runs = contents.runs;
        event.run_count = contents.run_count;
        event.configurations = contents.configurations;
        event.configuration_count = contents.configuration_count;
    }
    ww_net_step(net, group, &event, body);
}

uint32_t ww_net_tick(struct ww_net *net)
{
    if (net->now_ns < net->next_tick_ns)
        return 0;
    uint32_t ticks = 0;
    uint64_t next = net->now_ns + TICK_NS;
    bool save_again = net->saves_refused;
    net->saves_refused = false;
    for (uint32_t i = 0; i < net->shard->options.groups; i++) {
        struct ww_group *group = &net->groups[i];
        if (ww_raft_deadline_ns(group->raft) <= net->now_ns) {
            struct ww_raft_event event = {.type = WW_RAFT_EV_TICK};
            ww_net_step(net, group, &event, NULL);
            ticks++;
        }
        if (save_again && group->snapshot.step == WW_SNAPSHOT_VIEWED)
            ww_net_mark_dirty(net, group);
    }
    net->next_tick_ns = next;
    return ticks;
}
