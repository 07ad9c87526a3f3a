/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/wire/datagram.h"

#include "engine/base/assert.h"
#include "engine/wire/checksum.h"
#include "engine/wire/client_message.h"
#include "engine/wire/raft_message.h"

#include <string.h>

static const char *const verdict_names[WW_DATAGRAM_VERDICTS] = {
    [WW_DATAGRAM_OK] = "ok",           [WW_DATAGRAM_SHORT] = "short",
    [WW_DATAGRAM_LONG] = "long",       [WW_DATAGRAM_MAGIC_BAD] = "magic",
    [WW_DATAGRAM_VERSION] = "version", [WW_DATAGRAM_CHECKSUM] = "checksum",
    [WW_DATAGRAM_CLUSTER] = "cluster", [WW_DATAGRAM_NODE] = "node",
    [WW_DATAGRAM_LAYOUT] = "layout",
};

const char *ww_datagram_verdict_name(enum ww_datagram_verdict verdict)
{
    return verdict < WW_DATAGRAM_VERDICTS ? verdict_names[verdict] : "unknown";
}

/* The checksum of the head with its own field taken as zero. */
static uint32_t head_crc(const struct ww_datagram_header *header, uint32_t head_bytes)
{
    struct ww_datagram_header copy = *header;
    copy.crc32c = 0;
    uint32_t crc = ww_crc32c(&copy, sizeof(copy));
    return ww_crc32c_extend(crc, header + 1, head_bytes - sizeof(copy));
}

static bool known_type(uint8_t type)
{
    return (type >= WW_RAFT_APPEND && type < WW_RAFT_MESSAGE_TYPES) ||
           (type >= WW_CLIENT_PROPOSE && type < WW_CLIENT_MESSAGE_TYPES_END);
}

/* Messages and bodies must fill the datagram exactly. Both message layouts share these places. */
static bool layout_adds_up(const uint8_t *data, const struct ww_datagram_header *header,
                           uint32_t head_bytes)
{
    if (header->message_count > WW_MESSAGES_PER_DATAGRAM)
        return false;
    uint64_t sum = head_bytes;
    for (uint32_t at = sizeof(*header); at < head_bytes; at += WW_MESSAGE_BYTES) {
        const struct ww_raft_message *message = (const void *)(data + at);
        if (!known_type(message->type))
            return false;
        sum += message->body_bytes;
    }
    return sum == header->size_bytes;
}

_Static_assert(offsetof(struct ww_raft_message, body_bytes) ==
                   offsetof(struct ww_client_message, body_bytes),
               "both layouts keep body_bytes at one place");

enum ww_datagram_verdict ww_datagram_check(const void *data, size_t bytes, uint64_t cluster,
                                           uint32_t me)
{
    const struct ww_datagram_header *header = data;
    if (bytes < sizeof(*header))
        return WW_DATAGRAM_SHORT;
    if (header->magic != WW_DATAGRAM_MAGIC)
        return WW_DATAGRAM_MAGIC_BAD;
    if (header->version != WW_WIRE_VERSION)
        return WW_DATAGRAM_VERSION;
    uint32_t head_bytes = (uint32_t)sizeof(*header) + header->message_count * WW_MESSAGE_BYTES;
    if (bytes < header->size_bytes || bytes < head_bytes)
        return WW_DATAGRAM_SHORT;
    if (bytes > header->size_bytes)
        return WW_DATAGRAM_LONG;
    if (header->crc32c != head_crc(header, head_bytes))
        return WW_DATAGRAM_CHECKSUM;
    if (header->cluster != cluster)
        return WW_DATAGRAM_CLUSTER;
    if (header->destination != me)
        return WW_DATAGRAM_NODE;
    if (!layout_adds_up(data, header, head_bytes))
        return WW_DATAGRAM_LAYOUT;
    if (header->body_crc32c != 0 &&
        header->body_crc32c !=
            ww_crc32c((const uint8_t *)data + head_bytes, header->size_bytes - head_bytes))
        return WW_DATAGRAM_CHECKSUM;
    return WW_DATAGRAM_OK;
}

void ww_datagram_begin(struct ww_datagram_builder *builder, void *data, uint32_t capacity)
{
    *builder = (struct ww_datagram_builder){.data = data,
                                            .capacity = capacity,
                                            .head_bytes = sizeof(struct ww_datagram_header)};
}

bool ww_datagram_fits(const struct ww_datagram_builder *builder, uint32_t body_bytes)
{
    uint32_t messages = (builder->head_bytes - WW_DATAGRAM_HEADER_BYTES) / WW_MESSAGE_BYTES;
    uint64_t after = (uint64_t)builder->head_bytes + WW_MESSAGE_BYTES + builder->body_bytes;
    return messages < WW_MESSAGES_PER_DATAGRAM && after + body_bytes <= builder->capacity;
}

void *ww_datagram_add(struct ww_datagram_builder *builder, const void *message, uint32_t body_bytes)
{
    WW_ASSERT(ww_datagram_fits(builder, body_bytes));
    void *place = builder->data + builder->head_bytes;
    memcpy(place, message, WW_MESSAGE_BYTES);
    builder->head_bytes += WW_MESSAGE_BYTES;
    builder->body_bytes += body_bytes;
    return place;
}

uint32_t ww_datagram_finish(struct ww_datagram_builder *builder, uint64_t cluster, uint32_t source,
                            uint32_t destination, const void *body)
{
    struct ww_datagram_header *header = (void *)builder->data;
    *header = (struct ww_datagram_header){
        .magic = WW_DATAGRAM_MAGIC,
        .version = WW_WIRE_VERSION,
        .message_count =
            (uint8_t)((builder->head_bytes - WW_DATAGRAM_HEADER_BYTES) / WW_MESSAGE_BYTES),
        .size_bytes = builder->head_bytes + builder->body_bytes,
        .cluster = cluster,
        .source = source,
        .destination = destination,
        .body_crc32c = body != NULL ? ww_crc32c(body, builder->body_bytes) : 0,
    };
    header->crc32c = head_crc(header, builder->head_bytes);
    return builder->head_bytes;
}
