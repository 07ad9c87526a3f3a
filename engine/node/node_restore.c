/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log is opened as a node opens it, so what comes of it is a directory like any other: the
 * snapshots written anew for this cluster, and in the stream for each the term without a vote, and
 * the record that it is there. A member of a new cluster has promised nothing, and says so with the
 * term; until that is durable the directory counts as recovering, as every new one.
 */
#include "engine/node/node_restore.h"

#include "engine/base/time_ns.h"
#include "engine/groups/log_buffer.h"
#include "engine/machine/machine.h"
#include "engine/node/backends.h"
#include "engine/wire/batch.h"
#include "engine/wire/checksum.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_NS 1000000u

const char *ww_node_snapshot_machine(const struct ww_snapshot_blob *snapshot)
{
    struct ww_snapshot_reader reader;
    uint8_t head[8] = {0};
    ww_snapshot_open_machine(&reader, snapshot);
    ww_snapshot_read(&reader, head, sizeof(head));
    return ww_machine_of_state(head, ww_snapshot_header(snapshot)->machine_bytes);
}

static int check_snapshot(const struct ww_config *config, const struct ww_snapshot_blob *snapshots,
                          uint32_t number, struct ww_error *error)
{
    static const char *const machines[] = {"log", "kv"};
    const char *machine = ww_node_snapshot_machine(&snapshots[number]);
    uint32_t group = ww_snapshot_header(&snapshots[number])->group;
    if (group >= config->groups)
        return ww_fail(error, WW_ENOTFOUND,
                       "the snapshot is of group %u; raft.groups is %u: there are 0 .. %u", group,
                       config->groups, config->groups - 1);
    if (strcmp(machine, machines[config->machine]) != 0)
        return ww_fail(error, WW_EFOREIGN,
                       "the snapshot of group %u is of the machine '%s'; node.machine is '%s'",
                       group, machine, machines[config->machine]);
    for (uint32_t i = 0; i < number; i++)
        if (ww_snapshot_header(&snapshots[i])->group == group)
            return ww_fail(error, WW_EINVAL, "there are two snapshots of group %u", group);
    return WW_OK;
}

static int check_directory(const struct ww_config *config, struct ww_error *error)
{
    DIR *directory = opendir(config->data_dir);
    const struct dirent *entry;
    bool empty = true;
    if (directory == NULL)
        return errno == ENOENT ? WW_OK : ww_fail_errno(error, WW_EIO, "%s", config->data_dir);
    while ((entry = readdir(directory)) != NULL)
        empty &= strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(directory);
    return empty ? WW_OK
                 : ww_fail(error, WW_EFOREIGN,
                           "%s is not empty: a snapshot is restored into a new directory only",
                           config->data_dir);
}

static int check(const struct ww_config *config, const struct ww_snapshot_blob *snapshots,
                 uint32_t count, struct ww_error *error)
{
    int status = WW_OK;
    if (config->durability == WW_CONFIG_MEMORY)
        return ww_fail(error, WW_EINVAL, "wal.durability is memory: nothing of it would be left");
    if (ww_backend_first_configuration(config).voters == 0)
        return ww_fail(error, WW_EINVAL,
                       "node %u is no member of the groups from the beginning (join): it gets all "
                       "from the others",
                       config->node_id);
    for (uint32_t i = 0; i < count && status == WW_OK; i++)
        status = check_snapshot(config, snapshots, i, error);
    return status != WW_OK ? status : check_directory(config, error);
}

/* A fresh log has nothing to visit. */
static int visit(void *context, uint64_t block_position, uint32_t offset,
                 const struct ww_batch_header *batch)
{
    return WW_EFOREIGN;
}

/* The next event of the store; WW_OK when it is of this type, else what went wrong. */
static int await(struct ww_log_store *store, enum ww_log_event_type type,
                 struct ww_log_event *event)
{
    const struct timespec pause = {.tv_nsec = LOOK_NS};
    while (store->ops->poll(store, event, 1) == 0)
        nanosleep(&pause, NULL);
    return event->status != WW_OK ? event->status : event->type == type ? WW_OK : WW_EIO;
}

/* A ww_snapshot_produce. */
static int copy(struct ww_snapshot_reader *reader, ww_state_write write, void *sink)
{
    static _Thread_local uint8_t piece[WW_SNAPSHOT_CHUNK];
    int64_t bytes;
    int status = WW_OK;
    while (status >= 0 && (bytes = ww_snapshot_read(reader, piece, sizeof(piece))) > 0)
        status = write(sink, piece, (size_t)bytes);
    return status;
}

static int copy_sessions(void *context, ww_state_write write, void *sink)
{
    struct ww_snapshot_reader reader;
    ww_snapshot_open_sessions(&reader, context);
    return copy(&reader, write, sink);
}

static int copy_machine(void *context, ww_state_write write, void *sink)
{
    struct ww_snapshot_reader reader;
    ww_snapshot_open_machine(&reader, context);
    return copy(&reader, write, sink);
}

static int save(const struct ww_config *config, struct ww_log_store *store,
                const struct ww_snapshot_blob *snapshot)
{
    struct ww_log_event event;
    struct ww_snapshot_save wanted = {
        .group = ww_snapshot_header(snapshot)->group,
        .about = *ww_snapshot_header(snapshot),
        .sessions = copy_sessions,
        .machine = copy_machine,
        .context = (void *)snapshot,
    };
    wanted.about.cluster = ww_cluster_number(config->cluster_name);
    wanted.about.configuration = ww_backend_first_configuration(config);
    int status = store->ops->snapshot_save(store, &wanted);
    if (status == WW_OK)
        status = await(store, WW_LOG_SNAPSHOT_SAVED, &event);
    if (status == WW_OK)
        store->ops->snapshot_unmap(store, &event.snapshot);
    return status;
}

/* Closes the block and waits until it is durable. */
static int write_block(struct ww_log_store *store, struct ww_log_buffer *buffer)
{
    struct ww_log_range range = ww_log_buffer_close(buffer, buffer->keep);
    struct ww_log_event event = {0};
    int status = store->ops->write(store, range.position, ww_log_buffer_at(buffer, range.position),
                                   range.write_bytes);
    while (status == WW_OK && event.position < range.position + range.write_bytes)
        status = await(store, WW_LOG_WRITTEN, &event);
    buffer->keep = buffer->head;
    return status;
}

static int put_record(struct ww_log_store *store, struct ww_log_buffer *buffer, uint32_t kind,
                      const struct ww_snapshot_header *header)
{
    int status = WW_OK;
    if (ww_log_buffer_room(buffer, WW_BATCH_HEADER_BYTES, UINT64_MAX) != WW_LOG_ROOM)
        status = write_block(store, buffer);
    if (status != WW_OK)
        return status;
    void *place = ww_log_buffer_reserve(buffer);
    ww_log_buffer_commit(buffer, kind == WW_BATCH_SNAPSHOT
                                     ? ww_batch_seal_snapshot(place, header->group, header->term,
                                                              header->index, 0, 0)
                                     : ww_batch_seal_hard_state(place, header->group, header->term,
                                                                WW_HARD_STATE_KNOWN));
    return WW_OK;
}

static int write_records(struct ww_log_store *store, const struct ww_snapshot_blob *snapshots,
                         uint32_t count)
{
    struct ww_log_buffer buffer = {
        .memory = aligned_alloc(WW_BLOCK_ALIGN, WW_LOG_BUFFER_MIN),
        .size = WW_LOG_BUFFER_MIN,
        .span = WW_LOG_BUFFER_MIN,
        .block_max = WW_BLOCK_MAX,
        .batch_max = WW_BATCH_HEADER_BYTES,
        .head = store->start_position,
        .block = store->start_position,
        .keep = store->start_position,
        .stream = store->stream_id,
        .epoch = store->epoch,
        .link = store->start_link,
    };
    int status = buffer.memory != NULL ? WW_OK : WW_ENOMEM;
    for (uint32_t i = 0; i < count && status == WW_OK; i++) {
        const struct ww_snapshot_header *header = ww_snapshot_header(&snapshots[i]);
        status = put_record(store, &buffer, WW_BATCH_HARD_STATE, header);
        if (status == WW_OK)
            status = put_record(store, &buffer, WW_BATCH_SNAPSHOT, header);
    }
    if (status == WW_OK && ww_log_buffer_open(&buffer))
        status = write_block(store, &buffer);
    free(buffer.memory);
    return status;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    return walk->level == 0 ? 0 : remove(path);
}

int ww_node_restore(const struct ww_config *config, const struct ww_snapshot_blob *snapshots,
                    uint32_t count, struct ww_error *error)
{
    struct ww_log_store *store;
    const struct iovec none[2] = {{0}};
    int status = check(config, snapshots, count, error);
    if (status != WW_OK)
        return status;
    status = ww_backend_log(config, none, visit, NULL, &store, error);
    if (status == WW_OK) {
        for (uint32_t i = 0; i < count && status == WW_OK; i++)
            status = save(config, store, &snapshots[i]);
        if (status == WW_OK)
            status = write_records(store, snapshots, count);
        store->ops->close(store);
        if (status != WW_OK)
            ww_fail(error, status, "cannot restore into %s: %s", config->data_dir,
                    ww_status_name(status));
    }
    if (status != WW_OK)
        nftw(config->data_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return status;
}
