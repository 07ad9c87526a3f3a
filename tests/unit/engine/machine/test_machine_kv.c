/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/limits.h"
#include "engine/wire/batch.h"
#include "kv_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAP_BYTES (64ull * WW_MIB)

static struct kv kv;

static void setup(void)
{
    kv_open(&kv, MAP_BYTES);
}

static void teardown(void)
{
    kv_close(&kv);
}

TestSuite(machine_kv, .init = setup, .fini = teardown);

Test(machine_kv, what_is_put_is_there_until_it_is_deleted)
{
    uint64_t revision;
    cr_assert_null(kv_get(&kv, 0, "name", NULL));
    cr_assert_eq(kv_put(&kv, 0, "name", "first"), WW_OK);
    cr_assert_eq(kv_outcome(&kv, 0), WW_KV_DONE);
    cr_assert_eq(kv_put(&kv, 0, "other", ""), WW_OK);
    cr_assert_eq(kv_put(&kv, 0, "name", "second"), WW_OK);
    cr_assert_str_eq(kv_get(&kv, 0, "name", &revision), "second");
    cr_assert_eq(revision, 3, "the index of the entry that wrote it");
    cr_assert_str_eq(kv_get(&kv, 0, "other", &revision), "", "an empty value is a value");
    cr_assert_eq(revision, 2);
    cr_assert_eq(kv_delete(&kv, 0, "name"), WW_OK);
    cr_assert_eq(kv_outcome(&kv, 0), WW_KV_DONE);
    cr_assert_null(kv_get(&kv, 0, "name", NULL));
    cr_assert_eq(kv_delete(&kv, 0, "name"), WW_OK);
    cr_assert_eq(kv_outcome(&kv, 0), WW_KV_ABSENT);
    cr_assert_eq(kv_info(&kv, 0).keys, 1);
}

Test(machine_kv, put_if_compares_the_revision)
{
    cr_assert_eq(kv_put_if(&kv, 0, "key", "created", 0), WW_OK);
    cr_assert_eq(kv_outcome(&kv, 0), WW_KV_DONE, "0: only if it is not there");
    cr_assert_eq(kv_put_if(&kv, 0, "key", "again", 0), WW_OK);
    cr_assert_eq(kv_outcome(&kv, 0), WW_KV_NOT_MET);
    cr_assert_str_eq(kv_get(&kv, 0, "key", NULL), "created");
    cr_assert_eq(kv_put_if(&kv, 0, "key", "changed", 1), WW_OK);
    cr_assert_eq(kv_outcome(&kv, 0), WW_KV_DONE);
    cr_assert_eq(kv_put_if(&kv, 0, "key", "late", 1), WW_OK);
    cr_assert_eq(kv_outcome(&kv, 0), WW_KV_NOT_MET, "its revision is 3 now");
    cr_assert_str_eq(kv_get(&kv, 0, "key", NULL), "changed");
    cr_assert_eq(kv_put_if(&kv, 0, "absent", "value", 7), WW_OK);
    cr_assert_eq(kv_outcome(&kv, 0), WW_KV_NOT_MET);
    struct ww_kv_info info = kv_info(&kv, 0);
    cr_assert_eq(info.done, 2);
    cr_assert_eq(info.not_met, 3);
}

Test(machine_kv, what_is_malformed_changes_nothing_and_is_counted)
{
    uint8_t operation[2048];
    size_t size = ww_kv_encode(operation, WW_KV_PUT_IF, 1, "key", 3, "", 0);
    cr_assert_eq(kv_put(&kv, 0, "key", "value"), WW_OK);
    uint32_t malformed = 0;
    for (size_t cut = 0; cut < size; cut++, malformed++) {
        cr_assert_eq(kv_entry(&kv, 0, WW_ENTRY_DATA, operation, cut), WW_OK);
        cr_assert_eq(kv_outcome(&kv, 0), WW_KV_MALFORMED, "%zu bytes", cut);
    }
    const struct {
        struct ww_kv_operation_head head;
        size_t size;
    } bad[] = {
        {{0, 0, 3}, 7},
        {{4, 0, 3}, 7},
        {{255, 0, 3}, 7},
        {{WW_KV_PUT, 1, 3}, 7},
        /* reserved */ {{WW_KV_PUT, 0, 0}, 7}, /* no key */
        {{WW_KV_PUT, 0, WW_KV_KEY_MAX + 1}, 1000},
        {{WW_KV_DELETE, 0, 3}, 8}, /* a value */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++, malformed++) {
        memcpy(operation, &bad[i].head, sizeof(bad[i].head));
        memcpy(operation + sizeof(bad[i].head), "keyx", 4);
        cr_assert_eq(kv_entry(&kv, 0, WW_ENTRY_DATA, operation, bad[i].size), WW_OK);
        cr_assert_eq(kv_outcome(&kv, 0), WW_KV_MALFORMED, "case %zu", i);
    }
    cr_assert_eq(kv_info(&kv, 0).malformed, malformed);
    cr_assert_eq(kv_info(&kv, 0).keys, 1);
    cr_assert_str_eq(kv_get(&kv, 0, "key", NULL), "value");
}

Test(machine_kv, entries_of_the_engine_and_skipped_ones_only_move_the_position)
{
    cr_assert_eq(kv_put(&kv, 0, "key", "value"), WW_OK);
    cr_assert_eq(kv_entry(&kv, 0, WW_ENTRY_NOOP, NULL, 0), WW_OK);
    cr_assert_eq(kv_outcome(&kv, 0), WW_KV_NONE);
    uint64_t digest = kv.machine.digest(kv.machine.self, 0);
    struct ww_apply_run skipped = {.group = 0, .count = 5, .first_index = 3, .term = 1};
    cr_assert_eq(kv.machine.apply(kv.machine.self, &skipped), WW_OK);
    cr_assert_eq(kv.machine.apply(kv.machine.self, &skipped), WW_EDAMAGED, "a repetition");
    cr_assert_eq(kv.machine.digest(kv.machine.self, 0), digest);
    cr_assert_eq(kv_info(&kv, 0).applied, 7);
    kv.next[0] = 9;
    cr_assert_eq(kv_put(&kv, 0, "key", "value"), WW_EDAMAGED, "a gap");
    kv.next[0] = 8;
    cr_assert_eq(kv_put(&kv, 0, "key", "new"), WW_OK);
    skipped.group = KV_GROUPS;
    cr_assert_eq(kv.machine.apply(kv.machine.self, &skipped), WW_ENOTFOUND);
}

Test(machine_kv, the_digest_is_that_of_the_log_machine_whatever_the_batches_are)
{
    struct ww_state_machine log;
    uint8_t entries[4096];
    uint32_t used = 0;
    cr_assert_eq(ww_machine_log_create(1, &log), WW_OK);
    for (uint32_t i = 0; i < 40; i++) {
        uint8_t data[64];
        char key[8];
        snprintf(key, sizeof(key), "%u", i % 7);
        size_t size = ww_kv_encode(data, WW_KV_PUT, 0, key, strlen(key), "value", i % 5);
        used += ww_entry_encode(entries + used, WW_ENTRY_DATA, data, (uint32_t)size);
        cr_assert_eq(kv_entry(&kv, 1, WW_ENTRY_DATA, data, size), WW_OK);
    }
    struct ww_apply_run run = {
        .count = 40, .first_index = 1, .term = 1, .entries = entries, .entries_bytes = used};
    cr_assert_eq(log.apply(log.self, &run), WW_OK);
    cr_assert_eq(kv.machine.apply(kv.machine.self, &run), WW_OK);
    uint64_t right = log.digest(log.self, 0);
    log.destroy(log.self);
    cr_assert_eq(kv.machine.digest(kv.machine.self, 0), right);
    cr_assert_eq(kv.machine.digest(kv.machine.self, 1), right);
    cr_assert_eq(kv.machine.digest(kv.machine.self, 2), 0);
    for (uint32_t group = 0; group < 2; group++)
        cr_assert_str_eq(kv_range(&kv, group, "", "", 0, false),
                         "0= 1=v 2=va 3=val 4=valu 5=val 6=valu");
}

Test(machine_kv, groups_are_apart)
{
    cr_assert_eq(kv_put(&kv, 0, "key", "of 0"), WW_OK);
    cr_assert_eq(kv_put(&kv, 2, "key", "of 2"), WW_OK);
    cr_assert_str_eq(kv_get(&kv, 0, "key", NULL), "of 0");
    cr_assert_null(kv_get(&kv, 1, "key", NULL));
    cr_assert_str_eq(kv_get(&kv, 2, "key", NULL), "of 2");
}

/* More than a transaction holds: some are committed, some not, and all are seen. */
Test(machine_kv, reads_see_all_that_was_applied)
{
    const uint32_t count = 2 * WW_KV_COMMIT_WRITES + 10;
    char key[16];
    for (uint32_t i = 0; i < count; i++) {
        snprintf(key, sizeof(key), "%05u", i);
        cr_assert_eq(kv_put(&kv, 0, key, key), WW_OK);
        cr_assert_str_eq(kv_get(&kv, 0, key, NULL), key);
    }
    cr_assert_eq(kv_info(&kv, 0).keys, count);
    cr_assert_str_eq(kv_get(&kv, 0, "00000", NULL), "00000");
}

Test(machine_kv, outcomes_are_remembered_for_a_while)
{
    uint8_t request[WW_KV_QUERY_ROOM], outcome;
    for (uint32_t i = 0; i <= WW_KV_OUTCOMES; i++)
        cr_assert_eq(kv_delete(&kv, 0, "absent"), WW_OK);
    const struct {
        uint64_t index;
        int status;
    } cases[] = {{0, WW_EGONE},
                 {1, WW_EGONE},
                 {2, WW_OK},
                 {WW_KV_OUTCOMES + 1, WW_OK},
                 {WW_KV_OUTCOMES + 2, WW_EGONE}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t bytes = 1, size = ww_kv_encode_outcome(request, cases[i].index);
        int status = kv.machine.query(kv.machine.self, 0, request, size, &outcome, &bytes);
        cr_assert_eq(status, cases[i].status, "index %lu", cases[i].index);
        if (status == WW_OK)
            cr_assert_eq(outcome, WW_KV_ABSENT);
    }
}

/* Two replicas: the same entry stops both, and nothing of it is passed over. */
Test(machine_kv, a_full_map_stops_all_replicas_at_the_same_entry)
{
    static char value[4000];
    uint64_t stopped[2];
    memset(value, 'x', sizeof(value) - 1);
    for (int replica = 0; replica < 2; replica++) {
        struct kv small;
        char key[16];
        int status = WW_OK;
        kv_open(&small, WW_KV_MAP_MIN);
        while (status == WW_OK) {
            snprintf(key, sizeof(key), "%lu", small.next[0]);
            status = kv_put(&small, 0, key, value);
        }
        cr_assert_eq(status, WW_ENOSPC);
        cr_assert_gt(small.next[0], 50);
        stopped[replica] = small.next[0];
        kv_close(&small);
    }
    cr_assert_eq(stopped[0], stopped[1]);
}

Test(machine_kv, the_directory_is_emptied_at_the_begin)
{
    char directory[] = "/tmp/ww-test-kv-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    const struct ww_kv_options options = {.directory = directory,
                                          .map_bytes = MAP_BYTES,
                                          .groups = KV_GROUPS};
    struct ww_error error = {0};
    for (int life = 0; life < 2; life++) {
        struct kv again = {.next = {1, 1, 1}};
        cr_assert_eq(ww_machine_kv_create(&options, &again.machine, &error), WW_OK);
        cr_assert_null(kv_get(&again, 0, "key", NULL));
        cr_assert_eq(kv_put(&again, 0, "key", "value"), WW_OK);
        cr_assert_eq(kv_info(&again, 0).keys, 1);
        kv_close(&again);
    }
    char path[64];
    snprintf(path, sizeof(path), "%s/data.mdb", directory);
    cr_assert_eq(unlink(path), 0, "a directory that was given stays");
    snprintf(path, sizeof(path), "%s/lock.mdb", directory);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(rmdir(directory), 0);
}

Test(machine_kv, without_a_directory_nothing_is_left)
{
    char base[] = "/tmp/ww-test-kv-XXXXXX";
    cr_assert_not_null(mkdtemp(base));
    cr_assert_eq(setenv("TMPDIR", base, 1), 0);
    struct kv memory;
    kv_open(&memory, MAP_BYTES);
    cr_assert_neq(rmdir(base), 0, "the files are below it");
    kv_close(&memory);
    cr_assert_eq(rmdir(base), 0);
}

Test(machine_kv, a_directory_that_cannot_be_made_is_an_error)
{
    struct ww_state_machine machine;
    struct ww_error error = {0};
    const struct ww_kv_options options = {.directory = "/proc/nothing/kv",
                                          .map_bytes = MAP_BYTES,
                                          .groups = 1};
    cr_assert_eq(ww_machine_kv_create(&options, &machine, &error), WW_EIO);
    cr_assert_not_null(strstr(error.text, "/proc/nothing/kv"));
}
