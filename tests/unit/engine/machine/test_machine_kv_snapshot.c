/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/limits.h"
#include "kv_fixture.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define MAP_BYTES (64ull * WW_MIB)
#define HEAD_BYTES (72u + WW_KV_OUTCOMES)

static struct kv kv, other;

static void setup(void)
{
    kv_open(&kv, MAP_BYTES);
    kv_open(&other, MAP_BYTES);
}

static void teardown(void)
{
    kv_close(&kv);
    kv_close(&other);
}

TestSuite(machine_kv_snapshot, .init = setup, .fini = teardown);

static struct kv_saved save(void)
{
    void *view;
    cr_assert_eq(kv.machine.view(kv.machine.self, 0, &view), WW_OK);
    struct kv_saved saved = kv_save(&kv, view);
    kv.machine.end_view(kv.machine.self, view);
    return saved;
}

static int restore(struct kv_saved saved, uint64_t index)
{
    return other.machine.restore(other.machine.self, 0, index, kv_saved_read, &saved);
}

Test(machine_kv_snapshot, a_restored_replica_goes_on_as_the_one_that_saved)
{
    cr_assert_eq(kv_put(&kv, 0, "a", "1"), WW_OK);
    cr_assert_eq(kv_put(&kv, 0, "b", ""), WW_OK);
    cr_assert_eq(kv_put_if(&kv, 0, "b", "no", 9), WW_OK);
    cr_assert_eq(kv_put(&other, 0, "stale", "gone afterwards"), WW_OK);
    cr_assert_eq(kv_put(&other, 1, "kept", "of another group"), WW_OK);
    struct kv_saved saved = save();
    cr_assert_eq(restore(saved, 3), WW_OK);
    free(saved.data);
    other.next[0] = 4;
    cr_assert_str_eq(kv_range(&other, 0, "", "", 0, false), "a=1 b=");
    cr_assert_str_eq(kv_get(&other, 1, "kept", NULL), "of another group");
    cr_assert_eq(kv_outcome(&other, 0), WW_KV_NOT_MET, "outcomes are saved as well");
    cr_assert_eq(kv_info(&other, 0).not_met, 1);
    for (struct kv *each = &kv;; each = &other) {
        cr_assert_eq(kv_put_if(each, 0, "b", "2", 2), WW_OK);
        cr_assert_eq(kv_outcome(each, 0), WW_KV_DONE, "revisions are saved as well");
        cr_assert_str_eq(kv_get(each, 0, "b", NULL), "2");
        if (each == &other)
            break;
    }
    cr_assert_eq(kv.machine.digest(kv.machine.self, 0),
                 other.machine.digest(other.machine.self, 0));
}

Test(machine_kv_snapshot, a_view_stays_as_it_was_taken)
{
    void *views[2];
    cr_assert_eq(kv_put(&kv, 0, "key", "then"), WW_OK);
    cr_assert_eq(kv.machine.view(kv.machine.self, 0, &views[0]), WW_OK);
    cr_assert_eq(kv_put(&kv, 0, "key", "later"), WW_OK);
    cr_assert_eq(kv.machine.view(kv.machine.self, 0, &views[1]), WW_OK);
    cr_assert_eq(kv_delete(&kv, 0, "key"), WW_OK);
    static const char *const expected[] = {"key=then", "key=later"};
    for (uint64_t i = 0; i < 2; i++) {
        struct kv_saved saved = kv_save(&kv, views[i]);
        kv.machine.end_view(kv.machine.self, views[i]);
        cr_assert_eq(restore(saved, i + 1), WW_OK);
        cr_assert_str_eq(kv_range(&other, 0, "", "", 0, false), expected[i]);
        free(saved.data);
    }
}

static atomic_bool saving;

struct job {
    void *view;
    struct kv_saved saved;
    atomic_uint applied_meanwhile;
};

/* Writes slowly, so that entries are applied between the pieces. */
static int write_slowly(void *context, const void *data, size_t bytes)
{
    struct job *job = context;
    uint32_t before = atomic_load(&job->applied_meanwhile);
    for (uint32_t spins = 0; spins < 100 && atomic_load(&job->applied_meanwhile) == before; spins++)
        sched_yield();
    return kv_saved_write(&job->saved, data, bytes);
}

static void *run_save(void *context)
{
    struct job *job = context;
    int status = kv.machine.save(kv.machine.self, job->view, write_slowly, job);
    cr_assert_eq(status, WW_OK);
    kv.machine.end_view(kv.machine.self, job->view);
    atomic_store(&saving, false);
    return NULL;
}

Test(machine_kv_snapshot, entries_are_applied_while_another_thread_saves)
{
    const uint32_t count = 300;
    struct job job = {0};
    pthread_t thread;
    char key[16];
    for (uint32_t i = 0; i < count; i++) {
        snprintf(key, sizeof(key), "%04u", i);
        cr_assert_eq(kv_put(&kv, 0, key, "then"), WW_OK);
    }
    uint64_t digest = kv.machine.digest(kv.machine.self, 0);
    cr_assert_eq(kv.machine.view(kv.machine.self, 0, &job.view), WW_OK);
    atomic_store(&saving, true);
    cr_assert_eq(pthread_create(&thread, NULL, run_save, &job), 0);
    /* Not for ever: what the view holds back, the map must hold. */
    for (uint32_t i = 0; i < 10 * count && atomic_load(&saving); i++) {
        snprintf(key, sizeof(key), "%04u", i % count);
        cr_assert_eq(i % 3 == 0 ? kv_delete(&kv, 0, key) : kv_put(&kv, 0, key, "later"), WW_OK);
        atomic_fetch_add(&job.applied_meanwhile, 1);
    }
    pthread_join(thread, NULL);
    cr_assert_gt(atomic_load(&job.applied_meanwhile), 0);
    cr_assert_eq(restore(job.saved, count), WW_OK);
    cr_assert_eq(other.machine.digest(other.machine.self, 0), digest);
    cr_assert_eq(kv_info(&other, 0).keys, count);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(key, sizeof(key), "%04u", i);
        cr_assert_str_eq(kv_get(&other, 0, key, NULL), "then");
    }
    free(job.saved.data);
}

Test(machine_kv_snapshot, an_empty_group_is_saved_too)
{
    struct kv_saved saved = save();
    cr_assert_eq(saved.bytes, HEAD_BYTES);
    cr_assert_eq(restore(saved, 0), WW_OK);
    free(saved.data);
}

Test(machine_kv_snapshot, what_is_not_whole_is_refused)
{
    uint16_t key_bytes;
    cr_assert_eq(kv_put(&kv, 0, "a", "1"), WW_OK);
    cr_assert_eq(kv_put(&kv, 0, "b", "2"), WW_OK);
    struct kv_saved saved = save(), cut = saved;
    for (cut.bytes = 0; cut.bytes < saved.bytes; cut.bytes += cut.bytes < HEAD_BYTES - 1 ? 37 : 1)
        cr_assert_eq(restore(cut, 2), WW_EDAMAGED, "%zu bytes", cut.bytes);
    cr_assert_eq(restore(saved, 3), WW_EDAMAGED, "of another index");
    cut.bytes = saved.bytes + 1; /* one byte of room is behind it */
    cr_assert_eq(restore(cut, 2), WW_EDAMAGED);
    saved.data[HEAD_BYTES + sizeof(struct ww_kv_item_head)] = 'c'; /* behind "b" */
    cr_assert_eq(restore(saved, 2), WW_EDAMAGED);
    key_bytes = WW_KV_KEY_MAX + 1;
    memcpy(saved.data + HEAD_BYTES, &key_bytes, sizeof(key_bytes));
    cr_assert_eq(restore(saved, 2), WW_EDAMAGED);
    saved.data[4]++;
    cr_assert_eq(restore(saved, 2), WW_EVERSION);
    saved.data[0]++;
    cr_assert_eq(restore(saved, 2), WW_EFOREIGN, "another machine's");
    cr_assert_eq(other.machine.restore(other.machine.self, KV_GROUPS, 2, kv_saved_read, &cut),
                 WW_ENOTFOUND);
    free(saved.data);
}

static int refuse(void *context, const void *data, size_t bytes)
{
    (void)data;
    (void)bytes;
    return (*(int *)context)-- > 0 ? WW_OK : WW_ENOSPC;
}

Test(machine_kv_snapshot, a_refused_piece_ends_the_save)
{
    void *view;
    cr_assert_eq(kv_put(&kv, 0, "a", "1"), WW_OK);
    cr_assert_eq(kv.machine.view(kv.machine.self, 0, &view), WW_OK);
    for (int pieces = 0; pieces < 4; pieces++) {
        int left = pieces;
        cr_assert_eq(kv.machine.save(kv.machine.self, view, refuse, &left), WW_ENOSPC);
    }
    kv.machine.end_view(kv.machine.self, view);
    cr_assert_eq(kv.machine.view(kv.machine.self, KV_GROUPS, &view), WW_ENOTFOUND);
}
