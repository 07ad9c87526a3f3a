/* SPDX-License-Identifier: Apache-2.0 */
/* Rebuilds, batch by batch, what the groups need to know of a recovered stream. */
#ifndef WW_GROUPS_RECOVERY_H
#define WW_GROUPS_RECOVERY_H

#include "engine/base/error.h"
#include "engine/groups/log_index.h"
#include "engine/raft/raft.h"
#include "engine/wire/batch.h"

struct ww_recovered_group {
    uint64_t term;
    uint32_t vote;
    struct ww_raft_run *runs;
    size_t run_count, run_capacity;
    struct ww_log_index index;
};

struct ww_group_recovery {
    struct ww_recovered_group *groups;
    uint32_t group_count;
    struct ww_error error; /* set when the visitor refuses a batch */
};

int ww_group_recovery_init(struct ww_group_recovery *recovery, uint32_t groups);
void ww_group_recovery_free(struct ww_group_recovery *recovery);

/* A ww_log_visit; `context` is the recovery. */
int ww_group_recovery_visit(void *context, uint64_t block_position, uint32_t offset,
                            const struct ww_batch_header *batch);

#endif
