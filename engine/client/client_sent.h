/* SPDX-License-Identifier: Apache-2.0 */
/* For whoever takes latencies apart: the client's part of an entry's way. */
#ifndef WW_CLIENT_CLIENT_SENT_H
#define WW_CLIENT_CLIENT_SENT_H

#include <whitewater/client.h>

/* When the first datagram with the entry left, on the client's clock (CLOCK_BOOTTIME). To be asked
 * before the poll behind the one that brought the entry's answer; 0: it is no longer known. */
uint64_t ww_client_first_sent_ns(const struct ww_client *client, uint32_t group, uint64_t sequence);

#endif
