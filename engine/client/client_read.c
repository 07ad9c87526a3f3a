/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the log: ask for a window of bytes, take what comes in order, ask for the next. A gap is
 * asked for at once, silence after a while. Proposals go on meanwhile; their completions wait for
 * the next poll.
 */
#include "engine/client/client_core.h"

#include "engine/base/idle.h"
#include "engine/wire/batch.h"

/* The next window is asked for this much before the end of the present one, since a node stops
 * where a batch no longer fits, and may count its headers. */
#define READ_MARGIN (WW_CLIENT_READ_BYTES / 8)
#define AWAKE_NS 1000000u /* after a request: the answer is near */

_Static_assert(READ_MARGIN >= 2 * WW_BATCH_MAX(WW_MTU_MAX), "a window holds several batches");

static void ask(struct ww_client *client, struct ww_client_reader *reader)
{
    reader->ask = false;
    reader->tag = WW_CLIENT_READ_TAG | ++client->tags;
    reader->answer_bytes = 0;
    reader->heard_ns = client->now_ns;
    struct ww_client_message message = {
        .type = WW_CLIENT_READ,
        .group = reader->group,
        .window_bytes = WW_CLIENT_READ_BYTES,
        .sequence = reader->tag,
        .index = reader->next,
    };
    if (ww_client_send_message(client, reader->node, &message, NULL))
        client->transport->ops->tx_flush(client->transport);
}

static void finish(struct ww_client_reader *reader, int result)
{
    reader->done = true;
    reader->result = result;
}

static void visit_batch(struct ww_client *client, struct ww_client_reader *reader,
                        const void *batch)
{
    uint32_t cursor = 0;
    struct ww_entry entry;
    while (!reader->done && ww_batch_next(batch, &cursor, &entry)) {
        if (entry.index < reader->next)
            continue;
        struct ww_log_entry view = {entry.index, entry.term, entry.data, entry.size_bytes,
                                    entry.type == WW_ENTRY_DATA};
        reader->next = entry.index + 1;
        reader->entry_ns = client->now_ns;
        int result = reader->visit(reader->context, &view);
        if (result != 0)
            finish(reader, result);
    }
}

/* Visits what continues the log; false when the body is not what its message says. */
static bool take_batches(struct ww_client *client, struct ww_client_reader *reader,
                         const struct ww_client_message *message, const uint8_t *body)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < message->count; i++) {
        const char *why;
        uint32_t size = ww_batch_check(body + at, message->body_bytes - at, &why);
        const struct ww_batch_header *batch = ww_batch_header(body + at);
        if (size == 0 || batch->group != reader->group || batch->kind != WW_BATCH_ENTRIES ||
            ww_batch_last_index(batch) > message->index)
            return false;
        if (batch->first_index <= reader->next)
            visit_batch(client, reader, batch);
        else
            reader->ask |= message->sequence == reader->tag; /* a datagram was lost */
        at += size;
    }
    return at == message->body_bytes;
}

bool ww_client_read_data(struct ww_client *client, const struct ww_client_message *message,
                         const uint8_t *body)
{
    struct ww_client_reader *reader = &client->reader;
    if ((message->sequence & ~WW_CLIENT_READ_TAG) > client->tags)
        return false;
    if (message->sequence < reader->first_tag || reader->done)
        return true; /* of a read that is over */
    if (message->group != reader->group || !take_batches(client, reader, message, body))
        return false;
    if (message->sequence != reader->tag)
        return true;
    reader->heard_ns = client->now_ns;
    reader->answer_bytes += message->body_bytes;
    if (reader->answer_bytes >= WW_CLIENT_READ_BYTES - READ_MARGIN)
        reader->ask = true;
    if (reader->next > message->index && !reader->done)
        finish(reader, WW_OK);
    return true;
}

bool ww_client_read_refused(struct ww_client *client, const struct ww_client_message *message)
{
    struct ww_client_reader *reader = &client->reader;
    if (message->type != WW_CLIENT_REFUSED || message->status == 0)
        return false;
    if (message->sequence == reader->tag && !reader->done && message->status != -WW_EBUSY) {
        if (message->status == -WW_EGONE && message->index > reader->next)
            reader->next = message->index;
        finish(reader, -(int)message->status);
    }
    return true; /* a busy node is asked again after the silence */
}

/* One turn of the loop; returns what it did. */
static uint32_t turn(struct ww_client *client, struct ww_client_reader *reader, bool any_node)
{
    struct ww_client_out none = {0};
    uint32_t work = ww_client_advance(client);
    if (client->now_ns - reader->heard_ns >= WW_CLIENT_READ_SILENCE_NS) {
        reader->ask = true;
        if (any_node)
            reader->node = ww_client_node_after(client, reader->node);
    }
    if (reader->ask)
        ask(client, reader);
    return work + ww_client_receive(client, &none);
}

int ww_client_read(struct ww_client *client, uint32_t group, uint32_t node, uint64_t from,
                   uint64_t timeout_ns, int (*visit)(void *context, const struct ww_log_entry *),
                   void *context, uint64_t *next)
{
    *next = from;
    if (from == 0)
        return WW_EINVAL;
    if (group >= client->group_count || (node != 0 && !ww_client_knows(client, node)))
        return WW_ENOTFOUND;
    uint64_t begin_ns = ww_clock_now(client->clock);
    struct ww_client_reader *reader = &client->reader;
    *reader = (struct ww_client_reader){
        .first_tag = WW_CLIENT_READ_TAG | (client->tags + 1),
        .group = group,
        .node = node != 0 ? node : client->groups[group].node,
        .next = from,
        .heard_ns = begin_ns,
        .entry_ns = begin_ns,
        .ask = true,
        .visit = visit,
        .context = context,
    };
    struct ww_idle idle;
    ww_idle_init(&idle, WW_IDLE_ADAPTIVE);
    while (!reader->done) {
        uint32_t work = turn(client, reader, node == 0);
        if (!reader->done && client->now_ns - reader->entry_ns >= timeout_ns)
            finish(reader, WW_ETIMEOUT);
        if (!reader->done)
            ww_idle(&idle, work, client->now_ns - reader->heard_ns < AWAKE_NS);
    }
    *next = reader->next;
    return reader->result;
}
