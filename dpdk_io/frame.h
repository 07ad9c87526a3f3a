/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 42 bytes around a datagram: Ethernet II, IPv4 (RFC 791, no options, never fragmented), UDP
 * (RFC 768). The UDP checksum is sent as 0, "none", and not looked at: the datagram has a CRC32C.
 */
#ifndef WW_DPDK_IO_FRAME_H
#define WW_DPDK_IO_FRAME_H

#include "engine/backend/transport.h"
#include "engine/base/limits.h"

#include <stdint.h>

/* One end of a link; ipv4 and port in host byte order. */
struct ww_frame_end {
    uint8_t mac[6];
    uint32_t ipv4;
    uint16_t port;
};

/* Everything of the headers that does not depend on the payload. */
struct ww_frame_template {
    uint8_t bytes[WW_FRAME_OVERHEAD];
    uint32_t checksum; /* sum of the IP header without its length, not folded */
};

void ww_frame_template(struct ww_frame_template *frame, const struct ww_frame_end *from,
                       const struct ww_frame_end *to);

/* Writes the headers before a payload of `payload_bytes` that begins at headers + 42. */
void ww_frame_write(const struct ww_frame_template *frame, uint8_t *headers,
                    uint32_t payload_bytes);

struct ww_frame_view {
    struct ww_frame_end from;
    uint32_t payload_bytes; /* begins 42 bytes into the frame */
};

/*
 * Checks a received frame that should be for `self`. Returns WW_NET_RX_FRAMES when it is good and
 * `view` is filled in, else the counter of the reason for which it must be dropped.
 */
enum ww_transport_counter ww_frame_check(const uint8_t *frame, uint32_t bytes,
                                         const struct ww_frame_end *self, uint32_t payload_max,
                                         struct ww_frame_view *view);

#endif
