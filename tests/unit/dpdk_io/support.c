/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dpdk_io/support.h"

#include "engine/backend/clock.h"

#include <sched.h>
#include <stdint.h>

struct ww_net_options test_options(enum ww_net_kind kind, uint32_t self, const char *socket_dir,
                                   uint16_t udp_port)
{
    struct ww_net_options options = {.kind = kind,
                                     .self = self,
                                     .node_count = 3,
                                     .mtu = WW_MTU_DEFAULT,
                                     .socket_dir = socket_dir,
                                     .client_links = 2,
                                     .hugepages = WW_HUGEPAGES_NEVER};
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t ipv4 = kind == WW_NET_UDP ? 0x7f000001u : 0x0a4d0001u + i;
        options.nodes[i] =
            (struct ww_net_address){.id = i + 1,
                                    .ipv4 = ipv4,
                                    .port = (uint16_t)(kind == WW_NET_UDP ? udp_port + i
                                                                          : WW_UDP_PORT_DEFAULT)};
    }
    options.local = (struct ww_net_address){.ipv4 = 0x7f000001u};
    return options;
}

static uint8_t pattern(uint32_t bytes, uint32_t i)
{
    return (uint8_t)(bytes * 31u + i * 7u + (i >> 8));
}

bool test_send(struct ww_transport *transport, uint32_t link, uint32_t head_bytes, uint32_t bytes)
{
    static uint8_t body[WW_MTU_MAX];
    uint8_t *head = transport->ops->tx_begin(transport, link);
    if (head == NULL)
        return false;
    for (uint32_t i = 0; i < bytes; i++)
        *(i < head_bytes ? &head[i] : &body[i - head_bytes]) = pattern(bytes, i);
    transport->ops->tx_send(transport, head_bytes, body, bytes - head_bytes);
    transport->ops->tx_flush(transport);
    return (uintptr_t)head % 8 == 0;
}

uint32_t test_receive(struct ww_transport *transport, uint32_t *link, uint32_t timeout_ms)
{
    uint64_t until = ww_clock_now(&ww_clock_monotonic) + timeout_ms * 1000000ull;
    struct ww_rx rx;
    while (transport->ops->rx_burst(transport, &rx, 1) == 0) {
        if (ww_clock_now(&ww_clock_monotonic) > until)
            return 0;
        sched_yield();
    }
    uint32_t result = (uintptr_t)rx.data % 8 == 0 ? rx.size_bytes : UINT32_MAX;
    for (uint32_t i = 0; i < rx.size_bytes; i++)
        if (rx.data[i] != pattern(rx.size_bytes, i))
            result = UINT32_MAX;
    *link = rx.link;
    transport->ops->rx_release(transport, &rx, 1);
    return result;
}
