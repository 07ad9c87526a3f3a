/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/units.h"

#include <whitewater/status.h>

#include <criterion/criterion.h>

#include <string.h>

typedef int (*parser)(const char *text, uint64_t *value, const char **why);

static void expect(parser parse, const char *text, uint64_t wanted)
{
    uint64_t value = 0;
    const char *why = "unset";
    cr_assert_eq(parse(text, &value, &why), WW_OK, "%s: %s", text, why);
    cr_assert_eq(value, wanted, "%s gives %lu", text, value);
}

static void expect_error(parser parse, const char *text, const char *part)
{
    uint64_t value = 0;
    const char *why = NULL;
    cr_assert_eq(parse(text, &value, &why), WW_EINVAL, "'%s' is taken", text);
    cr_assert(strstr(why, part) != NULL, "'%s': %s", text, why);
}

Test(units, counts)
{
    expect(ww_parse_count, "0", 0);
    expect(ww_parse_count, "12", 12);
    expect(ww_parse_count, "100k", 100000);
    expect(ww_parse_count, "2M", 2000000);
    expect(ww_parse_count, "18446744073709551615", UINT64_MAX);
}

Test(units, bytes)
{
    expect(ww_parse_bytes, "4096", 4096);
    expect(ww_parse_bytes, "64B", 64);
    expect(ww_parse_bytes, "64KiB", 65536);
    expect(ww_parse_bytes, "1GiB", 1u << 30);
    expect(ww_parse_bytes, "2TiB", 2ull << 40);
}

Test(units, durations)
{
    expect(ww_parse_duration, "0", 0);
    expect(ww_parse_duration, "500ns", 500);
    expect(ww_parse_duration, "10us", 10000);
    expect(ww_parse_duration, "3ms", 3000000);
    expect(ww_parse_duration, "2s", 2000000000);
    expect(ww_parse_duration, "1m", 60000000000);
}

Test(units, a_wrong_unit_names_the_right_ones)
{
    expect_error(ww_parse_bytes, "64KB", "KiB");
    expect_error(ww_parse_bytes, "10ms", "KiB");
    expect_error(ww_parse_duration, "10", "ns, us, ms");
    expect_error(ww_parse_duration, "10 ms", "ns, us, ms");
    expect_error(ww_parse_count, "10KiB", "k, M");
    expect_error(ww_parse_duration, "1.5ms", "whole number");
}

Test(units, what_is_not_a_number_is_refused)
{
    const char *const texts[] = {"", "-1", "+1", " 1", "x", "KiB", "0x10", "1e3"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        expect_error(ww_parse_count, texts[i], i < 6 ? "not a number" : "unit");
        expect_error(ww_parse_bytes, texts[i], i < 6 ? "not a number" : "unit");
        expect_error(ww_parse_duration, texts[i], i < 6 ? "not a number" : "unit");
    }
}

Test(units, numbers_beyond_64_bits_are_refused)
{
    expect_error(ww_parse_count, "18446744073709551616", "too large");
    expect_error(ww_parse_bytes, "17179869184GiB", "too large");
    expect_error(ww_parse_duration, "18446744073710s", "too large");
}

Test(units, formatting_is_short_and_exact)
{
    char text[32];
    cr_assert_str_eq(ww_format_bytes(65536, text, sizeof(text)), "64KiB");
    cr_assert_str_eq(ww_format_bytes(1000, text, sizeof(text)), "1000");
    cr_assert_str_eq(ww_format_bytes(0, text, sizeof(text)), "0");
    cr_assert_str_eq(ww_format_bytes(3ull << 30, text, sizeof(text)), "3GiB");
    cr_assert_str_eq(ww_format_duration(50000000, text, sizeof(text)), "50ms");
    cr_assert_str_eq(ww_format_duration(90000000000, text, sizeof(text)), "90s");
    cr_assert_str_eq(ww_format_duration(0, text, sizeof(text)), "0");
}

Test(units, formatted_values_read_back)
{
    char text[32];
    for (uint64_t value = 1; value < UINT64_MAX / 3; value = value * 3 + 1) {
        expect(ww_parse_bytes, ww_format_bytes(value, text, sizeof(text)), value);
        expect(ww_parse_duration, ww_format_duration(value, text, sizeof(text)), value);
    }
}
