/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <criterion/criterion.h>

#include <string.h>

Test(history, operations_are_recorded_as_they_begin_and_end)
{
    struct ww_history history;
    ww_history_init(&history);
    struct ww_operation append = {
        .client = 3, .kind = WW_OP_APPEND, .key = 1, .argument = 70, .invoked_ns = 10};
    struct ww_operation position = {.client = 4, .kind = WW_OP_POSITION, .key = 1};
    struct ww_operation refused = {.kind = WW_OP_APPEND, .key = 1, .argument = 71};
    size_t first = ww_history_begin(&history, &append);
    size_t second = ww_history_begin(&history, &position);
    size_t third = ww_history_begin(&history, &refused);
    ww_history_end(&history, second, 5, 8, 0xabc);
    ww_history_end(&history, first, 20, 9, 0);
    ww_history_fail(&history, third, 3);
    append.argument = 72;
    ww_history_begin(&history, &append);

    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    for (size_t i = 0; i < history.count; i++)
        ww_history_write(&history.operations[i], file);
    fclose(file);
    cr_assert_str_eq(text, "3 10 20 append 1 70 9\n"
                           "4 0 5 position 1 - 8:0xabc\n"
                           "0 0 3 append 1 71 fail\n"
                           "3 10 ? append 1 72 ?\n");
    free(text);

    ww_history_clear(&history);
    cr_assert_eq(history.count, 0);
    ww_history_free(&history);
}

Test(history, text_is_written_as_it_was_read)
{
    static const char text[] = "1 0 5 read 0 - none\n"
                               "1 6 7 read 0 - 12\n"
                               "2 0 9 write 0 12 ok\n"
                               "2 10 ? write 0 13 ?\n"
                               "2 10 11 write 0 14 fail\n"
                               "3 20 21 cas 0 12,15 ok\n"
                               "3 22 23 cas 0 12,16 fail\n"
                               "3 24 ? cas 0 15,17 ?\n"
                               "4 0 1 append 7 100 3\n"
                               "4 2 ? append 7 101 ?\n"
                               "4 2 3 position 7 - 3:0x1f\n"
                               "4 4 5 position 7 - 3\n"
                               "4 6 7 entry 7 3 100\n"
                               "4 8 9 entry 7 4 none\n";
    struct ww_history history;
    ww_history_init(&history);
    read_text(text, &history);
    cr_assert_eq(history.count, 14);
    cr_assert_eq(history.operations[5].expected, 12);
    cr_assert_eq(history.operations[5].argument, 15);
    cr_assert_eq(history.operations[10].digest, 0x1f);

    char *written;
    size_t size;
    FILE *file = open_memstream(&written, &size);
    for (size_t i = 0; i < history.count; i++)
        ww_history_write(&history.operations[i], file);
    fclose(file);
    cr_assert_str_eq(written, text);
    free(written);
    ww_history_free(&history);
}

Test(history, comments_and_empty_lines_are_passed_over)
{
    struct ww_history history;
    ww_history_init(&history);
    read_text("# client call return operation key argument result\n\n  \n1 0 1 write 0 1 ok\n",
              &history);
    cr_assert_eq(history.count, 1);
    ww_history_free(&history);
}

Test(history, a_wrong_line_is_named_with_what_is_wrong)
{
    static const struct {
        const char *line, *says;
    } wrong[] = {
        {"1 0 1 write 0 1", "less than 7 columns"},
        {"1 0 1 write 0 1 ok more", "more than 7 columns"},
        {"x 0 1 write 0 1 ok", "the client"},
        {"4294967296 0 1 write 0 1 ok", "the client"},
        {"1 -1 1 write 0 1 ok", "time of the call"},
        {"1 0 soon write 0 1 ok", "time of the return"},
        {"1 9 8 write 0 1 ok", "returns before"},
        {"1 0 1 remove 0 1 ok", "no such operation"},
        {"1 0 1 write k 1 ok", "the key"},
        {"1 0 1 write 0 none ok", "argument"},
        {"1 0 1 write 0 18446744073709551615 ok", "argument"},
        {"1 0 1 cas 0 1 ok", "argument"},
        {"1 0 1 cas 0 1,2,3 ok", "argument"},
        {"1 0 1 position 0 3 3", "argument"},
        {"1 0 1 write 0 1 7", "result"},
        {"1 0 ? write 0 1 ok", "result"},
        {"1 0 1 write 0 1 ?", "result"},
        {"1 0 1 append 0 1 none", "result"},
        {"1 0 1 position 0 - 3:", "result"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[100];
        struct ww_history history;
        struct ww_error error = {0};
        snprintf(text, sizeof(text), "# one\n%s\n", wrong[i].line);
        FILE *file = fmemopen(text, strlen(text), "r");
        ww_history_init(&history);
        cr_assert_eq(ww_history_read(&history, file, &error), WW_EINVAL, "%s", wrong[i].line);
        cr_assert_not_null(strstr(error.text, "line 2: "), "%s", error.text);
        cr_assert_not_null(strstr(error.text, wrong[i].says), "%s", error.text);
        fclose(file);
        ww_history_free(&history);
    }
}

Test(history, a_key_is_a_register_or_a_log)
{
    struct ww_history history;
    struct ww_lincheck_result result;
    struct ww_error error = {0};
    ww_history_init(&history);
    read_text("1 0 1 write 5 1 ok\n1 2 3 append 5 1 1\n", &history);
    cr_assert_eq(ww_lincheck(&history, 1000, &result, &error), WW_EINVAL);
    cr_assert_not_null(strstr(error.text, "key 5"), "%s", error.text);
    ww_history_free(&history);
}

Test(history, keys_are_checked_each_for_itself)
{
    expect_linearizable("");
    expect_linearizable("1 0 1 write 1 5 ok\n1 2 3 read 2 - none\n1 4 5 append 3 5 1\n");
    struct ww_lincheck_result result =
        check_text("1 0 1 write 1 5 ok\n1 2 3 read 1 - 5\n1 4 5 append 3 5 2\n"
                   "2 0 9 write 2 1 ok\n1 6 7 append 3 6 1\n");
    cr_assert_eq(result.verdict, WW_NOT_LINEARIZABLE);
    cr_assert_eq(result.key, 3);
}

Test(history, one_that_misses_operations_is_not_checked)
{
    struct ww_history history = {.no_memory = true};
    struct ww_lincheck_result result;
    struct ww_error error = {0};
    cr_assert_eq(ww_lincheck(&history, 1000, &result, &error), WW_ENOMEM);
}
