/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/payload.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct ww_payload *make(const char *file, uint32_t entry_bytes, uint64_t seed)
{
    struct ww_payload_options options = {.file = file, .entry_bytes = entry_bytes, .seed = seed};
    struct ww_payload *payload;
    struct ww_error error;
    cr_assert_eq(ww_payload_create(&options, &payload, &error), WW_OK, "%s", error.text);
    return payload;
}

static const char *write_lines(const char *text)
{
    static char path[32];
    strcpy(path, "payload-test-XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

Test(payload, follows_from_the_seed_alone)
{
    struct ww_payload *one = make(NULL, 64, 7), *other = make(NULL, 64, 7);
    /* In another order: what was made before must not matter. */
    uint8_t first[64], again[64];
    uint32_t size;
    memcpy(first, ww_payload_get(one, 3, 123456789, &size), 64);
    cr_expect_eq(size, 64);
    for (uint64_t sequence = 0; sequence < 20000; sequence++)
        ww_payload_get(other, 5, sequence, &size);
    memcpy(again, ww_payload_get(other, 3, 123456789, &size), 64);
    cr_expect_arr_eq(first, again, 64);
    ww_payload_destroy(one);
    ww_payload_destroy(other);
}

static int by_value(const void *left, const void *right)
{
    return memcmp(left, right, 8);
}

Test(payload, random_entries_differ)
{
    enum { GROUPS = 4, SEQUENCES = 5000 };
    static uint64_t numbers[GROUPS * SEQUENCES];
    struct ww_payload *payload = make(NULL, 8, 1);
    uint32_t size;
    for (uint32_t group = 0; group < GROUPS; group++)
        for (uint64_t i = 0; i < SEQUENCES; i++)
            memcpy(&numbers[group * SEQUENCES + i], ww_payload_get(payload, group, i, &size), 8);
    qsort(numbers, GROUPS * SEQUENCES, 8, by_value);
    for (size_t i = 1; i < GROUPS * SEQUENCES; i++)
        cr_assert_neq(numbers[i], numbers[i - 1]);
    ww_payload_destroy(payload);

    struct ww_payload *other_seed = make(NULL, 8, 2);
    uint64_t number;
    memcpy(&number, ww_payload_get(other_seed, 0, 0, &size), 8);
    cr_expect_null(bsearch(&number, numbers, GROUPS * SEQUENCES, 8, by_value));
    ww_payload_destroy(other_seed);
}

Test(payload, every_size)
{
    for (uint32_t bytes = 1; bytes < 9000; bytes = bytes * 2 + 1) {
        struct ww_payload *payload = make(NULL, bytes, 1);
        uint32_t size;
        uint8_t *copy = malloc(bytes);
        for (uint64_t i = 0; i < 3000; i++) {
            const void *data = ww_payload_get(payload, 0, i, &size);
            cr_assert_eq(size, bytes);
            memcpy(copy, data, size); /* all inside its memory, says the sanitizer */
        }
        cr_expect_eq(memcmp(copy, ww_payload_get(payload, 0, 2999, &size), bytes), 0);
        free(copy);
        cr_expect_eq(ww_payload_bytes(payload, 17, 10), 10 * bytes);
        cr_expect_float_eq(ww_payload_entry_mean(payload), bytes, 1e-9);
        ww_payload_destroy(payload);
    }
}

Test(payload, lines_of_a_file)
{
    const char *path = write_lines("8=FIX|a\n\nlonger line\nlast");
    struct ww_payload *payload = make(path, 64, 1);
    static const char *const lines[] = {"8=FIX|a", "", "longer line", "last"};
    uint64_t total = 0;
    for (uint64_t i = 0; i < 10; i++) {
        uint32_t size;
        const char *data = ww_payload_get(payload, (uint32_t)i, i, &size);
        cr_expect_eq(size, strlen(lines[i % 4]));
        cr_expect_eq(memcmp(data, lines[i % 4], size), 0);
        for (uint64_t from = 0; from <= i; from++) {
            uint64_t sum = 0;
            for (uint64_t j = from; j <= i; j++)
                sum += strlen(lines[j % 4]);
            cr_expect_eq(ww_payload_bytes(payload, from, i - from + 1), sum);
        }
        total += size;
    }
    cr_expect_eq(ww_payload_bytes(payload, 0, 10), total);
    cr_expect_eq(ww_payload_entry_max(payload), 11);
    cr_expect_float_eq(ww_payload_entry_mean(payload), 22 / 4.0, 1e-9);
    ww_payload_destroy(payload);
    unlink(path);
}

Test(payload, a_file_without_text_is_refused)
{
    struct ww_payload_options options = {.file = "/nonexistent/file"};
    struct ww_payload *payload;
    struct ww_error error;
    cr_expect_eq(ww_payload_create(&options, &payload, &error), WW_EINVAL);
    cr_expect_not_null(strstr(error.text, "/nonexistent/file"));
    options.file = write_lines("\n\n");
    cr_expect_eq(ww_payload_create(&options, &payload, &error), WW_EINVAL);
    cr_expect_null(payload);
    unlink(options.file);
    options.file = "/";
    cr_expect_eq(ww_payload_create(&options, &payload, &error), WW_EINVAL);
}

Test(payload, sizes_and_itch_add_up)
{
    struct ww_payload_options options[] = {{.seed = 3}, {.seed = 3}};
    ww_payload_choose(&options[0], "random", "mix:3B=1,64B=2,1KiB=1");
    ww_payload_choose(&options[1], "itch", "64B");
    for (size_t k = 0; k < 2; k++) {
        struct ww_payload *payload;
        struct ww_error error;
        cr_assert_eq(ww_payload_create(&options[k], &payload, &error), WW_OK, "%s", error.text);
        uint64_t sum = 0, from = 65530; /* beyond the end of either table */
        for (uint64_t i = from; i < from + 20000; i++) {
            uint32_t size;
            ww_payload_get(payload, 1, i, &size);
            cr_assert_leq(size, ww_payload_entry_max(payload));
            sum += size;
        }
        cr_expect_eq(ww_payload_bytes(payload, from, 20000), sum);
        cr_expect_float_eq((double)sum / 20000, ww_payload_entry_mean(payload),
                           0.05 * ww_payload_entry_mean(payload));
        ww_payload_destroy(payload);
    }
    cr_expect_str_eq(ww_payload_name(&options[0]), "random");
    cr_expect_str_eq(ww_payload_name(&options[1]), "itch");
}

Test(payload, wrong_sizes_are_refused)
{
    struct ww_payload_options options = {.seed = 1};
    struct ww_payload *payload;
    struct ww_error error;
    ww_payload_choose(&options, "random", "uniform:1KiB-64B");
    cr_expect_eq(ww_payload_create(&options, &payload, &error), WW_EINVAL);
    cr_expect_not_null(strstr(error.text, "uniform:1KiB-64B"), "%s", error.text);
    cr_expect_null(payload);
}
