/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

TestSuite(wal_directory, .init = set_up, .fini = tear_down);

Test(wal_directory, is_created_in_an_existing_parent)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/node-1", log_.directory);
    log_.options.directory = path;
    test_log_open_ok(&log_);
    test_log_close(&log_);
    snprintf(path, sizeof(path), "%s/no/such", log_.directory);
    test_log_open_fails(&log_, WW_EIO, "no/such", "No such file or directory");
}

Test(wal_directory, that_is_a_file_is_refused)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/lock", log_.directory);
    test_log_open_ok(&log_);
    test_log_close(&log_);
    log_.options.directory = path;
    test_log_open_fails(&log_, WW_EIO, path, "Not a directory");
}

Test(wal_directory, that_cannot_be_written_is_refused)
{
    if (geteuid() == 0)
        cr_assert_eq(seteuid(65534), 0);
    cr_assert_eq(chmod(log_.directory, 0500) == 0 || geteuid() == 65534, true);
    test_log_open_fails(&log_, WW_EIO, log_.directory, "ermission denied");
    if (getuid() == 0)
        cr_assert_eq(seteuid(0), 0);
    chmod(log_.directory, 0700);
}

Test(wal_directory, a_second_opener_learns_who_holds_it)
{
    test_log_open_ok(&log_);
    char holder[32];
    snprintf(holder, sizeof(holder), "process %d ", (int)getpid());
    pid_t child = fork();
    if (child == 0) {
        struct ww_log_store *store;
        struct ww_error error;
        int status = ww_wal_open(&log_.options, NULL, NULL, &store, &error);
        _exit(status == WW_ELOCKED && strstr(error.text, holder) != NULL ? 0 : 1);
    }
    int result;
    waitpid(child, &result, 0);
    cr_expect(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    struct ww_wal_recovery recovery;
    cr_expect_eq(ww_wal_scan(log_.directory, NULL, NULL, &recovery, &log_.error), WW_ELOCKED);
    test_log_close(&log_);
    test_log_open_ok(&log_);
}

Test(wal_directory, of_another_node_is_refused)
{
    test_log_open_ok(&log_);
    test_log_close(&log_);
    log_.options.node = 5;
    test_log_open_fails(&log_, WW_EFOREIGN, "belongs to node 3", "not to node 5");
}

Test(wal_directory, of_another_cluster_is_refused)
{
    test_log_open_ok(&log_);
    test_log_close(&log_);
    log_.options.cluster = 0xbeef;
    test_log_open_fails(&log_, WW_EFOREIGN, "cluster 00000000000000c1", "cluster 000000000000beef");
}

Test(wal_directory, of_a_future_version_is_refused)
{
    test_log_open_ok(&log_);
    test_log_close(&log_);
    test_set_version(&log_, "identity", 9, sizeof(struct ww_wal_identity));
    test_log_open_fails(&log_, WW_EVERSION, "identity: has format version 9", "knows version 4");
}

Test(wal_directory, C17_a_flip_in_every_byte_of_the_identity_is_found)
{
    test_log_open_ok(&log_);
    test_log_close(&log_);
    for (uint64_t offset = 0; offset < sizeof(struct ww_wal_identity); offset++) {
        test_flip(&log_, "identity", offset);
        test_log_open_fails(&log_, WW_EDAMAGED, "/identity", "checksum");
        test_flip(&log_, "identity", offset);
    }
    test_log_open_ok(&log_);
}

Test(wal_directory, a_lost_identity_is_not_made_anew)
{
    test_log_open_ok(&log_);
    test_log_append(&log_, 10);
    test_log_close(&log_);
    char path[128];
    snprintf(path, sizeof(path), "%s/identity", log_.directory);
    unlink(path);
    test_log_open_fails(&log_, WW_EDAMAGED, "identity is missing", "segments");
}

Test(wal_directory, another_segment_size_is_refused)
{
    test_log_open_ok(&log_);
    test_log_close(&log_);
    log_.options.segment_bytes = 2 * TEST_SEGMENT;
    test_log_open_fails(&log_, WW_EINVAL, "segments of 1048576 bytes", "2097152");
}

Test(wal_directory, a_scan_of_nothing_says_so)
{
    struct ww_wal_recovery recovery;
    cr_expect_eq(ww_wal_scan("no-such-log", NULL, NULL, &recovery, &log_.error), WW_ENOTFOUND);
    cr_expect_eq(ww_wal_scan(log_.directory, NULL, NULL, &recovery, &log_.error), WW_ENOTFOUND);
}

Test(wal_directory, bad_options_are_refused)
{
    struct ww_wal_options good = log_.options;
    log_.options.segment_bytes = 3 * WW_MIB;
    test_log_open_fails(&log_, WW_EINVAL, "3145728", "power of two");
    log_.options = good;
    log_.options.span_bytes = 3 * WW_MIB / 2;
    test_log_open_fails(&log_, WW_EINVAL, "1572864", "divides");
    log_.options = good;
    log_.options.write_depth = 0;
    test_log_open_fails(&log_, WW_EINVAL, "depth 0", "between 1 and");
    log_.options = good;
    log_.options.max_bytes = TEST_SEGMENT;
    test_log_open_fails(&log_, WW_EINVAL, "1048576", "two segments");
    log_.options = good;
    test_log_open_ok(&log_);
}

Test(wal_directory, in_memory_takes_buffered_but_not_durable_modes)
{
    char path[] = "/dev/shm/wal-test-XXXXXX";
    if (mkdtemp(path) == NULL)
        cr_skip_test("no /dev/shm here");
    log_.options.directory = path;
    test_log_open_fails(&log_, WW_EINVAL, path, "buffered or memory");
    log_.options.durability = WW_DURABILITY_BUFFERED;
    test_log_open_ok(&log_);
    test_log_append(&log_, 3000);
    test_log_close(&log_);
    test_log_open_ok(&log_);
    cr_expect_eq(log_.visited, 1);
    test_log_close(&log_);
    cr_assert_lt(snprintf(log_.error.text, sizeof(log_.error.text), "rm -r %s", path), 100);
    cr_expect_eq(system(log_.error.text), 0);
}

static uint32_t count_entries(const char *path)
{
    uint32_t count = 0;
    DIR *directory = opendir(path);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

Test(wal_directory, closing_leaves_no_thread_and_no_descriptor)
{
    test_log_open_ok(&log_);
    test_log_close(&log_);
    uint32_t descriptors = count_entries("/proc/self/fd");
    uint32_t threads = count_entries("/proc/self/task");
    for (int i = 0; i < 20; i++) {
        test_log_open_ok(&log_);
        test_log_append(&log_, 100);
        test_log_close(&log_);
    }
    cr_expect_eq(count_entries("/proc/self/fd"), descriptors);
    cr_expect_eq(count_entries("/proc/self/task"), threads);
}
