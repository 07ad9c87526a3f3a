/* SPDX-License-Identifier: Apache-2.0 */
/* The same datagrams over a kernel UDP socket: the baseline that shows what the bypass brings. */
#include "dpdk_io/clients.h"
#include "dpdk_io/dpdk.h"

#include "engine/backend/clock.h"
#include "engine/base/assert.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET_BUFFER_BYTES (4 * (int)WW_MIB)
#define SLOTS (WW_RX_HELD_MAX + WW_BURST)

struct udp_link {
    bool present;
    struct sockaddr_in address;
};

struct udp {
    struct ww_transport transport;
    int fd;
    bool is_node;
    struct udp_link links[WW_LINKS];
    struct ww_clients clients;
    uint32_t buffer_bytes;
    uint8_t *memory;      /* SLOTS receive buffers, then WW_BURST transmit buffers */
    uint8_t *free[SLOTS]; /* receive buffers, last in first out */
    uint32_t free_count;
    uint32_t pending;
    uint32_t open_link;
    bool open;
    uint8_t *tx[WW_BURST];
    struct mmsghdr messages[WW_BURST];
    struct iovec parts[WW_BURST][2];
};

static inline void count(struct udp *udp, enum ww_transport_counter counter, uint64_t n)
{
    uint64_t *value = &udp->transport.counters[counter];
    __atomic_store_n(value, *value + n, __ATOMIC_RELAXED);
}

static struct sockaddr_in socket_address(uint32_t ipv4, uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(ipv4),
                                .sin_port = htons(port)};
}

static uint32_t source_link(struct udp *udp, const struct sockaddr_in *from,
                            enum ww_transport_counter *drop)
{
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        if (udp->links[id].present && udp->links[id].address.sin_port == from->sin_port &&
            udp->links[id].address.sin_addr.s_addr == from->sin_addr.s_addr)
            return id;
    *drop = WW_NET_DROP_RX_PROTOCOL;
    if (!udp->is_node)
        return 0;
    struct ww_frame_end end = {.ipv4 = ntohl(from->sin_addr.s_addr), .port = ntohs(from->sin_port)};
    bool changed;
    int k = ww_clients_hear(&udp->clients, &end, ww_clock_now(&ww_clock_monotonic), &changed);
    if (k < 0) {
        *drop = WW_NET_DROP_RX_CLIENTS;
        return 0;
    }
    udp->links[WW_LINK_CLIENT + (uint32_t)k] = (struct udp_link){true, *from};
    return WW_LINK_CLIENT + (uint32_t)k;
}

static uint32_t udp_rx_burst(struct ww_transport *transport, struct ww_rx *out, uint32_t max)
{
    struct udp *udp = (struct udp *)transport;
    struct mmsghdr messages[WW_BURST] = {0};
    struct iovec parts[WW_BURST];
    struct sockaddr_in from[WW_BURST];
    uint32_t room = max < WW_BURST ? max : WW_BURST;
    if (room > udp->free_count)
        room = udp->free_count;
    for (uint32_t i = 0; i < room; i++) {
        parts[i] = (struct iovec){udp->free[udp->free_count - 1 - i], udp->buffer_bytes};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                              .msg_namelen = sizeof(from[i]),
                                              .msg_iov = &parts[i],
                                              .msg_iovlen = 1};
    }
    int received = room > 0 ? recvmmsg(udp->fd, messages, room, MSG_DONTWAIT, NULL) : 0;
    uint32_t accepted = 0;
    if (received <= 0)
        return 0;
    udp->free_count -= (uint32_t)received;
    for (int i = 0; i < received; i++) {
        uint32_t bytes = messages[i].msg_len;
        count(udp, WW_NET_RX_FRAMES, 1);
        count(udp, WW_NET_RX_BYTES, bytes + WW_FRAME_OVERHEAD);
        enum ww_transport_counter drop = WW_NET_DROP_RX_LONG;
        uint32_t link = 0;
        if ((messages[i].msg_hdr.msg_flags & MSG_TRUNC) == 0)
            link = source_link(udp, &from[i], &drop);
        struct ww_rx rx = {parts[i].iov_base, bytes, link, parts[i].iov_base};
        if (link != 0) {
            out[accepted++] = rx;
            continue;
        }
        count(udp, drop, 1);
        transport->ops->rx_release(transport, &rx, 1);
    }
    return accepted;
}

static void udp_rx_release(struct ww_transport *transport, struct ww_rx *rx, uint32_t n)
{
    struct udp *udp = (struct udp *)transport;
    WW_ASSERT(udp->free_count + n <= SLOTS);
    for (uint32_t i = 0; i < n; i++)
        udp->free[udp->free_count++] = rx[i].handle;
}

static uint8_t *udp_tx_begin(struct ww_transport *transport, uint32_t link)
{
    struct udp *udp = (struct udp *)transport;
    WW_ASSERT(!udp->open && link < WW_LINKS);
    if (!udp->links[link].present) {
        count(udp, WW_NET_DROP_TX_DOWN, 1);
        return NULL;
    }
    if (udp->pending == WW_BURST)
        transport->ops->tx_flush(transport);
    udp->open = true;
    udp->open_link = link;
    return udp->tx[udp->pending];
}

static void udp_tx_send(struct ww_transport *transport, uint32_t head_bytes, const void *body,
                        uint32_t body_bytes)
{
    struct udp *udp = (struct udp *)transport;
    WW_ASSERT(udp->open && head_bytes + body_bytes <= transport->max_datagram);
    uint32_t i = udp->pending++;
    udp->open = false;
    udp->parts[i][0] = (struct iovec){udp->tx[i], head_bytes};
    udp->parts[i][1] = (struct iovec){(void *)(uintptr_t)body, body_bytes};
    udp->messages[i].msg_hdr = (struct msghdr){.msg_name = &udp->links[udp->open_link].address,
                                               .msg_namelen = sizeof(struct sockaddr_in),
                                               .msg_iov = udp->parts[i],
                                               .msg_iovlen = body_bytes != 0 ? 2 : 1};
}

/* A full socket buffer drops the rest; an error of one destination, such as nobody listening there,
 * drops that one. */
static void udp_tx_flush(struct ww_transport *transport)
{
    struct udp *udp = (struct udp *)transport;
    for (uint32_t done = 0; done < udp->pending;) {
        int sent = sendmmsg(udp->fd, udp->messages + done, udp->pending - done, MSG_DONTWAIT);
        if (sent <= 0) {
            bool full = errno == EAGAIN || errno == ENOBUFS;
            uint32_t lost = full ? udp->pending - done : 1;
            count(udp, full ? WW_NET_DROP_TX_FULL : WW_NET_DROP_TX_DOWN, lost);
            done += lost;
            continue;
        }
        for (int i = 0; i < sent; i++)
            count(udp, WW_NET_TX_BYTES,
                  udp->messages[done + (uint32_t)i].msg_len + WW_FRAME_OVERHEAD);
        count(udp, WW_NET_TX_FRAMES, (uint64_t)sent);
        done += (uint32_t)sent;
    }
    udp->pending = 0;
}

static int udp_link_up(struct ww_transport *transport, uint32_t link)
{
    struct udp *udp = (struct udp *)transport;
    return link < WW_LINKS && udp->links[link].present;
}

static void udp_close(struct ww_transport *transport)
{
    struct udp *udp = (struct udp *)transport;
    if (udp->fd >= 0)
        close(udp->fd);
    free(udp->memory);
    free(udp);
}

static const struct ww_transport_ops udp_ops = {
    .rx_burst = udp_rx_burst,
    .rx_release = udp_rx_release,
    .tx_begin = udp_tx_begin,
    .tx_send = udp_tx_send,
    .tx_flush = udp_tx_flush,
    .link_up = udp_link_up,
    .close = udp_close,
};

static int open_socket(struct udp *udp, const struct ww_net_address *own, struct ww_error *error)
{
    struct sockaddr_in address = socket_address(own->ipv4, own->port);
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text));
    udp->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (udp->fd < 0)
        return ww_fail_errno(error, WW_EIO, "cannot make a UDP socket");
    /* The kernel caps this at net.core.rmem_max; what then does not fit is lost, as on any net. */
    int size = SOCKET_BUFFER_BYTES;
    setsockopt(udp->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    setsockopt(udp->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    if (bind(udp->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        return ww_fail_errno(error, errno == EADDRINUSE ? WW_ELOCKED : WW_EIO,
                             "cannot listen on UDP %s:%u", text, own->port);
    return WW_OK;
}

static int open_buffers(struct udp *udp, struct ww_error *error)
{
    udp->buffer_bytes = udp->transport.max_datagram;
    size_t stride = (udp->buffer_bytes + 63u) & ~63u;
    udp->memory = aligned_alloc(64, stride * (SLOTS + WW_BURST));
    if (udp->memory == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for %u datagrams", SLOTS + WW_BURST);
    for (uint32_t i = 0; i < SLOTS; i++)
        udp->free[udp->free_count++] = udp->memory + i * stride;
    for (uint32_t i = 0; i < WW_BURST; i++)
        udp->tx[i] = udp->memory + (SLOTS + i) * stride;
    return WW_OK;
}

int ww_udp_open(const struct ww_net_options *options, struct ww_transport **transport,
                struct ww_error *error)
{
    struct udp *udp = calloc(1, sizeof(*udp));
    if (udp == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for the transport");
    udp->transport.ops = &udp_ops;
    udp->transport.name = "udp";
    udp->transport.max_datagram = WW_DATAGRAM_MAX(options->mtu);
    udp->is_node = options->self != 0;
    udp->fd = -1;
    const struct ww_net_address *own = &options->local;
    for (uint32_t i = 0; i < options->node_count; i++) {
        const struct ww_net_address *node = &options->nodes[i];
        if (node->id == options->self)
            own = node;
        else
            udp->links[node->id] = (struct udp_link){true, socket_address(node->ipv4, node->port)};
    }
    int status = open_buffers(udp, error);
    if (status == WW_OK)
        status = open_socket(udp, own, error);
    if (status != WW_OK) {
        udp_close(&udp->transport);
        return status;
    }
    *transport = &udp->transport;
    return WW_OK;
}
