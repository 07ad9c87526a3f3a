/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/client/client_core.h"
#include "engine/client/client_status.h"

#include "engine/base/error.h"
#include "engine/control/http_client.h"
#include "engine/wire/checksum.h"
#include "engine/wire/datagram.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void copy_environment(const char *name, char *to, size_t size)
{
    const char *value = getenv(name);
    snprintf(to, size, "%s", value != NULL ? value : "");
}

/* The client's own end of a kernel interface is not the cluster's to know. */
static int own_end(struct ww_client_network *network, struct ww_error *error)
{
    if (strncmp(network->transport, "af_", 3) != 0)
        return WW_OK;
    copy_environment("WW_CLIENT_INTERFACE", network->interface, sizeof(network->interface));
    copy_environment("WW_CLIENT_ADDRESS", network->local_address, sizeof(network->local_address));
    copy_environment("WW_CLIENT_MAC", network->local_mac, sizeof(network->local_mac));
    network->local_port = WW_UDP_PORT_DEFAULT;
    if (network->interface[0] != 0 && network->local_address[0] != 0 && network->local_mac[0] != 0)
        return WW_OK;
    return ww_fail(error, WW_EINVAL,
                   "a client over %s needs WW_CLIENT_INTERFACE, WW_CLIENT_ADDRESS, WW_CLIENT_MAC",
                   network->transport);
}

static int find_cluster(const char *endpoint, struct ww_client_cluster *cluster,
                        struct ww_error *error)
{
    char *body;
    int status = ww_http_get(endpoint, "/v1/status", WW_CLIENT_OPEN_TIMEOUT_NS, &body, error);
    if (status != WW_OK)
        return status;
    status = ww_client_parse_status(body, cluster, error);
    free(body);
    if (status != WW_OK)
        return ww_fail_context(error, "http://%s/v1/status", endpoint);
    return own_end(&cluster->network, error);
}

static int connect_to(const struct ww_client_options *options,
                      const struct ww_client_cluster *cluster, struct ww_client **client,
                      struct ww_error *error)
{
    struct ww_client_setup setup = {
        .clock = &ww_clock_monotonic,
        .cluster = ww_cluster_number(cluster->name),
        .mtu = cluster->network.mtu,
        .entry_max = cluster->entry_max,
        .node_count = cluster->network.node_count,
        .groups = cluster->groups,
        .leaders = cluster->leaders,
        .options = *options,
    };
    for (uint32_t i = 0; i < setup.node_count; i++)
        setup.nodes[i] = cluster->network.nodes[i].id;
    if (getrandom(&setup.number, sizeof(setup.number), 0) != sizeof(setup.number) ||
        getrandom(&setup.nonce, sizeof(setup.nonce), 0) != sizeof(setup.nonce))
        return ww_fail_errno(error, WW_EIO, "getrandom");
    setup.number |= WW_CLIENT_SOURCE;
    setup.nonce = ww_client_nonce(setup.nonce);
    int status = ww_backend_client_transport(&cluster->network, &setup.transport, error);
    return status == WW_OK ? ww_client_create(&setup, client, error) : status;
}

int ww_client_open(const struct ww_client_options *options, struct ww_client **client,
                   struct ww_error *error)
{
    *client = NULL;
    if (options->endpoint == NULL)
        return ww_fail(error, WW_EINVAL, "client: no endpoint");
    struct ww_client_cluster *cluster = malloc(sizeof(*cluster));
    if (cluster == NULL)
        return ww_fail(error, WW_ENOMEM, "client: no memory");
    int status = find_cluster(options->endpoint, cluster, error);
    if (status == WW_OK)
        status = connect_to(options, cluster, client, error);
    free(cluster);
    return status;
}
