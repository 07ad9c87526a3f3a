/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a transport over DPDK: ports (port.h), links on them, and the buffers between. */
#ifndef WW_DPDK_IO_DPDK_H
#define WW_DPDK_IO_DPDK_H

#include "dpdk_io/clients.h"
#include "dpdk_io/control.h"
#include "dpdk_io/dpdk_io.h"
#include "dpdk_io/frame.h"
#include "dpdk_io/port.h"
#include "dpdk_io/slot.h"

#define WW_PORTS_MAX (WW_NODES_MAX - 1u + WW_CLIENTS_MAX)

struct ww_link {
    struct ww_port *port;    /* NULL: no such link */
    struct ww_frame_end end; /* the other end */
    struct ww_frame_template frame;
};

struct ww_dpdk {
    struct ww_transport transport;
    enum ww_net_kind kind;
    bool is_node;
    struct ww_frame_end self;
    struct rte_mempool *frames;
    struct ww_port ports[WW_PORTS_MAX];
    uint32_t port_count;
    uint32_t next_port; /* where the next receive begins */
    struct ww_link links[WW_LINKS];
    struct ww_clients clients; /* shared port only; link WW_LINK_CLIENT + k */

    struct rte_mbuf *open_frame; /* between tx_begin and tx_send */
    struct ww_link *open_link;

    /* memif */
    struct ww_intr_park *control; /* NULL: not memif, or not opened */
    uint64_t control_tsc;         /* when it is due */
    uint64_t look_tsc;            /* when to look for new connections */
    char socket_dir[108];
    uint32_t slot; /* of a client process */
    struct ww_lock lock;
    int listener; /* DPDK's own descriptor; -1: none */
    uint64_t ring_bytes;
};

extern const struct ww_transport_ops ww_dpdk_ops;

/* Sets a link up on `port`. */
void ww_link_set(struct ww_dpdk *dpdk, uint32_t link, struct ww_port *port,
                 const struct ww_frame_end *end);

/* Opens the ports and links of a transport whose pools exist; the caller closes after a failure. */
int ww_memif_open(struct ww_dpdk *dpdk, const struct ww_net_options *options,
                  struct ww_error *error);
int ww_device_open(struct ww_dpdk *dpdk, const struct ww_net_options *options,
                   struct ww_error *error);

/* Looks after the connections of memif; false while no port may be touched. */
bool ww_memif_service(struct ww_dpdk *dpdk);
void ww_memif_close(struct ww_dpdk *dpdk);

/* How many frames the device itself may hold, their size, and the largest MTU that it takes. */
uint32_t ww_device_frame_bytes(enum ww_net_kind kind, uint32_t mtu);
uint32_t ww_device_frames(enum ww_net_kind kind);
uint32_t ww_device_mtu_max(enum ww_net_kind kind);

/* udp.c: the same over kernel sockets. */
int ww_udp_open(const struct ww_net_options *options, struct ww_transport **transport,
                struct ww_error *error);

#endif
