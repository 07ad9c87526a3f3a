/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network of kernel interfaces for a cluster on one machine: a namespace for each node and one
 * for the client, each with two veth pairs to a bridge:
 *
 *   data  no IP address; DPDK sends and receives here
 *   mgmt  10.99.0.ID (the client: 254), for HTTP and for kernel sockets
 *
 * None of the namespaces has a name: whatever ends, the kernel removes them with their last user.
 */
#ifndef WW_BENCH_VETH_NETWORK_H
#define WW_BENCH_VETH_NETWORK_H

#include "engine/base/error.h"
#include "engine/base/limits.h"

#include <stdint.h>

struct ww_veth_network {
    int before; /* this thread's namespace when it began */
    int bridge, client;
    int nodes[WW_NODES_MAX];
    uint32_t count;
};

/* WW_OK, or a sentence that says why such a network cannot be made here. */
int ww_veth_network_possible(struct ww_error *error);

/*
 * Makes it for `count` nodes and moves this thread into the client's namespace, with its variables
 * WW_CLIENT_INTERFACE, _ADDRESS and _MAC: what it starts from then on is the client's.
 */
int ww_veth_network_enter(struct ww_veth_network *network, uint32_t count, uint32_t mtu,
                          struct ww_error *error);

/* Back to where it was; the network goes with the last process in it. */
void ww_veth_network_leave(struct ww_veth_network *network);

#endif
