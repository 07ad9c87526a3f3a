/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/codec/codec.h"

#include "engine/wire/checksum.h"

#include <string.h>

const struct ww_codec *const ww_codecs[] = {
    &ww_codec_whitewater,
#ifdef WW_CODEC_PROTOBUF
    &ww_codec_protobuf,
#endif
    &ww_codec_json,
#ifdef WW_CODEC_XML
    &ww_codec_xml,
#endif
    NULL,
};

bool ww_codec_encode(const struct ww_codec *codec, const struct ww_codec_batch *batch,
                     struct ww_codec_message *message)
{
    bool done = codec->encode(batch, message);
    if (done && !codec->checks)
        message->crc32c = ww_crc32c(message->data, message->bytes);
    return done;
}

bool ww_codec_decode(const struct ww_codec *codec, const struct ww_codec_message *message,
                     struct ww_codec_batch *batch)
{
    if (!codec->checks && ww_crc32c(message->data, message->bytes) != message->crc32c)
        return false;
    return codec->decode(message, batch);
}

size_t ww_codec_bytes(const struct ww_codec *codec, const struct ww_codec_message *message)
{
    return message->bytes + (codec->checks ? 0 : WW_CODEC_CRC_BYTES);
}

bool ww_codec_equal(const struct ww_codec_batch *one, const struct ww_codec_batch *other)
{
    if (one->term != other->term || one->first_index != other->first_index ||
        one->session != other->session || one->first_sequence != other->first_sequence ||
        one->time_ns != other->time_ns || one->group != other->group || one->count != other->count)
        return false;
    for (uint32_t i = 0; i < one->count; i++) {
        const struct ww_codec_entry *a = &one->entries[i], *b = &other->entries[i];
        if (a->bytes != b->bytes || a->type != b->type || memcmp(a->data, b->data, a->bytes) != 0)
            return false;
    }
    return true;
}
