/* SPDX-License-Identifier: Apache-2.0 */
/* One DPDK port made from a virtual device, with one receive and one transmit queue. */
#ifndef WW_DPDK_IO_PORT_H
#define WW_DPDK_IO_PORT_H

#include "engine/base/error.h"
#include "engine/base/limits.h"

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

struct ww_port {
    char name[32]; /* of the virtual device; empty: not open */
    uint16_t id;
    bool started;
    bool up;
    uint32_t link;          /* memif: the link that this port is; 0: shared by all links */
    bool connects;          /* memif: this end connects to the other one's socket */
    uint64_t try_tsc;       /* memif: when to look after the connection again */
    uint32_t pending_count; /* frames that wait for the next flush */
    struct rte_mbuf *pending[WW_BURST];
};

/*
 * Creates the device `name` with DPDK's device arguments and sets up its queues; `frames` is where
 * it takes receive buffers from. `mtu` 0: the device has none. ww_port_close ends it.
 */
int ww_port_open(struct ww_port *port, const char *name, const char *arguments,
                 struct rte_mempool *frames, uint32_t mtu, struct ww_error *error);

/* Frees what waits, stops the port and removes the device. Nothing to do when it is not open. */
void ww_port_close(struct ww_port *port);

/* A pool of `count` frames of up to `frame_bytes`, their payload 8-byte aligned when received by
 * copy; `shift` false for a device that lays its own frames into the pool's memory. */
struct rte_mempool *ww_frame_pool(const char *name, uint32_t count, uint32_t frame_bytes,
                                  bool shift);

#endif
