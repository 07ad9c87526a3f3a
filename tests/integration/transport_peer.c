/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of the transport test between network namespaces (test_transport_veth.sh):
 *   transport_peer af_packet|af_xdp INTERFACE MTU NODE
 * Node 2 answers until SIGTERM; node 1 asks with every kind of size, then prints
 * its counters. Exit code 0: every answer came and was right.
 */
#include "dpdk_io/dpdk_io.h"
#include "engine/backend/clock.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 32u
#define ATTEMPTS 50u
#define ANSWER_NS 200000000u

static volatile sig_atomic_t ending;

static void end(int signal)
{
    ending = signal;
}

static void answer(struct ww_transport *transport)
{
    struct ww_rx rx[WW_BURST];
    signal(SIGTERM, end);
    while (!ending) {
        uint32_t count = transport->ops->rx_burst(transport, rx, WW_BURST);
        for (uint32_t i = 0; i < count; i++)
            if (transport->ops->tx_begin(transport, rx[i].link) != NULL)
                transport->ops->tx_send(transport, 0, rx[i].data, rx[i].size_bytes);
        transport->ops->tx_flush(transport);
        transport->ops->rx_release(transport, rx, count);
        sched_yield();
    }
}

static bool ask(struct ww_transport *transport, uint32_t bytes)
{
    static uint8_t body[WW_MTU_MAX];
    uint8_t *head = transport->ops->tx_begin(transport, 2);
    if (head == NULL)
        return false;
    memset(head, (int)(bytes & 0xff), HEAD_BYTES);
    memset(body, (int)(bytes >> 8), bytes - HEAD_BYTES);
    transport->ops->tx_send(transport, HEAD_BYTES, body, bytes - HEAD_BYTES);
    transport->ops->tx_flush(transport);
    uint64_t until_ns = ww_clock_now(&ww_clock_monotonic) + ANSWER_NS;
    bool right = false;
    while (!right && ww_clock_now(&ww_clock_monotonic) < until_ns) {
        struct ww_rx rx;
        uint32_t count = transport->ops->rx_burst(transport, &rx, 1);
        right = count == 1 && rx.link == 2 && rx.size_bytes == bytes &&
                (uintptr_t)rx.data % WW_BATCH_ALIGN == 0 && rx.data[0] == (uint8_t)bytes &&
                memcmp(rx.data + HEAD_BYTES, body, bytes - HEAD_BYTES) == 0;
        transport->ops->rx_release(transport, &rx, count);
        sched_yield();
    }
    return right;
}

static int ask_all(struct ww_transport *transport)
{
    for (uint32_t bytes = HEAD_BYTES; bytes != 0;
         bytes = bytes == transport->max_datagram ? 0 : bytes + 1 + bytes / 3) {
        if (bytes > transport->max_datagram)
            bytes = transport->max_datagram;
        uint32_t attempt = 0;
        while (!ask(transport, bytes)) /* the other end may not have begun */
            if (++attempt == ATTEMPTS) {
                fprintf(stderr, "no right answer to %u bytes\n", bytes);
                return 1;
            }
    }
    for (int i = 0; i < WW_NET_COUNTERS; i++)
        printf("# %s %lu\n", ww_transport_counter_name(i), transport->counters[i]);
    printf("# max_datagram %u\n", transport->max_datagram);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: transport_peer af_packet|af_xdp INTERFACE MTU NODE\n");
        return 2;
    }
    struct ww_net_options options = {.kind = strcmp(argv[1], "af_xdp") == 0 ? WW_NET_AF_XDP
                                                                            : WW_NET_AF_PACKET,
                                     .interface = argv[2],
                                     .mtu = (uint32_t)atoi(argv[3]),
                                     .self = (uint32_t)atoi(argv[4]),
                                     .node_count = 2};
    for (uint32_t id = 1; id <= 2; id++)
        options.nodes[id - 1] = (struct ww_net_address){.id = id,
                                                        .ipv4 = 0x0a4d0000u + id,
                                                        .port = WW_UDP_PORT_DEFAULT,
                                                        .mac = {2, 0x57, 0x57, 0, 0, (uint8_t)id}};
    struct ww_transport *transport;
    struct ww_error error;
    if (ww_net_open(&options, &transport, &error) != WW_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    int status = 0;
    if (options.self == 1)
        status = ask_all(transport);
    else
        answer(transport);
    transport->ops->close(transport);
    return status;
}
