/* SPDX-License-Identifier: Apache-2.0 */
/* B3, C20: sessions on the way from a client through the log to APPLY, and over a failover. */
#include "fake_cluster.h"

#include "engine/stages/stages_internal.h"

#include <criterion/criterion.h>

static struct fake_cluster cluster;
static uint32_t leader;

static void setup(void)
{
    fake_cluster_start(&cluster, 5);
    leader = fake_cluster_leader(&cluster);
}

static void teardown(void)
{
    fake_cluster_stop(&cluster);
}

TestSuite(net_session, .init = setup, .fini = teardown);

/* Proposes until it is taken: a leader has to look a session up first. */
static struct ww_client_message propose(uint64_t sequence, uint32_t count)
{
    struct ww_client_message message = {0};
    for (uint32_t i = 0; i < 50; i++) {
        fake_client_propose(&cluster, leader, sequence, count, 8, sequence);
        message = fake_client_answer(&cluster);
        if (message.type != WW_CLIENT_BUSY)
            return message;
    }
    return message;
}

static uint64_t begin_session(uint64_t nonce)
{
    struct ww_client_message message = fake_client_register(&cluster, leader, nonce);
    cr_assert_eq(message.type, WW_CLIENT_REGISTERED, "type %u", message.type);
    cr_assert_eq(message.sequence, nonce);
    cr_assert_gt(message.index, 0);
    return message.index;
}

static struct ww_session_table *table(uint32_t node)
{
    return cluster.nodes[node].shard->apply->sessions;
}

static uint64_t last_index(void)
{
    return ww_raft_last_index(fake_cluster_group(&cluster, leader)->raft);
}

Test(net_session, B3_every_replica_knows_what_was_applied_of_a_session)
{
    cluster.session = begin_session(99);
    cr_assert_eq(begin_session(99), cluster.session, "the same nonce, the same session");
    cr_assert_eq(propose(0, 4).type, WW_CLIENT_COMMITTED);
    fake_cluster_run(&cluster, 200);
    for (uint32_t id = 1; id <= 3; id++) {
        const struct ww_session *session = ww_session_find(table(id), cluster.session);
        cr_assert_not_null(session);
        cr_assert_eq(session->next_sequence, 4);
        cr_assert_eq(session->nonce, 99);
        cr_assert_gt(session->active_ns, 0);
    }
}

Test(net_session, C20_a_new_leader_answers_what_the_old_one_committed)
{
    cluster.session = begin_session(99);
    struct ww_client_message first = propose(0, 4), again;
    uint64_t before_ns = fake_cluster_group(&cluster, leader)->time_ns;
    fake_cluster_kill(&cluster, leader);
    leader = fake_cluster_leader(&cluster);
    cr_assert_neq(leader, 0);
    uint64_t last = last_index();
    again = propose(0, 4);
    cr_assert_eq(again.type, WW_CLIENT_COMMITTED);
    cr_assert_eq(again.index, first.index);
    cr_assert_eq(again.count, 4);
    cr_assert_eq(last_index(), last, "nothing was appended");
    again = propose(2, 5);
    cr_assert_eq(again.type, WW_CLIENT_COMMITTED);
    cr_assert_eq(last_index(), last + 3, "only what is new");
    cr_assert_gt(fake_cluster_group(&cluster, leader)->time_ns, before_ns, "log time goes on");
}

Test(net_session, B3_it_outlives_a_restart_of_all)
{
    cluster.session = begin_session(99);
    struct ww_client_message first = propose(0, 4);
    uint64_t before_ns = fake_cluster_group(&cluster, leader)->time_ns;
    fake_cluster_run(&cluster, 200);
    for (uint32_t id = 1; id <= 3; id++) {
        fake_cluster_kill(&cluster, id);
        fake_cluster_restart(&cluster, id);
    }
    leader = fake_cluster_leader(&cluster);
    cr_assert_eq(propose(0, 4).index, first.index);
    cr_assert_geq(fake_cluster_group(&cluster, leader)->time_ns, before_ns);
}

Test(net_session, B3_snapshots_carry_it)
{
    fake_cluster_stop(&cluster);
    fake_cluster_start_with(&cluster, 5, (struct fake_options){.snapshot_entries = 4});
    leader = fake_cluster_leader(&cluster);
    cluster.session = begin_session(99);
    struct ww_client_message first = propose(0, 4);
    for (uint64_t sequence = 4; sequence < 20; sequence++)
        propose(sequence, 1);
    fake_cluster_run(&cluster, 500);
    for (uint32_t id = 1; id <= 3; id++) {
        cr_assert_gt(fake_cluster_group(&cluster, id)->first_index, cluster.session,
                     "the session's entry left the log");
        fake_cluster_kill(&cluster, id);
        fake_cluster_restart(&cluster, id);
    }
    leader = fake_cluster_leader(&cluster);
    cr_assert_eq(propose(0, 4).index, first.index);
}

Test(net_session, B3_no_session_no_entries)
{
    cluster.session = last_index();
    struct ww_client_message message = propose(0, 2);
    cr_assert_eq(message.type, WW_CLIENT_REFUSED);
    cr_assert_eq(-message.status, WW_EGONE);
    cr_assert_eq(message.index, cluster.session, "it says which");
    cr_assert_eq(propose(0, 2).type, WW_CLIENT_REFUSED, "without looking it up again");
    cr_assert_eq(cluster.nodes[leader].shard->net->counters.session_lookups, 1);
    cr_assert_eq(cluster.nodes[leader].shard->net->counters.session_refusals, 4);
}

Test(net_session, C20_what_is_in_the_log_twice_is_applied_once)
{
    cluster.session = begin_session(99);
    propose(0, 4);
    struct ww_group *group = fake_cluster_group(&cluster, leader);
    uint64_t digest = group->digest, last = last_index();
    /* A leader that takes too much: the sessions of the replicas do not. */
    group->clients[0].expected = 1;
    group->clients[0].session.run_count = 0;
    fake_client_propose(&cluster, leader, 1, 3, 8, 0);
    struct ww_client_message message = fake_client_answer(&cluster);
    cr_assert_eq(message.type, WW_CLIENT_COMMITTED);
    cr_assert_eq(message.count, 3);
    cr_assert_eq(message.index, 0, "where is not known");
    cr_assert_eq(last_index(), last + 3);
    fake_cluster_run(&cluster, 200);
    for (uint32_t id = 1; id <= 3; id++) {
        cr_assert_eq(fake_cluster_group(&cluster, id)->applied, last + 3);
        cr_assert_eq(fake_cluster_group(&cluster, id)->digest, digest);
    }
}

Test(net_session, C20_over_another_link_nothing_is_answered_before_its_commit)
{
    cluster.session = begin_session(99);
    propose(0, 1);
    fake_client_propose(&cluster, leader, 1, 1, 8, 1);
    fake_cluster_poll(&cluster, leader, 0);
    struct ww_net *net = cluster.nodes[leader].shard->net;
    cr_assert_eq(net->pending_count, 1);
    /* The same session, from a client that has another number by now. */
    const uint32_t link = WW_LINK_CLIENT + 1, client = FAKE_CLIENT_NUMBER + 1;
    uint8_t body[16] = {0};
    struct ww_client_message again = {
        .type = WW_CLIENT_PROPOSE,
        .body_bytes = ww_entry_encode(body, WW_ENTRY_DATA, "again", 5),
        .sequence = 1,
        .oldest = 1,
        .index = cluster.session,
        .count = 1,
    };
    ww_net_propose(net, link, client, &again, body);
    cr_assert_eq(net->pending_count, 1, "it is in the log already");
    cr_assert_eq(net->outboxes[link].count, 0, "and not committed");
    cr_assert_eq(fake_client_answer(&cluster).type, WW_CLIENT_COMMITTED);
    ww_net_propose(net, link, client, &again, body);
    const struct ww_client_message *told = (const void *)net->outboxes[link].messages[0];
    cr_assert_eq(net->outboxes[link].count, 1);
    cr_assert_eq(told->type, WW_CLIENT_COMMITTED);
    net->outboxes[link].count = 0;
}

Test(net_session, B3_entries_behind_the_end_of_their_session_are_refused)
{
    cluster.session = begin_session(99);
    propose(0, 1);
    struct ww_client_message end = {.type = WW_CLIENT_END, .index = cluster.session};
    fake_client_send(&cluster, leader, &end, NULL);
    fake_client_propose(&cluster, leader, 1, 3, 8, 1);
    uint64_t digest = fake_cluster_group(&cluster, leader)->digest;
    cr_assert_eq(fake_client_answer(&cluster).type, WW_CLIENT_ENDED);
    struct ww_client_message message = fake_client_answer(&cluster);
    cr_assert_eq(message.type, WW_CLIENT_REFUSED);
    cr_assert_eq(-message.status, WW_EGONE);
    cr_assert_eq(message.sequence, 1);
    cr_assert_eq(message.count, 3);
    cr_assert_neq(fake_cluster_group(&cluster, leader)->digest, digest, "the end is an entry");
    cr_assert_null(ww_session_find(table(leader), cluster.session));
    cr_assert_eq(propose(4, 1).type, WW_CLIENT_REFUSED);
}

Test(net_session, B3_a_full_table_refuses_until_a_session_ends)
{
    uint64_t session = 0;
    for (uint64_t i = 1; i <= WW_SESSIONS_MAX; i++)
        session = begin_session(i);
    /* Nobody is silent for so long. */
    cluster.nodes[1].shard->options.session_timeout_ns = UINT64_MAX;
    cluster.nodes[2].shard->options.session_timeout_ns = UINT64_MAX;
    cluster.nodes[3].shard->options.session_timeout_ns = UINT64_MAX;
    struct ww_client_message message = fake_client_register(&cluster, leader, 1000);
    cr_assert_eq(message.type, WW_CLIENT_BUSY);
    cr_assert_eq(-message.status, WW_EBUSY);
    struct ww_client_message end = {.type = WW_CLIENT_END, .index = session};
    fake_client_send(&cluster, leader, &end, NULL);
    cr_assert_eq(fake_client_answer(&cluster).type, WW_CLIENT_ENDED);
    begin_session(1000);
}

Test(net_session, B3_a_follower_names_the_leader)
{
    struct ww_client_message message = fake_client_register(&cluster, leader % 3 + 1, 99);
    cr_assert_eq(message.type, WW_CLIENT_NOT_LEADER);
    cr_assert_eq(message.node, leader);
}
