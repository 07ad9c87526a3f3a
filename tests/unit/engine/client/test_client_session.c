/* SPDX-License-Identifier: Apache-2.0 */
/* B2, B3: a client registers before it proposes, and learns when its session is gone; queries. */
#include "fake_cluster.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define NONCE 77u
#define RETRY_NS 20000000u

static struct fake *fake;
static struct ww_client *client;
static struct ww_client_message got; /* the last message that a node got */
static uint32_t got_node, got_count;

static void setup(void)
{
    fake = fake_create();
    fake->nonce = NONCE;
    client = fake_client(fake, 64, RETRY_NS);
    got_count = 0;
}

static void teardown(void)
{
    fake->step_ns = 1000000; /* so that nobody waits for the end of a session */
    ww_client_close(client);
    fake_destroy(fake);
}

TestSuite(client_session, .init = setup, .fini = teardown);

static void take(void)
{
    struct fake_datagram datagram;
    while (fake_take(fake, &datagram)) {
        got = *fake_message(&datagram);
        got_node = datagram.link;
        got_count++;
        free(datagram.data);
    }
}

static size_t poll_client(struct ww_completion *completions)
{
    size_t count = ww_client_poll(client, completions, 8);
    take();
    return count;
}

static void answer(uint8_t type, int status, uint64_t sequence, uint64_t index, uint32_t count)
{
    struct ww_client_message message = {.type = type,
                                        .status = (uint8_t)-status,
                                        .sequence = sequence,
                                        .index = index,
                                        .count = count};
    fake_answer(fake, got_node, &message, NULL);
}

/* Proposes one entry in a session that is registered first. */
static void begin(uint64_t session)
{
    struct ww_completion completions[8];
    fake_propose(client, 0, 0, 64);
    poll_client(completions);
    cr_assert_eq(got.type, WW_CLIENT_REGISTER);
    cr_assert_eq(got.sequence, NONCE);
    answer(WW_CLIENT_REGISTERED, WW_OK, NONCE, session, 0);
    poll_client(completions);
    poll_client(completions);
    cr_assert_eq(got.type, WW_CLIENT_PROPOSE);
    cr_assert_eq(got.index, session);
}

Test(client_session, B3_it_registers_once_before_it_proposes)
{
    struct ww_completion completions[8];
    begin(40);
    cr_assert_eq(got_count, 2);
    answer(WW_CLIENT_REGISTERED, WW_OK, NONCE, 40, 0); /* a late copy */
    answer(WW_CLIENT_COMMITTED, WW_OK, 0, 41, 1);
    cr_assert_eq(poll_client(completions), 1);
    cr_assert_eq(completions[0].status, WW_OK);
    fake_propose(client, 0, 1, 64);
    poll_client(completions);
    cr_assert_eq(got_count, 3);
    cr_assert_eq(got.index, 40);
}

Test(client_session, B3_registering_survives_silence_busy_nodes_and_redirects)
{
    struct ww_completion completions[8];
    for (uint64_t i = 0; i < 3; i++)
        fake_propose(client, 0, i, 64);
    poll_client(completions);
    poll_client(completions);
    cr_assert_eq(got_count, 1, "one REGISTER, however often it is polled");
    fake->now_ns += RETRY_NS;
    poll_client(completions);
    cr_assert_eq(got_count, 2, "after a silence another");
    answer(WW_CLIENT_BUSY, WW_EBUSY, NONCE, 0, 0);
    poll_client(completions);
    fake->now_ns += WW_CLIENT_BACKOFF_MAX_NS;
    poll_client(completions);
    cr_assert_eq(got_count, 3);
    struct ww_client_message redirect = {.type = WW_CLIENT_NOT_LEADER,
                                         .sequence = NONCE,
                                         .node = 3};
    fake_answer(fake, got_node, &redirect, NULL);
    poll_client(completions);
    poll_client(completions);
    cr_assert_eq(got_count, 4);
    cr_assert_eq(got.type, WW_CLIENT_REGISTER);
    cr_assert_eq(got.sequence, NONCE, "the same nonce: it may have been registered");
    cr_assert_eq(got_node, 3);
}

Test(client_session, B3_what_has_no_answer_fails_with_the_session)
{
    struct ww_completion completions[8];
    begin(40);
    fake_propose(client, 0, 1, 64);
    poll_client(completions);
    answer(WW_CLIENT_REFUSED, WW_EGONE, 0, 39, 1); /* of another session */
    cr_assert_eq(poll_client(completions), 0);
    answer(WW_CLIENT_REFUSED, WW_EGONE, 0, 40, 1);
    cr_assert_eq(poll_client(completions), 1);
    cr_assert_eq(completions[0].status, WW_EGONE);
    cr_assert_eq(completions[0].count, 2);
    cr_assert_eq(ww_client_outstanding(client), 0);
    uint32_t before = got_count;
    fake->now_ns += 10 * (uint64_t)RETRY_NS;
    poll_client(completions);
    cr_assert_eq(got_count, before, "nothing is proposed again");
    fake_propose(client, 0, 2, 64);
    poll_client(completions);
    cr_assert_eq(got.type, WW_CLIENT_REGISTER);
    cr_assert_neq(got.sequence, NONCE, "a new session");
    uint64_t nonce = got.sequence;
    answer(WW_CLIENT_REGISTERED, WW_OK, nonce, 50, 0);
    poll_client(completions);
    poll_client(completions);
    cr_assert_eq(got.type, WW_CLIENT_PROPOSE);
    cr_assert_eq(got.index, 50);
    cr_assert_eq(got.sequence, 2);
    answer(WW_CLIENT_COMMITTED, WW_OK, 2, 51, 1);
    cr_assert_eq(poll_client(completions), 1);
    cr_assert_eq(completions[0].first_sequence, 2);
}

/* ---- queries: the nodes answer when the client looks for answers ---- */

static const struct ww_transport_ops *plain;
static struct ww_transport_ops serving;
static uint32_t leader, silences;
static int refusal;

static void serve(uint32_t node, const struct ww_client_message *query)
{
    struct ww_client_message message = {.group = query->group, .sequence = query->sequence};
    got_count++;
    cr_assert_eq(query->type, WW_CLIENT_QUERY);
    cr_assert_neq(query->sequence & WW_CLIENT_READ_TAG, 0);
    if (silences > 0) {
        silences--;
        return;
    }
    if (node != leader) {
        message.type = WW_CLIENT_NOT_LEADER;
        message.node = leader;
    } else if (refusal != 0) {
        message.type = refusal == WW_EBUSY ? WW_CLIENT_BUSY : WW_CLIENT_REFUSED;
        message.status = (uint8_t)-refusal;
        refusal = refusal == WW_EBUSY ? 0 : refusal;
    } else {
        message.type = WW_CLIENT_QUERY_DATA;
        message.index = 1234;
        message.body_bytes = 6;
    }
    fake_answer(fake, node, &message, "state");
}

static uint32_t serving_rx(struct ww_transport *transport, struct ww_rx *out, uint32_t max)
{
    struct fake_datagram datagram;
    while (fake_take(fake, &datagram)) {
        serve(datagram.link, fake_message(&datagram));
        free(datagram.data);
    }
    return plain->rx_burst(transport, out, max);
}

static int query(size_t *size, char *state)
{
    uint64_t index = 0;
    plain = fake->transport.ops;
    serving = *plain;
    serving.rx_burst = serving_rx;
    fake->transport.ops = &serving;
    fake->step_ns = 10000;
    int status = ww_client_query(client, 0, "?", 1, 500000000, state, size, &index);
    fake->transport.ops = plain;
    cr_assert(status != WW_OK || index == 1234);
    return status;
}

Test(client_session, B2_a_query_finds_the_leader)
{
    char state[8];
    size_t size = sizeof(state);
    leader = 3;
    cr_assert_eq(query(&size, state), WW_OK);
    cr_assert_eq(size, 6);
    cr_assert_str_eq(state, "state");
    cr_assert_eq(got_count, 2, "node 1, which names node 3");
}

Test(client_session, B2_a_query_is_asked_again)
{
    char state[8];
    size_t size = sizeof(state);
    leader = 1;
    silences = 2;
    refusal = WW_EBUSY;
    cr_assert_eq(query(&size, state), WW_OK);
    cr_assert_geq(got_count, 4);
}

Test(client_session, B2_a_query_says_what_is_wrong)
{
    char state[8];
    size_t size = sizeof(state);
    uint64_t index;
    leader = 1;
    refusal = WW_EINVAL;
    cr_assert_eq(query(&size, state), WW_EINVAL);
    refusal = 0;
    size = 5;
    cr_assert_eq(query(&size, state), WW_ETOOBIG);
    cr_assert_eq(size, 6, "the room that it takes");
    silences = UINT32_MAX;
    cr_assert_eq(query(&size, state), WW_ETIMEOUT);
    cr_assert_eq(ww_client_query(client, 99, NULL, 0, 1, state, &size, &index), WW_ENOTFOUND);
    cr_assert_eq(ww_client_query(client, 0, state, WW_QUERY_BYTES_MAX + 1, 1, state, &size, &index),
                 WW_ETOOBIG);
}
