/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/groups/log_index.h"

#include "engine/base/limits.h"

#include <stdlib.h>
#include <string.h>

void ww_log_index_free(struct ww_log_index *index)
{
    free(index->points);
    *index = (struct ww_log_index){0};
}

/* Grows by doubling: once per 64 KiB x capacity of log, so at no cost that a commit could feel. */
static bool grow(struct ww_log_index *index)
{
    size_t capacity = index->capacity == 0 ? 64 : index->capacity * 2;
    struct ww_log_point *points = realloc(index->points, capacity * sizeof(*points));
    if (points == NULL)
        return false;
    index->points = points;
    index->capacity = capacity;
    return true;
}

/* Is the place in a later segment than the last point? */
static bool in_next_segment(const struct ww_log_index *index, uint64_t block)
{
    uint64_t size = index->segment_bytes;
    return size > 0 && block / size > index->points[index->count - 1].block / size;
}

bool ww_log_index_add(struct ww_log_index *index, struct ww_log_point batch, uint32_t bytes)
{
    index->bytes_since += bytes;
    bool due = index->count == 0 || index->force || index->bytes_since >= WW_LOG_INDEX_STRIDE ||
               in_next_segment(index, batch.block);
    if (!due)
        return true;
    if (index->count == index->capacity && !grow(index)) {
        index->segment_bytes = 0; /* not every segment has its point any more */
        return !index->force;
    }
    index->points[index->count++] = batch;
    index->bytes_since = 0;
    index->force = false;
    return true;
}

void ww_log_index_truncate(struct ww_log_index *index, uint64_t first_index)
{
    while (index->count > 0 && index->points[index->count - 1].first_index >= first_index)
        index->count--;
    index->force = true;
}

void ww_log_index_compact(struct ww_log_index *index, uint64_t first_index)
{
    size_t drop = 0;
    /* A point is needed until the next one serves the first entry as well. */
    while (drop + 1 < index->count && index->points[drop + 1].first_index <= first_index)
        drop++;
    if (drop == 0)
        return;
    index->count -= drop;
    memmove(index->points, index->points + drop, index->count * sizeof(*index->points));
}

/* Where the batches end that are found from point `number`. */
static uint64_t end_of(const struct ww_log_index *index, size_t number)
{
    if (number + 1 < index->count)
        return index->points[number + 1].block + index->points[number + 1].offset;
    uint64_t size = index->segment_bytes;
    return size > 0 ? (index->points[number].block / size + 1) * size : UINT64_MAX;
}

uint64_t ww_log_index_cut(const struct ww_log_index *index, uint64_t position, uint64_t time_ns,
                          uint64_t next_index)
{
    size_t number = 0;
    while (number < index->count &&
           (end_of(index, number) <= position || (time_ns > 0 && number + 1 < index->count &&
                                                  index->points[number + 1].time_ns <= time_ns)))
        number++;
    return number < index->count ? index->points[number].first_index : next_index;
}

const struct ww_log_point *ww_log_index_find(const struct ww_log_index *index, uint64_t entry_index,
                                             uint64_t *limit)
{
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (index->points[middle].first_index <= entry_index)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    *limit = low < index->count ? index->points[low].first_index : UINT64_MAX;
    return &index->points[low - 1];
}
