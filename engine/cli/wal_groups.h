/* SPDX-License-Identifier: Apache-2.0 */
/* What a log on disk says of each group, gathered batch by batch. */
#ifndef WW_CLI_WAL_GROUPS_H
#define WW_CLI_WAL_GROUPS_H

#include "engine/base/limits.h"
#include "engine/wire/block.h"

#include <whitewater/status.h>

#include <stdbool.h>
#include <stdint.h>

struct ww_wal_group {
    bool seen;
    uint64_t term, vote;     /* of the last hard-state record */
    uint64_t snapshot_index; /* of the last snapshot record; the log begins behind it */
    uint64_t snapshot_term;
    uint64_t first_index; /* of the entries that are kept */
    uint64_t last_index;  /* 0: there are none */
    uint64_t last_term;
    uint64_t entry_bytes;  /* batches that hold entries, replaced ones too */
    uint64_t missing_from; /* entries that are not in the log although later ones are; 0: none */
    uint64_t missing_to;
};

struct ww_wal_groups {
    struct ww_wal_group *groups; /* WW_GROUPS_MAX */
    uint32_t count;              /* one more than the greatest number that was seen */
};

int ww_wal_groups_init(struct ww_wal_groups *groups); /* WW_ENOMEM */
void ww_wal_groups_free(struct ww_wal_groups *groups);

/* A ww_log_survey_block; `context` is the groups. */
int ww_wal_groups_block(void *context, const struct ww_block_header *block);

#endif
