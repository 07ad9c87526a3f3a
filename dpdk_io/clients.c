/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_io/clients.h"

#include <string.h>

int ww_clients_hear(struct ww_clients *clients, const struct ww_frame_end *from, uint64_t now_ns,
                    bool *changed)
{
    uint32_t oldest = 0;
    for (uint32_t k = 0; k < WW_CLIENTS_MAX; k++) {
        struct ww_frame_end *end = &clients->ends[k];
        if (end->ipv4 == from->ipv4 && end->port == from->port) {
            *changed = memcmp(end->mac, from->mac, sizeof(end->mac)) != 0;
            *end = *from;
            clients->heard_ns[k] = now_ns;
            return (int)k;
        }
        if (clients->ends[oldest].ipv4 != 0 &&
            (end->ipv4 == 0 || clients->heard_ns[k] < clients->heard_ns[oldest]))
            oldest = k;
    }
    if (clients->ends[oldest].ipv4 != 0 &&
        now_ns - clients->heard_ns[oldest] < WW_CLIENT_SILENCE_NS)
        return -1;
    *changed = true;
    clients->ends[oldest] = *from;
    clients->heard_ns[oldest] = now_ns;
    return (int)oldest;
}
