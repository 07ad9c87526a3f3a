/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/backend/transport.h"

#include <stddef.h>

static const char *const counter_names[WW_NET_COUNTERS] = {
    [WW_NET_RX_FRAMES] = "rx_frames",
    [WW_NET_RX_BYTES] = "rx_bytes",
    [WW_NET_TX_FRAMES] = "tx_frames",
    [WW_NET_TX_BYTES] = "tx_bytes",
    [WW_NET_DROP_RX_SHORT] = "drop_rx_short",
    [WW_NET_DROP_RX_LONG] = "drop_rx_long",
    [WW_NET_DROP_RX_PROTOCOL] = "drop_rx_protocol",
    [WW_NET_DROP_RX_CHECKSUM] = "drop_rx_checksum",
    [WW_NET_DROP_RX_CLIENTS] = "drop_rx_clients",
    [WW_NET_DROP_TX_FULL] = "drop_tx_full",
    [WW_NET_DROP_TX_DOWN] = "drop_tx_down",
    [WW_NET_DROP_NO_BUFFER] = "drop_no_buffer",
};

const char *ww_transport_counter_name(enum ww_transport_counter counter)
{
    return (size_t)counter < WW_NET_COUNTERS ? counter_names[counter] : "unknown counter";
}
