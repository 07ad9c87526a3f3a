/* SPDX-License-Identifier: Apache-2.0 */
/* What the nodes say of themselves (their admin endpoint) and the kernel of them, at one moment. */
#ifndef WW_BENCH_SAMPLE_H
#define WW_BENCH_SAMPLE_H

#include "bench/environment.h"
#include "engine/base/error.h"
#include "engine/base/limits.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What only grows while a node runs. Fields of uint64_t alone: differences are taken of all. */
struct ww_node_counts {
    uint64_t applied; /* entries, all groups */
    uint64_t wal_bytes, wal_writes, wal_flushes;
    uint64_t wal_prepared_bytes;  /* zeros written ahead of use */
    uint64_t rx_frames, rx_bytes; /* whole frames that arrived */
    uint64_t drops;
    uint64_t work_cycles, empty_cycles;
    uint64_t write_sizes[WW_WRITE_SIZES]; /* writes of the log by entries: up to 2^i in number i */
    uint64_t trace_dropped, trace_cycles; /* records without room; what recording took */
    uint64_t cpu_ns;                      /* of all threads */
};

struct ww_node_sample {
    struct ww_node_counts counts;
    uint64_t resident_bytes;
    pid_t pid;                  /* 0: the node gave no answer, and nothing of it is known */
    struct json_object *status; /* all that the node said */
};

struct ww_cluster_sample {
    struct ww_node_sample nodes[WW_NODES_MAX];
    uint32_t count;
    struct ww_cpu_time cpu; /* of the machine */
};

/* How much was counted in all measured slices. A node that did not run through each of them, as the
 * same process, is left out of all figures: `through` is false. */
struct ww_cluster_change {
    struct ww_node_counts nodes[WW_NODES_MAX];
    bool through[WW_NODES_MAX];
    uint32_t slices; /* that were added */
    struct ww_cpu_time cpu;
};

/* Asks the node at `endpoint`, whose process is `pid`. */
int ww_node_sample(const char *endpoint, pid_t pid, struct ww_node_sample *sample,
                   struct ww_error *error);
void ww_cluster_sample_free(struct ww_cluster_sample *sample);

/* Adds what was counted between the begin and the end of one slice. */
void ww_cluster_change_add(struct ww_cluster_change *change, const struct ww_cluster_sample *begin,
                           const struct ww_cluster_sample *end);

/* The last applied index and its digest per group. WW_EBUSY: it is not durable there yet, though a
 * quorum of others has it. */
int ww_node_applied(const struct ww_node_sample *sample, uint32_t groups, uint64_t *applied,
                    uint64_t *digest, struct ww_error *error);

#endif
