/* SPDX-License-Identifier: Apache-2.0 */
/* When an entry left the client: the first time, and for as long as somebody may ask. */
#include "fake_cluster.h"

#include "engine/client/client_sent.h"

#include <criterion/criterion.h>

#define RETRY_NS 20000000u
#define SIZE 64u

static struct fake *fake;
static struct ww_client *client;

static void setup(void)
{
    fake = fake_create();
    client = fake_client(fake, 1024, RETRY_NS);
}

static void teardown(void)
{
    ww_client_close(client);
    fake_destroy(fake);
}

TestSuite(client_sent, .init = setup, .fini = teardown);

static size_t poll_at(uint64_t now_ns)
{
    struct ww_completion completions[64];
    fake->now_ns = now_ns;
    return ww_client_poll(client, completions, 64);
}

Test(client_sent, an_entry_left_at_the_first_poll_behind_its_proposal)
{
    for (uint64_t sequence = 0; sequence < 3; sequence++)
        cr_assert_eq(fake_propose(client, 1, sequence, SIZE), WW_OK);
    cr_expect_eq(ww_client_first_sent_ns(client, 1, 0), 0, "it did not leave yet");
    poll_at(5000);
    cr_assert_eq(fake_propose(client, 1, 3, SIZE), WW_OK);
    poll_at(6000);
    fake_step(fake);
    fake_commit(fake, 1, 4);
    cr_expect_gt(poll_at(7000), 0);
    for (uint64_t sequence = 0; sequence < 3; sequence++)
        cr_expect_eq(ww_client_first_sent_ns(client, 1, sequence), 5000);
    cr_expect_eq(ww_client_first_sent_ns(client, 1, 3), 6000);
    cr_expect_eq(ww_client_first_sent_ns(client, 1, 4), 0);
    cr_expect_eq(ww_client_first_sent_ns(client, 2, 0), 0, "of another group");
}

Test(client_sent, what_is_sent_again_left_the_first_time)
{
    cr_assert_eq(fake_propose(client, 0, 0, SIZE), WW_OK);
    fake->lose_percent = 100;
    poll_at(5000);
    fake_step(fake);
    fake->lose_percent = 0;
    poll_at(5000 + 2 * RETRY_NS);
    cr_assert_eq(poll_at(5001 + 2 * RETRY_NS), 0);
    fake_step(fake);
    fake_commit(fake, 0, 1);
    cr_assert_eq(poll_at(6000 + 2 * RETRY_NS), 1);
    struct ww_client_stats stats;
    ww_client_stats(client, &stats);
    cr_expect_gt(stats.resent, 0);
    cr_expect_eq(ww_client_first_sent_ns(client, 0, 0), 5000);
}

Test(client_sent, what_was_answered_long_ago_is_forgotten)
{
    uint32_t slots = client->sent_slots;
    cr_assert_geq(slots, 2 * WW_CLIENT_FRAMES_MAX);
    for (uint64_t sequence = 0; sequence <= slots; sequence++) {
        cr_assert_eq(fake_propose(client, 0, sequence, SIZE), WW_OK);
        poll_at(1000 + sequence);
        fake_step(fake);
        fake_commit(fake, 0, 1);
        cr_assert_eq(poll_at(1000 + sequence), 1);
    }
    cr_expect_eq(ww_client_first_sent_ns(client, 0, 0), 0);
    cr_expect_eq(ww_client_first_sent_ns(client, 0, 1), 1001);
    cr_expect_eq(ww_client_first_sent_ns(client, 0, slots), 1000 + slots);
}
