/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the code under test asked of the kernel, in order: a file's data synced (d), a rename (r), a
 * directory synced (D). These stand before those of the C library, and do what they do. */
static char asked[64];

static void note(char what)
{
    size_t length = strlen(asked);
    if (length + 1 < sizeof(asked))
        asked[length] = what;
}

int fdatasync(int fd)
{
    note('d');
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    struct stat status;
    note(fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) ? 'D' : 'f');
    return (int)syscall(SYS_fsync, fd);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    note('r');
    return (int)syscall(SYS_renameat, from_fd, from, to_fd, to);
}

static struct test_log log_;
static struct ww_wal_directory directory;

static void set_up(void)
{
    test_log_init(&log_);
    cr_assert_eq(ww_wal_directory_open(&directory, log_.directory, true, &log_.error), WW_OK);
    directory.identity.segment_bytes = TEST_SEGMENT;
    memset(asked, 0, sizeof(asked));
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
    cr_assert_eq(ww_wal_segment_create(&directory, 7, NULL, 0, &log_.error), WW_OK);
    cr_assert_str_eq(asked, "drD");
}

Test(wal_segment, C19_so_is_one_that_was_used_before)
{
    const uint64_t spare = 7;
    cr_assert_eq(ww_wal_segment_create(&directory, spare, NULL, 0, &log_.error), WW_OK);
    cr_assert_eq(ww_wal_segment_rename(&directory, spare, ".seg", spare, ".spare", &log_.error),
                 WW_OK);
    cr_assert_str_eq(asked, "drDrD");
    memset(asked, 0, sizeof(asked));
    cr_assert_eq(ww_wal_segment_create(&directory, 9, &spare, 0, &log_.error), WW_OK);
    cr_assert_str_eq(asked, "drD");
}
