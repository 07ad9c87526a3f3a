/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a group's entries are on disk: a sparse index, one point per WW_LOG_INDEX_STRIDE bytes of
 * the group, and one at every place where the log was truncated and written anew. From the point at
 * or below an index, the first batch met in the stream that holds the index is the one in the log,
 * as long as the index is below the next point.
 */
#ifndef WW_GROUPS_LOG_INDEX_H
#define WW_GROUPS_LOG_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ww_log_point {
    uint64_t first_index;
    uint64_t block;  /* position of the block */
    uint32_t offset; /* of the batch in the block */
};

struct ww_log_index {
    struct ww_log_point *points;
    size_t count;
    size_t capacity;
    uint64_t bytes_since; /* of the group, since the last point */
    bool force;           /* the log was truncated: the next batch is a point */
};

void ww_log_index_free(struct ww_log_index *index);

/* A batch joined the log. Without memory the index just gets sparser, except after a truncation,
 * where a missing point would be wrong: then it returns false. */
bool ww_log_index_add(struct ww_log_index *index, uint64_t first_index, uint64_t block,
                      uint32_t offset, uint32_t bytes);

/* Entries >= first_index left the log. */
void ww_log_index_truncate(struct ww_log_index *index, uint64_t first_index);

/* Entries below first_index left the log. */
void ww_log_index_compact(struct ww_log_index *index, uint64_t first_index);

/* The point to read `index` from, or NULL; *limit is the first index that it does not reach. */
const struct ww_log_point *ww_log_index_find(const struct ww_log_index *index, uint64_t entry_index,
                                             uint64_t *limit);

#endif
