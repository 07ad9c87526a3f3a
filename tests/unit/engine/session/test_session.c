/* SPDX-License-Identifier: Apache-2.0 */
/* B3, C20: a proposal that is repeated takes effect once. */
#include "engine/session/session.h"

#include "engine/base/random.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define TIMEOUT 1000u

static struct ww_session_table table, copy;

static void setup(void)
{
    table = copy = (struct ww_session_table){0};
}

TestSuite(session, .init = setup);

static uint32_t repeated(uint64_t id, uint64_t sequence, uint64_t index, uint32_t count)
{
    uint32_t answer = UINT32_MAX;
    cr_assert(ww_session_take(&table, id, sequence, index, count, &answer));
    return answer;
}

static uint64_t index_of(uint64_t id, uint64_t sequence, uint64_t *count)
{
    return ww_session_index(ww_session_find(&table, id), sequence, count);
}

Test(session, C20_what_was_applied_is_not_applied_again)
{
    uint64_t id = ww_session_register(&table, 7, 99, TIMEOUT);
    cr_assert_eq(id, 7, "the index of its entry");
    cr_assert_eq(repeated(id, 0, 8, 10), 0);
    cr_assert_eq(repeated(id, 0, 18, 10), 10, "all of it");
    cr_assert_eq(repeated(id, 3, 28, 4), 4, "some from the middle");
    cr_assert_eq(repeated(id, 8, 32, 5), 2, "the first two");
    cr_assert_eq(repeated(id, 13, 37, 1), 0);
    cr_assert_eq(repeated(id, 20, 38, 1), 0, "the client gave up what is between");
    cr_assert_eq(repeated(id, 15, 39, 1), 1);
    cr_assert_eq(ww_session_find(&table, id)->next_sequence, 21);
}

Test(session, B3_no_session_no_entries)
{
    uint32_t answer;
    cr_assert_not(ww_session_take(&table, 7, 0, 8, 1, &answer));
    uint64_t id = ww_session_register(&table, 7, 99, TIMEOUT);
    cr_assert_not(ww_session_take(&table, id + 1, 0, 8, 1, &answer));
    ww_session_end(&table, id + 1);
    cr_assert_not_null(ww_session_find(&table, id));
    ww_session_end(&table, id);
    cr_assert_null(ww_session_find(&table, id));
    cr_assert_not(ww_session_take(&table, id, 0, 8, 1, &answer));
}

Test(session, B3_a_registration_that_is_repeated_gives_the_same_session)
{
    uint64_t id = ww_session_register(&table, 7, 99, TIMEOUT);
    repeated(id, 0, 8, 3);
    cr_assert_eq(ww_session_register(&table, 11, 99, TIMEOUT), id);
    cr_assert_eq(ww_session_find(&table, id)->next_sequence, 3);
    cr_assert_eq(ww_session_register(&table, 12, 98, TIMEOUT), 12);
    cr_assert_eq(table.count, 2);
}

Test(session, B3_repeated_proposals_find_their_first_answer)
{
    uint64_t id = ww_session_register(&table, 7, 99, TIMEOUT);
    repeated(id, 0, 10, 5);
    repeated(id, 5, 15, 5);  /* goes on */
    repeated(id, 10, 30, 5); /* someone else's entries are between */
    uint64_t count = 100;
    cr_assert_eq(index_of(id, 2, &count), 12);
    cr_assert_eq(count, 8, "up to where another run begins");
    count = 100;
    cr_assert_eq(index_of(id, 10, &count), 30);
    cr_assert_eq(count, 5);
    count = 2;
    cr_assert_eq(index_of(id, 11, &count), 31);
    cr_assert_eq(count, 2);
    for (uint64_t i = 0; i < WW_SESSION_RUNS; i++)
        repeated(id, 15 + i, 100 + 2 * i, 1);
    count = 100;
    cr_assert_eq(index_of(id, 12, &count), 0, "only the newest runs are remembered");
    cr_assert_eq(count, 3);
    count = 100;
    cr_assert_eq(index_of(id, 15, &count), 100);
    cr_assert_eq(count, 1);
}

static void fill(void)
{
    for (uint64_t i = 1; i <= WW_SESSIONS_MAX; i++) {
        ww_session_time(&table, i);
        cr_assert_eq(ww_session_register(&table, i, 1000 + i, TIMEOUT), i);
    }
}

Test(session, B3_a_full_table_lets_go_of_the_silent_ones_by_log_time)
{
    fill();
    cr_assert_eq(ww_session_register(&table, 100, 5, TIMEOUT), 0, "none was silent for so long");
    repeated(2, 0, 101, 1);
    ww_session_time(&table, 3 + TIMEOUT);
    ww_session_time(&table, 5); /* time does not go back */
    cr_assert_eq(ww_session_register(&table, 102, 5, TIMEOUT), 102);
    cr_assert_null(ww_session_find(&table, 1));
    cr_assert_not_null(ww_session_find(&table, 2), "it was active meanwhile");
    cr_assert_null(ww_session_find(&table, 3));
    cr_assert_not_null(ww_session_find(&table, 4));
    cr_assert_eq(table.count, WW_SESSIONS_MAX - 1);
}

Test(session, B3_a_table_with_room_lets_go_of_none)
{
    ww_session_register(&table, 1, 1, TIMEOUT);
    ww_session_time(&table, 100 * TIMEOUT);
    ww_session_register(&table, 2, 2, TIMEOUT);
    cr_assert_not_null(ww_session_find(&table, 1));
}

/* What a random history leaves. */
static void live(uint64_t seed)
{
    struct ww_random random = {seed};
    for (uint64_t index = 1; index < 2000; index++) {
        ww_session_time(&table, index * 10);
        if (ww_random_range(&random, 0, 20) == 0)
            ww_session_register(&table, index, ww_random_range(&random, 1, 200), TIMEOUT);
        else if (table.count > 0) {
            uint64_t id = table.sessions[ww_random_range(&random, 0, table.count)].id;
            repeated(id, ww_random_range(&random, 0, 100), index, 1);
        }
    }
}

Test(session, B3_a_snapshot_carries_the_table)
{
    static uint8_t bytes[WW_SESSION_BYTES_MAX], again[WW_SESSION_BYTES_MAX];
    for (uint64_t seed = 1; seed < 20; seed++) {
        setup();
        live(seed);
        size_t size = ww_session_encode(&table, bytes);
        cr_assert_leq(size, sizeof(bytes));
        cr_assert(ww_session_decode(&copy, bytes, size));
        cr_assert_eq(copy.time_ns, table.time_ns);
        cr_assert_eq(copy.count, table.count);
        cr_assert_eq(ww_session_encode(&copy, again), size);
        cr_assert_eq(memcmp(bytes, again, size), 0);
        for (size_t cut = 0; cut < size; cut++)
            cr_assert_not(ww_session_decode(&copy, bytes, cut), "%zu of %zu bytes", cut, size);
        cr_assert_not(ww_session_decode(&copy, bytes, size + 1));
    }
    setup();
    cr_assert(ww_session_decode(&copy, bytes, ww_session_encode(&table, bytes)), "an empty one");
}

Test(session, bytes_that_no_table_has_are_refused)
{
    static uint8_t bytes[WW_SESSION_BYTES_MAX];
#define LIE(change)                                                                                \
    do {                                                                                           \
        setup();                                                                                   \
        ww_session_time(&table, 50);                                                               \
        ww_session_register(&table, 7, 99, TIMEOUT);                                               \
        ww_session_register(&table, 8, 98, TIMEOUT);                                               \
        repeated(7, 0, 9, 3);                                                                      \
        repeated(7, 3, 20, 3);                                                                     \
        struct ww_session *first = &table.sessions[0];                                             \
        first->reserved = 0;                                                                       \
        change;                                                                                    \
        cr_assert_not(ww_session_decode(&copy, bytes, ww_session_encode(&table, bytes)), #change); \
    } while (0)
    LIE(first->id = 0);
    LIE(first->id = 8);
    LIE(first->id = 9);
    LIE(first->next_sequence = 5);
    LIE(first->active_ns = 51);
    LIE(first->reserved = 1);
    LIE(first->runs[0].count = 0);
    LIE(first->runs[1].first_sequence = 2);
    LIE(first->runs[1].first_index = 11);
    LIE(first->runs[1].count = UINT64_MAX);
#undef LIE
}
