/* SPDX-License-Identifier: Apache-2.0 */
#include "wal_uring/prepare.h"

#include "engine/base/limits.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

static int make_next(struct ww_wal_preparer *preparer, struct ww_error *error)
{
    int status = preparer->make(preparer->owner, preparer->next_segment, error);
    if (status != WW_OK)
        return status;
    preparer->next_segment++;
    atomic_store_explicit(preparer->limit_position,
                          preparer->next_segment * preparer->segment_bytes, memory_order_release);
    return WW_OK;
}

int ww_wal_prepare_to(struct ww_wal_preparer *preparer, uint64_t position, struct ww_error *error)
{
    int status = WW_OK;
    while (status == WW_OK && preparer->next_segment * preparer->segment_bytes < position)
        status = make_next(preparer, error);
    return status;
}

/*
 * Making a new segment takes bandwidth from the log, so a reserve is filled up only when half of it
 * is used: a short run never pays for it.
 */
static bool wants_more(const struct ww_wal_preparer *preparer, bool filling)
{
    uint64_t ready = preparer->next_segment > preparer->current + 1
                         ? preparer->next_segment - preparer->current - 1
                         : 0;
    return ready < (filling ? preparer->ahead_segments : (preparer->ahead_segments + 1) / 2);
}

bool ww_wal_preparer_in_haste(struct ww_wal_preparer *preparer)
{
    pthread_mutex_lock(&preparer->mutex);
    bool haste = preparer->stop || preparer->next_segment <= preparer->current + 1;
    pthread_mutex_unlock(&preparer->mutex);
    return haste;
}

static void wait_for_change(struct ww_wal_preparer *preparer, bool retry)
{
    if (!retry) {
        pthread_cond_wait(&preparer->changed, &preparer->mutex);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WW_WAL_PREPARE_RETRY_S;
    pthread_cond_timedwait(&preparer->changed, &preparer->mutex, &until);
}

static void *run(void *argument)
{
    struct ww_wal_preparer *preparer = argument;
    bool filling = false, failed = false;
    pthread_mutex_lock(&preparer->mutex);
    while (!preparer->stop) {
        uint64_t released = preparer->released;
        filling = wants_more(preparer, filling);
        bool recovered = preparer->recovered;
        if (released == preparer->first_kept && ((!filling && !recovered) || failed)) {
            wait_for_change(preparer, failed);
            failed = false;
            continue;
        }
        pthread_mutex_unlock(&preparer->mutex);
        if (released > preparer->first_kept) {
            preparer->recycle(preparer->owner, released);
            preparer->first_kept = released;
        }
        bool noted = recovered && preparer->note_recovered(preparer->owner);
        failed = filling && make_next(preparer, NULL) != WW_OK;
        pthread_mutex_lock(&preparer->mutex);
        failed |= recovered && !noted;
        preparer->recovered = preparer->recovered && !noted;
    }
    pthread_mutex_unlock(&preparer->mutex);
    return NULL;
}

int ww_wal_preparer_start(struct ww_wal_preparer *preparer, struct ww_error *error)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&preparer->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&preparer->mutex, NULL);
    preparer->released = preparer->first_kept;
    int failed = pthread_create(&preparer->thread, NULL, run, preparer);
    if (failed != 0) {
        pthread_mutex_destroy(&preparer->mutex);
        pthread_cond_destroy(&preparer->changed);
        return ww_fail(error, WW_ENOMEM, "cannot start the thread that prepares segments: %s",
                       strerror(failed));
    }
    preparer->started = true;
    return WW_OK;
}

static void tell(struct ww_wal_preparer *preparer, uint64_t *field, uint64_t value)
{
    pthread_mutex_lock(&preparer->mutex);
    if (value > *field) {
        *field = value;
        pthread_cond_signal(&preparer->changed);
    }
    pthread_mutex_unlock(&preparer->mutex);
}

void ww_wal_preparer_enter(struct ww_wal_preparer *preparer, uint64_t segment)
{
    tell(preparer, &preparer->current, segment);
}

void ww_wal_preparer_release(struct ww_wal_preparer *preparer, uint64_t first_needed)
{
    tell(preparer, &preparer->released, first_needed);
}

void ww_wal_preparer_recovered(struct ww_wal_preparer *preparer)
{
    pthread_mutex_lock(&preparer->mutex);
    preparer->recovered = true;
    pthread_cond_signal(&preparer->changed);
    pthread_mutex_unlock(&preparer->mutex);
}

void ww_wal_preparer_stop(struct ww_wal_preparer *preparer)
{
    if (!preparer->started)
        return;
    pthread_mutex_lock(&preparer->mutex);
    preparer->stop = true;
    pthread_cond_signal(&preparer->changed);
    pthread_mutex_unlock(&preparer->mutex);
    pthread_join(preparer->thread, NULL);
    pthread_mutex_destroy(&preparer->mutex);
    pthread_cond_destroy(&preparer->changed);
    preparer->started = false;
}
