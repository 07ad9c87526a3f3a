/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/raft/raft_internal.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* 1..3 of term 1, 4..4 of term 2, 5..9 of term 5 */
static void fill(struct ww_raft_log *log)
{
    *log = (struct ww_raft_log){0};
    cr_assert_eq(ww_raft_log_create(log, 4), WW_OK);
    ww_raft_log_append(log, 2, 1);
    ww_raft_log_append(log, 3, 1);
    ww_raft_log_append(log, 4, 2);
    ww_raft_log_append(log, 9, 5);
}

Test(raft_log_terms, entries_of_one_term_share_a_run)
{
    static const uint64_t terms[] = {0, 1, 1, 1, 2, 5, 5, 5, 5, 5, 0};
    struct ww_raft_log log;

    fill(&log);
    cr_expect_eq(log.count, 3);
    for (uint64_t i = 0; i <= 10; i++)
        cr_expect_eq(ww_raft_log_term_at(&log, i), terms[i], "index %lu", i);
    cr_expect_eq(ww_raft_log_last_term(&log), 5);
    cr_expect_eq(ww_raft_log_run_at(&log, 2).last_index, 3);
    cr_expect_eq(ww_raft_log_run_at(&log, 9).first_index, 5);
    cr_expect_eq(ww_raft_log_run_at(&log, 5).last_index, 9);
    free(log.runs);
}

Test(raft_log_terms, the_last_entry_of_a_term)
{
    struct ww_raft_log log;

    fill(&log);
    cr_expect_eq(ww_raft_log_last_of_term(&log, 1), 3);
    cr_expect_eq(ww_raft_log_last_of_term(&log, 2), 4);
    cr_expect_eq(ww_raft_log_last_of_term(&log, 3), 0);
    cr_expect_eq(ww_raft_log_last_of_term(&log, 5), 9);
    cr_expect_eq(ww_raft_log_last_of_term(&log, 6), 0);
    free(log.runs);
}

Test(raft_log_terms, truncation_cuts_inside_and_between_runs)
{
    struct ww_raft_log log;

    fill(&log);
    ww_raft_log_truncate(&log, 7);
    cr_expect_eq(log.last_index, 6);
    cr_expect_eq(log.count, 3);
    ww_raft_log_truncate(&log, 4);
    cr_expect_eq(log.count, 1);
    cr_expect_eq(ww_raft_log_last_term(&log), 1);
    ww_raft_log_append(&log, 4, 6);
    cr_expect_eq(ww_raft_log_term_at(&log, 4), 6);
    ww_raft_log_truncate(&log, 1);
    cr_expect_eq(log.last_index, 0);
    cr_expect_eq(ww_raft_log_last_term(&log), 0);
    cr_expect_eq(ww_raft_log_term_at(&log, 1), 0);
    free(log.runs);
}

Test(raft_log_terms, compaction_takes_entries_at_the_front)
{
    struct ww_raft_log log;

    fill(&log);
    ww_raft_log_compact(&log, 0);
    cr_expect_eq(log.count, 3, "nothing is at or below 0");
    ww_raft_log_compact(&log, 2);
    cr_expect_eq(log.count, 3, "a part of the first run stays");
    cr_expect_eq(ww_raft_log_run_at(&log, 3).first_index, 3);
    cr_expect_eq(ww_raft_log_term_at(&log, 2), 1, "the base");
    cr_expect_eq(ww_raft_log_term_at(&log, 1), 0);
    ww_raft_log_compact(&log, 4);
    cr_expect_eq(log.count, 1);
    cr_expect_eq(log.base_term, 2);
    cr_expect_eq(ww_raft_log_last_of_term(&log, 2), 4, "all that is known of term 2");
    cr_expect_eq(ww_raft_log_last_of_term(&log, 1), 0);
    ww_raft_log_compact(&log, 9);
    cr_expect_eq(log.count, 0);
    cr_expect_eq(log.last_index, 9);
    cr_expect_eq(ww_raft_log_last_term(&log), 5);
    ww_raft_log_append(&log, 10, 5);
    cr_expect_eq(ww_raft_log_run_at(&log, 10).first_index, 10);
    ww_raft_log_truncate(&log, 10);
    cr_expect_eq(ww_raft_log_last_term(&log), 5);
    free(log.runs);
}

Test(raft_log_terms, a_reset_log_goes_on_behind_its_base)
{
    struct ww_raft_log log;

    fill(&log);
    ww_raft_log_reset(&log, 20, 7);
    cr_expect_eq(log.count, 0);
    cr_expect_eq(ww_raft_log_term_at(&log, 20), 7);
    cr_expect_eq(ww_raft_log_term_at(&log, 9), 0);
    cr_expect_eq(ww_raft_log_last_term(&log), 7);
    ww_raft_log_append(&log, 21, 8);
    cr_expect_eq(ww_raft_log_term_at(&log, 21), 8);
    cr_expect_eq(ww_raft_log_last_of_term(&log, 7), 20);
    free(log.runs);
}
