/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of transport.h over DPDK ports, in the order in which a datagram meets them. */
#include "dpdk_io/dpdk.h"

#include "engine/backend/clock.h"
#include "engine/base/assert.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ww_link_set(struct ww_dpdk *dpdk, uint32_t link, struct ww_port *port,
                 const struct ww_frame_end *end)
{
    dpdk->links[link].port = port;
    dpdk->links[link].end = *end;
    ww_frame_template(&dpdk->links[link].frame, &dpdk->self, end);
}

static inline void count(struct ww_dpdk *dpdk, enum ww_transport_counter counter, uint64_t n)
{
    uint64_t *value = &dpdk->transport.counters[counter];
    __atomic_store_n(value, *value + n, __ATOMIC_RELAXED);
}

/* memif: not while DPDK's control thread runs (control.h). */
static inline bool ports_usable(const struct ww_dpdk *dpdk)
{
    return dpdk->kind != WW_NET_MEMIF || dpdk->control->parked;
}

static inline bool same_address(const struct ww_frame_end *a, const struct ww_frame_end *b)
{
    return a->ipv4 == b->ipv4 && a->port == b->port;
}

/* The link of a frame on a port that all links share; 0: none, and *drop says why. */
static uint32_t shared_link(struct ww_dpdk *dpdk, struct ww_port *port,
                            const struct ww_frame_end *from, enum ww_transport_counter *drop)
{
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        if (dpdk->links[id].port != NULL && same_address(&dpdk->links[id].end, from))
            return id;
    *drop = WW_NET_DROP_RX_PROTOCOL;
    if (!dpdk->is_node)
        return 0;
    bool changed;
    int k = ww_clients_hear(&dpdk->clients, from, ww_clock_now(&ww_clock_monotonic), &changed);
    if (k < 0) {
        *drop = WW_NET_DROP_RX_CLIENTS;
        return 0;
    }
    if (changed)
        ww_link_set(dpdk, WW_LINK_CLIENT + (uint32_t)k, port, from);
    return WW_LINK_CLIENT + (uint32_t)k;
}

/* A frame becomes a datagram in *out, or WW_NET_RX_FRAMES is not returned. */
static enum ww_transport_counter accept_frame(struct ww_dpdk *dpdk, struct ww_port *port,
                                              struct rte_mbuf *frame, struct ww_rx *out)
{
    if (frame->nb_segs != 1) /* no driver makes chains out of our frames */
        return WW_NET_DROP_RX_LONG;
    uint8_t *headers = rte_pktmbuf_mtod(frame, uint8_t *);
    struct ww_frame_view view;
    enum ww_transport_counter verdict =
        ww_frame_check(headers, frame->data_len, &dpdk->self, dpdk->transport.max_datagram, &view);
    if (verdict != WW_NET_RX_FRAMES)
        return verdict;
    if (port->link == 0)
        out->link = shared_link(dpdk, port, &view.from, &verdict);
    else if (same_address(&dpdk->links[port->link].end, &view.from))
        out->link = port->link;
    else
        return WW_NET_DROP_RX_PROTOCOL;
    if (out->link == 0)
        return verdict;
    out->data = headers + WW_FRAME_OVERHEAD;
    /* af_xdp lays frames into our memory where the kernel likes; others are aligned (port.c). */
    uint32_t off = (uintptr_t)out->data % WW_BATCH_ALIGN;
    if (off != 0)
        out->data = memmove(out->data - off, out->data, view.payload_bytes);
    out->size_bytes = view.payload_bytes;
    out->handle = frame;
    return WW_NET_RX_FRAMES;
}

static uint32_t receive_port(struct ww_dpdk *dpdk, struct ww_port *port, struct ww_rx *out,
                             uint32_t max)
{
    struct rte_mbuf *frames[WW_BURST];
    uint16_t received = rte_eth_rx_burst(port->id, 0, frames, (uint16_t)RTE_MIN(max, WW_BURST));
    uint32_t accepted = 0;
    for (uint16_t i = 0; i < received; i++) {
        count(dpdk, WW_NET_RX_FRAMES, 1);
        count(dpdk, WW_NET_RX_BYTES, frames[i]->pkt_len);
        enum ww_transport_counter verdict = accept_frame(dpdk, port, frames[i], &out[accepted]);
        if (verdict == WW_NET_RX_FRAMES) {
            accepted++;
            continue;
        }
        count(dpdk, verdict, 1);
        rte_pktmbuf_free(frames[i]);
    }
    return accepted;
}

static uint32_t dpdk_rx_burst(struct ww_transport *transport, struct ww_rx *out, uint32_t max)
{
    struct ww_dpdk *dpdk = (struct ww_dpdk *)transport;
    if (dpdk->kind == WW_NET_MEMIF && !ww_memif_service(dpdk))
        return 0;
    uint32_t received = 0;
    for (uint32_t n = 0; n < dpdk->port_count && received < max; n++) {
        struct ww_port *port = &dpdk->ports[dpdk->next_port];
        dpdk->next_port = dpdk->next_port + 1 < dpdk->port_count ? dpdk->next_port + 1 : 0;
        if (port->up)
            received += receive_port(dpdk, port, out + received, max - received);
    }
    return received;
}

static void dpdk_rx_release(struct ww_transport *transport, struct ww_rx *rx, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        rte_pktmbuf_free(rx[i].handle);
}

static uint8_t *dpdk_tx_begin(struct ww_transport *transport, uint32_t link_id)
{
    struct ww_dpdk *dpdk = (struct ww_dpdk *)transport;
    WW_ASSERT(dpdk->open_frame == NULL && link_id < WW_LINKS);
    struct ww_link *link = &dpdk->links[link_id];
    if (link->port == NULL || !link->port->up || !ports_usable(dpdk)) {
        count(dpdk, WW_NET_DROP_TX_DOWN, 1);
        return NULL;
    }
    dpdk->open_frame = rte_pktmbuf_alloc(dpdk->frames);
    if (dpdk->open_frame == NULL) {
        count(dpdk, WW_NET_DROP_NO_BUFFER, 1);
        return NULL;
    }
    dpdk->open_link = link;
    /* The pool's shift puts this on 16 bytes; where there is none (af_xdp), the headers move. */
    uint8_t *payload = rte_pktmbuf_mtod_offset(dpdk->open_frame, uint8_t *, WW_FRAME_OVERHEAD);
    uint32_t off = (uintptr_t)payload % WW_BATCH_ALIGN;
    dpdk->open_frame->data_off = (uint16_t)(dpdk->open_frame->data_off - off);
    return payload - off;
}

static void flush_port(struct ww_dpdk *dpdk, struct ww_port *port)
{
    uint16_t sent = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < port->pending_count; i++)
        bytes += port->pending[i]->pkt_len;
    if (port->up && ports_usable(dpdk))
        sent = rte_eth_tx_burst(port->id, 0, port->pending, (uint16_t)port->pending_count);
    uint32_t refused = port->pending_count - sent;
    if (refused > 0) {
        for (uint32_t i = sent; i < port->pending_count; i++)
            bytes -= port->pending[i]->pkt_len;
        rte_pktmbuf_free_bulk(port->pending + sent, refused);
        count(dpdk, port->up ? WW_NET_DROP_TX_FULL : WW_NET_DROP_TX_DOWN, refused);
    }
    count(dpdk, WW_NET_TX_FRAMES, sent);
    count(dpdk, WW_NET_TX_BYTES, bytes);
    port->pending_count = 0;
}

static void dpdk_tx_send(struct ww_transport *transport, uint32_t head_bytes, const void *body,
                         uint32_t body_bytes)
{
    struct ww_dpdk *dpdk = (struct ww_dpdk *)transport;
    struct rte_mbuf *frame = dpdk->open_frame;
    struct ww_port *port = dpdk->open_link->port;
    uint32_t payload_bytes = head_bytes + body_bytes;
    WW_ASSERT(frame != NULL && payload_bytes <= transport->max_datagram);
    dpdk->open_frame = NULL;

    uint8_t *headers = rte_pktmbuf_mtod(frame, uint8_t *);
    ww_frame_write(&dpdk->open_link->frame, headers, payload_bytes);
    /* Copied: a second segment that refers to the body measured no faster up to 8 KiB. */
    if (body_bytes != 0)
        memcpy(headers + WW_FRAME_OVERHEAD + head_bytes, body, body_bytes);
    frame->data_len = (uint16_t)(WW_FRAME_OVERHEAD + payload_bytes);
    frame->pkt_len = frame->data_len;
    port->pending[port->pending_count++] = frame;
    if (port->pending_count == WW_BURST)
        flush_port(dpdk, port);
}

static void dpdk_tx_flush(struct ww_transport *transport)
{
    struct ww_dpdk *dpdk = (struct ww_dpdk *)transport;
    for (uint32_t i = 0; i < dpdk->port_count; i++)
        if (dpdk->ports[i].pending_count > 0)
            flush_port(dpdk, &dpdk->ports[i]);
}

static int dpdk_link_up(struct ww_transport *transport, uint32_t link)
{
    struct ww_dpdk *dpdk = (struct ww_dpdk *)transport;
    return link < WW_LINKS && dpdk->links[link].port != NULL && dpdk->links[link].port->up;
}

/* The kernel keeps frames of af_xdp until the pool goes, so they cannot be counted there. */
static void pool_close(const struct ww_dpdk *dpdk, struct rte_mempool *pool)
{
    if (pool == NULL)
        return;
    unsigned missing = rte_mempool_in_use_count(pool);
    if (missing != 0 && dpdk->kind != WW_NET_AF_XDP)
        fprintf(stderr, "ww: %s: %u buffers of %s were not given back\n", dpdk->transport.name,
                missing, pool->name);
    rte_mempool_free(pool);
}

static void dpdk_close(struct ww_transport *transport)
{
    struct ww_dpdk *dpdk = (struct ww_dpdk *)transport;
    rte_pktmbuf_free(dpdk->open_frame);
    if (dpdk->kind == WW_NET_MEMIF)
        ww_memif_close(dpdk);
    for (uint32_t i = 0; i < dpdk->port_count; i++)
        ww_port_close(&dpdk->ports[i]);
    pool_close(dpdk, dpdk->frames);
    free(dpdk);
}

const struct ww_transport_ops ww_dpdk_ops = {
    .rx_burst = dpdk_rx_burst,
    .rx_release = dpdk_rx_release,
    .tx_begin = dpdk_tx_begin,
    .tx_send = dpdk_tx_send,
    .tx_flush = dpdk_tx_flush,
    .link_up = dpdk_link_up,
    .close = dpdk_close,
};
