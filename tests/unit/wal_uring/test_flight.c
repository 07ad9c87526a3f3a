/* SPDX-License-Identifier: Apache-2.0 */
#include "wal_uring/flight.h"

#include <criterion/criterion.h>
#include <errno.h>

#define BYTES 8192

static struct ww_wal_flight flight;

/* `count` writes of 8 KiB in a row are in the kernel. */
static void start(uint32_t count, bool flushes)
{
    flight = (struct ww_wal_flight){.flushes = flushes};
    for (uint32_t i = 0; i < count; i++)
        ww_wal_flight_submitted(&flight, ww_wal_flight_begin(&flight, i * BYTES, NULL, BYTES));
}

Test(wal_flight, C19_durable_is_the_unbroken_row_in_every_order)
{
    static const uint32_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                          {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int order = 0; order < 6; order++) {
        start(3, false);
        bool done[4] = {false};
        for (int i = 0; i < 3; i++) {
            done[orders[order][i]] = true;
            cr_assert_eq(ww_wal_flight_complete(&flight, orders[order][i], false, BYTES),
                         WW_WAL_FINISHED);
            uint64_t row = 0;
            while (done[row])
                row++;
            cr_assert_eq(flight.durable, row * BYTES);
        }
        cr_assert_eq(flight.count, 0u);
    }
}

Test(wal_flight, C19_not_durable_before_its_flush)
{
    start(1, true);
    cr_expect_eq(ww_wal_flight_complete(&flight, 0, false, BYTES), WW_WAL_WAIT);
    cr_expect_eq(flight.durable, 0);
    cr_expect_eq(ww_wal_flight_complete(&flight, 0, true, 0), WW_WAL_FINISHED);
    cr_expect_eq(flight.durable, BYTES);
}

Test(wal_flight, C19_a_flush_that_saw_half_of_the_write_does_not_count)
{
    start(1, true);
    ww_wal_flight_complete(&flight, 0, false, 4096);
    cr_expect_eq(ww_wal_flight_complete(&flight, 0, true, 0), WW_WAL_SUBMIT);
    cr_expect_eq(flight.durable, 0);
    ww_wal_flight_submitted(&flight, 0);
    ww_wal_flight_complete(&flight, 0, false, 4096);
    cr_expect_eq(flight.durable, 0);
    cr_expect_eq(ww_wal_flight_complete(&flight, 0, true, 0), WW_WAL_FINISHED);
    cr_expect_eq(flight.durable, BYTES);
}

Test(wal_flight, short_and_interrupted_writes_are_submitted_again)
{
    start(1, false);
    static const int results[] = {512, -EINTR, -EAGAIN, 4096, BYTES - 4608};
    for (int i = 0; i < 4; i++) {
        cr_expect_eq(ww_wal_flight_complete(&flight, 0, false, results[i]), WW_WAL_SUBMIT);
        cr_expect_eq(flight.durable, 0);
        ww_wal_flight_submitted(&flight, 0);
    }
    cr_expect_eq(ww_wal_flight_complete(&flight, 0, false, results[4]), WW_WAL_FINISHED);
    cr_expect_eq(flight.durable, BYTES);
}

Test(wal_flight, C16_after_a_failure_nothing_becomes_durable)
{
    start(3, false);
    ww_wal_flight_complete(&flight, 0, false, BYTES);
    ww_wal_flight_complete(&flight, 2, false, -EIO);
    cr_expect_eq(flight.failure, -EIO);
    cr_expect_eq(flight.durable, BYTES);
    cr_expect_eq(ww_wal_flight_complete(&flight, 1, false, BYTES), WW_WAL_FINISHED);
    cr_expect_eq(flight.durable, BYTES, "the second was complete only after the failure");
}

Test(wal_flight, C16_no_write_is_tried_again_after_a_failure)
{
    start(2, false);
    ww_wal_flight_complete(&flight, 0, false, -ENOSPC);
    cr_expect_eq(ww_wal_flight_complete(&flight, 1, false, 4096), WW_WAL_FINISHED);
    cr_expect_eq(flight.failure, -ENOSPC, "the first failure is the one that is told");
}

Test(wal_flight, C16_a_failed_flush_fences)
{
    static const int results[] = {-EIO, -EINTR, -ECANCELED};
    for (int i = 0; i < 3; i++) {
        start(1, true);
        ww_wal_flight_complete(&flight, 0, false, BYTES);
        cr_expect_eq(ww_wal_flight_complete(&flight, 0, true, results[i]), WW_WAL_FINISHED);
        cr_expect_eq(flight.failure, results[i]);
        cr_expect_eq(flight.durable, 0);
    }
}

Test(wal_flight, a_write_that_writes_nothing_is_a_failure)
{
    start(1, false);
    cr_expect_eq(ww_wal_flight_complete(&flight, 0, false, 0), WW_WAL_FINISHED);
    cr_expect_eq(flight.failure, -EIO);
}
