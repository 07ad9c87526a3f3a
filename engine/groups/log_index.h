/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a group's entries are on disk: a sparse index, one point per WW_LOG_INDEX_STRIDE bytes of
 * the group, one at its first batch in every segment, and one at every place where the log was
 * truncated and written anew. From the point at or below an index, the first batch met in the
 * stream that holds the index is the one in the log, as long as the index is below the next point.
 */
#ifndef WW_GROUPS_LOG_INDEX_H
#define WW_GROUPS_LOG_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ww_log_point {
    uint64_t first_index;
    uint64_t block;   /* position of the block */
    uint64_t time_ns; /* log time of the batch */
    uint32_t offset;  /* of the batch in the block */
};

struct ww_log_index {
    struct ww_log_point *points;
    size_t count;
    size_t capacity;
    uint64_t bytes_since;   /* of the group, since the last point */
    uint64_t segment_bytes; /* of the stream; 0: points do not mind segments */
    bool force;             /* the log was truncated: the next batch is a point */
};

void ww_log_index_free(struct ww_log_index *index);

/* A batch of `bytes` at that point joined the log. Without memory the index just gets sparser,
 * except after a truncation, where a missing point would be wrong: then it returns false. */
bool ww_log_index_add(struct ww_log_index *index, struct ww_log_point batch, uint32_t bytes);

/* Entries >= first_index left the log. */
void ww_log_index_truncate(struct ww_log_index *index, uint64_t first_index);

/* Entries below first_index left the log. */
void ww_log_index_compact(struct ww_log_index *index, uint64_t first_index);

/*
 * The first entry that stays when all go whose batches lie below `position`, and all of a log time
 * up to `time_ns` (0: none): never too much goes, and less only up to the next point. `next_index`
 * is that behind the last entry.
 */
uint64_t ww_log_index_cut(const struct ww_log_index *index, uint64_t position, uint64_t time_ns,
                          uint64_t next_index);

/* The point to read `index` from, or NULL; *limit is the first index that it does not reach. */
const struct ww_log_point *ww_log_index_find(const struct ww_log_index *index, uint64_t entry_index,
                                             uint64_t *limit);

#endif
