/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NET gives stream space back (docs/wal.md, docs/snapshots.md). Seldom: when the head enters
 * another segment, when something left a log, when a record that is waited for became durable, and
 * every second.
 *
 * 1. Entries beyond the limits of size and age leave the logs, behind a snapshot.
 * 2. The stream may go below a durable position at or above which lie, for every group, its first
 *    entry and the records of its newest snapshot and of its term and vote, and below which nothing
 *    is being read.
 * 3. Records are small: those that alone hold that position back are appended again, and the place
 *    of the old ones is given up when the new ones are durable.
 */
#include "engine/stages/net_internal.h"

static bool limited(const struct ww_shard_options *options)
{
    return options->retain_bytes > 0 || options->retain_time_ns > 0;
}

/* ---- 1. what leaves the logs ---- */

static uint64_t less(uint64_t a, uint64_t b)
{
    return b > 0 && a > b ? a - b : 0;
}

/* The first entry that is within the limits. */
static uint64_t first_within(const struct ww_net *net, const struct ww_group *group)
{
    const struct ww_shard_options *options = &net->shard->options;
    return ww_log_index_cut(&group->index, less(net->buffer.head, options->retain_bytes),
                            less(group->time_ns, options->retain_time_ns),
                            ww_raft_last_index(group->raft) + 1);
}

/* The first entry that stays when a snapshot at `index` stands for all up to there. */
static uint64_t first_kept(const struct ww_net *net, const struct ww_group *group, uint64_t index)
{
    const struct ww_shard_options *options = &net->shard->options;
    uint64_t first = index >= options->snapshot_keep ? index - options->snapshot_keep + 1 : 1;
    if (limited(options))
        first = first_within(net, group);
    if (first > index + 1)
        first = index + 1;
    if (first > group->applied + 1)
        first = group->applied + 1; /* APPLY reads the rest from the log */
    return first > group->first_index ? first : group->first_index;
}

void ww_net_forget_entries(struct ww_net *net, struct ww_group *group, uint64_t first_index)
{
    if (first_index > ww_raft_last_index(group->raft))
        ww_log_index_truncate(&group->index, 0); /* no place is needed for an empty log */
    else
        ww_log_index_compact(&group->index, first_index);
    group->first_index = first_index;
    net->release.due = true;
}

void ww_net_compact(struct ww_net *net, struct ww_group *group, uint64_t index, uint64_t bytes)
{
    struct ww_raft_event event = {
        .type = WW_RAFT_EV_COMPACT,
        .index = index,
        .first_index = first_kept(net, group, index),
        .snapshot_bytes = bytes,
    };
    ww_net_step(net, group, &event, NULL);
    ww_net_forget_entries(net, group, event.first_index);
}

/* Drops what is not to be kept as far as the newest snapshot goes; else a newer one is needed.
 * Returns whether it is. */
static bool retain(struct ww_net *net, struct ww_group *group)
{
    uint64_t newest = ww_net_snapshot_index(group);
    if (newest > 0 && first_kept(net, group, newest) > group->first_index)
        ww_net_compact(net, group, newest, group->snapshot.kept.bytes);
    return limited(&net->shard->options) && group->fed > newest &&
           first_within(net, group) > newest + 1;
}

static void retain_all(struct ww_net *net)
{
    uint32_t groups = net->shard->options.groups, under_way = 0;
    for (uint32_t i = 0; i < groups; i++)
        under_way += net->groups[i].snapshot.step != WW_SNAPSHOT_NONE;
    for (uint32_t i = 0; i < groups; i++) {
        struct ww_group *group = &net->groups[i];
        if (!retain(net, group) || group->snapshot.step != WW_SNAPSHOT_NONE ||
            under_way >= WW_RETAIN_SNAPSHOTS)
            continue;
        under_way += ww_net_snapshot_take(net, group) == WW_OK;
    }
}

/* ---- 2. what of the stream is needed ---- */

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t entries_begin(const struct ww_group *group)
{
    uint64_t limit;
    if (group->first_index > ww_raft_last_index(group->raft))
        return UINT64_MAX;
    const struct ww_log_point *point = ww_log_index_find(&group->index, group->first_index, &limit);
    return point != NULL ? point->block : UINT64_MAX; /* NULL: in the open batch */
}

/* Where a reader goes on that holds this buffer. */
static uint64_t read_position(const struct ww_read_buffer *buffer)
{
    return buffer->position + (buffer->state == WW_READ_READY ? buffer->block : 0);
}

static uint64_t reads_begin(const struct ww_net *net)
{
    uint64_t begin = UINT64_MAX;
    for (uint32_t i = 0; i < WW_READ_BUFFERS; i++) {
        const struct ww_read_buffer *buffer = &net->read_buffers[i];
        if (buffer->state == WW_READ_WAITING || (buffer->state == WW_READ_READY && buffer->pinned))
            begin = lower(begin, read_position(buffer));
    }
    return begin;
}

/* Others that would go on reading there look up anew where to. */
static void reset_readers(struct ww_net *net, uint64_t below)
{
    for (uint32_t i = 0; i < WW_READ_BUFFERS; i++) {
        struct ww_read_buffer *buffer = &net->read_buffers[i];
        if (buffer->state == WW_READ_READY && read_position(buffer) < below)
            ww_net_reader_reset(net, buffer->owner);
    }
}

/* ---- 3. records ---- */

/* Does the newest record lie below, so that another must take its place? */
static bool behind(const struct ww_record *record, uint64_t position)
{
    return record->end > 0 && record->end <= position;
}

static uint64_t record_begin(const struct ww_record *record)
{
    uint64_t end = record->durable_end;
    return record->end == 0 ? UINT64_MAX : end > 0 ? end - WW_BATCH_HEADER_BYTES : 0;
}

/* Half of the reserve stays for new terms and votes. */
static bool room_for_records(struct ww_net *net)
{
    uint64_t limit = atomic_load_explicit(&net->shard->store->limit_position, memory_order_acquire);
    return ww_log_buffer_free(&net->buffer, limit) >= WW_LOG_RESERVE / 2;
}

static void checkpoint(struct ww_net *net, struct ww_group *group, uint64_t position)
{
    struct ww_raft_status status;
    /* That of a snapshot which is about to take the kept one's place is newer, and stays so. */
    bool superseded = group->snapshot.step == WW_SNAPSHOT_RECORDED;
    if (behind(&group->hard_state, position) && room_for_records(net)) {
        ww_raft_status(group->raft, &status);
        net->counters.checkpoints +=
            ww_net_append_hard_state(net, group, status.term, status.vote,
                                     status.known ? WW_HARD_STATE_KNOWN : 0);
    }
    if (behind(&group->snapshot_record, position) && !superseded && room_for_records(net))
        net->counters.checkpoints += ww_net_append_snapshot(net, group, ww_net_kept(group));
}

static void release(struct ww_net *net)
{
    struct ww_shard *shard = net->shard;
    uint64_t segment = shard->store->segment_bytes;
    uint64_t end = lower(net->durable, reads_begin(net));
    if (net->durable < net->anew_end)
        return; /* without what such a group wrote before, it would look like one that is whole */
    for (uint32_t i = 0; i < shard->options.groups; i++)
        end = lower(end, entries_begin(&net->groups[i]));
    end -= end % segment;
    if (end <= net->release.position)
        return;
    uint64_t ready = end;
    for (uint32_t i = 0; i < shard->options.groups; i++) {
        struct ww_group *group = &net->groups[i];
        checkpoint(net, group, end);
        ready = lower(ready, record_begin(&group->hard_state));
        ready = lower(ready, record_begin(&group->snapshot_record));
    }
    net->release.waits = ready < end;
    ready -= ready % segment;
    if (ready <= net->release.position)
        return;
    reset_readers(net, ready);
    net->release.position = ready;
    /* Release pairs with LOG's acquire: it sees the place behind what made it free. */
    atomic_store_explicit(&shard->released, ready, memory_order_release);
}

uint32_t ww_net_release(struct ww_net *net)
{
    struct ww_net_release *own = &net->release;
    if (!own->due && net->now_ns < own->next_ns && net->buffer.head < own->next_head)
        return 0;
    uint64_t segment = net->shard->store->segment_bytes;
    own->due = false;
    own->next_ns = net->now_ns + WW_RELEASE_NS;
    own->next_head = (net->buffer.head / segment + 1) * segment;
    if (ww_net_can_snapshot(net))
        retain_all(net);
    release(net);
    return 1;
}
