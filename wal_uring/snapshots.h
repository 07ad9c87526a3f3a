/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshots of a store, and the thread that does all the work on them: it calls the producers
 * of a save, writes received parts, removes what is not needed. It writes WW_SNAPSHOT_STEP at a
 * time, waits until the disk has that, and rests as long as it took: so a snapshot never has more
 * than one step in the kernel's cache that is not on the disk, and at most half of the disk's time.
 * In a rest it does what else has come, so that a long save holds up no received part.
 *
 *   save      free -> QUEUED -> SAVING -> DONE -> free      SAVING is the thread's
 *   receive   free -> RECEIVING -> FINISHING -> DONE -> free
 *                     RECEIVING -> free    given up: a failure, a drop, a save of the group;
 *                                          another one instead, when it is long without a part
 */
#ifndef WW_WAL_SNAPSHOTS_H
#define WW_WAL_SNAPSHOTS_H

#include "engine/backend/log_store.h"
#include "wal_uring/snapshot_file.h"

#include <pthread.h>
#include <stdatomic.h>

enum ww_wal_snapshot_state {
    WW_WAL_SNAPSHOT_FREE,
    WW_WAL_SNAPSHOT_QUEUED,
    WW_WAL_SNAPSHOT_SAVING,
    WW_WAL_SNAPSHOT_RECEIVING, /* parts are taken */
    WW_WAL_SNAPSHOT_FINISHING, /* the last part was taken */
    WW_WAL_SNAPSHOT_DONE,      /* poll is about to tell */
};

struct ww_wal_snapshot_job {
    enum ww_wal_snapshot_state state;
    uint32_t group;
    uint64_t index;
    uint64_t number; /* counts what was begun: order of saves, and which receive a part is of */
    int status;      /* DONE: of the event; RECEIVING: what gave it up */
    struct ww_snapshot_save save;
    uint64_t taken;                   /* RECEIVING: bytes */
    uint64_t used_ns;                 /* RECEIVING: when the last part came */
    struct ww_snapshot_blob blob;     /* DONE */
    struct ww_wal_snapshot_file file; /* the thread's alone */
};

/* In the staging ring in front of its bytes. */
struct ww_wal_snapshot_part {
    uint64_t number; /* of what was begun */
    uint64_t offset;
    uint32_t job; /* of the receives */
    uint32_t bytes;
    bool last;
};

struct ww_wal_snapshots {
    uint64_t cluster;
    int directory_fd; /* -1: in memory */
    pthread_t thread;
    bool started;
    _Atomic uint32_t done; /* jobs that poll has to tell of */
    _Atomic bool stop;
    /* Of each group those below this are not needed; `drop` says that there may be some, or that
     * a receive was given up. */
    _Atomic uint64_t needed[WW_GROUPS_MAX];

    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t changed;
    bool fenced, drop;
    uint64_t begun;
    struct ww_wal_snapshot_job saves[WW_SNAPSHOT_SAVES];
    struct ww_wal_snapshot_job receives[WW_SNAPSHOT_RECEIVES];
    /* Parts in the order in which they came, [staged, staged_end) modulo WW_SNAPSHOT_STAGING. What
     * is there is read without the mutex by the thread, which alone moves its begin. */
    uint8_t *staging;
    uint64_t staged, staged_end;
    struct ww_snapshot_blob unmaps[WW_SNAPSHOT_SAVES]; /* a large one takes long */
    uint32_t unmap_count;
};

/* `parent_fd`: the data directory; -1: in memory. */
int ww_wal_snapshots_open(struct ww_wal_snapshots *snapshots, int parent_fd, uint64_t cluster,
                          struct ww_error *error);

/* Stops what is under way and waits for that; also when it was not opened. */
void ww_wal_snapshots_close(struct ww_wal_snapshots *snapshots);

/* The LOG thread's: what is done, and that the store is fenced. */
uint32_t ww_wal_snapshots_poll(struct ww_wal_snapshots *snapshots, struct ww_log_event *events,
                               uint32_t max);
void ww_wal_snapshots_fence(struct ww_wal_snapshots *snapshots);

/* As the operations of ww_log_store. */
int ww_wal_snapshots_save(struct ww_wal_snapshots *snapshots, const struct ww_snapshot_save *save);
int ww_wal_snapshots_receive(struct ww_wal_snapshots *snapshots, uint32_t group, uint64_t index,
                             uint64_t offset, const void *data, uint32_t bytes, bool last);
void ww_wal_snapshots_drop(struct ww_wal_snapshots *snapshots, uint32_t group, uint64_t index);
void ww_wal_snapshots_unmap(struct ww_wal_snapshots *snapshots, struct ww_snapshot_blob *blob);

/* The thread (snapshot_thread.c). */
void *ww_wal_snapshots_run(void *snapshots);

#endif
