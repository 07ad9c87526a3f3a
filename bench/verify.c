/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over each log, block by block, keeps a running hash per group. That is enough while no
 * batch overrides an earlier one. Where one does (a leader changed, and entries that had not
 * committed were replaced) a pass that notes what is left of each batch comes first.
 */
#include "bench/verify.h"

#include "engine/wire/batch.h"
#include "wal_uring/wal_uring.h"

#include <isa-l/crc64.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct group_state {
    uint64_t last;    /* index of the last entry seen */
    uint64_t term;    /* of that entry */
    uint64_t hash;    /* of all entries up to `last` and the commit position */
    uint64_t entries; /* data entries among them */
    size_t newest;    /* planning: number of the last batch that is alive; 0: none */
    const struct ww_ack_run *run, *run_end;
    struct loose_run *loose, *loose_end;
};

/* Acknowledged without an index: the first `found` of its entries were met. */
struct loose_run {
    const struct ww_ack_loose *ack;
    uint64_t found;
};

/* What is left of a batch after all later ones: the entries up to `last`; 0: nothing. */
struct batch_span {
    uint64_t first, last;
    size_t previous; /* number of the batch before it in its group's chain */
};

struct scan {
    const struct ww_verify_options *options;
    struct ww_payload *payload;
    struct ww_verified *verified;
    uint32_t node;
    struct group_state *groups;
    struct loose_run *loose; /* all groups */
    struct batch_span *plan; /* batches are numbered from 1 in the order of the stream */
    size_t planned, plan_room, number;
    bool overridden;
    uint64_t matched; /* acknowledged entries that stand at their index */
};

static void found(struct scan *scan, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Keeps the first thing that is wrong. */
static void found(struct scan *scan, const char *format, ...)
{
    char *detail = scan->verified->detail;
    size_t room = sizeof(scan->verified->detail);
    if (detail[0] != 0)
        return;
    int used = snprintf(detail, room, "node %u: ", scan->node);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail + used, room - (size_t)used, format, arguments);
    va_end(arguments);
}

static int found_gap(struct scan *scan, const struct ww_batch_header *batch, uint64_t last)
{
    found(scan, "group %u: entry %lu follows %lu", batch->group, batch->first_index, last);
    return WW_EDAMAGED;
}

/* ---- the plan: which entries of which batch were not replaced later ---- */

static int plan_batch(void *context, uint64_t block_position, uint32_t offset,
                      const struct ww_batch_header *batch)
{
    struct scan *scan = context;
    if (batch->kind != WW_BATCH_ENTRIES || batch->group >= scan->options->groups)
        return WW_OK;
    if (scan->planned + 1 >= scan->plan_room) {
        scan->plan_room = scan->plan_room == 0 ? 65536 : scan->plan_room * 2;
        struct batch_span *more = realloc(scan->plan, scan->plan_room * sizeof(*more));
        if (more == NULL)
            return WW_ENOMEM;
        scan->plan = more;
        scan->plan[0] = (struct batch_span){0};
    }
    struct batch_span *plan = scan->plan;
    struct group_state *group = &scan->groups[batch->group];
    size_t newest = group->newest;
    for (; newest != 0 && plan[newest].first >= batch->first_index; newest = plan[newest].previous)
        plan[newest].last = 0;
    if (newest != 0 && plan[newest].last >= batch->first_index)
        plan[newest].last = batch->first_index - 1;
    if (plan[newest].last + 1 != batch->first_index)
        return found_gap(scan, batch, plan[newest].last);
    group->newest = ++scan->planned;
    plan[group->newest] =
        (struct batch_span){batch->first_index, ww_batch_last_index(batch), newest};
    return WW_OK;
}

/* ---- the check ---- */

static bool holds(struct scan *scan, uint32_t group, const struct ww_entry *entry,
                  uint64_t sequence)
{
    uint32_t size;
    const void *data = ww_payload_get(scan->payload, group, sequence, &size);
    return entry->type == WW_ENTRY_DATA && entry->size_bytes == size &&
           memcmp(entry->data, data, size) == 0;
}

/* Is it the next of those that were acknowledged without an index? */
static void check_loose(struct scan *scan, uint32_t group_id, const struct ww_entry *entry)
{
    struct group_state *group = &scan->groups[group_id];
    for (struct loose_run *loose = group->loose; loose < group->loose_end; loose++) {
        const struct ww_ack_loose *ack = loose->ack;
        if (loose->found == ack->run.count || entry->index < ack->low ||
            entry->index >= ack->high ||
            !holds(scan, group_id, entry, ack->run.first_sequence + loose->found))
            continue;
        loose->found++;
        scan->matched++;
        return;
    }
}

static void check_acknowledged(struct scan *scan, uint32_t group_id, const struct ww_entry *entry)
{
    struct group_state *group = &scan->groups[group_id];
    while (group->run < group->run_end &&
           entry->index >= group->run->first_index + group->run->count)
        group->run++;
    if (group->run == group->run_end || entry->index < group->run->first_index) {
        check_loose(scan, group_id, entry);
        return;
    }
    uint64_t sequence = group->run->first_sequence + (entry->index - group->run->first_index);
    if (holds(scan, group_id, entry, sequence))
        scan->matched++;
    else
        found(scan, "group %u: entry %lu is not what was acknowledged there (sequence %lu)",
              group_id, entry->index, sequence);
}

/* Hashes and checks the entries of the batch up to index `last`. */
static void check_entries(struct scan *scan, const struct ww_batch_header *batch, uint64_t last)
{
    struct group_state *group = &scan->groups[batch->group];
    if (batch->term != group->term) {
        group->term = batch->term;
        group->hash =
            crc64_ecma_refl(group->hash, (const unsigned char *)&batch->term, sizeof(batch->term));
    }
    struct ww_entry entry;
    uint32_t cursor = 0, end = WW_BATCH_HEADER_BYTES;
    while (group->last < last && ww_batch_next(batch, &cursor, &entry)) {
        end = cursor;
        group->last = entry.index;
        group->entries += entry.type == WW_ENTRY_DATA;
        check_acknowledged(scan, batch->group, &entry);
    }
    group->hash = crc64_ecma_refl(group->hash, (const uint8_t *)batch + WW_BATCH_HEADER_BYTES,
                                  end - WW_BATCH_HEADER_BYTES);
}

static int check_batch(void *context, uint64_t block_position, uint32_t offset,
                       const struct ww_batch_header *batch)
{
    struct scan *scan = context;
    if (batch->kind != WW_BATCH_ENTRIES)
        return WW_OK;
    if (batch->group >= scan->options->groups) {
        found(scan, "a batch of group %u, of which there are %u", batch->group,
              scan->options->groups);
        return WW_EDAMAGED;
    }
    struct group_state *group = &scan->groups[batch->group];
    uint64_t last = scan->options->commit[batch->group];
    if (scan->plan != NULL) {
        uint64_t left = scan->plan[++scan->number].last;
        last = left < last ? left : last;
    } else if (batch->first_index <= group->newest) {
        scan->overridden = true;
        return WW_EGONE;
    } else if (batch->first_index != group->newest + 1) {
        return found_gap(scan, batch, group->newest);
    } else {
        group->newest = ww_batch_last_index(batch);
    }
    if (batch->first_index <= last)
        check_entries(scan, batch, last);
    return WW_OK;
}

static void reset_groups(struct scan *scan, const struct ww_ack_log *acks)
{
    memset(scan->groups, 0, scan->options->groups * sizeof(*scan->groups));
    scan->matched = 0;
    const struct ww_ack_run *run = acks->runs, *end = acks->runs + acks->count;
    struct loose_run *loose = scan->loose, *loose_end = scan->loose + acks->loose_count;
    for (size_t i = 0; i < acks->loose_count; i++)
        loose[i] = (struct loose_run){&acks->loose[i], 0};
    for (uint32_t i = 0; i < scan->options->groups; i++) {
        struct group_state *group = &scan->groups[i];
        group->run = run;
        while (run < end && run->group == i)
            run++;
        group->run_end = run;
        group->loose = loose;
        while (loose < loose_end && loose->ack->run.group == i)
            loose++;
        group->loose_end = loose;
    }
}

/* Reads one replica's log; its findings are left in scan->groups and scan->matched. */
static int check_replica(struct scan *scan, const struct ww_ack_log *acks, struct ww_error *error)
{
    const char *directory = scan->options->directories[scan->node - 1];
    struct ww_wal_recovery recovery = {0};
    bool quiet = scan->verified->detail[0] == 0;
    reset_groups(scan, acks);
    int status = ww_wal_scan(directory, check_batch, scan, &recovery, error);
    if (scan->overridden) {
        if (quiet)
            scan->verified->detail[0] = 0; /* it may have been about entries that were replaced */
        reset_groups(scan, acks);
        status = ww_wal_scan(directory, plan_batch, scan, &recovery, error);
        if (status == WW_OK) {
            reset_groups(scan, acks);
            status = ww_wal_scan(directory, check_batch, scan, &recovery, error);
        }
    }
    scan->verified->bytes_read += recovery.bytes;
    free(scan->plan);
    scan->plan = NULL;
    scan->planned = scan->plan_room = scan->number = 0;
    scan->overridden = false;
    return status;
}

/* Says which of those without an index were not met. */
static void check_loose_ends(struct scan *scan, const struct ww_ack_log *acks)
{
    for (size_t i = 0; i < acks->loose_count; i++) {
        const struct ww_ack_run *run = &scan->loose[i].ack->run;
        if (scan->loose[i].found < run->count)
            found(scan, "group %lu: sequence %lu was acknowledged and is nowhere", run->group,
                  run->first_sequence + scan->loose[i].found);
    }
}

/* Does the replica hold all that is committed, and the same as the first one? */
static bool compare(struct scan *scan, const struct group_state *first)
{
    bool same = true;
    for (uint32_t i = 0; i < scan->options->groups; i++) {
        const struct group_state *group = &scan->groups[i];
        if (group->last != scan->options->commit[i])
            found(scan, "group %u: the log ends at entry %lu, but %lu were committed", i,
                  group->last, scan->options->commit[i]);
        else if (group->hash != first[i].hash)
            found(scan, "group %u: committed entries differ from those of node 1", i);
        else
            continue;
        same = false;
    }
    return same;
}

static int check_all(struct scan *scan, const struct ww_ack_log *acks, struct ww_error *error)
{
    struct ww_verified *verified = scan->verified;
    size_t bytes = scan->options->groups * sizeof(struct group_state);
    struct group_state *first = calloc(1, bytes);
    scan->groups = calloc(1, bytes);
    scan->loose = calloc(acks->loose_count + 1, sizeof(*scan->loose));
    int status = WW_OK;
    if (first == NULL || scan->groups == NULL || scan->loose == NULL)
        status = ww_fail(error, WW_ENOMEM, "no memory for %u groups", scan->options->groups);
    for (scan->node = 1; status == WW_OK && scan->node <= scan->options->replicas; scan->node++) {
        struct ww_error reason = {0};
        status = check_replica(scan, acks, &reason);
        if (status == WW_EDAMAGED || status == WW_EVERSION || status == WW_EIO) {
            found(scan, "%s", reason.text);
            verified->replicas_identical = false;
            status = WW_OK;
        } else if (status != WW_OK) {
            ww_fail(error, status, "%s", reason.text);
        } else if (scan->node == 1) {
            memcpy(first, scan->groups, bytes);
            for (uint32_t i = 0; i < scan->options->groups; i++)
                verified->entries += first[i].entries;
        }
        if (status == WW_OK)
            check_loose_ends(scan, acks);
        if (!compare(scan, first))
            verified->replicas_identical = false;
        uint64_t lost = acks->acknowledged - scan->matched;
        verified->lost = lost > verified->lost ? lost : verified->lost;
    }
    free(first);
    free(scan->groups);
    free(scan->loose);
    return status;
}

int ww_verify_logs(const struct ww_verify_options *options, struct ww_verified *verified,
                   struct ww_error *error)
{
    *verified = (struct ww_verified){.replicas_identical = true};
    struct scan scan = {.options = options, .verified = verified};
    struct ww_ack_log acks;
    int status = ww_ack_log_read(&acks, options->directory, options->clients, error);
    if (status != WW_OK)
        return status;
    verified->acknowledged = acks.acknowledged;
    status = ww_payload_create(&options->payload, &scan.payload, error);
    if (status == WW_OK)
        status = check_all(&scan, &acks, error);
    ww_payload_destroy(scan.payload);
    ww_ack_log_free(&acks);
    return status;
}
