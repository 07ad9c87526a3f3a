/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_io/port.h"

#include "dpdk_io/eal.h"

#include <rte_bus_vdev.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>

#define QUEUE_DESCRIPTORS 2048u

/* The UDP payload begins behind the headroom and 42 bytes of headers. Drivers that copy a frame put
 * it behind the headroom that DPDK was built with, so the buffer itself moves. */
#define PAYLOAD_ALIGN 16u
#define BUFFER_SHIFT (PAYLOAD_ALIGN - (RTE_PKTMBUF_HEADROOM + WW_FRAME_OVERHEAD) % PAYLOAD_ALIGN)

static void shift_buffer(struct rte_mempool *pool, void *unused, void *object, unsigned index)
{
    struct rte_mbuf *frame = object;
    frame->buf_addr = (uint8_t *)frame->buf_addr + BUFFER_SHIFT;
    frame->buf_iova += BUFFER_SHIFT;
    frame->buf_len = (uint16_t)(frame->buf_len - BUFFER_SHIFT);
}

struct rte_mempool *ww_frame_pool(const char *name, uint32_t count, uint32_t frame_bytes,
                                  bool shift)
{
    uint32_t room = frame_bytes + RTE_PKTMBUF_HEADROOM + (shift ? BUFFER_SHIFT : 0);
    room = RTE_ALIGN_CEIL(room, RTE_MBUF_PRIV_ALIGN);
    /* Last in, first out: the frames in use stay in the cache. */
    struct rte_mempool *pool =
        rte_pktmbuf_pool_create_by_ops(name, count, 0, 0, (uint16_t)room, SOCKET_ID_ANY, "stack");
    if (pool != NULL && shift)
        rte_mempool_obj_iter(pool, shift_buffer, NULL);
    return pool;
}

static int port_configure(struct ww_port *port, struct rte_mempool *frames, uint32_t mtu)
{
    struct rte_eth_conf conf = {0};
    if (rte_eth_dev_configure(port->id, 1, 1, &conf) != 0)
        return -1;
    if (mtu != 0 && rte_eth_dev_set_mtu(port->id, (uint16_t)mtu) != 0)
        return -1;
    return rte_eth_rx_queue_setup(port->id, 0, QUEUE_DESCRIPTORS, SOCKET_ID_ANY, NULL, frames) != 0
               ? -1
               : rte_eth_tx_queue_setup(port->id, 0, QUEUE_DESCRIPTORS, SOCKET_ID_ANY, NULL);
}

int ww_port_open(struct ww_port *port, const char *name, const char *arguments,
                 struct rte_mempool *frames, uint32_t mtu, struct ww_error *error)
{
    if (rte_vdev_init(name, arguments) != 0)
        return ww_eal_fail(error, WW_EIO, "cannot create the device %s (%s)", name, arguments);
    snprintf(port->name, sizeof(port->name), "%s", name);
    if (rte_eth_dev_get_port_by_name(name, &port->id) != 0 ||
        port_configure(port, frames, mtu) != 0) {
        ww_eal_fail(error, WW_EIO, "cannot set up the device %s (%s)", name, arguments);
        ww_port_close(port);
        return error != NULL ? error->code : WW_EIO;
    }
    return WW_OK;
}

void ww_port_close(struct ww_port *port)
{
    if (port->name[0] == '\0')
        return;
    rte_pktmbuf_free_bulk(port->pending, port->pending_count);
    port->pending_count = 0;
    if (port->started)
        rte_eth_dev_stop(port->id);
    rte_vdev_uninit(port->name);
    port->name[0] = '\0';
    port->started = port->up = false;
}
