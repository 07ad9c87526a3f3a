/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dpdk_io/support.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Suites may run at the same time: a port range of this process. */
static uint16_t base_port(void)
{
    return (uint16_t)(20000 + getpid() % 10000 * 4);
}

static struct ww_transport *open_udp(uint32_t self)
{
    struct ww_net_options options = test_options(WW_NET_UDP, self, NULL, base_port());
    struct ww_transport *transport;
    struct ww_error error;
    cr_assert_eq(ww_net_open(&options, &transport, &error), WW_OK, "%s", error.text);
    return transport;
}

Test(udp, nodes_and_client_talk)
{
    struct ww_transport *a = open_udp(1), *b = open_udp(2), *client = open_udp(0);
    uint32_t link;
    for (uint32_t bytes = 1; bytes <= a->max_datagram; bytes += 1 + bytes / 2) {
        cr_assert(test_send(a, 2, bytes / 3, bytes));
        cr_assert_eq(test_receive(b, &link, 1000), bytes);
        cr_assert_eq(link, 1);
    }
    cr_assert(test_send(a, 2, 32, a->max_datagram));
    cr_assert_eq(test_receive(b, &link, 1000), a->max_datagram);

    cr_assert_not(test_send(a, WW_LINK_CLIENT, 8, 8), "no client was heard yet");
    cr_assert_eq(a->counters[WW_NET_DROP_TX_DOWN], 1);
    cr_assert(test_send(client, 1, 8, 800));
    cr_assert_eq(test_receive(a, &link, 1000), 800);
    cr_assert_eq(link, WW_LINK_CLIENT);
    cr_assert(test_send(a, link, 8, 900));
    cr_assert_eq(test_receive(client, &link, 1000), 900);
    cr_assert_eq(link, 1);
    client->ops->close(client);
    b->ops->close(b);
    a->ops->close(a);
}

Test(udp, strangers_and_long_datagrams_are_counted)
{
    struct ww_net_options options = test_options(WW_NET_UDP, 1, NULL, base_port());
    options.mtu = WW_MTU_MIN;
    struct ww_transport *a, *b = open_udp(2);
    struct ww_error error;
    uint32_t link;
    cr_assert_eq(ww_net_open(&options, &a, &error), WW_OK, "%s", error.text);
    cr_assert(test_send(b, 1, 8, a->max_datagram + 1));
    cr_assert_eq(test_receive(a, &link, 50), 0);
    cr_assert_eq(a->counters[WW_NET_DROP_RX_LONG], 1);
    b->ops->close(b);

    struct ww_transport *clients[WW_CLIENTS_MAX + 1];
    for (uint32_t k = 0; k <= WW_CLIENTS_MAX; k++) {
        clients[k] = open_udp(0);
        cr_assert(test_send(clients[k], 1, 8, 100));
        cr_assert_eq(test_receive(a, &link, 50), k < WW_CLIENTS_MAX ? 100u : 0u);
    }
    cr_assert_eq(a->counters[WW_NET_DROP_RX_CLIENTS], 1);
    for (uint32_t k = 0; k <= WW_CLIENTS_MAX; k++)
        clients[k]->ops->close(clients[k]);
    a->ops->close(a);
}

Test(udp, a_client_takes_datagrams_of_nodes_only)
{
    struct ww_net_options options = test_options(WW_NET_UDP, 0, NULL, base_port());
    options.local.port = (uint16_t)(base_port() + 3);
    struct ww_transport *client;
    struct ww_error error;
    uint32_t link;
    cr_assert_eq(ww_net_open(&options, &client, &error), WW_OK, "%s", error.text);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(options.local.port)};
    int stranger = socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert_eq(sendto(stranger, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
    cr_assert_eq(test_receive(client, &link, 50), 0);
    cr_assert_eq(client->counters[WW_NET_DROP_RX_PROTOCOL], 1);
    close(stranger);
    client->ops->close(client);
}

Test(udp, options_that_cannot_work_are_named)
{
    struct ww_net_options options = test_options(WW_NET_UDP, 1, NULL, base_port());
    struct ww_transport *transport;
    struct ww_error error;
    options.mtu = WW_MTU_MAX + 1;
    cr_assert_eq(ww_net_open(&options, &transport, &error), WW_ETOOBIG);
    cr_assert_not_null(strstr(error.text, "9217"));
    cr_assert_null(transport);
    options.mtu = WW_MTU_MIN - 1;
    cr_assert_eq(ww_net_open(&options, &transport, &error), WW_EINVAL);
    options.mtu = WW_MTU_DEFAULT;
    options.self = 4;
    cr_assert_eq(ww_net_open(&options, &transport, &error), WW_EINVAL);
    options.self = 1;
    options.nodes[2].id = 2;
    cr_assert_eq(ww_net_open(&options, &transport, &error), WW_EINVAL);
    struct ww_transport *first = open_udp(1);
    options.nodes[2].id = 3;
    cr_assert_eq(ww_net_open(&options, &transport, &error), WW_ELOCKED, "the port is taken");
    first->ops->close(first);
}
