/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel interface as a DPDK port that all links share: af_packet (a packet socket with rings) or
 * af_xdp. Addresses are static: no ARP, and the kernel has no address on the interface.
 */
#include "dpdk_io/dpdk.h"

#include "dpdk_io/eal.h"

#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PACKET_FRAMES 512u
#define PACKET_OVERHEAD 66u /* what the kernel puts before a frame in the ring */
#define XDP_RING 2048u      /* frames in each of fill, receive, transmit and completion ring */

uint32_t ww_device_frames(enum ww_net_kind kind)
{
    return kind == WW_NET_AF_XDP ? 4 * XDP_RING : 0;
}

/* af_xdp: a frame with DPDK's and the kernel's headrooms lies within one page. */
uint32_t ww_device_mtu_max(enum ww_net_kind kind)
{
    if (kind != WW_NET_AF_XDP)
        return WW_MTU_MAX;
    return (uint32_t)sysconf(_SC_PAGESIZE) -
           RTE_ALIGN_CEIL((uint32_t)sizeof(struct rte_mempool_objhdr), RTE_MEMPOOL_ALIGN) -
           (uint32_t)sizeof(struct rte_mbuf) - RTE_PKTMBUF_HEADROOM - XDP_PACKET_HEADROOM -
           WW_ETHERNET_BYTES;
}

/* A slot of the ring is a block of its own, so whole pages: the driver knows no gaps. */
static uint32_t packet_slot_bytes(uint32_t mtu)
{
    return RTE_ALIGN_CEIL(mtu + WW_ETHERNET_BYTES + PACKET_OVERHEAD, (uint32_t)getpagesize());
}

/* af_packet's driver insists on a buffer for all of a slot; the kernel part of af_xdp keeps a
 * headroom. */
uint32_t ww_device_frame_bytes(enum ww_net_kind kind, uint32_t mtu)
{
    if (kind == WW_NET_AF_PACKET)
        return packet_slot_bytes(mtu);
    return mtu + WW_ETHERNET_BYTES + (kind == WW_NET_AF_XDP ? XDP_PACKET_HEADROOM : 0);
}

static int check_interface(const struct ww_net_options *options, struct ww_error *error)
{
    struct ifreq request = {0};
    size_t length = strlen(options->interface);
    if (length == 0 || length >= sizeof(request.ifr_name))
        return ww_fail(error, WW_EINVAL, "\"%s\" cannot be an interface (net.interface)",
                       options->interface);
    memcpy(request.ifr_name, options->interface, length);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int status = fd < 0 ? -1 : ioctl(fd, SIOCGIFMTU, &request);
    uint32_t interface_mtu = (uint32_t)request.ifr_mtu;
    if (status == 0)
        status = ioctl(fd, SIOCGIFFLAGS, &request);
    int reason = errno;
    if (fd >= 0)
        close(fd);
    errno = reason;
    if (status != 0)
        return ww_fail_errno(error, WW_ENOTFOUND, "interface %s (net.interface)",
                             options->interface);
    if (options->mtu > interface_mtu)
        return ww_fail(error, WW_ETOOBIG, "net.mtu %u is larger than interface %s takes: %u",
                       options->mtu, options->interface, interface_mtu);
    if ((request.ifr_flags & IFF_UP) == 0)
        return ww_fail(error, WW_EIO, "interface %s is down", options->interface);
    return WW_OK;
}

static void format_arguments(char *text, size_t size, const struct ww_net_options *options)
{
    if (options->kind == WW_NET_AF_XDP) {
        snprintf(text, size, "iface=%s", options->interface);
        return;
    }
    uint32_t slot = packet_slot_bytes(options->mtu);
    snprintf(text, size, "iface=%s,blocksz=%u,framesz=%u,framecnt=%u,qdisc_bypass=1",
             options->interface, slot, slot, PACKET_FRAMES);
}

static struct ww_frame_end address_end(const struct ww_net_address *address)
{
    struct ww_frame_end end = {.ipv4 = address->ipv4, .port = address->port};
    memcpy(end.mac, address->mac, sizeof(end.mac));
    return end;
}

int ww_device_open(struct ww_dpdk *dpdk, const struct ww_net_options *options,
                   struct ww_error *error)
{
    int status = check_interface(options, error);
    if (status != WW_OK)
        return status;
    char arguments[128];
    format_arguments(arguments, sizeof(arguments), options);
    struct ww_port *port = &dpdk->ports[dpdk->port_count++];
    status = ww_port_open(port, options->kind == WW_NET_AF_XDP ? "net_af_xdp0" : "net_af_packet0",
                          arguments, dpdk->frames,
                          options->kind == WW_NET_AF_XDP ? options->mtu : 0, error);
    if (status != WW_OK)
        return status;
    if (rte_eth_promiscuous_enable(port->id) != 0 || rte_eth_dev_start(port->id) != 0)
        return ww_eal_fail(error, WW_EIO, "cannot start %s on %s", dpdk->transport.name,
                           options->interface);
    port->started = port->up = true;

    dpdk->self = address_end(&options->local);
    for (uint32_t i = 0; i < options->node_count; i++)
        if (options->nodes[i].id == options->self)
            dpdk->self = address_end(&options->nodes[i]);
    for (uint32_t i = 0; i < options->node_count; i++) {
        struct ww_frame_end end = address_end(&options->nodes[i]);
        if (options->nodes[i].id != options->self)
            ww_link_set(dpdk, options->nodes[i].id, port, &end);
    }
    return WW_OK;
}
