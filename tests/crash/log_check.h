/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the log of a data directory one that a crash may leave? Read as a node reads it, it must be
 * whole or have a torn tail, hold every entry that was acknowledged in time, and nothing that was
 * not proposed, and open.
 */
#ifndef WW_CRASH_LOG_CHECK_H
#define WW_CRASH_LOG_CHECK_H

#include "tests/crash/acks.h"
#include "wal_uring/wal_uring.h"

#include <stdbool.h>

struct ww_crash_found {
    uint64_t entries;   /* of clients, that they can read */
    uint64_t required;  /* acknowledged ones */
    uint64_t covered;   /* of them, that snapshots stand for */
    uint64_t snapshots; /* records of snapshots */
    uint64_t cut_bytes; /* of a torn tail */
    bool fresh;         /* there is no log yet */
};

/*
 * The disk holds at least the first `applied` entries of the log of writes. The log is also opened
 * with `options`, as a node does it, which cuts a torn tail. WW_EDAMAGED, or what refused the log,
 * with what is wrong in `error`.
 */
int ww_crash_log_check(const struct ww_wal_options *options, const struct ww_crash_acks *acks,
                       uint64_t applied, struct ww_crash_found *found, struct ww_error *error);

#endif
