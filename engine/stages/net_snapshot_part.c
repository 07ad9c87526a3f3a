/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a snapshot: from a leader to a follower that needs entries which left the log. */
#include "engine/stages/net_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool ww_net_send_snapshot_part(struct ww_net *net, struct ww_group *group, uint32_t peer,
                               struct ww_raft_message *message, uint32_t budget)
{
    struct ww_transport *transport = net->shard->transport;
    const struct ww_snapshot_blob *blob = &group->snapshot.kept;
    const struct ww_snapshot_header *about = (const void *)blob->data;
    WW_ASSERT(about != NULL && about->index == message->index && message->commit <= blob->bytes);
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

/* Room for `bytes` more staged bytes. */
static bool grow(struct ww_staged_snapshot *staged, uint32_t bytes)
{
    if (bytes > WW_SNAPSHOT_MAX - staged->blob.bytes)
        return false;
    if (staged->blob.bytes + bytes <= staged->capacity)
        return true;
    size_t capacity = 2 * staged->capacity + bytes;
    capacity = capacity < WW_SNAPSHOT_MAX ? capacity : WW_SNAPSHOT_MAX;
    uint8_t *grown = realloc(staged->blob.data, capacity);
    if (grown == NULL)
        return false;
    staged->blob.data = grown;
    staged->capacity = capacity;
    return true;
}

/* The last part is here. What fails its check is thrown away, and the leader begins anew. */
static void check_whole(struct ww_net *net, struct ww_group *group)
{
    struct ww_staged_snapshot *staged = &group->snapshot.staged;
    struct ww_snapshot view;
    staged->whole =
        ww_snapshot_check(staged->blob.data, staged->blob.bytes, net->shard->options.cluster,
                          group->id, &view, NULL) == WW_OK &&
        view.header->index == staged->index && view.header->term == staged->term;
    if (staged->whole)
        return;
    staged->blob.bytes = 0;
    net->counters.snapshots_failed++;
}

static void stage(struct ww_net *net, struct ww_group *group, const struct ww_raft_message *message,
                  const uint8_t *body)
{
    struct ww_staged_snapshot *staged = &group->snapshot.staged;
    if ((staged->index != message->index || staged->term != message->log_term) &&
        message->commit == 0) {
        staged->index = message->index;
        staged->term = message->log_term;
        staged->blob.bytes = 0;
        staged->whole = false;
    }
    if (staged->index != message->index || staged->term != message->log_term || staged->whole ||
        message->commit != staged->blob.bytes)
        return;
    if (!grow(staged, message->body_bytes)) {
        net->counters.drops[WW_DROP_NO_ROOM]++;
        return;
    }
    memcpy(staged->blob.data + staged->blob.bytes, body, message->body_bytes);
    staged->blob.bytes += message->body_bytes;
    if ((message->flags & WW_RAFT_LAST) != 0)
        check_whole(net, group);
}

/* How much of that snapshot is here: staged, or whole and on its way to the disk. */
static uint64_t bytes_here(const struct ww_group *group, const struct ww_raft_message *message)
{
    const struct ww_staged_snapshot *staged = &group->snapshot.staged;
    const struct ww_snapshot_blob *coming = &group->snapshot.job.blob;
    const struct ww_snapshot_header *about = (const void *)coming->data;
    if (group->snapshot.install && about != NULL && about->index == message->index &&
        about->term == message->log_term)
        return coming->bytes;
    bool same = staged->index == message->index && staged->term == message->log_term;
    return same ? staged->blob.bytes : 0;
}

void ww_net_receive_snapshot_part(struct ww_net *net, uint32_t from,
                                  const struct ww_raft_message *message, const uint8_t *body)
{
    struct ww_group *group = &net->groups[message->group];
    struct ww_raft_event event = {.type = WW_RAFT_EV_MESSAGE, .from = from, .message = message};
    ww_net_step(net, group, &event, NULL);
    if (!net->update.snapshot_chunk)
        return;
    if (ww_net_can_snapshot(net) && bytes_here(group, message) == message->commit)
        stage(net, group, message, body);
    struct ww_raft_event staged = {
        .type = WW_RAFT_EV_SNAPSHOT_STAGED,
        .term = message->log_term,
        .index = message->index,
        .staged_bytes = bytes_here(group, message),
    };
    ww_net_step(net, group, &staged, NULL);
}
