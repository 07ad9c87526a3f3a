/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "engine/base/random.h"

#include <criterion/criterion.h>

#include <string.h>

#define NO_ORDER "fit no order"

/* Columns: client, call, return, operation, key, argument, result. */

Test(lin_register, one_client)
{
    expect_linearizable("1 0 1 read 0 - none\n"
                        "1 2 3 write 0 5 ok\n"
                        "1 4 5 read 0 - 5\n"
                        "1 6 7 cas 0 5,6 ok\n"
                        "1 8 9 cas 0 5,7 fail\n"
                        "1 10 11 read 0 - 6\n");
}

Test(lin_register, stale_read)
{
    EXPECT_VIOLATION("1 0 1 write 0 5 ok\n"
                     "1 2 3 read 0 - 5\n"
                     "1 4 5 write 0 6 ok\n"
                     "2 6 7 read 0 - 5\n"
                     "2 8 9 write 0 7 ok\n",
                     NO_ORDER, 1, 3, 4);
    /* Side by side with the write it may be either. */
    expect_linearizable("1 0 1 write 0 5 ok\n1 4 9 write 0 6 ok\n2 6 7 read 0 - 5\n");
    expect_linearizable("1 0 1 write 0 5 ok\n1 4 9 write 0 6 ok\n2 6 7 read 0 - 6\n");
}

Test(lin_register, lost_write)
{
    EXPECT_VIOLATION("1 0 1 write 0 5 ok\n2 2 3 read 0 - none\n", NO_ORDER, 1, 2);
}

Test(lin_register, read_from_the_future)
{
    EXPECT_VIOLATION("1 0 1 read 0 - 5\n2 2 3 write 0 5 ok\n", NO_ORDER, 1, 2);
    EXPECT_VIOLATION("1 0 1 read 0 - 5\n", NO_ORDER, 1);
}

/* Herlihy, Wing 1990, figure 1 (for a register): the second reader goes back. */
Test(lin_register, once_a_reader_saw_the_new_value_all_do)
{
    expect_linearizable("1 0 1 write 0 1 ok\n"
                        "1 10 50 write 0 2 ok\n"
                        "2 20 25 read 0 - 1\n"
                        "3 30 35 read 0 - 2\n");
    EXPECT_VIOLATION("1 0 1 write 0 1 ok\n"
                     "1 10 50 write 0 2 ok\n"
                     "2 20 25 read 0 - 2\n"
                     "3 30 35 read 0 - 1\n",
                     NO_ORDER, 1, 2, 3, 4);
}

/* Each of two readers saw another order of two writes: sequentially inconsistent. */
Test(lin_register, two_readers_two_orders)
{
    EXPECT_VIOLATION("1 0 10 write 0 1 ok\n"
                     "2 0 10 write 0 2 ok\n"
                     "3 11 20 read 0 - 1\n"
                     "4 11 20 read 0 - 2\n",
                     NO_ORDER, 1, 2, 3, 4);
    /* Sequentially consistent, not linearizable: each client alone would be fine. */
    EXPECT_VIOLATION("1 0 1 write 0 1 ok\n"
                     "1 2 3 write 0 2 ok\n"
                     "2 4 5 read 0 - 1\n"
                     "2 6 7 read 0 - 2\n",
                     NO_ORDER, 1, 2, 3);
}

Test(lin_register, a_write_without_an_answer_takes_effect_then_later_or_never)
{
    expect_linearizable("1 0 ? write 0 5 ?\n2 10 11 read 0 - none\n2 12 13 read 0 - 5\n");
    expect_linearizable("1 0 ? write 0 5 ?\n2 10 11 read 0 - none\n2 12 13 read 0 - none\n");
    EXPECT_VIOLATION("1 0 ? write 0 5 ?\n2 10 11 read 0 - 5\n2 12 13 read 0 - none\n", NO_ORDER, 1,
                     2, 3);
    /* Once only. */
    EXPECT_VIOLATION("1 0 ? write 0 5 ?\n"
                     "2 10 11 read 0 - 5\n"
                     "2 12 13 write 0 6 ok\n"
                     "2 14 15 read 0 - 5\n",
                     NO_ORDER, 1, 2, 3, 4);
    EXPECT_VIOLATION("1 0 9 write 0 5 fail\n2 10 11 read 0 - 5\n", NO_ORDER, 2);
}

Test(lin_register, compare_and_set)
{
    EXPECT_VIOLATION("1 0 1 write 0 5 ok\n1 2 3 cas 0 6,7 ok\n", NO_ORDER, 2);
    EXPECT_VIOLATION("1 0 1 write 0 5 ok\n1 2 3 cas 0 5,7 fail\n", NO_ORDER, 1, 2);
    /* Both cannot have won. */
    EXPECT_VIOLATION("1 0 1 write 0 5 ok\n"
                     "1 2 9 cas 0 5,6 ok\n"
                     "2 2 9 cas 0 5,7 ok\n",
                     NO_ORDER, 1, 2, 3);
    expect_linearizable("1 0 1 write 0 5 ok\n1 2 9 cas 0 5,6 ok\n2 2 9 cas 0 5,7 fail\n");
    expect_linearizable("1 0 1 write 0 5 ok\n1 2 ? cas 0 5,6 ?\n2 3 9 cas 0 6,7 ok\n");
    EXPECT_VIOLATION("1 0 1 write 0 5 ok\n1 2 ? cas 0 4,6 ?\n2 3 9 cas 0 6,7 ok\n", NO_ORDER, 2, 3);
}

/* A write without an answer, of a value that nobody reads, may be why a CAS failed. */
Test(lin_register, an_unseen_write_can_fail_a_compare_and_set)
{
    expect_linearizable("1 0 1 write 0 5 ok\n2 0 ? write 0 9 ?\n1 2 3 cas 0 5,6 fail\n");
    expect_linearizable("1 0 1 write 0 5 ok\n"
                        "2 0 ? write 0 8 ?\n"
                        "3 0 ? write 0 9 ?\n"
                        "1 2 3 cas 0 5,6 fail\n"
                        "1 4 5 write 0 5 ok\n"
                        "1 6 7 cas 0 5,6 fail\n");
    EXPECT_VIOLATION("1 0 1 write 0 5 ok\n"
                     "2 0 ? write 0 9 ?\n"
                     "1 2 3 cas 0 5,6 fail\n"
                     "1 4 5 write 0 5 ok\n"
                     "1 6 7 cas 0 5,6 fail\n",
                     NO_ORDER, 1, 3, 4, 5);
}

Test(lin_register, a_search_that_takes_too_long_decides_nothing)
{
    struct ww_history history;
    struct ww_lincheck_result result;
    struct ww_error error = {0};
    ww_history_init(&history);
    read_text("1 0 1 write 0 5 ok\n2 2 3 read 0 - none\n", &history);
    cr_assert_eq(ww_lincheck(&history, 1, &result, &error), WW_OK);
    cr_assert_eq(result.verdict, WW_UNDECIDED);
    ww_history_free(&history);
}

/* Eight clients on four registers, of five values; some operations get no answer. */
static void simulate(struct ww_history *history, uint64_t operations)
{
    struct ww_random random = {.state = 5};
    uint64_t values[4] = {WW_HISTORY_NONE, WW_HISTORY_NONE, WW_HISTORY_NONE, WW_HISTORY_NONE};
    uint64_t free_at[8] = {0};

    for (uint64_t now_ns = 0; history->count < operations; now_ns += 10) {
        uint32_t client = (uint32_t)ww_random_range(&random, 0, 8);
        if (free_at[client] > now_ns)
            continue;
        uint64_t before_ns = ww_random_range(&random, 0, now_ns < 30 ? now_ns : 30);
        if (now_ns - before_ns <= free_at[client])
            before_ns = 0;
        struct ww_operation operation = {.client = client,
                                         .kind = (uint8_t)ww_random_range(&random, 0, 3),
                                         .key = ww_random_range(&random, 0, 4),
                                         .argument = ww_random_range(&random, 1, 6),
                                         .expected = ww_random_range(&random, 1, 6),
                                         .invoked_ns = now_ns - before_ns};
        uint64_t *value = &values[operation.key];
        bool refused = operation.kind == WW_OP_CAS && *value != operation.expected;
        size_t handle = ww_history_begin(history, &operation);
        uint64_t returned_ns = now_ns + ww_random_range(&random, 1, 40);
        free_at[client] = returned_ns + 1;
        if (operation.kind != WW_OP_READ && !refused)
            *value = operation.argument;
        if (ww_random_range(&random, 0, 1000) == 0)
            continue; /* no answer */
        if (refused)
            ww_history_fail(history, handle, returned_ns);
        else
            ww_history_end(history, handle, returned_ns, *value, 0);
    }
}

Test(lin_register, tens_of_thousands_of_operations)
{
    struct ww_history history;
    struct ww_lincheck_result result;
    struct ww_error error = {0};
    ww_history_init(&history);
    simulate(&history, 40000);
    cr_assert_eq(ww_lincheck(&history, WW_LINCHECK_STEPS, &result, &error), WW_OK, "%s",
                 error.text);
    cr_assert_eq(result.verdict, WW_LINEARIZABLE);

    /* A read of a value that nobody writes, in the middle, is found and named. */
    size_t place = 20000;
    while (history.operations[place].kind != WW_OP_READ ||
           history.operations[place].outcome != WW_OP_OK)
        place++;
    history.operations[place].result = 77;
    cr_assert_eq(ww_lincheck(&history, WW_LINCHECK_STEPS, &result, &error), WW_OK);
    cr_assert_eq(result.verdict, WW_NOT_LINEARIZABLE);
    cr_assert_eq(result.witness_count, 1);
    cr_assert_eq(result.witness[0], place);
    ww_history_free(&history);
}
