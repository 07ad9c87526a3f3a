/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rebuilds, batch by batch, what the groups need to know of a recovered stream. Its first part may
 * have been released (docs/wal.md): then the first batch of a group may have any index, and what is
 * missing before it must be in a snapshot that is recorded later.
 */
#ifndef WW_GROUPS_RECOVERY_H
#define WW_GROUPS_RECOVERY_H

#include "engine/base/error.h"
#include "engine/groups/log_index.h"
#include "engine/raft/raft.h"
#include "engine/wire/batch.h"
#include "engine/wire/configuration.h"

struct ww_recovered_group {
    uint64_t term;
    uint32_t vote;
    uint64_t known_position; /* below it this node last wrote that it knew its promises; 0: never */
    bool forgot;             /* and behind that, that it did not */
    uint64_t base_index, base_term; /* the end of the last snapshot: the log is behind it; or 0 */
    uint64_t first_index; /* entries from here on are there, those up to the base for readers only;
                           * 0: there never were any */
    struct ww_raft_run *runs;
    size_t run_count, run_capacity;
    /* The last ones of the log, ascending: all that may be needed, since no second one is appended
     * before the one before it is committed. */
    struct ww_raft_placed_configuration configurations[2];
    size_t configuration_count;
    uint64_t time_ns;                      /* the greatest log time of a batch */
    uint64_t hard_state_end, snapshot_end; /* positions behind the last records; 0: none */
    struct ww_log_index index;
};

struct ww_group_recovery {
    struct ww_recovered_group *groups;
    uint32_t group_count;
    bool begun;            /* the first batch was visited */
    bool released;         /* and it was not that at the stream's begin */
    struct ww_error error; /* set when the visitor refuses a batch */
    uint32_t lost_groups;  /* that began anew when the shard was created, since what they rest on */
    struct ww_error lost;  /* is lost: what and why, of the first */
};

/* `segment_bytes`: of the stream, for the indexes of the logs. */
int ww_group_recovery_init(struct ww_group_recovery *recovery, uint32_t groups,
                           uint64_t segment_bytes);
void ww_group_recovery_free(struct ww_group_recovery *recovery);

/* A ww_log_visit; `context` is the recovery. */
int ww_group_recovery_visit(void *context, uint64_t block_position, uint32_t offset,
                            const struct ww_batch_header *batch);

/* All was visited: is all there behind the last snapshot? WW_EDAMAGED. */
int ww_group_recovery_check(const struct ww_recovered_group *group, struct ww_error *error);

/* The record of a term may be lost, that of an entry of it not. */
void ww_group_recovery_take_term(struct ww_recovered_group *group);

/* Nothing is left of the group but its term and vote. */
void ww_group_recovery_anew(struct ww_recovered_group *group);

#endif
