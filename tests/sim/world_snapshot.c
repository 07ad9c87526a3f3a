/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots on a simulated disk: whole or not there. */
#include "world.h"

#include <stdlib.h>

static bool saves(const struct world_disk *disk, uint32_t group)
{
    for (uint32_t i = 0; i < disk->operation_count; i++)
        if (disk->operations[i].kind == WORLD_SNAPSHOT && disk->operations[i].tag == group)
            return true;
    return false;
}

static void begin_snapshot(struct world_disk *disk, uint32_t group, uint64_t index,
                           const struct memory_file *file, int status)
{
    world_disk_add(disk, (struct world_operation){
                             .kind = WORLD_SNAPSHOT,
                             .position = index,
                             .data = file->data,
                             .size_bytes = (uint32_t)file->bytes,
                             .tag = group,
                             .status = status,
                         });
}

int world_snapshot_save(struct ww_log_store *store, const struct ww_snapshot_save *save)
{
    struct world_disk *disk = (struct world_disk *)store;
    struct memory_file file;
    if (disk->failed)
        return WW_ECLOSED;
    if (world_disk_in_flight(disk, WORLD_SNAPSHOT) == WORLD_GROUPS)
        return WW_EBUSY;
    if (saves(disk, save->group))
        world_disk_broken(disk, "two snapshots of a group at a time");
    memory_file_free(&disk->received[save->group].file);
    int status = memory_file_save(&file, save);
    begin_snapshot(disk, save->group, save->about.index, &file, status);
    return WW_OK;
}

static bool chance(struct world_disk *disk, uint32_t percent)
{
    return percent > 0 && ww_random_range(&disk->world->random, 0, 100) < percent;
}

int world_snapshot_receive(struct ww_log_store *store, uint32_t group, uint64_t index,
                           uint64_t offset, const void *data, uint32_t bytes, bool last)
{
    struct world_disk *disk = (struct world_disk *)store;
    struct world_received *received = &disk->received[group];
    if (disk->failed)
        return WW_ECLOSED;
    if (world_disk_in_flight(disk, WORLD_SNAPSHOT) == WORLD_GROUPS ||
        chance(disk, disk->world->options.parts_refused))
        return WW_EBUSY;
    if (saves(disk, group))
        world_disk_broken(disk, "a part of a snapshot while another is saved");
    if (offset == 0) {
        memory_file_free(&received->file);
        received->index = index;
    }
    if (received->index != index || received->file.bytes != offset)
        world_disk_broken(disk, "a part of a snapshot that does not follow");
    if (chance(disk, disk->world->options.parts_lost)) {
        memory_file_free(&received->file);
        return WW_ENOSPC;
    }
    memory_file_write(&received->file, data, bytes);
    if (!last)
        return WW_OK;
    struct ww_snapshot_blob whole = {received->file.data, received->file.bytes};
    begin_snapshot(disk, group, index, &received->file,
                   ww_snapshot_check(&whole, WORLD_CLUSTER, group, NULL));
    received->file = (struct memory_file){0};
    return WW_OK;
}

static void remove_snapshots(struct world_disk *disk, uint32_t group, uint64_t from, uint64_t below)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < disk->snapshot_count; i++) {
        struct world_snapshot snapshot = disk->snapshots[i];
        if (snapshot.group == group && snapshot.index >= from && snapshot.index < below)
            memory_file_free(&snapshot.file);
        else
            disk->snapshots[kept++] = snapshot;
    }
    disk->snapshot_count = kept;
}

void world_snapshot_drop(struct ww_log_store *store, uint32_t group, uint64_t index)
{
    remove_snapshots((struct world_disk *)store, group, 0, index);
}

int world_snapshot_map(struct ww_log_store *store, uint32_t group, uint64_t index,
                       struct ww_snapshot_blob *blob)
{
    const struct world_disk *disk = (struct world_disk *)store;
    for (uint32_t i = 0; i < disk->snapshot_count; i++) {
        const struct world_snapshot *snapshot = &disk->snapshots[i];
        if (snapshot->group != group || snapshot->index != index)
            continue;
        *blob = memory_file_map(&snapshot->file);
        return WW_OK;
    }
    return WW_ENOTFOUND;
}

void world_snapshot_unmap(struct ww_log_store *store, struct ww_snapshot_blob *blob)
{
    memory_file_unmap(blob);
}

/* A whole file appears under its name, in place of one that had it. */
void world_snapshot_store(struct world_disk *disk, const struct world_operation *operation)
{
    remove_snapshots(disk, operation->tag, operation->position, operation->position + 1);
    if (disk->snapshot_count == WORLD_SNAPSHOTS) {
        world_disk_broken(disk, "snapshots are never dropped");
        return;
    }
    disk->snapshots[disk->snapshot_count] = (struct world_snapshot){
        .group = operation->tag,
        .index = operation->position,
    };
    memory_file_write(&disk->snapshots[disk->snapshot_count++].file, operation->data,
                      operation->size_bytes);
}

void world_snapshot_finish(struct world_disk *disk, struct world_operation *operation, int status)
{
    struct ww_log_event event = {
        .type = WW_LOG_SNAPSHOT_SAVED,
        .status = status,
        .position = operation->position,
        .tag = operation->tag,
    };
    if (status == WW_OK) {
        world_snapshot_store(disk, operation);
        event.snapshot = (struct ww_snapshot_blob){operation->data, operation->size_bytes};
    } else {
        free(operation->data);
    }
    world_disk_tell(disk, event);
    world_disk_remove(disk, operation);
}

void world_snapshots_forget(struct world_disk *disk)
{
    for (uint32_t i = 0; i < disk->operation_count; i++)
        if (disk->operations[i].kind == WORLD_SNAPSHOT)
            free(disk->operations[i].data);
    for (uint32_t i = 0; i < disk->event_count; i++)
        if (disk->events[i].type == WW_LOG_SNAPSHOT_SAVED)
            memory_file_unmap(&disk->events[i].snapshot);
    for (uint32_t i = 0; i < WORLD_GROUPS; i++)
        memory_file_free(&disk->received[i].file);
}

void world_snapshots_drop_all(struct world_disk *disk)
{
    for (uint32_t i = 0; i < disk->snapshot_count; i++)
        memory_file_free(&disk->snapshots[i].file);
    disk->snapshot_count = 0;
}
