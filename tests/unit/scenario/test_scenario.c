/* SPDX-License-Identifier: Apache-2.0 */
/* Whole scenarios that are wrong, and what the runner says of them. */
#include "tests/scenario/scenario.h"

#include <criterion/criterion.h>
#include <string.h>

static struct scenario_result result;

static void run(const char *text)
{
    scenario_run("a.scn", text, strlen(text), false, &result);
}

/* The error begins so: behind it may stand the state of nodes. */
static void expect_error(const char *text, const char *error)
{
    run(text);
    cr_assert_not(result.passed, "%s", text);
    cr_assert_eq(strncmp(result.error, error, strlen(error)), 0, "%s\nsaid: %s", text,
                 result.error);
}

Test(scenario, a_right_one_passes)
{
    run("# nothing\n\ncluster 3\nelect 1\nexpect all follows 1");
    cr_assert(result.passed, "%s", result.error);
}

Test(scenario, an_unknown_command_names_the_nearest)
{
    expect_error("cluster 3\nelcet 1\n",
                 "a.scn:2: 'elcet' is not a command; the nearest known one is 'elect'");
}

Test(scenario, an_unknown_field_names_the_nearest)
{
    expect_error("cluster 3\nexpect 1 leadr\n",
                 "a.scn:2: 'leadr' is not a field of a node; the nearest known one is 'leader'");
    expect_error("cluster 3\nexpect message 1->2 VOTES\n",
                 "a.scn:2: 'VOTES' is not a type of message; the nearest known one is 'VOTE'");
    expect_error("cluster 3\nexpect leader\n",
                 "a.scn:2: 'leader' is not something to expect (or a node)");
}

Test(scenario, a_failed_expectation_says_what_was_expected_and_found)
{
    expect_error("cluster 3\nexpect 2 term 4 commit 0\n",
                 "a.scn:2: node 2: expected term 4, found 0\n  node 2: follower term 0 vote 0");
    expect_error("cluster 3\nelect 1\nexpect 1 2 leader",
                 "a.scn:3: node 2: expected the role leader, found follower");
    expect_error("cluster 3\nlog 2 = 1 1 2\nexpect 2 log 1 1 3\n",
                 "a.scn:3: node 2: expected log 1 1 3, found 1 1 2");
    expect_error("cluster 3\ntimeout 1\nexpect messages 3 1-> PRE_VOTE\n",
                 "a.scn:3: expected 3 such messages, found 2\n  in flight: 1->2 PRE_VOTE term 1");
    expect_error("cluster 3\nelect 1\nexpect no leader\n", "a.scn:3: expected no leader, found 1");
    expect_error("cluster 3\nexpect answer ok\n", "a.scn:2: there was no request");
    expect_error("cluster 3\npropose 2 \"a\" as p\nexpect answer p ok\n",
                 "a.scn:3: expected another answer; found not-leader");
}

Test(scenario, the_cluster_comes_first_and_once)
{
    expect_error("elect 1\n", "a.scn:1: the first command must be 'cluster N'");
    expect_error("# only this\n", "a.scn:1: nothing ever started");
    expect_error("cluster 3\ncluster 3\n", "a.scn:2: there is a cluster already");
    expect_error("cluster 9\n", "a.scn:1: 1 to 7 nodes, not 9");
    expect_error("cluster 3 lerners 3\n",
                 "a.scn:1: 'lerners' is not a part of the cluster; the nearest known one is "
                 "'learners'");
    expect_error("cluster 3\nelect 1\nlog 1 = 1\n", "a.scn:3: the nodes have started already");
    expect_error("cluster 3\nlog 1 = 2 1\n",
                 "a.scn:2: the terms of a log never fall, and begin at 1");
}

Test(scenario, commands_that_can_do_nothing_fail)
{
    expect_error("cluster 3\ndeliver 1->2\n",
                 "a.scn:2: found 0 such messages in flight, not at least 1");
    expect_error("cluster 3\ntimeout 1\ndrop 1->2 PRE_VOTE 2\n",
                 "a.scn:3: found 1 such messages in flight, not 2");
    expect_error("cluster 3\nelect 1\ntimeout 1\n",
                 "a.scn:3: node 1 is the leader: it has no election timer");
    expect_error("cluster 3\nbeat 1\n", "a.scn:2: node 1 is no leader");
    expect_error("cluster 3\ndisk-done 1\n", "a.scn:2: no write of node 1 waits");
    expect_error("cluster 3\nrestart 1\n", "a.scn:2: node 1 runs already");
    expect_error("cluster 3\ncrash 1\ntimeout 1\n", "a.scn:3: node 1 is crashed");
    expect_error("cluster 3\ndamage 1 flip\n", "a.scn:2: node 1 runs: crash it first");
    expect_error("cluster 3\ncut 2\ncut 3\nelect 1\n", "a.scn:4: node 1 was not elected");
    expect_error("cluster 3\ncrash 1\nexpect 1 term 0\n",
                 "a.scn:3: node 1 is crashed: it has no 'term'");
}

Test(scenario, what_must_always_hold_is_checked_after_every_command)
{
    /* Two disks that say that entry 2 was written by term 2, and then differ before it. */
    expect_error("cluster 3\nlog 1 = 1 3\nlog 2 = 2 3\npoll 1\n",
                 "a.scn:4: Log Matching: nodes 1 and 2 differ at 1 and agree behind it");
}

Test(scenario, repeat_runs_a_command_again_and_stops_at_its_error)
{
    run("cluster 1\nrepeat 3 propose 1 \"a\"\nexpect 1 last 4 entries \"a\" \"a\" \"a\"\n");
    cr_assert(result.passed, "%s", result.error);
    expect_error("cluster 1\nrepeat 3 elect 2\n", "a.scn:2: ");
}
