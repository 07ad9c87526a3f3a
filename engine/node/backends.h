/* SPDX-License-Identifier: Apache-2.0 */
/* What others ask of node.c, the only file that names a concrete backend. */
#ifndef WW_NODE_BACKENDS_H
#define WW_NODE_BACKENDS_H

#include "engine/backend/log_store.h"
#include "engine/backend/transport.h"
#include "engine/base/error.h"
#include "engine/base/limits.h"
#include "engine/node/config.h"
#include "engine/wire/configuration.h"

#include <stdint.h>
#include <sys/uio.h>

/* The network as a node's status tells it to a client. */
struct ww_client_network {
    char transport[16]; /* the configuration's name of it: memif, af_packet, af_xdp, udp */
    uint32_t mtu;
    char socket_dir[108];
    uint32_t client_links;
    struct {
        uint32_t id;
        char address[16];
        uint32_t port;
        char mac[18];
    } nodes[WW_NODES_MAX];
    uint32_t node_count;
    /* af_packet, af_xdp: the client's own end, from WW_CLIENT_INTERFACE, _ADDRESS, _MAC */
    char interface[32];
    char local_address[16];
    char local_mac[18];
    uint32_t local_port;
};

/* Opens the transport of a client; its links are the node ids. The caller ends it by ops->close. */
int ww_backend_client_transport(const struct ww_client_network *network,
                                struct ww_transport **transport, struct ww_error *error);

/* Opens or creates the log as the configuration wants it. `regions` hold what is written and read
 * (none: a length of 0). The caller ends it by ops->close. */
int ww_backend_log(const struct ww_config *config, const struct iovec regions[2],
                   ww_log_visit visit, void *context, struct ww_log_store **store,
                   struct ww_error *error);

/* Who is in the groups from the beginning; all zero on a node that waits to be added. */
struct ww_configuration ww_backend_first_configuration(const struct ww_config *config);

#endif
