/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator itself: a seed is a whole run, and what is wrong is found. */
#include "sim.h"

#include <criterion/criterion.h>
#include <string.h>

#define EVENTS 2000u

static struct sim *sim;

static void begin(void)
{
    sim = sim_create();
    cr_assert_not_null(sim);
}

static void end(void)
{
    sim_destroy(sim);
}

TestSuite(sim, .init = begin, .fini = end);

Test(sim, a_few_hundred_seeds_find_nothing)
{
    struct sim_result result, sum = {0};
    for (uint64_t seed = 1; seed <= 300; seed++) {
        sim_run(sim, seed, EVENTS, &result);
        cr_assert_str_empty(result.violation, "seed %lu: %s", seed, result.violation);
        cr_assert_geq(result.events, EVENTS);
        sum.commits += result.commits;
        sum.acknowledged += result.acknowledged;
        sum.crashes += result.crashes;
    }
    cr_assert_gt(sum.commits, 300 * 50, "the clusters work under faults");
    cr_assert_gt(sum.acknowledged, 300 * 50);
    cr_assert_gt(sum.crashes, 300);
}

/* Most of what stalls a cluster needs more events to come about. */
Test(sim, a_few_long_runs_find_nothing)
{
    struct sim_result result;
    for (uint64_t seed = 1001; seed <= 1010; seed++) {
        sim_run(sim, seed, 10 * EVENTS, &result);
        cr_assert_str_empty(result.violation, "seed %lu: %s", seed, result.violation);
    }
}

Test(sim, the_same_seed_is_the_same_run)
{
    struct sim_result first, again, between;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        sim_run(sim, seed, EVENTS, &first);
        sim_run(sim, seed + 1000, EVENTS, &between);
        sim_run(sim, seed, EVENTS, &again);
        cr_assert_eq(again.hash, first.hash, "seed %lu", seed);
        cr_assert_eq(again.events, first.events);
        cr_assert_neq(between.hash, first.hash);
    }
}

/* Runs seeds until one is violated; returns it, 0: none. */
static uint64_t find(uint64_t seeds, struct sim_result *result)
{
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        sim_run(sim, seed, EVENTS, result);
        if (result->violation[0] != 0)
            return seed;
    }
    return 0;
}

Test(sim, a_disk_that_lies_is_found_and_the_seed_replays)
{
    struct sim_result result, again;
    sim->plant = true;
    uint64_t seed = find(100, &result);
    cr_assert_neq(seed, 0);
    sim_run(sim, seed, EVENTS, &again);
    cr_assert_eq(again.hash, result.hash);
    cr_assert_str_eq(again.violation, result.violation);
}

/* The checks, one by one: what no correct cluster does is said. */
static void begin_run(void)
{
    struct sim_result result;
    sim_run(sim, 3, EVENTS, &result);
    cr_assert_str_empty(result.violation);
    sim->settings.groups = 1;
    cr_assert_gt(sim->ledger.groups[0].commit, 10);
}

static void entry(uint64_t index, uint64_t term, const char *data)
{
    _Alignas(8) uint8_t batch[256];
    uint32_t bytes =
        ww_entry_encode(batch + WW_BATCH_HEADER_BYTES, WW_ENTRY_DATA, data, (uint32_t)strlen(data));
    struct ww_batch_header wanted = {.term = term, .first_index = index, .count = 1};
    ww_batch_seal(batch, &wanted, bytes);
    sim_recovered(sim, 7, 0, ww_batch_header(batch));
}

Test(sim, two_entries_of_one_index_and_term_are_found)
{
    begin_run();
    entry(1, 100, "one");
    cr_assert_str_empty(sim->violation);
    entry(1, 100, "one");
    cr_assert_str_empty(sim->violation);
    entry(1, 100, "two");
    cr_assert_not_null(strstr(sim->violation, "log matching"));
}

Test(sim, terms_that_go_down_in_a_log_are_found)
{
    begin_run();
    entry(1, 100, "one");
    entry(2, 99, "two");
    cr_assert_not_null(strstr(sim->violation, "terms go down"));
}

Test(sim, a_gap_in_a_log_is_found)
{
    begin_run();
    entry(2, 99, "two");
    cr_assert_not_null(strstr(sim->violation, "gap"));
}

Test(sim, two_votes_of_one_term_are_found)
{
    _Alignas(8) uint8_t batch[64];
    begin_run();
    ww_batch_seal_hard_state(batch, 0, 100, 3);
    sim_recovered(sim, 7, 0, ww_batch_header(batch));
    cr_assert_str_empty(sim->violation);
    ww_batch_seal_hard_state(batch, 0, 100, 4);
    sim_recovered(sim, 7, 0, ww_batch_header(batch));
    cr_assert_not_null(strstr(sim->violation, "votes"));
}

static void send_from_7(enum ww_raft_message_type type, uint64_t term, uint64_t index)
{
    struct world_frame frame = {.from = 7, .to = 3};
    struct ww_raft_message message = {.type = type,
                                      .flags = WW_RAFT_GRANTED,
                                      .term = term,
                                      .index = index};
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, frame.data, WORLD_DATAGRAM);
    ww_datagram_add(&builder, &message, 0);
    frame.size_bytes = ww_datagram_finish(&builder, WORLD_CLUSTER, 7, 3, NULL);
    sim_check_sent(sim, &frame);
}

Test(sim, a_vote_that_is_not_durable_is_found)
{
    begin_run();
    send_from_7(WW_RAFT_VOTE_REPLY, 100, 0);
    cr_assert_not_null(strstr(sim->violation, "not durable"));
}

Test(sim, an_acknowledgement_of_what_is_not_on_the_disk_is_found)
{
    begin_run();
    entry(1, 100, "one");
    send_from_7(WW_RAFT_APPEND_ACK, 100, 1);
    cr_assert_str_empty(sim->violation);
    send_from_7(WW_RAFT_APPEND_ACK, 100, 2);
    cr_assert_not_null(strstr(sim->violation, "acknowledges"));
}

Test(sim, an_answer_for_what_nobody_applied_is_found)
{
    begin_run();
    struct ww_completion completion = {.first_sequence = 1000000, .count = 1};
    sim_acknowledged(sim, 0, &completion);
    cr_assert_not_null(strstr(sim->violation, "nobody applied"));
}

Test(sim, a_read_of_the_past_and_one_of_another_value_are_found)
{
    begin_run();
    struct sim_group_ledger *group = &sim->ledger.groups[0];
    struct sim_change last = group->changes[group->change_count - 1];
    sim_check_answer(sim, 0, last.index, last.number, last.value, group->commit);
    cr_assert_str_empty(sim->violation);
    sim_check_answer(sim, 0, last.index, last.number, last.value + 1, group->commit);
    cr_assert_not_null(strstr(sim->violation, "a value that it does not have"));
    sim->violation[0] = 0;
    uint64_t before = last.index - 1;
    sim_check_answer(sim, 0, last.index, last.number,
                     sim_ledger_register(group, last.number, before), before);
    cr_assert_not_null(strstr(sim->violation, "that began when"));
}

Test(sim, a_proposal_that_takes_effect_twice_is_found)
{
    begin_run();
    sim->settings.sessions = true;
    struct world_command command = {.kind = WORLD_COMMAND_WRITE, .operation = 1000000};
    struct ww_entry entry = {.index = sim->ledger.groups[0].commit,
                             .data = (void *)&command,
                             .size_bytes = 32};
    sim_check_command(sim, 0, &entry);
    cr_assert_str_empty(sim->violation);
    sim_check_command(sim, 0, &entry);
    cr_assert_not_null(strstr(sim->violation, "sessions"));
}

Test(sim, an_entry_behind_the_end_of_its_session_is_found)
{
    begin_run();
    sim->settings.sessions = true;
    sim->settings.strangers = 1;
    struct ww_completion completion = {.first_sequence = 1000000, .count = 1, .status = WW_EGONE};
    sim_acknowledged(sim, 0, &completion);
    cr_assert_str_empty(sim->violation);
    struct world_command command = {
        .kind = WORLD_COMMAND_WRITE,
        .operation = sim->clients[0].first[0] + 1000000,
    };
    struct ww_entry entry = {.index = sim->ledger.groups[0].commit,
                             .data = (void *)&command,
                             .size_bytes = 32};
    sim_check_command(sim, 0, &entry);
    cr_assert_not_null(strstr(sim->violation, "behind the end of its session"));
}

Test(sim, another_entry_at_a_committed_index_is_found)
{
    begin_run();
    const struct sim_committed *committed = sim_ledger_committed(&sim->ledger.groups[0], 5);
    struct ww_entry other = {.index = 5, .term = committed->term + 1, .data = (void *)"x"};
    sim->settings.nodes = 1;
    sim_check_applied(sim, 1, 0, &other, 1);
    cr_assert_not_null(strstr(sim->violation, "state machine safety"));
}
