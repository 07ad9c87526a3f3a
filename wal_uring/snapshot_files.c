/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/backend/snapshot_files.h"

#include "wal_uring/snapshot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct found {
    struct ww_snapshot_file *files;
    size_t count, capacity;
    bool no_memory;
};

char *ww_snapshot_file_path(const char *directory, uint32_t group, uint64_t index,
                            char path[WW_SNAPSHOT_PATH_MAX])
{
    snprintf(path, WW_SNAPSHOT_PATH_MAX, "%.400s/snapshots/%08" PRIx32 "-%016" PRIx64 ".snap",
             directory, group, index);
    return path;
}

static void note(void *context, const char *name, uint32_t group, uint64_t index)
{
    struct found *found = context;
    if (found->count == found->capacity) {
        size_t capacity = found->capacity == 0 ? 16 : 2 * found->capacity;
        struct ww_snapshot_file *larger = realloc(found->files, capacity * sizeof(*larger));
        found->no_memory |= larger == NULL;
        if (larger == NULL)
            return;
        found->files = larger;
        found->capacity = capacity;
    }
    found->files[found->count++] = (struct ww_snapshot_file){group, index};
}

static int compare(const void *left, const void *right)
{
    const struct ww_snapshot_file *a = left, *b = right;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

int ww_snapshot_files(const char *directory, struct ww_snapshot_file **files, size_t *count,
                      struct ww_error *error)
{
    char path[WW_SNAPSHOT_PATH_MAX];
    struct found found = {0};
    *files = NULL;
    *count = 0;
    snprintf(path, sizeof(path), "%.400s/snapshots", directory);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ww_fail_errno(error, errno == ENOENT ? WW_ENOTFOUND : WW_EIO, "%s", path);
    int status = ww_wal_snapshot_each(fd, note, &found);
    if (status != WW_OK)
        ww_fail_errno(error, status, "cannot list %s", path);
    close(fd);
    if (status == WW_OK && found.no_memory)
        status = ww_fail(error, WW_ENOMEM, "no memory to list %s", path);
    if (status != WW_OK) {
        free(found.files);
        return status;
    }
    if (found.count > 0)
        qsort(found.files, found.count, sizeof(*found.files), compare);
    *files = found.files;
    *count = found.count;
    return WW_OK;
}
