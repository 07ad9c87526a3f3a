/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot_fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL 3000u

static struct test_log log_;

static void set_up(void)
{
    test_log_init(&log_);
    test_log_open_ok(&log_);
}

static void tear_down(void)
{
    test_log_free(&log_);
}

TestSuite(wal_snapshot_file, .init = set_up, .fini = tear_down);

static void save(uint32_t group, uint64_t index)
{
    struct ww_snapshot_blob blob = test_snapshot_saved(&log_, group, index, SMALL);
    log_.store->ops->snapshot_unmap(log_.store, &blob);
}

static void put(const char *name, const void *data, size_t bytes)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/snapshots/%s", log_.directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    cr_assert_eq(write(fd, data, bytes), (ssize_t)bytes);
    close(fd);
}

static int map(uint32_t group, uint64_t index, struct ww_snapshot_blob *blob)
{
    return log_.store->ops->snapshot_map(log_.store, group, index, blob);
}

/* What a crash leaves: a file that was being written, one whose record was not, an older one. */
Test(wal_snapshot_file, A12_what_was_not_finished_is_removed_at_opening_and_all_else_stays)
{
    save(5, 90);
    save(5, 100);
    test_log_close(&log_);
    put("00000005-000000000000006e.new", "WSNP", 4);
    put("00000005-000000000000006f.part", "", 0);
    put("00000006-0000000000000001.part", "WSNP", 4);
    put("notes.new", "somebody's", 10);
    test_log_open_ok(&log_);
    cr_assert_str_eq(test_snapshot_files(&log_), " 00000005-000000000000005a.snap"
                                                 " 00000005-0000000000000064.snap notes.new");
    struct ww_snapshot_blob blob;
    cr_assert_eq(map(5, 100, &blob), WW_OK);
    test_snapshot_contents(&blob, 5, 100, SMALL);
    log_.store->ops->snapshot_unmap(log_.store, &blob);
    cr_assert_eq(map(5, 110, &blob), WW_ENOTFOUND);
    cr_assert_null(blob.data);
    cr_assert_eq(map(6, 1, &blob), WW_ENOTFOUND);
}

Test(wal_snapshot_file, the_older_ones_of_a_group_are_dropped)
{
    save(5, 90);
    save(5, 100);
    save(6, 80);
    save(UINT32_C(4095), 1);
    log_.store->ops->snapshot_drop(log_.store, 5, 100);
    test_snapshot_wait_files(&log_, " 00000005-0000000000000064.snap"
                                    " 00000006-0000000000000050.snap"
                                    " 00000fff-0000000000000001.snap");
    log_.store->ops->snapshot_drop(log_.store, 5, 90); /* says less than before */
    log_.store->ops->snapshot_drop(log_.store, 6, UINT64_MAX);
    test_snapshot_wait_files(&log_, " 00000005-0000000000000064.snap"
                                    " 00000fff-0000000000000001.snap");
}

Test(wal_snapshot_file, one_that_cannot_be_read_is_told)
{
    struct ww_snapshot_blob blob;
    put("00000005-0000000000000064.snap", "", 0);
    cr_assert_eq(map(5, 100, &blob), WW_EDAMAGED);
    put("00000005-0000000000000065.snap", "WSNP", 4);
    cr_assert_eq(map(5, 101, &blob), WW_OK, "the contents are the caller's to check");
    cr_assert_eq(blob.bytes, 4);
    cr_assert_eq(ww_snapshot_check(&blob, TEST_CLUSTER, 5, NULL), WW_EDAMAGED);
    log_.store->ops->snapshot_unmap(log_.store, &blob);
    char path[128];
    snprintf(path, sizeof(path), "%s/snapshots/00000005-0000000000000066.snap", log_.directory);
    cr_assert_eq(mkdir(path, 0750), 0);
    int status = map(5, 102, &blob);
    cr_assert(status != WW_OK && blob.data == NULL, "%s", ww_status_name(status));
    snprintf(path, sizeof(path), "%s/snapshots/00000005-0000000000000067.snap", log_.directory);
    cr_assert_eq(symlink(strrchr(path, '/') + 1, path), 0);
    cr_assert_eq(map(5, 103, &blob), WW_EIO, "what may be mended is not called lost");
}

Test(wal_snapshot_file, the_same_index_again_takes_its_place)
{
    struct ww_snapshot_blob first = test_snapshot_saved(&log_, 5, 100, SMALL);
    struct ww_snapshot_blob second = test_snapshot_saved(&log_, 5, 100, 2 * SMALL);
    test_snapshot_contents(&first, 5, 100, SMALL);
    log_.store->ops->snapshot_unmap(log_.store, &first);
    log_.store->ops->snapshot_unmap(log_.store, &second);
    cr_assert_str_eq(test_snapshot_files(&log_), " 00000005-0000000000000064.snap");
    cr_assert_eq(map(5, 100, &first), WW_OK);
    test_snapshot_contents(&first, 5, 100, 2 * SMALL);
    log_.store->ops->snapshot_unmap(log_.store, &first);
}

Test(wal_snapshot_file, a_directory_that_cannot_be_made_is_refused)
{
    char path[128];
    test_log_close(&log_);
    snprintf(path, sizeof(path), "%s/snapshots", log_.directory);
    cr_assert_eq(rmdir(path), 0);
    int fd = open(path, O_CREAT | O_WRONLY, 0640);
    close(fd);
    test_log_open_fails(&log_, WW_EIO, "snapshots", "Not a directory");
}
