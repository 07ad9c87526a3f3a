/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"
#include "kernel.h"

#include <criterion/criterion.h>
#include <string.h>

static struct test_log log_;
static struct ww_wal_directory directory;

static void set_up(void)
{
    test_log_init(&log_);
    cr_assert_eq(ww_wal_directory_open(&directory, log_.directory, true, &log_.error), WW_OK);
    directory.identity.segment_bytes = TEST_SEGMENT;
    memset(test_asked, 0, sizeof(test_asked));
}

static void tear_down(void)
{
    ww_wal_directory_close(&directory);
    test_log_free(&log_);
}

TestSuite(wal_segment, .init = set_up, .fini = tear_down);

/* First what is in it, then its name, then the directory that holds the name. */
Test(wal_segment, C19_a_new_one_is_durable_before_it_is_used)
{
    cr_assert_eq(ww_wal_segment_create(&directory, 7, NULL, 0, NULL, &log_.error), WW_OK);
    cr_assert_str_eq(test_asked, "drD");
}

Test(wal_segment, C19_so_is_one_that_was_used_before)
{
    const uint64_t spare = 7;
    cr_assert_eq(ww_wal_segment_create(&directory, spare, NULL, 0, NULL, &log_.error), WW_OK);
    cr_assert_eq(ww_wal_segment_rename(&directory, spare, ".seg", spare, ".spare", &log_.error),
                 WW_OK);
    cr_assert_str_eq(test_asked, "drDrD");
    memset(test_asked, 0, sizeof(test_asked));
    cr_assert_eq(ww_wal_segment_create(&directory, 9, &spare, 0, NULL, &log_.error), WW_OK);
    cr_assert_str_eq(test_asked, "drD");
}
