/* SPDX-License-Identifier: Apache-2.0 */
#include "wal_uring/snapshot_file.h"

#include "wal_uring/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUP_DIGITS 8
#define INDEX_DIGITS 16
#define WHOLE ".snap"

struct name {
    char text[40];
};

static struct name name_of(uint32_t group, uint64_t index, const char *suffix)
{
    struct name name;
    snprintf(name.text, sizeof(name.text), "%08" PRIx32 "-%016" PRIx64 "%s", group, index, suffix);
    return name;
}

int ww_wal_snapshot_create(struct ww_wal_snapshot_file *file, uint32_t group, uint64_t index)
{
    struct name name = name_of(group, index, file->suffix);
    file->group = group;
    file->index = index;
    file->bytes = file->written_back = 0;
    file->fd = file->directory_fd < 0 ? memfd_create(name.text, MFD_CLOEXEC)
                                      : openat(file->directory_fd, name.text,
                                               O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    return file->fd >= 0 ? WW_OK : ww_wal_errno_status();
}

static int write_all(int fd, const uint8_t *data, size_t bytes, uint64_t offset)
{
    while (bytes > 0) {
        ssize_t done = pwrite(fd, data, bytes, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return ww_wal_errno_status();
        data += done;
        bytes -= (size_t)done;
        offset += (uint64_t)done;
    }
    return WW_OK;
}

int ww_wal_snapshot_append(struct ww_wal_snapshot_file *file, const void *data, size_t bytes)
{
    int status = write_all(file->fd, data, bytes, file->bytes);
    if (status == WW_OK)
        file->bytes += bytes;
    return status;
}

int ww_wal_snapshot_write_back(struct ww_wal_snapshot_file *file)
{
    const unsigned int all =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    uint64_t from = file->written_back;
    file->written_back = file->bytes;
    if (file->directory_fd < 0 ||
        sync_file_range(file->fd, (off_t)from, (off_t)(file->bytes - from), all) == 0)
        return WW_OK;
    return ww_wal_errno_status();
}

int ww_wal_snapshot_put_header(struct ww_wal_snapshot_file *file,
                               const struct ww_snapshot_header *header)
{
    return write_all(file->fd, (const void *)header, sizeof(*header), 0);
}

static int map(int fd, struct ww_snapshot_blob *blob)
{
    *blob = (struct ww_snapshot_blob){0};
    struct stat status;
    if (fstat(fd, &status) != 0)
        return WW_EIO;
    if (status.st_size == 0)
        return WW_EDAMAGED;
    size_t bytes = (size_t)status.st_size;
    void *data = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED)
        return WW_ENOMEM;
    *blob = (struct ww_snapshot_blob){data, bytes};
    return WW_OK;
}

int ww_wal_snapshot_map_file(const struct ww_wal_snapshot_file *file, struct ww_snapshot_blob *blob)
{
    return map(file->fd, blob);
}

int ww_wal_snapshot_publish(struct ww_wal_snapshot_file *file)
{
    int status = WW_OK;
    if (file->directory_fd >= 0) {
        struct name from = name_of(file->group, file->index, file->suffix);
        struct name to = name_of(file->group, file->index, WHOLE);
        if (fdatasync(file->fd) != 0 ||
            renameat(file->directory_fd, from.text, file->directory_fd, to.text) != 0) {
            status = ww_wal_errno_status();
            ww_wal_snapshot_discard(file);
            return status;
        }
        /* Whole it is, under either name; only which one a crash leaves is not known then. It may
         * have replaced one that the log needs, so it stays. */
        if (fsync(file->directory_fd) != 0)
            status = ww_wal_errno_status();
    }
    close(file->fd);
    file->fd = -1;
    return status;
}

void ww_wal_snapshot_discard(struct ww_wal_snapshot_file *file)
{
    if (file->fd < 0)
        return;
    close(file->fd);
    file->fd = -1;
    if (file->directory_fd >= 0)
        unlinkat(file->directory_fd, name_of(file->group, file->index, file->suffix).text, 0);
}

/* ---- those that are there ---- */

static bool parse_name(const char *name, const char *suffix, uint32_t *group, uint64_t *index)
{
    const char *digits = "0123456789abcdef";
    const char *second = name + GROUP_DIGITS + 1;
    if (strspn(name, digits) != GROUP_DIGITS || name[GROUP_DIGITS] != '-' ||
        strspn(second, digits) != INDEX_DIGITS || strcmp(second + INDEX_DIGITS, suffix) != 0)
        return false;
    *group = (uint32_t)strtoul(name, NULL, 16);
    *index = strtoull(second, NULL, 16);
    return true;
}

static int each(int directory_fd, const char *suffix, ww_wal_snapshot_visit visit, void *context)
{
    int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (entries == NULL) {
        if (fd >= 0)
            close(fd);
        return WW_EIO;
    }
    uint32_t group;
    uint64_t index;
    errno = 0;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL; errno = 0)
        if (parse_name(entry->d_name, suffix, &group, &index))
            visit(context, entry->d_name, group, index);
    int status = errno == 0 ? WW_OK : WW_EIO;
    closedir(entries);
    return status;
}

int ww_wal_snapshot_each(int directory_fd, ww_wal_snapshot_visit visit, void *context)
{
    return each(directory_fd, WHOLE, visit, context);
}

static void remove_unfinished(void *context, const char *name, uint32_t group, uint64_t index)
{
    unlinkat(*(int *)context, name, 0);
}

int ww_wal_snapshot_directory(int parent_fd, int *directory_fd, struct ww_error *error)
{
    *directory_fd = -1;
    if (mkdirat(parent_fd, "snapshots", 0750) == 0) {
        if (fsync(parent_fd) != 0)
            return ww_fail_errno(error, WW_EIO, "cannot sync the directory of snapshots");
    } else if (errno != EEXIST) {
        return ww_fail_errno(error, ww_wal_errno_status(),
                             "cannot create the directory of snapshots");
    }
    int fd = openat(parent_fd, "snapshots", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ww_fail_errno(error, WW_EIO, "cannot open the directory of snapshots");
    if (each(fd, ".new", remove_unfinished, &fd) != WW_OK ||
        each(fd, ".part", remove_unfinished, &fd) != WW_OK) {
        int status = ww_fail_errno(error, WW_EIO, "cannot list the directory of snapshots");
        close(fd);
        return status;
    }
    *directory_fd = fd;
    return WW_OK;
}

int ww_wal_snapshot_map(int directory_fd, uint32_t group, uint64_t index,
                        struct ww_snapshot_blob *blob)
{
    *blob = (struct ww_snapshot_blob){0};
    if (directory_fd < 0)
        return WW_ENOTFOUND; /* what is in memory ends with the store */
    int fd = openat(directory_fd, name_of(group, index, WHOLE).text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? WW_ENOTFOUND : ww_wal_errno_lost(errno) ? WW_EDAMAGED : WW_EIO;
    int status = map(fd, blob);
    close(fd);
    /* Read here: what the disk cannot read would end the process when it is used. */
    if (status == WW_OK && madvise((void *)blob->data, blob->bytes, MADV_POPULATE_READ) != 0) {
        status = errno == ENOMEM ? WW_ENOMEM : WW_EDAMAGED;
        ww_wal_snapshot_unmap(blob);
    }
    return status;
}

void ww_wal_snapshot_unmap(struct ww_snapshot_blob *blob)
{
    if (blob->data != NULL)
        munmap((void *)blob->data, blob->bytes);
    *blob = (struct ww_snapshot_blob){0};
}
