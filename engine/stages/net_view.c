/* SPDX-License-Identifier: Apache-2.0 */
/* The asker's side of shard_view.h, and the names of what NET counts. */
#include "engine/stages/net_internal.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* Waits for the event; false when the time is up. */
static bool wait_event(int fd, uint64_t timeout_ns)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    uint64_t value;
    return poll(&wait, 1, (int)(timeout_ns / 1000000)) == 1 &&
           read(fd, &value, sizeof(value)) == sizeof(value);
}

static int ask(struct ww_net *net, _Atomic(void *) *place, void *wish, uint64_t timeout_ns)
{
    atomic_store(place, wish);
    if (wait_event(net->view_event, timeout_ns))
        return WW_OK;
    /* Take the wish back; if NET already took it, it is about to be fulfilled. */
    void *wanted = wish;
    if (atomic_compare_exchange_strong(place, &wanted, NULL))
        return WW_ETIMEOUT;
    while (!wait_event(net->view_event, timeout_ns)) {
    }
    return WW_OK;
}

int ww_shard_view(struct ww_shard *shard, struct ww_shard_view *view, uint64_t timeout_ns)
{
    return ask(shard->net, &shard->net->view_wanted, view, timeout_ns);
}

int ww_shard_request(struct ww_shard *shard, struct ww_shard_request *request, uint64_t timeout_ns)
{
    int asked = ask(shard->net, &shard->net->request_wanted, request, timeout_ns);
    request->status = asked == WW_OK ? request->status : asked;
    return request->status;
}

static const char *const drop_names[] = {
    [WW_DROP_STRANGER] = "stranger", [WW_DROP_GROUP] = "group",     [WW_DROP_BATCH] = "batch",
    [WW_DROP_MESSAGE] = "message",   [WW_DROP_NO_ROOM] = "no_room", [WW_DROP_PROMISE] = "promise",
};

const char *ww_net_drop_name(uint32_t drop)
{
    if (drop > WW_DROP_DATAGRAM && drop < WW_DROP_DATAGRAM + WW_DATAGRAM_VERDICTS)
        return ww_datagram_verdict_name(drop - WW_DROP_DATAGRAM);
    return drop < WW_DROPS ? drop_names[drop] : NULL;
}
