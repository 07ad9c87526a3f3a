/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a transport (engine/backend/transport.h): over DPDK (memif, af_packet, af_xdp), or over
 * kernel UDP sockets (the baseline). Ethernet, IPv4 and UDP framing is the same for all of DPDK.
 */
#ifndef WW_DPDK_IO_H
#define WW_DPDK_IO_H

#include "engine/backend/transport.h"
#include "engine/base/error.h"
#include "engine/base/limits.h"

#include <stdbool.h>
#include <stdint.h>

enum ww_net_kind {
    WW_NET_MEMIF,
    WW_NET_AF_PACKET,
    WW_NET_AF_XDP,
    WW_NET_UDP,
};

/* Where a node is reached. */
struct ww_net_address {
    uint32_t id;    /* node id */
    uint32_t ipv4;  /* host byte order */
    uint16_t port;  /* UDP */
    uint8_t mac[6]; /* af_packet, af_xdp; memif fills in its own */
};

enum ww_net_hugepages {
    WW_HUGEPAGES_AUTO, /* use them when enough are free */
    WW_HUGEPAGES_NEVER,
};

struct ww_net_options {
    enum ww_net_kind kind;
    uint32_t self; /* node id; 0: a client process */
    struct ww_net_address nodes[WW_NODES_MAX];
    uint32_t node_count;
    uint32_t mtu;           /* bytes of one IP packet: WW_MTU_MIN..WW_MTU_MAX */
    const char *socket_dir; /* memif: one socket per node, and the lock files of client links */
    uint32_t client_links;  /* memif: links for clients at each node, 1..WW_CLIENTS_MAX */
    const char *interface;  /* af_packet, af_xdp: the kernel interface of this process */
    struct ww_net_address local; /* client over af_packet, af_xdp, udp: its own address, port */
    enum ww_net_hugepages hugepages;
};

/*
 * Opens the transport; DPDK's environment is started once per process. On failure *transport is
 * NULL and `error` names the device or file. A client over memif takes the first free client link
 * (WW_EBUSY: all are taken). ops->close ends it.
 */
int ww_net_open(const struct ww_net_options *options, struct ww_transport **transport,
                struct ww_error *error);

/* Is memory backed by hugepages, and how many bytes does the transport hold? For the start-up
 * line. */
struct ww_net_memory {
    bool hugepages;
    uint64_t pool_bytes;
    uint64_t ring_bytes; /* shared-memory rings of all ports */
};

void ww_net_memory(const struct ww_transport *transport, struct ww_net_memory *memory);

#endif
