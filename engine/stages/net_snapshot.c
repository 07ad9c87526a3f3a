/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NET's side of snapshots (docs/snapshots.md): when one is taken, the order in which it becomes
 * durable, parts to followers and from the leader, and what a node begins with.
 *
 * One at a time per group. Its way, whether it was taken here or came from the leader:
 *
 *   NONE ─▶ BUILDING ─▶ BUILT ─▶ STORING ─▶ STORED ─▶ RECORDING ─▶ RECORDED ─▶ NONE
 *    └──── from the leader ──▲                     from the leader │
 *                                        start ─▶ INSTALLED ◀──────┘
 *                                                     └─▶ RESTORING ─▶ NONE
 */
#include "engine/stages/net_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct ww_snapshot_header *header_of(const struct ww_snapshot_blob *blob)
{
    return (const void *)blob->data;
}

static void free_blob(struct ww_snapshot_blob *blob)
{
    free(blob->data);
    *blob = (struct ww_snapshot_blob){0};
}

static void go(struct ww_group *group, enum ww_snapshot_step from, enum ww_snapshot_step to)
{
    WW_ASSERT(group->snapshot.step == from);
    group->snapshot.step = to;
}

bool ww_net_can_snapshot(const struct ww_net *net)
{
    const struct ww_shard *shard = net->shard;
    return shard->store->ops->snapshot_save != NULL && shard->machine->save != NULL &&
           shard->machine->restore != NULL;
}

/* Nothing is under way any more: when is the next one taken? Behind the newest one, which may be
 * the leader's, of entries that came meanwhile and are not applied yet. */
static void rest(struct ww_net *net, struct ww_group *group)
{
    const struct ww_shard_options *options = &net->shard->options;
    const struct ww_snapshot_blob *kept = &group->snapshot.kept;
    bool taken = options->snapshot_entries > 0 && ww_net_can_snapshot(net);
    uint64_t newest = kept->data != NULL ? header_of(kept)->index : 0;
    uint64_t from = group->fed > newest ? group->fed : newest;
    group->snapshot.step = WW_SNAPSHOT_NONE;
    group->snapshot.install = false;
    group->snapshot.job = (struct ww_snapshot_job){0};
    group->snapshot.next_index = taken ? from + options->snapshot_entries : UINT64_MAX;
}

static void give_up(struct ww_net *net, struct ww_group *group)
{
    free_blob(&group->snapshot.job.blob);
    net->counters.snapshots_failed++;
    rest(net, group);
}

/* ---- taking one ---- */

void ww_net_snapshot_take(struct ww_net *net, struct ww_group *group)
{
    struct ww_snapshot_job *job = &group->snapshot.job;
    struct ww_snapshot_header about = {
        .group = group->id,
        .cluster = net->shard->options.cluster,
        .index = group->fed,
        .term = ww_raft_term_at(group->raft, group->fed),
    };
    if (!ww_raft_configuration_at(group->raft, group->fed, &about.configuration) ||
        ww_raft_sends_snapshot(group->raft) || ww_ring_free(&net->shard->committed) == 0)
        return; /* asked again behind the next batch */
    go(group, WW_SNAPSHOT_NONE, WW_SNAPSHOT_BUILDING);
    *job = (struct ww_snapshot_job){.about = about};
    group->snapshot.next_index = UINT64_MAX;
    struct ww_committed item = {.kind = WW_APPLY_SAVE, .group = group->id, .job = job};
    bool pushed = ww_ring_push(&net->shard->committed, &item);
    WW_ASSERT(pushed);
}

void ww_net_snapshot_built(struct ww_net *net, struct ww_group *group, int status)
{
    go(group, WW_SNAPSHOT_BUILDING, WW_SNAPSHOT_BUILT);
    if (status != WW_OK)
        give_up(net, group);
    ww_net_mark_dirty(net, group);
}

/* ---- making it durable ---- */

void ww_net_snapshot_saved(struct ww_net *net, const struct ww_log_event *event)
{
    struct ww_group *group = &net->groups[event->tag];
    go(group, WW_SNAPSHOT_STORING, WW_SNAPSHOT_STORED);
    if (event->status != WW_OK)
        give_up(net, group);
    ww_net_mark_dirty(net, group);
}

static bool store(struct ww_net *net, struct ww_group *group)
{
    const struct ww_snapshot_blob *blob = &group->snapshot.job.blob;
    struct ww_snapshot_request request = {
        .group = group->id,
        .index = header_of(blob)->index,
        .data = blob->data,
        .bytes = blob->bytes,
    };
    if (!ww_ring_push(&net->shard->snapshots, &request))
        return false;
    go(group, WW_SNAPSHOT_BUILT, WW_SNAPSHOT_STORING);
    return true;
}

static bool record(struct ww_net *net, struct ww_group *group)
{
    const struct ww_snapshot_header *about = header_of(&group->snapshot.job.blob);
    ww_net_seal_open(net);
    uint8_t *place = ww_net_reserve(net, WW_BATCH_HEADER_BYTES);
    if (place == NULL)
        return false;
    ww_batch_seal_snapshot(place, group->id, about->term, about->index);
    ww_net_commit_batch(net, group, place);
    go(group, WW_SNAPSHOT_STORED, WW_SNAPSHOT_RECORDING);
    return true;
}

void ww_net_snapshot_recorded(struct ww_net *net, struct ww_group *group)
{
    go(group, WW_SNAPSHOT_RECORDING, WW_SNAPSHOT_RECORDED);
    ww_net_mark_dirty(net, group);
}

/* ---- what it does to the log ---- */

/* It takes the place of the one that was kept; older ones may go. */
static void keep(struct ww_net *net, struct ww_group *group)
{
    struct ww_group_snapshot *own = &group->snapshot;
    struct ww_snapshot_request drop = {
        .drop = true,
        .group = group->id,
        .index = header_of(&own->job.blob)->index,
    };
    free(own->kept.data);
    own->kept = own->job.blob;
    /* Without room it is the next one that says so: all below its index are dropped. */
    ww_ring_push(&net->shard->snapshots, &drop);
}

/* Entries below `first_index` leave what NET knows of the log, as they left the core's. */
static void forget_entries(struct ww_group *group, uint64_t first_index)
{
    ww_log_index_compact(&group->index, first_index);
    group->first_index = first_index;
}

/* Everything that it stands for is committed here: only the log gets shorter. */
static void compact(struct ww_net *net, struct ww_group *group)
{
    const struct ww_snapshot_blob *blob = &group->snapshot.job.blob;
    uint64_t index = header_of(blob)->index;
    uint64_t kept = net->shard->options.snapshot_keep;
    uint64_t first = index >= kept ? index - kept + 1 : 1;
    if (first > group->applied + 1)
        first = group->applied + 1; /* APPLY reads the rest from the log */
    if (first < group->first_index)
        first = group->first_index;
    struct ww_raft_event event = {
        .type = WW_RAFT_EV_COMPACT,
        .index = index,
        .first_index = first,
        .snapshot_bytes = blob->bytes,
    };
    ww_net_step(net, group, &event, NULL);
    forget_entries(group, first);
    keep(net, group);
    net->counters.snapshots_taken += !group->snapshot.install;
    rest(net, group);
}

static void install(struct ww_net *net, struct ww_group *group)
{
    const struct ww_snapshot_blob *blob = &group->snapshot.job.blob;
    const struct ww_snapshot_header *about = header_of(blob);
    if (ww_raft_commit(group->raft) >= about->index) {
        compact(net, group); /* the log caught up meanwhile */
        return;
    }
    /* A leader has all this in its log and commits it soon. What APPLY still reads must stay. */
    if (ww_raft_is_leader(group->raft) || group->applied != group->fed)
        return;
    struct ww_raft_event event = {
        .type = WW_RAFT_EV_SNAPSHOT_INSTALLED,
        .index = about->index,
        .term = about->term,
        .configuration = about->configuration,
        .snapshot_bytes = blob->bytes,
    };
    ww_net_step(net, group, &event, NULL);
    WW_ASSERT(net->update.installed);
    /* Nobody goes on reading where the log was. */
    ww_net_reader_reset(net, &group->apply);
    ww_net_reset_feeds(net, group);
    ww_net_reset_client_reads(net, group);
    forget_entries(group, about->index + 1);
    keep(net, group);
    net->counters.snapshots_installed++;
    go(group, WW_SNAPSHOT_RECORDED, WW_SNAPSHOT_INSTALLED);
}

static bool restore(struct ww_net *net, struct ww_group *group)
{
    struct ww_snapshot_job *job = &group->snapshot.job;
    struct ww_committed item = {.kind = WW_APPLY_RESTORE, .group = group->id, .job = job};
    job->about = *header_of(&group->snapshot.kept);
    job->blob = group->snapshot.kept;
    if (!ww_ring_push(&net->shard->committed, &item))
        return false;
    go(group, WW_SNAPSHOT_INSTALLED, WW_SNAPSHOT_RESTORING);
    group->fed = job->about.index;
    if (job->about.time_ns > group->time_ns)
        group->time_ns = job->about.time_ns;
    return true;
}

void ww_net_snapshot_restored(struct ww_net *net, struct ww_group *group)
{
    WW_ASSERT(group->snapshot.step == WW_SNAPSHOT_RESTORING);
    rest(net, group);
    ww_net_mark_dirty(net, group);
}

/* One that came whole from the leader goes the same way as one of our own. */
static void begin_install(struct ww_net *net, struct ww_group *group)
{
    struct ww_group_snapshot *own = &group->snapshot;
    bool needed = own->staged.index > ww_raft_commit(group->raft);
    if (needed) {
        go(group, WW_SNAPSHOT_NONE, WW_SNAPSHOT_BUILT);
        own->job = (struct ww_snapshot_job){.blob = own->staged.blob};
        own->install = true;
        own->next_index = UINT64_MAX;
    } else {
        free(own->staged.blob.data);
    }
    own->staged = (struct ww_staged_snapshot){0};
}

bool ww_net_snapshot_advance(struct ww_net *net, struct ww_group *group)
{
    struct ww_group_snapshot *own = &group->snapshot;
    if (own->step == WW_SNAPSHOT_NONE && own->staged.whole)
        begin_install(net, group);
    switch (own->step) {
    case WW_SNAPSHOT_BUILT:
        return store(net, group);
    case WW_SNAPSHOT_STORED:
        return record(net, group);
    case WW_SNAPSHOT_RECORDED:
        if (own->install)
            install(net, group);
        else
            compact(net, group);
        return own->step != WW_SNAPSHOT_INSTALLED || restore(net, group);
    case WW_SNAPSHOT_INSTALLED:
        return restore(net, group);
    default:
        return true; /* nothing, or someone else's turn */
    }
}

/* ---- life cycle ---- */

static int load(struct ww_net *net, struct ww_group *group,
                const struct ww_recovered_group *recovered, struct ww_error *error)
{
    struct ww_log_store *store = net->shard->store;
    struct ww_snapshot_blob *kept = &group->snapshot.kept;
    struct ww_snapshot view;
    void *data = NULL;
    if (!ww_net_can_snapshot(net))
        return ww_fail(
            error, WW_EINVAL,
            "its log begins behind a snapshot, which store or state machine do not know");
    int status =
        store->ops->snapshot_load(store, group->id, recovered->base_index, &data, &kept->bytes);
    kept->data = data;
    if (status != WW_OK)
        return ww_fail(error, status, "it cannot be read");
    status =
        ww_snapshot_check(data, kept->bytes, net->shard->options.cluster, group->id, &view, error);
    if (status == WW_OK &&
        (view.header->index != recovered->base_index || view.header->term != recovered->base_term))
        return ww_fail(error, WW_EDAMAGED, "it ends at index %" PRIu64 ", term %" PRIu64,
                       view.header->index, view.header->term);
    return status;
}

int ww_net_snapshot_create(struct ww_net *net, struct ww_group *group,
                           const struct ww_recovered_group *recovered, struct ww_raft_options *raft,
                           struct ww_error *error)
{
    group->first_index = recovered->base_index + 1;
    raft->configuration = net->shard->options.configuration;
    if (recovered->base_index == 0) {
        rest(net, group);
        return WW_OK;
    }
    if (load(net, group, recovered, error) != WW_OK)
        return ww_fail_context(error, "group %" PRIu32 ": snapshot at index %" PRIu64, group->id,
                               recovered->base_index);
    raft->base_index = recovered->base_index;
    raft->base_term = recovered->base_term;
    raft->configuration = header_of(&group->snapshot.kept)->configuration;
    raft->snapshot_bytes = group->snapshot.kept.bytes;
    group->snapshot.step = WW_SNAPSHOT_INSTALLED;
    group->snapshot.next_index = UINT64_MAX;
    ww_net_mark_dirty(net, group);
    return WW_OK;
}

void ww_net_snapshot_destroy(struct ww_group *group)
{
    struct ww_group_snapshot *own = &group->snapshot;
    if (own->step < WW_SNAPSHOT_INSTALLED)
        free(own->job.blob.data); /* from then on it is the one that is kept */
    free(own->kept.data);
    free(own->staged.blob.data);
}
