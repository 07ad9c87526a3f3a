/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_io/frame.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

static const struct ww_frame_end node = {{2, 0x57, 0x57, 0, 0, 1}, 0x0a4d0001u, 7100};
static const struct ww_frame_end peer = {{2, 0x57, 0x57, 0, 0, 2}, 0x0a4d0002u, 7200};

#define PAYLOAD 100u
#define PAYLOAD_MAX 200u

/* A good frame from peer to node. */
static void build(uint8_t frame[512], uint32_t payload_bytes)
{
    struct ww_frame_template template;
    ww_frame_template(&template, &peer, &node);
    memset(frame, 0xa5, 512);
    ww_frame_write(&template, frame, payload_bytes);
}

/* The header checksum as RFC 1071 says it, so that a changed field alone is what is wrong. */
static void seal(uint8_t *frame)
{
    uint32_t sum = 0;
    frame[24] = frame[25] = 0;
    for (int i = 14; i < 34; i += 2)
        sum += (uint32_t)(frame[i] << 8 | frame[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16));
    frame[24] = (uint8_t)(sum >> 8);
    frame[25] = (uint8_t)sum;
}

static enum ww_transport_counter check(const uint8_t *frame, uint32_t bytes)
{
    struct ww_frame_view view;
    return ww_frame_check(frame, bytes, &node, PAYLOAD_MAX, &view);
}

Test(frame, written_bytes_are_the_documented_ones)
{
    static const uint8_t expected[42] = {2,  0x57, 0x57, 0,    0,    1,  2,    0x57, 0x57, 0,    0,
                                         2,  8,    0,    0x45, 0,    0,  128,  0,    0,    0x40, 0,
                                         64, 17,   0,    0,    10,   77, 0,    2,    10,   77,   0,
                                         1,  0x1c, 0x20, 0x1b, 0xbc, 0,  0x6c, 0,    0};
    uint8_t frame[512], want[42];
    build(frame, PAYLOAD);
    memcpy(want, expected, sizeof(want));
    seal(want);
    cr_assert_arr_eq(frame, want, 42);
}

Test(frame, every_payload_size_round_trips)
{
    for (uint32_t bytes = 0; bytes <= PAYLOAD_MAX; bytes++) {
        uint8_t frame[512];
        struct ww_frame_view view;
        build(frame, bytes);
        cr_assert_eq(ww_frame_check(frame, bytes + 42, &node, PAYLOAD_MAX, &view),
                     WW_NET_RX_FRAMES);
        cr_assert_eq(view.payload_bytes, bytes);
        cr_assert_eq(view.from.ipv4, peer.ipv4);
        cr_assert_eq(view.from.port, peer.port);
        cr_assert_arr_eq(view.from.mac, peer.mac, 6);
    }
}

Test(frame, every_truncation_is_short)
{
    uint8_t frame[512];
    build(frame, PAYLOAD);
    for (uint32_t bytes = 0; bytes < PAYLOAD + 42; bytes++)
        cr_assert_eq(check(frame, bytes), WW_NET_DROP_RX_SHORT, "%u bytes", bytes);
}

Test(frame, only_ethernet_padding_may_follow)
{
    uint8_t frame[512];
    build(frame, 4);
    cr_assert_eq(check(frame, 60), WW_NET_RX_FRAMES);
    cr_assert_eq(check(frame, 61), WW_NET_DROP_RX_LONG);
    build(frame, PAYLOAD);
    cr_assert_eq(check(frame, PAYLOAD + 43), WW_NET_DROP_RX_LONG);
    build(frame, PAYLOAD_MAX + 1);
    cr_assert_eq(check(frame, PAYLOAD_MAX + 1 + 42), WW_NET_DROP_RX_LONG);
}

/* Each changed byte of an address, a port or a protocol field makes a frame that is not for us. */
Test(frame, other_addresses_and_protocols)
{
    static const int fields[] = {0, 5, 12, 13, 14, 20, 21, 23, 30, 33, 36, 37};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        uint8_t frame[512];
        build(frame, PAYLOAD);
        frame[fields[i]] ^= 0x21;
        seal(frame);
        cr_assert_eq(check(frame, PAYLOAD + 42), WW_NET_DROP_RX_PROTOCOL, "byte %d", fields[i]);
    }
}

Test(frame, every_flipped_bit_of_the_ip_header_is_found)
{
    for (int bit = 14 * 8; bit < 34 * 8; bit++) {
        uint8_t frame[512];
        build(frame, PAYLOAD);
        frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_neq(check(frame, PAYLOAD + 42), WW_NET_RX_FRAMES, "bit %d", bit);
    }
    uint8_t frame[512];
    build(frame, PAYLOAD);
    frame[24] ^= 1;
    cr_assert_eq(check(frame, PAYLOAD + 42), WW_NET_DROP_RX_CHECKSUM);
}

static enum ww_transport_counter with_lengths(uint32_t ip_bytes, uint32_t udp_bytes)
{
    uint8_t frame[512];
    build(frame, PAYLOAD);
    frame[16] = (uint8_t)(ip_bytes >> 8);
    frame[17] = (uint8_t)ip_bytes;
    frame[38] = (uint8_t)(udp_bytes >> 8);
    frame[39] = (uint8_t)udp_bytes;
    seal(frame);
    return check(frame, PAYLOAD + 42);
}

Test(frame, lying_lengths)
{
    uint32_t ip = PAYLOAD + 28, udp = PAYLOAD + 8;
    cr_assert_eq(with_lengths(ip, udp), WW_NET_RX_FRAMES);
    cr_assert_eq(with_lengths(ip + 1, udp + 1), WW_NET_DROP_RX_SHORT);
    cr_assert_eq(with_lengths(65535, 65515), WW_NET_DROP_RX_SHORT);
    cr_assert_eq(with_lengths(27, 7), WW_NET_DROP_RX_SHORT);
    cr_assert_eq(with_lengths(0, 0), WW_NET_DROP_RX_SHORT);
    cr_assert_eq(with_lengths(ip, udp + 1), WW_NET_DROP_RX_SHORT);
    cr_assert_eq(with_lengths(ip, 7), WW_NET_DROP_RX_SHORT);
    cr_assert_eq(with_lengths(ip, udp - 1), WW_NET_DROP_RX_LONG);
    cr_assert_eq(with_lengths(ip - 1, udp - 1), WW_NET_DROP_RX_LONG);
}
