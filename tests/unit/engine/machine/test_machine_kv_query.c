/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/limits.h"
#include "kv_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct kv kv;

static void setup(void)
{
    kv_open(&kv, 64ull * WW_MIB);
}

static void teardown(void)
{
    kv_close(&kv);
}

TestSuite(machine_kv_query, .init = setup, .fini = teardown);

Test(machine_kv_query, a_range_is_in_order_and_has_bounds)
{
    static const char *const keys[] = {"b", "a", "ba", "c", "bb", "\xff"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        cr_assert_eq(kv_put(&kv, 0, keys[i], "v"), WW_OK);
    cr_assert_str_eq(kv_range(&kv, 0, "", "", 0, false), "a=v b=v ba=v bb=v c=v \xff=v");
    cr_assert_str_eq(kv_range(&kv, 0, "b", "c", 0, true), "b= ba= bb=");
    cr_assert_str_eq(kv_range(&kv, 0, "b", "bb", 0, false), "b=v ba=v", "the end is not in it");
    cr_assert_str_eq(kv_range(&kv, 0, "aa", "", 2, false), "b=v ba=v +");
    cr_assert_str_eq(kv_range(&kv, 0, "ba", "c", 2, false), "ba=v bb=v", "no more than asked");
    cr_assert_str_eq(kv_range(&kv, 0, "d", "e", 0, false), "");
    cr_assert_str_eq(kv_range(&kv, 0, "c", "b", 0, false), "");
    cr_assert_str_eq(kv_range(&kv, 1, "", "", 0, false), "", "an empty group");
}

/* Asks for all of group 0, page by page. Returns the number of pages; *keys: of keys. */
static uint32_t pages(uint32_t limit, uint32_t *keys)
{
    uint8_t request[WW_KV_QUERY_ROOM], answer[KV_ANSWER_MAX], first[WW_KV_KEY_MAX + 1];
    struct ww_kv_query_head head = {.query = WW_KV_RANGE, .limit = limit};
    struct ww_kv_range_head range = {.more = 1};
    uint32_t count = 0;
    for (*keys = 0; range.more != 0; count++, *keys += range.count) {
        struct ww_kv_item_head item;
        size_t bytes = sizeof(answer), used = sizeof(range);
        size_t size = ww_kv_encode_query(request, head, first, NULL, 0);
        cr_assert_eq(kv.machine.query(kv.machine.self, 0, request, size, answer, &bytes), WW_OK);
        memcpy(&range, answer, sizeof(range));
        for (uint32_t i = 0; i < range.count; i++) {
            memcpy(&item, answer + used, sizeof(item));
            head.first_bytes =
                (uint16_t)ww_kv_write(first, 0, answer + used + sizeof(item), item.key_bytes);
            used += sizeof(item) + item.key_bytes + item.value_bytes;
        }
        first[head.first_bytes++] = 0;
    }
    return count;
}

Test(machine_kv_query, a_range_goes_on_where_an_answer_is_full)
{
    char key[WW_KV_KEY_MAX + 1] = "", value[1000] = "";
    uint32_t keys;
    memset(key, 'k', WW_KV_KEY_MAX);
    memset(value, 'v', sizeof(value) - 1);
    for (char i = 0; i < 26; i++) {
        key[WW_KV_KEY_MAX - 1] = (char)('a' + i);
        cr_assert_eq(kv_put(&kv, 0, key, value), WW_OK);
    }
    cr_assert_eq(pages(0, &keys), 6, "five of 1,515 bytes in one answer");
    cr_assert_eq(keys, 26);
    cr_assert_eq(pages(1, &keys), 26);
    cr_assert_eq(keys, 26);
}

Test(machine_kv_query, an_answer_that_does_not_fit_is_refused)
{
    static const enum ww_kv_query queries[] = {WW_KV_GET, WW_KV_RANGE, WW_KV_COUNT, WW_KV_INFO,
                                               WW_KV_OUTCOME};
    static const size_t sizes[] = {8 + 5, 8 + 16 + 3 + 5, 8, sizeof(struct ww_kv_info), 1};
    uint8_t request[WW_KV_QUERY_ROOM], answer[256];
    cr_assert_eq(kv_put(&kv, 0, "key", "value"), WW_OK);
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        const struct ww_kv_query_head head = {(uint8_t)queries[i], 0, 3, 0};
        size_t size = queries[i] == WW_KV_OUTCOME ? ww_kv_encode_outcome(request, 1)
                                                  : ww_kv_encode_query(request, head, "key", "", 0);
        for (size_t room = 0; room <= sizes[i]; room++) {
            size_t bytes = room;
            int status = kv.machine.query(kv.machine.self, 0, request, size, answer, &bytes);
            cr_assert_eq(status, room == sizes[i] ? WW_OK : WW_ETOOBIG, "query %u, room %zu",
                         queries[i], room);
        }
    }
}

static uint64_t count(const char *first, uint32_t limit, size_t *rest)
{
    uint8_t request[WW_KV_QUERY_ROOM], answer[KV_ANSWER_MAX];
    const struct ww_kv_query_head head = {WW_KV_COUNT, 0, (uint16_t)strlen(first), limit};
    size_t bytes = sizeof(answer);
    uint64_t counted;
    size_t size = ww_kv_encode_query(request, head, first, "", 0);
    cr_assert_eq(kv.machine.query(kv.machine.self, 0, request, size, answer, &bytes), WW_OK);
    memcpy(&counted, answer, sizeof(counted));
    *rest = bytes - sizeof(counted);
    return counted;
}

Test(machine_kv_query, a_count_visits_a_bounded_number_of_keys)
{
    char key[16];
    size_t rest;
    for (uint32_t i = 0; i < WW_KV_VISIT_MAX + 10; i++) {
        snprintf(key, sizeof(key), "%05u", i);
        cr_assert_eq(kv_put(&kv, 0, key, ""), WW_OK);
    }
    cr_assert_eq(count("", 0, &rest), WW_KV_VISIT_MAX);
    cr_assert_eq(rest, 5, "the key where to go on");
    cr_assert_eq(count("", UINT32_MAX, &rest), WW_KV_VISIT_MAX);
    cr_assert_eq(count("", 7, &rest), 7);
    cr_assert_eq(rest, 5);
    snprintf(key, sizeof(key), "%05u", WW_KV_VISIT_MAX);
    cr_assert_eq(count(key, 0, &rest), 10);
    cr_assert_eq(rest, 0, "that was all");
    cr_assert_eq(count("1", 0, &rest), 0);
}

Test(machine_kv_query, what_is_no_query_is_refused)
{
    uint8_t request[2 * WW_KV_QUERY_ROOM] = {0}, answer[256];
    const struct {
        struct ww_kv_query_head head;
        size_t bytes;
    } bad[] = {
        {{WW_KV_GET, 0, 3, 0}, 7},                      /* cut */
        {{WW_KV_GET, 0, 3, 0}, 10},                     /* its key, too */
        {{WW_KV_GET, 0, 0, 0}, 8},                      /* no key */
        {{WW_KV_GET, 0, WW_KV_KEY_MAX + 1, 0}, 1024},   /* too long a key */
        {{WW_KV_RANGE, 0, WW_KV_KEY_MAX + 2, 0}, 1024}, /* too long a bound */
        {{WW_KV_COUNT, 0, 0, 0}, 8 + WW_KV_KEY_MAX + 2},
        {{WW_KV_OUTCOME, 0, 4, 0}, 12},
        {{0, 0, 0, 0}, 8},
        {{6, 0, 0, 0}, 8},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        size_t bytes = sizeof(answer);
        memcpy(request, &bad[i].head, sizeof(bad[i].head));
        int status = kv.machine.query(kv.machine.self, 0, request, bad[i].bytes, answer, &bytes);
        cr_assert_eq(status, WW_EINVAL, "case %zu: %d", i, status);
    }
    size_t bytes = sizeof(answer);
    cr_assert_eq(kv.machine.query(kv.machine.self, KV_GROUPS, NULL, 0, answer, &bytes),
                 WW_ENOTFOUND);
}
