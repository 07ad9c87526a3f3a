/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON by json-c. The entries are strings, so they must be text, which those of the experiment are;
 * bytes that are not would need base64 on top.
 */
#include "bench/codec/codec.h"

#include <json-c/json.h>

static json_object *encoded, *decoded; /* the last one of each */

static void put(json_object *to, const char *name, json_object *value)
{
    json_object_object_add_ex(to, name, value,
                              JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

static bool encode(const struct ww_codec_batch *batch, struct ww_codec_message *message)
{
    json_object_put(encoded);
    encoded = json_object_new_object();
    json_object *entries = json_object_new_array_ext((int)batch->count);
    put(encoded, "group", json_object_new_int64(batch->group));
    put(encoded, "term", json_object_new_uint64(batch->term));
    put(encoded, "first_index", json_object_new_uint64(batch->first_index));
    put(encoded, "session", json_object_new_uint64(batch->session));
    put(encoded, "first_sequence", json_object_new_uint64(batch->first_sequence));
    put(encoded, "time_ns", json_object_new_uint64(batch->time_ns));
    put(encoded, "entries", entries);
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct ww_codec_entry *from = &batch->entries[i];
        json_object *entry = json_object_new_object();
        put(entry, "type", json_object_new_int64(from->type));
        put(entry, "data", json_object_new_string_len((const char *)from->data, (int)from->bytes));
        json_object_array_add(entries, entry);
    }
    message->data =
        (const uint8_t *)json_object_to_json_string_length(encoded, JSON_C_TO_STRING_PLAIN,
                                                           &message->bytes);
    return message->data != NULL;
}

static uint64_t number(json_object *object, const char *name)
{
    return json_object_get_uint64(json_object_object_get(object, name));
}

static bool decode(const struct ww_codec_message *message, struct ww_codec_batch *batch)
{
    static json_tokener *tokener;
    if (tokener == NULL && (tokener = json_tokener_new()) == NULL)
        return false;
    json_object_put(decoded);
    json_tokener_reset(tokener);
    decoded = json_tokener_parse_ex(tokener, (const char *)message->data, (int)message->bytes);
    json_object *entries = json_object_object_get(decoded, "entries");
    if (json_tokener_get_error(tokener) != json_tokener_success ||
        !json_object_is_type(entries, json_type_array) ||
        json_object_array_length(entries) > WW_CODEC_ENTRIES_MAX)
        return false;
    batch->group = (uint32_t)number(decoded, "group");
    batch->term = number(decoded, "term");
    batch->first_index = number(decoded, "first_index");
    batch->session = number(decoded, "session");
    batch->first_sequence = number(decoded, "first_sequence");
    batch->time_ns = number(decoded, "time_ns");
    batch->count = (uint32_t)json_object_array_length(entries);
    for (uint32_t i = 0; i < batch->count; i++) {
        json_object *entry = json_object_array_get_idx(entries, i);
        json_object *data = json_object_object_get(entry, "data");
        batch->entries[i] = (struct ww_codec_entry){(const uint8_t *)json_object_get_string(data),
                                                    (uint32_t)json_object_get_string_len(data),
                                                    (uint32_t)number(entry, "type")};
    }
    return true;
}

const struct ww_codec ww_codec_json = {
    .name = "json",
    .encode = encode,
    .decode = decode,
};
