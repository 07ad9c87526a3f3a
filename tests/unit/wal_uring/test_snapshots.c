/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"
#include "snapshot_fixture.h"

#include "wal_uring/wal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL 3000u
#define LARGE (5u * WW_MIB + 77u)
#define FILE_100 " 00000005-0000000000000064.snap"
#define FILE_200 " 00000005-00000000000000c8.snap"

static struct test_log log_;

static void set_up(void)
{
    test_log_init(&log_);
}

static void tear_down(void)
{
    test_refused = 0;
    test_log_free(&log_);
}

TestSuite(wal_snapshots, .init = set_up, .fini = tear_down);

static void open_store(enum ww_durability durability)
{
    log_.options.durability = durability;
    test_log_open_ok(&log_);
}

static void unmap(struct ww_snapshot_blob *blob)
{
    log_.store->ops->snapshot_unmap(log_.store, blob);
    cr_assert_null(blob->data);
}

static int event_status(void)
{
    struct ww_log_event event = test_snapshot_event(&log_);
    int status = event.status;
    if (status == WW_OK)
        unmap(&event.snapshot);
    return status;
}

static void save_and_receive(enum ww_durability durability)
{
    open_store(durability);
    struct ww_snapshot_blob small = test_snapshot_saved(&log_, TEST_GROUP, 100, SMALL);
    struct ww_snapshot_blob large = test_snapshot_saved(&log_, TEST_GROUP, 200, LARGE);
    struct ww_snapshot_blob other = test_snapshot_make(6, 300, LARGE);
    cr_assert_eq(test_snapshot_receive(&log_, &other, 0, other.bytes), WW_OK);
    struct ww_log_event event = test_snapshot_event(&log_);
    cr_assert_eq(event.status, WW_OK, "%s", ww_status_name(event.status));
    cr_assert_eq(event.tag, 6u);
    cr_assert_eq(event.position, 300);
    test_snapshot_contents(&event.snapshot, 6, 300, LARGE);
    /* A mapping is good until it is given back, whatever is dropped. */
    log_.store->ops->snapshot_drop(log_.store, TEST_GROUP, 1000);
    log_.store->ops->snapshot_drop(log_.store, 6, 1000);
    if (durability != WW_DURABILITY_MEMORY)
        test_snapshot_wait_files(&log_, "");
    test_snapshot_contents(&small, TEST_GROUP, 100, SMALL);
    test_snapshot_contents(&large, TEST_GROUP, 200, LARGE);
    test_snapshot_contents(&event.snapshot, 6, 300, LARGE);
    unmap(&small);
    unmap(&large);
    unmap(&event.snapshot);
    free((void *)other.data);
}

Test(wal_snapshots, saved_and_received_on_disk)
{
    save_and_receive(WW_DURABILITY_DSYNC);
}

Test(wal_snapshots, saved_and_received_in_memory)
{
    save_and_receive(WW_DURABILITY_MEMORY);
    struct ww_snapshot_blob blob;
    cr_assert_eq(log_.store->ops->snapshot_map(log_.store, TEST_GROUP, 100, &blob), WW_ENOTFOUND);
    cr_assert_str_eq(test_snapshot_files(&log_), "");
}

/* Its bytes, its name, the directory that holds the name; and every step before on the disk. */
Test(wal_snapshots, A12_is_durable_before_it_is_told_of)
{
    open_store(WW_DURABILITY_DSYNC);
    while (log_.store->limit_position < 2u * TEST_SEGMENT)
        sched_yield(); /* the preparer asks such things as well */
    memset(test_asked, 0, sizeof(test_asked));
    struct ww_snapshot_blob blob = test_snapshot_saved(&log_, TEST_GROUP, 100, LARGE);
    unmap(&blob);
    cr_assert_str_eq(test_asked, "sssssdrD");
    blob = test_snapshot_make(TEST_GROUP, 200, LARGE);
    memset(test_asked, 0, sizeof(test_asked));
    cr_assert_eq(test_snapshot_receive(&log_, &blob, 0, blob.bytes), WW_OK);
    cr_assert_eq(event_status(), WW_OK);
    cr_assert_str_eq(test_asked, "ssssdrD", "parts end a little behind a step");
    cr_assert_str_eq(test_snapshot_files(&log_), FILE_100 FILE_200);
    free((void *)blob.data);
}

/* One kind of call fails; afterwards all is well again. */
static void refuse(char what, int error, int expected, const char *left)
{
    struct test_state state = {.bytes = LARGE};
    struct ww_snapshot_blob blob = test_snapshot_make(TEST_GROUP, 100, LARGE);
    test_refused_errno = error;
    test_refused = what;
    cr_assert_eq(test_snapshot_save(&log_, TEST_GROUP, 100, &state), WW_OK);
    cr_assert_eq(event_status(), expected, "%c", what);
    cr_assert_str_eq(test_snapshot_files(&log_), left);
    int status = test_snapshot_receive(&log_, &blob, 0, blob.bytes);
    if (status == WW_OK)
        status = event_status();
    cr_assert_eq(status, expected, "%c", what);
    test_snapshot_wait_files(&log_, left);
    test_refused = 0;
    cr_assert_eq(test_snapshot_receive(&log_, &blob, 0, blob.bytes), WW_OK);
    cr_assert_eq(event_status(), WW_OK);
    log_.store->ops->snapshot_drop(log_.store, TEST_GROUP, 101);
    test_snapshot_wait_files(&log_, "");
    free((void *)blob.data);
}

Test(wal_snapshots, C16_what_the_disk_refuses_is_told_and_removed)
{
    open_store(WW_DURABILITY_DSYNC);
    refuse('s', EIO, WW_EIO, "");
    refuse('s', ENOSPC, WW_ENOSPC, "");
    refuse('d', EIO, WW_EIO, "");
    refuse('d', ENOSPC, WW_ENOSPC, "");
    refuse('r', EIO, WW_EIO, "");
    refuse('D', EIO, WW_EIO, FILE_100); /* whole, but nobody may rely on its name */
}

Test(wal_snapshots, without_room_it_is_told_and_removed)
{
    struct test_state state = {.bytes = LARGE};
    struct ww_snapshot_blob blob = test_snapshot_make(TEST_GROUP, 200, LARGE);
    open_store(WW_DURABILITY_DSYNC);
    test_limit_file_size(3 * WW_MIB);
    cr_assert_eq(test_snapshot_save(&log_, TEST_GROUP, 100, &state), WW_OK);
    cr_assert_eq(event_status(), WW_ENOSPC);
    cr_assert_eq(state.refused, WW_ENOSPC, "the producer was told");
    /* A received one is given up behind the last part, or while parts are coming. */
    int status = test_snapshot_receive(&log_, &blob, 0, blob.bytes);
    cr_assert_eq(status != WW_OK ? status : event_status(), WW_ENOSPC);
    uint64_t taken = 0;
    for (status = WW_OK; status == WW_OK; taken += taken < 4 * WW_MIB ? 8900 : 1) {
        status = test_snapshot_receive(&log_, &blob, taken,
                                       taken < 4 * WW_MIB ? taken + 8900 : taken + 1);
        sched_yield();
    }
    cr_assert_eq(status, WW_ENOSPC);
    cr_assert_eq(test_snapshot_receive(&log_, &blob, taken, taken + 1), WW_EIO, "unknown now");
    cr_assert_str_eq(test_snapshot_files(&log_), "");
    test_limit_file_size(RLIM_INFINITY);
    cr_assert_eq(test_snapshot_receive(&log_, &blob, 0, blob.bytes), WW_OK);
    cr_assert_eq(event_status(), WW_OK);
    cr_assert_str_eq(test_snapshot_files(&log_), FILE_200);
    free((void *)blob.data);
}

Test(wal_snapshots, what_a_producer_returns_is_told)
{
    open_store(WW_DURABILITY_DSYNC);
    struct test_state state = {.bytes = LARGE, .status = WW_ENOMEM};
    cr_assert_eq(test_snapshot_save(&log_, TEST_GROUP, 100, &state), WW_OK);
    cr_assert_eq(event_status(), WW_ENOMEM);
    cr_assert_str_eq(test_snapshot_files(&log_), "");
}

Test(wal_snapshots, saves_wait_in_order_and_no_more_than_there_is_room_for)
{
    open_store(WW_DURABILITY_MEMORY);
    struct test_state first = {.bytes = SMALL, .wait = true}, others = {.bytes = SMALL};
    for (uint32_t i = 0; i < WW_SNAPSHOT_SAVES; i++)
        cr_assert_eq(test_snapshot_save(&log_, i, 100, i == 0 ? &first : &others), WW_OK);
    cr_assert_eq(test_snapshot_save(&log_, 99, 100, &others), WW_EBUSY);
    first.wait = false;
    for (uint32_t i = 0; i < WW_SNAPSHOT_SAVES; i++)
        cr_assert_eq(event_status(), WW_OK);
    cr_assert_eq(test_snapshot_save(&log_, 99, 100, &others), WW_OK);
    cr_assert_eq(event_status(), WW_OK);
}

Test(wal_snapshots, a_store_that_failed_takes_no_more)
{
    open_store(WW_DURABILITY_DSYNC);
    struct test_state state = {.bytes = SMALL};
    struct ww_snapshot_blob blob = test_snapshot_make(TEST_GROUP, 200, SMALL);
    while (log_.position < TEST_SEGMENT / 2)
        test_log_append(&log_, 100000);
    test_limit_file_size(TEST_SEGMENT / 2);
    while (log_.failures == 0) {
        cr_assert_eq(test_log_write(&log_, 100000), WW_OK);
        test_log_wait(&log_, log_.written);
    }
    test_limit_file_size(RLIM_INFINITY);
    cr_assert_eq(test_snapshot_save(&log_, TEST_GROUP, 100, &state), WW_ECLOSED);
    cr_assert_eq(test_snapshot_receive(&log_, &blob, 0, blob.bytes), WW_EIO);
    free((void *)blob.data);
}

static void close_under_way(enum ww_durability durability)
{
    open_store(durability);
    struct test_state endless = {.bytes = UINT64_MAX}, never = {.bytes = SMALL};
    struct ww_snapshot_blob blob = test_snapshot_make(6, 200, LARGE);
    cr_assert_eq(test_snapshot_save(&log_, TEST_GROUP, 100, &endless), WW_OK);
    cr_assert_eq(test_snapshot_save(&log_, 7, 100, &never), WW_OK);
    while (endless.calls < 30)
        sched_yield();
    cr_assert_eq(test_snapshot_receive(&log_, &blob, 0, 2 * WW_MIB), WW_OK);
    test_log_close(&log_);
    uint32_t calls = endless.calls;
    cr_assert_eq(endless.refused, WW_ECLOSED);
    cr_assert_eq(never.calls, 0u);
    cr_assert_str_eq(test_snapshot_files(&log_), "");
    sched_yield();
    cr_assert_eq(endless.calls, calls);
    free((void *)blob.data);
}

Test(wal_snapshots, closing_stops_a_save_on_disk)
{
    close_under_way(WW_DURABILITY_DSYNC);
}

Test(wal_snapshots, closing_stops_a_save_in_memory)
{
    close_under_way(WW_DURABILITY_MEMORY);
}

Test(wal_snapshots, one_that_was_not_told_of_is_there_at_the_next_opening)
{
    open_store(WW_DURABILITY_DSYNC);
    struct test_state state = {.bytes = LARGE};
    struct ww_snapshot_blob blob;
    cr_assert_eq(test_snapshot_save(&log_, TEST_GROUP, 100, &state), WW_OK);
    test_snapshot_wait_files(&log_, FILE_100);
    test_log_close(&log_);
    test_log_open_ok(&log_);
    cr_assert_eq(log_.store->ops->snapshot_map(log_.store, TEST_GROUP, 100, &blob), WW_OK);
    test_snapshot_contents(&blob, TEST_GROUP, 100, LARGE);
    unmap(&blob);
}

/* Without memory of its own. */
static uint64_t resident_kib(void)
{
    char text[4096] = "";
    int fd = open("/proc/self/status", O_RDONLY);
    cr_assert_gt(read(fd, text, sizeof(text) - 1), 0);
    close(fd);
    return strtoul(strstr(text, "RssAnon:") + 8, NULL, 10);
}

Test(wal_snapshots, a_large_one_takes_little_memory)
{
    open_store(WW_DURABILITY_DSYNC);
    struct ww_snapshot_blob blob = test_snapshot_saved(&log_, 1, 1, LARGE);
    unmap(&blob);
    uint64_t before = resident_kib();
    struct test_state state = {.bytes = 64 * WW_MIB};
    cr_assert_eq(test_snapshot_save(&log_, TEST_GROUP, 100, &state), WW_OK);
    struct ww_log_event event;
    uint64_t most = 0;
    while (log_.store->ops->poll(log_.store, &event, 1) == 0) {
        uint64_t now = resident_kib();
        most = now > most ? now : most;
        sched_yield();
    }
    cr_assert_eq(event.status, WW_OK);
    cr_assert_gt(event.snapshot.bytes, 64 * WW_MIB);
    cr_assert_lt(most, before + 2 * 1024, "%zu KiB, before %zu", (size_t)most, (size_t)before);
    unmap(&event.snapshot);
}
