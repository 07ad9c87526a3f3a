/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/raft/fixture.h"

#include <criterion/criterion.h>

/* Options of a node with a snapshot, a log and a configuration in it: nothing is wrong. */
static struct ww_raft_run runs[2];
static struct ww_raft_placed_configuration placed[2];

static struct ww_raft_options good(void)
{
    struct ww_raft_options options;

    fixture_options(&options, 3);
    runs[0] = (struct ww_raft_run){.first_index = 6, .last_index = 7, .term = 2};
    runs[1] = (struct ww_raft_run){.first_index = 8, .last_index = 9, .term = 3};
    placed[0] =
        (struct ww_raft_placed_configuration){.index = 6, .configuration.voters = VOTERS(4)};
    placed[1] =
        (struct ww_raft_placed_configuration){.index = 9, .configuration.voters = VOTERS(5)};
    options.term = 4;
    options.vote = 2;
    options.base_index = 5;
    options.base_term = 2;
    options.snapshot_bytes = 100;
    options.log = runs;
    options.log_runs = 2;
    options.configurations = placed;
    options.configuration_count = 2;
    return options;
}

static bool starts(struct ww_raft_options options)
{
    struct ww_raft *raft;
    const char *why;
    int status = ww_raft_create(&options, &raft, &why);

    cr_assert((status == WW_OK) == (why == NULL));
    cr_assert((status == WW_OK) == (raft != NULL));
    ww_raft_destroy(raft);
    return status == WW_OK;
}

#define REFUSES(field, value)                                                                      \
    do {                                                                                           \
        struct ww_raft_options bad = good();                                                       \
        bad.field = (value);                                                                       \
        cr_expect_not(starts(bad), #field " = " #value);                                           \
    } while (0)

Test(raft_options_check, what_a_disk_may_hold_starts)
{
    struct ww_raft_options options = good();

    cr_expect(starts(options));
    options = (struct ww_raft_options){0};
    fixture_options(&options, 0);
    cr_expect(starts(options), "a node that waits to be added");
}

Test(raft_options_check, settings_out_of_range_are_refused)
{
    REFUSES(self, 0);
    REFUSES(self, WW_NODES_MAX + 1);
    REFUSES(heartbeat_ns, 0);
    REFUSES(heartbeat_ns, ELECTION_MIN);
    REFUSES(election_min_ns, ELECTION_MAX);
    REFUSES(election_max_ns, UINT64_MAX);
    REFUSES(retry_ns, 0);
    REFUSES(retry_ns, ELECTION_MAX + 1);
    REFUSES(window_bytes, 0);
    REFUSES(term_runs, 0);
    REFUSES(clock_drift_ppm, 500000);
}

Test(raft_options_check, a_term_or_vote_that_cannot_be_is_refused)
{
    struct ww_raft_options options;

    REFUSES(term, UINT64_MAX);
    REFUSES(vote, WW_NODES_MAX + 1);
    fixture_options(&options, 3);
    options.vote = 1;
    cr_expect_not(starts(options), "a vote without a term");
}

Test(raft_options_check, a_snapshot_that_cannot_be_is_refused)
{
    REFUSES(base_index, UINT64_MAX);
    REFUSES(base_index, 0);
    REFUSES(base_term, 0);
    REFUSES(base_term, 5);
    REFUSES(snapshot_bytes, 0);
    REFUSES(configuration.voters, 0);
    REFUSES(configuration.voters, 1);
    REFUSES(configuration.learners, NODE(1));
}

Test(raft_options_check, a_log_that_cannot_be_is_refused)
{
    REFUSES(term_runs, 1);
    REFUSES(base_index, 4);
    REFUSES(base_term, 3);
    REFUSES(term, 2);
    REFUSES(log_runs, 1); /* the second configuration is not in it */
    struct ww_raft_options options = good();
    runs[1].last_index = 7;
    cr_expect_not(starts(options));
    options = good();
    runs[1].last_index = UINT64_MAX;
    cr_expect_not(starts(options));
    options = good();
    runs[0].term = 0;
    cr_expect_not(starts(options));
    options = good();
    runs[1].term = 1;
    cr_expect_not(starts(options));
}

Test(raft_options_check, configurations_that_cannot_be_are_refused)
{
    struct ww_raft_options options = good();

    placed[0].index = 5;
    cr_expect_not(starts(options), "at the base");
    options = good();
    placed[1].index = 6;
    cr_expect_not(starts(options), "not ascending");
    options = good();
    placed[1].configuration.voters = 0;
    cr_expect_not(starts(options));
    options = good();
    placed[1].configuration.learners = NODE(2);
    cr_expect_not(starts(options));
}
