/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memif: a shared-memory NIC between two processes. Node N listens on node-N.sock; the port to node
 * P has id P there, the port of client link K has id 16 + K. Of two nodes the lower id listens and
 * the other connects; a client connects to every node. The connecting end makes the memory.
 */
#include "dpdk_io/dead_peer.h"
#include "dpdk_io/dpdk.h"

#include "dpdk_io/eal.h"
#include "dpdk_io/slot.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SERVICE_HZ 200u /* how often the state of the ports is looked at */
#define CONNECT_HZ 20u  /* how often a connection is tried when nobody listens */
#define PATIENCE_HZ 4u  /* and again when nothing came of it */
#define LOOK_HZ 2000u   /* how often we look whether the control thread has work */
#define BACKLOG 4096    /* a paused node must not block those that connect to it */
#define FD_SEARCH_MAX 4096

/* Clients have no place in the configuration: 10.77.1.K, 02:57:57:00:01:K. */
static struct ww_frame_end client_end(uint32_t slot)
{
    return (struct ww_frame_end){.mac = {0x02, 0x57, 0x57, 0x00, 0x01, (uint8_t)slot},
                                 .ipv4 = 0x0a4d0100u + slot,
                                 .port = WW_UDP_PORT_DEFAULT};
}

static struct ww_frame_end node_end(const struct ww_net_address *address)
{
    return (struct ww_frame_end){.mac = {0x02, 0x57, 0x57, 0x00, 0x00, (uint8_t)address->id},
                                 .ipv4 = address->ipv4,
                                 .port = address->port};
}

static int socket_path(struct sockaddr_un *address, const char *socket_dir, uint32_t node,
                       struct ww_error *error)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length =
        snprintf(address->sun_path, sizeof(address->sun_path), "%s/node-%u.sock", socket_dir, node);
    if (length < (int)sizeof(address->sun_path))
        return WW_OK;
    return ww_fail(error, WW_EINVAL,
                   "%s/node-%u.sock is too long for a socket: %d of at most %zu characters "
                   "(net.sockets)",
                   socket_dir, node, length, sizeof(address->sun_path) - 1);
}

/* The descriptor on which DPDK listens; it keeps it to itself. */
static int find_listener(const struct sockaddr_un *address)
{
    for (int fd = 0; fd < FD_SEARCH_MAX; fd++) {
        struct sockaddr_un bound = {0};
        socklen_t size = sizeof(bound);
        int listening = 0;
        socklen_t int_size = sizeof(listening);
        if (getsockname(fd, (struct sockaddr *)&bound, &size) == 0 && bound.sun_family == AF_UNIX &&
            strcmp(bound.sun_path, address->sun_path) == 0 &&
            getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &int_size) == 0 && listening)
            return fd;
    }
    return -1;
}

static int open_port(struct ww_dpdk *dpdk, uint32_t socket_node, uint32_t id, bool connects,
                     uint32_t link, const struct ww_frame_end *end, struct ww_error *error)
{
    struct sockaddr_un address;
    int status = socket_path(&address, dpdk->socket_dir, socket_node, error);
    if (status != WW_OK)
        return status;
    uint32_t buffer_bytes =
        RTE_ALIGN_CEIL(dpdk->transport.max_datagram + WW_FRAME_OVERHEAD, RTE_CACHE_LINE_SIZE);
    char name[32], arguments[256];
    snprintf(name, sizeof(name), "net_memif%u", link);
    snprintf(arguments, sizeof(arguments),
             "role=%s,id=%u,socket-abstract=no,socket=%s,bsize=%u,rsize=%u",
             connects ? "client" : "server", id, address.sun_path, buffer_bytes,
             WW_MEMIF_RING_LOG2);
    struct ww_port *port = &dpdk->ports[dpdk->port_count++];
    status = ww_port_open(port, name, arguments, dpdk->frames, 0, error);
    if (status != WW_OK)
        return status;
    port->link = link;
    port->connects = connects;
    dpdk->ring_bytes += 2u * (buffer_bytes << WW_MEMIF_RING_LOG2);
    ww_link_set(dpdk, link, port, end);
    if (!connects) {
        port->started = rte_eth_dev_start(port->id) == 0;
        if (!port->started)
            return ww_eal_fail(error, WW_EIO, "cannot start %s", name);
    }
    return WW_OK;
}

static int open_node(struct ww_dpdk *dpdk, const struct ww_net_options *options,
                     struct ww_error *error)
{
    struct sockaddr_un own;
    int status = socket_path(&own, dpdk->socket_dir, options->self, error);
    if (status == WW_OK) {
        char name[32];
        snprintf(name, sizeof(name), "node-%u", options->self);
        status = ww_lock_take(&dpdk->lock, dpdk->socket_dir, name, error);
    }
    if (status == WW_OK && unlink(own.sun_path) != 0 && errno != ENOENT)
        status = ww_fail_errno(error, WW_EIO, "cannot remove the old socket %s", own.sun_path);
    for (uint32_t i = 0; i < options->node_count && status == WW_OK; i++) {
        uint32_t id = options->nodes[i].id;
        struct ww_frame_end end = node_end(&options->nodes[i]);
        if (id < options->self)
            status = open_port(dpdk, id, options->self, true, id, &end, error);
        else if (id > options->self)
            status = open_port(dpdk, options->self, id, false, id, &end, error);
    }
    for (uint32_t k = 0; k < options->client_links && status == WW_OK; k++) {
        struct ww_frame_end end = client_end(k);
        status = open_port(dpdk, options->self, WW_LINK_CLIENT + k, false, WW_LINK_CLIENT + k, &end,
                           error);
    }
    if (status != WW_OK)
        return status;
    dpdk->listener = find_listener(&own);
    if (listen(dpdk->listener, BACKLOG) != 0)
        return ww_fail_errno(error, WW_EIO, "cannot listen on %s", own.sun_path);
    return WW_OK;
}

int ww_memif_open(struct ww_dpdk *dpdk, const struct ww_net_options *options,
                  struct ww_error *error)
{
    if (access(options->socket_dir, R_OK | W_OK | X_OK) != 0)
        return ww_fail_errno(error, WW_EIO, "cannot use the socket directory %s",
                             options->socket_dir);
    int length = snprintf(dpdk->socket_dir, sizeof(dpdk->socket_dir), "%s", options->socket_dir);
    if (length >= (int)sizeof(dpdk->socket_dir))
        return ww_fail(error, WW_EINVAL,
                       "%s is too long for a directory of sockets: %d of at "
                       "most %zu characters (net.sockets)",
                       options->socket_dir, length, sizeof(dpdk->socket_dir) - 1);
    ww_dead_peer_guard();
    int status = ww_intr_park_open(&dpdk->control, error);
    if (status != WW_OK)
        return status;
    dpdk->look_tsc = rte_rdtsc();
    if (options->self != 0) {
        for (uint32_t i = 0; i < options->node_count; i++)
            if (options->nodes[i].id == options->self)
                dpdk->self = node_end(&options->nodes[i]);
        return open_node(dpdk, options, error);
    }
    status = ww_slot_take(&dpdk->lock, dpdk->socket_dir, options->client_links, &dpdk->slot, error);
    dpdk->self = client_end(dpdk->slot);
    for (uint32_t i = 0; i < options->node_count && status == WW_OK; i++) {
        uint32_t id = options->nodes[i].id;
        struct ww_frame_end end = node_end(&options->nodes[i]);
        status = open_port(dpdk, id, WW_LINK_CLIENT + dpdk->slot, true, id, &end, error);
    }
    return status;
}

/* The connecting end starts again after a failure; DPDK does not do that by itself. */
static void service_port(struct ww_port *port, uint64_t now)
{
    struct rte_eth_link status = {0};
    rte_eth_link_get_nowait(port->id, &status);
    bool was_up = port->up;
    port->up = port->started && status.link_status == RTE_ETH_LINK_UP;
    if (port->up || !port->connects || (!was_up && now < port->try_tsc))
        return;
    if (port->started)
        rte_eth_dev_stop(port->id);
    port->started = rte_eth_dev_start(port->id) == 0;
    port->try_tsc = now + rte_get_tsc_hz() / (port->started ? PATIENCE_HZ : CONNECT_HZ);
}

bool ww_memif_service(struct ww_dpdk *dpdk)
{
    uint64_t now = rte_rdtsc();
    if (now < dpdk->look_tsc)
        return dpdk->control->parked;
    dpdk->look_tsc = now + rte_get_tsc_hz() / LOOK_HZ;
    bool wanted = !dpdk->control->parked || ww_intr_park_wanted(dpdk->control);
    if (wanted && !ww_intr_park_run(dpdk->control))
        return false;
    if (!wanted && now < dpdk->control_tsc)
        return true;
    for (uint32_t i = 0; i < dpdk->port_count; i++)
        service_port(&dpdk->ports[i], now);
    dpdk->control_tsc = now + rte_get_tsc_hz() / SERVICE_HZ;
    return true;
}

/* Until the control thread has come by once more, and with it all that it had begun. */
static void run_once(struct ww_dpdk *dpdk)
{
    do {
        ww_intr_park_run(dpdk->control);
    } while (!dpdk->control->parked);
}

/*
 * The last port of a listener removes its file, but DPDK 22.11 leaves the descriptor open and its
 * callback registered with memory that is free: what is still waiting to be accepted would crash
 * us. So the descriptor is made one that is never ready, and what the control thread may have seen
 * of it before is done with.
 */
static void silence_listener(struct ww_dpdk *dpdk)
{
    int inert = eventfd(0, EFD_CLOEXEC);
    if (dpdk->listener >= 0 && inert >= 0)
        dup2(inert, dpdk->listener);
    if (inert >= 0)
        close(inert);
    dpdk->listener = -1;
    run_once(dpdk);
}

void ww_memif_close(struct ww_dpdk *dpdk)
{
    if (dpdk->control == NULL)
        return;
    if (!dpdk->control->parked)
        run_once(dpdk);
    silence_listener(dpdk);
    for (uint32_t i = 0; i < dpdk->port_count; i++)
        ww_port_close(&dpdk->ports[i]);
    ww_lock_release(&dpdk->lock);
}
