/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/node/config_keys.h"

#include "engine/base/assert.h"
#include "engine/base/nearest.h"
#include "engine/base/units.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static const char *const transports[] = {"memif", "af_packet", "af_xdp", "udp", NULL};
static const char *const durabilities[] = {"dsync", "fdatasync", "buffered", "memory", NULL};
static const char *const group_commits[] = {"self", "entry", NULL};
static const char *const machines[] = {"log", "kv", NULL};
static const char *const repairs[] = {"peers", "never", NULL};
static const char *const profiles[] = {"local", "wan", "lan", "fast", NULL};
static const char *const switches[] = {"false", "true", NULL};
static const char *const hugepages[] = {"auto", "never", NULL};
static const char *const idles[] = {"auto", "spin", "yield", "adaptive", NULL};

#define TEXT(field)                                                                                \
    WW_KEY_TEXT, offsetof(struct ww_config, field), sizeof(((struct ww_config *)0)->field), NULL,  \
        0, 0
#define COUNT(field, min, max) WW_KEY_COUNT, offsetof(struct ww_config, field), 0, NULL, min, max
#define BYTES(field, min, max) WW_KEY_BYTES, offsetof(struct ww_config, field), 0, NULL, min, max
#define DURATION(field, min, max)                                                                  \
    WW_KEY_DURATION, offsetof(struct ww_config, field), 0, NULL, min, max
#define CHOICE(field, choices) WW_KEY_CHOICE, offsetof(struct ww_config, field), 0, choices, 0, 0

#define MILLISECOND 1000000u
#define SECOND (1000ull * MILLISECOND)
#define HOUR (3600000ull * MILLISECOND)
#define GIB (1024ull * WW_MIB)

/* clang-format off */
const struct ww_config_key ww_config_keys[] = {
    {"cluster.name", TEXT(cluster_name), "whitewater",
     "datagrams and directories of other clusters are refused"},

    {"node.id", COUNT(node_id, 0, WW_NODES_MAX), "0",
     "which of cluster.nodes this is; must be given"},
    {"node.data", TEXT(data_dir), "",
     "directory of the log; must be given unless wal.durability is memory"},
    {"node.machine", CHOICE(machine, machines), "log",
     "what entries are applied to: log (counts and a digest alone) or kv (keys and values)"},
    {"node.kv_map", BYTES(kv_map_bytes, WW_KV_MAP_MIN, WW_KV_MAP_MAX), "16GiB",
     "kv: its keys, with what a snapshot under way holds back, take at most this; then the node "
     "stops"},

    {"raft.groups", COUNT(groups, 1, WW_GROUPS_MAX), "1", "Raft groups of the cluster"},
    {"raft.profile", CHOICE(profile, profiles), "local",
     "times that suit the network, for those not given: local (nodes that share cores), wan, lan, "
     "fast"},
    {"raft.heartbeat", DURATION(heartbeat_ns, MILLISECOND, HOUR), "50ms",
     "a leader with nothing else to send says so this often"},
    {"raft.election_min", DURATION(election_min_ns, MILLISECOND, HOUR), "300ms",
     "a follower that hears nothing stands for election after a random time from here"},
    {"raft.election_max", DURATION(election_max_ns, MILLISECOND, HOUR), "600ms", "... to here"},
    {"raft.adaptive", CHOICE(adaptive, switches), "false",
     "narrow that range by the jitter and loss that is measured"},
    {"raft.retry", DURATION(retry_ns, MILLISECOND, HOUR), "20ms",
     "what a follower has not acknowledged is sent again after this"},
    {"raft.window", BYTES(window_bytes, 64 * WW_KIB, GIB), "4MiB",
     "bytes on the way to one follower"},
    {"raft.leases", CHOICE(leases, switches), "false",
     "a leader answers reads by its clock, without asking a quorum"},
    {"raft.clock_drift", COUNT(clock_drift_ppm, 0, 100000), "1000",
     "ppm by which the rate of any node's clock may be wrong, for leases"},
    {"raft.session_timeout", DURATION(session_timeout_ns, SECOND, 24 * HOUR), "10m",
     "a client's session silent for so long makes room for another"},
    {"raft.snapshot_entries", COUNT(snapshot_entries, 0, UINT32_MAX), "0",
     "applied entries behind which a snapshot takes the place of the log; 0: never"},
    {"raft.snapshot_keep", COUNT(snapshot_keep, 0, UINT32_MAX), "10000",
     "entries before a snapshot's end that stay, for followers a little behind"},

    {"wal.durability", CHOICE(durability, durabilities), "dsync",
     "dsync (O_DIRECT and RWF_DSYNC), fdatasync, buffered, or memory (no disk at all)"},
    {"wal.segment", BYTES(segment_bytes, WW_SEGMENT_BYTES_MIN, WW_SEGMENT_BYTES_MAX), "64MiB",
     "size of a file of the log; a power of two"},
    {"wal.prepare", BYTES(prepare_bytes, WW_SEGMENT_BYTES_MIN, 1024 * GIB), "128MiB",
     "log space written ahead of use before the node starts; at least a segment"},
    {"wal.max", BYTES(max_bytes, 0, UINT64_MAX), "0",
     "the log may take this much disk; 0: no limit"},
    {"wal.retain", BYTES(retain_bytes, 0, UINT64_MAX), "0",
     "entries leave the log when so many bytes of it are behind them; 0: they stay"},
    {"wal.retain_time", DURATION(retain_time_ns, 0, 87600 * HOUR), "0",
     "entries leave the log when the newest one is so much younger; 0: they stay"},
    {"wal.block", BYTES(block_bytes, WW_BLOCK_ALIGN, WW_BLOCK_MAX), "256KiB",
     "largest block of the log; a multiple of 4 KiB", true},
    {"wal.depth", COUNT(write_depth, 1, WW_WRITE_DEPTH_MAX), "2", "writes in flight", true},
    {"wal.group", CHOICE(group_commit, group_commits), "self",
     "self: a write takes all that waits; entry: each entry is a write of its own, to compare with",
     true},
    {"wal.delay", DURATION(delay_ns, 0, 100 * MILLISECOND), "0",
     "a block that is not full waits so long for more; 0: while wal.depth writes are in flight",
     true},
    {"wal.delay_bytes", BYTES(delay_bytes, 0, WW_BLOCK_MAX), "0",
     "... or until it holds so many bytes; 0: until it is full", true},
    {"wal.delay_entries", COUNT(delay_entries, 0, WW_BLOCK_MAX), "0",
     "... or so many entries; 0: no matter how many", true},
    {"wal.padding", BYTES(padding_bytes, WW_BLOCK_ALIGN, WW_PADDING_MAX), "4KiB",
     "writes end at a multiple of this; a power of two", true},
    {"wal.sqpoll", DURATION(sqpoll_ns, 0, 10 * SECOND), "0",
     "a kernel thread submits the writes, and sleeps when idle so long; 0: none"},
    {"wal.fixed_buffers", CHOICE(fixed_buffers, switches), "true",
     "register the log's memory with io_uring"},
    {"wal.repair", CHOICE(repair, repairs), "peers",
     "what is damaged is cut, and the rest fetched from the peers (peers), or refused (never)"},

    {"memory.log_buffer", BYTES(log_buffer_bytes, WW_LOG_BUFFER_MIN, 2 * GIB), "64MiB",
     "the newest part of the log in memory; divides wal.segment or is a multiple of it"},

    {"net.transport", CHOICE(transport, transports), "memif", "memif, af_packet, af_xdp or udp"},
    {"net.mtu", BYTES(mtu, WW_MTU_MIN, WW_MTU_MAX), "9000",
     "bytes of an IP packet; bounds the size of an entry"},
    {"net.sockets", TEXT(socket_dir), "",
     "memif: directory of the sockets, the same for all nodes of a machine; "
     "empty: /tmp/ww- and the name of the cluster"},
    {"net.interface", TEXT(interface), "", "af_packet, af_xdp: the interface of the kernel"},
    {"net.clients", COUNT(client_links, 1, WW_CLIENTS_MAX), "4", "clients at a time"},
    {"net.hugepages", CHOICE(hugepages, hugepages), "auto", "auto (when enough are free) or never"},

    {"stages.threads", COUNT(threads, 1, 3), "1", "1: all stages on one thread; 3: one each"},
    {"stages.idle", CHOICE(idle, idles), "auto",
     "how a thread waits: spin, yield, adaptive, or auto by the number of cores"},
    {"stages.cores", TEXT(cores), "",
     "cores that the threads are pinned to, such as 0,1,2; empty: none"},

    {"trace.every", COUNT(trace_every, 0, 1u << 30), "0",
     "entries of an index that is a multiple of this leave the times of their way; a power of two, "
     "or 0: none", true},
};
/* clang-format on */

const uint32_t ww_config_key_count = sizeof(ww_config_keys) / sizeof(ww_config_keys[0]);
_Static_assert(sizeof(ww_config_keys) / sizeof(ww_config_keys[0]) <= WW_CONFIG_KEYS_MAX,
               "every key has a place for its origin");

const struct ww_config_key *ww_config_key_find(const char *name)
{
    const struct ww_config_key *found = NULL;
    bool full = strchr(name, '.') != NULL;
    for (uint32_t i = 0; i < ww_config_key_count; i++) {
        const char *candidate = ww_config_keys[i].name;
        if (strcmp(full ? candidate : strchr(candidate, '.') + 1, name) != 0)
            continue;
        if (found != NULL)
            return NULL;
        found = &ww_config_keys[i];
    }
    return found;
}

const char *ww_config_key_nearest(const char *name)
{
    const char *nearest = NULL, *end = NULL;
    size_t distance = SIZE_MAX, end_distance = SIZE_MAX;
    for (uint32_t i = 0; i < ww_config_key_count; i++) {
        const char *key = ww_config_keys[i].name;
        ww_nearest_offer(name, key, &nearest, &distance);
        ww_nearest_offer(name, strchr(key, '.') + 1, &end, &end_distance);
    }
    if (strchr(name, '.') != NULL)
        return nearest;
    const struct ww_config_key *key = ww_config_key_find(end);
    return end_distance < distance && key != NULL ? key->name : nearest;
}

static int set_choice(const struct ww_config_key *key, const char *value, uint32_t *choice,
                      const char *where, struct ww_error *error)
{
    char all[128] = "";
    const char *nearest = NULL;
    size_t distance = SIZE_MAX;
    for (uint32_t i = 0; key->choices[i] != NULL; i++) {
        if (strcmp(key->choices[i], value) == 0) {
            *choice = i;
            return WW_OK;
        }
        size_t used = strlen(all);
        snprintf(all + used, sizeof(all) - used, "%s%s", i == 0 ? "" : ", ", key->choices[i]);
        ww_nearest_offer(value, key->choices[i], &nearest, &distance);
    }
    return ww_fail(error, WW_EINVAL, "%s: %s: '%s' is not one of %s; did you mean '%s'?", where,
                   key->name, value, all, nearest);
}

static int set_text(const struct ww_config_key *key, const char *value, char *text,
                    const char *where, struct ww_error *error)
{
    if (strlen(value) >= key->size)
        return ww_fail(error, WW_EINVAL, "%s: %s: longer than %zu characters: '%s'", where,
                       key->name, key->size - 1, value);
    for (const char *c = value; *c != 0; c++)
        if (iscntrl((unsigned char)*c))
            return ww_fail(error, WW_EINVAL, "%s: %s: holds a control character", where, key->name);
    snprintf(text, key->size, "%s", value);
    return WW_OK;
}

static char *format_number(const struct ww_config_key *key, uint64_t number, char *text,
                           size_t size)
{
    if (key->type == WW_KEY_BYTES)
        return ww_format_bytes(number, text, size);
    if (key->type == WW_KEY_DURATION)
        return ww_format_duration(number, text, size);
    snprintf(text, size, "%" PRIu64, number);
    return text;
}

static int parse_number(const struct ww_config_key *key, const char *value, uint64_t *number,
                        const char *where, struct ww_error *error)
{
    const char *why;
    int status = key->type == WW_KEY_BYTES      ? ww_parse_bytes(value, number, &why)
                 : key->type == WW_KEY_DURATION ? ww_parse_duration(value, number, &why)
                                                : ww_parse_count(value, number, &why);
    if (status != WW_OK)
        return ww_fail(error, status, "%s: %s: '%s': %s", where, key->name, value, why);
    char low[32], high[32];
    if (*number < key->min || *number > key->max)
        return ww_fail(error, WW_EINVAL, "%s: %s: '%s' is outside %s .. %s", where, key->name,
                       value, format_number(key, key->min, low, sizeof(low)),
                       format_number(key, key->max, high, sizeof(high)));
    return WW_OK;
}

static int set_value(struct ww_config *config, const struct ww_config_key *key, const char *value,
                     const char *where, struct ww_error *error)
{
    void *field = (char *)config + key->offset;
    if (key->type == WW_KEY_TEXT)
        return set_text(key, value, field, where, error);
    if (key->type == WW_KEY_CHOICE)
        return set_choice(key, value, field, where, error);
    uint64_t number;
    int status = parse_number(key, value, &number, where, error);
    if (status != WW_OK)
        return status;
    if (key->type == WW_KEY_COUNT)
        *(uint32_t *)field = (uint32_t)number;
    else
        *(uint64_t *)field = number;
    return WW_OK;
}

/* What a profile sets; that of "local" are the defaults. */
static const struct {
    const char *name, *values[4]; /* by enum ww_config_profile */
} profile_keys[] = {
    {"raft.heartbeat", {NULL, "500ms", "100ms", "2ms"}},
    {"raft.election_min", {NULL, "2s", "150ms", "10ms"}},
    {"raft.election_max", {NULL, "4s", "500ms", "20ms"}},
    {"raft.retry", {NULL, "500ms", "20ms", "2ms"}},
};

static void apply_profile(struct ww_config *config)
{
    for (size_t i = 0; i < sizeof(profile_keys) / sizeof(profile_keys[0]); i++) {
        const struct ww_config_key *key = ww_config_key_find(profile_keys[i].name);
        const char *value = profile_keys[i].values[config->profile];
        uint8_t *origin = &config->origins[key - ww_config_keys];
        struct ww_error error;
        if (*origin > WW_ORIGIN_PROFILE)
            continue;
        *origin = value != NULL ? WW_ORIGIN_PROFILE : WW_ORIGIN_DEFAULT;
        int status = set_value(config, key, value != NULL ? value : key->fallback, "", &error);
        WW_ASSERT(status == WW_OK);
    }
}

int ww_config_set(struct ww_config *config, const char *name, const char *value,
                  enum ww_config_origin origin, const char *where, struct ww_error *error)
{
    const struct ww_config_key *key = ww_config_key_find(name);
    if (key == NULL)
        return ww_fail(error, WW_EINVAL, "%s: unknown key '%s'; did you mean '%s'?", where, name,
                       ww_config_key_nearest(name));
    int status = set_value(config, key, value, where, error);
    if (status == WW_OK)
        config->origins[key - ww_config_keys] = (uint8_t)origin;
    if (status == WW_OK && key->offset == offsetof(struct ww_config, profile))
        apply_profile(config);
    return status;
}

void ww_config_init(struct ww_config *config)
{
    struct ww_error error;
    memset(config, 0, sizeof(*config));
    for (uint32_t i = 0; i < ww_config_key_count; i++) {
        const struct ww_config_key *key = &ww_config_keys[i];
        int status = set_value(config, key, key->fallback, "default", &error);
        WW_ASSERT(status == WW_OK);
    }
}

char *ww_config_get(const struct ww_config *config, const struct ww_config_key *key, char *text,
                    size_t size)
{
    const void *field = (const char *)config + key->offset;
    if (key->type == WW_KEY_TEXT)
        snprintf(text, size, "%s", (const char *)field);
    else if (key->type == WW_KEY_CHOICE)
        snprintf(text, size, "%s", key->choices[*(const uint32_t *)field]);
    else
        format_number(key,
                      key->type == WW_KEY_COUNT ? *(const uint32_t *)field
                                                : *(const uint64_t *)field,
                      text, size);
    return text;
}

enum ww_config_origin ww_config_origin_of(const struct ww_config *config,
                                          const struct ww_config_key *key)
{
    return (enum ww_config_origin)config->origins[key - ww_config_keys];
}

const char *ww_config_origin_name(enum ww_config_origin origin)
{
    static const char *const names[] = {"default",     "profile", "file",
                                        "environment", "flag",    "live"};
    return names[origin];
}

char *ww_config_variable(const struct ww_config_key *key, char *text, size_t size)
{
    snprintf(text, size, "WW_%s", key->name);
    for (char *c = text; *c != 0; c++)
        *c = (char)(*c == '.' ? '_' : toupper((unsigned char)*c));
    return text;
}
