/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a byte of repairs (1: the head's checksum, 2: the body's, 4: cluster, destination and
 * size), then a datagram. What is accepted can be built again from its parts to the same bytes.
 */
#include "fuzz.h"

#include "engine/wire/checksum.h"
#include "engine/wire/client_message.h"
#include "engine/wire/datagram.h"
#include "engine/wire/raft_message.h"

#define CLUSTER 0x5757575757575757u
#define ME 3u

static uint8_t again[FUZZ_INPUT_MAX] __attribute__((aligned(8)));

size_t fuzz_seed(uint32_t number, uint8_t *to)
{
    static const char body[] = "the body of a proposal is made of entries";
    struct ww_datagram_builder builder;
    if (number > 4)
        return 0;
    ww_datagram_begin(&builder, again, FUZZ_INPUT_MAX);
    for (uint32_t i = 0; i < number; i++) {
        struct ww_raft_message raft = {.type = (uint8_t)(1 + i), .group = i, .body_bytes = 8};
        struct ww_client_message client = {.type = (uint8_t)(WW_CLIENT_PROPOSE + i),
                                           .group = i,
                                           .body_bytes = 4,
                                           .count = 1};
        ww_datagram_add(&builder, i % 2 == 0 ? (void *)&client : (void *)&raft,
                        i % 2 == 0 ? client.body_bytes : raft.body_bytes);
    }
    uint32_t head = ww_datagram_finish(&builder, CLUSTER, 1, ME, number % 2 == 0 ? body : NULL);
    to[0] = 7;
    memcpy(to + 1, again, head);
    memcpy(to + 1 + head, body, builder.body_bytes);
    return 1 + head + builder.body_bytes;
}

static void repair(uint8_t *bytes, size_t size, uint8_t what)
{
    struct ww_datagram_header *header = (void *)bytes;
    if (size < sizeof(*header))
        return;
    size_t head = sizeof(*header) + header->message_count * WW_MESSAGE_BYTES;
    if ((what & 4) != 0) {
        header->cluster = CLUSTER;
        header->destination = ME;
        header->size_bytes = (uint32_t)size;
    }
    if (head > size)
        return;
    if ((what & 2) != 0 && header->body_crc32c != 0)
        header->body_crc32c = ww_crc32c(bytes + head, size - head);
    if ((what & 1) != 0) {
        header->crc32c = 0;
        header->crc32c = ww_crc32c(bytes, head);
    }
}

static void build_again(const uint8_t *bytes, size_t size)
{
    const struct ww_datagram_header *header = (const void *)bytes;
    const uint8_t *message = bytes + sizeof(*header);
    const uint8_t *body = message + header->message_count * WW_MESSAGE_BYTES;
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, again, (uint32_t)size);
    for (uint32_t i = 0; i < header->message_count; i++, message += WW_MESSAGE_BYTES) {
        uint32_t body_bytes = ((const struct ww_raft_message *)(const void *)message)->body_bytes;
        FUZZ_REQUIRE(ww_datagram_fits(&builder, body_bytes));
        ww_datagram_add(&builder, message, body_bytes);
    }
    uint32_t head = ww_datagram_finish(&builder, header->cluster, header->source,
                                       header->destination, header->body_crc32c != 0 ? body : NULL);
    FUZZ_REQUIRE(head == (size_t)(body - bytes));
    FUZZ_REQUIRE(head + builder.body_bytes == size);
    FUZZ_REQUIRE(memcmp(again, bytes, head) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > FUZZ_INPUT_MAX)
        return 0;
    size--;
    uint8_t *bytes = fuzz_exact_copy(data + 1, size);
    repair(bytes, size, data[0]);
    enum ww_datagram_verdict verdict = ww_datagram_check(bytes, size, CLUSTER, ME);
    FUZZ_REQUIRE(verdict < WW_DATAGRAM_VERDICTS);
    if (verdict == WW_DATAGRAM_OK) {
        build_again(bytes, size);
        FUZZ_REQUIRE(ww_datagram_check(bytes, size - 1, CLUSTER, ME) == WW_DATAGRAM_SHORT);
        FUZZ_REQUIRE(ww_datagram_check(bytes, size, CLUSTER, ME + 1) == WW_DATAGRAM_NODE);
        FUZZ_REQUIRE(ww_datagram_check(bytes, size, CLUSTER + 1, ME) == WW_DATAGRAM_CLUSTER);
    }
    free(bytes);
    return 0;
}
