/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/format.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(format, figures_have_three_digits_and_a_unit)
{
    char out[32];
    cr_expect_str_eq(ww_show_ns(0, out), "0.00 ns");
    cr_expect_str_eq(ww_show_ns(999.4, out), "999 ns");
    cr_expect_str_eq(ww_show_ns(999.6, out), "1.00 us");
    cr_expect_str_eq(ww_show_ns(12345, out), "12.3 us");
    cr_expect_str_eq(ww_show_ns(3.5e12, out), "3500 s");
    cr_expect_str_eq(ww_show_bytes(4096, out), "4.10 KB");
    cr_expect_str_eq(ww_show_count(7, out), "7");
    cr_expect_str_eq(ww_show_count(1234567, out), "1,234,567");
    cr_expect_str_eq(ww_show_count(123456, out), "123,456");
}

Test(format, words_are_broken_before_the_100th_column)
{
    char *text = NULL, words[30 * 6];
    size_t size;
    FILE *file = open_memstream(&text, &size);
    for (size_t i = 0; i < sizeof(words); i += 6)
        memcpy(words + i, "abcde ", 6);
    words[sizeof(words) - 1] = 0;
    fprintf(file, ":: ");
    ww_show_words(words, 3, file);
    fclose(file);
    cr_expect_eq(strlen(strtok(text, "\n")), 3 + 16 * 6 - 1);
    char *second = strtok(NULL, "\n");
    cr_expect_eq(strlen(second), 3 + 14 * 6 - 1);
    cr_expect_eq(strncmp(second, "   abcde ", 9), 0, "%s", second);
    free(text);
}
