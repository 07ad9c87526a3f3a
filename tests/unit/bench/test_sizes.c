/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sizes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST 8192u

static struct ww_sizes make(const char *text, uint64_t seed)
{
    struct ww_sizes sizes;
    struct ww_error error;
    cr_assert_eq(ww_sizes_create(&sizes, text, seed, MOST, &error), WW_OK, "%s", error.text);
    return sizes;
}

static double mean_of(const struct ww_sizes *sizes, uint32_t *low, uint32_t *high)
{
    double sum = 0;
    *low = UINT32_MAX;
    *high = 0;
    for (uint64_t i = 0; i < sizes->count; i++) {
        uint32_t size = sizes->bytes[i];
        sum += size;
        *low = size < *low ? size : *low;
        *high = size > *high ? size : *high;
    }
    return sum / (double)sizes->count;
}

Test(sizes, one_size_is_of_all)
{
    struct ww_sizes sizes = make("1KiB", 1);
    cr_expect_eq(sizes.fixed, 1024);
    cr_expect_null(sizes.bytes);
}

Test(sizes, a_range_is_filled_evenly)
{
    struct ww_sizes sizes = make("uniform:100B-300B", 1);
    uint32_t low, high;
    cr_expect_float_eq(mean_of(&sizes, &low, &high), 200, 2);
    cr_expect_eq(low, 100);
    cr_expect_eq(high, 300);
    ww_sizes_destroy(&sizes);
}

Test(sizes, exponential_ones_have_the_mean_and_a_bound)
{
    struct ww_sizes sizes = make("exponential:256B", 1);
    uint32_t low, high, above = 0;
    cr_expect_float_eq(mean_of(&sizes, &low, &high), 256, 5);
    cr_expect_geq(low, 1);
    cr_expect_leq(high, 2560);
    for (uint64_t i = 0; i < sizes.count; i++)
        above += sizes.bytes[i] > 256;
    cr_expect_float_eq((double)above / (double)sizes.count, 0.368, 0.01);
    ww_sizes_destroy(&sizes);
}

Test(sizes, a_mix_keeps_its_weights)
{
    struct ww_sizes sizes = make("mix:64B=90,1KiB=9.5,4KiB=0.5", 3);
    double seen[3] = {0};
    for (uint64_t i = 0; i < sizes.count; i++) {
        uint32_t size = sizes.bytes[i];
        cr_assert(size == 64 || size == 1024 || size == 4096);
        seen[size == 64 ? 0 : size == 1024 ? 1 : 2] += 100.0 / (double)sizes.count;
    }
    cr_expect_float_eq(seen[0], 90, 0.5);
    cr_expect_float_eq(seen[1], 9.5, 0.5);
    cr_expect_float_eq(seen[2], 0.5, 0.2);
    ww_sizes_destroy(&sizes);
}

Test(sizes, follow_from_the_seed)
{
    struct ww_sizes one = make("uniform:1B-8KiB", 5), same = make("uniform:1B-8KiB", 5);
    struct ww_sizes other = make("uniform:1B-8KiB", 6);
    cr_expect_eq(memcmp(one.bytes, same.bytes, one.count * sizeof(*one.bytes)), 0);
    cr_expect_neq(memcmp(one.bytes, other.bytes, one.count * sizeof(*one.bytes)), 0);
    ww_sizes_destroy(&one);
    ww_sizes_destroy(&same);
    ww_sizes_destroy(&other);
}

static void write_file(const char *text, char path[32])
{
    strcpy(path, "sizes-test-XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

Test(sizes, of_a_file_keep_their_order)
{
    char path[32], text[64];
    write_file("10\n1KiB\n7B", path);
    snprintf(text, sizeof(text), "file:%s", path);
    struct ww_sizes sizes = make(text, 1);
    cr_assert_eq(sizes.count, 3);
    cr_expect_eq(sizes.bytes[0], 10);
    cr_expect_eq(sizes.bytes[1], 1024);
    cr_expect_eq(sizes.bytes[2], 7);
    ww_sizes_destroy(&sizes);
    unlink(path);
}

Test(sizes, a_bad_one_is_named_with_its_line)
{
    char path[32], text[64], line[64];
    struct ww_sizes sizes;
    struct ww_error error;
    write_file("10\n0\n", path);
    snprintf(text, sizeof(text), "file:%s", path);
    snprintf(line, sizeof(line), "%s:2", path);
    cr_expect_eq(ww_sizes_create(&sizes, text, 1, MOST, &error), WW_EINVAL);
    cr_expect_not_null(strstr(error.text, line), "%s", error.text);
    unlink(path);
    cr_expect_eq(ww_sizes_create(&sizes, text, 1, MOST, &error), WW_EINVAL, "it is gone");
    write_file("", path);
    snprintf(text, sizeof(text), "file:%s", path);
    cr_expect_eq(ww_sizes_create(&sizes, text, 1, MOST, &error), WW_EINVAL, "it is empty");
    unlink(path);
}

Test(sizes, what_is_wrong_is_said)
{
    static const char *const wrong[][2] = {
        {"", "''"},
        {"0", "'0'"},
        {"9000B", "'9000B'"},
        {"64X", "'64X'"},
        {"normal:64B", "neither"},
        {"uniform:64B", "no range"},
        {"uniform:64B-32B", "before it begins"},
        {"uniform:-32B", "''"},
        {"exponential:1KiB", "ten times"},
        {"mix:64B", "SIZE=WEIGHT"},
        {"mix:64B=1,", "''"},
        {"mix:64B=0", "no weight"},
        {"mix:64B=nan", "no weight"},
        {"mix:64B=1x", "no weight"},
        {"mix:64KiB=1", "'64KiB'"},
    };
    struct ww_sizes sizes;
    struct ww_error error;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        cr_expect_eq(ww_sizes_create(&sizes, wrong[i][0], 1, MOST, &error), WW_EINVAL, "%s",
                     wrong[i][0]);
        cr_expect_not_null(strstr(error.text, wrong[i][1]), "%s: %s", wrong[i][0], error.text);
        cr_expect_null(sizes.bytes);
    }
}
