/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot_fixture.h"

#include "wal_uring/disk.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct test_log log_;

static void set_up(void)
{
    test_log_init(&log_);
}

static void tear_down(void)
{
    test_log_free(&log_);
}

TestSuite(wal_log, .init = set_up, .fini = tear_down);

static void round_trip(enum ww_durability durability)
{
    log_.options.durability = durability;
    test_log_open_ok(&log_);
    cr_assert_eq(log_.store->start_position, 0);
    cr_assert_eq(log_.store->epoch, 1u);
    for (uint32_t i = 0; i < 40; i++)
        test_log_append(&log_, 100 + i * 2500);
    uint64_t end = log_.position;
    uint32_t link = log_.link;
    uint64_t stream = log_.store->stream_id;
    cr_assert_gt(end, TEST_SEGMENT, "it went into a second segment");
    test_log_close(&log_);

    test_log_open_ok(&log_);
    cr_expect_eq(log_.visited, 40);
    cr_expect_eq(log_.wrong, 0);
    cr_expect_eq(log_.store->start_position, end);
    cr_expect_eq(log_.store->start_link, link);
    cr_expect_eq(log_.store->epoch, 2u);
    cr_expect_eq(log_.store->stream_id, stream);
    cr_expect_eq(log_.recovery.cut_bytes, 0);
    cr_expect_eq(log_.recovery.blocks, 40);
    test_log_append(&log_, 5000);
    test_log_close(&log_);

    cr_assert_eq(test_log_scan(&log_), WW_OK, "%s", log_.error.text);
    cr_expect_eq(log_.visited, 41);
    cr_expect_eq(log_.wrong, 0);
}

Test(wal_log, round_trip_dsync)
{
    round_trip(WW_DURABILITY_DSYNC);
}

Test(wal_log, round_trip_fdatasync)
{
    round_trip(WW_DURABILITY_FDATASYNC);
}

Test(wal_log, round_trip_buffered)
{
    round_trip(WW_DURABILITY_BUFFERED);
}

Test(wal_log, modes_can_change_between_openings)
{
    for (int mode = WW_DURABILITY_DSYNC; mode <= WW_DURABILITY_BUFFERED; mode++) {
        log_.options.durability = (enum ww_durability)mode;
        test_log_open_ok(&log_);
        cr_expect_eq(log_.visited, (uint64_t)mode);
        cr_expect_eq(log_.wrong, 0);
        test_log_append(&log_, 9000);
        test_log_close(&log_);
    }
}

Test(wal_log, flushes_are_counted_only_where_they_are_separate)
{
    for (int mode = WW_DURABILITY_DSYNC; mode <= WW_DURABILITY_BUFFERED; mode++) {
        log_.options.durability = (enum ww_durability)mode;
        test_log_open_ok(&log_);
        test_log_append(&log_, 100);
        test_log_append(&log_, 100);
        cr_expect_eq(log_.store->counters[WW_WAL_WRITES], 2);
        cr_expect_eq(log_.store->counters[WW_WAL_BYTES], 8192);
        cr_expect_eq(log_.store->counters[WW_WAL_FLUSHES], mode == WW_DURABILITY_DSYNC ? 0u : 2u);
        test_log_close(&log_);
    }
}

Test(wal_log, memory_mode_writes_reads_and_uses_no_files)
{
    log_.options.durability = WW_DURABILITY_MEMORY;
    log_.options.directory = "/nonexistent/whatever";
    test_log_open_ok(&log_);
    for (uint32_t i = 0; i < 60; i++)
        test_log_append(&log_, 100 + i * 1000);
    cr_expect_gt(log_.position, TEST_SEGMENT);
    cr_expect_geq(log_.store->counters[WW_WAL_PREPARED_BYTES], log_.position);
    struct ww_log_event event = test_log_read(&log_, 0, 8192);
    cr_expect_eq(event.status, WW_OK);
    cr_expect_eq(event.size_bytes, 8192u);
    cr_expect_null(
        ww_block_check(log_.read_buffer, 8192, (struct ww_block_place){log_.store->stream_id, 0}));
    log_.store->ops->release(log_.store, log_.durable);
    event = test_log_read(&log_, 0, 8192);
    cr_expect_eq(event.status, WW_EGONE);
}

Test(wal_log, memory_mode_is_written_only_after_the_next_poll)
{
    log_.options.durability = WW_DURABILITY_MEMORY;
    log_.options.write_depth = 2;
    test_log_open_ok(&log_);
    cr_expect_eq(test_log_write(&log_, 10), WW_OK);
    cr_expect_eq(test_log_write(&log_, 10), WW_OK);
    cr_expect_eq(test_log_write(&log_, 10), WW_EBUSY);
    struct ww_log_event events[4];
    cr_expect_eq(log_.store->ops->poll(log_.store, events, 4), 1u);
    cr_expect_eq(events[0].type, WW_LOG_WRITTEN);
    cr_expect_eq(events[0].position, 8192);
    cr_expect_eq(log_.store->ops->poll(log_.store, events, 4), 0u);
}

Test(wal_log, depth_bounds_the_writes_in_flight)
{
    log_.options.write_depth = 3;
    test_log_open_ok(&log_);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(test_log_write(&log_, 50000), WW_OK);
    cr_expect_eq(test_log_write(&log_, 50000), WW_EBUSY);
    test_log_wait(&log_, log_.written);
    cr_expect_eq(log_.durable, log_.written);
    cr_expect_eq(test_log_write(&log_, 50000), WW_OK);
}

Test(wal_log, the_time_of_entering_a_segment_is_remembered)
{
    test_log_open_ok(&log_);
    cr_expect_eq(log_.store->counters[WW_WAL_SEGMENTS_ENTERED], 0u);
    test_log_append(&log_, 100);
    cr_expect_eq(log_.store->counters[WW_WAL_SEGMENTS_ENTERED], 1u);
    while (log_.position <= TEST_SEGMENT)
        test_log_append(&log_, 100000);
    cr_expect_eq(log_.store->counters[WW_WAL_SEGMENTS_ENTERED], 2u);
    cr_expect_gt(log_.store->entered_ns[1], log_.store->entered_ns[0]);
    cr_expect_gt(log_.store->entered_ns[0], 0u);
    cr_expect_eq(log_.store->entered_ns[2], 0u);
}

/* Both ways of handing writes to the kernel that are not the default. */
Test(wal_log, a_kernel_thread_may_submit_and_buffers_need_not_be_registered)
{
    log_.options.sqpoll_ns = 1000000;
    log_.options.plain_buffers = true;
    test_log_open_ok(&log_);
    for (uint32_t i = 0; i < 20; i++)
        test_log_append(&log_, 20000);
    usleep(5000); /* the kernel's thread sleeps by now, and is woken */
    test_log_append(&log_, 20000);
    cr_expect_eq(log_.durable, log_.written);
    struct ww_log_event event = test_log_read(&log_, 0, 8192);
    cr_expect_eq(event.size_bytes, 8192u);
    test_log_close(&log_);
    test_log_open_ok(&log_);
    cr_expect_eq(log_.visited, 21u);
    cr_expect_eq(log_.wrong, 0u);
}

Test(wal_log, buffered_keeps_one_write_in_flight)
{
    log_.options.durability = WW_DURABILITY_BUFFERED;
    test_log_open_ok(&log_);
    cr_expect_eq(log_.store->write_depth, 1u);
}

Test(wal_log, reads_give_back_what_was_written)
{
    test_log_open_ok(&log_);
    for (uint32_t i = 0; i < 30; i++)
        test_log_append(&log_, 100000);
    struct ww_block_place place = {log_.store->stream_id, 0};
    uint32_t blocks = 0;
    while (place.position < log_.durable) {
        struct ww_log_event event = test_log_read(&log_, place.position, 128 * WW_KIB);
        cr_assert_eq(event.status, WW_OK);
        cr_assert_null(ww_block_check(log_.read_buffer, event.size_bytes, place));
        place.position += ((struct ww_block_header *)(void *)log_.read_buffer)->span_bytes;
        blocks++;
    }
    cr_expect_eq(blocks, 30u);
}

Test(wal_log, reads_end_at_the_segment_and_at_the_durable_position)
{
    test_log_open_ok(&log_);
    for (uint32_t i = 0; i < 30; i++)
        test_log_append(&log_, 60000);
    cr_expect_eq(test_log_read(&log_, TEST_SEGMENT - 4096, WW_READ_BYTES).size_bytes, 4096u);
    cr_expect_eq(test_log_read(&log_, log_.durable - 8192, WW_READ_BYTES).size_bytes, 8192u);
    cr_expect_eq(test_log_read(&log_, log_.durable, 4096).status, WW_EGONE);
}

Test(wal_log, too_many_reads_are_refused_and_all_complete)
{
    test_log_open_ok(&log_);
    test_log_append(&log_, 100);
    for (uint32_t tag = 0; tag < WW_READ_BUFFERS; tag++)
        cr_assert_eq(log_.store->ops->read(log_.store, tag, 0, log_.read_buffer + tag * 4096, 4096),
                     WW_OK);
    cr_expect_eq(log_.store->ops->read(log_.store, 99, 0, log_.read_buffer, 4096), WW_EBUSY);
    uint32_t seen = 0;
    while (seen != (1u << WW_READ_BUFFERS) - 1) {
        struct ww_log_event event;
        if (log_.store->ops->poll(log_.store, &event, 1) == 0) {
            sched_yield();
            continue;
        }
        cr_assert_eq(event.status, WW_OK);
        cr_assert_eq(seen & (1u << event.tag), 0u);
        seen |= 1u << event.tag;
    }
}

Test(wal_log, data_outside_the_regions_works_too)
{
    memset(log_.options.regions, 0, sizeof(log_.options.regions));
    test_log_open_ok(&log_);
    test_log_append(&log_, 20000);
    cr_expect_eq(test_log_read(&log_, 0, 4096).status, WW_OK);
    test_log_close(&log_);
    test_log_open_ok(&log_);
    cr_expect_eq(log_.visited, 1);
}

Test(wal_log, regions_that_may_not_be_locked_are_used_unregistered)
{
    struct rlimit little = {256 * WW_KIB, 256 * WW_KIB}; /* enough for the ring itself */
    setrlimit(RLIMIT_MEMLOCK, &little);
    if (geteuid() == 0) /* who may lock all the same */
        cr_assert(chown(log_.directory, 65534, 65534) == 0 && seteuid(65534) == 0);
    test_log_open_ok(&log_);
    cr_expect_eq(((struct ww_wal_disk *)log_.store)->region_count, 0u);
    test_log_append(&log_, 20000);
    cr_expect_eq(log_.durable, log_.written);
    test_log_close(&log_);
    if (getuid() == 0)
        cr_assert_eq(seteuid(0), 0);
}

/* Writes until the log has gone through `segments` segments, releasing what is behind. */
static void write_segments(uint64_t segments)
{
    while (log_.position < segments * TEST_SEGMENT) {
        test_log_append(&log_, 100000);
        log_.store->ops->release(log_.store, log_.durable);
    }
}

Test(wal_log, C18_recycled_segments_never_show_their_earlier_use)
{
    test_log_open_ok(&log_);
    write_segments(12);
    uint64_t first_kept = log_.index;
    cr_expect_gt(log_.store->counters[WW_WAL_SEGMENTS_RECYCLED], 0);
    cr_expect_lt(log_.store->counters[WW_WAL_SEGMENTS_PREPARED], 8, "spares are reused");
    uint64_t end = log_.position;
    test_log_close(&log_);
    cr_expect_lt(test_count_files(&log_, ".seg") + test_count_files(&log_, ".spare"), 8);

    test_log_open_ok(&log_);
    cr_expect_eq(log_.last_index, first_kept);
    cr_expect_eq(log_.store->start_position, end);
    cr_expect_lt(log_.visited, 30, "old blocks were visited");
    write_segments(15);
    test_log_close(&log_);
    test_log_open_ok(&log_);
    cr_expect_eq(log_.store->epoch, 3u);
}

Test(wal_log, a_read_below_the_released_position_is_gone)
{
    test_log_open_ok(&log_);
    write_segments(4);
    cr_expect_eq(test_log_read(&log_, 0, 4096).status, WW_EGONE);
    cr_expect_eq(test_log_read(&log_, log_.durable - 4096, 4096).status, WW_OK);
}

Test(wal_log, release_keeps_the_last_block)
{
    test_log_open_ok(&log_);
    while (log_.position < TEST_SEGMENT)
        test_log_append(&log_, 100000);
    cr_assert_eq(log_.position, TEST_SEGMENT);
    log_.store->ops->release(log_.store, log_.position);
    test_log_close(&log_);
    test_log_open_ok(&log_);
    cr_expect_gt(log_.visited, 0);
    cr_expect_eq(log_.store->epoch, 2u);
    cr_expect_eq(log_.store->start_position, TEST_SEGMENT);
}

Test(wal_log, max_bytes_stops_the_limit_until_something_is_released)
{
    log_.options.max_bytes = 3 * TEST_SEGMENT;
    test_log_open_ok(&log_);
    int status;
    while ((status = test_log_write(&log_, 100000)) == WW_OK ||
           log_.store->limit_position < 3u * TEST_SEGMENT)
        test_log_wait(&log_, log_.written);
    cr_expect_eq(status, WW_ENOSPC);
    cr_expect_eq(log_.store->limit_position, 3u * TEST_SEGMENT);
    cr_expect_eq(test_count_files(&log_, ".seg"), 3);
    while (__atomic_load_n(&log_.store->counters[WW_WAL_SEGMENTS_FAILED], __ATOMIC_RELAXED) == 0)
        sched_yield(); /* the fourth is tried, and that is told */
    log_.store->ops->release(log_.store, log_.durable);
    while (log_.store->limit_position <= 3u * TEST_SEGMENT)
        sched_yield();
    test_log_append(&log_, 100);
    test_log_close(&log_); /* while segments are being prepared one may have no name of its own */
    cr_expect_eq(test_count_files(&log_, ".seg") + test_count_files(&log_, ".spare"), 3);
}

/* With a segment in reserve the next one is made in the pauses of the log. */
Test(wal_log, a_segment_in_the_making_gives_way_to_the_log)
{
    log_.options.prepare_bytes = 4 * TEST_SEGMENT;
    test_log_open_ok(&log_);
    const uint64_t *counters = log_.store->counters;
    cr_expect_eq(counters[WW_WAL_PREPARED_BYTES], 4u * (TEST_SEGMENT + WW_SEGMENT_HEADER_BYTES));
    cr_expect_eq(counters[WW_WAL_PREPARE_PAUSE_NS], 0, "there is nothing to give way to");
    while (counters[WW_WAL_PREPARE_PAUSE_NS] == 0)
        test_log_append(&log_, 10000);
    cr_expect_geq(counters[WW_WAL_PREPARED_BYTES], 4u * TEST_SEGMENT + WW_WAL_PREPARE_PIECE);
}

Test(wal_log, a_full_log_opens_again)
{
    log_.options.max_bytes = 2 * TEST_SEGMENT;
    test_log_open_ok(&log_);
    while (test_log_write(&log_, 100000) == WW_OK || log_.store->limit_position < 2u * TEST_SEGMENT)
        test_log_wait(&log_, log_.written);
    uint64_t index = log_.index;
    test_log_close(&log_);
    test_log_open_ok(&log_);
    cr_expect_eq(log_.last_index, index);
    cr_expect_eq(test_log_write(&log_, 10), WW_ENOSPC);
    cr_expect_eq(test_log_read(&log_, 0, 4096).status, WW_OK);
}

Test(wal_log, no_room_for_the_first_segments_is_said)
{
    test_limit_file_size(TEST_SEGMENT / 2);
    cr_expect_eq(test_log_open(&log_), WW_ENOSPC);
    cr_expect_not_null(strstr(log_.error.text, "0000000000000000.new"), "%s", log_.error.text);
    cr_expect_eq(test_count_files(&log_, ".new"), 0);
    test_limit_file_size(RLIM_INFINITY);
    test_log_open_ok(&log_);
}

Test(wal_log, without_room_the_limit_stays_until_there_is_some)
{
    test_log_open_ok(&log_);
    while (log_.store->limit_position < 2u * TEST_SEGMENT)
        sched_yield();
    while (log_.position < TEST_SEGMENT)
        test_log_append(&log_, 100000);
    /* The second segment is there, and the third is not asked for before the second is entered. */
    test_limit_file_size(TEST_SEGMENT / 2); /* existing segments can be written up to there */
    while (log_.position < TEST_SEGMENT + TEST_SEGMENT / 4)
        test_log_append(&log_, 1000);
    cr_expect_eq(log_.failures, 0u);
    cr_expect_eq(log_.store->limit_position, 2u * TEST_SEGMENT);
    test_limit_file_size(RLIM_INFINITY);
    while (log_.store->limit_position <= 2u * TEST_SEGMENT)
        sched_yield();
    test_log_append(&log_, 1000);
}

static void fence(enum ww_durability durability)
{
    log_.options.durability = durability;
    test_log_open_ok(&log_);
    test_log_append(&log_, 100);
    uint64_t durable = log_.durable;
    test_limit_file_size(WW_SEGMENT_HEADER_BYTES + 4096);
    cr_assert_eq(test_log_write(&log_, 5000), WW_OK);
    test_log_wait(&log_, log_.written);
    cr_expect_eq(log_.failures, 1u);
    cr_expect_eq(log_.failed, WW_EIO);
    cr_expect_eq(log_.durable, durable, "nothing is acknowledged after a failure");

    test_limit_file_size(RLIM_INFINITY); /* the reason is gone, the fence is not */
    cr_expect_eq(test_log_write(&log_, 10), WW_ECLOSED);
    struct ww_log_event event;
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(log_.store->ops->poll(log_.store, &event, 1), 0u, "FAILED comes once");
    cr_expect_eq(test_log_read(&log_, 0, 4096).status, WW_OK, "reading still works");
}

Test(wal_log, C16_a_failed_write_fences_for_good_dsync)
{
    fence(WW_DURABILITY_DSYNC);
}

Test(wal_log, C16_a_failed_write_fences_for_good_fdatasync)
{
    fence(WW_DURABILITY_FDATASYNC);
}

Test(wal_log, C16_a_failed_write_fences_for_good_buffered)
{
    fence(WW_DURABILITY_BUFFERED);
}

/* The kernel writes up to the limit and says so; the rest must follow before it counts. */
static void short_write(enum ww_durability durability)
{
    log_.options.durability = durability;
    test_log_open_ok(&log_);
    test_limit_file_size(WW_SEGMENT_HEADER_BYTES + 8192);
    cr_assert_eq(test_log_write(&log_, 30000), WW_OK);
    test_limit_file_size(RLIM_INFINITY);
    test_log_wait(&log_, log_.written);
    cr_expect_eq(log_.failures, 0u);
    cr_expect_eq(log_.durable, log_.written);
    test_log_close(&log_);
    test_log_open_ok(&log_);
    cr_expect_eq(log_.visited, 1);
    cr_expect_eq(log_.wrong, 0);
}

Test(wal_log, C19_a_short_write_is_finished_dsync)
{
    short_write(WW_DURABILITY_DSYNC);
}

Test(wal_log, C19_a_short_write_is_finished_fdatasync)
{
    short_write(WW_DURABILITY_FDATASYNC);
}
