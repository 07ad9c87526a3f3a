/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/backend/log_survey.h"
#include "fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEADER ((uint64_t)WW_SEGMENT_HEADER_BYTES)

static struct test_log log_;
static struct ww_log_survey survey;
static uint64_t visited, last_position;

static void set_up(void)
{
    test_log_init(&log_);
}

static void tear_down(void)
{
    test_log_free(&log_);
}

TestSuite(wal_survey, .init = set_up, .fini = tear_down);

static int visit(void *context, const struct ww_block_header *block)
{
    (void)context;
    cr_assert(visited == 0 || block->position > last_position);
    last_position = block->position;
    visited++;
    return WW_OK;
}

static void look(void)
{
    struct ww_error error;
    visited = 0;
    cr_assert_eq(ww_log_survey(log_.directory, visit, NULL, &survey, &error), WW_OK, "%s",
                 error.text);
    cr_assert_eq(visited, survey.blocks);
}

/* `count` blocks of 4 KiB, as after a kill. */
static void write_and_stop(uint32_t count)
{
    test_log_open_ok(&log_);
    for (uint32_t i = 0; i < count; i++)
        test_log_append(&log_, 1000);
    test_log_close(&log_);
    test_forget_durable(&log_, 0);
}

static void expect_damage(uint32_t number, uint64_t position, uint64_t end, const char *why)
{
    const struct ww_log_damage *damage = &survey.damage[number];
    cr_assert_lt(number, survey.damage_count);
    cr_expect_eq(damage->position, position);
    cr_expect_eq(damage->end, end);
    cr_expect_eq(damage->segment, position / TEST_SEGMENT);
    cr_expect_eq(damage->offset, HEADER + position % TEST_SEGMENT);
    cr_expect(strstr(damage->why, why) != NULL, "%s", damage->why);
}

Test(wal_survey, a_whole_log)
{
    write_and_stop(10);
    look();
    cr_expect_eq(survey.blocks, 10);
    cr_expect_eq(survey.batches, 10);
    cr_expect_eq(survey.end_position, 10 * 4096);
    cr_expect_eq(survey.damage_count, 0);
    cr_expect_eq(survey.node, TEST_NODE);
    cr_expect_eq(survey.cluster, TEST_CLUSTER);
    cr_expect_eq(survey.epoch, 1);
    cr_expect_not(survey.in_use);
}

Test(wal_survey, every_damaged_place_is_found_and_what_is_behind_it_is_read)
{
    write_and_stop(30);
    test_flip(&log_, TEST_FIRST, HEADER + 4 * 4096 + 500);
    test_flip(&log_, TEST_FIRST, HEADER + 11 * 4096);
    test_flip(&log_, TEST_FIRST, HEADER + 12 * 4096 + 4);
    look();
    cr_expect_eq(survey.damage_count, 2);
    cr_expect_eq(survey.blocks, 27);
    cr_expect_eq(survey.end_position, 30 * 4096);
    expect_damage(0, 4 * 4096, 5 * 4096, "checksum");
    expect_damage(1, 11 * 4096, 13 * 4096, "checksum");
}

Test(wal_survey, a_torn_tail_is_no_damage)
{
    write_and_stop(10);
    test_flip(&log_, TEST_FIRST, HEADER + 9 * 4096 + 500);
    look();
    cr_expect_eq(survey.damage_count, 0);
    cr_expect_eq(survey.blocks, 9);
    cr_expect_eq(survey.end_position, 9 * 4096);
}

Test(wal_survey, an_end_that_was_known_as_durable_is_damage)
{
    write_and_stop(10);
    test_forget_durable(&log_, 10 * 4096);
    test_flip(&log_, TEST_FIRST, HEADER + 9 * 4096 + 500);
    look();
    cr_expect_eq(survey.damage_count, 1);
    cr_expect_eq(survey.damage[0].position, 9 * 4096);
    cr_expect_eq(survey.blocks, 9);
}

Test(wal_survey, a_missing_and_a_truncated_segment)
{
    char path[128];
    test_log_open_ok(&log_);
    while (log_.position < 3 * TEST_SEGMENT + 4096)
        test_log_append(&log_, 100000);
    test_log_close(&log_);
    look();
    uint64_t whole = survey.blocks;
    cr_expect_eq(survey.damage_count, 0);

    snprintf(path, sizeof(path), "%s/wal/0000000000000001.seg", log_.directory);
    cr_assert_eq(truncate(path, 100000), 0);
    look();
    cr_expect_eq(survey.damage_count, 1);
    expect_damage(0, TEST_SEGMENT, 2 * TEST_SEGMENT, "truncated");
    cr_expect_lt(survey.blocks, whole);
    cr_expect_gt(last_position, 3 * TEST_SEGMENT - 1);

    cr_assert_eq(unlink(path), 0);
    look();
    expect_damage(0, TEST_SEGMENT, 2 * TEST_SEGMENT, "missing");
    snprintf(path, sizeof(path), "%s/wal/0000000000000003.seg", log_.directory);
    cr_assert_eq(unlink(path), 0);
    look();
    cr_expect_eq(survey.damage_count, 2, "the last one, too, is known to have been there");
}

Test(wal_survey, a_log_in_use_is_looked_at)
{
    test_log_open_ok(&log_);
    for (uint32_t i = 0; i < 5; i++)
        test_log_append(&log_, 1000);
    look();
    cr_expect(survey.in_use);
    cr_expect_eq(survey.blocks, 5);
    cr_expect_eq(survey.damage_count, 0);
    test_log_append(&log_, 1000);
    look();
    cr_expect_eq(survey.blocks, 6);
}

static int refuse(void *context, const struct ww_block_header *block)
{
    (void)context;
    return block->position == 4096 ? WW_EBUSY : WW_OK;
}

Test(wal_survey, what_cannot_be_looked_at)
{
    struct ww_error error;
    write_and_stop(3);
    cr_expect_eq(ww_log_survey(log_.directory, refuse, NULL, &survey, &error), WW_EBUSY);
    cr_expect_eq(ww_log_survey("/nowhere/at/all", visit, NULL, &survey, &error), WW_ENOTFOUND);
    cr_expect(strstr(error.text, "/nowhere/at/all") != NULL);
    test_flip(&log_, "identity", 20);
    cr_expect_eq(ww_log_survey(log_.directory, visit, NULL, &survey, &error), WW_EDAMAGED);
}
