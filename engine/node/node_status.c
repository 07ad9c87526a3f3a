/* SPDX-License-Identifier: Apache-2.0 */
/* A node's state as JSON, for its admin endpoint (docs/operations.md names the fields). */
#include "engine/base/assert.h"
#include "engine/node/node_internal.h"
#include "engine/stages/shard_view.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VIEW_TIMEOUT_NS 2000000000u

static void put_number(struct json_object *object, const char *key, uint64_t value)
{
    json_object_object_add(object, key, json_object_new_uint64(value));
}

static void put_text(struct json_object *object, const char *key, const char *value)
{
    json_object_object_add(object, key, json_object_new_string(value));
}

static void put_flag(struct json_object *object, const char *key, bool value)
{
    json_object_object_add(object, key, json_object_new_boolean(value));
}

static struct json_object *put_object(struct json_object *object, const char *key)
{
    struct json_object *inner = json_object_new_object();
    json_object_object_add(object, key, inner);
    return inner;
}

static void put_transport(struct json_object *status, const struct ww_node *node)
{
    static const char *const names[] = {"memif", "af_packet", "af_xdp", "udp"};
    struct json_object *transport = put_object(status, "transport");
    put_text(transport, "name", names[node->config.transport]);
    put_number(transport, "mtu", node->config.mtu);
    put_number(transport, "max_datagram", node->transport->max_datagram);
    put_text(transport, "socket_dir", node->config.socket_dir);
    put_number(transport, "client_links", node->config.client_links);
    put_flag(transport, "hugepages", node->memory.net_hugepages);
    struct json_object *counters = put_object(transport, "counters");
    for (uint32_t i = 0; i < WW_NET_COUNTERS; i++)
        put_number(counters, ww_transport_counter_name((enum ww_transport_counter)i),
                   __atomic_load_n(&node->transport->counters[i], __ATOMIC_RELAXED));
}

static const char *const peer_states[] = {
    [WW_RAFT_PROBE] = "probe",
    [WW_RAFT_REPLICATE] = "replicate",
    [WW_RAFT_SEND_SNAPSHOT] = "snapshot",
};

static void put_peers(struct json_object *group, const struct ww_raft_status *raft)
{
    struct json_object *peers = json_object_new_array();
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        struct json_object *peer = json_object_new_object();
        put_number(peer, "node", raft->peers[i].id);
        put_number(peer, "match", raft->peers[i].match);
        put_number(peer, "next", raft->peers[i].next);
        put_number(peer, "inflight_bytes", raft->peers[i].inflight_bytes);
        put_number(peer, "window_bytes", raft->peers[i].window_bytes);
        put_text(peer, "state", peer_states[raft->peers[i].state]);
        put_flag(peer, "voter", raft->peers[i].voter);
        put_flag(peer, "caught_up", raft->peers[i].caught_up);
        put_flag(peer, "recovering", raft->peers[i].amnesia);
        put_number(peer, "rtt_ns", raft->peers[i].rtt_ns);
        json_object_array_add(peers, peer);
    }
    json_object_object_add(group, "peers", peers);
}

static void put_node_list(struct json_object *object, const char *key, uint8_t nodes)
{
    struct json_object *list = json_object_new_array();
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        if ((nodes >> id & 1) != 0)
            json_object_array_add(list, json_object_new_int64(id));
    json_object_object_add(object, key, list);
}

static void put_configuration(struct json_object *group, const struct ww_raft_status *raft)
{
    struct json_object *configuration = put_object(group, "configuration");
    put_number(configuration, "index", raft->configuration_index);
    put_node_list(configuration, "voters", raft->configuration.voters);
    put_node_list(configuration, "old_voters", raft->configuration.old_voters);
    put_node_list(configuration, "learners", raft->configuration.learners);
    put_flag(configuration, "committed", raft->configuration_committed);
}

/* What is under way, and what came of the last one that failed. */
static void put_snapshot(struct json_object *group, const struct ww_group_view *view)
{
    static const char *const steps[] = {
        [WW_SNAPSHOT_NONE] = "none",           [WW_SNAPSHOT_VIEWING] = "viewing",
        [WW_SNAPSHOT_VIEWED] = "viewed",       [WW_SNAPSHOT_STORING] = "storing",
        [WW_SNAPSHOT_STORED] = "stored",       [WW_SNAPSHOT_RECORDING] = "recording",
        [WW_SNAPSHOT_RECORDED] = "recorded",   [WW_SNAPSHOT_INSTALLED] = "installed",
        [WW_SNAPSHOT_RESTORING] = "restoring",
    };
    put_number(group, "snapshot_bytes", view->snapshot_bytes);
    put_text(group, "snapshot_step", steps[view->snapshot_step]);
    put_number(group, "snapshot_staged_bytes", view->snapshot_staged_bytes);
    put_number(group, "snapshot_failed_index", view->snapshot_failed_index);
    put_text(group, "snapshot_failure",
             view->snapshot_failed_status == WW_OK ? ""
                                                   : ww_status_name(view->snapshot_failed_status));
}

static void put_groups(struct json_object *status, const struct ww_shard_view *view)
{
    static const char *const roles[] = {"follower", "pre-candidate", "candidate", "leader"};
    struct json_object *groups = json_object_new_array();
    for (uint32_t i = 0; i < view->group_count; i++) {
        const struct ww_raft_status *raft = &view->groups[i].raft;
        struct json_object *group = json_object_new_object();
        char digest[24];
        snprintf(digest, sizeof(digest), "%016llx", (unsigned long long)view->groups[i].digest);
        put_number(group, "group", i);
        put_text(group, "role", roles[raft->role]);
        put_number(group, "leader", raft->leader);
        put_number(group, "term", raft->term);
        put_number(group, "commit", raft->commit);
        put_number(group, "applied", view->groups[i].applied);
        put_number(group, "first_index", raft->first_index);
        put_number(group, "last_index", raft->last_index);
        put_number(group, "durable", raft->durable);
        put_text(group, "digest", digest);
        put_flag(group, "recovering", raft->amnesia);
        put_number(group, "snapshot_index", raft->snapshot_index);
        put_snapshot(group, &view->groups[i]);
        put_number(group, "election_timeout_ns", raft->election_timeout_ns);
        put_configuration(group, raft);
        if (raft->role == WW_RAFT_LEADER) {
            put_number(group, "transfer_to", raft->transfer_to);
            put_number(group, "lease_ns", raft->lease_ns);
            put_peers(group, raft);
        }
        json_object_array_add(groups, group);
    }
    json_object_object_add(status, "groups", groups);
}

static void put_wal(struct json_object *status, const struct ww_node *node,
                    const struct ww_shard_view *view)
{
    static const char *const modes[] = {"dsync", "fdatasync", "buffered", "memory"};
    static const char *const counters[WW_WAL_COUNTERS] = {
        [WW_WAL_WRITES] = "writes",
        [WW_WAL_BYTES] = "bytes",
        [WW_WAL_FLUSHES] = "flushes",
        [WW_WAL_READS] = "reads",
        [WW_WAL_READ_BYTES] = "read_bytes",
        [WW_WAL_SEGMENTS_PREPARED] = "segments_prepared",
        [WW_WAL_SEGMENTS_RECYCLED] = "segments_recycled",
        [WW_WAL_SEGMENTS_FAILED] = "segments_failed",
        [WW_WAL_PREPARED_BYTES] = "prepared_bytes",
        [WW_WAL_PREPARE_PAUSE_NS] = "prepare_pause_ns",
        [WW_WAL_SEGMENTS_ENTERED] = "segments_entered",
    };
    struct json_object *wal = put_object(status, "wal");
    put_text(wal, "durability", modes[node->config.durability]);
    for (uint32_t i = 0; i < WW_WAL_COUNTERS; i++)
        put_number(wal, counters[i], __atomic_load_n(&node->store->counters[i], __ATOMIC_RELAXED));
    put_number(wal, "blocks", view->blocks);
    put_number(wal, "batches", view->batches_sealed);
    put_number(wal, "durable_position", view->durable_position);
    put_number(wal, "head_position", view->head_position);
    put_number(wal, "released_position", view->released_position);
    put_number(wal, "checkpoints", view->checkpoints);
    put_number(wal, "limit_position", atomic_load(&node->store->limit_position));
    struct json_object *sizes = json_object_new_array();
    for (uint32_t i = 0; i < WW_WRITE_SIZES; i++)
        json_object_array_add(sizes, json_object_new_uint64(
                                         atomic_load_explicit(&node->shard->write_sizes[i],
                                                              memory_order_relaxed)));
    json_object_object_add(wal, "entries_per_write", sizes);
}

static void put_recovery(struct json_object *status, const struct ww_node_recovery *found)
{
    struct json_object *recovery = put_object(status, "recovery");
    put_number(recovery, "blocks", found->blocks);
    put_number(recovery, "bytes", found->bytes);
    put_number(recovery, "read_bytes", found->read_bytes);
    put_number(recovery, "elapsed_ns", found->elapsed_ns);
    put_number(recovery, "cut_bytes", found->cut_bytes);
    put_flag(recovery, "began_recovering", found->recovering);
    put_text(recovery, "damage", found->damage.code != WW_OK ? found->damage.text : "");
    put_number(recovery, "lost_groups", found->lost_groups);
    put_text(recovery, "lost", found->lost_groups > 0 ? found->lost.text : "");
}

void ww_node_recovery_text(const struct ww_node *node, char *text, size_t size)
{
    const struct ww_node_recovery *found = &node->recovery;
    double seconds = (double)found->elapsed_ns / 1e9;
    double read_gib = (double)found->read_bytes / (1024.0 * WW_MIB);
    int used = snprintf(text, size, "log: %llu blocks, %llu bytes",
                        (unsigned long long)found->blocks, (unsigned long long)found->bytes);
    if (found->blocks > 0 && seconds > 0)
        used += snprintf(text + used, size - (size_t)used, "; read %.2f GiB in %.3f s (%.2f GiB/s)",
                         read_gib, seconds, read_gib / seconds);
    if (found->cut_bytes > 0)
        used += snprintf(text + used, size - (size_t)used, "; %llu bytes of a torn tail cut",
                         (unsigned long long)found->cut_bytes);
    if (found->damage.code != WW_OK)
        used += snprintf(text + used, size - (size_t)used,
                         "; DAMAGED and cut, the rest is to come from the peers: %s",
                         found->damage.text);
    if (found->lost_groups > 0)
        used += snprintf(text + used, size - (size_t)used,
                         "; %u groups begin anew, all is to come from the peers: %s",
                         found->lost_groups, found->lost.text);
    if (found->recovering)
        used += snprintf(text + used, size - (size_t)used,
                         "; recovering: no vote until a leader or, in a new cluster, all voters "
                         "are met");
    WW_ASSERT((size_t)used < size);
}

static void put_stages(struct json_object *status, const struct ww_shard_view *view)
{
    struct json_object *stages = put_object(status, "stages");
    put_number(stages, "proposals", view->proposals);
    put_number(stages, "busy_refusals", view->busy_refusals);
    put_number(stages, "snapshots_taken", view->snapshots_taken);
    put_number(stages, "snapshots_installed", view->snapshots_installed);
    put_number(stages, "snapshots_failed", view->snapshots_failed);
    put_number(stages, "disk_reads", view->disk_reads);
    put_number(stages, "registrations", view->registrations);
    put_number(stages, "session_lookups", view->session_lookups);
    put_number(stages, "session_refusals", view->session_refusals);
    put_number(stages, "queries", view->queries);
    struct json_object *drops = put_object(stages, "drops");
    for (uint32_t i = 0; i < WW_DROPS; i++) {
        if (ww_net_drop_name(i) != NULL)
            put_number(drops, ww_net_drop_name(i), view->drops[i]);
    }
}

static void put_trace(struct json_object *status, struct ww_node *node)
{
    struct json_object *trace = put_object(status, "trace");
    uint64_t dropped = 0, cycles = 0;
    for (uint32_t i = 0; i < WW_STAGES; i++) {
        dropped += atomic_load_explicit(&node->shard->traces[i].dropped, memory_order_relaxed);
        cycles += atomic_load_explicit(&node->shard->traces[i].cycles, memory_order_relaxed);
    }
    put_number(trace, "every", node->config.trace_every);
    put_number(trace, "dropped", dropped);
    put_number(trace, "cycles", cycles);
}

static void put_agents(struct json_object *status, struct ww_node *node)
{
    struct json_object *agents = json_object_new_array();
    for (uint32_t i = 0; i < node->agent_count; i++) {
        struct ww_agent *agent = &node->agents[i];
        struct json_object *object = json_object_new_object();
        put_text(object, "name", agent->name);
        put_text(object, "idle", ww_idle_name(agent->idle.kind));
        put_number(object, "work_cycles", atomic_load(&agent->work_cycles));
        put_number(object, "empty_cycles", atomic_load(&agent->empty_cycles));
        put_number(object, "work_polls", atomic_load(&agent->work_polls));
        put_number(object, "empty_polls", atomic_load(&agent->empty_polls));
        put_number(object, "stall_cycles_max", atomic_load(&agent->stall_cycles_max));
        put_number(object, "sleeps", __atomic_load_n(&agent->idle.sleeps, __ATOMIC_RELAXED));
        json_object_array_add(agents, object);
    }
    json_object_object_add(status, "agents", agents);
}

static void put_memory(struct json_object *status, const struct ww_node *node)
{
    struct json_object *memory = put_object(status, "memory");
    put_number(memory, "log_buffer", node->memory.log_buffer);
    put_number(memory, "read_buffers", node->memory.read_buffers);
    put_number(memory, "tables", node->memory.tables);
    put_number(memory, "net_pools", node->memory.net_pools);
    put_number(memory, "net_rings", node->memory.net_rings);
}

static void put_nodes(struct json_object *status, const struct ww_config *config)
{
    struct json_object *nodes = json_object_new_array();
    for (uint32_t i = 0; i < config->node_count; i++) {
        struct json_object *node = json_object_new_object();
        put_number(node, "id", config->nodes[i].id);
        put_text(node, "admin", config->nodes[i].admin);
        put_text(node, "address", config->nodes[i].address);
        put_number(node, "port", config->nodes[i].port);
        put_text(node, "mac", config->nodes[i].mac);
        put_number(node, "priority", config->nodes[i].priority);
        json_object_array_add(nodes, node);
    }
    json_object_object_add(status, "nodes", nodes);
}

char *ww_node_status_json(struct ww_node *node)
{
    struct ww_shard_view view = {.group_count = node->config.groups};
    view.groups = calloc(view.group_count, sizeof(*view.groups));
    if (view.groups == NULL)
        return NULL;
    int asked = ww_shard_view(node->shard, &view, VIEW_TIMEOUT_NS);
    int fenced = atomic_load(&node->shard->fenced);
    struct json_object *status = json_object_new_object();
    put_text(status, "version", WW_VERSION);
    put_text(status, "cluster", node->config.cluster_name);
    put_number(status, "node", node->config.node_id);
    put_text(status, "machine", node->machine.name);
    put_number(status, "pid", (uint64_t)getpid());
    put_text(status, "health",
             fenced != 0      ? ww_status_name(fenced)
             : asked != WW_OK ? "the net stage does not answer"
                              : "ok");
    uint32_t batch_max = WW_BATCH_MAX_IN(node->transport->max_datagram);
    put_number(status, "entry_max", batch_max - WW_BATCH_HEADER_BYTES - WW_ENTRY_HEADER_BYTES);
    put_transport(status, node);
    put_groups(status, &view);
    put_wal(status, node, &view);
    put_recovery(status, &node->recovery);
    put_stages(status, &view);
    put_trace(status, node);
    put_agents(status, node);
    put_memory(status, node);
    put_nodes(status, &node->config);
    char *text = strdup(json_object_to_json_string_ext(status, JSON_C_TO_STRING_PLAIN));
    json_object_put(status);
    free(view.groups);
    return text;
}

char *ww_node_rotations_json(struct ww_node *node)
{
    const struct ww_log_store *store = node->store;
    struct json_object *rotations = json_object_new_object();
    struct json_object *times = json_object_new_array();
    /* Pairs with the release in ww_wal_head_enter. */
    uint64_t end = __atomic_load_n(&store->counters[WW_WAL_SEGMENTS_ENTERED], __ATOMIC_ACQUIRE);
    uint64_t first = end > WW_WAL_ROTATIONS ? end - WW_WAL_ROTATIONS : 0;
    for (uint64_t i = first; i < end; i++)
        json_object_array_add(times, json_object_new_uint64(
                                         __atomic_load_n(&store->entered_ns[i % WW_WAL_ROTATIONS],
                                                         __ATOMIC_RELAXED)));
    put_number(rotations, "segment_bytes", node->config.segment_bytes);
    put_number(rotations, "segments_entered", end);
    json_object_object_add(rotations, "entered_ns", times);
    char *text = strdup(json_object_to_json_string_ext(rotations, JSON_C_TO_STRING_PLAIN));
    json_object_put(rotations);
    return text;
}
