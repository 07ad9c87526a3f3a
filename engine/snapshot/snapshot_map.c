/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/snapshot/snapshot_map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int map(int fd, const char *path, struct ww_snapshot_blob *blob, struct ww_error *error)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    if (!S_ISREG(info.st_mode))
        return ww_fail(error, WW_EIO, "%s is not a file", path);
    if ((size_t)info.st_size < sizeof(struct ww_snapshot_header))
        return ww_fail(error, WW_EDAMAGED, "%s: snapshot: %ld bytes do not hold its header", path,
                       (long)info.st_size);
    void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return ww_fail_errno(error, WW_ENOMEM, "cannot map %s", path);
    *blob = (struct ww_snapshot_blob){data, (size_t)info.st_size};
    return WW_OK;
}

int ww_snapshot_map(const char *path, struct ww_snapshot_blob *blob, struct ww_error *error)
{
    *blob = (struct ww_snapshot_blob){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ww_fail_errno(error, errno == ENOENT ? WW_ENOTFOUND : WW_EIO, "%s", path);
    int status = map(fd, path, blob, error);
    close(fd);
    if (status != WW_OK)
        return status;
    const struct ww_snapshot_header *header = ww_snapshot_header(blob);
    status = ww_snapshot_check(blob, header->cluster, header->group, error);
    if (status != WW_OK) {
        ww_fail_context(error, "%s", path);
        ww_snapshot_unmap(blob);
    }
    return status;
}

void ww_snapshot_unmap(struct ww_snapshot_blob *blob)
{
    if (blob->data != NULL)
        munmap((void *)blob->data, blob->bytes);
    *blob = (struct ww_snapshot_blob){0};
}
