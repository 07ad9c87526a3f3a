/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams that must not reach the core: dropped, counted by the reason, they change nothing. */
#include "fake_cluster.h"

#include <criterion/criterion.h>
#include <string.h>

static struct fake_cluster cluster;
static uint32_t leader, follower;

static void setup(void)
{
    fake_cluster_start(&cluster, 9);
    leader = fake_cluster_leader(&cluster);
    follower = leader % 3 + 1;
}

static void teardown(void)
{
    fake_cluster_stop(&cluster);
}

TestSuite(net_receive, .init = setup, .fini = teardown);

struct forged {
    uint8_t data[FAKE_DATAGRAM];
    uint32_t bytes;
};

/* A well-formed AppendEntries from the leader with one batch; tests then break it. */
static struct forged forge(uint64_t cluster_number, uint32_t source, uint32_t destination,
                           struct ww_raft_message *message)
{
    struct forged forged;
    _Alignas(8) uint8_t batch[96];
    uint32_t entry = ww_entry_encode(batch + WW_BATCH_HEADER_BYTES, WW_ENTRY_DATA, "forged", 6);
    struct ww_group *group = fake_cluster_group(&cluster, follower);
    message->type = WW_RAFT_APPEND;
    message->term = ww_raft_term(group->raft);
    message->index = ww_raft_last_index(group->raft);
    message->log_term = ww_raft_term_at(group->raft, message->index);
    struct ww_batch_header header = {.count = 1,
                                     .term = message->term,
                                     .first_index = message->index + 1};
    message->body_bytes = ww_batch_seal(batch, &header, entry);
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, forged.data, FAKE_DATAGRAM);
    ww_datagram_add(&builder, message, message->body_bytes);
    uint32_t head = ww_datagram_finish(&builder, cluster_number, source, destination, NULL);
    memcpy(forged.data + head, batch, message->body_bytes);
    forged.bytes = head + message->body_bytes;
    return forged;
}

/* Delivers it to the follower as if `from` had sent it; returns the entries that it appended. */
static uint64_t deliver(const struct forged *forged, uint32_t from)
{
    struct ww_raft *raft = fake_cluster_group(&cluster, follower)->raft;
    uint64_t before = ww_raft_last_index(raft);
    struct fake_port *port = &cluster.network.ports[follower];
    port->first = port->end; /* only this one */
    struct fake_frame *frame = &port->queue[port->end++ % FAKE_QUEUE];
    memcpy(frame->data, forged->data, sizeof(forged->data));
    frame->size = forged->bytes;
    frame->from = from;
    ww_net_work(cluster.nodes[follower].shard);
    return ww_raft_last_index(raft) - before;
}

static void assert_dropped(const struct forged *forged, uint32_t from, uint32_t reason)
{
    uint64_t *drops = cluster.nodes[follower].shard->net->counters.drops;
    uint64_t before = drops[reason];
    cr_assert_eq(deliver(forged, from), 0);
    cr_assert_eq(drops[reason], before + 1, "reason %s", ww_net_drop_name(reason));
}

Test(net_receive, the_unbroken_one_is_taken)
{
    struct ww_raft_message message = {0};
    struct forged forged = forge(FAKE_CLUSTER_ID, leader, follower, &message);
    cr_assert_eq(deliver(&forged, leader), 1);
}

Test(net_receive, short_and_long_ones)
{
    struct ww_raft_message message = {0};
    struct forged forged = forge(FAKE_CLUSTER_ID, leader, follower, &message);
    uint32_t whole = forged.bytes;
    forged.bytes = 16;
    assert_dropped(&forged, leader, WW_DROP_DATAGRAM + WW_DATAGRAM_SHORT);
    forged.bytes = whole - 8;
    assert_dropped(&forged, leader, WW_DROP_DATAGRAM + WW_DATAGRAM_SHORT);
    forged.bytes = whole + 8;
    assert_dropped(&forged, leader, WW_DROP_DATAGRAM + WW_DATAGRAM_LONG);
}

Test(net_receive, a_wrong_magic_version_or_checksum)
{
    struct ww_raft_message message = {0};
    struct forged forged = forge(FAKE_CLUSTER_ID, leader, follower, &message);
    struct ww_datagram_header *header = (void *)forged.data;
    header->magic ^= 1;
    assert_dropped(&forged, leader, WW_DROP_DATAGRAM + WW_DATAGRAM_MAGIC_BAD);
    header->magic ^= 1;
    header->version++;
    assert_dropped(&forged, leader, WW_DROP_DATAGRAM + WW_DATAGRAM_VERSION);
    header->version--;
    forged.data[sizeof(*header) + 20] ^= 1;
    assert_dropped(&forged, leader, WW_DROP_DATAGRAM + WW_DATAGRAM_CHECKSUM);
}

Test(net_receive, another_cluster_another_node_a_stranger)
{
    struct ww_raft_message message = {0};
    struct forged forged = forge(FAKE_CLUSTER_ID + 1, leader, follower, &message);
    assert_dropped(&forged, leader, WW_DROP_DATAGRAM + WW_DATAGRAM_CLUSTER);
    forged = forge(FAKE_CLUSTER_ID, leader, leader, &message);
    assert_dropped(&forged, leader, WW_DROP_DATAGRAM + WW_DATAGRAM_NODE);
    /* The right name on the wrong link, and a peer's message on a client's link. */
    forged = forge(FAKE_CLUSTER_ID, leader, follower, &message);
    assert_dropped(&forged, 6 - leader - follower, WW_DROP_STRANGER);
    assert_dropped(&forged, FAKE_CLIENT, WW_DROP_STRANGER);
}

Test(net_receive, a_damaged_batch_and_an_unknown_group)
{
    struct ww_raft_message message = {0};
    struct forged forged = forge(FAKE_CLUSTER_ID, leader, follower, &message);
    forged.data[forged.bytes - 9] ^= 1;
    assert_dropped(&forged, leader, WW_DROP_BATCH);
    message = (struct ww_raft_message){.group = 1};
    forged = forge(FAKE_CLUSTER_ID, leader, follower, &message);
    assert_dropped(&forged, leader, WW_DROP_GROUP);
}

Test(net_receive, C18_entries_of_another_group)
{
    struct ww_raft_message message = {0};
    struct forged forged = forge(FAKE_CLUSTER_ID, leader, follower, &message);
    _Alignas(8) uint8_t batch[128], other[128];
    uint8_t *body = forged.data + forged.bytes - message.body_bytes;
    memcpy(batch, body, message.body_bytes);
    ((struct ww_batch_header *)batch)->group = 1;
    uint32_t bytes = ww_batch_slice(batch, message.index + 1, message.index + 1, other);
    cr_assert_eq(bytes, message.body_bytes);
    memcpy(body, other, bytes); /* with a right checksum */
    assert_dropped(&forged, leader, WW_DROP_BATCH);
}

Test(net_receive, a_message_that_no_correct_node_sends)
{
    /* An AppendEntries that contradicts what is committed. */
    struct ww_raft_message message = {0};
    struct forged forged = forge(FAKE_CLUSTER_ID, leader, follower, &message);
    struct ww_raft_message *inside = (void *)(forged.data + sizeof(struct ww_datagram_header));
    inside->log_term += 5;
    struct ww_datagram_builder again = {forged.data, FAKE_DATAGRAM,
                                        WW_DATAGRAM_HEADER_BYTES + WW_MESSAGE_BYTES,
                                        inside->body_bytes};
    ww_datagram_finish(&again, FAKE_CLUSTER_ID, leader, follower, NULL);
    assert_dropped(&forged, leader, WW_DROP_MESSAGE);
}

Test(net_receive, every_flipped_byte_of_the_datagram_is_harmless)
{
    struct ww_raft_message message = {0};
    struct forged forged = forge(FAKE_CLUSTER_ID, leader, follower, &message);
    for (uint32_t at = 0; at < forged.bytes; at++) {
        forged.data[at] ^= 0x41;
        cr_assert_eq(deliver(&forged, leader), 0, "byte %u", at);
        forged.data[at] ^= 0x41;
    }
    cr_assert_eq(deliver(&forged, leader), 1);
}

/* A vote of the other follower's, whose candidacy the leader asked for. */
static struct forged forge_vote(void)
{
    struct forged forged;
    struct ww_group *group = fake_cluster_group(&cluster, follower);
    struct ww_raft_message message = {
        .type = WW_RAFT_VOTE,
        .flags = WW_RAFT_TRANSFER,
        .term = ww_raft_term(group->raft) + 1,
        .index = ww_raft_last_index(group->raft),
        .log_term = ww_raft_term_at(group->raft, ww_raft_last_index(group->raft)),
    };
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, forged.data, FAKE_DATAGRAM);
    ww_datagram_add(&builder, &message, 0);
    forged.bytes = ww_datagram_finish(&builder, FAKE_CLUSTER_ID, follower % 3 + 1, follower, NULL);
    return forged;
}

Test(net_receive, c2_a_vote_that_finds_no_room_in_the_log_does_not_leave)
{
    uint32_t candidate = follower % 3 + 1;
    struct fake_disk *disk = &cluster.nodes[follower].disk;
    const struct fake_port *port = &cluster.network.ports[candidate];
    struct forged vote = forge_vote();
    uint32_t before = port->end;
    disk->base.limit_position = disk->written;
    deliver(&vote, candidate);
    cr_assert_eq(atomic_load(&cluster.nodes[follower].shard->fenced), WW_ENOSPC);
    cr_assert_eq(port->end, before);
}

Test(net_receive, c2_a_vote_leaves_when_it_is_durable)
{
    uint32_t candidate = follower % 3 + 1;
    const struct fake_port *port = &cluster.network.ports[candidate];
    struct forged vote = forge_vote();
    uint32_t before = port->end;
    cluster.nodes[follower].disk.held = true;
    deliver(&vote, candidate);
    fake_cluster_poll(&cluster, follower, 1);
    fake_cluster_poll(&cluster, follower, 0);
    cr_assert_eq(port->end, before);
    cluster.nodes[follower].disk.held = false;
    for (int i = 0; i < 3; i++) {
        fake_cluster_poll(&cluster, follower, 1);
        fake_cluster_poll(&cluster, follower, 0);
    }
    cr_assert_eq(port->end, before + 1);
}
