/* SPDX-License-Identifier: Apache-2.0 */
/* Linearizable queries: the leader is asked until it answers. One at a time. */
#include "engine/client/client_core.h"

#include "engine/base/idle.h"

#include <string.h>

#define AWAKE_NS 1000000u /* after a request: the answer is near */

static void ask(struct ww_client *client, const void *request, size_t size)
{
    struct ww_client_asker *asker = &client->asker;
    struct ww_client_message message = {
        .type = WW_CLIENT_QUERY,
        .group = asker->group,
        .body_bytes = (uint32_t)size,
        .sequence = asker->tag,
    };
    asker->waits = true;
    asker->asked_ns = client->now_ns;
    asker->ask_ns = client->now_ns + WW_CLIENT_READ_SILENCE_NS;
    if (ww_client_send_message(client, asker->node, &message, request))
        client->transport->ops->tx_flush(client->transport);
}

static void finish(struct ww_client_asker *asker, int result)
{
    asker->tag = 0;
    asker->result = result;
}

bool ww_client_query_data(struct ww_client *client, const struct ww_client_message *message,
                          const uint8_t *body)
{
    struct ww_client_asker *asker = &client->asker;
    if ((message->sequence & ~WW_CLIENT_READ_TAG) > client->tags)
        return false;
    if (message->sequence != asker->tag)
        return true; /* of a query that is over */
    if (message->group != asker->group)
        return false;
    bool fits = message->body_bytes <= asker->room;
    if (fits && message->body_bytes > 0)
        memcpy(asker->answer, body, message->body_bytes);
    asker->answer_bytes = message->body_bytes;
    asker->index = message->index;
    finish(asker, fits ? WW_OK : WW_ETOOBIG);
    return true;
}

bool ww_client_query_refused(struct ww_client *client, const struct ww_client_message *message)
{
    struct ww_client_asker *asker = &client->asker;
    bool known = message->node != asker->node && ww_client_knows(client, message->node);
    asker->waits = false;
    switch (message->type) {
    case WW_CLIENT_NOT_LEADER:
        asker->node = known ? message->node : ww_client_node_after(client, asker->node);
        /* Two nodes that name each other must not keep us busy. */
        asker->ask_ns = client->now_ns +
                        (known && ++asker->hops <= client->node_count ? 0 : WW_CLIENT_SEARCH_NS);
        return true;
    case WW_CLIENT_BUSY:
        asker->ask_ns = client->now_ns + WW_CLIENT_BACKOFF_MAX_NS;
        return true;
    case WW_CLIENT_REFUSED:
        if (message->status == 0)
            return false;
        finish(asker, -(int)message->status);
        return true;
    default:
        return false;
    }
}

int ww_client_query(struct ww_client *client, uint32_t group, const void *request, size_t size,
                    uint64_t timeout_ns, void *answer, size_t *answer_size, uint64_t *index)
{
    if (group >= client->group_count)
        return WW_ENOTFOUND;
    if (size > WW_QUERY_BYTES_MAX)
        return WW_ETOOBIG;
    uint64_t begin_ns = client->now_ns = ww_clock_now(client->clock);
    struct ww_client_asker *asker = &client->asker;
    struct ww_client_out none = {0};
    struct ww_idle idle;
    *asker = (struct ww_client_asker){
        .tag = WW_CLIENT_READ_TAG | ++client->tags,
        .group = group,
        .node = client->groups[group].node,
        .answer = answer,
        .room = *answer_size,
        .ask_ns = begin_ns,
    };
    ww_idle_init(&idle, WW_IDLE_ADAPTIVE);
    while (asker->tag != 0) {
        uint32_t work = ww_client_advance(client);
        if (client->now_ns >= asker->ask_ns) {
            if (asker->waits)
                asker->node = ww_client_node_after(client, asker->node);
            ask(client, request, size);
        }
        work += ww_client_receive(client, &none);
        if (asker->tag != 0 && client->now_ns - begin_ns >= timeout_ns)
            finish(asker, WW_ETIMEOUT);
        if (asker->tag != 0)
            ww_idle(&idle, work, client->now_ns - asker->asked_ns < AWAKE_NS);
    }
    *answer_size = asker->answer_bytes;
    *index = asker->index;
    return asker->result;
}
