/* SPDX-License-Identifier: Apache-2.0 */
/* The log as runs of one term each: terms never fall from one entry to the next. */
#include "engine/raft/raft_internal.h"

#include <stdlib.h>
#include <string.h>

int ww_raft_log_create(struct ww_raft_log *log, uint32_t capacity)
{
    log->runs = calloc(capacity, sizeof(*log->runs));
    log->capacity = capacity;
    return log->runs != NULL ? WW_OK : WW_ENOMEM;
}

uint64_t ww_raft_log_last_term(const struct ww_raft_log *log)
{
    return log->count > 0 ? log->runs[log->count - 1].term : log->base_term;
}

void ww_raft_log_append(struct ww_raft_log *log, uint64_t last_index, uint64_t term)
{
    WW_ASSERT(last_index > log->last_index);
    WW_ASSERT(term >= ww_raft_log_last_term(log));
    if (log->count == 0 || term > log->runs[log->count - 1].term) {
        WW_ASSERT(log->count < log->capacity);
        log->runs[log->count++] =
            (struct ww_raft_log_run){.first_index = log->last_index + 1, .term = term};
    }
    log->last_index = last_index;
}

void ww_raft_log_truncate(struct ww_raft_log *log, uint64_t from)
{
    WW_ASSERT(from > log->base_index && from <= log->last_index);
    while (log->count > 0 && log->runs[log->count - 1].first_index >= from)
        log->count--;
    log->last_index = from - 1;
}

static uint32_t find(const struct ww_raft_log *log, uint64_t index)
{
    uint32_t low = 0;
    uint32_t high = log->count - 1;

    WW_ASSERT(index > log->base_index && index <= log->last_index);
    if (log->runs[high].first_index <= index)
        return high;
    while (high - low > 1) { /* runs[low] begins at or below index, runs[high] above */
        uint32_t middle = low + (high - low) / 2;
        if (log->runs[middle].first_index <= index)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void ww_raft_log_compact(struct ww_raft_log *log, uint64_t index)
{
    uint64_t term = ww_raft_log_term_at(log, index);
    uint32_t gone;

    WW_ASSERT(index >= log->base_index && index <= log->last_index);
    if (index == log->base_index)
        return;
    gone = index < log->last_index ? find(log, index + 1) : log->count;
    memmove(log->runs, log->runs + gone, (log->count - gone) * sizeof(*log->runs));
    log->count -= gone;
    if (log->count > 0)
        log->runs[0].first_index = index + 1;
    log->base_index = index;
    log->base_term = term;
}

void ww_raft_log_reset(struct ww_raft_log *log, uint64_t index, uint64_t term)
{
    log->count = 0;
    log->base_index = log->last_index = index;
    log->base_term = term;
}

static uint64_t run_last(const struct ww_raft_log *log, uint32_t run)
{
    return run + 1 < log->count ? log->runs[run + 1].first_index - 1 : log->last_index;
}

uint64_t ww_raft_log_term_at(const struct ww_raft_log *log, uint64_t index)
{
    if (index == log->base_index)
        return log->base_term;
    return index > log->base_index && index <= log->last_index ? log->runs[find(log, index)].term
                                                               : 0;
}

struct ww_raft_run ww_raft_log_run_at(const struct ww_raft_log *log, uint64_t index)
{
    uint32_t run = find(log, index);

    return (struct ww_raft_run){.first_index = log->runs[run].first_index,
                                .last_index = run_last(log, run),
                                .term = log->runs[run].term};
}

uint64_t ww_raft_log_last_of_term(const struct ww_raft_log *log, uint64_t term)
{
    uint32_t low = 0;
    uint32_t high = log->count;

    while (low < high) { /* the first run of a term >= term */
        uint32_t middle = low + (high - low) / 2;
        if (log->runs[middle].term < term)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < log->count && log->runs[low].term == term)
        return run_last(log, low);
    return term == log->base_term ? log->base_index : 0;
}
