/* SPDX-License-Identifier: Apache-2.0 */
/* APPLY: runs the state machine on committed entries, in place, and reports how far it came. */
#include "engine/base/assert.h"
#include "engine/groups/group.h"
#include "engine/stages/stages_internal.h"

#include <stdlib.h>

int ww_apply_create(struct ww_shard *shard)
{
    shard->apply = calloc(1, sizeof(*shard->apply));
    if (shard->apply == NULL)
        return WW_ENOMEM;
    shard->apply->sessions = calloc(shard->options.groups, sizeof(*shard->apply->sessions));
    return shard->apply->sessions != NULL ? WW_OK : WW_ENOMEM;
}

void ww_apply_destroy(struct ww_apply *apply)
{
    if (apply != NULL)
        free(apply->sessions);
    free(apply);
}

/* The machine's view of the entries [from, item->to] of the item's batch. */
static struct ww_apply_run run_of(const struct ww_committed *item, uint64_t from)
{
    const struct ww_batch_header *batch = item->batch;
    uint32_t begin = sizeof(*batch);
    uint32_t end = begin + ww_batch_entries_bytes(batch);
    if (from != batch->first_index || item->to != ww_batch_last_index(batch)) {
        struct ww_entry entry;
        uint32_t cursor = 0;
        uint32_t before = begin;
        while (ww_batch_next(batch, &cursor, &entry) && entry.index <= item->to) {
            if (entry.index == from)
                begin = before;
            before = cursor;
            end = cursor;
        }
    }
    return (struct ww_apply_run){
        .group = batch->group,
        .count = (uint32_t)(item->to - from + 1),
        .first_index = from,
        .term = batch->term,
        .entries = (const uint8_t *)batch + begin,
        .entries_bytes = end - begin,
    };
}

static void report(struct ww_shard *shard, struct ww_applied *applied)
{
    struct ww_state_machine *machine = shard->machine;
    if (machine->digest != NULL)
        applied->digest = machine->digest(machine->self, applied->group);
    bool pushed = ww_ring_push(&shard->applied, applied);
    WW_ASSERT(pushed);
}

/* What the machine must not apply it gets without its bytes, so that it knows its position. */
static int run_machine(const struct ww_state_machine *machine, const struct ww_committed *item,
                       uint64_t skipped)
{
    int status = WW_OK;
    if (skipped > 0) {
        struct ww_apply_run without = {
            .group = item->group,
            .count = (uint32_t)skipped,
            .first_index = item->from,
            .term = item->batch->term,
        };
        status = machine->apply(machine->self, &without);
    }
    if (status == WW_OK && item->from + skipped <= item->to) {
        struct ww_apply_run run = run_of(item, item->from + skipped);
        status = machine->apply(machine->self, &run);
    }
    return status;
}

/* A batch of which all was applied is reported with those behind it, unless it is the last. */
static int apply_batch(struct ww_shard *shard, const struct ww_committed *item, bool last)
{
    struct ww_applied applied = {.kind = WW_APPLY_BATCH, .group = item->group, .index = item->to};
    struct ww_trace *trace = &shard->traces[WW_STAGE_APPLY];
    struct ww_trace_record place = {.group = item->group, .point = WW_TRACE_TAKEN};
    ww_trace_range(trace, place, item->from, item->to);
    ww_apply_sessions(shard, item, &applied);
    int status = run_machine(shard->machine, item, applied.skipped);
    place.point = WW_TRACE_APPLIED;
    ww_trace_range(trace, place, item->from, item->to);
    if (status != WW_OK)
        ww_shard_fence(shard, status, "the state machine refused a committed entry");
    else if (last || applied.skipped_from != 0)
        report(shard, &applied);
    return status;
}

static void answer(struct ww_shard *shard, const struct ww_committed *item)
{
    const struct ww_state_machine *machine = shard->machine;
    struct ww_applied applied = {.kind = item->kind, .group = item->group, .slot = item->slot};
    if (item->kind == WW_APPLY_LOOKUP)
        ww_apply_lookup(shard, item);
    else
        applied.status = machine->query(machine->self, item->group, item->query->request,
                                        item->query->request_bytes, item->query->answer,
                                        &item->query->answer_bytes);
    bool pushed = ww_ring_push(&shard->applied, &applied);
    WW_ASSERT(pushed);
}

static void save(struct ww_shard *shard, const struct ww_committed *item)
{
    struct ww_applied applied = {
        .kind = WW_APPLY_SAVE,
        .group = item->group,
        .status = ww_apply_save(shard, item->job),
    };
    bool pushed = ww_ring_push(&shard->applied, &applied);
    WW_ASSERT(pushed);
}

static int restore(struct ww_shard *shard, const struct ww_committed *item)
{
    struct ww_applied applied = {.kind = WW_APPLY_RESTORE,
                                 .group = item->group,
                                 .index = item->job->about.index};
    int status = ww_apply_restore(shard, item->job);
    if (status != WW_OK)
        ww_shard_fence(shard, status, "a snapshot could not be restored");
    else
        report(shard, &applied);
    return status;
}

uint32_t ww_apply_work(struct ww_shard *shard)
{
    struct ww_apply *apply = shard->apply;
    uint32_t room = ww_ring_free(&shard->applied);
    uint32_t count =
        ww_ring_pop(&shard->committed, apply->items, room < WW_APPLY_ITEMS ? room : WW_APPLY_ITEMS);
    for (uint32_t i = 0; i < count; i++) {
        const struct ww_committed *item = &apply->items[i];
        /* One report covers all neighbouring batches of the group. */
        bool last =
            i + 1 == count || item[1].kind != WW_APPLY_BATCH || item[1].group != item->group;
        int status = WW_OK;
        switch (item->kind) {
        case WW_APPLY_BATCH:
            status = apply_batch(shard, item, last);
            break;
        case WW_APPLY_SAVE:
            save(shard, item);
            break;
        case WW_APPLY_RESTORE:
            status = restore(shard, item);
            break;
        case WW_APPLY_LOOKUP:
        case WW_APPLY_QUERY:
            answer(shard, item);
            break;
        }
        if (status != WW_OK)
            return i;
    }
    return count;
}
