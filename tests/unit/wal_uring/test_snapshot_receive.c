/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot_fixture.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define SMALL 3000u
#define LARGE (5u * WW_MIB + 77u)
#define FILE_100 " 00000005-0000000000000064.snap"

static struct test_log log_;
static struct ww_snapshot_blob sent;

static void set_up(void)
{
    test_log_init(&log_);
    test_log_open_ok(&log_);
    sent = test_snapshot_make(TEST_GROUP, 100, LARGE);
}

static void tear_down(void)
{
    test_log_free(&log_);
    free((void *)sent.data);
}

TestSuite(wal_snapshot_receive, .init = set_up, .fini = tear_down);

static void expect(int status)
{
    struct ww_log_event event = test_snapshot_event(&log_);
    cr_assert_eq(event.status, status, "%s", ww_status_name(event.status));
    if (status != WW_OK)
        return;
    test_snapshot_contents(&event.snapshot, TEST_GROUP, event.position, LARGE);
    log_.store->ops->snapshot_unmap(log_.store, &event.snapshot);
}

static int part(uint64_t index, uint64_t offset)
{
    return log_.store->ops->snapshot_receive(log_.store, TEST_GROUP, index, offset,
                                             sent.data + offset, 1000, false);
}

Test(wal_snapshot_receive, parts_come_in_order_or_begin_anew)
{
    cr_assert_eq(part(100, 1000), WW_EIO, "nothing has begun");
    cr_assert_eq(part(100, 0), WW_OK);
    cr_assert_eq(part(100, 2000), WW_EIO, "a gap");
    cr_assert_eq(part(101, 1000), WW_EIO, "another one");
    cr_assert_eq(part(100, 1000), WW_OK);
    cr_assert_eq(part(101, 0), WW_OK, "begins anew");
    cr_assert_eq(part(100, 2000), WW_EIO, "that is gone");
    cr_assert_eq(test_snapshot_receive(&log_, &sent, 0, sent.bytes), WW_OK);
    cr_assert_eq(part(100, 0), WW_EBUSY, "until that one is told of");
    expect(WW_OK);
    cr_assert_str_eq(test_snapshot_files(&log_), FILE_100, "nothing is left of the others");
    cr_assert_eq(part(100, 0), WW_OK);
}

Test(wal_snapshot_receive, C15_one_that_is_not_whole_is_never_there)
{
    uint8_t *bytes = (uint8_t *)sent.data;
    for (size_t at = 0; at < sent.bytes; at += 1400003) {
        uint8_t kept = bytes[at];
        struct ww_snapshot_header header = *ww_snapshot_header(&sent);
        bytes[at] ^= 0x10;
        for (uint64_t from = 0; from < sent.bytes;) {
            uint32_t size = sent.bytes - from < 9000 ? (uint32_t)(sent.bytes - from) : 9000;
            int status =
                log_.store->ops->snapshot_receive(log_.store, TEST_GROUP, header.index, from,
                                                  bytes + from, size, from + size == sent.bytes);
            from += status == WW_OK ? size : 0;
            cr_assert(status == WW_OK || status == WW_EBUSY);
        }
        expect(WW_EDAMAGED);
        bytes[at] = kept;
    }
    cr_assert_str_eq(test_snapshot_files(&log_), "");
    /* Cut short: what should be the last part is in the middle. */
    cr_assert_eq(test_snapshot_receive(&log_, &sent, 0, 8900), WW_OK);
    cr_assert_eq(log_.store->ops->snapshot_receive(log_.store, TEST_GROUP, 100, 8900,
                                                   sent.data + 8900, 500, true),
                 WW_OK);
    expect(WW_EDAMAGED);
    /* Of no bytes at all. */
    cr_assert_eq(log_.store->ops->snapshot_receive(log_.store, TEST_GROUP, 100, 0, NULL, 0, true),
                 WW_OK);
    expect(WW_EDAMAGED);
    cr_assert_str_eq(test_snapshot_files(&log_), "");
}

Test(wal_snapshot_receive, one_of_another_group_or_index_is_refused)
{
    struct ww_snapshot_blob other = test_snapshot_make(6, 100, SMALL);
    cr_assert_eq(log_.store->ops->snapshot_receive(log_.store, TEST_GROUP, 100, 0, other.data,
                                                   (uint32_t)other.bytes, true),
                 WW_OK);
    expect(WW_EFOREIGN);
    cr_assert_eq(log_.store->ops->snapshot_receive(log_.store, 6, 101, 0, other.data,
                                                   (uint32_t)other.bytes, true),
                 WW_OK);
    expect(WW_EDAMAGED);
    cr_assert_str_eq(test_snapshot_files(&log_), "");
    free((void *)other.data);
}

Test(wal_snapshot_receive, no_more_is_staged_than_there_is_room_for)
{
    struct test_state state = {.bytes = SMALL, .wait = true};
    cr_assert_eq(test_snapshot_save(&log_, 9, 100, &state), WW_OK);
    while (state.calls == 0)
        sched_yield(); /* the thread of the store is held up */
    uint64_t taken = 0;
    while (part(100, taken) == WW_OK)
        taken += 1000;
    cr_assert_eq(part(100, taken), WW_EBUSY);
    cr_assert_leq(taken, WW_SNAPSHOT_STAGING);
    cr_assert_geq(taken, WW_SNAPSHOT_STAGING / 1000 * 900);
    state.wait = false;
    struct ww_log_event event = test_snapshot_event(&log_);
    cr_assert_eq(event.tag, 9u);
    cr_assert_eq(event.status, WW_OK);
    log_.store->ops->snapshot_unmap(log_.store, &event.snapshot);
    cr_assert_eq(test_snapshot_receive(&log_, &sent, taken, sent.bytes), WW_OK);
    expect(WW_OK);
}

Test(wal_snapshot_receive, a_long_save_does_not_hold_it_up)
{
    struct test_state endless = {.bytes = UINT64_MAX};
    cr_assert_eq(test_snapshot_save(&log_, 9, 100, &endless), WW_OK);
    while (endless.calls < 5)
        sched_yield();
    cr_assert_eq(test_snapshot_receive(&log_, &sent, 0, sent.bytes), WW_OK);
    expect(WW_OK);
    cr_assert_eq(endless.refused, WW_OK, "it goes on");
}

Test(wal_snapshot_receive, a_dropped_one_is_given_up)
{
    cr_assert_eq(test_snapshot_receive(&log_, &sent, 0, WW_MIB), WW_OK);
    log_.store->ops->snapshot_drop(log_.store, TEST_GROUP, 100);
    test_snapshot_wait_files(&log_, " 00000005-0000000000000064.part");
    log_.store->ops->snapshot_drop(log_.store, TEST_GROUP, 101);
    test_snapshot_wait_files(&log_, "");
    cr_assert_eq(part(100, WW_MIB), WW_EIO);
    cr_assert_eq(test_snapshot_receive(&log_, &sent, 0, sent.bytes), WW_OK);
    expect(WW_OK);
}

Test(wal_snapshot_receive, a_save_of_the_group_discards_what_is_not_complete)
{
    cr_assert_eq(test_snapshot_receive(&log_, &sent, 0, WW_MIB), WW_OK);
    test_snapshot_wait_files(&log_, " 00000005-0000000000000064.part");
    struct ww_snapshot_blob own = test_snapshot_saved(&log_, TEST_GROUP, 90, SMALL);
    log_.store->ops->snapshot_unmap(log_.store, &own);
    test_snapshot_wait_files(&log_, " 00000005-000000000000005a.snap");
    cr_assert_eq(part(100, WW_MIB), WW_EIO);
}

Test(wal_snapshot_receive, as_many_groups_at_a_time_as_there_is_room_for)
{
    for (uint32_t group = 100; group < 100 + WW_SNAPSHOT_RECEIVES; group++)
        cr_assert_eq(log_.store->ops->snapshot_receive(log_.store, group, 7, 0, sent.data, 100,
                                                       false),
                     WW_OK);
    cr_assert_eq(part(100, 0), WW_EBUSY);
    log_.store->ops->snapshot_drop(log_.store, 120, 8);
    while (part(100, 0) == WW_EBUSY)
        sched_yield();
    cr_assert_eq(test_snapshot_receive(&log_, &sent, 0, sent.bytes), WW_OK);
    expect(WW_OK);
}
