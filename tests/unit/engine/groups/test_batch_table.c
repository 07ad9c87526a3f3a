/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/groups/batch_table.h"
#include "engine/wire/batch.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define SLOTS 1024u

static struct ww_batch_table table;
static struct ww_batch_chain chains[2];

static void setup(void)
{
    table =
        (struct ww_batch_table){.slots = calloc(SLOTS, sizeof(*table.slots)), .capacity = SLOTS};
    chains[0] = chains[1] = (struct ww_batch_chain){WW_BATCH_NONE, WW_BATCH_NONE};
}

static void teardown(void)
{
    free(table.slots);
}

TestSuite(batch_table, .init = setup, .fini = teardown);

static void add(uint32_t group, uint64_t first, uint16_t count)
{
    struct ww_batch_slot slot = {
        .first_index = first, .count = count, .group = group, .term = 1, .kind = WW_BATCH_ENTRIES};
    ww_batch_table_add(&table, &chains[group], &slot);
    table.durable = table.end;
}

static uint64_t first_of(uint64_t number)
{
    return ww_batch_slot(&table, number)->first_index;
}

Test(batch_table, finds_each_index_of_interleaved_groups)
{
    for (uint64_t i = 0; i < 100; i++) {
        add(0, 1 + 3 * i, 3);
        add(1, 1 + i, 1);
    }
    uint64_t hint = WW_BATCH_NONE;
    for (uint64_t index = 1; index <= 300; index++) {
        uint64_t number = ww_batch_table_find(&table, &chains[0], index, hint);
        cr_assert_neq(number, WW_BATCH_NONE);
        cr_assert_eq(first_of(number), index - (index - 1) % 3);
        hint = number;
    }
    cr_assert_eq(ww_batch_table_find(&table, &chains[0], 301, hint), WW_BATCH_NONE);
    cr_assert_eq(first_of(ww_batch_table_find(&table, &chains[1], 50, WW_BATCH_NONE)), 50);
}

Test(batch_table, a_hint_ahead_of_the_index_is_not_followed)
{
    for (uint64_t i = 0; i < 10; i++)
        add(0, 1 + i, 1);
    uint64_t late = ww_batch_table_find(&table, &chains[0], 9, WW_BATCH_NONE);
    cr_assert_eq(first_of(ww_batch_table_find(&table, &chains[0], 2, late)), 2);
}

Test(batch_table, dropped_batches_are_no_longer_found)
{
    add(0, 1, 5);
    add(1, 1, 1);
    add(0, 6, 5);
    ww_batch_table_drop(&table, &chains[0]);
    cr_assert_eq(ww_batch_table_find(&table, &chains[0], 3, WW_BATCH_NONE), WW_BATCH_NONE);
    cr_assert_neq(ww_batch_table_find(&table, &chains[0], 6, WW_BATCH_NONE), WW_BATCH_NONE);
    ww_batch_table_drop(&table, &chains[1]);
    cr_assert_eq(chains[1].first, WW_BATCH_NONE);
    cr_assert_eq(chains[1].last, WW_BATCH_NONE);
}

Test(batch_table, truncation_cuts_inside_a_batch_and_what_comes_after_follows)
{
    add(0, 1, 5);
    add(0, 6, 5);
    add(0, 11, 5);
    ww_batch_table_truncate(&table, &chains[0], 8);
    cr_assert_eq(ww_batch_table_find(&table, &chains[0], 8, WW_BATCH_NONE), WW_BATCH_NONE);
    uint64_t cut = ww_batch_table_find(&table, &chains[0], 7, WW_BATCH_NONE);
    cr_assert_eq(ww_batch_slot_last(ww_batch_slot(&table, cut)), 7);
    add(0, 8, 2);
    cr_assert_eq(first_of(ww_batch_table_find(&table, &chains[0], 9, cut)), 8);
    ww_batch_table_truncate(&table, &chains[0], 1);
    cr_assert_eq(chains[0].first, WW_BATCH_NONE);
    cr_assert_eq(ww_batch_table_find(&table, &chains[0], 1, cut), WW_BATCH_NONE);
}

Test(batch_table, slots_are_reused_for_ever)
{
    for (uint64_t i = 0; i < 3 * (uint64_t)SLOTS; i++) {
        if (ww_batch_table_free(&table) == 0)
            ww_batch_table_drop(&table, &chains[0]);
        add(0, 1 + i, 1);
    }
    uint64_t last = 3 * (uint64_t)SLOTS;
    uint64_t oldest = last - SLOTS + 1;
    cr_assert_eq(first_of(ww_batch_table_find(&table, &chains[0], oldest, WW_BATCH_NONE)), oldest);
    cr_assert_eq(ww_batch_table_find(&table, &chains[0], oldest - 1, WW_BATCH_NONE), WW_BATCH_NONE);
}
