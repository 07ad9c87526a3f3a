/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf by protobuf-c. It unpacks into memory of its own: an arena here, rather than malloc. */
#include "bench/codec/batch.pb-c.h"
#include "bench/codec/codec.h"

#define OUT_BYTES (WW_CODEC_ENTRIES_MAX * (WW_CODEC_ENTRY_MAX + 16u) + 128u)
#define ARENA_BYTES (4u << 20)
#define ARENA_ALIGN 16u

static uint8_t arena[ARENA_BYTES] __attribute__((aligned(ARENA_ALIGN)));
static size_t arena_used;

static void *take(void *context, size_t bytes)
{
    size_t room = (bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (room > ARENA_BYTES - arena_used)
        return NULL;
    void *memory = arena + arena_used;
    arena_used += room;
    return memory;
}

static void give_back(void *context, void *memory)
{
    /* All at once, before the next message. */
}

static bool encode(const struct ww_codec_batch *batch, struct ww_codec_message *message)
{
    static uint8_t bytes[OUT_BYTES];
    static WwCodec__Entry entries[WW_CODEC_ENTRIES_MAX];
    WwCodec__Entry *pointers[WW_CODEC_ENTRIES_MAX];
    WwCodec__Batch packed = WW_CODEC__BATCH__INIT;
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct ww_codec_entry *entry = &batch->entries[i];
        ww_codec__entry__init(&entries[i]);
        entries[i].type = entry->type;
        entries[i].data = (ProtobufCBinaryData){entry->bytes, (uint8_t *)entry->data};
        pointers[i] = &entries[i];
    }
    packed.group = batch->group;
    packed.term = batch->term;
    packed.first_index = batch->first_index;
    packed.session = batch->session;
    packed.first_sequence = batch->first_sequence;
    packed.time_ns = batch->time_ns;
    packed.n_entries = batch->count;
    packed.entries = pointers;
    message->data = bytes;
    message->bytes = ww_codec__batch__pack(&packed, bytes);
    return true;
}

static bool decode(const struct ww_codec_message *message, struct ww_codec_batch *batch)
{
    ProtobufCAllocator allocator = {.alloc = take, .free = give_back};
    arena_used = 0;
    const WwCodec__Batch *packed =
        ww_codec__batch__unpack(&allocator, message->bytes, message->data);
    if (packed == NULL || packed->n_entries > WW_CODEC_ENTRIES_MAX)
        return false;
    batch->group = packed->group;
    batch->term = packed->term;
    batch->first_index = packed->first_index;
    batch->session = packed->session;
    batch->first_sequence = packed->first_sequence;
    batch->time_ns = packed->time_ns;
    batch->count = (uint32_t)packed->n_entries;
    for (uint32_t i = 0; i < batch->count; i++)
        batch->entries[i] = (struct ww_codec_entry){packed->entries[i]->data.data,
                                                    (uint32_t)packed->entries[i]->data.len,
                                                    packed->entries[i]->type};
    return true;
}

const struct ww_codec ww_codec_protobuf = {
    .name = "protobuf",
    .encode = encode,
    .decode = decode,
};
