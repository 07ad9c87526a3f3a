/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/client/client_window.h"

#include "engine/base/random.h"
#include "engine/wire/batch.h"

#include <whitewater/status.h>

#include <criterion/criterion.h>

#include <string.h>

#define CAPACITY 4096u
#define RUN_MAX 1000u

static struct ww_client_window window;

static void setup(void)
{
    cr_assert_eq(ww_client_window_init(&window, 64, CAPACITY, RUN_MAX), WW_OK);
}

static void teardown(void)
{
    ww_client_window_free(&window);
}

TestSuite(client_window, .init = setup, .fini = teardown);

static int append(uint32_t size)
{
    uint8_t data[CAPACITY];
    memset(data, (int)window.next, sizeof(data));
    return ww_client_window_append(&window, data, size);
}

static bool answer(uint64_t sequence, uint32_t count)
{
    return ww_client_window_answer(&window, (struct ww_client_answer){sequence, sequence + 1000,
                                                                      count, WW_OK});
}

/* The slice holds whole entries of the right bytes. */
static void check_slice(struct ww_client_slice slice, uint64_t sequence)
{
    const char *why;
    cr_assert(ww_entries_check(slice.body, slice.bytes, slice.count, &why), "%s", why);
    cr_assert_leq(slice.bytes, RUN_MAX);
    uint32_t at = 0;
    for (uint32_t i = 0; i < slice.count; i++) {
        uint32_t head;
        memcpy(&head, slice.body + at, 4);
        for (uint32_t k = 0; k < (head & 0xffffff); k++)
            cr_assert_eq(slice.body[at + 4 + k], (uint8_t)(sequence + i));
        at += ww_entry_stored_bytes(head & 0xffffff);
    }
}

Test(client_window, entries_gather_in_a_run_until_it_is_sent)
{
    for (int i = 0; i < 3; i++)
        cr_assert_eq(append(96), WW_OK);
    cr_assert_eq(ww_client_window_slice(&window, 0).count, 3);
    cr_assert_eq(append(96), WW_OK);
    cr_assert_eq(ww_client_window_slice(&window, 0).count, 3, "a run that was sent is closed");
    cr_assert_eq(ww_client_window_slice(&window, 3).count, 1);
    struct ww_client_slice rest = ww_client_window_slice(&window, 1);
    cr_assert_eq(rest.count, 2);
    check_slice(rest, 1);
}

Test(client_window, a_run_ends_before_it_is_too_long)
{
    for (int i = 0; i < 21; i++)
        cr_assert_eq(append(96), WW_OK);
    cr_assert_eq(ww_client_window_slice(&window, 0).count, 10);
    cr_assert_eq(ww_client_window_slice(&window, 10).count, 10);
    cr_assert_eq(ww_client_window_slice(&window, 20).count, 1);
}

Test(client_window, bytes_and_entries_are_bounded)
{
    for (int i = 0; i < 4; i++)
        cr_assert_eq(append(RUN_MAX - 4), WW_OK);
    cr_assert_eq(append(RUN_MAX - 4), WW_EBUSY);
    cr_assert_eq(append(92), WW_OK, "96 bytes are left");
    cr_assert_eq(append(0), WW_EBUSY);
    cr_assert(answer(0, 5));
    ww_client_window_take(&window);
    for (int i = 0; i < 64; i++)
        cr_assert_eq(append(0), WW_OK);
    cr_assert_eq(append(0), WW_EBUSY, "64 entries");
}

Test(client_window, answers_are_kept_in_order_and_without_overlap)
{
    for (int i = 0; i < 20; i++)
        append(1);
    cr_assert(answer(10, 5));
    cr_assert_not(answer(10, 5), "nothing new");
    cr_assert_not(answer(12, 2), "nothing new");
    cr_assert(answer(8, 10));
    cr_assert_eq(window.answer_count, 3);
    cr_assert_not(ww_client_window_ready(&window));
    cr_assert(answer(0, 20));
    for (uint64_t next = 0; next < 20; next = window.oldest) {
        cr_assert(ww_client_window_ready(&window));
        struct ww_client_answer taken = ww_client_window_take(&window);
        cr_assert_eq(taken.sequence, next);
        cr_assert_eq(taken.index, next + 1000);
        cr_assert_eq(window.oldest, next + taken.count);
    }
    cr_assert_not(answer(0, 20), "all of it is done");
    cr_assert_not(answer(3, 0));
}

Test(client_window, the_oldest_answer_always_finds_room)
{
    struct ww_client_window wide;
    cr_assert_eq(ww_client_window_init(&wide, 4 * WW_CLIENT_ANSWERS_MAX, 64 * WW_KIB, RUN_MAX),
                 WW_OK);
    for (uint32_t i = 0; i < 4 * WW_CLIENT_ANSWERS_MAX; i++)
        ww_client_window_append(&wide, "", 1);
    for (uint64_t i = 1; i < 2 * WW_CLIENT_ANSWERS_MAX; i++) {
        struct ww_client_answer odd = {2 * i, 2 * i + 1, 1, WW_OK};
        cr_assert_eq(ww_client_window_answer(&wide, odd), i <= WW_CLIENT_ANSWERS_MAX);
    }
    cr_assert(ww_client_window_answer(&wide, (struct ww_client_answer){0, 1, 2, WW_OK}));
    cr_assert_eq(ww_client_window_take(&wide).count, 2);
    cr_assert_eq(ww_client_window_take(&wide).sequence, 2);
    ww_client_window_free(&wide);
}

Test(client_window, random_use_keeps_every_byte)
{
    struct ww_random random = {7};
    for (int round = 0; round < 20000; round++) {
        uint32_t size = (uint32_t)ww_random_range(&random, 0, RUN_MAX - 3);
        append(ww_random_next(&random) % 4 == 0 ? size : size % 50);
        if (window.next == window.oldest)
            continue;
        uint64_t sequence = ww_random_range(&random, window.oldest, window.next);
        check_slice(ww_client_window_slice(&window, sequence), sequence);
        if (ww_random_next(&random) % 2 == 0) {
            uint64_t end = ww_random_range(&random, window.oldest, window.next + 1);
            answer(window.oldest, (uint32_t)(end - window.oldest));
        }
        while (ww_client_window_ready(&window))
            ww_client_window_take(&window);
    }
    cr_assert_gt(window.next, 10000);
}
