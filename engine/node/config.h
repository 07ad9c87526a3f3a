/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of one node, read from YAML, environment (WW_…) and flags through one table of
 * keys (config_keys.c), which also feeds `ww config show --origin` and docs/configuration.md.
 */
#ifndef WW_NODE_CONFIG_H
#define WW_NODE_CONFIG_H

#include "engine/base/error.h"
#include "engine/base/idle.h"
#include "engine/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define WW_CONFIG_KEYS_MAX 48u

enum ww_config_transport { WW_CONFIG_MEMIF, WW_CONFIG_AF_PACKET, WW_CONFIG_AF_XDP, WW_CONFIG_UDP };
enum ww_config_durability {
    WW_CONFIG_DSYNC,
    WW_CONFIG_FDATASYNC,
    WW_CONFIG_BUFFERED,
    WW_CONFIG_MEMORY,
};
enum ww_config_group { WW_CONFIG_GROUP_SELF, WW_CONFIG_GROUP_ENTRY };
enum ww_config_repair { WW_CONFIG_REPAIR_PEERS, WW_CONFIG_REPAIR_NEVER };
/* Which times suit the network: what raft.heartbeat, election_min, election_max and retry are when
 * they are not given. */
enum ww_config_profile { WW_CONFIG_LOCAL, WW_CONFIG_WAN, WW_CONFIG_LAN, WW_CONFIG_FAST };
enum ww_config_machine { WW_CONFIG_MACHINE_LOG, WW_CONFIG_MACHINE_KV };
enum ww_config_hugepages { WW_CONFIG_HUGEPAGES_AUTO, WW_CONFIG_HUGEPAGES_NEVER };

struct ww_config_node {
    uint32_t id;       /* 1..WW_NODES_MAX */
    char address[16];  /* IPv4; default 10.77.0.ID (udp: 127.0.0.1) */
    uint32_t port;     /* UDP; default WW_UDP_PORT_DEFAULT (udp: + ID) */
    char mac[18];      /* default 02:57:57:00:00:ID */
    char admin[64];    /* HOST:PORT of its HTTP endpoint */
    uint32_t priority; /* as leader: a higher one is preferred */
    /* How it begins, before any change of the membership: a voter, a learner, or no member at
     * all, which waits to be added. */
    bool learner; /* voter: false */
    bool join;
};

struct ww_config {
    char cluster_name[64]; /* cluster.name: datagrams of other clusters are dropped */
    struct ww_config_node nodes[WW_NODES_MAX]; /* cluster.nodes: a list of {id, admin, ...} */
    uint32_t node_count;
    uint32_t node_id;      /* node.id */
    char data_dir[256];    /* node.data */
    uint32_t machine;      /* node.machine: enum ww_config_machine */
    uint64_t kv_map_bytes; /* node.kv_map */

    uint32_t groups;             /* raft.groups */
    uint32_t profile;            /* raft.profile: enum ww_config_profile */
    uint64_t heartbeat_ns;       /* raft.heartbeat */
    uint64_t election_min_ns;    /* raft.election_min */
    uint64_t election_max_ns;    /* raft.election_max */
    uint32_t adaptive;           /* raft.adaptive: 0 or 1 */
    uint64_t retry_ns;           /* raft.retry */
    uint64_t window_bytes;       /* raft.window */
    uint32_t leases;             /* raft.leases: 0 or 1 */
    uint32_t clock_drift_ppm;    /* raft.clock_drift */
    uint64_t session_timeout_ns; /* raft.session_timeout */
    uint32_t snapshot_entries;   /* raft.snapshot_entries; 0: never */
    uint32_t snapshot_keep;      /* raft.snapshot_keep */

    uint32_t durability;     /* wal.durability: enum ww_config_durability */
    uint64_t segment_bytes;  /* wal.segment */
    uint64_t prepare_bytes;  /* wal.prepare */
    uint64_t max_bytes;      /* wal.max */
    uint64_t retain_bytes;   /* wal.retain; 0: no limit */
    uint64_t retain_time_ns; /* wal.retain_time; 0: no limit */
    uint64_t block_bytes;    /* wal.block: largest block */
    uint32_t write_depth;    /* wal.depth */
    uint32_t repair;         /* wal.repair: enum ww_config_repair */
    uint64_t padding_bytes;  /* wal.padding */
    uint32_t group_commit;   /* wal.group: enum ww_config_group */
    uint64_t delay_ns;       /* wal.delay */
    uint64_t delay_bytes;    /* wal.delay_bytes */
    uint32_t delay_entries;  /* wal.delay_entries */
    uint64_t sqpoll_ns;      /* wal.sqpoll */
    uint32_t fixed_buffers;  /* wal.fixed_buffers: 0 or 1 */

    uint64_t log_buffer_bytes; /* memory.log_buffer */

    uint32_t transport;    /* net.transport: enum ww_config_transport */
    uint64_t mtu;          /* net.mtu */
    char socket_dir[108];  /* net.sockets: directory of the memif sockets */
    char interface[32];    /* net.interface: af_packet, af_xdp */
    uint32_t client_links; /* net.clients */
    uint32_t hugepages;    /* net.hugepages: enum ww_config_hugepages */

    uint32_t threads; /* stages.threads: 1 (all stages on one) or 3 (one each) */
    uint32_t idle;    /* stages.idle: enum ww_idle_kind; auto by number of cores */
    char cores[32];   /* stages.cores: "" (no pinning) or a list such as "0,1,2" */

    uint32_t trace_every; /* trace.every; 0: no entry is traced */

    uint8_t origins[WW_CONFIG_KEYS_MAX]; /* of each key: enum ww_config_origin */
};

/* Where a value came from; one that raft.profile sets never replaces one that was given. */
enum ww_config_origin {
    WW_ORIGIN_DEFAULT,
    WW_ORIGIN_PROFILE,
    WW_ORIGIN_FILE,
    WW_ORIGIN_ENVIRONMENT,
    WW_ORIGIN_FLAG,
    WW_ORIGIN_LIVE, /* changed while the node runs */
};

void ww_config_init(struct ww_config *config); /* the defaults */

/* Reads a YAML file over `config`. Errors name file, line, key, and the nearest known key. */
int ww_config_read(struct ww_config *config, const char *path, struct ww_error *error);

/* Applies every WW_… variable: WW_WAL_DURABILITY=dsync is wal.durability. Unknown: an error, but
 * for those of the command line's global flags (WW_ENDPOINT ...). */
int ww_config_environment(struct ww_config *config, struct ww_error *error);

/* Sets one scalar key from text; `where` ("x.yaml line 3", "--durability") is for the error. */
int ww_config_set(struct ww_config *config, const char *key, const char *value,
                  enum ww_config_origin origin, const char *where, struct ww_error *error);

/* Checks everything together (ranges, sizes that must divide, node in list) and fills defaults. */
int ww_config_validate(struct ww_config *config, struct ww_error *error);

/* Writes a YAML file that ww_config_read reads back to the same values. */
int ww_config_write(const struct ww_config *config, FILE *file);

/* The same of those keys alone that were given: by a file, the environment, a flag. */
int ww_config_write_given(const struct ww_config *config, FILE *file);

#endif
