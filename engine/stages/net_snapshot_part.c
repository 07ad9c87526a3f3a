/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a snapshot: from a leader to a follower that needs entries which left the log. */
#include "engine/stages/net_internal.h"

bool ww_net_send_snapshot_part(struct ww_net *net, struct ww_group *group, uint32_t peer,
                               struct ww_raft_message *message, uint32_t budget)
{
    struct ww_transport *transport = net->shard->transport;
    const struct ww_snapshot_blob *blob = &group->snapshot.kept;
    const struct ww_snapshot_header *about = ww_snapshot_header(blob);
    WW_ASSERT(about != NULL && about->index == message->index && message->commit <= blob->bytes);
    message->identity = about->crc32c;
    if (budget == 0) { /* only a question: how much is there? */
        ww_net_post(net, peer, peer, message);
        ww_raft_sent(group->raft, peer, message->index, 0, net->now_ns);
        return true;
    }
    uint8_t *data = transport->ops->tx_begin(transport, peer);
    if (data == NULL)
        return false;
    uint64_t bytes = blob->bytes - message->commit;
    uint32_t max = transport->max_datagram - WW_BODY_OFFSET;
    max = budget < max ? budget : max;
    if (bytes <= max)
        message->flags |= WW_RAFT_LAST;
    else
        bytes = max;
    message->body_bytes = (uint32_t)bytes;
    const uint8_t *part = blob->data + message->commit;
    struct ww_datagram_builder builder;
    ww_datagram_begin(&builder, data, transport->max_datagram);
    ww_datagram_add(&builder, message, message->body_bytes);
    uint32_t head = ww_datagram_finish(&builder, net->shard->options.cluster,
                                       net->shard->options.self, peer, part);
    transport->ops->tx_send(transport, head, part, message->body_bytes);
    ww_raft_sent(group->raft, peer, message->index, message->body_bytes, net->now_ns);
    return true;
}

static bool is_staged(const struct ww_staged_snapshot *staged,
                      const struct ww_raft_message *message)
{
    return staged->index == message->index && staged->term == message->log_term &&
           staged->identity == message->identity;
}

/* How much of that snapshot is here: staged, or whole and on its way to the disk. */
static uint64_t bytes_here(const struct ww_group *group, const struct ww_raft_message *message)
{
    const struct ww_staged_snapshot *staged = &group->snapshot.staged;
    return is_staged(staged, message) ? staged->bytes : 0;
}

/* The store has all of it: from here on it goes the way of one of our own. */
static void begin_install(struct ww_group *group)
{
    struct ww_group_snapshot *own = &group->snapshot;
    own->step = WW_SNAPSHOT_STORING;
    own->install = true;
    own->next_index = UINT64_MAX;
}

static void stage(struct ww_net *net, struct ww_group *group, const struct ww_raft_message *message,
                  const uint8_t *body)
{
    struct ww_log_store *store = net->shard->store;
    struct ww_staged_snapshot *staged = &group->snapshot.staged;
    bool last = (message->flags & WW_RAFT_LAST) != 0;
    if (group->snapshot.step != WW_SNAPSHOT_NONE || message->body_bytes == 0 ||
        message->commit != bytes_here(group, message))
        return;
    if (!is_staged(staged, message))
        *staged =
            (struct ww_staged_snapshot){message->index, message->log_term, message->identity, 0};
    int status = store->ops->snapshot_receive(store, group->id, staged->index, staged->bytes, body,
                                              message->body_bytes, last);
    if (status == WW_EBUSY) {
        net->counters.drops[WW_DROP_NO_ROOM]++;
        return;
    }
    if (status != WW_OK) {
        group->snapshot.failed_index = staged->index;
        group->snapshot.failed_status = status;
        *staged = (struct ww_staged_snapshot){0};
        net->counters.snapshots_failed++;
        return;
    }
    staged->bytes += message->body_bytes;
    if (last)
        begin_install(group);
}

void ww_net_receive_snapshot_part(struct ww_net *net, uint32_t from,
                                  const struct ww_raft_message *message, const uint8_t *body)
{
    struct ww_group *group = &net->groups[message->group];
    struct ww_raft_event event = {.type = WW_RAFT_EV_MESSAGE, .from = from, .message = message};
    ww_net_step(net, group, &event, NULL);
    if (!net->update.snapshot_chunk)
        return;
    if (ww_net_can_snapshot(net))
        stage(net, group, message, body);
    struct ww_raft_event staged = {
        .type = WW_RAFT_EV_SNAPSHOT_STAGED,
        .term = message->log_term,
        .index = message->index,
        .staged_bytes = bytes_here(group, message),
    };
    ww_net_step(net, group, &staged, NULL);
}
