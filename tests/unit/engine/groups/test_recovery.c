/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/groups/recovery.h"

#include <criterion/criterion.h>
#include <string.h>

#define SEGMENT (1u << 20)

static struct ww_group_recovery recovery;
static uint64_t block; /* where the next batch stands */

static void setup(void)
{
    block = 0;
    cr_assert_eq(ww_group_recovery_init(&recovery, 2, SEGMENT), WW_OK);
}

static void teardown(void)
{
    ww_group_recovery_free(&recovery);
}

TestSuite(group_recovery, .init = setup, .fini = teardown);

static int visit(uint32_t group, uint64_t term, uint64_t first, uint16_t count)
{
    struct {
        struct ww_batch_header header;
        uint32_t entry_head; /* of data */
    } batch = {{.size_bytes = 64,
                .group = group,
                .count = count,
                .term = term,
                .first_index = first,
                .kind = WW_BATCH_ENTRIES}};
    return ww_group_recovery_visit(&recovery, block, 64, &batch.header);
}

static int visit_record(uint64_t term, uint64_t index, uint64_t first, uint64_t last)
{
    _Alignas(8) uint8_t batch[WW_BATCH_HEADER_BYTES];
    ww_batch_seal_snapshot(batch, 0, term, index, first, last);
    return ww_group_recovery_visit(&recovery, block, 64, ww_batch_header(batch));
}

static int visit_snapshot(uint64_t term, uint64_t index)
{
    return visit_record(term, index, 0, 0);
}

static int visit_configuration(uint64_t term, uint64_t index, uint8_t voters, uint64_t time_ns)
{
    _Alignas(8) uint8_t batch[WW_BATCH_HEADER_BYTES + 16];
    struct ww_configuration configuration = {.voters = voters};
    uint32_t bytes = ww_entry_encode(batch + WW_BATCH_HEADER_BYTES, WW_ENTRY_CONFIGURATION,
                                     &configuration, sizeof(configuration));
    struct ww_batch_header wanted = {.count = 1,
                                     .term = term,
                                     .first_index = index,
                                     .time_ns = time_ns};
    ww_batch_seal(batch, &wanted, bytes);
    return ww_group_recovery_visit(&recovery, block, 64, ww_batch_header(batch));
}

Test(group_recovery, runs_of_terms_and_the_last_hard_state)
{
    struct ww_batch_header vote = {
        .size_bytes = 32, .group = 1, .term = 5, .first_index = 3, .kind = WW_BATCH_HARD_STATE};
    cr_assert_eq(ww_group_recovery_visit(&recovery, 0, 64, &vote), WW_OK);
    cr_assert_eq(visit(0, 1, 1, 10), WW_OK);
    cr_assert_eq(visit(0, 1, 11, 10), WW_OK);
    cr_assert_eq(visit(0, 2, 21, 1), WW_OK);
    const struct ww_recovered_group *group = &recovery.groups[0];
    cr_assert_eq(group->run_count, 2);
    cr_assert_eq(group->runs[0].last_index, 20);
    cr_assert_eq(group->runs[1].first_index, 21);
    cr_assert_eq(recovery.groups[1].term, 5);
    cr_assert_eq(recovery.groups[1].vote, 3);
}

Test(group_recovery, a_lower_first_index_replaces_the_log_from_there)
{
    visit(0, 1, 1, 10);
    visit(0, 2, 11, 10);
    cr_assert_eq(visit(0, 3, 6, 2), WW_OK);
    const struct ww_recovered_group *group = &recovery.groups[0];
    cr_assert_eq(group->run_count, 2);
    cr_assert_eq(group->runs[0].last_index, 5);
    cr_assert_eq(group->runs[1].term, 3);
    cr_assert_eq(group->runs[1].last_index, 7);
}

Test(group_recovery, a_hole_in_the_indexes_is_named)
{
    visit(0, 1, 1, 10);
    cr_assert_eq(visit(0, 1, 12, 1), WW_EDAMAGED);
    cr_assert_not_null(strstr(recovery.error.text, "entries 11 to 11 are missing"));
}

Test(group_recovery, a_group_beyond_the_configuration_is_named)
{
    cr_assert_eq(visit(2, 1, 1, 1), WW_EINVAL);
    cr_assert_not_null(strstr(recovery.error.text, "raft.groups"));
}

Test(group_recovery, the_last_two_configurations_and_the_greatest_log_time)
{
    const struct ww_recovered_group *group = &recovery.groups[0];
    visit(0, 1, 1, 10);
    cr_assert_eq(group->configuration_count, 0);
    cr_assert_eq(visit_configuration(1, 11, 0x0e, 500), WW_OK);
    cr_assert_eq(visit_configuration(1, 12, 0x1e, 700), WW_OK);
    cr_assert_eq(visit_configuration(1, 13, 0x3e, 600), WW_OK);
    cr_assert_eq(group->configuration_count, 2);
    cr_assert_eq(group->configurations[0].index, 12);
    cr_assert_eq(group->configurations[1].index, 13);
    cr_assert_eq(group->configurations[1].configuration.voters, 0x3e);
    cr_assert_eq(group->time_ns, 700);
}

Test(group_recovery, a_truncated_configuration_is_taken_back)
{
    const struct ww_recovered_group *group = &recovery.groups[0];
    visit_configuration(1, 1, 0x0e, 0);
    visit_configuration(1, 2, 0x1e, 0);
    cr_assert_eq(visit(0, 2, 2, 5), WW_OK);
    cr_assert_eq(group->configuration_count, 1);
    cr_assert_eq(group->configurations[0].configuration.voters, 0x0e);
    visit_configuration(2, 7, 0x3e, 0);
    cr_assert_eq(group->configuration_count, 2);
    cr_assert_eq(group->configurations[1].index, 7);
}

Test(group_recovery, a_snapshot_that_was_taken_leaves_what_follows_it)
{
    const struct ww_recovered_group *group = &recovery.groups[0];
    visit(0, 1, 1, 10);
    visit_configuration(2, 11, 0x0e, 0);
    visit(0, 2, 12, 9);
    visit_configuration(3, 21, 0x1e, 0);
    cr_assert_eq(visit_snapshot(2, 15), WW_OK);
    cr_assert_eq(group->base_index, 15);
    cr_assert_eq(group->base_term, 2);
    cr_assert_eq(group->run_count, 2);
    cr_assert_eq(group->runs[0].first_index, 16);
    cr_assert_eq(group->runs[0].last_index, 20);
    cr_assert_eq(group->configuration_count, 1, "that at 11 is in the snapshot");
    cr_assert_eq(group->configurations[0].index, 21);
    cr_assert_eq(visit(0, 3, 22, 5), WW_OK, "the log goes on");
    cr_assert_eq(visit_snapshot(3, 26), WW_OK);
    cr_assert_eq(group->run_count, 0);
    cr_assert_eq(visit(0, 3, 27, 1), WW_OK);
    cr_assert_eq(group->runs[0].first_index, 27);
}

Test(group_recovery, a_snapshot_that_was_installed_begins_the_log_anew)
{
    const struct ww_recovered_group *group = &recovery.groups[0];
    visit_configuration(1, 1, 0x0e, 0);
    visit(0, 1, 2, 119);
    /* The log has another entry at 100. */
    cr_assert_eq(visit_snapshot(2, 100), WW_OK);
    cr_assert_eq(group->run_count, 0);
    cr_assert_eq(group->configuration_count, 0);
    cr_assert_eq(group->index.count, 0);
    cr_assert_eq(visit(0, 2, 101, 3), WW_OK);
    cr_assert_eq(group->runs[0].first_index, 101);
    cr_assert_eq(group->runs[0].last_index, 103);
    /* One far beyond the log. */
    cr_assert_eq(visit_snapshot(4, 1000), WW_OK);
    cr_assert_eq(group->base_term, 4);
    cr_assert_eq(visit(0, 4, 1002, 1), WW_EDAMAGED);
    cr_assert_not_null(strstr(recovery.error.text, "entries 1001 to 1001 are missing"));
}

Test(group_recovery, entries_that_came_while_a_snapshot_was_installed)
{
    const struct ww_recovered_group *group = &recovery.groups[0];
    visit(0, 1, 1, 50);
    cr_assert_eq(visit_snapshot(2, 100), WW_OK);
    cr_assert_eq(visit(0, 2, 51, 10), WW_OK, "below its end: of no use any more");
    cr_assert_eq(group->run_count, 0);
    cr_assert_eq(visit(0, 2, 95, 10), WW_OK, "the part behind its end counts");
    cr_assert_eq(group->runs[0].first_index, 101);
    cr_assert_eq(group->runs[0].last_index, 104);
    uint64_t limit;
    cr_assert_not_null(ww_log_index_find(&group->index, 101, &limit));
    cr_assert_null(ww_log_index_find(&group->index, 100, &limit));
}

Test(group_recovery, snapshots_do_not_go_back)
{
    cr_assert_eq(visit_snapshot(2, 100), WW_OK);
    cr_assert_eq(visit_snapshot(2, 100), WW_OK);
    cr_assert_eq(visit_snapshot(2, 99), WW_EDAMAGED);
    cr_assert_not_null(strstr(recovery.error.text, "at index 99"));
}

/* ---- a stream whose first part was released ---- */

Test(group_recovery, a_log_may_begin_anywhere_when_a_later_record_says_so)
{
    const struct ww_recovered_group *group = &recovery.groups[0];
    struct ww_error error;
    block = SEGMENT;
    cr_assert_eq(visit(0, 3, 91, 20), WW_OK);
    cr_assert_eq(ww_group_recovery_check(group, &error), WW_EDAMAGED);
    cr_assert_not_null(strstr(error.text, "entries 1 to 90"), "%s", error.text);
    cr_assert_eq(visit_record(3, 100, 85, 110), WW_OK, "repeated, or taken with some kept");
    cr_assert_eq(ww_group_recovery_check(group, &error), WW_OK);
    cr_assert_eq(group->base_index, 100);
    cr_assert_eq(group->run_count, 1);
    cr_assert_eq(group->runs[0].first_index, 101);
    cr_assert_eq(group->runs[0].last_index, 110);
    cr_assert_eq(group->snapshot_end, SEGMENT + 64 + WW_BATCH_HEADER_BYTES);
    cr_assert_eq(group->first_index, 91, "readers get what is there");
    uint64_t limit;
    cr_assert_not_null(ww_log_index_find(&group->index, 91, &limit));
    cr_assert_eq(visit_record(3, 105, 95, 110), WW_OK);
    cr_assert_eq(group->first_index, 95, "and belongs to the log");
    cr_assert_eq(visit_record(3, 110, 95, 110), WW_OK);
    cr_assert_eq(group->run_count, 0);
    cr_assert_eq(group->first_index, 95);
    cr_assert_not_null(ww_log_index_find(&group->index, 95, &limit));
}

Test(group_recovery, an_older_record_does_not_make_a_hole)
{
    const struct ww_recovered_group *group = &recovery.groups[0];
    struct ww_error error;
    /* Entries 51 to 90 left with the released part, behind the snapshot at 95. */
    block = SEGMENT;
    cr_assert_eq(visit_record(2, 50, 41, 90), WW_OK);
    cr_assert_eq(visit(0, 2, 91, 10), WW_OK);
    cr_assert_eq(ww_group_recovery_check(group, &error), WW_EDAMAGED);
    cr_assert_not_null(strstr(error.text, "entries 51 to 90"), "%s", error.text);
    cr_assert_eq(visit_record(2, 95, 91, 100), WW_OK);
    cr_assert_eq(ww_group_recovery_check(group, &error), WW_OK);
    cr_assert_eq(group->runs[0].first_index, 96);
    cr_assert_eq(group->runs[0].last_index, 100);
    cr_assert_eq(group->base_term, 2);
}

Test(group_recovery, what_an_install_out_of_sight_did_away_with_does_not_come_back)
{
    const struct ww_recovered_group *group = &recovery.groups[0];
    struct ww_error error;
    /* Of another leader, while the snapshot at 55 was being installed. */
    block = SEGMENT;
    cr_assert_eq(visit(0, 2, 51, 10), WW_OK);
    cr_assert_eq(visit_record(3, 55, 56, 55), WW_OK, "the log was empty");
    cr_assert_eq(group->run_count, 0);
    cr_assert_eq(group->index.count, 0);
    cr_assert_eq(visit(0, 3, 56, 2), WW_OK);
    cr_assert_eq(visit_record(3, 55, 56, 57), WW_OK, "again");
    cr_assert_eq(group->runs[0].first_index, 56);
    cr_assert_eq(group->runs[0].last_index, 57);
    cr_assert_eq(group->runs[0].term, 3);
    cr_assert_eq(group->first_index, 56);
    cr_assert_eq(ww_group_recovery_check(group, &error), WW_OK);
}

Test(group_recovery, a_log_that_goes_on_far_behind_an_install_out_of_sight)
{
    const struct ww_recovered_group *group = &recovery.groups[0];
    struct ww_error error;
    block = SEGMENT;
    cr_assert_eq(visit(0, 2, 51, 10), WW_OK);
    cr_assert_eq(visit(0, 3, 101, 10), WW_OK);
    cr_assert_eq(visit_record(3, 100, 101, 110), WW_OK);
    cr_assert_eq(group->run_count, 1);
    cr_assert_eq(group->runs[0].first_index, 101);
    cr_assert_eq(ww_group_recovery_check(group, &error), WW_OK);
}

Test(group_recovery, the_last_of_repeated_records_counts)
{
    const struct ww_recovered_group *group = &recovery.groups[1];
    _Alignas(8) uint8_t batch[WW_BATCH_HEADER_BYTES];
    block = SEGMENT;
    for (uint32_t vote = 1; vote <= 3; vote++) {
        ww_batch_seal_hard_state(batch, 1, 4 + vote / 2, vote);
        cr_assert_eq(ww_group_recovery_visit(&recovery, block, 64 * vote, ww_batch_header(batch)),
                     WW_OK);
    }
    cr_assert_eq(group->term, 5);
    cr_assert_eq(group->vote, 3);
    cr_assert_eq(group->hard_state_end, SEGMENT + 192 + WW_BATCH_HEADER_BYTES);
}

static void visit_vote(uint64_t term, uint32_t vote, uint32_t flags)
{
    _Alignas(8) uint8_t batch[WW_BATCH_HEADER_BYTES];
    ww_batch_seal_hard_state(batch, 0, term, vote | flags);
    cr_assert_eq(ww_group_recovery_visit(&recovery, block, 64, ww_batch_header(batch)), WW_OK);
}

Test(group_recovery, a_group_that_begins_anew_has_nothing_but_term_and_vote)
{
    const struct ww_recovered_group *group = &recovery.groups[0];
    visit_vote(3, 2, WW_HARD_STATE_KNOWN);
    visit(0, 3, 1, 10);
    visit_configuration(3, 11, 0x0e, 500);
    visit_snapshot(3, 8);
    cr_expect_not(group->forgot);
    block = 4096;
    visit_vote(4, 1, WW_HARD_STATE_ANEW);
    cr_expect(group->forgot);
    cr_expect_eq(group->term, 4);
    cr_expect_eq(group->vote, 1);
    cr_expect_eq(group->known_position, 0);
    cr_expect_eq(group->base_index, 0);
    cr_expect_eq(group->first_index, 0);
    cr_expect_eq(group->snapshot_end, 0);
    cr_expect_eq(group->run_count, 0);
    cr_expect_eq(group->configuration_count, 0);
    cr_expect_eq(group->hard_state_end, 4096 + 64 + WW_BATCH_HEADER_BYTES);

    /* An older snapshot than the lost one may come. */
    cr_expect_eq(visit_snapshot(3, 6), WW_OK);
    cr_expect_eq(visit(0, 4, 7, 2), WW_OK);
    cr_expect_eq(ww_group_recovery_check(group, NULL), WW_OK);
    visit_vote(5, 0, 0);
    cr_expect(group->forgot);
    visit_vote(5, 2, WW_HARD_STATE_KNOWN);
    cr_expect_not(group->forgot);
    cr_expect_eq(group->base_index, 6);
}

Test(group_recovery, the_term_of_an_entry_whose_record_is_lost)
{
    struct ww_recovered_group *group = &recovery.groups[0];
    visit_vote(3, 2, WW_HARD_STATE_KNOWN);
    visit(0, 3, 1, 10);
    ww_group_recovery_take_term(group);
    cr_expect_eq(group->vote, 2);
    visit(0, 5, 11, 1);
    ww_group_recovery_take_term(group);
    cr_expect_eq(group->term, 5);
    cr_expect_eq(group->vote, 0);
}
