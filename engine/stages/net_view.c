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

int ww_shard_view(struct ww_shard *shard, struct ww_shard_view *view, uint64_t timeout_ns)
{
    struct ww_net *net = shard->net;
    atomic_store(&net->view_wanted, view);
    if (wait_event(net->view_event, timeout_ns))
        return WW_OK;
    /* Take the wish back; if NET already took it, it is about to be fulfilled. */
    struct ww_shard_view *wish = view;
    if (atomic_compare_exchange_strong(&net->view_wanted, &wish, NULL))
        return WW_ETIMEOUT;
    while (!wait_event(net->view_event, timeout_ns)) {
    }
    return WW_OK;
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
