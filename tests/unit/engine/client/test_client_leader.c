/* SPDX-License-Identifier: Apache-2.0 */
/* Leaders that change, go silent or go away, and a network that does all it may. */
#include "fake_cluster.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define RETRY_NS 20000000u

static uint64_t completed[FAKE_GROUPS];

static void poll_checked(const struct fake *fake, struct ww_client *client)
{
    struct ww_completion completions[64];
    size_t count = ww_client_poll(client, completions, 64);
    for (size_t i = 0; i < count; i++) {
        const struct ww_completion *c = &completions[i];
        cr_assert_eq(c->first_sequence, completed[c->group], "in order, each once");
        cr_assert_eq(c->status, WW_OK);
        cr_assert_gt(c->first_index, 0);
        for (uint32_t k = 0; k < c->count; k++)
            cr_assert_eq(fake->groups[c->group].log[c->first_index - 1 + k], c->first_sequence + k);
        completed[c->group] += c->count;
    }
}

static void exchange(struct fake *fake, struct ww_client *client)
{
    poll_checked(fake, client);
    fake_step(fake);
    for (uint32_t group = 0; group < FAKE_GROUPS; group++)
        fake_commit(fake, group, UINT64_MAX);
    poll_checked(fake, client);
}

static struct ww_client_stats stats(const struct ww_client *client)
{
    struct ww_client_stats now;
    ww_client_stats(client, &now);
    return now;
}

Test(client_leader, redirects_resend_everything_in_order)
{
    struct fake *fake = fake_create();
    struct ww_client *client = fake_client(fake, 1024, RETRY_NS);
    for (uint64_t i = 0; i < 100; i++)
        fake_propose(client, 0, i, 64);
    poll_checked(fake, client);
    fake_step(fake);
    fake_commit(fake, 0, 33); /* a run and a part of the next */
    poll_checked(fake, client);
    fake_lead(fake, 0, 3); /* and the rest of it is lost */
    for (uint64_t i = 100; i < 110; i++)
        fake_propose(client, 0, i, 64);
    exchange(fake, client); /* node 1: not leader */
    exchange(fake, client);
    cr_assert_eq(completed[0], 110);
    cr_assert_eq(fake->groups[0].log_count, 110);
    cr_assert_eq(stats(client).redirects, 1);
    fake_propose(client, 1, 0, 64);
    exchange(fake, client);
    cr_assert_eq(fake->proposals[2], 1, "other groups stay with their leaders");
    ww_client_close(client);
    fake_destroy(fake);
}

Test(client_leader, without_a_hint_the_next_node_is_asked_after_a_while)
{
    struct fake *fake = fake_create();
    struct ww_client *client = fake_client(fake, 1024, RETRY_NS);
    fake->groups[0].leader = fake->groups[0].hint = 0;
    fake_propose(client, 0, 0, 64);
    exchange(fake, client); /* node 1 knows nobody */
    for (uint32_t asked = 2; asked < 8; asked++) {
        uint32_t node = (asked - 1) % FAKE_NODES + 1;
        uint32_t before = fake->proposals[node];
        fake->now_ns += WW_CLIENT_SEARCH_NS - 1;
        exchange(fake, client);
        cr_assert_eq(fake->proposals[node], before);
        fake->now_ns += 1;
        exchange(fake, client);
        cr_assert_eq(fake->proposals[node], before + 1);
    }
    fake_lead(fake, 0, 2);
    for (int i = 0; i < 3; i++) {
        fake->now_ns += WW_CLIENT_SEARCH_NS;
        exchange(fake, client);
    }
    cr_assert_eq(completed[0], 1);
    ww_client_close(client);
    fake_destroy(fake);
}

Test(client_leader, two_nodes_that_name_each_other_do_not_keep_it_busy)
{
    struct fake *fake = fake_create();
    struct ww_client *client = fake_client(fake, 1024, RETRY_NS);
    fake_propose(client, 0, 0, 64);
    uint32_t sent = 0;
    for (int i = 0; i < 1000; i++) {
        poll_checked(fake, client);
        struct fake_datagram datagram;
        while (fake_take(fake, &datagram)) {
            struct ww_client_message answer = {.type = WW_CLIENT_NOT_LEADER,
                                               .node = datagram.link == 1 ? 2 : 1};
            fake_answer(fake, datagram.link, &answer, NULL);
            free(datagram.data);
            sent++;
        }
    }
    cr_assert_leq(sent, FAKE_NODES + 2, "%u", sent);
    ww_client_close(client);
    fake_destroy(fake);
}

Test(client_leader, a_silent_leader_is_left_when_retries_do_not_help)
{
    struct fake *fake = fake_create();
    struct ww_client *client = fake_client(fake, 1024, RETRY_NS);
    fake->silent[1] = true;
    fake_propose(client, 0, 0, 64);
    exchange(fake, client);
    fake_lead(fake, 0, 3);
    for (uint32_t retry = 1; retry <= WW_CLIENT_SILENT_RETRIES; retry++) {
        fake->now_ns += RETRY_NS << (retry - 1); /* it waits twice as long each time */
        exchange(fake, client);
        cr_assert_eq(fake->proposals[1], 1 + retry);
    }
    cr_assert_eq(fake->proposals[2], 0);
    fake->now_ns += RETRY_NS << WW_CLIENT_SILENT_RETRIES;
    exchange(fake, client); /* node 2 names node 3 */
    exchange(fake, client);
    cr_assert_eq(fake->proposals[1], 1 + WW_CLIENT_SILENT_RETRIES);
    cr_assert_eq(completed[0], 1);
    ww_client_close(client);
    fake_destroy(fake);
}

Test(client_leader, a_leader_whose_link_is_down_is_left_at_once)
{
    struct fake *fake = fake_create();
    struct ww_client *client = fake_client(fake, 1024, RETRY_NS);
    fake->down[1] = true;
    fake_lead(fake, 0, 3);
    fake_propose(client, 0, 0, 64);
    exchange(fake, client);
    fake->now_ns += WW_CLIENT_SEARCH_NS;
    exchange(fake, client); /* node 2 names node 3 */
    exchange(fake, client);
    cr_assert_eq(completed[0], 1);
    ww_client_close(client);
    fake_destroy(fake);
}

Test(client_leader, what_a_former_leader_says_late_counts_only_if_committed)
{
    struct fake *fake = fake_create();
    struct ww_client *client = fake_client(fake, 1024, RETRY_NS);
    for (uint64_t i = 0; i < 10; i++)
        fake_propose(client, 0, i, 64);
    exchange(fake, client);
    for (uint64_t i = 10; i < 20; i++)
        fake_propose(client, 0, i, 64);
    poll_checked(fake, client);
    fake_step(fake); /* node 1 has 10..19 pending */
    struct ww_client_message moved = {.type = WW_CLIENT_NOT_LEADER, .node = 3};
    fake_answer(fake, 1, &moved, NULL);
    poll_checked(fake, client);
    cr_assert_eq(stats(client).redirects, 1);
    struct ww_client_message late = {.type = WW_CLIENT_NOT_LEADER, .node = 2};
    fake_answer(fake, 1, &late, NULL);
    late = (struct ww_client_message){.type = WW_CLIENT_BUSY, .oldest = 10, .sequence = 12};
    fake_answer(fake, 1, &late, NULL);
    late = (struct ww_client_message){.type = WW_CLIENT_REFUSED,
                                      .status = -WW_EIO,
                                      .sequence = 10,
                                      .count = 10};
    fake_answer(fake, 1, &late, NULL);
    poll_checked(fake, client);
    cr_assert_eq(stats(client).redirects, 1);
    cr_assert_eq(stats(client).busy, 0);
    cr_assert_eq(completed[0], 10);
    fake_commit(fake, 0, 10); /* it did commit them before it went */
    poll_checked(fake, client);
    cr_assert_eq(completed[0], 20);
    ww_client_close(client);
    fake_destroy(fake);
}

/* A network that loses, doubles and reorders, while leaders change: all comes through in order. */
static void storm(uint64_t seed, uint32_t lose, uint32_t twice, uint32_t swap, bool elections)
{
    struct fake *fake = fake_create();
    struct ww_client *client = fake_client(fake, 256, RETRY_NS);
    fake->random.state = seed;
    fake->lose_percent = lose;
    fake->double_percent = twice;
    fake->swap_percent = swap;
    memset(completed, 0, sizeof(completed));
    uint64_t proposed[FAKE_GROUPS] = {0};
    const uint64_t wanted = 2000;
    uint64_t rounds = 0;
    while (completed[0] < wanted || completed[1] < wanted) {
        for (uint32_t group = 0; group < 2; group++) {
            uint64_t burst = ww_random_range(&fake->random, 0, 40);
            size_t size = ww_random_range(&fake->random, 8, 400);
            fake->groups[group].capacity = ww_random_range(&fake->random, 50, 500);
            while (burst-- > 0 && proposed[group] < wanted &&
                   fake_propose(client, group, proposed[group], size) == WW_OK)
                proposed[group]++;
            fake_commit(fake, group, ww_random_range(&fake->random, 0, 60));
        }
        if (elections && rounds % 97 == 96)
            fake_lead(fake, (uint32_t)(rounds / 97 % 2),
                      (uint32_t)ww_random_range(&fake->random, 1, FAKE_NODES + 1));
        poll_checked(fake, client);
        fake_step(fake);
        fake->now_ns += 100000;
        cr_assert_lt(rounds++, 100000, "no progress, seed %lu: %lu of %lu", seed, completed[0],
                     proposed[0]);
    }
    cr_assert_eq(ww_client_outstanding(client), 0);
    if (!elections) {
        cr_assert_eq(fake->groups[0].log_count, wanted, "each entry once");
        cr_assert_eq(fake->groups[1].log_count, wanted, "each entry once");
    }
    ww_client_close(client);
    fake_destroy(fake);
}

Test(client_leader, a_lossy_network)
{
    for (uint64_t seed = 1; seed <= 5; seed++)
        storm(seed, 20, 0, 0, false);
}

Test(client_leader, a_network_that_doubles_and_reorders)
{
    for (uint64_t seed = 1; seed <= 5; seed++)
        storm(seed, 0, 30, 30, false);
}

Test(client_leader, everything_at_once)
{
    for (uint64_t seed = 1; seed <= 20; seed++)
        storm(seed, 10, 10, 20, true);
}
