/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/hlog.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static struct ww_histogram histogram;
static uint8_t plain[1u << 20];

static uint64_t number(const uint8_t *at, uint32_t bytes)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static int64_t take_word(const uint8_t **at)
{
    uint64_t value = 0;
    for (uint32_t i = 0;; i++) {
        uint64_t byte = *(*at)++;
        if (i == 8) {
            value |= byte << 56;
            break;
        }
        value |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80)
            break;
    }
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* Decodes as the specification says and compares every bucket. */
static void expect_decoded(void)
{
    size_t bytes;
    uint8_t *encoded = ww_hlog_encode(&histogram, &bytes);
    cr_assert_not_null(encoded);
    cr_expect_eq(number(encoded, 4), 0x1c849314u);
    cr_assert_eq(number(encoded + 4, 4), bytes - 8);
    uLongf size = sizeof(plain);
    cr_assert_eq(uncompress(plain, &size, encoded + 8, bytes - 8), Z_OK);
    free(encoded);
    cr_expect_eq(number(plain, 4), 0x1c849313u);
    cr_assert_eq(number(plain + 4, 4), size - 40);
    cr_expect_eq(number(plain + 12, 4), 3, "digits");
    cr_expect_gt(number(plain + 24, 8), histogram.max);
    uint32_t bucket = 0;
    for (const uint8_t *at = plain + 40; at < plain + size;) {
        int64_t word = take_word(&at);
        uint32_t zeros = word <= 0 ? (word == 0 ? 1 : (uint32_t)-word) : 0;
        for (; zeros > 0; zeros--)
            cr_assert_eq(histogram.buckets[bucket++], 0);
        if (word > 0)
            cr_assert_eq(histogram.buckets[bucket++], (uint64_t)word, "bucket %u", bucket - 1);
    }
    for (; bucket < WW_HISTOGRAM_BUCKETS; bucket++)
        cr_assert_eq(histogram.buckets[bucket], 0);
}

Test(hlog, what_was_encoded_is_what_was_recorded)
{
    ww_histogram_reset(&histogram);
    expect_decoded();
    ww_histogram_record(&histogram, 0, 1);
    ww_histogram_record(&histogram, 2, 63); /* words of one byte and of more */
    ww_histogram_record(&histogram, 3, 64);
    ww_histogram_record(&histogram, 4, 8191);
    ww_histogram_record(&histogram, 5, 8192);
    ww_histogram_record(&histogram, 100000, 1ull << 40);
    ww_histogram_record(&histogram, 1ull << 33, UINT64_C(0x3fffffffffffffff));
    expect_decoded();
}

Test(hlog, the_file_has_a_line_for_each_interval)
{
    char path[] = "hlog-test-XXXXXX", line[4096];
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    struct ww_hlog log;
    struct ww_error error;
    cr_assert_eq(ww_hlog_begin(&log, 1000000000, &error), WW_OK);
    ww_histogram_reset(&histogram);
    ww_histogram_record(&histogram, 2500000, 3);
    ww_hlog_add(&log, 1000000000, 2000000000, &histogram);
    ww_hlog_add(&log, 3500000000, 4000000000, &histogram);
    cr_assert_eq(ww_hlog_write(&log, "dsync", path, &error), WW_OK, "%s", error.text);
    ww_hlog_free(&log);
    FILE *file = fdopen(fd, "r");
    static const char *const begins[] = {"#[Histogram log format version 1.3]",
                                         "#[dsync]",
                                         "#[StartTime: ",
                                         "\"StartTimestamp\",",
                                         "0.000,1.000,2.500,HISTFAAA",
                                         "2.500,0.500,2.500,HISTFAAA"};
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        cr_assert_not_null(fgets(line, sizeof(line), file));
        cr_expect_eq(strncmp(line, begins[i], strlen(begins[i])), 0, "%s", line);
    }
    cr_expect_null(fgets(line, sizeof(line), file));
    fclose(file);
    unlink(path);
    cr_expect_eq(ww_hlog_write(&log, "", "/nonexistent/file", &error), WW_EIO);
}
