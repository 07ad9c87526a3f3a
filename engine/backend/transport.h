/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stages know of the network: bursts of datagrams on numbered links. One thread calls a
 * transport; nothing here blocks. Loss, duplication and reordering are normal.
 *
 * A link is a peer or a client. Peer links are the node ids 1..WW_NODES_MAX. Client links are
 * WW_LINK_CLIENT + k, named by the transport when a datagram of that client arrives; a node answers
 * on the link that a datagram came from. In a client process, links are the ids of the nodes.
 */
#ifndef WW_BACKEND_TRANSPORT_H
#define WW_BACKEND_TRANSPORT_H

#include "engine/base/limits.h"

#include <stdint.h>

#define WW_LINK_CLIENT 16u
#define WW_LINKS (WW_LINK_CLIENT + WW_CLIENTS_MAX)

/* One received datagram: the UDP payload. Valid until rx_release. `data` is 8-byte aligned. */
struct ww_rx {
    uint8_t *data;
    uint32_t size_bytes;
    uint32_t link;
    void *handle; /* the transport's own */
};

enum ww_transport_counter {
    WW_NET_RX_FRAMES,
    WW_NET_RX_BYTES, /* whole frames, all headers */
    WW_NET_TX_FRAMES,
    WW_NET_TX_BYTES,
    WW_NET_DROP_RX_SHORT,    /* frame shorter than its headers say */
    WW_NET_DROP_RX_LONG,     /* frame longer than the limit, or a chain it cannot take */
    WW_NET_DROP_RX_PROTOCOL, /* not IPv4/UDP to our address and port */
    WW_NET_DROP_RX_CHECKSUM, /* bad IP header checksum */
    WW_NET_DROP_RX_CLIENTS,  /* no client link is free */
    WW_NET_DROP_TX_FULL,     /* the device took fewer frames than offered */
    WW_NET_DROP_TX_DOWN,     /* the link has no other end now */
    WW_NET_DROP_NO_BUFFER,   /* no buffer in the pool */
    WW_NET_COUNTERS,
};

struct ww_transport;

struct ww_transport_ops {
    /* Up to `max` received datagrams into `out`; each must go back by rx_release. */
    uint32_t (*rx_burst)(struct ww_transport *transport, struct ww_rx *out, uint32_t max);
    void (*rx_release)(struct ww_transport *transport, struct ww_rx *rx, uint32_t count);

    /*
     * A buffer for one datagram of up to `max_datagram` bytes to `link`, 8-byte aligned, or NULL
     * (counted) when the link is down or no buffer is free. It must be followed by tx_send, and
     * only one may be open at a time.
     */
    uint8_t *(*tx_begin)(struct ww_transport *transport, uint32_t link);

    /*
     * Sends the open buffer: `head_bytes` written by the caller, then `body_bytes` from `body`,
     * which the transport copies or refers to; the body must not change until tx_flush returned.
     */
    void (*tx_send)(struct ww_transport *transport, uint32_t head_bytes, const void *body,
                    uint32_t body_bytes);

    /* Hands everything sent so far to the device; what it does not take is dropped and counted. */
    void (*tx_flush)(struct ww_transport *transport);

    /* Is the other end of the link there, as far as the device knows? */
    int (*link_up)(struct ww_transport *transport, uint32_t link);

    /* Returns every buffer and ends all that open() began; checks that the pools are full again. */
    void (*close)(struct ww_transport *transport);
};

/* The head of every transport; the implementation's own state follows it. */
struct ww_transport {
    const struct ww_transport_ops *ops;
    const char *name;                   /* "memif", "af_packet", "udp" ... */
    uint32_t max_datagram;              /* bytes of UDP payload */
    uint64_t counters[WW_NET_COUNTERS]; /* written by the calling thread, read relaxed by others */
};

const char *ww_transport_counter_name(enum ww_transport_counter counter);

#endif
