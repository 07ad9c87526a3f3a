/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client was told, and when: a text file that crash_client writes and log_check reads.
 *
 *   seed SEED GROUPS
 *   ack GROUP SEQUENCE COUNT INDEX LOGGED
 *                          entries from SEQUENCE on, the first at INDEX, were acknowledged when
 *                          LOGGED entries stood in the log of the disk: a disk with all of these
 *                          must hold those
 *   proposed GROUP COUNT   so many entries were proposed in all
 */
#ifndef WW_CRASH_ACKS_H
#define WW_CRASH_ACKS_H

#include <whitewater/status.h>

#include <stddef.h>
#include <stdint.h>

struct ww_crash_ack {
    uint32_t group;
    uint64_t sequence;
    uint64_t count;
    uint64_t index; /* 0: not known */
    uint64_t logged;
};

struct ww_crash_acks {
    uint64_t seed;
    uint32_t groups;
    uint64_t *proposed;        /* by group */
    struct ww_crash_ack *acks; /* in the order in which they came, so that `logged` ascends */
    size_t count, capacity;
};

/* ww_crash_acks_free ends it, also after an error. */
int ww_crash_acks_load(struct ww_crash_acks *acks, const char *path, struct ww_error *error);
void ww_crash_acks_free(struct ww_crash_acks *acks);

#endif
