/* SPDX-License-Identifier: Apache-2.0 */
/* What other threads ask of the thread that writes snapshots (snapshot_thread.c). */
#include "wal_uring/snapshots.h"

#include "engine/base/assert.h"
#include "engine/base/time_ns.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(WW_SNAPSHOT_STEP >= WW_SNAPSHOT_CHUNK, "a step is at least one write");

static void init_jobs(struct ww_wal_snapshots *snapshots)
{
    const struct ww_wal_snapshot_file none = {.directory_fd = snapshots->directory_fd, .fd = -1};
    for (uint32_t i = 0; i < WW_SNAPSHOT_SAVES; i++) {
        snapshots->saves[i].file = none;
        snapshots->saves[i].file.suffix = ".new";
    }
    for (uint32_t i = 0; i < WW_SNAPSHOT_RECEIVES; i++) {
        snapshots->receives[i].file = none;
        snapshots->receives[i].file.suffix = ".part";
    }
}

static int start(struct ww_wal_snapshots *snapshots, struct ww_error *error)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&snapshots->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&snapshots->mutex, NULL);
    int failed = pthread_create(&snapshots->thread, NULL, ww_wal_snapshots_run, snapshots);
    snapshots->started = failed == 0;
    if (snapshots->started)
        return WW_OK;
    pthread_mutex_destroy(&snapshots->mutex);
    pthread_cond_destroy(&snapshots->changed);
    return ww_fail(error, WW_ENOMEM, "cannot start the thread that writes snapshots: %s",
                   strerror(failed));
}

int ww_wal_snapshots_open(struct ww_wal_snapshots *snapshots, int parent_fd, uint64_t cluster,
                          struct ww_error *error)
{
    snapshots->cluster = cluster;
    snapshots->directory_fd = -1;
    int status = parent_fd < 0
                     ? WW_OK
                     : ww_wal_snapshot_directory(parent_fd, &snapshots->directory_fd, error);
    if (status != WW_OK)
        return status;
    init_jobs(snapshots);
    snapshots->staging = malloc(WW_SNAPSHOT_STAGING);
    status = snapshots->staging != NULL
                 ? start(snapshots, error)
                 : ww_fail(error, WW_ENOMEM, "no memory for received snapshots");
    if (status != WW_OK) {
        free(snapshots->staging);
        if (snapshots->directory_fd >= 0)
            close(snapshots->directory_fd);
    }
    return status;
}

void ww_wal_snapshots_close(struct ww_wal_snapshots *snapshots)
{
    if (!snapshots->started)
        return;
    pthread_mutex_lock(&snapshots->mutex);
    snapshots->stop = true;
    pthread_cond_signal(&snapshots->changed);
    pthread_mutex_unlock(&snapshots->mutex);
    pthread_join(snapshots->thread, NULL);
    snapshots->started = false;
    for (uint32_t i = 0; i < WW_SNAPSHOT_SAVES; i++) {
        ww_wal_snapshot_discard(&snapshots->saves[i].file);
        ww_wal_snapshot_unmap(&snapshots->saves[i].blob);
    }
    for (uint32_t i = 0; i < WW_SNAPSHOT_RECEIVES; i++) {
        ww_wal_snapshot_discard(&snapshots->receives[i].file);
        ww_wal_snapshot_unmap(&snapshots->receives[i].blob);
    }
    while (snapshots->unmap_count > 0)
        ww_wal_snapshot_unmap(&snapshots->unmaps[--snapshots->unmap_count]);
    pthread_mutex_destroy(&snapshots->mutex);
    pthread_cond_destroy(&snapshots->changed);
    free(snapshots->staging);
    if (snapshots->directory_fd >= 0)
        close(snapshots->directory_fd);
}

static uint32_t tell(struct ww_wal_snapshots *snapshots, struct ww_wal_snapshot_job *jobs,
                     uint32_t jobs_count, struct ww_log_event *events, uint32_t max)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < jobs_count && count < max; i++) {
        struct ww_wal_snapshot_job *job = &jobs[i];
        if (job->state != WW_WAL_SNAPSHOT_DONE)
            continue;
        events[count++] = (struct ww_log_event){
            .type = WW_LOG_SNAPSHOT_SAVED,
            .status = job->status,
            .position = job->index,
            .tag = job->group,
            .snapshot = job->blob,
        };
        job->blob = (struct ww_snapshot_blob){0}; /* it is the caller's now */
        job->state = WW_WAL_SNAPSHOT_FREE;
        atomic_fetch_sub_explicit(&snapshots->done, 1, memory_order_relaxed);
    }
    return count;
}

uint32_t ww_wal_snapshots_poll(struct ww_wal_snapshots *snapshots, struct ww_log_event *events,
                               uint32_t max)
{
    if (atomic_load_explicit(&snapshots->done, memory_order_relaxed) == 0)
        return 0;
    pthread_mutex_lock(&snapshots->mutex);
    uint32_t count = tell(snapshots, snapshots->saves, WW_SNAPSHOT_SAVES, events, max);
    count +=
        tell(snapshots, snapshots->receives, WW_SNAPSHOT_RECEIVES, events + count, max - count);
    pthread_mutex_unlock(&snapshots->mutex);
    return count;
}

void ww_wal_snapshots_fence(struct ww_wal_snapshots *snapshots)
{
    pthread_mutex_lock(&snapshots->mutex);
    snapshots->fenced = true;
    pthread_mutex_unlock(&snapshots->mutex);
}

static struct ww_wal_snapshot_job *receive_of(struct ww_wal_snapshots *snapshots, uint32_t group)
{
    for (uint32_t i = 0; i < WW_SNAPSHOT_RECEIVES; i++)
        if (snapshots->receives[i].state != WW_WAL_SNAPSHOT_FREE &&
            snapshots->receives[i].group == group)
            return &snapshots->receives[i];
    return NULL;
}

static int queue(struct ww_wal_snapshots *snapshots, const struct ww_snapshot_save *save)
{
    if (snapshots->fenced)
        return WW_ECLOSED;
    for (uint32_t i = 0; i < WW_SNAPSHOT_SAVES; i++) {
        struct ww_wal_snapshot_job *job = &snapshots->saves[i];
        if (job->state != WW_WAL_SNAPSHOT_FREE)
            continue;
        job->state = WW_WAL_SNAPSHOT_QUEUED;
        job->group = save->group;
        job->index = save->about.index;
        job->number = ++snapshots->begun;
        job->save = *save;
        struct ww_wal_snapshot_job *receive = receive_of(snapshots, save->group);
        if (receive != NULL && receive->state == WW_WAL_SNAPSHOT_RECEIVING) {
            receive->state = WW_WAL_SNAPSHOT_FREE;
            snapshots->drop = true;
        }
        pthread_cond_signal(&snapshots->changed);
        return WW_OK;
    }
    return WW_EBUSY;
}

int ww_wal_snapshots_save(struct ww_wal_snapshots *snapshots, const struct ww_snapshot_save *save)
{
    WW_ASSERT(save->about.group == save->group && save->about.cluster == snapshots->cluster);
    pthread_mutex_lock(&snapshots->mutex);
    int status = queue(snapshots, save);
    pthread_mutex_unlock(&snapshots->mutex);
    return status;
}

/* A free place, or that of one whose leader is silent. */
static struct ww_wal_snapshot_job *place(struct ww_wal_snapshots *snapshots, uint64_t now_ns)
{
    for (uint32_t i = 0; i < WW_SNAPSHOT_RECEIVES; i++)
        if (snapshots->receives[i].state == WW_WAL_SNAPSHOT_FREE)
            return &snapshots->receives[i];
    for (uint32_t i = 0; i < WW_SNAPSHOT_RECEIVES; i++)
        if (snapshots->receives[i].state == WW_WAL_SNAPSHOT_RECEIVING &&
            now_ns - snapshots->receives[i].used_ns >= WW_SNAPSHOT_IDLE_NS)
            return &snapshots->receives[i];
    return NULL;
}

static void stage_bytes(struct ww_wal_snapshots *snapshots, const void *data, size_t bytes)
{
    size_t at = snapshots->staged_end % WW_SNAPSHOT_STAGING;
    size_t first = bytes < WW_SNAPSHOT_STAGING - at ? bytes : WW_SNAPSHOT_STAGING - at;
    memcpy(snapshots->staging + at, data, first);
    memcpy(snapshots->staging, (const uint8_t *)data + first, bytes - first);
    snapshots->staged_end += bytes;
}

/* Finds or makes the place of the part: the status is that of receive(). */
static int admit(struct ww_wal_snapshots *snapshots, uint32_t group, uint64_t index,
                 uint64_t offset, struct ww_wal_snapshot_job **found)
{
    uint64_t now_ns = ww_time_ns(CLOCK_MONOTONIC);
    struct ww_wal_snapshot_job *job = receive_of(snapshots, group);
    if (job != NULL && job->state != WW_WAL_SNAPSHOT_RECEIVING)
        return WW_EBUSY; /* until that one is told of */
    if (offset > 0 && (job == NULL || job->index != index || job->taken != offset))
        return WW_EIO;
    if (offset > 0 && job->status != WW_OK) {
        job->state = WW_WAL_SNAPSHOT_FREE;
        return job->status;
    }
    if (offset == 0) {
        job = job != NULL ? job : place(snapshots, now_ns);
        if (job == NULL)
            return WW_EBUSY;
        job->state = WW_WAL_SNAPSHOT_RECEIVING;
        job->group = group;
        job->index = index;
        job->number = ++snapshots->begun;
        job->status = WW_OK;
        job->taken = 0;
    }
    job->used_ns = now_ns;
    *found = job;
    return WW_OK;
}

int ww_wal_snapshots_receive(struct ww_wal_snapshots *snapshots, uint32_t group, uint64_t index,
                             uint64_t offset, const void *data, uint32_t bytes, bool last)
{
    struct ww_wal_snapshot_part part = {.offset = offset, .bytes = bytes, .last = last};
    struct ww_wal_snapshot_job *job;
    WW_ASSERT(bytes <= WW_SNAPSHOT_CHUNK);
    pthread_mutex_lock(&snapshots->mutex);
    uint64_t used = snapshots->staged_end - snapshots->staged;
    int status = snapshots->fenced                                   ? WW_EIO
                 : used + sizeof(part) + bytes > WW_SNAPSHOT_STAGING ? WW_EBUSY
                                                                     : WW_OK;
    if (status == WW_OK)
        status = admit(snapshots, group, index, offset, &job);
    if (status == WW_OK) {
        part.number = job->number;
        part.job = (uint32_t)(job - snapshots->receives);
        stage_bytes(snapshots, &part, sizeof(part));
        if (bytes > 0)
            stage_bytes(snapshots, data, bytes);
        job->taken += bytes;
        if (last)
            job->state = WW_WAL_SNAPSHOT_FINISHING;
        pthread_cond_signal(&snapshots->changed);
    }
    pthread_mutex_unlock(&snapshots->mutex);
    return status;
}

void ww_wal_snapshots_drop(struct ww_wal_snapshots *snapshots, uint32_t group, uint64_t index)
{
    WW_ASSERT(group < WW_GROUPS_MAX);
    pthread_mutex_lock(&snapshots->mutex);
    if (index >= snapshots->needed[group]) {
        snapshots->needed[group] = index;
        snapshots->drop = true;
        pthread_cond_signal(&snapshots->changed);
    }
    pthread_mutex_unlock(&snapshots->mutex);
}

void ww_wal_snapshots_unmap(struct ww_wal_snapshots *snapshots, struct ww_snapshot_blob *blob)
{
    pthread_mutex_lock(&snapshots->mutex);
    if (blob->data != NULL && snapshots->unmap_count < WW_SNAPSHOT_SAVES) {
        snapshots->unmaps[snapshots->unmap_count++] = *blob;
        *blob = (struct ww_snapshot_blob){0};
        pthread_cond_signal(&snapshots->changed);
    }
    pthread_mutex_unlock(&snapshots->mutex);
    ww_wal_snapshot_unmap(blob); /* no room: here and now */
}
