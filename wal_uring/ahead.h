/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the files of a stopped stream forward, ahead of the one who checks them: while a window is
 * looked at, those behind it are in flight. Past the kernel's cache where that is possible: after a
 * failed flush the cache may hold what the disk has not.
 *
 * What cannot be read ends the stream: a file that is missing, has another size or a bad header, or
 * a page that the disk does not give back.
 */
#ifndef WW_WAL_AHEAD_H
#define WW_WAL_AHEAD_H

#include "wal_uring/segment.h"

#include "engine/base/limits.h"

#include <liburing.h>

struct ww_wal_ahead {
    const struct ww_wal_directory *directory;
    bool settle;
    struct io_uring ring;
    uint8_t *buffer;      /* a ring of windows, and behind it the begin of the first once more */
    uint64_t begin;       /* the first window of all */
    uint64_t first, next; /* the buffer's windows, numbered from stream position 0 on */
    bool pending[WW_WAL_WINDOWS]; /* in the kernel, by number modulo how many there are */
    int fd;                       /* of `segment`, the newest of which something was read */
    uint64_t segment;
    uint64_t end;  /* of the files: nothing is there from this position on */
    uint64_t stop; /* nothing can be read from here on: `error` says why; UINT64_MAX: all can */
    uint64_t bad_segment; /* the first whose file is not whole; UINT64_MAX: none was met */
    bool damage;          /* what stopped it is damage, and not a lack of memory, say */
    struct ww_error error;
};

/* With `settle`, each file is synced before it is read. */
int ww_wal_ahead_open(struct ww_wal_ahead *ahead, const struct ww_wal_directory *directory,
                      bool settle, struct ww_error *error);
void ww_wal_ahead_close(struct ww_wal_ahead *ahead);

/*
 * Points *data at the bytes at `position`, *bytes of them: a whole block where the segment has that
 * much and it can be read. Positions ascend and lie below `end`. At `stop`: its error.
 */
int ww_wal_ahead_look(struct ww_wal_ahead *ahead, uint64_t position, const uint8_t **data,
                      size_t *bytes);

#endif
