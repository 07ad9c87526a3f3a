/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the control thread of DPDK ("eal-intr-thread") may run. It serves the sockets of memif, and
 * when the other end goes away it unmaps the shared memory of a port, at once, whether or not
 * another thread is in a burst on that port (DPDK 22.11). So we keep it parked in a callback of
 * ours, and let it do one round of its work only while the polling thread stands aside.
 */
#ifndef WW_DPDK_IO_CONTROL_H
#define WW_DPDK_IO_CONTROL_H

#include "engine/base/error.h"

#include <semaphore.h>
#include <stdbool.h>

struct rte_intr_handle;

struct ww_intr_park {
    struct rte_intr_handle *handle; /* an eventfd: ready when the thread shall come by */
    int event;                      /* that eventfd */
    int epoll;                      /* what the control thread waits on; -1: not found */
    sem_t go, done;
    bool parked; /* the polling thread's view */
};

/*
 * Parks the control thread of this process; it stays parked when a transport is closed, and when
 * the process ends: DPDK's own cleanup takes memory away that the thread would still look at.
 */
int ww_intr_park_open(struct ww_intr_park **control, struct ww_error *error);

/*
 * Lets the control thread do what waits for it, and waits for that. False when it takes longer than
 * a moment: then it still runs, no port may be touched, and the call is to be repeated.
 */
bool ww_intr_park_run(struct ww_intr_park *control);

/* Has the control thread anything to do? Also true when that cannot be known. While parked. */
bool ww_intr_park_wanted(const struct ww_intr_park *control);

#endif
