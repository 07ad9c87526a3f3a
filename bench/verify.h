/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does every replica hold the same committed entries, and every acknowledged one at its index, byte
 * for byte? Reads the write-ahead logs of stopped nodes.
 */
#ifndef WW_BENCH_VERIFY_H
#define WW_BENCH_VERIFY_H

#include "bench/ack_log.h"
#include "bench/payload.h"
#include "engine/base/error.h"
#include "engine/base/limits.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#define WW_VERIFY_FILE "verify.json"

struct ww_verify_options {
    char directories[WW_NODES_MAX][512]; /* the replicas' data directories */
    uint32_t replicas;
    uint32_t groups;
    uint64_t *commit; /* per group: the position that all replicas had applied */
    struct ww_payload_options payload;
    const char *directory; /* where the load processes left what was acknowledged */
    uint32_t clients;      /* load processes */
};

struct ww_verified {
    bool replicas_identical;
    uint64_t entries; /* committed data entries of a replica, all groups */
    uint64_t acknowledged;
    uint64_t lost;       /* acknowledged, but not at their index; of the replica that lacks most */
    uint64_t bytes_read; /* of all logs */
    char detail[640];    /* the first thing that is wrong; empty when nothing is */
};

/* Fails only when the check itself cannot run; what it finds is in *verified. */
int ww_verify_logs(const struct ww_verify_options *options, struct ww_verified *verified,
                   struct ww_error *error);

/*
 * The options as a file beside the replicas' directories, so that the check can be made again
 * (`ww probe --verify DIR`). Reading allocates options->commit; the strings belong to *storage,
 * which json_object_put frees.
 */
int ww_verify_options_write(const struct ww_verify_options *options, const char *path,
                            struct ww_error *error);
int ww_verify_options_read(struct ww_verify_options *options, const char *path,
                           struct json_object **storage, struct ww_error *error);

static inline bool ww_verified_good(const struct ww_verified *verified)
{
    return verified->replicas_identical && verified->lost == 0;
}

#endif
