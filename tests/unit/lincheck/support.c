/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <criterion/criterion.h>

#include <string.h>

void read_text(const char *text, struct ww_history *history)
{
    struct ww_error error = {0};
    FILE *file = fmemopen((char *)text, strlen(text), "r");
    cr_assert_not_null(file);
    cr_assert_eq(ww_history_read(history, file, &error), WW_OK, "%s", error.text);
    fclose(file);
}

struct ww_lincheck_result check_text(const char *text)
{
    struct ww_history history;
    struct ww_lincheck_result result;
    struct ww_error error = {0};
    ww_history_init(&history);
    read_text(text, &history);
    cr_assert_eq(ww_lincheck(&history, WW_LINCHECK_STEPS, &result, &error), WW_OK, "%s",
                 error.text);
    ww_history_free(&history);
    return result;
}

void expect_linearizable(const char *text)
{
    struct ww_lincheck_result result = check_text(text);
    cr_assert_eq(result.verdict, WW_LINEARIZABLE, "%s", result.why);
}

void expect_violation(const char *text, const char *why, size_t count, const size_t *lines)
{
    struct ww_lincheck_result result = check_text(text);
    cr_assert_eq(result.verdict, WW_NOT_LINEARIZABLE);
    cr_assert_not_null(strstr(result.why, why), "%s", result.why);
    cr_assert_eq(result.witness_count, count, "%zu operations", result.witness_count);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(result.witness[i] + 1, lines[i], "line %zu", result.witness[i] + 1);
}
