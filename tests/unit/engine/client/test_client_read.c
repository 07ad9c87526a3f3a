/* SPDX-License-Identifier: Apache-2.0 */
/* The fake nodes serve READ here: a clock that goes on at each look drives the exchange. */
#include "fake_cluster.h"

#include "engine/wire/batch.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define BATCH 10u /* entries of one batch */
#define ENTRY_BYTES 100u
#define TIMEOUT_NS 200000000u

static struct fake *fake;
static struct ww_client *client;
static uint64_t commit;
static uint32_t reads[WW_NODES_MAX + 1];
static uint64_t lost_index; /* the batch that begins there is lost, once */
static uint32_t wrong;      /* what is wrong with the next READ_DATA, once */
static int refusal;
static uint64_t visited, visit_until;

enum { WRONG_NOTHING, WRONG_GROUP, WRONG_CRC, WRONG_COUNT, WRONG_COMMIT, WRONG_TAG, WRONG_KIND };

static const struct ww_transport_ops *plain;
static struct ww_transport_ops serving;

/* A batch ends where the next multiple of BATCH does; the first entry is a no-op, alone in its. */
static uint16_t batch_count(uint64_t first)
{
    return first == 1 ? 1 : (uint16_t)(BATCH - (first - 1) % BATCH);
}

static uint32_t make_batch(uint8_t *to, uint64_t first)
{
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < batch_count(first); i++) {
        uint8_t data[ENTRY_BYTES];
        memset(data, (int)(first + i), sizeof(data));
        bytes += ww_entry_encode(to + WW_BATCH_HEADER_BYTES + bytes,
                                 first + i == 1 ? WW_ENTRY_NOOP : WW_ENTRY_DATA, data,
                                 first + i == 1 ? 0 : ENTRY_BYTES);
    }
    struct ww_batch_header header = {.group = wrong == WRONG_GROUP,
                                     .count = batch_count(first),
                                     .term = 3,
                                     .first_index = first};
    return ww_batch_seal(to, &header, bytes);
}

static void send_data(uint32_t node, const struct ww_client_message *read, uint64_t first)
{
    uint8_t body[WW_MTU_MAX] __attribute__((aligned(8)));
    struct ww_client_message answer = {.type = WW_CLIENT_READ_DATA,
                                       .group = read->group,
                                       .sequence = read->sequence,
                                       .index = commit};
    if (first <= commit) {
        answer.count = 1;
        answer.body_bytes = make_batch(body, first);
    }
    if (wrong == WRONG_KIND)
        answer.body_bytes = ww_batch_seal_hard_state(body, read->group, 3, 1);
    answer.count += wrong == WRONG_COUNT;
    answer.index = wrong == WRONG_COMMIT ? first - 1 : answer.index;
    answer.sequence += wrong == WRONG_TAG;
    body[50] ^= wrong == WRONG_CRC;
    wrong = WRONG_NOTHING;
    if (first != lost_index)
        fake_answer(fake, node, &answer, body);
    else
        lost_index = 0;
}

static void serve(uint32_t node, const struct ww_client_message *read)
{
    if (read->type == WW_CLIENT_PROPOSE)
        return;
    cr_assert_eq(read->type, WW_CLIENT_READ);
    cr_assert_eq(read->window_bytes, WW_CLIENT_READ_BYTES);
    reads[node]++;
    if (fake->silent[node])
        return;
    if (refusal != 0) {
        struct ww_client_message answer = {.type = WW_CLIENT_REFUSED,
                                           .group = read->group,
                                           .sequence = read->sequence,
                                           .status = (uint8_t)-refusal,
                                           .index = refusal == WW_EGONE ? 77 : 0};
        fake_answer(fake, node, &answer, NULL);
        return;
    }
    uint64_t first = (read->index - 1) / BATCH * BATCH + 1;
    if (first == 1 && read->index > 1)
        first = 2;
    int64_t room = read->window_bytes;
    do {
        send_data(node, read, first);
        first += batch_count(first);
        room -= BATCH * (ENTRY_BYTES + 4) + WW_BATCH_HEADER_BYTES;
    } while (room > 0 && first <= commit);
}

/* The nodes answer what was sent when the client looks for answers. */
static uint32_t serving_rx(struct ww_transport *transport, struct ww_rx *out, uint32_t max)
{
    struct fake_datagram datagram;
    while (fake_take(fake, &datagram)) {
        serve(datagram.link, fake_message(&datagram));
        free(datagram.data);
    }
    return plain->rx_burst(transport, out, max);
}

static void setup(void)
{
    fake = fake_create();
    fake->step_ns = 10000;
    plain = fake->transport.ops;
    serving = *plain;
    serving.rx_burst = serving_rx;
    fake->transport.ops = &serving;
    client = fake_client(fake, 64, 20000000);
    commit = 1000;
    visit_until = UINT64_MAX;
    visited = 0;
}

static void teardown(void)
{
    ww_client_close(client);
    fake_destroy(fake);
}

TestSuite(client_read, .init = setup, .fini = teardown);

static int visit(void *context, const struct ww_log_entry *entry)
{
    visited++;
    cr_assert_eq(entry->index, *(uint64_t *)context, "in order, each once");
    ++*(uint64_t *)context;
    cr_assert_eq(entry->term, 3);
    cr_assert_eq(entry->is_data, entry->index != 1);
    cr_assert_eq(entry->size, entry->is_data ? ENTRY_BYTES : 0);
    for (size_t i = 0; i < entry->size; i++)
        cr_assert_eq(((const uint8_t *)entry->data)[i], (uint8_t)entry->index);
    return entry->index == visit_until ? 42 : 0;
}

static int read_from(uint64_t from, uint32_t node, uint64_t *next)
{
    uint64_t wanted = from;
    int status = ww_client_read(client, 0, node, from, TIMEOUT_NS, visit, &wanted, next);
    cr_assert_eq(*next, status == WW_EGONE ? 77 : wanted, "the first that was not visited");
    return status;
}

static uint64_t drops(void)
{
    struct ww_client_stats stats;
    ww_client_stats(client, &stats);
    return stats.drops;
}

Test(client_read, everything_up_to_the_commit_position)
{
    uint64_t next;
    cr_assert_eq(read_from(1, 0, &next), WW_OK);
    cr_assert_eq(next, 1001);
    cr_assert_eq(reads[1], 1, "1,000 entries of 104 bytes fit into one window");
    cr_assert_eq(drops(), 0);
}

Test(client_read, many_windows)
{
    uint64_t next;
    commit = 20000;
    cr_assert_eq(read_from(1, 2, &next), WW_OK);
    cr_assert_eq(visited, 20000);
    cr_assert_eq(reads[1] + reads[3], 0, "any replica serves");
    uint32_t least = 20000 * (ENTRY_BYTES + 4) / WW_CLIENT_READ_BYTES;
    cr_assert(reads[2] > least && reads[2] <= 2 * least, "%u", reads[2]);
    cr_assert_lt(fake->now_ns, 1000000000 + 10 * WW_CLIENT_READ_SILENCE_NS, "no window waits");
}

Test(client_read, from_the_middle_of_a_batch)
{
    uint64_t next;
    cr_assert_eq(read_from(17, 0, &next), WW_OK);
    cr_assert_eq(visited, 1000 - 16);
}

Test(client_read, nothing_there_yet)
{
    uint64_t next;
    cr_assert_eq(read_from(1001, 0, &next), WW_OK);
    cr_assert_eq(next, 1001);
    cr_assert_eq(visited, 0);
}

Test(client_read, the_visitor_ends_it)
{
    uint64_t next;
    visit_until = 55;
    cr_assert_eq(read_from(1, 0, &next), 42);
    cr_assert_eq(next, 56);
    visit_until = UINT64_MAX;
    cr_assert_eq(read_from(next, 0, &next), WW_OK);
    cr_assert_eq(visited, 1000, "what was left of the former read does no harm");
    cr_assert_eq(drops(), 0);
}

Test(client_read, a_gap_is_asked_for_at_once)
{
    uint64_t next;
    lost_index = 301;
    cr_assert_eq(read_from(1, 0, &next), WW_OK);
    cr_assert_eq(visited, 1000);
    cr_assert_eq(reads[1], 2);
    cr_assert_lt(fake->now_ns, 1000000000 + WW_CLIENT_READ_SILENCE_NS);
}

Test(client_read, a_lost_end_is_asked_for_after_a_silence)
{
    uint64_t next;
    lost_index = 991;
    cr_assert_eq(read_from(1, 0, &next), WW_OK);
    cr_assert_eq(visited, 1000);
    cr_assert_eq(reads[1] + reads[2], 2);
    cr_assert_gt(fake->now_ns, 1000000000 + WW_CLIENT_READ_SILENCE_NS);
}

Test(client_read, a_network_that_loses_doubles_and_reorders)
{
    uint64_t next;
    commit = 5000;
    fake->lose_percent = 3;
    fake->double_percent = 10;
    fake->swap_percent = 5;
    cr_assert_eq(read_from(1, 0, &next), WW_OK);
    cr_assert_eq(visited, 5000);
}

Test(client_read, another_node_is_asked_when_any_will_do)
{
    uint64_t next;
    fake->silent[1] = true;
    cr_assert_eq(read_from(1, 0, &next), WW_OK);
    cr_assert_eq(reads[2], 1);
    cr_assert_eq(read_from(1, 1, &next), WW_ETIMEOUT, "but not when one was named");
    cr_assert_eq(next, 1);
    cr_assert_geq(reads[1], TIMEOUT_NS / WW_CLIENT_READ_SILENCE_NS - 1);
    cr_assert_eq(reads[2], 1);
}

Test(client_read, a_link_that_is_down_times_out)
{
    uint64_t next;
    fake->down[3] = true;
    cr_assert_eq(read_from(1, 3, &next), WW_ETIMEOUT);
}

Test(client_read, what_is_gone_is_gone)
{
    uint64_t next;
    refusal = WW_EGONE;
    cr_assert_eq(read_from(1, 0, &next), WW_EGONE);
    cr_assert_eq(next, 77, "the log begins there");
    refusal = WW_EBUSY;
    cr_assert_eq(read_from(1, 0, &next), WW_ETIMEOUT, "a busy node is asked again");
    cr_assert_gt(reads[1] + reads[2] + reads[3], 3);
}

Test(client_read, wrong_data_is_dropped_and_asked_for_again)
{
    uint64_t next;
    for (wrong = WRONG_GROUP; wrong <= WRONG_KIND; wrong++) {
        uint32_t kind = wrong;
        uint64_t before = drops();
        visited = 0;
        cr_assert_eq(read_from(1, 1, &next), WW_OK);
        cr_assert_eq(visited, 1000);
        cr_assert_eq(drops(), before + 1, "kind %u", kind);
        wrong = kind;
    }
}

Test(client_read, bad_arguments_are_refused)
{
    uint64_t next;
    cr_assert_eq(ww_client_read(client, FAKE_GROUPS, 0, 1, 1, visit, NULL, &next), WW_ENOTFOUND);
    cr_assert_eq(ww_client_read(client, 0, 4, 1, 1, visit, NULL, &next), WW_ENOTFOUND);
    cr_assert_eq(ww_client_read(client, 0, 0, 0, 1, visit, NULL, &next), WW_EINVAL);
}

Test(client_read, completions_wait_for_the_next_poll)
{
    uint64_t next;
    struct ww_completion completion;
    fake_propose(client, 0, 0, 64);
    cr_assert_eq(ww_client_poll(client, &completion, 0), 0);
    struct ww_client_message answer = {.type = WW_CLIENT_COMMITTED, .count = 1, .index = 9};
    fake_answer(fake, 1, &answer, NULL);
    cr_assert_eq(read_from(1, 0, &next), WW_OK);
    cr_assert_eq(ww_client_poll(client, &completion, 1), 1);
    cr_assert_eq(completion.first_index, 9);
}
