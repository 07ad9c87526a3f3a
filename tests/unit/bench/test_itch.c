/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/itch.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES 4096u

static struct ww_itch make(uint64_t seed)
{
    struct ww_itch itch;
    struct ww_error error;
    cr_assert_eq(ww_itch_create(&itch, MESSAGES, seed, &error), WW_OK, "%s", error.text);
    return itch;
}

static uint64_t number(const uint8_t *at, uint32_t bytes)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

Test(itch, messages_have_the_sizes_of_the_specification)
{
    static const struct {
        char type;
        uint32_t bytes;
    } sizes[] = {{'S', 12}, {'R', 39}, {'H', 25}, {'A', 36}, {'F', 40}, {'E', 31},
                 {'C', 36}, {'X', 23}, {'D', 19}, {'U', 35}, {'P', 44}, {'Q', 40}};
    struct ww_itch itch = make(1);
    uint32_t seen[256] = {0};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        cr_expect_eq(ww_itch_size(sizes[i].type), sizes[i].bytes);
    cr_expect_eq(ww_itch_size('Z'), 0);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        uint8_t message[WW_ITCH_MESSAGE_MAX];
        uint32_t bytes = ww_itch_message(&itch, 0, i, message);
        cr_assert_eq(bytes, ww_itch_size((char)message[0]), "message %u", i);
        seen[message[0]]++;
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        cr_expect_gt(seen[(uint8_t)sizes[i].type], 0, "%c", sizes[i].type);
    cr_expect_gt(seen['A'] + seen['D'], MESSAGES * 3 / 4, "most orders are added and deleted");
    ww_itch_destroy(&itch);
}

struct order {
    uint64_t reference, shares;
};

static struct order book[MESSAGES];
static uint32_t live;

static struct order *find(uint64_t reference)
{
    for (uint32_t i = 0; i < live; i++)
        if (book[i].reference == reference)
            return &book[i];
    cr_assert_fail("order %lu is not on the book", (unsigned long)reference);
    return NULL;
}

/* What the message does to the book; fails when it names an order that is not there. */
static void apply(const uint8_t *message)
{
    uint64_t reference = number(message + 11, 8);
    struct order *order;
    switch (message[0]) {
    case 'A':
    case 'F':
        book[live++] = (struct order){reference, number(message + 20, 4)};
        cr_assert_gt(number(message + 32, 4), 0, "a price");
        break;
    case 'E':
    case 'C':
    case 'X':
        order = find(reference);
        cr_assert_leq(number(message + 19, 4), order->shares);
        order->shares -= number(message + 19, 4);
        if (order->shares == 0)
            *order = book[--live];
        break;
    case 'D':
        order = find(reference);
        *order = book[--live];
        break;
    case 'U':
        *find(reference) = (struct order){number(message + 19, 8), number(message + 27, 4)};
        break;
    default:
        break;
    }
}

Test(itch, a_day_is_consistent_and_so_is_the_next)
{
    struct ww_itch itch = make(7);
    uint64_t before_ns = 0;
    for (uint64_t i = 0; i < 3ull * MESSAGES; i++) {
        uint8_t message[WW_ITCH_MESSAGE_MAX];
        ww_itch_message(&itch, 2, i, message);
        if (i % MESSAGES == 0) {
            cr_assert_eq(live, 0, "a day begins with an empty book");
            before_ns = 0;
        }
        cr_assert_geq(number(message + 5, 6), before_ns, "message %lu", (unsigned long)i);
        before_ns = number(message + 5, 6);
        cr_assert_eq(number(message + 1, 2), 3, "the stock");
        apply(message);
    }
    cr_expect_eq(live, 0);
    ww_itch_destroy(&itch);
}

Test(itch, a_message_does_not_depend_on_those_asked_for_before)
{
    struct ww_itch one = make(5), same = make(5), other = make(6);
    uint32_t equal = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t sequence = ((uint64_t)1 << 40) + i * 7919;
        uint8_t left[WW_ITCH_MESSAGE_MAX], right[WW_ITCH_MESSAGE_MAX];
        uint32_t bytes = ww_itch_message(&one, 9, sequence, left);
        ww_itch_message(&same, 3, i, right);
        cr_assert_eq(ww_itch_message(&same, 9, sequence, right), bytes);
        cr_assert_arr_eq(left, right, bytes);
        equal +=
            ww_itch_message(&other, 9, sequence, right) == bytes && memcmp(left, right, bytes) == 0;
    }
    cr_expect_lt(equal, 10, "%u messages of another seed are alike", equal);
    ww_itch_destroy(&one);
    ww_itch_destroy(&same);
    ww_itch_destroy(&other);
}

Test(itch, messages_come_in_bursts)
{
    struct ww_itch itch = make(1);
    uint32_t close = 0;
    uint64_t before_ns = 0;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        uint8_t message[WW_ITCH_MESSAGE_MAX];
        ww_itch_message(&itch, 0, i, message);
        close += number(message + 5, 6) - before_ns < 100000;
        before_ns = number(message + 5, 6);
    }
    cr_expect_gt(close, MESSAGES / 2);
    cr_expect_lt(close, MESSAGES - MESSAGES / 50, "there are gaps between them");
    ww_itch_destroy(&itch);
}
