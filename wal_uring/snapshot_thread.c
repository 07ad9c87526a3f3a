/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that writes snapshots. A function that is said to hold the mutex may let go of it. */
#include "wal_uring/snapshots.h"

#include "engine/base/assert.h"
#include "engine/base/time_ns.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

static bool do_chores(struct ww_wal_snapshots *snapshots);

static void wait_until(struct ww_wal_snapshots *snapshots, uint64_t time_ns)
{
    struct timespec until = {
        .tv_sec = (time_t)(time_ns / 1000000000u),
        .tv_nsec = (long)(time_ns % 1000000000u),
    };
    pthread_cond_timedwait(&snapshots->changed, &snapshots->mutex, &until);
}

/* Lets the disk be, and does meanwhile what else has come (once at least, however short it is). */
static void rest(struct ww_wal_snapshots *snapshots, uint64_t rest_ns, bool chores)
{
    uint64_t until = ww_time_ns(CLOCK_MONOTONIC) + rest_ns;
    pthread_mutex_lock(&snapshots->mutex);
    bool worked = chores && do_chores(snapshots);
    while (!snapshots->stop && ww_time_ns(CLOCK_MONOTONIC) < until) {
        if (!worked)
            wait_until(snapshots, until);
        worked = chores && do_chores(snapshots);
    }
    pthread_mutex_unlock(&snapshots->mutex);
}

static int append(struct ww_wal_snapshots *snapshots, struct ww_wal_snapshot_file *file,
                  const void *data, size_t bytes, bool chores)
{
    int status = ww_wal_snapshot_append(file, data, bytes);
    if (status != WW_OK || file->bytes - file->written_back < WW_SNAPSHOT_STEP)
        return status;
    uint64_t began = ww_time_ns(CLOCK_MONOTONIC);
    status = ww_wal_snapshot_write_back(file);
    uint64_t took = ww_time_ns(CLOCK_MONOTONIC) - began;
    rest(snapshots, took < WW_SNAPSHOT_REST_MAX_NS ? took : WW_SNAPSHOT_REST_MAX_NS, chores);
    return status;
}

/* Holds the mutex. */
static void finish(struct ww_wal_snapshots *snapshots, struct ww_wal_snapshot_job *job, int status,
                   const struct ww_snapshot_blob *blob)
{
    job->state = WW_WAL_SNAPSHOT_DONE;
    job->status = status;
    job->blob = *blob;
    atomic_fetch_add_explicit(&snapshots->done, 1, memory_order_relaxed);
}

/* ---- one of this node's own ---- */

struct sink {
    struct ww_wal_snapshots *snapshots;
    struct ww_wal_snapshot_file *file;
};

static int sink_write(void *context, const void *data, size_t bytes)
{
    struct sink *sink = context;
    if (sink->snapshots->stop)
        return WW_ECLOSED;
    return append(sink->snapshots, sink->file, data, bytes, true);
}

static int produce(struct ww_wal_snapshots *snapshots, struct ww_wal_snapshot_job *job)
{
    const struct ww_snapshot_save *save = &job->save;
    struct sink sink = {snapshots, &job->file};
    struct ww_snapshot_writer writer;
    int status = ww_snapshot_begin(&writer, &save->about, sink_write, &sink);
    if (status >= 0)
        status = save->sessions(save->context, ww_snapshot_write, &writer);
    ww_snapshot_end_sessions(&writer);
    if (status >= 0)
        status =
            snapshots->stop ? WW_ECLOSED : save->machine(save->context, ww_snapshot_write, &writer);
    if (status >= 0)
        status = ww_snapshot_seal(&writer);
    if (status >= 0)
        status = ww_wal_snapshot_put_header(&job->file, &writer.header);
    ww_snapshot_end(&writer);
    return status;
}

/* Holds the mutex. */
static bool save_next(struct ww_wal_snapshots *snapshots)
{
    struct ww_wal_snapshot_job *job = NULL;
    for (uint32_t i = 0; i < WW_SNAPSHOT_SAVES; i++) {
        struct ww_wal_snapshot_job *other = &snapshots->saves[i];
        if (other->state == WW_WAL_SNAPSHOT_QUEUED && (job == NULL || other->number < job->number))
            job = other;
    }
    if (job == NULL)
        return false;
    job->state = WW_WAL_SNAPSHOT_SAVING;
    pthread_mutex_unlock(&snapshots->mutex);
    struct ww_snapshot_blob blob = {0};
    int status = ww_wal_snapshot_create(&job->file, job->group, job->index);
    if (status == WW_OK)
        status = produce(snapshots, job);
    if (status >= 0)
        status = ww_wal_snapshot_map_file(&job->file, &blob);
    if (status == WW_OK)
        status = ww_wal_snapshot_publish(&job->file);
    if (status != WW_OK) {
        ww_wal_snapshot_unmap(&blob);
        ww_wal_snapshot_discard(&job->file);
    }
    pthread_mutex_lock(&snapshots->mutex);
    finish(snapshots, job, status, &blob);
    return true;
}

/* ---- received ones ---- */

static int complete(struct ww_wal_snapshots *snapshots, struct ww_wal_snapshot_file *file,
                    struct ww_snapshot_blob *blob)
{
    int status = ww_wal_snapshot_map_file(file, blob);
    if (status == WW_OK)
        status = ww_snapshot_check(blob, snapshots->cluster, file->group, NULL);
    if (status == WW_OK && ww_snapshot_header(blob)->index != file->index)
        status = WW_EDAMAGED;
    if (status == WW_OK)
        status = ww_wal_snapshot_publish(file);
    if (status != WW_OK)
        ww_wal_snapshot_unmap(blob);
    return status;
}

/* Its bytes begin at `at` in the staging ring. */
static int write_part(struct ww_wal_snapshots *snapshots, const struct ww_wal_snapshot_part *part,
                      uint32_t group, uint64_t index, uint64_t at, struct ww_snapshot_blob *blob)
{
    struct ww_wal_snapshot_file *file = &snapshots->receives[part->job].file;
    int status = WW_OK;
    if (part->offset == 0) {
        ww_wal_snapshot_discard(file);
        status = ww_wal_snapshot_create(file, group, index);
    }
    WW_ASSERT(status != WW_OK || (file->fd >= 0 && file->bytes == part->offset));
    size_t from = at % WW_SNAPSHOT_STAGING, first = WW_SNAPSHOT_STAGING - from;
    first = part->bytes < first ? part->bytes : first;
    if (status == WW_OK)
        status = append(snapshots, file, snapshots->staging + from, first, false);
    if (status == WW_OK && part->bytes > first)
        status = append(snapshots, file, snapshots->staging, part->bytes - first, false);
    if (status == WW_OK && part->last)
        status = complete(snapshots, file, blob);
    if (status != WW_OK)
        ww_wal_snapshot_discard(file);
    return status;
}

static void unstage(const struct ww_wal_snapshots *snapshots, void *to, size_t bytes)
{
    size_t at = snapshots->staged % WW_SNAPSHOT_STAGING;
    size_t first = bytes < WW_SNAPSHOT_STAGING - at ? bytes : WW_SNAPSHOT_STAGING - at;
    memcpy(to, snapshots->staging + at, first);
    memcpy((uint8_t *)to + first, snapshots->staging, bytes - first);
}

/* Holds the mutex. */
static void take_part(struct ww_wal_snapshots *snapshots)
{
    struct ww_wal_snapshot_part part;
    unstage(snapshots, &part, sizeof(part));
    struct ww_wal_snapshot_job *job = &snapshots->receives[part.job];
    bool wanted =
        job->number == part.number && job->status == WW_OK &&
        (job->state == WW_WAL_SNAPSHOT_RECEIVING || job->state == WW_WAL_SNAPSHOT_FINISHING);
    uint32_t group = job->group;
    uint64_t index = job->index;
    uint64_t at = snapshots->staged + sizeof(part);
    pthread_mutex_unlock(&snapshots->mutex);
    struct ww_snapshot_blob blob = {0};
    int status = WW_OK;
    if (wanted)
        status = write_part(snapshots, &part, group, index, at, &blob);
    else
        ww_wal_snapshot_discard(&job->file);
    pthread_mutex_lock(&snapshots->mutex);
    snapshots->staged = at + part.bytes;
    if (!wanted || job->number != part.number)
        return; /* then it was not the last one: until DONE nobody else touches such a job */
    if (job->state == WW_WAL_SNAPSHOT_FINISHING && (status != WW_OK || part.last))
        finish(snapshots, job, status, &blob);
    else if (status != WW_OK)
        job->status = status;
}

/* ---- what is not needed ---- */

static void remove_old(void *context, const char *name, uint32_t group, uint64_t index)
{
    struct ww_wal_snapshots *snapshots = context;
    if (group < WW_GROUPS_MAX && index < snapshots->needed[group])
        unlinkat(snapshots->directory_fd, name, 0);
}

/* Holds the mutex. */
static bool drop_old(struct ww_wal_snapshots *snapshots)
{
    if (!snapshots->drop)
        return false;
    snapshots->drop = false;
    for (uint32_t i = 0; i < WW_SNAPSHOT_RECEIVES; i++) {
        struct ww_wal_snapshot_job *job = &snapshots->receives[i];
        if (job->state == WW_WAL_SNAPSHOT_RECEIVING && job->index < snapshots->needed[job->group])
            job->state = WW_WAL_SNAPSHOT_FREE;
        if (job->state != WW_WAL_SNAPSHOT_FREE || job->file.fd < 0)
            continue;
        pthread_mutex_unlock(&snapshots->mutex);
        ww_wal_snapshot_discard(&job->file);
        pthread_mutex_lock(&snapshots->mutex);
    }
    if (snapshots->directory_fd < 0)
        return true;
    pthread_mutex_unlock(&snapshots->mutex);
    /* What could not be listed or removed goes with the next one. */
    ww_wal_snapshot_each(snapshots->directory_fd, remove_old, snapshots);
    pthread_mutex_lock(&snapshots->mutex);
    return true;
}

/* Holds the mutex. */
static bool unmap_next(struct ww_wal_snapshots *snapshots)
{
    if (snapshots->unmap_count == 0)
        return false;
    struct ww_snapshot_blob blob = snapshots->unmaps[--snapshots->unmap_count];
    pthread_mutex_unlock(&snapshots->mutex);
    ww_wal_snapshot_unmap(&blob);
    pthread_mutex_lock(&snapshots->mutex);
    return true;
}

/* Holds the mutex. Everything but saves: what has come so far, so that it ends. */
static bool do_chores(struct ww_wal_snapshots *snapshots)
{
    uint64_t end = snapshots->staged_end;
    bool worked = snapshots->staged < end;
    while (!snapshots->stop && snapshots->staged < end)
        take_part(snapshots);
    worked |= drop_old(snapshots);
    return unmap_next(snapshots) || worked;
}

void *ww_wal_snapshots_run(void *context)
{
    struct ww_wal_snapshots *snapshots = context;
    pthread_mutex_lock(&snapshots->mutex);
    while (!snapshots->stop) {
        bool worked = do_chores(snapshots);
        worked |= !snapshots->stop && save_next(snapshots);
        if (!worked && !snapshots->stop)
            pthread_cond_wait(&snapshots->changed, &snapshots->mutex);
    }
    pthread_mutex_unlock(&snapshots->mutex);
    return NULL;
}
