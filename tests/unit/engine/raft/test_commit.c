/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>

Test(raft_commit, c3_a3_figure_8_old_entries_commit_only_beneath_one_of_the_own_term)
{
    struct fixture f;

    /* Figure 8 (c): S1 leads again in term 4 and has brought its entry 2 of term 2 to a quorum. */
    fixture_start(&f, 5, 3, 0, "12");
    fixture_become_leader(&f);
    cr_assert_eq(ww_raft_term(f.raft), 4);
    cr_assert_eq(ww_raft_last_index(f.raft), 3);
    fixture_ack(&f, 2, 2);
    fixture_ack(&f, 3, 2);
    fixture_ack(&f, 4, 2);
    cr_expect_eq(f.update.commit, 0, "S5 could still overwrite it (figure 8 d)");
    /* Figure 8 (e): an entry of term 4 on a quorum commits those beneath it as well. */
    fixture_durable(&f, 4, 3);
    fixture_ack(&f, 2, 3);
    cr_expect_eq(f.update.commit, 0);
    fixture_ack(&f, 3, 3);
    cr_expect_eq(f.update.commit, 3);
    fixture_stop(&f);
}

Test(raft_commit, c4_the_leader_counts_itself_only_by_its_own_disk)
{
    struct fixture f;

    fixture_start(&f, 3, 1, 0, "1");
    fixture_become_leader(&f);
    fixture_ack(&f, 2, 2);
    cr_expect_eq(f.update.commit, 0, "one of three has it");
    fixture_durable(&f, 2, 2);
    cr_expect_eq(f.update.commit, 2);
    fixture_propose(&f, 1);
    fixture_ack(&f, 2, 3);
    cr_expect_eq(f.update.commit, 2);
    fixture_ack(&f, 3, 3);
    cr_expect_eq(f.update.commit, 3, "the leader's disk need not be part of the quorum");
    fixture_stop(&f);
}

Test(raft_commit, the_commit_position_is_what_a_majority_has)
{
    struct fixture f;

    fixture_start(&f, 5, 1, 0, "1");
    fixture_become_leader(&f);
    fixture_propose(&f, 20);
    fixture_durable(&f, 2, 9);
    fixture_ack(&f, 2, 20);
    fixture_ack(&f, 3, 3);
    fixture_ack(&f, 4, 7);
    cr_expect_eq(f.update.commit, 7);
    fixture_ack(&f, 5, 8);
    cr_expect_eq(f.update.commit, 8);
    cr_expect(f.update.commit_changed);
    fixture_ack(&f, 3, 6);
    cr_expect_not(f.update.commit_changed);
    fixture_stop(&f);
}
