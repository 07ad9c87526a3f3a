/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/gaps.h"

#include "bench/run_directory.h"
#include "engine/cli/local_files.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)

static char directory_[32];
static struct ww_error error_;

static void set_up(void)
{
    strcpy(directory_, "gaps-test-XXXXXX");
    cr_assert_not_null(mkdtemp(directory_));
}

static void tear_down(void)
{
    ww_local_remove(directory_);
}

TestSuite(gaps, .init = set_up, .fini = tear_down);

/* Writes down what process `client` sees: acknowledgements at these times. */
static void note(uint32_t client, const uint64_t *times_ns, size_t count)
{
    char path[WW_RUN_PATH_MAX];
    ww_run_load_file(path, directory_, client, WW_GAPS);
    struct ww_gap_writer writer = {.file = fopen(path, "wb")};
    cr_assert_not_null(writer.file);
    for (size_t i = 0; i < count; i++)
        ww_gap_note(&writer, times_ns[i]);
    cr_assert_eq(ww_gap_writer_close(&writer, &error_), WW_OK, "%s", error_.text);
}

static struct ww_gaps read_all(uint32_t clients)
{
    struct ww_gaps gaps;
    cr_assert_eq(ww_gaps_read(&gaps, directory_, clients, &error_), WW_OK, "%s", error_.text);
    return gaps;
}

static void expect(const struct ww_gap *gap, uint64_t begin_ns, uint64_t end_ns)
{
    cr_assert_not_null(gap);
    cr_expect_eq(gap->begin_ns, begin_ns);
    cr_expect_eq(gap->end_ns, end_ns);
}

Test(gaps, the_longest_of_each_millisecond_is_kept)
{
    const uint64_t times[] = {10 * MS,     10 * MS + 10, 10 * MS + 500, 10 * MS + 600,
                              11 * MS + 1, 90 * MS,      90 * MS + 5};
    note(0, times, sizeof(times) / sizeof(times[0]));
    struct ww_gaps gaps = read_all(1);
    cr_assert_eq(gaps.count, 3);
    expect(&gaps.list[0], 10 * MS + 600, 11 * MS + 1);
    expect(&gaps.list[1], 11 * MS + 1, 90 * MS);
    expect(&gaps.list[2], 90 * MS, 90 * MS + 5);
    ww_gaps_free(&gaps);
}

Test(gaps, the_longest_one_around_a_moment)
{
    const uint64_t times[] = {1 * MS, 500 * MS, 501 * MS, 800 * MS, 1000 * MS, 9000 * MS};
    note(0, times, sizeof(times) / sizeof(times[0]));
    struct ww_gaps gaps = read_all(1);
    expect(ww_gaps_longest(&gaps, 600 * MS, 700 * MS), 501 * MS, 800 * MS); /* it lasts already */
    expect(ww_gaps_longest(&gaps, 500 * MS, 801 * MS), 501 * MS, 800 * MS); /* it begins later */
    expect(ww_gaps_longest(&gaps, 499 * MS, 801 * MS), 1 * MS, 500 * MS);
    expect(ww_gaps_longest(&gaps, 600 * MS, 1001 * MS), 1000 * MS, 9000 * MS);
    cr_expect_null(ww_gaps_longest(&gaps, 9000 * MS, 9999 * MS));
    ww_gaps_free(&gaps);
}

Test(gaps, of_several_processes_the_common_ones)
{
    const uint64_t one[] = {10 * MS, 100 * MS, 101 * MS, 400 * MS};
    const uint64_t two[] = {50 * MS, 120 * MS, 200 * MS, 300 * MS, 500 * MS};
    note(0, one, sizeof(one) / sizeof(one[0]));
    note(1, two, sizeof(two) / sizeof(two[0]));
    struct ww_gaps gaps = read_all(2);
    cr_assert_eq(gaps.count, 6);
    expect(&gaps.list[0], 50 * MS, 100 * MS);
    expect(&gaps.list[1], 100 * MS, 101 * MS);
    expect(&gaps.list[2], 101 * MS, 120 * MS);
    expect(&gaps.list[3], 120 * MS, 200 * MS);
    expect(&gaps.list[4], 200 * MS, 300 * MS);
    expect(&gaps.list[5], 300 * MS, 400 * MS);
    ww_gaps_free(&gaps);
}

Test(gaps, a_missing_file_is_said)
{
    struct ww_gaps gaps;
    cr_expect_eq(ww_gaps_read(&gaps, "/nonexistent", 1, &error_), WW_EIO);
    cr_expect_null(gaps.list);
}
