/* SPDX-License-Identifier: Apache-2.0 */
/* Puts a node together: the only file of the engine that names concrete backends. */
#include "dpdk_io/dpdk_io.h"
#include "engine/node/backends.h"
#include "engine/node/node_internal.h"
#include "engine/wire/checksum.h"
#include "wal_uring/wal_uring.h"

#include <whitewater/kv.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

/* Memory that io_uring registers: hugepages when allowed and free, else ordinary pages. */
static uint8_t *map_memory(uint64_t bytes, bool try_hugepages, bool *hugepages)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void *memory = MAP_FAILED;
    if (try_hugepages)
        memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB, -1, 0);
    *hugepages = memory != MAP_FAILED;
    if (memory == MAP_FAILED)
        memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    if (!*hugepages)
        madvise(memory, bytes, MADV_HUGEPAGE); /* advice only: the kernel may have no such pages */
    return memory;
}

static int map_buffers(struct ww_node *node, struct ww_error *error)
{
    uint64_t log_bytes = node->config.log_buffer_bytes;
    uint64_t read_bytes = (uint64_t)WW_READ_BUFFERS * WW_READ_BYTES;
    bool try_hugepages = node->config.hugepages == WW_CONFIG_HUGEPAGES_AUTO;
    bool ignored;
    node->log_buffer = map_memory(log_bytes, try_hugepages, &node->memory.log_hugepages);
    node->read_buffers = map_memory(read_bytes, false, &ignored);
    node->memory.log_buffer = log_bytes;
    node->memory.read_buffers = read_bytes;
    if (node->log_buffer == NULL || node->read_buffers == NULL)
        return ww_fail_errno(error, WW_ENOMEM, "memory.log_buffer: cannot map %" PRIu64 " bytes",
                             log_bytes + read_bytes);
    return WW_OK;
}

/* May what this node lost come from another, and is there one to recover with? */
static bool may_repair(const struct ww_config *config)
{
    if (config->repair != WW_CONFIG_REPAIR_PEERS)
        return false;
    for (uint32_t i = 0; i < config->node_count; i++)
        if (config->nodes[i].id != config->node_id && !config->nodes[i].learner)
            return true;
    return false;
}

static struct ww_node_recovery recovery_of(const struct ww_log_store *store)
{
    struct ww_wal_recovery found;
    ww_wal_recovery(store, &found);
    return (struct ww_node_recovery){
        .blocks = found.blocks,
        .bytes = found.bytes,
        .read_bytes = found.read_bytes,
        .cut_bytes = found.cut_bytes,
        .elapsed_ns = found.elapsed_ns,
        .cut_position = found.cut_position,
        .recovering = found.recovering,
        .damage = found.damage,
    };
}

int ww_backend_log(const struct ww_config *config, const struct iovec regions[2],
                   ww_log_visit visit, void *context, struct ww_log_store **store,
                   struct ww_error *error)
{
    static const enum ww_durability durabilities[] = {
        [WW_CONFIG_DSYNC] = WW_DURABILITY_DSYNC,
        [WW_CONFIG_FDATASYNC] = WW_DURABILITY_FDATASYNC,
        [WW_CONFIG_BUFFERED] = WW_DURABILITY_BUFFERED,
        [WW_CONFIG_MEMORY] = WW_DURABILITY_MEMORY,
    };
    struct ww_wal_options options = {
        .directory = config->data_dir,
        .cluster = ww_cluster_number(config->cluster_name),
        .node = config->node_id,
        .durability = durabilities[config->durability],
        .segment_bytes = config->segment_bytes,
        .prepare_bytes = config->prepare_bytes,
        .max_bytes = config->max_bytes,
        .span_bytes = (uint32_t)config->log_buffer_bytes,
        .write_depth = WW_WRITE_DEPTH_MAX, /* wal.depth is the shard's, and may change */
        .sqpoll_ns = config->sqpoll_ns,
        .plain_buffers = config->fixed_buffers == 0,
        .repair = may_repair(config) ? WW_WAL_REPAIR_PEERS : WW_WAL_REPAIR_NEVER,
        .regions = {regions[0], regions[1]},
    };
    return ww_wal_open(&options, visit, context, store, error);
}

static int open_log(struct ww_node *node, struct ww_group_recovery *recovery,
                    struct ww_error *error)
{
    const struct iovec regions[2] = {{node->log_buffer, node->memory.log_buffer},
                                     {node->read_buffers, node->memory.read_buffers}};
    int status = ww_backend_log(&node->config, regions, ww_group_recovery_visit, recovery,
                                &node->store, error);
    if (status == WW_OK)
        node->recovery = recovery_of(node->store);
    else if (recovery->error.code == status && error != NULL)
        *error = recovery->error;
    return status;
}

/* Once the log is open, and so nobody else uses the directory. */
static int create_machine(struct ww_node *node, struct ww_error *error)
{
    const struct ww_config *config = &node->config;
    char directory[sizeof(config->data_dir) + 8];
    if (node->machine.apply != NULL) /* the embedder's */
        return WW_OK;
    if (config->machine == WW_CONFIG_MACHINE_LOG) {
        int status = ww_machine_log_create(config->groups, &node->machine);
        return status == WW_OK ? WW_OK : ww_fail(error, status, "no memory for the state machine");
    }
    snprintf(directory, sizeof(directory), "%s/kv", config->data_dir);
    const struct ww_kv_options options = {
        .directory = config->durability == WW_CONFIG_MEMORY ? NULL : directory,
        .map_bytes = config->kv_map_bytes,
        .groups = config->groups,
    };
    return ww_machine_kv_create(&options, &node->machine, error);
}

static enum ww_net_kind net_kind(uint32_t transport)
{
    static const enum ww_net_kind kinds[] = {
        [WW_CONFIG_MEMIF] = WW_NET_MEMIF,
        [WW_CONFIG_AF_PACKET] = WW_NET_AF_PACKET,
        [WW_CONFIG_AF_XDP] = WW_NET_AF_XDP,
        [WW_CONFIG_UDP] = WW_NET_UDP,
    };
    return kinds[transport];
}

static int parse_address(const char *address, uint32_t port, const char *mac,
                         struct ww_net_address *out, struct ww_error *error)
{
    struct in_addr ipv4;
    if (inet_pton(AF_INET, address, &ipv4) != 1)
        return ww_fail(error, WW_EINVAL, "'%s' is not an IPv4 address", address);
    out->ipv4 = ntohl(ipv4.s_addr);
    out->port = (uint16_t)port;
    unsigned int byte[6] = {0};
    char rest;
    if (mac[0] != 0 && sscanf(mac, "%2x:%2x:%2x:%2x:%2x:%2x%c", &byte[0], &byte[1], &byte[2],
                              &byte[3], &byte[4], &byte[5], &rest) != 6)
        return ww_fail(error, WW_EINVAL, "'%s' is not a MAC address like 02:57:57:00:00:01", mac);
    for (int i = 0; i < 6; i++)
        out->mac[i] = (uint8_t)byte[i];
    return WW_OK;
}

static int open_network(struct ww_node *node, struct ww_error *error)
{
    const struct ww_config *config = &node->config;
    if (config->transport != WW_CONFIG_UDP && mkdir(config->socket_dir, 0700) != 0 &&
        errno != EEXIST)
        return ww_fail_errno(error, WW_EIO, "net.sockets: cannot create %s", config->socket_dir);
    struct ww_net_options options = {
        .kind = net_kind(config->transport),
        .self = config->node_id,
        .node_count = config->node_count,
        .mtu = (uint32_t)config->mtu,
        .socket_dir = config->socket_dir,
        .client_links = config->client_links,
        .interface = config->interface,
        .hugepages =
            config->hugepages == WW_CONFIG_HUGEPAGES_AUTO ? WW_HUGEPAGES_AUTO : WW_HUGEPAGES_NEVER,
    };
    for (uint32_t i = 0; i < config->node_count; i++) {
        const struct ww_config_node *peer = &config->nodes[i];
        options.nodes[i].id = peer->id;
        int status = parse_address(peer->address, peer->port, peer->mac, &options.nodes[i], error);
        if (status != WW_OK)
            return status;
    }
    int status = ww_net_open(&options, &node->transport, error);
    if (status != WW_OK)
        return status;
    struct ww_net_memory memory;
    ww_net_memory(node->transport, &memory);
    node->memory.net_pools = memory.pool_bytes;
    node->memory.net_rings = memory.ring_bytes;
    node->memory.net_hugepages = memory.hugepages;
    return WW_OK;
}

struct ww_configuration ww_backend_first_configuration(const struct ww_config *config)
{
    struct ww_configuration first = {0};
    for (uint32_t i = 0; i < config->node_count; i++) {
        const struct ww_config_node *node = &config->nodes[i];
        if (node->join && node->id == config->node_id)
            return (struct ww_configuration){0};
        if (!node->join)
            *(node->learner ? &first.learners : &first.voters) |= (uint8_t)(1u << node->id);
    }
    return first;
}

/* Of a snapshot, where nobody may repair it. */
static void name_the_way(const struct ww_config *config, struct ww_error *error)
{
    size_t used = strlen(error->text);
    snprintf(
        error->text + used, sizeof(error->text) - used,
        "; move %s away to let the node come back from its peers as after the loss of its disk",
        config->data_dir);
}

static int create_shard(struct ww_node *node, struct ww_group_recovery *recovery,
                        struct ww_error *error)
{
    const struct ww_config *config = &node->config;
    struct ww_shard_options options = {
        .cluster = ww_cluster_number(config->cluster_name),
        .self = config->node_id,
        .configuration = ww_backend_first_configuration(config),
        .groups = config->groups,
        .heartbeat_ns = config->heartbeat_ns,
        .election_min_ns = config->election_min_ns,
        .election_max_ns = config->election_max_ns,
        .retry_ns = config->retry_ns,
        .window_bytes = (uint32_t)config->window_bytes,
        .adaptive = config->adaptive != 0,
        .leases = config->leases != 0,
        .clock_drift_ppm = config->clock_drift_ppm,
        .session_timeout_ns = config->session_timeout_ns,
        .snapshot_entries = config->snapshot_entries,
        .snapshot_keep = config->snapshot_keep,
        .retain_bytes = config->retain_bytes,
        .retain_time_ns = config->retain_time_ns,
        .wal = ww_node_tuning(config),
        .trace_every = config->trace_every,
        .amnesia = node->recovery.recovering,
        .amnesia_position = node->recovery.cut_position,
        .repair = may_repair(config),
        .log_buffer = node->log_buffer,
        .log_buffer_bytes = config->log_buffer_bytes,
        .read_buffers = node->read_buffers,
    };
    for (uint32_t i = 0; i < config->node_count; i++)
        options.priorities[config->nodes[i].id] = (uint8_t)config->nodes[i].priority;
    if (getrandom(&options.seed, sizeof(options.seed), 0) != sizeof(options.seed))
        return ww_fail_errno(error, WW_EIO, "no seed from the kernel");
    int status = ww_shard_create(&options, node->transport, node->store, &ww_clock_monotonic,
                                 &node->machine, recovery, &node->shard, error);
    node->recovery.lost_groups = recovery->lost_groups;
    node->recovery.lost = recovery->lost;
    node->recovery.recovering |= recovery->lost_groups > 0;
    if (status == WW_OK)
        node->memory.tables = ww_shard_table_bytes(node->shard);
    else if (status == WW_EDAMAGED && error != NULL)
        name_the_way(config, error);
    return status;
}

int ww_node_core(const char *cores, uint32_t number)
{
    for (uint32_t i = 0; i < number && cores != NULL; i++) {
        cores = strchr(cores, ',');
        cores = cores != NULL ? cores + 1 : NULL;
    }
    return cores != NULL && cores[0] != 0 ? atoi(cores) : -1;
}

/* Threads that poll on this machine: over memif all nodes are here, and a client at least. */
static uint32_t pollers_here(const struct ww_config *config)
{
    bool one_machine =
        config->transport == WW_CONFIG_MEMIF || strncmp(config->nodes[0].address, "127.", 4) == 0;
    return one_machine ? config->threads * config->node_count + 1 : config->threads;
}

static int start_agents(struct ww_node *node, struct ww_error *error)
{
    static const struct {
        const char *name;
        ww_stage_work work;
    } stages[WW_AGENT_STAGES_MAX] = {{"net", ww_net_work},
                                     {"log", ww_log_work},
                                     {"apply", ww_apply_work}};
    const struct ww_config *config = &node->config;
    node->agent_count = config->threads;
    for (uint32_t i = 0; i < WW_AGENT_STAGES_MAX; i++) {
        struct ww_agent *agent = &node->agents[config->threads == 1 ? 0 : i];
        size_t used = strlen(agent->name);
        snprintf(agent->name + used, sizeof(agent->name) - used, "%s%s", used > 0 ? "+" : "",
                 stages[i].name);
        agent->stages[agent->stage_count++] = stages[i].work;
    }
    for (uint32_t i = 0; i < node->agent_count; i++) {
        struct ww_agent *agent = &node->agents[i];
        agent->shard = node->shard;
        agent->core = ww_node_core(config->cores, i);
        ww_idle_init(&agent->idle,
                     ww_idle_resolve((enum ww_idle_kind)config->idle, pollers_here(config)));
        int status = ww_agent_start(agent, error);
        if (status != WW_OK)
            return status;
    }
    return WW_OK;
}

static char *status_json(void *context)
{
    return ww_node_status_json(context);
}

static int request(void *context, const struct ww_control_request *wanted,
                   struct ww_control_answer *answer, struct ww_error *error)
{
    return ww_node_request(context, wanted, answer, error);
}

static char *config_json(void *context)
{
    return ww_node_config_json(context);
}

static int configure(void *context, const struct ww_control_settings *settings,
                     struct ww_error *error)
{
    return ww_node_configure(context, settings, error);
}

static int snapshot(void *context, uint32_t group, int *fd, struct ww_error *error)
{
    return ww_node_open_snapshot(context, group, fd, error);
}

static char *rotations_json(void *context)
{
    return ww_node_rotations_json(context);
}

static char *trace_json(void *context)
{
    return ww_node_trace_json(context);
}

static int start_control(struct ww_node *node, struct ww_error *error)
{
    const struct ww_config *config = &node->config;
    for (uint32_t i = 0; i < config->node_count; i++) {
        if (config->nodes[i].id == config->node_id)
            return ww_control_start(config->nodes[i].admin,
                                    (struct ww_control_ops){
                                        .context = node,
                                        .status_json = status_json,
                                        .request = request,
                                        .config_json = config_json,
                                        .rotations_json = rotations_json,
                                        .trace_json = trace_json,
                                        .configure = configure,
                                        .snapshot = snapshot,
                                    },
                                    &node->control, error);
    }
    return ww_fail(error, WW_EINVAL, "node.id: %u is not in cluster.nodes", config->node_id);
}

static int start(struct ww_node *node, struct ww_error *error)
{
    struct ww_group_recovery recovery;
    int status = ww_group_recovery_init(&recovery, node->config.groups, node->config.segment_bytes);
    if (status != WW_OK)
        ww_fail(error, status, "no memory for recovery");
    if (status == WW_OK)
        status = map_buffers(node, error);
    if (status == WW_OK)
        status = open_log(node, &recovery, error);
    if (status == WW_OK)
        status = create_machine(node, error);
    if (status == WW_OK)
        status = open_network(node, error);
    if (status == WW_OK)
        status = create_shard(node, &recovery, error);
    if (status == WW_OK)
        status = start_agents(node, error);
    if (status == WW_OK)
        status = start_control(node, error);
    ww_group_recovery_free(&recovery);
    return status;
}

int ww_node_start(const struct ww_config *config, const struct ww_state_machine *machine,
                  struct ww_node **out, struct ww_error *error)
{
    *out = NULL;
    struct ww_node *node = calloc(1, sizeof(*node));
    if (node == NULL) {
        if (machine != NULL && machine->destroy != NULL)
            machine->destroy(machine->self);
        return ww_fail(error, WW_ENOMEM, "no memory for the node");
    }
    node->config = *config;
    if (machine != NULL)
        node->machine = *machine;
    int status = start(node, error);
    if (status != WW_OK) {
        ww_node_stop(node);
        return status;
    }
    *out = node;
    return WW_OK;
}

int ww_node_health(struct ww_node *node, struct ww_error *error)
{
    int status = atomic_load(&node->shard->fenced);
    if (status != WW_OK)
        return ww_fail(error, status, "node %u fenced itself: it acknowledges nothing any more",
                       node->config.node_id);
    return WW_OK;
}

void ww_node_stop(struct ww_node *node)
{
    if (node == NULL)
        return;
    /* Against the order of starting: who asks first, then who works, then what they worked on. */
    ww_control_stop(node->control);
    for (uint32_t i = 0; i < node->agent_count; i++)
        ww_agent_stop(&node->agents[i]);
    ww_shard_unmap(node->shard);
    if (node->store != NULL)
        node->store->ops->close(node->store);
    ww_shard_destroy(node->shard);
    if (node->transport != NULL)
        node->transport->ops->close(node->transport);
    if (node->machine.destroy != NULL)
        node->machine.destroy(node->machine.self);
    if (node->log_buffer != NULL)
        munmap(node->log_buffer, node->memory.log_buffer);
    if (node->read_buffers != NULL)
        munmap(node->read_buffers, node->memory.read_buffers);
    free(node);
}

int ww_backend_client_transport(const struct ww_client_network *network,
                                struct ww_transport **transport, struct ww_error *error)
{
    static const char *const names[] = {
        [WW_NET_MEMIF] = "memif",
        [WW_NET_AF_PACKET] = "af_packet",
        [WW_NET_AF_XDP] = "af_xdp",
        [WW_NET_UDP] = "udp",
    };
    uint32_t kind = 0;
    while (kind < 4 && strcmp(names[kind], network->transport) != 0)
        kind++;
    if (kind == 4)
        return ww_fail(error, WW_EVERSION, "the node uses transport '%s', unknown to this client",
                       network->transport);
    struct ww_net_options options = {
        .kind = (enum ww_net_kind)kind,
        .node_count = network->node_count,
        .mtu = network->mtu,
        .socket_dir = network->socket_dir,
        .client_links = network->client_links,
        .interface = network->interface,
        .hugepages = WW_HUGEPAGES_NEVER,
    };
    for (uint32_t i = 0; i < network->node_count; i++) {
        options.nodes[i].id = network->nodes[i].id;
        int status = parse_address(network->nodes[i].address, network->nodes[i].port,
                                   network->nodes[i].mac, &options.nodes[i], error);
        if (status != WW_OK)
            return status;
    }
    if (network->local_address[0] != 0) {
        int status = parse_address(network->local_address, network->local_port, network->local_mac,
                                   &options.local, error);
        if (status != WW_OK)
            return status;
    }
    return ww_net_open(&options, transport, error);
}
