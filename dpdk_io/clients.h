/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clients that a node has heard on a transport on which all share one device or socket. A
 * client is known by its address; the one that was silent longest makes room for a new one, but
 * not before WW_CLIENT_SILENCE_NS.
 */
#ifndef WW_DPDK_IO_CLIENTS_H
#define WW_DPDK_IO_CLIENTS_H

#include "dpdk_io/frame.h"

#include <stdbool.h>

struct ww_clients {
    struct ww_frame_end ends[WW_CLIENTS_MAX]; /* ipv4 0: free */
    uint64_t heard_ns[WW_CLIENTS_MAX];
};

/* The number of the client at `from`, which was heard now; -1 when all are taken. *changed says
 * that the number is new, or has moved to another mac. */
int ww_clients_hear(struct ww_clients *clients, const struct ww_frame_end *from, uint64_t now_ns,
                    bool *changed);

#endif
