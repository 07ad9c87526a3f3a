/* SPDX-License-Identifier: Apache-2.0 */
#include "kv_fixture.h"

#include "engine/wire/batch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

void kv_open(struct kv *kv, uint64_t map_bytes)
{
    const struct ww_kv_options options = {.map_bytes = map_bytes, .groups = KV_GROUPS};
    struct ww_error error = {0};
    int status = ww_machine_kv_create(&options, &kv->machine, &error);
    cr_assert_eq(status, WW_OK, "%s", error.text);
    for (uint32_t i = 0; i < KV_GROUPS; i++)
        kv->next[i] = 1;
}

void kv_close(struct kv *kv)
{
    kv->machine.destroy(kv->machine.self);
}

int kv_entry(struct kv *kv, uint32_t group, uint8_t type, const void *data, size_t size)
{
    uint8_t entry[16384];
    const struct ww_apply_run run = {
        .group = group,
        .count = 1,
        .first_index = kv->next[group],
        .term = 1,
        .entries = entry,
        .entries_bytes = ww_entry_encode(entry, type, data, (uint32_t)size),
    };
    int status = kv->machine.apply(kv->machine.self, &run);
    kv->next[group] += status == WW_OK;
    return status;
}

static int operate(struct kv *kv, uint32_t group, enum ww_kv_operation operation, uint64_t revision,
                   const char *key, const char *value)
{
    uint8_t data[16000];
    size_t size = ww_kv_encode(data, operation, revision, key, strlen(key), value, strlen(value));
    return kv_entry(kv, group, WW_ENTRY_DATA, data, size);
}

int kv_put(struct kv *kv, uint32_t group, const char *key, const char *value)
{
    return operate(kv, group, WW_KV_PUT, 0, key, value);
}

int kv_put_if(struct kv *kv, uint32_t group, const char *key, const char *value, uint64_t revision)
{
    return operate(kv, group, WW_KV_PUT_IF, revision, key, value);
}

int kv_delete(struct kv *kv, uint32_t group, const char *key)
{
    return operate(kv, group, WW_KV_DELETE, 0, key, "");
}

enum ww_kv_outcome kv_outcome(struct kv *kv, uint32_t group)
{
    uint8_t request[WW_KV_QUERY_ROOM], outcome;
    size_t bytes = sizeof(outcome);
    int status =
        kv->machine.query(kv->machine.self, group, request,
                          ww_kv_encode_outcome(request, kv->next[group] - 1), &outcome, &bytes);
    cr_assert_eq(status, WW_OK);
    return (enum ww_kv_outcome)outcome;
}

const char *kv_get(struct kv *kv, uint32_t group, const char *key, uint64_t *revision)
{
    static uint8_t answer[KV_ANSWER_MAX + 1];
    uint8_t request[WW_KV_QUERY_ROOM];
    size_t bytes = KV_ANSWER_MAX;
    uint64_t found;
    int status = kv->machine.query(kv->machine.self, group, request,
                                   ww_kv_encode_get(request, key, strlen(key)), answer, &bytes);
    cr_assert_eq(status, WW_OK);
    cr_assert_geq(bytes, sizeof(found));
    memcpy(&found, answer, sizeof(found));
    if (revision != NULL)
        *revision = found;
    answer[bytes] = 0;
    return found != 0 ? (const char *)answer + sizeof(found) : NULL;
}

struct ww_kv_info kv_info(struct kv *kv, uint32_t group)
{
    struct ww_kv_info info;
    size_t bytes = sizeof(info);
    cr_assert_eq(kv->machine.query(kv->machine.self, group, NULL, 0, &info, &bytes), WW_OK);
    cr_assert_eq(bytes, sizeof(info));
    return info;
}

const char *kv_range(struct kv *kv, uint32_t group, const char *first, const char *end,
                     uint32_t limit, bool keys_only)
{
    static char text[2 * KV_ANSWER_MAX];
    uint8_t request[WW_KV_QUERY_ROOM], answer[KV_ANSWER_MAX];
    size_t bytes = sizeof(answer), used = sizeof(struct ww_kv_range_head), length = 0;
    const struct ww_kv_query_head head = {WW_KV_RANGE, keys_only ? WW_KV_KEYS_ONLY : 0,
                                          (uint16_t)strlen(first), limit};
    struct ww_kv_range_head range;
    size_t size = ww_kv_encode_query(request, head, first, end, strlen(end));
    cr_assert_eq(kv->machine.query(kv->machine.self, group, request, size, answer, &bytes), WW_OK);
    memcpy(&range, answer, sizeof(range));
    text[0] = 0;
    for (uint32_t i = 0; i < range.count; i++) {
        struct ww_kv_item_head item;
        memcpy(&item, answer + used, sizeof(item));
        const char *key = (const char *)answer + used + sizeof(item);
        length += (size_t)sprintf(text + length, "%s%.*s=%.*s", i == 0 ? "" : " ", item.key_bytes,
                                  key, (int)item.value_bytes, key + item.key_bytes);
        used += sizeof(item) + item.key_bytes + item.value_bytes;
    }
    cr_assert_eq(used, bytes);
    sprintf(text + length, "%s", range.more != 0 ? " +" : "");
    return text;
}

int kv_saved_write(void *context, const void *data, size_t bytes)
{
    struct kv_saved *saved = context;
    saved->data = realloc(saved->data, saved->bytes + bytes + 1);
    saved->bytes = ww_kv_write(saved->data, saved->bytes, data, bytes);
    return WW_OK;
}

/* In odd pieces, as a stream gives them. */
int64_t kv_saved_read(void *context, void *data, size_t bytes)
{
    struct kv_saved *saved = context;
    size_t left = saved->bytes - saved->position;
    size_t part = bytes < left ? bytes : left;
    part = part > 777 ? 777 : part;
    memcpy(data, saved->data + saved->position, part);
    saved->position += part;
    return (int64_t)part;
}

struct kv_saved kv_save(struct kv *kv, void *view)
{
    struct kv_saved saved = {0};
    cr_assert_eq(kv->machine.save(kv->machine.self, view, kv_saved_write, &saved), WW_OK);
    return saved;
}
