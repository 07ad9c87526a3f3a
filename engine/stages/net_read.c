/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the log from any index on: from the log buffer when the entry is there, else from disk
 * through LOG. Followers that are behind, apply after a restart, and clients all read this way.
 */
#include "engine/stages/net_internal.h"

void ww_reader_init(struct ww_reader *reader)
{
    *reader = (struct ww_reader){.hint = WW_BATCH_NONE, .buffer = WW_READER_NO_BUFFER};
}

void ww_net_reader_reset(struct ww_net *net, struct ww_reader *reader)
{
    if (reader->buffer != WW_READER_NO_BUFFER) {
        struct ww_read_buffer *buffer = &net->read_buffers[reader->buffer];
        /* LOG may still be writing to it: then it becomes free when its event comes. */
        buffer->owner = NULL;
        if (buffer->state == WW_READ_READY)
            buffer->state = WW_READ_FREE;
    }
    ww_reader_init(reader);
}

void ww_net_reset_feeds(struct ww_net *net, struct ww_group *group)
{
    for (uint32_t id = 0; id <= WW_NODES_MAX; id++)
        ww_net_reader_reset(net, &group->peers[id]);
}

static void truncate_reader(struct ww_reader *reader, uint64_t from)
{
    if (reader->limit > from)
        reader->limit = from;
}

void ww_net_truncate_readers(struct ww_net *net, struct ww_group *group, uint64_t from)
{
    truncate_reader(&group->apply, from);
    for (uint32_t id = 0; id <= WW_NODES_MAX; id++)
        truncate_reader(&group->peers[id], from);
    for (uint32_t i = 0; i < WW_CLIENTS_MAX; i++) {
        if (net->client_reads[i].active && net->client_reads[i].group == group->id)
            truncate_reader(&net->client_reads[i].reader, from);
    }
}

static void request(struct ww_net *net, uint32_t number, uint64_t position)
{
    struct ww_read_buffer *buffer = &net->read_buffers[number];
    struct ww_read_request read = {position, WW_READ_BYTES, number};
    buffer->state = WW_READ_WAITING;
    buffer->position = position;
    buffer->bytes = 0;
    buffer->block = 0;
    buffer->batch = 0;
    net->counters.disk_reads++;
    bool pushed = ww_ring_push(&net->shard->reads, &read);
    WW_ASSERT(pushed);
}

void ww_net_read_done(struct ww_net *net, const struct ww_log_event *event)
{
    struct ww_read_buffer *buffer = &net->read_buffers[event->tag];
    buffer->state = buffer->owner == NULL ? WW_READ_FREE : WW_READ_READY;
    buffer->bytes = event->size_bytes;
    if (event->status != WW_OK)
        ww_shard_fence(net->shard, event->status, "the log cannot be read back");
}

/*
 * A free buffer, or one whose owner has not looked at it for a while: a follower that is paused or
 * dead must not keep others from reading. WW_READ_BUFFERS: none.
 */
static uint32_t take_buffer(struct ww_net *net)
{
    uint32_t idle = WW_READ_BUFFERS;
    for (uint32_t i = 0; i < WW_READ_BUFFERS; i++) {
        const struct ww_read_buffer *buffer = &net->read_buffers[i];
        if (buffer->state == WW_READ_FREE)
            return i;
        if (buffer->state == WW_READ_READY && !buffer->pinned &&
            net->now_ns - buffer->used_ns >= WW_READ_IDLE_NS)
            idle = i;
    }
    if (idle < WW_READ_BUFFERS)
        ww_net_reader_reset(net, net->read_buffers[idle].owner);
    return idle;
}

static void start(struct ww_net *net, struct ww_group *group, struct ww_reader *reader,
                  uint64_t index)
{
    uint32_t number = take_buffer(net);
    if (number == WW_READ_BUFFERS)
        return; /* asked again at the next poll */
    const struct ww_log_point *point = ww_log_index_find(&group->index, index, &reader->limit);
    WW_ASSERT(point != NULL);
    reader->buffer = number;
    reader->not_before = point->block + point->offset;
    net->read_buffers[number].owner = reader;
    net->read_buffers[number].used_ns = net->now_ns;
    net->read_buffers[number].pinned = false;
    request(net, number, point->block);
}

/* Enters the block that the scan is at; false when it is not whole in the buffer. */
static bool enter_block(struct ww_net *net, struct ww_read_buffer *buffer)
{
    struct ww_block_place place = {net->shard->store->stream_id, buffer->position + buffer->block};
    if (buffer->block >= buffer->bytes)
        return false;
    const char *why =
        ww_block_check(buffer->data + buffer->block, buffer->bytes - buffer->block, place);
    if (why == NULL) {
        buffer->batch = buffer->block + WW_BLOCK_HEADER_BYTES;
        return true;
    }
    /* The first block of a read is whole in it; if not even that one is good, the disk lost it. */
    if (buffer->block == 0)
        ww_shard_fence(net->shard, WW_EDAMAGED, why);
    return false;
}

/* Scans on to the group's batch with `index`; NULL at the end of the buffer. */
static const struct ww_batch_header *scan(struct ww_net *net, struct ww_read_buffer *buffer,
                                          uint32_t group, uint64_t index, uint64_t not_before)
{
    for (;;) {
        if (buffer->batch == 0 && !enter_block(net, buffer))
            return NULL;
        const struct ww_block_header *block = (const void *)(buffer->data + buffer->block);
        while (buffer->batch < buffer->block + block->used_bytes) {
            const struct ww_batch_header *batch = ww_batch_header(buffer->data + buffer->batch);
            if (batch->kind == WW_BATCH_ENTRIES && batch->group == group &&
                batch->first_index <= index && index <= ww_batch_last_index(batch) &&
                buffer->position + buffer->batch >= not_before)
                return batch;
            buffer->batch += batch->size_bytes;
        }
        buffer->block += block->span_bytes;
        buffer->batch = 0;
    }
}

static enum ww_read_result read_disk(struct ww_net *net, struct ww_group *group,
                                     struct ww_reader *reader, uint64_t index, bool may_release,
                                     struct ww_log_view *view)
{
    /* A follower that lost something asks again for what the scan has passed. */
    if (reader->buffer != WW_READER_NO_BUFFER && index < reader->asked)
        ww_net_reader_reset(net, reader);
    reader->asked = index;
    if (reader->buffer == WW_READER_NO_BUFFER) {
        start(net, group, reader, index);
        return WW_READ_LATER;
    }
    struct ww_read_buffer *buffer = &net->read_buffers[reader->buffer];
    buffer->used_ns = net->now_ns;
    if (may_release)
        buffer->pinned = false;
    if (buffer->state == WW_READ_WAITING || atomic_load(&net->shard->fenced) != 0)
        return WW_READ_LATER;
    if (index >= reader->limit) {
        const struct ww_log_point *point = ww_log_index_find(&group->index, index, &reader->limit);
        reader->not_before = point->block + point->offset;
    }
    const struct ww_batch_header *batch = scan(net, buffer, group->id, index, reader->not_before);
    if (batch != NULL) {
        uint64_t last = ww_batch_last_index(batch);
        uint64_t limit = reader->limit - 1;
        *view = (struct ww_log_view){batch, batch->first_index, last < limit ? last : limit};
        return WW_READ_VIEW;
    }
    if (may_release && buffer->block > 0)
        request(net, reader->buffer, buffer->position + buffer->block);
    return WW_READ_LATER;
}

enum ww_read_result ww_net_read(struct ww_net *net, struct ww_group *group,
                                struct ww_reader *reader, uint64_t index, bool may_release,
                                struct ww_log_view *view)
{
    uint64_t number = ww_batch_table_find(&net->table, &group->chain, index, reader->hint);
    if (number == WW_BATCH_NONE)
        return read_disk(net, group, reader, index, may_release, view);
    if (reader->buffer != WW_READER_NO_BUFFER) {
        if (!may_release)
            return WW_READ_LATER;
        ww_net_reader_reset(net, reader);
    }
    const struct ww_batch_slot *slot = ww_batch_slot(&net->table, number);
    reader->hint = number;
    *view = (struct ww_log_view){ww_log_buffer_at(&net->buffer, slot->position), slot->first_index,
                                 ww_batch_slot_last(slot)};
    return WW_READ_VIEW;
}

bool ww_net_feed_apply(struct ww_net *net, struct ww_group *group)
{
    uint64_t commit = ww_raft_commit(group->raft);
    struct ww_log_view view;
    if (ww_net_snapshot_holds(group))
        return true;
    while (group->fed < commit) {
        if (ww_ring_free(&net->shard->committed) == 0 ||
            ww_net_read(net, group, &group->apply, group->fed + 1, group->applied == group->fed,
                        &view) != WW_READ_VIEW)
            return false;
        struct ww_committed item = {
            .kind = WW_APPLY_BATCH,
            .group = group->id,
            .batch = view.batch,
            .from = group->fed + 1,
            .to = view.to < commit ? view.to : commit,
        };
        ww_net_trace(net, group, WW_TRACE_FED, item.from, item.to);
        bool pushed = ww_ring_push(&net->shard->committed, &item);
        WW_ASSERT(pushed);
        if (group->apply.buffer != WW_READER_NO_BUFFER)
            net->read_buffers[group->apply.buffer].pinned = true; /* until it is applied */
        group->fed = item.to;
        if (group->fed >= group->snapshot.next_index)
            ww_net_snapshot_take(net, group);
    }
    if (group->fed >= group->snapshot.next_index)
        ww_net_snapshot_take(net, group); /* it could not be, and no batch may come for long */
    if (group->applied == group->fed && group->apply.buffer != WW_READER_NO_BUFFER)
        ww_net_reader_reset(net, &group->apply);
    return true;
}

uint32_t ww_net_take_applied(struct ww_net *net)
{
    struct ww_applied items[32];
    uint32_t count = ww_ring_pop(&net->shard->applied, items, 32);
    for (uint32_t i = 0; i < count; i++) {
        struct ww_group *group = &net->groups[items[i].group];
        switch (items[i].kind) {
        case WW_APPLY_SAVE:
            ww_net_snapshot_viewed(net, group, items[i].status);
            continue;
        case WW_APPLY_LOOKUP:
            ww_net_looked_up(net, group, items[i].slot);
            continue;
        case WW_APPLY_QUERY:
            ww_net_query_answered(net, &items[i]);
            continue;
        case WW_APPLY_RESTORE:
            ww_net_snapshot_restored(net, group);
            break;
        case WW_APPLY_BATCH:
            break;
        }
        group->applied = items[i].index;
        group->digest = items[i].digest;
        ww_net_mark_dirty(net, group);
        ww_net_answer_applied(net, group, &items[i]);
    }
    return count;
}
