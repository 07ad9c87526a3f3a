/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message, a batch of entries with all that its header says, in several formats: the engine's
 * own and what other systems use. Each is followed by the CRC32C of its bytes (ours has it inside),
 * since none of the others brings a checksum that a log could trust.
 */
#ifndef WW_BENCH_CODEC_CODEC_H
#define WW_BENCH_CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WW_CODEC_ENTRIES_MAX 256u
#define WW_CODEC_ENTRY_MAX 1024u
#define WW_CODEC_CRC_BYTES 4u

struct ww_codec_entry {
    const uint8_t *data;
    uint32_t bytes;
    uint32_t type;
};

/* What a message says. Decoded, `data` points into the message or into memory of the format, and
 * stays valid until it decodes the next. */
struct ww_codec_batch {
    uint64_t term, first_index, session, first_sequence, time_ns;
    uint32_t group;
    uint32_t count;
    struct ww_codec_entry entries[WW_CODEC_ENTRIES_MAX];
};

/* Encoded bytes, valid until the same format encodes the next. */
struct ww_codec_message {
    const uint8_t *data;
    size_t bytes; /* without the checksum */
    uint32_t crc32c;
};

struct ww_codec {
    const char *name;
    bool checks; /* the format itself carries the checksum: crc32c is not used */
    bool (*encode)(const struct ww_codec_batch *batch, struct ww_codec_message *message);
    bool (*decode)(const struct ww_codec_message *message, struct ww_codec_batch *batch);
};

/* Those that were built, ended by NULL. */
extern const struct ww_codec *const ww_codecs[];

extern const struct ww_codec ww_codec_whitewater, ww_codec_protobuf, ww_codec_json, ww_codec_xml;

/* With the checksum: written behind the bytes, and compared before they are looked at. */
bool ww_codec_encode(const struct ww_codec *codec, const struct ww_codec_batch *batch,
                     struct ww_codec_message *message);
bool ww_codec_decode(const struct ww_codec *codec, const struct ww_codec_message *message,
                     struct ww_codec_batch *batch);

/* Bytes of the message with its checksum. */
size_t ww_codec_bytes(const struct ww_codec *codec, const struct ww_codec_message *message);

bool ww_codec_equal(const struct ww_codec_batch *one, const struct ww_codec_batch *other);

#endif
