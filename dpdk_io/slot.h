/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is who in a directory of memif sockets, by locks that the kernel lets go of when a process
 * dies: node N holds node-N.lock, the process with client link K holds client-K.lock.
 */
#ifndef WW_DPDK_IO_SLOT_H
#define WW_DPDK_IO_SLOT_H

#include "engine/base/error.h"

#include <stdint.h>

struct ww_lock {
    int fd; /* -1: not held */
    char path[128];
};

/* Locks `socket_dir`/`name`.lock; WW_ELOCKED when another process holds it. */
int ww_lock_take(struct ww_lock *lock, const char *socket_dir, const char *name,
                 struct ww_error *error);

/* Removes the file and lets go. Nothing to do when the lock is not held. */
void ww_lock_release(struct ww_lock *lock);

/* Takes the first free client slot below `count`. WW_EBUSY when all are taken. */
int ww_slot_take(struct ww_lock *lock, const char *socket_dir, uint32_t count, uint32_t *slot,
                 struct ww_error *error);

#endif
