/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/wire/datagram.h"

#include "engine/wire/checksum.h"
#include "engine/wire/client_message.h"
#include "engine/wire/raft_message.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define CLUSTER 0xc1u
#define FROM 2u
#define TO 3u
#define ROOM 1472u

static uint8_t data[ROOM] __attribute__((aligned(8)));
static struct ww_datagram_header *const header = (void *)data;

/* Two messages, of a node and of a client, with bodies of 5 and 11 bytes. */
static uint32_t make(bool checked_body)
{
    static const char body[] = "body oneand the other";
    struct ww_raft_message append = {.type = WW_RAFT_APPEND, .group = 1, .body_bytes = 8};
    struct ww_client_message propose = {.type = WW_CLIENT_PROPOSE, .group = 2, .body_bytes = 13};
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, data, ROOM);
    ww_datagram_add(&builder, &append, append.body_bytes);
    ww_datagram_add(&builder, &propose, propose.body_bytes);
    uint32_t head = ww_datagram_finish(&builder, CLUSTER, FROM, TO, checked_body ? body : NULL);
    memcpy(data + head, body, 21);
    return head + 21;
}

static enum ww_datagram_verdict check(size_t bytes)
{
    return ww_datagram_check(data, bytes, CLUSTER, TO);
}

/* Makes the head's checksum right again after a change. */
static void reseal(void)
{
    uint32_t head = WW_DATAGRAM_HEADER_BYTES + header->message_count * WW_MESSAGE_BYTES;
    header->crc32c = 0;
    header->crc32c = ww_crc32c(data, head);
}

Test(datagram, round_trip)
{
    uint32_t size = make(true);
    cr_assert_eq(size, 32 + 2 * 48 + 21);
    cr_assert_eq(check(size), WW_DATAGRAM_OK);
    cr_assert_eq(header->message_count, 2);
    cr_assert_eq(header->source, FROM);
    const struct ww_client_message *second =
        (const void *)(data + WW_DATAGRAM_HEADER_BYTES + WW_MESSAGE_BYTES);
    cr_assert_eq(second->type, WW_CLIENT_PROPOSE);
    cr_assert_eq(second->body_bytes, 13);
    size = make(false);
    cr_assert_eq(check(size), WW_DATAGRAM_OK);
    cr_assert_eq(header->body_crc32c, 0);
}

Test(datagram, an_empty_datagram_is_one)
{
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, data, ROOM);
    cr_assert_eq(ww_datagram_finish(&builder, CLUSTER, FROM, TO, NULL), WW_DATAGRAM_HEADER_BYTES);
    cr_assert_eq(check(WW_DATAGRAM_HEADER_BYTES), WW_DATAGRAM_OK);
}

Test(datagram, what_does_not_fit_is_not_added)
{
    struct ww_raft_message message = {.type = WW_RAFT_APPEND};
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, data, ROOM);
    cr_assert(ww_datagram_fits(&builder, ROOM - 80));
    cr_assert_not(ww_datagram_fits(&builder, ROOM - 79));
    cr_assert_not(ww_datagram_fits(&builder, UINT32_MAX), "no overflow");
    ww_datagram_add(&builder, &message, 100);
    cr_assert_not(ww_datagram_fits(&builder, ROOM - 80 - 48 - 99));
    uint8_t big[8192];
    ww_datagram_begin(&builder, big, sizeof(big));
    uint32_t count = 0;
    for (; ww_datagram_fits(&builder, 0); count++)
        ww_datagram_add(&builder, &message, 0);
    cr_assert_eq(count, WW_MESSAGES_PER_DATAGRAM);
}

Test(datagram, a_flip_in_any_bit_of_the_head_is_caught)
{
    uint32_t size = make(false);
    for (uint32_t i = 0; i < (size - 21) * 8; i++) {
        data[i / 8] ^= (uint8_t)(1u << i % 8);
        cr_assert_neq(check(size), WW_DATAGRAM_OK, "bit %u", i);
        data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    data[size - 1] ^= 1;
    cr_assert_eq(check(size), WW_DATAGRAM_OK, "a body that checks itself is not looked at");
}

Test(datagram, a_flip_in_a_body_with_a_checksum_is_caught)
{
    uint32_t size = make(true);
    for (uint32_t i = (size - 21) * 8; i < size * 8; i++) {
        data[i / 8] ^= (uint8_t)(1u << i % 8);
        cr_assert_eq(check(size), WW_DATAGRAM_CHECKSUM, "bit %u", i);
        data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
}

Test(datagram, truncated_or_lengthened_is_caught)
{
    uint32_t size = make(true);
    for (uint32_t length = 0; length < size; length++) {
        uint8_t *exact = malloc(length > 0 ? length : 1);
        memcpy(exact, data, length);
        cr_assert_eq(ww_datagram_check(exact, length, CLUSTER, TO), WW_DATAGRAM_SHORT, "length %u",
                     length);
        free(exact);
    }
    for (uint32_t length = size + 1; length <= ROOM; length++)
        cr_assert_eq(check(length), WW_DATAGRAM_LONG);
}

Test(datagram, each_verdict_has_its_cause)
{
#define WRONG(change, verdict)                                                                     \
    do {                                                                                           \
        uint32_t size = make(true);                                                                \
        change;                                                                                    \
        reseal();                                                                                  \
        cr_assert_eq(check(size), verdict, "%s", ww_datagram_verdict_name(check(size)));           \
    } while (0)
    struct ww_raft_message *first = (void *)(data + WW_DATAGRAM_HEADER_BYTES);
    struct ww_raft_message *second = first + 1;
    WRONG(header->magic++, WW_DATAGRAM_MAGIC_BAD);
    WRONG(header->version = WW_WIRE_VERSION + 1, WW_DATAGRAM_VERSION);
    WRONG(header->version = WW_WIRE_VERSION - 1, WW_DATAGRAM_VERSION);
    WRONG(header->size_bytes++, WW_DATAGRAM_SHORT);
    WRONG(header->size_bytes--, WW_DATAGRAM_LONG);
    WRONG(header->cluster++, WW_DATAGRAM_CLUSTER);
    WRONG(header->destination++, WW_DATAGRAM_NODE);
    WRONG(header->message_count = 1, WW_DATAGRAM_LAYOUT);
    WRONG(header->message_count = 0, WW_DATAGRAM_LAYOUT);
    WRONG(first->body_bytes++, WW_DATAGRAM_LAYOUT);
    WRONG(first->body_bytes--, WW_DATAGRAM_LAYOUT);
    WRONG((first->body_bytes = UINT32_MAX, second->body_bytes = 22), WW_DATAGRAM_LAYOUT);
    WRONG(first->type = 0, WW_DATAGRAM_LAYOUT);
    WRONG(first->type = WW_RAFT_MESSAGE_TYPES, WW_DATAGRAM_LAYOUT);
    WRONG(second->type = WW_CLIENT_PROPOSE - 1, WW_DATAGRAM_LAYOUT);
    WRONG(second->type = WW_CLIENT_MESSAGE_TYPES_END, WW_DATAGRAM_LAYOUT);
    WRONG(second->type = 255, WW_DATAGRAM_LAYOUT);
    WRONG(header->body_crc32c++, WW_DATAGRAM_CHECKSUM);
    WRONG((void)0, WW_DATAGRAM_OK);
#undef WRONG
    uint32_t size = make(true);
    header->message_count = 255;
    cr_assert_eq(check(size), WW_DATAGRAM_SHORT, "more messages than bytes");
}

Test(datagram, more_messages_than_allowed_are_caught)
{
    static struct {
        struct ww_datagram_header header;
        struct ww_raft_message messages[WW_MESSAGES_PER_DATAGRAM + 1];
    } full;
    for (uint8_t count = WW_MESSAGES_PER_DATAGRAM; count <= WW_MESSAGES_PER_DATAGRAM + 1; count++) {
        size_t size = sizeof(full.header) + count * sizeof(full.messages[0]);
        full.header = (struct ww_datagram_header){.magic = WW_DATAGRAM_MAGIC,
                                                  .version = WW_WIRE_VERSION,
                                                  .message_count = count,
                                                  .size_bytes = (uint32_t)size,
                                                  .cluster = CLUSTER,
                                                  .destination = TO};
        for (uint8_t i = 0; i < count; i++)
            full.messages[i].type = WW_RAFT_APPEND;
        full.header.crc32c = ww_crc32c(&full, size);
        cr_assert_eq(ww_datagram_check(&full, size, CLUSTER, TO),
                     count > WW_MESSAGES_PER_DATAGRAM ? WW_DATAGRAM_LAYOUT : WW_DATAGRAM_OK);
    }
}

Test(datagram, verdicts_have_names)
{
    for (int i = 0; i < WW_DATAGRAM_VERDICTS; i++)
        for (int k = i + 1; k <= WW_DATAGRAM_VERDICTS; k++)
            cr_assert_str_neq(ww_datagram_verdict_name(i), ww_datagram_verdict_name(k));
}
