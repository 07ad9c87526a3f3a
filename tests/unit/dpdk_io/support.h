/* SPDX-License-Identifier: Apache-2.0 */
/* What the transport tests share: options of a small cluster, and datagrams with known bytes. */
#ifndef WW_TESTS_DPDK_IO_SUPPORT_H
#define WW_TESTS_DPDK_IO_SUPPORT_H

#include "dpdk_io/dpdk_io.h"

#include <stdbool.h>

/* Three nodes; `self` 0 is a client. UDP ports of 127.0.0.1 begin at `udp_port`. */
struct ww_net_options test_options(enum ww_net_kind kind, uint32_t self, const char *socket_dir,
                                   uint16_t udp_port);

/* Sends one datagram of `bytes`, `head_bytes` of them as head; false when it could not begin. */
bool test_send(struct ww_transport *transport, uint32_t link, uint32_t head_bytes, uint32_t bytes);

/* Receives one datagram sent by test_send within `timeout_ms`, checks its bytes and alignment.
 * Returns its size and *link, 0 after the time, UINT32_MAX when its bytes are wrong. */
uint32_t test_receive(struct ww_transport *transport, uint32_t *link, uint32_t timeout_ms);

#endif
