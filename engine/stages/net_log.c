/* SPDX-License-Identifier: Apache-2.0 */
/* NET's side of the log: batches into the buffer, blocks to LOG, durable positions back. */
#include "engine/stages/net_internal.h"

/* Drops this many descriptors at a time when room is needed: evicting is cheap but not free. */
#define DROP_AT_ONCE 64u

/*
 * May the oldest batch leave memory? It is durable; its entries must be applied, or truncated. What
 * a follower cannot apply yet it can read back from the disk: a group whose commits do not come
 * (this node may have been removed from it) must not keep the others from going on.
 */
static bool droppable(const struct ww_net *net, const struct ww_batch_slot *slot)
{
    const struct ww_group *group = &net->groups[slot->group];
    if (slot->kind != WW_BATCH_ENTRIES || slot->count == 0 ||
        ww_batch_slot_last(slot) <= group->applied)
        return true;
    bool at_apply = slot->first_index <= group->fed && group->applied < group->fed;
    return !at_apply && !ww_raft_is_leader(group->raft);
}

static bool make_room(struct ww_net *net)
{
    struct ww_batch_table *table = &net->table;
    uint32_t dropped = 0;
    while (dropped < DROP_AT_ONCE && table->first < table->durable) {
        const struct ww_batch_slot *slot = ww_batch_slot(table, table->first);
        if (!droppable(net, slot))
            break;
        ww_batch_table_drop(table, &net->groups[slot->group].chain);
        dropped++;
    }
    net->buffer.keep = table->first < table->end ? ww_batch_slot(table, table->first)->position
                                                 : net->buffer.block;
    return dropped > 0;
}

static bool close_block(struct ww_net *net)
{
    uint64_t out = net->blocks_end - net->blocks_first;
    if (out == WW_PERSIST_RING_SLOTS || ww_ring_free(&net->shard->persist) == 0)
        return false;
    struct ww_log_range range = ww_log_buffer_close(&net->buffer, net->durable);
    range.entries = (uint32_t)net->block_entries;
    range.traced = net->block_traced;
    range.traced_at = net->block_traced_at;
    if (range.traced > 0)
        ww_trace_block(&net->shard->traces[WW_STAGE_NET],
                       ww_log_buffer_at(&net->buffer, range.position), range.traced_at,
                       range.traced, &(struct ww_trace_stamp){.point = WW_TRACE_CLOSED}, 1);
    net->blocks_out[net->blocks_end++ % WW_PERSIST_RING_SLOTS] = range.position + range.write_bytes;
    net->counters.blocks++;
    bool pushed = ww_ring_push(&net->shard->persist, &range);
    WW_ASSERT(pushed);
    return true;
}

int ww_net_tune(struct ww_net *net, const struct ww_wal_tuning *tuning)
{
    ww_net_seal_open(net);
    if (ww_log_buffer_open(&net->buffer) && !close_block(net))
        return WW_EBUSY;
    uint32_t depth = net->shard->store->write_depth;
    net->wal = *tuning;
    if (net->wal.depth == 0 || net->wal.depth > depth)
        net->wal.depth = depth;
    net->buffer.block_max = tuning->block_max;
    net->buffer.padding = tuning->padding != 0 ? tuning->padding : WW_BLOCK_ALIGN;
    atomic_store_explicit(&net->shard->write_depth, net->wal.depth, memory_order_relaxed);
    atomic_store_explicit(&net->shard->join_blocks, !tuning->each_entry, memory_order_relaxed);
    return WW_OK;
}

uint8_t *ww_net_reserve(struct ww_net *net, uint32_t bytes)
{
    WW_ASSERT(net->open.place == NULL);
    uint64_t limit = atomic_load_explicit(&net->shard->store->limit_position, memory_order_acquire);
    for (;;) {
        if (ww_batch_table_free(&net->table) == 0 && !make_room(net))
            return NULL;
        switch (ww_log_buffer_room(&net->buffer, bytes, limit)) {
        case WW_LOG_ROOM:
            return ww_log_buffer_reserve(&net->buffer);
        case WW_LOG_BLOCK_FULL:
            if (!close_block(net))
                return NULL;
            break;
        case WW_LOG_FULL:
            if (!make_room(net))
                return NULL;
            break;
        }
    }
}

static void count_in_block(struct ww_net *net, const struct ww_batch_header *batch, uint32_t at)
{
    bool entries = batch->kind == WW_BATCH_ENTRIES;
    if (net->buffer.batches == 1) {
        net->block_since_ns = net->now_ns;
        net->block_entries = 0;
        net->block_urgent = false;
        net->block_traced = 0;
    }
    net->block_entries += entries ? batch->count : 0;
    if (entries &&
        ww_trace_holds(&net->shard->traces[WW_STAGE_NET], batch->first_index,
                       ww_batch_last_index(batch)) &&
        net->block_traced++ == 0)
        net->block_traced_at = at;
    net->block_urgent |= !entries;
    if (net->wal.each_entry)
        close_block(net); /* no room: the next one joins it */
}

void ww_net_commit_batch(struct ww_net *net, struct ww_group *group, const void *batch)
{
    const struct ww_batch_header *header = batch;
    uint64_t position = ww_log_buffer_commit(&net->buffer, header->size_bytes);
    struct ww_batch_slot slot = {
        .position = position,
        .first_index = header->first_index,
        .term = header->term,
        .size_bytes = header->size_bytes,
        .group = header->group,
        .count = header->count,
        .kind = header->kind,
    };
    ww_batch_table_add(&net->table, &group->chain, &slot);
    net->counters.batches_sealed++;
    if (header->time_ns > group->time_ns)
        group->time_ns = header->time_ns;
    bool entries = header->kind == WW_BATCH_ENTRIES;
    uint64_t block = net->buffer.block;
    struct ww_log_point point = {header->first_index, block, header->time_ns,
                                 (uint32_t)(position - block)};
    if (entries && !ww_log_index_add(&group->index, point, header->size_bytes))
        ww_shard_fence(net->shard, WW_ENOMEM, "no memory for the index of the log");
    count_in_block(net, header, point.offset);
}

bool ww_net_append_hard_state(struct ww_net *net, struct ww_group *group, uint64_t term,
                              uint32_t vote, uint32_t flags)
{
    ww_net_seal_open(net);
    uint8_t *place = ww_net_reserve(net, WW_BATCH_HEADER_BYTES);
    if (place == NULL)
        return false;
    ww_batch_seal_hard_state(place, group->id, term, vote | flags);
    ww_net_commit_batch(net, group, place);
    group->hard_state.end = net->buffer.head;
    return true;
}

bool ww_net_append_snapshot(struct ww_net *net, struct ww_group *group,
                            const struct ww_snapshot_header *about)
{
    ww_net_seal_open(net);
    uint8_t *place = ww_net_reserve(net, WW_BATCH_HEADER_BYTES);
    if (place == NULL)
        return false;
    bool in_log = ww_raft_term_at(group->raft, about->index) == about->term;
    ww_batch_seal_snapshot(place, group->id, about->term, about->index,
                           in_log ? group->first_index : 0,
                           in_log ? ww_raft_last_index(group->raft) : 0);
    ww_net_commit_batch(net, group, place);
    group->snapshot_record.end = net->buffer.head;
    return true;
}

uint64_t ww_net_room(struct ww_net *net)
{
    uint64_t limit = atomic_load_explicit(&net->shard->store->limit_position, memory_order_acquire);
    /* A whole window, so that what is granted to the leader does not depend on how much of the
     * past still lies in memory. */
    uint64_t wanted = net->shard->options.window_bytes + 2 * (uint64_t)WW_LOG_RESERVE;
    if (wanted > net->buffer.size / 2)
        wanted = net->buffer.size / 2;
    uint64_t room;
    do {
        room = ww_log_buffer_free(&net->buffer, limit);
    } while ((room < wanted || ww_batch_table_free(&net->table) < net->table.capacity / 4) &&
             make_room(net));
    if (ww_batch_table_free(&net->table) < net->table.capacity / 8 ||
        ww_ring_free(&net->shard->persist) < WW_PERSIST_RING_SLOTS / 8)
        return 0;
    return room > WW_LOG_RESERVE ? room - WW_LOG_RESERVE : 0;
}

uint64_t ww_net_client_room(struct ww_net *net)
{
    const struct ww_log_buffer *buffer = &net->buffer;
    uint64_t room = ww_net_room(net);
    while (ww_log_buffer_free(buffer, UINT64_MAX) < buffer->size / 4 + WW_LOG_RESERVE ||
           ww_batch_table_free(&net->table) < net->table.capacity / 4)
        if (!make_room(net))
            return 0;
    return room;
}

void ww_net_seal_open(struct ww_net *net)
{
    struct ww_open_batch *open = &net->open;
    if (open->place == NULL)
        return;
    ww_batch_seal(open->place,
                  &(struct ww_batch_header){
                      .group = open->group,
                      .count = open->count,
                      .term = open->term,
                      .first_index = open->first_index,
                      .session = open->session,
                      .first_sequence = open->first_sequence,
                      .time_ns = ww_net_log_time(net, &net->groups[open->group]),
                  },
                  open->entry_bytes);
    ww_net_commit_batch(net, &net->groups[open->group], open->place);
    open->place = NULL;
}

/* Has the open block waited for others long enough, or found enough of them? */
static bool is_due(const struct ww_net *net)
{
    const struct ww_wal_tuning *wal = &net->wal;
    return wal->delay_ns == 0 || net->block_urgent ||
           net->now_ns - net->block_since_ns >= wal->delay_ns ||
           (wal->delay_bytes != 0 && net->buffer.head - net->buffer.block >= wal->delay_bytes) ||
           (wal->delay_entries != 0 && net->block_entries >= wal->delay_entries);
}

void ww_net_submit(struct ww_net *net)
{
    /* While the device is busy the block stays open and grows: group commit clocks itself. */
    uint64_t out = net->blocks_end - net->blocks_first;
    if (ww_log_buffer_open(&net->buffer) && out < net->wal.depth && is_due(net))
        close_block(net);
}

static void take_slot(struct ww_net *net, const struct ww_batch_slot *slot)
{
    struct ww_group *group = &net->groups[slot->group];
    uint64_t end = slot->position + slot->size_bytes;
    if (slot->kind != WW_BATCH_ENTRIES && net->release.waits)
        net->release.due = true;
    if (slot->kind == WW_BATCH_HARD_STATE) {
        group->hard_state.durable_end = end;
        struct ww_raft_event event = {
            .type = WW_RAFT_EV_HARD_STATE_DURABLE,
            .term = slot->term,
            .vote = (uint32_t)slot->first_index & ~WW_HARD_STATE_FLAGS,
            .known = (slot->first_index & WW_HARD_STATE_KNOWN) != 0,
        };
        ww_net_step(net, group, &event, NULL);
    } else if (slot->kind == WW_BATCH_SNAPSHOT) {
        group->snapshot_record.durable_end = end;
        if (slot->first_index > ww_net_snapshot_index(group)) /* else it was repeated */
            ww_net_snapshot_recorded(net, group);
    } else if (slot->count > 0) {
        group->durable_term = slot->term;
        group->durable_index = ww_batch_slot_last(slot);
        ww_net_trace(net, group, WW_TRACE_DURABLE, slot->first_index, group->durable_index);
        group->durable_news = true;
        ww_net_mark_dirty(net, group);
    }
}

static void advance_durable(struct ww_net *net, uint64_t position)
{
    net->durable = position;
    while (net->blocks_first < net->blocks_end &&
           net->blocks_out[net->blocks_first % WW_PERSIST_RING_SLOTS] <= position)
        net->blocks_first++;
    struct ww_batch_table *table = &net->table;
    while (table->durable < table->end) {
        /* By value: a step may add batches, and the number moves on before it does. */
        struct ww_batch_slot slot = *ww_batch_slot(table, table->durable);
        if (slot.position + slot.size_bytes > position)
            break;
        table->durable++;
        take_slot(net, &slot);
    }
    ww_net_release_promises(net);
}

uint32_t ww_net_take_durable(struct ww_net *net)
{
    struct ww_log_event events[16];
    uint32_t count = ww_ring_pop(&net->shard->durable, events, 16);
    for (uint32_t i = 0; i < count; i++) {
        if (events[i].type == WW_LOG_WRITTEN)
            advance_durable(net, events[i].position);
        else if (events[i].type == WW_LOG_READ)
            ww_net_read_done(net, &events[i]);
        else if (events[i].type == WW_LOG_SNAPSHOT_SAVED)
            ww_net_snapshot_saved(net, &events[i]);
    }
    for (uint32_t i = 0; count > 0 && i < net->dirty_count; i++) {
        struct ww_group *group = &net->groups[net->dirty[i]];
        if (!group->durable_news)
            continue;
        group->durable_news = false;
        struct ww_raft_event event = {
            .type = WW_RAFT_EV_DURABLE,
            .term = group->durable_term,
            .index = group->durable_index,
        };
        ww_net_step(net, group, &event, NULL);
    }
    return count;
}
