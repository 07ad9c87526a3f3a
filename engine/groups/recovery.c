/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/groups/recovery.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int ww_group_recovery_init(struct ww_group_recovery *recovery, uint32_t groups,
                           uint64_t segment_bytes)
{
    *recovery = (struct ww_group_recovery){.group_count = groups};
    recovery->groups = calloc(groups, sizeof(*recovery->groups));
    for (uint32_t i = 0; recovery->groups != NULL && i < groups; i++)
        recovery->groups[i].index.segment_bytes = segment_bytes;
    return recovery->groups != NULL ? WW_OK : WW_ENOMEM;
}

void ww_group_recovery_free(struct ww_group_recovery *recovery)
{
    for (uint32_t i = 0; recovery->groups != NULL && i < recovery->group_count; i++) {
        free(recovery->groups[i].runs);
        ww_log_index_free(&recovery->groups[i].index);
    }
    free(recovery->groups);
    recovery->groups = NULL;
}

static uint64_t last_index(const struct ww_recovered_group *group)
{
    return group->run_count > 0 ? group->runs[group->run_count - 1].last_index : group->base_index;
}

/* A batch that begins at or below the last index replaces the log from there on. */
static void truncate(struct ww_recovered_group *group, uint64_t first_index)
{
    if (first_index > last_index(group))
        return;
    while (group->run_count > 0 && group->runs[group->run_count - 1].first_index >= first_index)
        group->run_count--;
    if (group->run_count > 0)
        group->runs[group->run_count - 1].last_index = first_index - 1;
    ww_log_index_truncate(&group->index, first_index);
    while (group->configuration_count > 0 &&
           group->configurations[group->configuration_count - 1].index >= first_index)
        group->configuration_count--;
}

static uint64_t term_at(const struct ww_recovered_group *group, uint64_t index)
{
    if (index == group->base_index)
        return group->base_term;
    for (size_t i = 0; i < group->run_count; i++) {
        if (group->runs[i].first_index <= index && index <= group->runs[i].last_index)
            return group->runs[i].term;
    }
    return 0;
}

/* Nothing that is there belongs to the log, which goes on at `first_index`. */
static void empty(struct ww_recovered_group *group, uint64_t first_index)
{
    truncate(group, 0);
    group->first_index = first_index;
}

/* Entries up to `index` leave at the front, but for readers those below `first_index`. */
static void compact(struct ww_recovered_group *group, uint64_t index, uint64_t first_index)
{
    size_t runs = 0, configurations = 0;
    while (runs < group->run_count && group->runs[runs].last_index <= index)
        runs++;
    if (runs > 0) {
        group->run_count -= runs;
        memmove(group->runs, group->runs + runs, group->run_count * sizeof(*group->runs));
    }
    if (group->run_count > 0 && group->runs[0].first_index <= index)
        group->runs[0].first_index = index + 1;
    while (configurations < group->configuration_count &&
           group->configurations[configurations].index <= index)
        configurations++;
    group->configuration_count -= configurations;
    memmove(group->configurations, group->configurations + configurations,
            group->configuration_count * sizeof(group->configurations[0]));
    if (group->run_count > 0 || first_index <= index)
        ww_log_index_compact(&group->index, first_index);
    else
        ww_log_index_truncate(&group->index, 0);
    group->first_index = first_index;
}

/*
 * The record of a snapshot, taken here or installed: figure 13 of the paper. When the log has its
 * last entry, what follows that entry stays; else the log is emptied. Entries of a log whose begin
 * was released may be those of an earlier one, which an install that is not in sight any more did
 * away with: outside of the first and last index that the record names.
 */
static int take_snapshot(struct ww_group_recovery *recovery, struct ww_recovered_group *group,
                         const struct ww_batch_header *batch)
{
    if (batch->first_index < group->base_index)
        return ww_fail(&recovery->error, WW_EDAMAGED,
                       "group %" PRIu32 ": the snapshot at index %" PRIu64
                       " is recorded behind that at %" PRIu64,
                       batch->group, batch->first_index, group->base_index);
    uint64_t index = batch->first_index, first = batch->session, last = batch->first_sequence;
    if (last != 0)
        truncate(group, last + 1);
    if (last != 0 ? last_index(group) == last : term_at(group, index) == batch->term)
        compact(group, index,
                last == 0                    ? index + 1
                : first > group->first_index ? first
                                             : group->first_index);
    else
        empty(group, index + 1);
    group->base_index = index;
    group->base_term = batch->term;
    return WW_OK;
}

static void take_configuration(struct ww_recovered_group *group,
                               const struct ww_batch_header *batch)
{
    struct ww_raft_placed_configuration placed = {.index = batch->first_index};
    if (!ww_batch_configuration(batch, &placed.configuration))
        return;
    if (group->configuration_count == 2)
        group->configurations[0] = group->configurations[--group->configuration_count];
    group->configurations[group->configuration_count++] = placed;
}

static int append(struct ww_recovered_group *group, uint64_t first_index,
                  const struct ww_batch_header *batch)
{
    if (group->run_count > 0 && group->runs[group->run_count - 1].term == batch->term) {
        group->runs[group->run_count - 1].last_index = ww_batch_last_index(batch);
        return WW_OK;
    }
    if (group->run_count == group->run_capacity) {
        size_t capacity = group->run_capacity == 0 ? 16 : group->run_capacity * 2;
        struct ww_raft_run *runs = realloc(group->runs, capacity * sizeof(*runs));
        if (runs == NULL)
            return WW_ENOMEM;
        group->runs = runs;
        group->run_capacity = capacity;
    }
    group->runs[group->run_count++] = (struct ww_raft_run){
        .first_index = first_index,
        .last_index = ww_batch_last_index(batch),
        .term = batch->term,
    };
    return WW_OK;
}

void ww_group_recovery_take_term(struct ww_recovered_group *group)
{
    uint64_t seen =
        group->run_count > 0 ? group->runs[group->run_count - 1].term : group->base_term;
    if (group->term >= seen)
        return;
    group->term = seen;
    group->vote = 0;
}

void ww_group_recovery_anew(struct ww_recovered_group *group)
{
    empty(group, 0);
    group->base_index = group->base_term = 0;
    group->snapshot_end = 0;
    group->known_position = 0;
    group->forgot = true;
}

static void take_hard_state(struct ww_recovered_group *group, const struct ww_batch_header *batch,
                            uint64_t position)
{
    bool known = (batch->first_index & WW_HARD_STATE_KNOWN) != 0;
    if (batch->first_index & WW_HARD_STATE_ANEW)
        ww_group_recovery_anew(group);
    group->term = batch->term;
    group->vote = ww_batch_vote(batch);
    if (known)
        group->known_position = position + 1;
    group->forgot = !known;
    group->hard_state_end = position + batch->size_bytes;
}

int ww_group_recovery_visit(void *context, uint64_t block_position, uint32_t offset,
                            const struct ww_batch_header *batch)
{
    struct ww_group_recovery *recovery = context;
    if (batch->group >= recovery->group_count)
        return ww_fail(&recovery->error, WW_EINVAL,
                       "the log holds group %" PRIu32 ", but raft.groups is %" PRIu32
                       ": set it to at least %" PRIu32,
                       batch->group, recovery->group_count, batch->group + 1);
    struct ww_recovered_group *group = &recovery->groups[batch->group];
    recovery->released = recovery->begun ? recovery->released : block_position > 0;
    recovery->begun = true;
    if (batch->kind == WW_BATCH_HARD_STATE) {
        take_hard_state(group, batch, block_position + offset);
        return WW_OK;
    }
    if (batch->kind == WW_BATCH_SNAPSHOT) {
        group->snapshot_end = block_position + offset + batch->size_bytes;
        return take_snapshot(recovery, group, batch);
    }
    if (batch->time_ns > group->time_ns)
        group->time_ns = batch->time_ns;
    /* Entries that joined the log while a snapshot was being installed may lie below its end. */
    if (ww_batch_last_index(batch) <= group->base_index)
        return WW_OK;
    uint64_t first_index =
        batch->first_index > group->base_index ? batch->first_index : group->base_index + 1;
    bool gap = first_index > last_index(group) + 1;
    if (gap && !recovery->released)
        return ww_fail(&recovery->error, WW_EDAMAGED,
                       "group %" PRIu32 ": entries %" PRIu64 " to %" PRIu64
                       " are missing before stream position %" PRIu64,
                       batch->group, last_index(group) + 1, first_index - 1,
                       block_position + offset);
    if (gap)
        empty(group, first_index);
    truncate(group, first_index);
    if (group->first_index == 0 || group->first_index > first_index)
        group->first_index = first_index;
    take_configuration(group, batch);
    int status = append(group, first_index, batch);
    struct ww_log_point point = {first_index, block_position, batch->time_ns, offset};
    if (status != WW_OK || !ww_log_index_add(&group->index, point, batch->size_bytes))
        return ww_fail(&recovery->error, WW_ENOMEM, "no memory for the index of the log");
    return WW_OK;
}

int ww_group_recovery_check(const struct ww_recovered_group *group, struct ww_error *error)
{
    if (group->run_count == 0 || group->runs[0].first_index == group->base_index + 1)
        return WW_OK;
    return ww_fail(error, WW_EDAMAGED,
                   "entries %" PRIu64 " to %" PRIu64 " are in no snapshot, and missing in the log",
                   group->base_index + 1, group->runs[0].first_index - 1);
}
