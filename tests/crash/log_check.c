/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/log_check.h"

#include "engine/groups/recovery.h"
#include "engine/snapshot/snapshot.h"
#include "engine/wire/checksum.h"
#include "tests/crash/payload.h"
#include "wal_uring/wal_uring.h"

#include <inttypes.h>
#include <stdlib.h>

#define NO_CLIENTS_ENTRY UINT64_MAX

/* One group's entries by index: what stands there now. */
struct held {
    uint64_t *sequences;            /* [index - 1]; NO_CLIENTS_ENTRY */
    uint64_t first, last, capacity; /* what clients can read */
    uint64_t first_sequence;        /* of these; NO_CLIENTS_ENTRY: there is none */
    bool *sequence_held;            /* by sequence */
};

struct reading {
    const struct ww_crash_acks *acks;
    struct ww_group_recovery recovery; /* what a node makes of it */
    struct held *groups;
    struct ww_crash_found *found;
    uint64_t batches;
    uint64_t digest; /* of all batches */
    struct ww_error *error;
};

static bool reserve(struct held *held, uint64_t last)
{
    if (last <= held->capacity)
        return true;
    uint64_t capacity = last * 2;
    uint64_t *larger = realloc(held->sequences, capacity * sizeof(*larger));
    if (larger == NULL)
        return false;
    for (uint64_t i = held->capacity; i < capacity; i++)
        larger[i] = NO_CLIENTS_ENTRY;
    held->sequences = larger;
    held->capacity = capacity;
    return true;
}

/* Every byte of a client's entry follows from its head. */
static int check_entry(const struct reading *reading, uint32_t group, const struct ww_entry *entry)
{
    uint8_t wanted[WW_CRASH_PAYLOAD_MAX];
    struct ww_crash_payload payload = {0};
    if (entry->size_bytes >= sizeof(payload))
        memcpy(&payload, entry->data, sizeof(payload));
    if (entry->size_bytes < sizeof(payload) || payload.seed != reading->acks->seed ||
        payload.group != group || payload.sequence >= reading->acks->proposed[group])
        return ww_fail(reading->error, WW_EDAMAGED,
                       "group %" PRIu32 ": the entry at %" PRIu64 " was never proposed", group,
                       entry->index);
    if (ww_crash_payload_write(payload, wanted) != entry->size_bytes ||
        memcmp(wanted, entry->data, entry->size_bytes) != 0)
        return ww_fail(reading->error, WW_EDAMAGED,
                       "group %" PRIu32 ": the entry at %" PRIu64 ", number %" PRIu64
                       " of the client, holds other bytes than were proposed",
                       group, entry->index, payload.sequence);
    return WW_OK;
}

static int take_entries(struct reading *reading, const struct ww_batch_header *batch)
{
    struct held *held = &reading->groups[batch->group];
    struct ww_entry entry;
    uint32_t cursor = 0;
    if (!reserve(held, ww_batch_last_index(batch)))
        return ww_fail(reading->error, WW_ENOMEM, "no memory for the entries of a log");
    while (ww_batch_next(batch, &cursor, &entry)) {
        uint64_t *sequence = &held->sequences[entry.index - 1];
        *sequence = NO_CLIENTS_ENTRY;
        if (entry.type != WW_ENTRY_DATA)
            continue;
        int status = check_entry(reading, batch->group, &entry);
        if (status != WW_OK)
            return status;
        memcpy(sequence, entry.data + offsetof(struct ww_crash_payload, sequence),
               sizeof(*sequence));
    }
    return WW_OK;
}

static int visit(void *context, uint64_t block_position, uint32_t offset,
                 const struct ww_batch_header *batch)
{
    struct reading *reading = context;
    int status = ww_group_recovery_visit(&reading->recovery, block_position, offset, batch);
    if (status != WW_OK)
        return ww_fail(reading->error, status, "%s", reading->recovery.error.text);
    reading->batches++;
    reading->digest = ww_crc64_extend(reading->digest, batch, batch->size_bytes);
    reading->found->snapshots += batch->kind == WW_BATCH_SNAPSHOT;
    return batch->kind == WW_BATCH_ENTRIES ? take_entries(reading, batch) : WW_OK;
}

/* What stands in `sequences` before or behind them was released or cut later. */
static void find_ends(const struct ww_recovered_group *group, struct held *held)
{
    held->first = group->first_index > 0 ? group->first_index : group->base_index + 1;
    held->last =
        group->run_count > 0 ? group->runs[group->run_count - 1].last_index : group->base_index;
}

/* A client's entries stand in the order of their proposals, without gaps; some may be repeated. */
static int check_order(struct reading *reading, uint32_t number)
{
    struct held *held = &reading->groups[number];
    uint64_t next = held->first == 1 ? 0 : NO_CLIENTS_ENTRY;
    held->first_sequence = NO_CLIENTS_ENTRY;
    held->sequence_held = calloc(reading->acks->proposed[number] + 1, sizeof(bool));
    if (held->sequence_held == NULL)
        return ww_fail(reading->error, WW_ENOMEM, "no memory for the entries of a log");
    for (uint64_t index = held->first; index <= held->last; index++) {
        uint64_t sequence = held->sequences[index - 1];
        if (sequence == NO_CLIENTS_ENTRY)
            continue;
        reading->found->entries++;
        held->sequence_held[sequence] = true;
        if (held->first_sequence == NO_CLIENTS_ENTRY)
            held->first_sequence = sequence;
        if (next == NO_CLIENTS_ENTRY || sequence == next)
            next = sequence + 1;
        else if (sequence > next)
            return ww_fail(reading->error, WW_EDAMAGED,
                           "group %" PRIu32 ": at %" PRIu64 " stands number %" PRIu64
                           " of the client, but not number %" PRIu64 " before it",
                           number, index, sequence, next);
    }
    return WW_OK;
}

static int check_acks(struct reading *reading, uint64_t applied)
{
    const struct ww_crash_acks *acks = reading->acks;
    for (size_t i = 0; i < acks->count && acks->acks[i].logged <= applied; i++) {
        const struct ww_crash_ack *ack = &acks->acks[i];
        const struct held *held = &reading->groups[ack->group];
        uint64_t base = reading->recovery.groups[ack->group].base_index;
        for (uint64_t k = 0; k < ack->count; k++) {
            uint64_t index = ack->index + k, sequence = ack->sequence + k;
            bool there = ack->index == 0
                             ? held->sequence_held[sequence] ||
                                   (held->first > 1 && sequence < held->first_sequence)
                             : index < held->first ||
                                   (index <= held->last && held->sequences[index - 1] == sequence);
            reading->found->required++;
            reading->found->covered += base > 0 && index <= base;
            if (!there)
                return ww_fail(reading->error, WW_EDAMAGED,
                               "group %" PRIu32 ": lost: number %" PRIu64
                               " of the client, acknowledged at index %" PRIu64 " when %" PRIu64
                               " of %" PRIu64
                               " entries of the log of writes were there; the group's log goes "
                               "from %" PRIu64 " to %" PRIu64,
                               ack->group, sequence, index, ack->logged, applied, held->first,
                               held->last);
        }
    }
    return WW_OK;
}

static int count_batches(void *context, uint64_t block_position, uint32_t offset,
                         const struct ww_batch_header *batch)
{
    struct reading *again = context;
    again->batches++;
    again->digest = ww_crc64_extend(again->digest, batch, batch->size_bytes);
    return WW_OK;
}

/* Where a group's log begins behind a snapshot, that is there and whole. */
static int check_snapshots(struct ww_log_store *store, const struct ww_wal_options *options,
                           const struct reading *reading)
{
    for (uint32_t i = 0; i < reading->recovery.group_count; i++) {
        const struct ww_recovered_group *group = &reading->recovery.groups[i];
        struct ww_snapshot_blob blob;
        if (group->base_index == 0)
            continue;
        int status = store->ops->snapshot_map(store, i, group->base_index, &blob);
        if (status != WW_OK)
            return ww_fail(reading->error, status,
                           "group %" PRIu32 ": no snapshot at %" PRIu64 ", where its log begins", i,
                           group->base_index);
        status = ww_snapshot_check(&blob, options->cluster, i, reading->error);
        if (status == WW_OK && (ww_snapshot_header(&blob)->index != group->base_index ||
                                ww_snapshot_header(&blob)->term != group->base_term))
            status = ww_fail(reading->error, WW_EDAMAGED,
                             "group %" PRIu32 ": another snapshot than its record says", i);
        store->ops->snapshot_unmap(store, &blob);
        if (status != WW_OK)
            return status;
    }
    return WW_OK;
}

/* As a node opens it: cuts, settles, tidies up, prepares; and finds what was read before. */
static int open_as_a_node(const struct ww_wal_options *options, const struct reading *reading)
{
    struct reading again = {0};
    struct ww_log_store *store;
    int status = ww_wal_open(options, count_batches, &again, &store, reading->error);
    if (status != WW_OK)
        return ww_fail_context(reading->error, "opened for writing");
    status = check_snapshots(store, options, reading);
    store->ops->close(store);
    if (status != WW_OK)
        return status;
    if (again.batches != reading->batches || again.digest != reading->digest)
        return ww_fail(reading->error, WW_EDAMAGED,
                       "opened for writing the log holds %" PRIu64 " batches, read only %" PRIu64,
                       again.batches, reading->batches);
    return WW_OK;
}

static int read_log(struct reading *reading, const char *directory, uint64_t applied)
{
    struct ww_wal_recovery recovery = {0};
    struct ww_error error = {0}; /* where the visitor has said nothing */
    int status = ww_wal_scan(directory, visit, reading, &recovery, &error);
    if (status == WW_ENOTFOUND) { /* the crash came before the node had made its directory */
        reading->found->fresh = true;
        status = WW_OK;
    } else if (status != WW_OK && reading->error->code == WW_OK) {
        *reading->error = error;
    }
    reading->found->cut_bytes = recovery.cut_bytes;
    for (uint32_t i = 0; status == WW_OK && i < reading->acks->groups; i++) {
        find_ends(&reading->recovery.groups[i], &reading->groups[i]);
        status = ww_group_recovery_check(&reading->recovery.groups[i], reading->error);
        if (status == WW_OK)
            status = check_order(reading, i);
    }
    return status == WW_OK ? check_acks(reading, applied) : status;
}

int ww_crash_log_check(const struct ww_wal_options *options, const struct ww_crash_acks *acks,
                       uint64_t applied, struct ww_crash_found *found, struct ww_error *error)
{
    *found = (struct ww_crash_found){0};
    *error = (struct ww_error){0};
    struct reading reading = {.acks = acks, .found = found, .error = error};
    reading.groups = calloc(acks->groups, sizeof(*reading.groups));
    int status = ww_group_recovery_init(&reading.recovery, acks->groups, options->segment_bytes);
    if (reading.groups == NULL || status != WW_OK)
        status = ww_fail(error, WW_ENOMEM, "no memory to read a log");
    if (status == WW_OK)
        status = read_log(&reading, options->directory, applied);
    if (status == WW_OK)
        status = open_as_a_node(options, &reading);
    for (uint32_t i = 0; reading.groups != NULL && i < acks->groups; i++) {
        free(reading.groups[i].sequences);
        free(reading.groups[i].sequence_held);
    }
    free(reading.groups);
    ww_group_recovery_free(&reading.recovery);
    return status;
}
