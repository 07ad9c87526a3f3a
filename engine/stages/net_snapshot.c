/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NET's side of snapshots (docs/snapshots.md): when one is taken, the order in which it becomes
 * durable, parts to followers and from the leader, and what a node begins with.
 *
 * One at a time per group. Its way, whether it was taken here or came from the leader:
 *
 *   NONE ─▶ VIEWING ─▶ VIEWED ─▶ STORING ─▶ STORED ─▶ RECORDING ─▶ RECORDED ─▶ NONE
 *    └───── all parts from the leader ──▲              from the leader │
 *                                            start ─▶ INSTALLED ◀──────┘
 *                                                         └─▶ RESTORING ─▶ NONE
 */
#include "engine/stages/net_internal.h"
#include "engine/stages/stages_internal.h"

#include <inttypes.h>
#include <stdlib.h>

static void unmap(struct ww_net *net, struct ww_snapshot_blob *blob)
{
    struct ww_log_store *store = net->shard->store;
    if (blob->data != NULL)
        store->ops->snapshot_unmap(store, blob);
    *blob = (struct ww_snapshot_blob){0};
}

/* What SAVE took: it is in the store now, or will never be. */
static void end_view(struct ww_snapshot_job *job)
{
    if (job->viewed)
        job->machine->end_view(job->machine->self, job->view);
    job->viewed = false;
    free(job->sessions);
    job->sessions = NULL;
}

static void go(struct ww_group *group, enum ww_snapshot_step from, enum ww_snapshot_step to)
{
    WW_ASSERT(group->snapshot.step == from);
    group->snapshot.step = to;
}

bool ww_net_can_snapshot(const struct ww_net *net)
{
    const struct ww_shard *shard = net->shard;
    return shard->store->ops->snapshot_save != NULL && shard->machine->view != NULL &&
           shard->machine->restore != NULL;
}

/* Nothing is under way any more: when is the next one taken? Behind the newest one, which may be
 * the leader's, of entries that came meanwhile and are not applied yet. */
static void rest(struct ww_net *net, struct ww_group *group)
{
    struct ww_group_snapshot *own = &group->snapshot;
    uint64_t every = net->shard->options.snapshot_entries;
    uint64_t newest = own->kept.data != NULL ? ww_snapshot_header(&own->kept)->index : 0;
    uint64_t from = group->fed > newest ? group->fed : newest;
    own->step = WW_SNAPSHOT_NONE;
    own->install = false;
    own->job = (struct ww_snapshot_job){0};
    own->staged = (struct ww_staged_snapshot){0};
    own->next_index = UINT64_MAX;
    if (every > 0 && every < UINT64_MAX - from && ww_net_can_snapshot(net))
        own->next_index = from + every;
}

static void give_up(struct ww_net *net, struct ww_group *group, int status)
{
    struct ww_group_snapshot *own = &group->snapshot;
    own->failed_index = own->install ? own->staged.index : own->job.about.index;
    own->failed_status = status;
    end_view(&own->job);
    unmap(net, &own->job.blob);
    net->counters.snapshots_failed++;
    rest(net, group);
}

/* ---- taking one ---- */

int ww_net_snapshot_take(struct ww_net *net, struct ww_group *group)
{
    struct ww_group_snapshot *own = &group->snapshot;
    struct ww_snapshot_header about = {
        .group = group->id,
        .cluster = net->shard->options.cluster,
        .index = group->fed,
        .term = ww_raft_term_at(group->raft, group->fed),
    };
    if (group->fed == 0 || !ww_net_can_snapshot(net))
        return WW_EINVAL;
    bool comes = own->staged.bytes > 0 && own->staged.index > ww_raft_commit(group->raft);
    if (own->step != WW_SNAPSHOT_NONE || comes || ww_raft_sends_snapshot(group->raft) ||
        !ww_raft_configuration_at(group->raft, group->fed, &about.configuration) ||
        ww_ring_free(&net->shard->committed) == 0)
        return WW_EBUSY; /* a due one is tried again behind the next batch */
    go(group, WW_SNAPSHOT_NONE, WW_SNAPSHOT_VIEWING);
    own->job = (struct ww_snapshot_job){.about = about};
    own->staged = (struct ww_staged_snapshot){0};
    own->next_index = UINT64_MAX;
    own->failed_index = 0;
    own->failed_status = WW_OK;
    struct ww_committed item = {.kind = WW_APPLY_SAVE, .group = group->id, .job = &own->job};
    bool pushed = ww_ring_push(&net->shard->committed, &item);
    WW_ASSERT(pushed);
    return WW_OK;
}

int ww_net_snapshot_request(struct ww_net *net, struct ww_group *group, uint64_t *index)
{
    const struct ww_snapshot_blob *kept = &group->snapshot.kept;
    *index = group->fed;
    if (kept->data != NULL && ww_snapshot_header(kept)->index == group->fed)
        return WW_OK;
    return ww_net_snapshot_take(net, group);
}

void ww_net_snapshot_viewed(struct ww_net *net, struct ww_group *group, int status)
{
    go(group, WW_SNAPSHOT_VIEWING, WW_SNAPSHOT_VIEWED);
    if (status != WW_OK)
        give_up(net, group, status);
    ww_net_mark_dirty(net, group);
}

/* ---- making it durable ---- */

static void save(struct ww_net *net, struct ww_group *group)
{
    struct ww_log_store *store = net->shard->store;
    struct ww_snapshot_job *job = &group->snapshot.job;
    const struct ww_snapshot_save save = {
        .group = group->id,
        .about = job->about,
        .sessions = ww_snapshot_produce_sessions,
        .machine = ww_snapshot_produce_machine,
        .context = job,
    };
    int status = store->ops->snapshot_save(store, &save);
    if (status == WW_OK)
        go(group, WW_SNAPSHOT_VIEWED, WW_SNAPSHOT_STORING);
    else if (status == WW_EBUSY)
        net->saves_refused = true; /* again at the next tick */
    else
        give_up(net, group, status);
}

/* The store checked it whole: is it what the leader said, and does it hold what RESTORE needs? */
static int check_received(const struct ww_group *group)
{
    const struct ww_staged_snapshot *staged = &group->snapshot.staged;
    const struct ww_snapshot_blob *blob = &group->snapshot.job.blob;
    struct ww_session_table sessions;
    if (ww_snapshot_header(blob)->index != staged->index ||
        ww_snapshot_header(blob)->term != staged->term)
        return WW_EDAMAGED;
    return ww_snapshot_take_sessions(blob, &sessions);
}

void ww_net_snapshot_saved(struct ww_net *net, const struct ww_log_event *event)
{
    struct ww_group *group = &net->groups[event->tag];
    struct ww_snapshot_job *job = &group->snapshot.job;
    int status = event->status;
    go(group, WW_SNAPSHOT_STORING, WW_SNAPSHOT_STORED);
    end_view(job);
    if (status == WW_OK) {
        job->blob = event->snapshot;
        status = group->snapshot.install ? check_received(group) : WW_OK;
    }
    if (status != WW_OK)
        give_up(net, group, status);
    ww_net_mark_dirty(net, group);
}

static bool record(struct ww_net *net, struct ww_group *group)
{
    const struct ww_snapshot_header *about = ww_snapshot_header(&group->snapshot.job.blob);
    if (!ww_net_append_snapshot(net, group, about))
        return false;
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
    struct ww_log_store *store = net->shard->store;
    struct ww_group_snapshot *own = &group->snapshot;
    unmap(net, &own->kept);
    own->kept = own->job.blob;
    own->job.blob = (struct ww_snapshot_blob){0};
    store->ops->snapshot_drop(store, group->id, ww_snapshot_header(&own->kept)->index);
}

/* Everything that it stands for is committed here: only the log gets shorter. */
static void compact(struct ww_net *net, struct ww_group *group)
{
    const struct ww_snapshot_blob *blob = &group->snapshot.job.blob;
    ww_net_compact(net, group, ww_snapshot_header(blob)->index, blob->bytes);
    keep(net, group);
    net->counters.snapshots_taken += !group->snapshot.install;
    rest(net, group);
}

static void install(struct ww_net *net, struct ww_group *group)
{
    const struct ww_snapshot_blob *blob = &group->snapshot.job.blob;
    const struct ww_snapshot_header *about = ww_snapshot_header(blob);
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
    ww_net_forget_entries(net, group, about->index + 1);
    keep(net, group);
    net->counters.snapshots_installed++;
    go(group, WW_SNAPSHOT_RECORDED, WW_SNAPSHOT_INSTALLED);
}

static bool restore(struct ww_net *net, struct ww_group *group)
{
    struct ww_snapshot_job *job = &group->snapshot.job;
    struct ww_committed item = {.kind = WW_APPLY_RESTORE, .group = group->id, .job = job};
    job->about = *ww_snapshot_header(&group->snapshot.kept);
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
    net->release.due = true; /* after a start its log may be longer than it should */
    ww_net_mark_dirty(net, group);
}

bool ww_net_snapshot_advance(struct ww_net *net, struct ww_group *group)
{
    struct ww_group_snapshot *own = &group->snapshot;
    switch (own->step) {
    case WW_SNAPSHOT_VIEWED:
        save(net, group);
        return true;
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

static int map(struct ww_net *net, struct ww_group *group,
               const struct ww_recovered_group *recovered, struct ww_error *error)
{
    struct ww_log_store *store = net->shard->store;
    struct ww_snapshot_blob *kept = &group->snapshot.kept;
    struct ww_session_table sessions;
    if (!ww_net_can_snapshot(net))
        return ww_fail(
            error, WW_EINVAL,
            "its log begins behind a snapshot, which store or state machine do not know");
    int status = store->ops->snapshot_map(store, group->id, recovered->base_index, kept);
    if (status == WW_ENOTFOUND)
        return ww_fail(error, WW_EDAMAGED, "it is missing");
    if (status != WW_OK)
        return ww_fail(error, status, "it cannot be read");
    status = ww_snapshot_check(kept, net->shard->options.cluster, group->id, error);
    if (status != WW_OK)
        return status;
    const struct ww_snapshot_header *about = ww_snapshot_header(kept);
    if (about->index != recovered->base_index || about->term != recovered->base_term)
        return ww_fail(error, WW_EDAMAGED, "it ends at index %" PRIu64 ", term %" PRIu64,
                       about->index, about->term);
    status = ww_snapshot_take_sessions(kept, &sessions);
    return status == WW_OK ? WW_OK : ww_fail(error, status, "its sessions cannot be");
}

int ww_net_snapshot_load(struct ww_net *net, struct ww_group *group,
                         const struct ww_recovered_group *recovered, struct ww_error *error)
{
    if (recovered->base_index == 0 || map(net, group, recovered, error) == WW_OK)
        return WW_OK;
    unmap(net, &group->snapshot.kept);
    return ww_fail_context(error, "group %" PRIu32 ": snapshot at index %" PRIu64, group->id,
                           recovered->base_index);
}

void ww_net_snapshot_create(struct ww_net *net, struct ww_group *group,
                            const struct ww_recovered_group *recovered,
                            struct ww_raft_options *raft)
{
    group->first_index = recovered->first_index > 0 ? recovered->first_index : 1;
    group->hard_state = (struct ww_record){recovered->hard_state_end, recovered->hard_state_end};
    group->snapshot_record = (struct ww_record){recovered->snapshot_end, recovered->snapshot_end};
    raft->configuration = net->shard->options.configuration;
    if (recovered->base_index == 0) {
        rest(net, group);
        return;
    }
    raft->base_index = recovered->base_index;
    raft->base_term = recovered->base_term;
    raft->configuration = ww_snapshot_header(&group->snapshot.kept)->configuration;
    raft->snapshot_bytes = group->snapshot.kept.bytes;
    group->snapshot.step = WW_SNAPSHOT_INSTALLED;
    group->snapshot.next_index = UINT64_MAX;
    ww_net_mark_dirty(net, group);
}

static void unmap_group(struct ww_net *net, struct ww_group_snapshot *own)
{
    if (own->job.blob.data == own->kept.data)
        own->job.blob = (struct ww_snapshot_blob){0}; /* APPLY restored it */
    unmap(net, &own->job.blob);
    unmap(net, &own->kept);
}

void ww_net_unmap(struct ww_net *net)
{
    struct ww_log_event event;
    while (ww_ring_pop(&net->shard->durable, &event, 1) == 1) {
        if (event.type == WW_LOG_SNAPSHOT_SAVED && event.status == WW_OK)
            unmap(net, &event.snapshot);
    }
    for (uint32_t i = 0; net->groups != NULL && i < net->shard->options.groups; i++)
        unmap_group(net, &net->groups[i].snapshot);
}

void ww_net_snapshot_destroy(struct ww_group *group)
{
    end_view(&group->snapshot.job);
}
