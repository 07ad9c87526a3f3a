/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <criterion/criterion.h>

#include <string.h>
#include <time.h>

/* Columns: client, call, return, operation, key, argument, result. */

Test(log, appends_one_after_the_other)
{
    expect_linearizable("1 0 10 append 0 100 2\n"
                        "1 20 30 append 0 101 3\n"
                        "1 40 50 append 0 102 7\n" /* 4 to 6 are the log's own */
                        "2 60 70 position 0 - 7\n"
                        "2 80 90 entry 0 3 101\n"
                        "2 80 90 entry 0 5 none\n"
                        "2 80 90 entry 0 8 none\n");
}

Test(log, appends_side_by_side_may_stand_in_any_order)
{
    expect_linearizable("1 0 10 append 0 100 2\n2 0 10 append 0 101 1\n");
    expect_linearizable("1 0 10 append 0 100 2\n2 10 20 append 0 101 1\n"); /* touching */
    expect_linearizable("1 0 100 append 0 100 3\n2 0 10 append 0 101 1\n2 20 30 append 0 102 2\n");
}

Test(log, reordered_appends)
{
    EXPECT_VIOLATION("1 0 10 append 0 100 2\n"
                     "2 0 99 append 0 102 3\n"
                     "1 11 20 append 0 101 1\n",
                     "returned before", 1, 3);
}

Test(log, two_values_at_one_index)
{
    EXPECT_VIOLATION("1 0 10 append 0 100 2\n2 0 10 append 0 101 2\n", "at one index", 1, 2);
    /* The second is only known by a read. */
    EXPECT_VIOLATION("1 0 10 append 0 100 2\n2 0 ? append 0 101 ?\n3 20 30 entry 0 2 101\n",
                     "at one index", 1, 3);
}

Test(log, lost_append)
{
    EXPECT_VIOLATION("1 0 10 append 0 100 5\n2 20 30 position 0 - 4\n", "returned before", 1, 2);
    EXPECT_VIOLATION("1 0 10 append 0 100 5\n2 20 30 entry 0 5 none\n", "returned before", 1, 2);
    expect_linearizable("1 0 10 append 0 100 5\n2 10 30 position 0 - 4\n");
}

Test(log, duplicate_append)
{
    EXPECT_VIOLATION("1 0 10 append 0 100 5\n2 20 30 entry 0 5 100\n2 20 30 entry 0 6 100\n",
                     "at two indexes", 1, 3);
    EXPECT_VIOLATION("1 0 ? append 0 100 ?\n2 20 30 entry 0 5 100\n2 20 30 entry 0 6 100\n",
                     "at two indexes", 2, 3);
}

Test(log, stale_read)
{
    EXPECT_VIOLATION("1 0 10 append 0 100 1\n"
                     "1 20 30 append 0 101 2\n"
                     "2 31 40 position 0 - 1\n",
                     "returned before", 2, 3);
    EXPECT_VIOLATION("1 0 10 position 0 - 8\n2 11 20 position 0 - 7\n", "returned before", 1, 2);
    /* A read of an entry is not bound to see the newest; only that nothing is there is a claim. */
    expect_linearizable("1 0 10 append 0 100 1\n1 20 30 append 0 101 2\n2 31 40 entry 0 1 100\n");
    /* What one reader saw, the next one must see, whether the append was answered or not. */
    EXPECT_VIOLATION("1 0 ? append 0 100 ?\n2 10 20 entry 0 4 100\n3 21 30 entry 0 4 none\n",
                     "returned before", 2, 3);
    EXPECT_VIOLATION("1 0 ? append 0 100 ?\n2 10 20 entry 0 4 100\n3 21 30 position 0 - 3\n",
                     "returned before", 2, 3);
}

Test(log, read_from_the_future)
{
    EXPECT_VIOLATION("2 0 10 entry 0 1 100\n1 11 20 append 0 100 1\n", "returned before", 1, 2);
    EXPECT_VIOLATION("2 0 10 position 0 - 1\n1 11 20 append 0 100 1\n", "returned before", 1, 2);
    EXPECT_VIOLATION("2 0 10 entry 0 1 100\n1 11 ? append 0 100 ?\n", "returned before", 1, 2);
    expect_linearizable("2 0 11 entry 0 1 100\n1 11 20 append 0 100 1\n");
}

Test(log, an_append_without_an_answer_takes_effect_then_later_or_never)
{
    expect_linearizable("1 0 ? append 0 100 ?\n2 10 20 position 0 - 3\n");
    expect_linearizable("1 0 ? append 0 100 ?\n2 10 20 position 0 - 3\n2 30 40 entry 0 4 100\n");
    expect_linearizable("1 0 ? append 0 100 ?\n2 10 20 append 0 101 3\n2 30 40 entry 0 2 100\n");
    /* It must have taken effect before index 3 did. */
    EXPECT_VIOLATION("2 10 20 append 0 101 3\n1 30 ? append 0 100 ?\n2 40 50 entry 0 2 100\n",
                     "returned before", 1, 2);
}

Test(log, values_nobody_appended_or_that_were_refused)
{
    EXPECT_VIOLATION("1 0 10 append 0 100 1\n2 20 30 entry 0 2 101\n", "nobody appended", 2);
    EXPECT_VIOLATION("1 0 10 append 0 100 fail\n2 20 30 entry 0 2 100\n", "refused", 1, 2);
    EXPECT_VIOLATION("1 0 10 append 0 100 0\n", "index 0", 1);
    EXPECT_VIOLATION("1 0 10 append 0 100 1\n2 20 30 entry 0 0 100\n", "index 0", 2);
}

Test(log, digests_at_one_position_must_be_equal)
{
    expect_linearizable("1 0 10 position 0 - 5:0x1\n2 0 10 position 0 - 5:0x1\n"
                        "2 20 30 position 0 - 6:0x2\n2 40 50 position 0 - 6\n");
    EXPECT_VIOLATION("1 0 10 position 0 - 5:0x1\n2 0 10 position 0 - 5:0x2\n", "different entries",
                     1, 2);
}

Test(log, reads_at_one_position_have_no_order_of_their_own)
{
    expect_linearizable("1 0 100 position 0 - 5\n2 50 60 position 0 - 5\n3 70 80 position 0 - 5\n"
                        "4 90 99 append 0 100 6\n");
}

Test(log, what_failed_or_has_no_answer_claims_nothing)
{
    expect_linearizable("1 0 10 append 0 100 3\n"
                        "2 20 30 position 0 - fail\n"
                        "2 20 ? position 0 - ?\n"
                        "2 20 30 entry 0 3 fail\n"
                        "2 20 ? entry 0 3 ?\n"
                        "2 20 30 append 0 101 fail\n");
}

Test(log, a_value_that_two_append_cannot_be_followed)
{
    struct ww_history history;
    struct ww_lincheck_result result;
    struct ww_error error = {0};
    ww_history_init(&history);
    read_text("1 0 1 append 0 9 1\n1 2 3 append 0 9 2\n", &history);
    cr_assert_eq(ww_lincheck(&history, 1000, &result, &error), WW_EINVAL);
    cr_assert_not_null(strstr(error.text, "9 is appended by two"), "%s", error.text);
    ww_history_free(&history);
}

/* Eight clients; each append takes effect in the middle of its 16 ns. */
static void fill(struct ww_history *history, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct ww_operation operation = {.client = (uint32_t)(i % 8),
                                         .kind = i % 4 == 3 ? WW_OP_POSITION : WW_OP_APPEND,
                                         .argument = i,
                                         .invoked_ns = 2 * i};
        uint64_t appended = i - i / 4 + (i % 4 != 3);
        size_t handle = ww_history_begin(history, &operation);
        ww_history_end(history, handle, 2 * i + 16, appended, 0);
    }
}

Test(log, a_million_operations_take_seconds)
{
    struct ww_history history;
    struct ww_lincheck_result result;
    struct ww_error error = {0};
    ww_history_init(&history);
    fill(&history, 1000000);
    clock_t began = clock();
    cr_assert_eq(ww_lincheck(&history, WW_LINCHECK_STEPS, &result, &error), WW_OK);
    cr_assert_eq(result.verdict, WW_LINEARIZABLE, "%s", result.why);
    history.operations[700003].result -= 20; /* a read that lags */
    cr_assert_eq(ww_lincheck(&history, WW_LINCHECK_STEPS, &result, &error), WW_OK);
    cr_assert_eq(result.verdict, WW_NOT_LINEARIZABLE);
    cr_assert_eq(result.witness_count, 2);
    cr_assert_eq(result.witness[1], 700003);
    cr_assert_lt((double)(clock() - began) / CLOCKS_PER_SEC, 30);
    ww_history_free(&history);
}
