/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_io/frame.h"

#include <string.h>

/* Offsets in a frame; all numbers on the wire are big-endian. */
enum {
    ETHER_TO = 0,
    ETHER_FROM = 6,
    ETHER_TYPE = 12,
    IP = WW_ETHERNET_BYTES,
    IP_VERSION = IP,
    IP_LENGTH = IP + 2,
    IP_FRAGMENT = IP + 6,
    IP_TTL = IP + 8,
    IP_PROTOCOL = IP + 9,
    IP_CHECKSUM = IP + 10,
    IP_FROM = IP + 12,
    IP_TO = IP + 16,
    UDP = IP + 20,
    UDP_FROM = UDP,
    UDP_TO = UDP + 2,
    UDP_LENGTH = UDP + 4,
};

#define IP_HEADER_BYTES 20u
#define UDP_HEADER_BYTES 8u
#define ETHER_TYPE_IPV4 0x0800u
#define IP_VERSION_4_WORDS_5 0x45u
#define IP_DONT_FRAGMENT 0x4000u
#define IP_FRAGMENT_MASK 0x3fffu /* "more fragments" and the offset */
#define IP_PROTOCOL_UDP 17u
#define TTL 64u
#define ETHER_PADDED_BYTES 60u /* shorter frames are padded to this */

_Static_assert(UDP + UDP_HEADER_BYTES == WW_FRAME_OVERHEAD, "42 bytes of headers");

static inline uint32_t get16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static inline uint32_t get32(const uint8_t *bytes)
{
    return get16(bytes) << 16 | get16(bytes + 2);
}

static inline void put16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static inline void put32(uint8_t *bytes, uint32_t value)
{
    put16(bytes, value >> 16);
    put16(bytes + 2, value);
}

static inline uint32_t ip_sum(const uint8_t *header)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < IP_HEADER_BYTES; i += 2)
        sum += get16(header + i);
    return sum;
}

static inline uint32_t fold(uint32_t sum)
{
    sum = (sum >> 16) + (sum & 0xffffu);
    return (sum >> 16) + (sum & 0xffffu);
}

void ww_frame_template(struct ww_frame_template *frame, const struct ww_frame_end *from,
                       const struct ww_frame_end *to)
{
    uint8_t *bytes = frame->bytes;
    memset(bytes, 0, sizeof(frame->bytes));
    memcpy(bytes + ETHER_TO, to->mac, sizeof(to->mac));
    memcpy(bytes + ETHER_FROM, from->mac, sizeof(from->mac));
    put16(bytes + ETHER_TYPE, ETHER_TYPE_IPV4);
    bytes[IP_VERSION] = IP_VERSION_4_WORDS_5;
    put16(bytes + IP_FRAGMENT, IP_DONT_FRAGMENT);
    bytes[IP_TTL] = TTL;
    bytes[IP_PROTOCOL] = IP_PROTOCOL_UDP;
    put32(bytes + IP_FROM, from->ipv4);
    put32(bytes + IP_TO, to->ipv4);
    put16(bytes + UDP_FROM, from->port);
    put16(bytes + UDP_TO, to->port);
    frame->checksum = ip_sum(bytes + IP);
}

void ww_frame_write(const struct ww_frame_template *frame, uint8_t *headers, uint32_t payload_bytes)
{
    uint32_t ip_bytes = payload_bytes + WW_IP_UDP_BYTES;
    memcpy(headers, frame->bytes, WW_FRAME_OVERHEAD);
    put16(headers + IP_LENGTH, ip_bytes);
    put16(headers + IP_CHECKSUM, ~fold(frame->checksum + ip_bytes));
    put16(headers + UDP_LENGTH, payload_bytes + UDP_HEADER_BYTES);
}

enum ww_transport_counter ww_frame_check(const uint8_t *frame, uint32_t bytes,
                                         const struct ww_frame_end *self, uint32_t payload_max,
                                         struct ww_frame_view *view)
{
    if (bytes < WW_ETHERNET_BYTES)
        return WW_NET_DROP_RX_SHORT;
    if (memcmp(frame + ETHER_TO, self->mac, sizeof(self->mac)) != 0 ||
        get16(frame + ETHER_TYPE) != ETHER_TYPE_IPV4)
        return WW_NET_DROP_RX_PROTOCOL;
    if (bytes < WW_FRAME_OVERHEAD)
        return WW_NET_DROP_RX_SHORT;
    if (frame[IP_VERSION] != IP_VERSION_4_WORDS_5 || frame[IP_PROTOCOL] != IP_PROTOCOL_UDP ||
        (get16(frame + IP_FRAGMENT) & IP_FRAGMENT_MASK) != 0)
        return WW_NET_DROP_RX_PROTOCOL;
    if (fold(ip_sum(frame + IP)) != 0xffffu)
        return WW_NET_DROP_RX_CHECKSUM;
    if (get32(frame + IP_TO) != self->ipv4 || get16(frame + UDP_TO) != self->port)
        return WW_NET_DROP_RX_PROTOCOL;

    uint32_t ip_bytes = get16(frame + IP_LENGTH);
    uint32_t udp_bytes = get16(frame + UDP_LENGTH);
    uint32_t received = bytes - WW_ETHERNET_BYTES;
    if (ip_bytes < WW_IP_UDP_BYTES || ip_bytes > received || udp_bytes < UDP_HEADER_BYTES ||
        udp_bytes > ip_bytes - IP_HEADER_BYTES)
        return WW_NET_DROP_RX_SHORT;
    if (udp_bytes < ip_bytes - IP_HEADER_BYTES ||
        (ip_bytes < received && bytes > ETHER_PADDED_BYTES) ||
        udp_bytes - UDP_HEADER_BYTES > payload_max)
        return WW_NET_DROP_RX_LONG;

    memcpy(view->from.mac, frame + ETHER_FROM, sizeof(view->from.mac));
    view->from.ipv4 = get32(frame + IP_FROM);
    view->from.port = (uint16_t)get16(frame + UDP_FROM);
    view->payload_bytes = udp_bytes - UDP_HEADER_BYTES;
    return WW_NET_RX_FRAMES;
}
