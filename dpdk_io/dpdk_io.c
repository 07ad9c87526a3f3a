/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_io/dpdk_io.h"

#include "dpdk_io/dpdk.h"
#include "dpdk_io/eal.h"

#include <arpa/inet.h>
#include <rte_mempool.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
    [WW_NET_MEMIF] = "memif",
    [WW_NET_AF_PACKET] = "af_packet",
    [WW_NET_AF_XDP] = "af_xdp",
    [WW_NET_UDP] = "udp",
};

static int check_options(const struct ww_net_options *options, struct ww_error *error)
{
    if ((uint32_t)options->kind > WW_NET_UDP)
        return ww_fail(error, WW_EINVAL, "unknown transport %d", (int)options->kind);
    if (options->node_count == 0 || options->node_count > WW_NODES_MAX)
        return ww_fail(error, WW_EINVAL, "%u nodes, must be 1..%u", options->node_count,
                       WW_NODES_MAX);
    bool found = options->self == 0;
    for (uint32_t i = 0; i < options->node_count; i++) {
        uint32_t id = options->nodes[i].id;
        if (id == 0 || id > WW_NODES_MAX)
            return ww_fail(error, WW_EINVAL, "node id %u, must be 1..%u", id, WW_NODES_MAX);
        for (uint32_t j = 0; j < i; j++)
            if (options->nodes[j].id == id)
                return ww_fail(error, WW_EINVAL, "node id %u is there twice", id);
        found = found || id == options->self;
    }
    if (!found)
        return ww_fail(error, WW_EINVAL, "node %u is not in the list of nodes", options->self);
    uint32_t mtu_max = ww_device_mtu_max(options->kind);
    if (options->mtu < WW_MTU_MIN || options->mtu > mtu_max)
        return ww_fail(error, options->mtu > mtu_max ? WW_ETOOBIG : WW_EINVAL,
                       "net.mtu %u: %s takes %u..%u", options->mtu, kind_names[options->kind],
                       WW_MTU_MIN, mtu_max);
    if (options->kind == WW_NET_MEMIF &&
        (options->client_links == 0 || options->client_links > WW_CLIENTS_MAX))
        return ww_fail(error, WW_EINVAL, "net.clients %u, must be 1..%u", options->client_links,
                       WW_CLIENTS_MAX);
    if (options->kind == WW_NET_MEMIF ? options->socket_dir == NULL
                                      : options->kind != WW_NET_UDP && options->interface == NULL)
        return ww_fail(error, WW_EINVAL, "%s needs %s", kind_names[options->kind],
                       options->kind == WW_NET_MEMIF ? "net.sockets" : "net.interface");
    return WW_OK;
}

static int open_pool(struct ww_dpdk *dpdk, const struct ww_net_options *options,
                     struct ww_error *error)
{
    uint32_t ports = 1;
    if (options->kind == WW_NET_MEMIF)
        ports = options->self == 0 ? options->node_count
                                   : options->node_count - 1 + options->client_links;
    uint32_t frames = WW_RX_HELD_MAX                     /* received, held by the caller */
                      + WW_BURST                         /* received, being checked */
                      + 1 + ports * WW_BURST             /* being written, waiting for a flush */
                      + ww_device_frames(options->kind); /* in the device's rings */
    dpdk->frames =
        ww_frame_pool("ww_frames", frames, ww_device_frame_bytes(options->kind, options->mtu),
                      options->kind != WW_NET_AF_XDP);
    if (dpdk->frames == NULL)
        return ww_eal_fail(error, WW_ENOMEM, "cannot have %u buffers of %u bytes", frames,
                           options->mtu);
    return WW_OK;
}

static int open_dpdk(const struct ww_net_options *options, struct ww_transport **transport,
                     struct ww_error *error)
{
    int status = ww_eal_start(options->hugepages == WW_HUGEPAGES_AUTO, error);
    if (status != WW_OK)
        return status;
    if (rte_mempool_lookup("ww_frames") != NULL)
        return ww_fail(error, WW_EBUSY, "this process has a transport over DPDK already");
    struct ww_dpdk *dpdk = calloc(1, sizeof(*dpdk));
    if (dpdk == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for the transport");
    dpdk->transport.ops = &ww_dpdk_ops;
    dpdk->transport.name = kind_names[options->kind];
    dpdk->transport.max_datagram = WW_DATAGRAM_MAX(options->mtu);
    dpdk->kind = options->kind;
    dpdk->is_node = options->self != 0;
    dpdk->lock.fd = -1;
    dpdk->listener = -1;
    status = open_pool(dpdk, options, error);
    if (status == WW_OK)
        status = options->kind == WW_NET_MEMIF ? ww_memif_open(dpdk, options, error)
                                               : ww_device_open(dpdk, options, error);
    if (status != WW_OK) {
        dpdk->transport.ops->close(&dpdk->transport);
        return status;
    }
    *transport = &dpdk->transport;
    return WW_OK;
}

int ww_net_open(const struct ww_net_options *options, struct ww_transport **transport,
                struct ww_error *error)
{
    *transport = NULL;
    int status = check_options(options, error);
    if (status != WW_OK)
        return status;
    return options->kind == WW_NET_UDP ? ww_udp_open(options, transport, error)
                                       : open_dpdk(options, transport, error);
}

static uint64_t pool_bytes(const struct rte_mempool *pool)
{
    uint64_t element = (uint64_t)pool->header_size + pool->elt_size + pool->trailer_size;
    return element * pool->populated_size;
}

void ww_net_memory(const struct ww_transport *transport, struct ww_net_memory *memory)
{
    *memory = (struct ww_net_memory){0};
    if (transport->ops != &ww_dpdk_ops)
        return;
    const struct ww_dpdk *dpdk = (const struct ww_dpdk *)transport;
    memory->hugepages = ww_eal_hugepages();
    memory->pool_bytes = pool_bytes(dpdk->frames);
    memory->ring_bytes = dpdk->ring_bytes;
}
