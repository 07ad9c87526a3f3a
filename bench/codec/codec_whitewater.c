/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's batch format (docs/formats.md), as the engine writes and reads it. */
#include "bench/codec/codec.h"
#include "engine/wire/batch.h"

#define ROOM                                                                                       \
    (WW_BATCH_HEADER_BYTES + WW_CODEC_ENTRIES_MAX * (WW_ENTRY_HEADER_BYTES + WW_CODEC_ENTRY_MAX) + \
     WW_BATCH_ALIGN)

static bool encode(const struct ww_codec_batch *batch, struct ww_codec_message *message)
{
    static _Alignas(WW_BATCH_ALIGN) uint8_t bytes[ROOM];
    uint8_t *at = bytes + WW_BATCH_HEADER_BYTES;
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct ww_codec_entry *entry = &batch->entries[i];
        at += ww_entry_encode(at, (uint8_t)entry->type, entry->data, entry->bytes);
    }
    const struct ww_batch_header header = {
        .group = batch->group,
        .count = (uint16_t)batch->count,
        .term = batch->term,
        .first_index = batch->first_index,
        .session = batch->session,
        .first_sequence = batch->first_sequence,
        .time_ns = batch->time_ns,
    };
    message->data = bytes;
    message->bytes = ww_batch_seal(bytes, &header, (uint32_t)(at - bytes) - WW_BATCH_HEADER_BYTES);
    return true;
}

static bool decode(const struct ww_codec_message *message, struct ww_codec_batch *batch)
{
    const char *why;
    if (ww_batch_check(message->data, message->bytes, &why) != message->bytes)
        return false;
    const struct ww_batch_header *header = ww_batch_header(message->data);
    if (header->count > WW_CODEC_ENTRIES_MAX)
        return false;
    batch->term = header->term;
    batch->first_index = header->first_index;
    batch->session = header->session;
    batch->first_sequence = header->first_sequence;
    batch->time_ns = header->time_ns;
    batch->group = header->group;
    batch->count = 0;
    struct ww_entry entry;
    for (uint32_t cursor = 0; ww_batch_next(message->data, &cursor, &entry);)
        batch->entries[batch->count++] =
            (struct ww_codec_entry){entry.data, entry.size_bytes, entry.type};
    return true;
}

const struct ww_codec ww_codec_whitewater = {
    .name = "whitewater",
    .checks = true,
    .encode = encode,
    .decode = decode,
};
