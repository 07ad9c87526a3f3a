/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread of its own keeps segments ready ahead of use and takes back released ones, so that the
 * LOG thread never waits for either. When a segment cannot be made (the disk is full, say) the
 * limit stays where it is, and it is tried again every second and after every release.
 */
#ifndef WW_WAL_PREPARE_H
#define WW_WAL_PREPARE_H

#include "engine/base/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct ww_wal_preparer {
    /* Set by the owner before start. The calls come from the preparer's thread. */
    int (*make)(void *owner, uint64_t segment, struct ww_error *error);
    void (*recycle)(void *owner, uint64_t first_kept);
    bool (*note_recovered)(void *owner); /* false: not now */
    void *owner;
    _Atomic uint64_t *limit_position; /* raised to the end of the last segment made */
    uint64_t segment_bytes;
    uint64_t ahead_segments; /* to have ready behind the one in use */
    uint64_t next_segment;   /* the next to make */
    uint64_t first_kept;     /* all below were recycled */

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    bool started, stop;
    uint64_t current;  /* the segment in use */
    uint64_t released; /* all below may be recycled */
    bool recovered;    /* note_recovered is to be called */
};

/* Makes segments in the calling thread until `position` lies below the limit. */
int ww_wal_prepare_to(struct ww_wal_preparer *preparer, uint64_t position, struct ww_error *error);

/* Is the log about to need the segment that is being made, or this thread to end? */
bool ww_wal_preparer_in_haste(struct ww_wal_preparer *preparer);

int ww_wal_preparer_start(struct ww_wal_preparer *preparer, struct ww_error *error);
void ww_wal_preparer_stop(struct ww_wal_preparer *preparer); /* also when it was not started */

/* Called by LOG: the segment it has begun to write, the first one that it still needs. */
void ww_wal_preparer_enter(struct ww_wal_preparer *preparer, uint64_t segment);
void ww_wal_preparer_release(struct ww_wal_preparer *preparer, uint64_t first_needed);
void ww_wal_preparer_recovered(struct ww_wal_preparer *preparer);

#endif
