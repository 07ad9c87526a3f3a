/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include "engine/wire/checksum.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct world_disk *disk_of(struct ww_log_store *store)
{
    return (struct world_disk *)store;
}

void world_disk_broken(struct world_disk *disk, const char *what)
{
    if (disk->world->broken == NULL)
        disk->world->broken = what;
}

uint32_t world_disk_in_flight(const struct world_disk *disk, enum world_operation_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < disk->operation_count; i++)
        count += disk->operations[i].kind == kind;
    return count;
}

void world_disk_add(struct world_disk *disk, struct world_operation operation)
{
    const struct world_hooks *hooks = &disk->world->options.hooks;
    WW_ASSERT(disk->operation_count < WORLD_OPERATIONS);
    struct world_operation *place = &disk->operations[disk->operation_count++];
    *place = operation;
    place->id = ++disk->world->operation_ids;
    if (hooks->began != NULL)
        hooks->began(hooks->context, disk, place);
}

static int write_disk(struct ww_log_store *store, uint64_t position, const void *data,
                      uint32_t size_bytes)
{
    struct world_disk *disk = disk_of(store);
    uint64_t next_span = (disk->next + WORLD_SPAN - 1) / WORLD_SPAN * WORLD_SPAN;
    if (disk->failed)
        return WW_ECLOSED;
    if (world_disk_in_flight(disk, WORLD_WRITE) == store->write_depth)
        return WW_EBUSY;
    if ((position != disk->next && position != next_span) || position % WW_BLOCK_ALIGN != 0 ||
        size_bytes == 0 || size_bytes % WW_BLOCK_ALIGN != 0 ||
        position % WORLD_SPAN + size_bytes > WORLD_SPAN)
        world_disk_broken(disk, "a write at a wrong place");
    if (position + size_bytes > store->limit_position)
        return WW_ENOSPC;
    disk->next = position + size_bytes;
    world_disk_add(disk, (struct world_operation){
                             .kind = WORLD_WRITE,
                             .position = position,
                             .data = (uint8_t *)(uintptr_t)data,
                             .size_bytes = size_bytes,
                             .checksum = ww_crc32c(data, size_bytes),
                         });
    return WW_OK;
}

static int read_disk(struct ww_log_store *store, uint32_t tag, uint64_t position, void *data,
                     uint32_t size_bytes)
{
    struct world_disk *disk = disk_of(store);
    if (world_disk_in_flight(disk, WORLD_READ) == WW_READ_BUFFERS)
        return WW_EBUSY;
    if (position % WW_BLOCK_ALIGN != 0 || size_bytes % WW_BLOCK_ALIGN != 0)
        world_disk_broken(disk, "a read at a wrong place");
    if (position < disk->begin)
        world_disk_broken(disk, "a read of what was released");
    world_disk_add(disk, (struct world_operation){
                             .kind = WORLD_READ,
                             .position = position,
                             .data = data,
                             .size_bytes = size_bytes,
                             .tag = tag,
                         });
    return WW_OK;
}

static uint32_t poll_disk(struct ww_log_store *store, struct ww_log_event *events, uint32_t max)
{
    struct world_disk *disk = disk_of(store);
    uint32_t count = disk->event_count < max ? disk->event_count : max;
    memcpy(events, disk->events, count * sizeof(*events));
    memmove(disk->events, disk->events + count, (disk->event_count - count) * sizeof(*events));
    disk->event_count -= count;
    return count;
}

/* Whole spans go, but not the last durable block: recovery takes epoch and link of it. They are
 * written over, since they may soon be another part of the log, and make room behind its end. */
static void release_disk(struct ww_log_store *store, uint64_t position)
{
    struct world_disk *disk = disk_of(store);
    if (position > disk->durable || position < disk->released)
        world_disk_broken(disk, "a release at a wrong place");
    disk->released = position;
    uint64_t last = disk->durable > 0 ? disk->durable - 1 : 0;
    uint64_t first = (position < last ? position : last) / WORLD_SPAN * WORLD_SPAN;
    if (first <= disk->begin)
        return;
    for (uint32_t i = 0; i < disk->operation_count; i++)
        if (disk->operations[i].kind == WORLD_READ && disk->operations[i].position < first)
            world_disk_broken(disk, "a release of what is being read");
    memset(disk->bytes + disk->begin, 0xdb, first - disk->begin);
    uint64_t limit = disk->base.limit_position + first - disk->begin;
    disk->base.limit_position = limit < WORLD_DISK_BYTES ? limit : WORLD_DISK_BYTES;
    disk->begin = first;
    if (disk->identity_durable < first)
        disk->identity_durable = first;
}

static void close_disk(struct ww_log_store *store)
{
    world_disk_done_all(disk_of(store));
}

static const struct ww_log_store_ops disk_ops = {
    .write = write_disk,
    .read = read_disk,
    .poll = poll_disk,
    .release = release_disk,
    .close = close_disk,
    .snapshot_save = world_snapshot_save,
    .snapshot_receive = world_snapshot_receive,
    .snapshot_drop = world_snapshot_drop,
    .snapshot_map = world_snapshot_map,
    .snapshot_unmap = world_snapshot_unmap,
    .recovered = world_disk_recovered,
};

void world_disk_tell(struct world_disk *disk, struct ww_log_event event)
{
    WW_ASSERT(disk->event_count < WORLD_OPERATIONS + 2);
    disk->events[disk->event_count++] = event;
}

/* Bytes reach the medium. What lies between the end and them was never written: zeros. */
static void store_bytes(struct world_disk *disk, uint64_t position, const uint8_t *data,
                        uint32_t size_bytes)
{
    if (position > disk->end)
        memset(disk->bytes + disk->end, 0, position - disk->end);
    memcpy(disk->bytes + position, data, size_bytes);
    if (position + size_bytes > disk->end)
        disk->end = position + size_bytes;
}

static void store_some(struct world_disk *disk, const struct world_operation *operation,
                       enum world_survival survival)
{
    if (survival == WORLD_SURVIVE_NONE)
        return;
    if (survival == WORLD_SURVIVE_ALL) {
        store_bytes(disk, operation->position, operation->data, operation->size_bytes);
        return;
    }
    struct ww_random *random = &disk->world->random;
    uint64_t percent = ww_random_range(random, 0, 101);
    for (uint32_t at = 0; at < operation->size_bytes; at += WORLD_SECTOR)
        if (ww_random_range(random, 0, 100) < percent)
            store_bytes(disk, operation->position + at, operation->data + at, WORLD_SECTOR);
}

void world_disk_remove(struct world_disk *disk, struct world_operation *operation)
{
    uint32_t number = (uint32_t)(operation - disk->operations);
    WW_ASSERT(number < disk->operation_count);
    disk->operation_count--;
    memmove(operation, operation + 1, (disk->operation_count - number) * sizeof(*operation));
}

static void tell_durable(struct world_disk *disk, uint64_t from, uint64_t to)
{
    const struct world_hooks *hooks = &disk->world->options.hooks;
    while (hooks->durable != NULL && from < to) {
        const struct ww_block_header *block = (const void *)(disk->bytes + from);
        hooks->durable(hooks->context, disk->node, block);
        from += block->span_bytes;
    }
}

/* Reports the writes from the first one on that are done without a gap. */
static void report_durable(struct world_disk *disk)
{
    uint64_t before = disk->durable;
    for (uint32_t i = 0; i < disk->operation_count;) {
        struct world_operation *operation = &disk->operations[i];
        if (operation->kind != WORLD_WRITE) {
            i++;
            continue;
        }
        if (!operation->done)
            break;
        uint64_t begin_position = operation->position;
        disk->durable = operation->position + operation->size_bytes;
        world_disk_remove(disk, operation);
        tell_durable(disk, begin_position, disk->durable);
    }
    if (disk->durable == before)
        return;
    struct ww_log_event *last = disk->event_count > 0 ? &disk->events[disk->event_count - 1] : NULL;
    if (last != NULL && last->type == WW_LOG_WRITTEN)
        last->position = disk->durable;
    else
        world_disk_tell(disk,
                        (struct ww_log_event){.type = WW_LOG_WRITTEN, .position = disk->durable});
}

static void finish_read(struct world_disk *disk, struct world_operation *operation)
{
    uint64_t position = operation->position;
    uint64_t left =
        position >= disk->begin && position < disk->durable ? disk->durable - position : 0;
    uint64_t span_left = WORLD_SPAN - position % WORLD_SPAN;
    left = left < span_left ? left : span_left;
    uint32_t size = left < operation->size_bytes ? (uint32_t)left : operation->size_bytes;
    memcpy(operation->data, disk->bytes + position, size);
    world_disk_tell(disk, (struct ww_log_event){
                              .type = WW_LOG_READ,
                              .status = size > 0 ? WW_OK : WW_EGONE,
                              .position = position,
                              .size_bytes = size,
                              .tag = operation->tag,
                          });
    world_disk_remove(disk, operation);
}

void world_disk_done(struct world_disk *disk, struct world_operation *operation)
{
    if (operation->kind == WORLD_READ) {
        finish_read(disk, operation);
        return;
    }
    if (operation->kind == WORLD_SNAPSHOT) {
        world_snapshot_finish(disk, operation, operation->status);
        return;
    }
    if (ww_crc32c(operation->data, operation->size_bytes) != operation->checksum)
        world_disk_broken(disk, "the bytes of a write changed while it was in flight");
    store_bytes(disk, operation->position, operation->data, operation->size_bytes);
    operation->done = true;
    if (!disk->failed)
        report_durable(disk);
}

void world_disk_done_all(struct world_disk *disk)
{
    for (uint32_t i = 0; i < disk->operation_count;) {
        uint32_t before = disk->operation_count;
        if (disk->operations[i].done)
            i++;
        else
            world_disk_done(disk, &disk->operations[i]);
        if (disk->operation_count < before)
            i = 0;
    }
}

void world_disk_fail(struct world_disk *disk, struct world_operation *operation, int status,
                     enum world_survival survival)
{
    WW_ASSERT(operation->kind != WORLD_READ && !operation->done);
    if (operation->kind == WORLD_SNAPSHOT) {
        world_snapshot_finish(disk, operation, status);
        return;
    }
    store_some(disk, operation, survival);
    world_disk_remove(disk, operation);
    if (!disk->failed)
        world_disk_tell(disk, (struct ww_log_event){.type = WW_LOG_FAILED, .status = status});
    disk->failed = true;
}

/* What is lost with the process, whatever the disk did. */
static void forget(struct world_disk *disk)
{
    world_snapshots_forget(disk);
    disk->operation_count = 0;
    disk->event_count = 0;
}

void world_disk_crash(struct world_disk *disk, enum world_survival survival)
{
    for (uint32_t i = 0; i < disk->operation_count; i++) {
        const struct world_operation *operation = &disk->operations[i];
        if (operation->kind == WORLD_WRITE && !operation->done)
            store_some(disk, operation, survival);
        else if (operation->kind == WORLD_SNAPSHOT && operation->status == WW_OK &&
                 survival != WORLD_SURVIVE_NONE &&
                 (survival == WORLD_SURVIVE_ALL || ww_random_next(&disk->world->random) % 2 == 0))
            world_snapshot_store(disk, operation);
    }
    forget(disk);
}

const uint8_t *world_disk_look(const struct world_disk *disk, uint64_t position, size_t *bytes)
{
    uint64_t left = WORLD_SPAN - position % WORLD_SPAN;
    uint64_t written = disk->end > position ? disk->end - position : 0;
    *bytes = left < written ? left : written;
    return disk->bytes + position;
}

bool world_disk_create(struct world_disk *disk)
{
    void *memory = mmap(NULL, WORLD_DISK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    disk->bytes = memory == MAP_FAILED ? NULL : memory;
    return disk->bytes != NULL;
}

void world_disk_destroy(struct world_disk *disk)
{
    forget(disk);
    world_snapshots_drop_all(disk);
    if (disk->bytes != NULL)
        munmap(disk->bytes, WORLD_DISK_BYTES);
}

void world_disk_begin(struct world_disk *disk, struct world *world, uint32_t node)
{
    uint8_t *bytes = disk->bytes;
    forget(disk);
    world_snapshots_drop_all(disk);
    *disk = (struct world_disk){
        .base = {.ops = &disk_ops,
                 .stream_id = ww_random_mix(world->options.seed * 8 + node),
                 .span_bytes = WORLD_SPAN,
                 .segment_bytes = WORLD_SPAN,
                 .write_depth = world->options.write_depth},
        .world = world,
        .node = node,
        .bytes = bytes,
        .recovering = world->options.amnesia,
    };
    disk->base.limit_position = world->options.disk_bytes / WORLD_SPAN * WORLD_SPAN;
}
