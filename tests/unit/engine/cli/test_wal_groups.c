/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/wal_groups.h"

#include "engine/wire/batch.h"

#include <criterion/criterion.h>
#include <string.h>

static struct ww_wal_groups groups;

static void set_up(void)
{
    cr_assert_eq(ww_wal_groups_init(&groups), WW_OK);
}

static void tear_down(void)
{
    ww_wal_groups_free(&groups);
}

TestSuite(wal_groups, .init = set_up, .fini = tear_down);

static int take(const void *batch, uint32_t bytes)
{
    _Alignas(8) uint8_t block[4096] = {0};
    struct ww_block_header *header = (void *)block;
    header->batches = 1;
    memcpy(block + WW_BLOCK_HEADER_BYTES, batch, bytes);
    return ww_wal_groups_block(&groups, header);
}

static void entries(uint32_t group, uint64_t term, uint64_t first, uint16_t count)
{
    _Alignas(8) uint8_t batch[1024];
    uint32_t bytes = 0;
    for (uint16_t i = 0; i < count; i++)
        bytes += ww_entry_encode(batch + WW_BATCH_HEADER_BYTES + bytes, WW_ENTRY_DATA, "x", 1);
    struct ww_batch_header wanted = {.group = group,
                                     .term = term,
                                     .first_index = first,
                                     .count = count};
    cr_assert_eq(take(batch, ww_batch_seal(batch, &wanted, bytes)), WW_OK);
}

static void hard_state(uint32_t group, uint64_t term, uint32_t vote)
{
    _Alignas(8) uint8_t batch[WW_BATCH_HEADER_BYTES];
    cr_assert_eq(take(batch, ww_batch_seal_hard_state(batch, group, term, vote)), WW_OK);
}

static void snapshot(uint32_t group, uint64_t term, uint64_t index)
{
    _Alignas(8) uint8_t batch[WW_BATCH_HEADER_BYTES];
    cr_assert_eq(take(batch, ww_batch_seal_snapshot(batch, group, term, index, 0, 0)), WW_OK);
}

static void expect(uint32_t number, uint64_t first, uint64_t last, uint64_t last_term)
{
    const struct ww_wal_group *group = &groups.groups[number];
    cr_expect_eq(group->first_index, first, "first %lu", group->first_index);
    cr_expect_eq(group->last_index, last, "last %lu", group->last_index);
    cr_expect_eq(group->last_term, last_term);
}

Test(wal_groups, entries_replace_and_follow_each_other)
{
    entries(0, 1, 1, 3);
    entries(2, 1, 1, 1);
    entries(0, 1, 4, 3);
    entries(0, 2, 3, 1);
    hard_state(2, 7, 3);
    cr_expect_eq(groups.count, 3);
    expect(0, 1, 3, 2);
    expect(2, 1, 1, 1);
    cr_expect_not(groups.groups[1].seen);
    cr_expect_eq(groups.groups[2].term, 7);
    cr_expect_eq(groups.groups[2].vote, 3);
    cr_expect_eq(groups.groups[0].missing_from, 0);
}

Test(wal_groups, a_group_that_begins_anew_has_nothing)
{
    entries(0, 1, 1, 3);
    snapshot(0, 1, 2);
    hard_state(0, 2, 1 | WW_HARD_STATE_KNOWN);
    cr_expect_eq(groups.groups[0].vote, 1);
    hard_state(0, 3, 2 | WW_HARD_STATE_ANEW);
    expect(0, 0, 0, 0);
    cr_expect_eq(groups.groups[0].snapshot_index, 0);
    cr_expect_eq(groups.groups[0].term, 3);
    cr_expect_eq(groups.groups[0].vote, 2);
    entries(0, 3, 1, 1);
    expect(0, 1, 1, 3);
}

Test(wal_groups, missing_entries_are_named_once)
{
    entries(0, 1, 1, 3);
    entries(0, 1, 7, 1);
    entries(0, 1, 8, 1);
    entries(0, 1, 11, 1);
    cr_expect_eq(groups.groups[0].missing_from, 4);
    cr_expect_eq(groups.groups[0].missing_to, 6);
    expect(0, 1, 11, 1);
}

Test(wal_groups, a_snapshot_takes_the_place_of_what_it_covers)
{
    entries(0, 1, 1, 3);
    entries(0, 1, 7, 2);
    snapshot(0, 1, 7);
    expect(0, 8, 8, 1);
    cr_expect_eq(groups.groups[0].missing_from, 0, "nobody misses what a snapshot has");
    snapshot(0, 2, 20);
    expect(0, 21, 0, 1);
    entries(0, 2, 15, 4);
    expect(0, 21, 0, 1);
    entries(0, 2, 19, 4);
    expect(0, 21, 22, 2);
    entries(0, 2, 25, 1);
    cr_expect_eq(groups.groups[0].missing_from, 23);
}

Test(wal_groups, the_oldest_that_is_kept_may_begin_anywhere)
{
    entries(0, 3, 100, 2);
    expect(0, 100, 101, 3);
    cr_expect_eq(groups.groups[0].missing_from, 0);
}

Test(wal_groups, a_group_that_cannot_be)
{
    _Alignas(8) uint8_t batch[WW_BATCH_HEADER_BYTES];
    cr_expect_eq(take(batch, ww_batch_seal_hard_state(batch, WW_GROUPS_MAX, 1, 1)), WW_EDAMAGED);
}
