/* SPDX-License-Identifier: Apache-2.0 */
/* A file in memory that is written in order: what stores of tests keep snapshots in. */
#ifndef WW_TESTS_MEMORY_FILE_H
#define WW_TESTS_MEMORY_FILE_H

#include "engine/backend/log_store.h"
#include "engine/base/assert.h"

#include <stdlib.h>
#include <string.h>

struct memory_file {
    uint8_t *data; /* malloc; NULL: empty */
    size_t bytes, capacity;
};

/* A ww_state_write. */
static inline int memory_file_write(void *context, const void *data, size_t bytes)
{
    struct memory_file *file = context;
    if (file->bytes + bytes > file->capacity) {
        file->capacity = 2 * file->capacity + bytes;
        file->data = realloc(file->data, file->capacity);
    }
    WW_ASSERT(file->data != NULL);
    memcpy(file->data + file->bytes, data, bytes);
    file->bytes += bytes;
    return WW_OK;
}

static inline void memory_file_free(struct memory_file *file)
{
    free(file->data);
    *file = (struct memory_file){0};
}

/* A copy, as a mapping: of free(). */
static inline struct ww_snapshot_blob memory_file_map(const struct memory_file *file)
{
    uint8_t *copy = malloc(file->bytes);
    WW_ASSERT(copy != NULL);
    memcpy(copy, file->data, file->bytes);
    return (struct ww_snapshot_blob){copy, file->bytes};
}

static inline void memory_file_unmap(struct ww_snapshot_blob *blob)
{
    free((void *)(uintptr_t)blob->data);
}

/* Runs the producers; on failure the file is empty. */
static inline int memory_file_save(struct memory_file *file, const struct ww_snapshot_save *save)
{
    struct ww_snapshot_writer writer;
    *file = (struct memory_file){0};
    int status = ww_snapshot_begin(&writer, &save->about, memory_file_write, file);
    if (status == WW_OK)
        status = save->sessions(save->context, ww_snapshot_write, &writer);
    ww_snapshot_end_sessions(&writer);
    if (status == WW_OK)
        status = save->machine(save->context, ww_snapshot_write, &writer);
    if (status == WW_OK)
        status = ww_snapshot_seal(&writer);
    if (status == WW_OK)
        memcpy(file->data, &writer.header, sizeof(writer.header));
    else
        memory_file_free(file);
    ww_snapshot_end(&writer);
    return status;
}

#endif
