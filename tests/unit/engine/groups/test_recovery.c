/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/groups/recovery.h"

#include <criterion/criterion.h>
#include <string.h>

static struct ww_group_recovery recovery;

static void setup(void)
{
    cr_assert_eq(ww_group_recovery_init(&recovery, 2), WW_OK);
}

static void teardown(void)
{
    ww_group_recovery_free(&recovery);
}

TestSuite(group_recovery, .init = setup, .fini = teardown);

static int visit(uint32_t group, uint64_t term, uint64_t first, uint16_t count)
{
    struct ww_batch_header batch = {.size_bytes = 64,
                                    .group = group,
                                    .count = count,
                                    .term = term,
                                    .first_index = first,
                                    .kind = WW_BATCH_ENTRIES};
    return ww_group_recovery_visit(&recovery, 4096, 64, &batch);
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
