/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_cluster.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define RETRY_NS 20000000u
#define SIZE 64u

static struct fake *fake;
static struct ww_client *client;
static uint64_t completed[FAKE_GROUPS];
static int last_status;

static void setup(void)
{
    fake = fake_create();
    client = fake_client(fake, 1024, RETRY_NS);
    memset(completed, 0, sizeof(completed));
}

static void teardown(void)
{
    ww_client_close(client);
    fake_destroy(fake);
}

TestSuite(client, .init = setup, .fini = teardown);

static void propose(uint32_t group, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++)
        cr_assert_eq(fake_propose(client, group, i, SIZE), WW_OK);
}

/* Polls once, and checks that completions come in order and stand where they say. */
static size_t poll_checked(void)
{
    struct ww_completion completions[64];
    size_t count = ww_client_poll(client, completions, 64);
    for (size_t i = 0; i < count; i++) {
        const struct ww_completion *c = &completions[i];
        cr_assert_eq(c->first_sequence, completed[c->group]);
        cr_assert_gt(c->count, 0);
        for (uint32_t k = 0; c->status == WW_OK && c->first_index > 0 && k < c->count; k++)
            cr_assert_eq(fake->groups[c->group].log[c->first_index - 1 + k], c->first_sequence + k);
        completed[c->group] += c->count;
        last_status = c->status;
    }
    return count;
}

static struct ww_client_stats stats(void)
{
    struct ww_client_stats now;
    ww_client_stats(client, &now);
    return now;
}

/* The client sends, the nodes answer, `group` commits everything, the client hears of it. */
static void exchange(uint32_t group)
{
    poll_checked();
    fake_step(fake);
    fake_commit(fake, group, UINT64_MAX);
    poll_checked();
}

Test(client, entries_commit_in_order)
{
    propose(0, 0, 100);
    cr_assert_eq(ww_client_outstanding(client), 100);
    exchange(0);
    cr_assert_eq(completed[0], 100);
    cr_assert_eq(ww_client_outstanding(client), 0);
    cr_assert_eq(fake->groups[0].log_count, 100);
    cr_assert_eq(fake->proposals[1], 6, "64 B entries travel by the datagram: %u",
                 fake->proposals[1]);
    cr_assert_eq(stats().resent, 0);
    cr_assert_eq(fake->released, stats().rx_frames, "every datagram went back");
}

Test(client, behind_many_small_runs_the_next_one_waits_to_fill_up)
{
    for (uint64_t i = 0; i < WW_CLIENT_SMALL_FRAMES + 5; i++) {
        propose(0, i, 1);
        poll_checked();
    }
    fake_step(fake);
    cr_assert_eq(fake->proposals[1], WW_CLIENT_SMALL_FRAMES);
    fake_commit(fake, 0, 1);
    poll_checked(); /* hears of it: there is room for one more on the way */
    poll_checked();
    fake_step(fake);
    cr_assert_eq(fake->proposals[1], WW_CLIENT_SMALL_FRAMES + 1, "the five go as one run");
    exchange(0);
    cr_assert_eq(completed[0], WW_CLIENT_SMALL_FRAMES + 5);
}

Test(client, no_more_is_on_the_way_than_a_ring_holds)
{
    uint32_t share = WW_CLIENT_FRAMES_MAX / FAKE_GROUPS;
    for (uint64_t i = 0; i < 1024; i += 128) {
        propose(0, i, 128);
        poll_checked();
    }
    fake_step(fake);
    cr_assert_leq(fake->proposals[1], share);
    cr_assert_gt(fake->proposals[1], 40, "1,024 entries of 64 B are about 50 full runs");
    for (int k = 0; k < 10; k++)
        exchange(0);
    cr_assert_eq(completed[0], 1024);
    cr_assert_eq(stats().resent, 0);
}

Test(client, groups_have_leaders_of_their_own)
{
    for (uint32_t group = 0; group < FAKE_GROUPS; group++)
        propose(group, 0, 3);
    poll_checked();
    fake_step(fake);
    cr_assert_eq(fake->proposals[1], 2);
    cr_assert_eq(fake->proposals[2], 1);
    cr_assert_eq(fake->proposals[3], 1);
    for (uint32_t group = 0; group < FAKE_GROUPS; group++)
        fake_commit(fake, group, 3);
    poll_checked();
    for (uint32_t group = 0; group < FAKE_GROUPS; group++)
        cr_assert_eq(completed[group], 3);
    cr_assert_eq(stats().redirects, 0);
}

Test(client, the_window_is_bounded)
{
    propose(0, 0, 1024);
    cr_assert_eq(fake_propose(client, 0, 1024, SIZE), WW_EBUSY);
    cr_assert_eq(fake_propose(client, 1, 0, SIZE), WW_OK, "each group has its own");
    poll_checked();
    fake_step(fake);
    fake_commit(fake, 0, 1);
    poll_checked();
    cr_assert_eq(fake_propose(client, 0, 1024, SIZE), WW_OK);
    cr_assert_eq(fake_propose(client, 0, 1025, SIZE), WW_EBUSY);
}

Test(client, bad_arguments_are_refused)
{
    uint8_t data[WW_MTU_MAX] = {0};
    uint32_t max = ww_client_entry_max(client);
    cr_assert_eq(max, WW_ENTRY_MAX(FAKE_MTU));
    cr_assert_eq(ww_client_propose(client, 0, data, max + 1), WW_ETOOBIG);
    cr_assert_eq(ww_client_propose(client, FAKE_GROUPS, data, 1), WW_ENOTFOUND);
    cr_assert_eq(ww_client_outstanding(client), 0);
    cr_assert_eq(ww_client_propose(client, 0, data, max), WW_OK);
    exchange(0);
    cr_assert_eq(completed[0], 1, "the largest entry fits into a datagram");
}

Test(client, empty_entries_are_entries)
{
    cr_assert_eq(ww_client_propose(client, 0, NULL, 0), WW_OK);
    struct fake_datagram datagram;
    poll_checked();
    cr_assert(fake_take(fake, &datagram));
    cr_assert_eq(fake_message(&datagram)->body_bytes, 4);
    cr_assert_eq(fake_message(&datagram)->count, 1);
    free(datagram.data);
}

Test(client, partial_commits_complete_in_parts)
{
    propose(0, 0, 30); /* two datagrams */
    poll_checked();
    fake_step(fake);
    for (uint64_t done = 0; done < 30; done += 6) {
        cr_assert_eq(completed[0], done);
        fake_commit(fake, 0, 6);
        poll_checked();
    }
    cr_assert_eq(completed[0], 30);
}

Test(client, answers_wait_for_room_in_the_callers_array)
{
    propose(0, 0, 5);
    poll_checked();
    fake_step(fake);
    for (int i = 0; i < 5; i++)
        fake_commit(fake, 0, 1);
    struct ww_completion completion;
    for (uint64_t i = 0; i < 5; i++) {
        cr_assert_eq(ww_client_poll(client, &completion, 1), 1);
        cr_assert_eq(completion.first_sequence, i);
        cr_assert_eq(completion.count, 1);
    }
    cr_assert_eq(ww_client_poll(client, &completion, 1), 0);
}

Test(client, answers_out_of_order_and_doubled_complete_once)
{
    propose(0, 0, 10);
    poll_checked();
    fake_step(fake);
    struct ww_client_message answer = {.type = WW_CLIENT_COMMITTED, .group = 0};
    static const uint32_t ranges[][2] = {{4, 2}, {4, 2}, {7, 1}, {3, 6}, {9, 1}, {8, 2}};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        answer.sequence = ranges[i][0];
        answer.index = answer.sequence + 1;
        answer.count = ranges[i][1];
        fake_answer(fake, 1, &answer, NULL);
    }
    cr_assert_eq(poll_checked(), 0, "nothing for the oldest yet");
    answer.sequence = 0;
    answer.index = 1;
    answer.count = 5;
    fake_answer(fake, 1, &answer, NULL);
    fake_answer(fake, 1, &answer, NULL);
    poll_checked();
    cr_assert_eq(completed[0], 10);
    cr_assert_eq(stats().drops, 0);
}

Test(client, answers_for_what_was_never_sent_are_dropped)
{
    propose(0, 0, 10);
    poll_checked();
    struct ww_client_message answer = {.type = WW_CLIENT_COMMITTED,
                                       .sequence = 0,
                                       .index = 1,
                                       .count = 11};
    fake_answer(fake, 1, &answer, NULL);
    answer = (struct ww_client_message){.type = WW_CLIENT_BUSY, .oldest = 11};
    fake_answer(fake, 1, &answer, NULL);
    answer = (struct ww_client_message){.type = WW_CLIENT_COMMITTED,
                                        .sequence = UINT64_MAX >> 2,
                                        .index = 1,
                                        .count = 1};
    fake_answer(fake, 1, &answer, NULL);
    struct ww_completion completion;
    struct fake_datagram datagram;
    cr_assert(fake_take(fake, &datagram));
    free(datagram.data);
    cr_assert_eq(ww_client_poll(client, &completion, 1), 0);
    cr_assert_eq(stats().drops, 3);
    cr_assert_eq(stats().busy, 0);
}

Test(client, lost_proposals_are_sent_again_in_time)
{
    propose(0, 0, 10);
    fake->lose_percent = 100;
    poll_checked();
    fake->lose_percent = 0;
    fake->now_ns += RETRY_NS - 1;
    exchange(0);
    cr_assert_eq(completed[0], 0);
    fake->now_ns += 1;
    exchange(0);
    cr_assert_eq(completed[0], 10);
    cr_assert_eq(stats().resent, 10);
}

Test(client, lost_answers_are_answered_again)
{
    propose(0, 0, 10);
    poll_checked();
    fake_step(fake);
    fake->lose_percent = 100;
    fake_commit(fake, 0, 10);
    fake->lose_percent = 0;
    fake->now_ns += RETRY_NS;
    exchange(0);
    cr_assert_eq(completed[0], 10);
    cr_assert_eq(fake->groups[0].log_count, 10, "not twice in the log");
}

Test(client, a_commit_whose_place_is_forgotten_has_no_index)
{
    fake->groups[0].forgetful = true;
    propose(0, 0, 1);
    poll_checked();
    fake_step(fake);
    fake->lose_percent = 100;
    fake_commit(fake, 0, 1);
    fake->lose_percent = 0;
    fake->now_ns += RETRY_NS;
    poll_checked();
    fake_step(fake);
    struct ww_completion completion;
    cr_assert_eq(ww_client_poll(client, &completion, 1), 1);
    cr_assert_eq(completion.first_index, 0);
    cr_assert_eq(completion.status, WW_OK);
}

Test(client, a_gap_is_resent_at_once)
{
    propose(0, 0, 10);
    fake->lose_percent = 100;
    poll_checked();
    fake->lose_percent = 0;
    for (uint64_t i = 1; i < 4; i++) { /* three more runs: three refusals */
        propose(0, 10 * i, 10);
        poll_checked();
    }
    fake_step(fake);
    poll_checked(); /* hears of the gap */
    exchange(0);    /* no time has passed */
    cr_assert_eq(completed[0], 40);
    cr_assert_eq(stats().busy, 3);
    cr_assert_eq(stats().resent, 40, "one rewind for three refusals: %lu", stats().resent);
}

Test(client, a_gap_whose_resend_is_lost_too_is_seen)
{
    propose(0, 0, 10);
    fake->lose_percent = 100;
    poll_checked();
    fake->lose_percent = 0;
    propose(0, 10, 10);
    poll_checked();
    fake_step(fake);
    poll_checked();
    poll_checked(); /* sends 0..9 and 10..19 again */
    struct fake_datagram lost;
    cr_assert(fake_take(fake, &lost));
    cr_assert_eq(fake_message(&lost)->sequence, 0);
    free(lost.data);
    fake_step(fake);
    poll_checked();
    exchange(0);
    cr_assert_eq(completed[0], 20);
    cr_assert_eq(stats().busy, 2);
}

Test(client, a_gap_that_lasts_is_resent_again)
{
    propose(0, 0, 30);
    poll_checked();
    struct ww_client_message gap = {.type = WW_CLIENT_BUSY, .sequence = 10, .oldest = 0};
    fake_answer(fake, 1, &gap, NULL);
    poll_checked();
    poll_checked();
    cr_assert_eq(stats().resent, 30);
    gap.sequence = 20;
    fake_answer(fake, 1, &gap, NULL);
    poll_checked();
    poll_checked();
    cr_assert_eq(stats().resent, 30, "may have been on its way");
    gap.sequence = 25;
    fake->now_ns += WW_CLIENT_GAP_NS;
    fake_answer(fake, 1, &gap, NULL);
    poll_checked();
    poll_checked();
    cr_assert_eq(stats().resent, 60);
}

Test(client, a_full_leader_is_given_time_that_doubles)
{
    fake->groups[0].capacity = 0;
    propose(0, 0, 10);
    uint64_t wait_ns = WW_CLIENT_BACKOFF_MIN_NS;
    for (uint32_t tries = 1; tries < 12; tries++) {
        poll_checked();
        cr_assert_eq(fake->to_nodes.count, 1, "try %u", tries);
        fake_step(fake);
        poll_checked();
        fake->now_ns += wait_ns - 1;
        poll_checked();
        cr_assert_eq(fake->to_nodes.count, 0, "too early, try %u", tries);
        fake->now_ns += 1;
        wait_ns = 2 * wait_ns < WW_CLIENT_BACKOFF_MAX_NS ? 2 * wait_ns : WW_CLIENT_BACKOFF_MAX_NS;
    }
    fake->groups[0].capacity = 10;
    exchange(0);
    cr_assert_eq(completed[0], 10);
    cr_assert_eq(stats().busy, 11);
    fake->groups[0].capacity = 0;
    propose(0, 10, 10);
    exchange(0);
    fake->groups[0].capacity = 10;
    fake->now_ns += WW_CLIENT_BACKOFF_MIN_NS;
    exchange(0);
    cr_assert_eq(completed[0], 20, "progress took the wait back to the least");
}

Test(client, a_partly_full_leader_takes_the_rest_later)
{
    fake->groups[0].capacity = 300;
    propose(0, 0, 1024);
    for (int i = 0; i < 100 && completed[0] < 1024; i++) {
        exchange(0);
        fake->now_ns += WW_CLIENT_BACKOFF_MIN_NS;
    }
    cr_assert_eq(completed[0], 1024);
    cr_assert_eq(fake->groups[0].log_count, 1024);
}

Test(client, a_refusal_for_good_completes_with_its_status)
{
    propose(0, 0, 10);
    poll_checked();
    struct ww_client_message refusal = {.type = WW_CLIENT_REFUSED,
                                        .status = -WW_ETOOBIG,
                                        .sequence = 0};
    fake_answer(fake, 1, &refusal, NULL);
    fake_answer(fake, 1, &refusal, NULL);
    cr_assert_eq(poll_checked(), 1);
    cr_assert_eq(last_status, WW_ETOOBIG);
    cr_assert_eq(completed[0], 10);
    cr_assert_eq(ww_client_outstanding(client), 0);
    cr_assert_eq(stats().drops, 0);
}

Test(client, hostile_datagrams_are_dropped_and_counted)
{
    struct ww_client_message message = {.type = WW_CLIENT_COMMITTED, .count = 5, .index = 1};
    uint8_t good[WW_DATAGRAM_HEADER_BYTES + WW_MESSAGE_BYTES] __attribute__((aligned(8)));
    struct ww_datagram_builder builder;
    propose(0, 0, 10);
    poll_checked();

    ww_datagram_begin(&builder, good, sizeof(good));
    ww_datagram_add(&builder, &message, 0);
    ww_datagram_finish(&builder, FAKE_CLUSTER, 1, FAKE_NUMBER, NULL);
    uint64_t drops = 0;
    for (uint32_t size = 0; size < sizeof(good); size++, drops++)
        fake_raw(fake, 1, good, size);
    for (uint32_t i = 0; i < sizeof(good); i++, drops++) {
        good[i] ^= 0x40;
        fake_raw(fake, 1, good, sizeof(good));
        good[i] ^= 0x40;
    }
    fake_raw(fake, 2, good, sizeof(good)); /* says it is node 1, came from node 2 */
    drops++;
    ww_datagram_finish(&builder, FAKE_CLUSTER + 1, 1, FAKE_NUMBER, NULL);
    fake_raw(fake, 1, good, sizeof(good));
    drops++;
    ww_datagram_finish(&builder, FAKE_CLUSTER, 1, FAKE_NUMBER + 1, NULL);
    fake_raw(fake, 1, good, sizeof(good));
    drops++;
    message.group = FAKE_GROUPS;
    fake_answer(fake, 1, &message, NULL);
    message = (struct ww_client_message){.type = WW_CLIENT_PROPOSE};
    fake_answer(fake, 1, &message, NULL);
    drops += 2;
    for (int i = 0; i < 20; i++)
        cr_assert_eq(poll_checked(), 0);
    cr_assert_eq(stats().drops, drops, "%lu, not %lu", stats().drops, drops);
    cr_assert_eq(fake->released, stats().rx_frames);
}

Test(client, cycles_are_counted_apart)
{
    poll_checked();
    cr_assert_eq(stats().work_cycles, 0);
    cr_assert_gt(stats().empty_cycles, 0);
    propose(0, 0, 1);
    uint64_t empty = stats().empty_cycles;
    poll_checked();
    cr_assert_gt(stats().work_cycles, 0);
    cr_assert_eq(stats().empty_cycles, empty);
}

Test(client, wrong_options_are_named, .init = NULL, .fini = NULL)
{
    static const struct {
        uint32_t entries, bytes, mtu, groups, nodes;
        const char *named;
    } wrong[] = {
        {0, WW_MIB, FAKE_MTU, 1, 1, "window_entries"},
        {65537, WW_MIB, FAKE_MTU, 1, 1, "window_entries"},
        {1, WW_MIB - 1, FAKE_MTU, 1, 1, "window_bytes"},
        {1, 256 * WW_MIB + 1, FAKE_MTU, 1, 1, "window_bytes"},
        {1, WW_MIB, FAKE_MTU + 1, 1, 1, "mtu"},
        {1, WW_MIB, WW_MTU_MIN, 1, 1, "entries of"},
        {1, WW_MIB, FAKE_MTU, 0, 1, "groups"},
        {1, WW_MIB, FAKE_MTU, 1, 8, "nodes"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct fake *own = fake_create();
        struct ww_client_setup setup = {
            .transport = &own->transport,
            .clock = &own->clock,
            .mtu = wrong[i].mtu,
            .entry_max = WW_ENTRY_MAX(FAKE_MTU),
            .node_count = wrong[i].nodes,
            .groups = wrong[i].groups,
            .options = {NULL, wrong[i].entries, wrong[i].bytes, RETRY_NS},
        };
        struct ww_client *none;
        struct ww_error error;
        cr_assert_eq(ww_client_create(&setup, &none, &error), WW_EINVAL);
        cr_assert_null(none);
        cr_assert_not_null(strstr(error.text, wrong[i].named), "%s", error.text);
        cr_assert(own->closed, "the transport was the client's to end");
        fake_destroy(own);
    }
}
