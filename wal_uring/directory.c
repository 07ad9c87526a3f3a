/* SPDX-License-Identifier: Apache-2.0 */
#include "wal_uring/directory.h"

#include "engine/wire/checksum.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

int ww_wal_errno_status(void)
{
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? WW_ENOSPC : WW_EIO;
}

bool ww_wal_errno_lost(int reason)
{
    return reason == EIO || reason == ENODATA || reason == EILSEQ || reason == EUCLEAN;
}

static uint32_t identity_checksum(const struct ww_wal_identity *identity)
{
    return ww_crc32c(&identity->magic, sizeof(*identity) - sizeof(identity->crc32c));
}

static int make_directory(const char *path, struct ww_error *error)
{
    if (mkdir(path, 0750) != 0)
        return errno == EEXIST ? WW_OK
                               : ww_fail_errno(error, ww_wal_errno_status(),
                                               "cannot create the data directory %s", path);
    char copy[sizeof(((struct ww_wal_directory *)0)->path)];
    snprintf(copy, sizeof(copy), "%s", path);
    const char *parent = dirname(copy);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ww_fail_errno(error, WW_EIO, "cannot open %s to make %s durable", parent, path);
    int failed = fsync(fd);
    if (failed)
        ww_fail_errno(error, WW_EIO, "cannot sync %s", parent);
    close(fd);
    return failed ? WW_EIO : WW_OK;
}

static int lock(struct ww_wal_directory *directory, bool create, struct ww_error *error)
{
    directory->lock_fd =
        openat(directory->fd, "lock", (create ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0640);
    if (directory->lock_fd < 0)
        return ww_fail_errno(error, errno == ENOENT ? WW_ENOTFOUND : WW_EIO, "cannot open %s/lock",
                             directory->path);
    if (flock(directory->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return ww_fail_errno(error, WW_EIO, "cannot lock %s/lock", directory->path);
        char holder[24] = "";
        if (pread(directory->lock_fd, holder, sizeof(holder) - 1, 0) <= 0)
            strcpy(holder, "?");
        return ww_fail(error, WW_ELOCKED, "%s is in use by process %d (it holds %s/lock)",
                       directory->path, atoi(holder), directory->path);
    }
    if (!create)
        return WW_OK;
    char pid[24];
    int length = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    if (ftruncate(directory->lock_fd, 0) != 0 ||
        pwrite(directory->lock_fd, pid, (size_t)length, 0) != length)
        return ww_fail_errno(error, ww_wal_errno_status(), "cannot write %s/lock", directory->path);
    return WW_OK;
}

static int load_identity(struct ww_wal_directory *directory, bool create, struct ww_error *error)
{
    struct ww_wal_identity *identity = &directory->identity;
    int fd = openat(directory->fd, "identity", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        directory->fresh = create && errno == ENOENT;
        return directory->fresh
                   ? WW_OK
                   : ww_fail_errno(error, errno == ENOENT ? WW_ENOTFOUND : WW_EIO,
                                   "%s: cannot open its file identity", directory->path);
    }
    struct stat status;
    ssize_t got = fstat(fd, &status) == 0 ? pread(fd, identity, sizeof(*identity), 0) : -1;
    if (got < 0)
        ww_fail_errno(error, WW_EIO, "cannot read %s/identity", directory->path);
    close(fd);
    if (got < 0)
        return WW_EIO;
    if (got != (ssize_t)sizeof(*identity) || status.st_size != (off_t)sizeof(*identity))
        return ww_fail(error, WW_EDAMAGED, "%s/identity: %lld bytes long instead of %zu",
                       directory->path, (long long)status.st_size, sizeof(*identity));
    if (identity->magic != WW_WAL_IDENTITY_MAGIC || identity->crc32c != identity_checksum(identity))
        return ww_fail(
            error, WW_EDAMAGED,
            "%s/identity: its checksum does not match; move %s away to let the node come "
            "back from its peers as after the loss of its disk",
            directory->path, directory->path);
    if (identity->version != WW_WAL_VERSION)
        return ww_fail(error, WW_EVERSION,
                       "%s/identity: has format version %" PRIu32
                       ", but this program knows version %u",
                       directory->path, identity->version, WW_WAL_VERSION);
    return WW_OK;
}

static int open_wal(struct ww_wal_directory *directory, bool create, struct ww_error *error)
{
    if (create && mkdirat(directory->fd, "wal", 0750) != 0 && errno != EEXIST)
        return ww_fail_errno(error, ww_wal_errno_status(), "cannot create %s/wal", directory->path);
    directory->wal_fd = openat(directory->fd, "wal", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory->wal_fd < 0)
        return ww_fail_errno(error, WW_EIO, "cannot open %s/wal", directory->path);
    if (create && fsync(directory->fd) != 0)
        return ww_fail_errno(error, WW_EIO, "cannot sync %s", directory->path);
    return WW_OK;
}

static int name_directory(struct ww_wal_directory *directory, const char *path,
                          struct ww_error *error)
{
    *directory = (struct ww_wal_directory){.fd = -1, .wal_fd = -1, .lock_fd = -1};
    size_t length = path != NULL ? strlen(path) : 0;
    if (length == 0 || length >= sizeof(directory->path))
        return ww_fail(error, WW_EINVAL, "the data directory's name is missing or too long");
    memcpy(directory->path, path, length + 1);
    return WW_OK;
}

static int open_directory(struct ww_wal_directory *directory, struct ww_error *error)
{
    directory->fd = open(directory->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return directory->fd >= 0 ? WW_OK
                              : ww_fail_errno(error, errno == ENOENT ? WW_ENOTFOUND : WW_EIO,
                                              "cannot open the data directory %s", directory->path);
}

int ww_wal_directory_open(struct ww_wal_directory *directory, const char *path, bool create,
                          struct ww_error *error)
{
    int status = name_directory(directory, path, error);
    if (status == WW_OK && create)
        status = make_directory(path, error);
    if (status == WW_OK)
        status = open_directory(directory, error);
    if (status == WW_OK)
        status = lock(directory, create, error);
    if (status == WW_OK)
        status = load_identity(directory, create, error);
    if (status == WW_OK)
        status = open_wal(directory, create, error);
    if (status != WW_OK)
        ww_wal_directory_close(directory);
    return status;
}

int ww_wal_identity_load(struct ww_wal_directory *directory, struct ww_error *error)
{
    return load_identity(directory, false, error);
}

/* Asks the kernel, since taking the lock for a moment could keep a node from starting. */
static bool is_locked(const struct ww_wal_directory *directory)
{
    struct stat file;
    char line[256], wanted[64];
    FILE *locks = fopen("/proc/locks", "re");
    bool found = false;
    if (locks != NULL && fstatat(directory->fd, "lock", &file, 0) == 0) {
        snprintf(wanted, sizeof(wanted), " %02x:%02x:%ju ", major(file.st_dev), minor(file.st_dev),
                 (uintmax_t)file.st_ino);
        while (!found && fgets(line, sizeof(line), locks) != NULL)
            found = strstr(line, "FLOCK") != NULL && strstr(line, wanted) != NULL;
    }
    if (locks != NULL)
        fclose(locks);
    return found;
}

int ww_wal_directory_look(struct ww_wal_directory *directory, const char *path, bool *in_use,
                          struct ww_error *error)
{
    int status = name_directory(directory, path, error);
    if (status == WW_OK)
        status = open_directory(directory, error);
    if (status == WW_OK)
        status = load_identity(directory, false, error);
    if (status == WW_OK)
        status = open_wal(directory, false, error);
    if (status == WW_OK)
        *in_use = is_locked(directory);
    else
        ww_wal_directory_close(directory);
    return status;
}

void ww_wal_directory_close(struct ww_wal_directory *directory)
{
    int fds[] = {directory->wal_fd, directory->fd, directory->lock_fd}; /* the lock goes last */
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    directory->fd = directory->wal_fd = directory->lock_fd = -1;
}

int ww_wal_identity_store(struct ww_wal_directory *directory, struct ww_error *error)
{
    struct ww_wal_identity *identity = &directory->identity;
    identity->magic = WW_WAL_IDENTITY_MAGIC;
    identity->version = WW_WAL_VERSION;
    identity->crc32c = identity_checksum(identity);
    int fd = openat(directory->fd, "identity.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return ww_fail_errno(error, ww_wal_errno_status(), "cannot create %s/identity.new",
                             directory->path);
    errno = ENOSPC; /* what a short write means */
    bool stored = write(fd, identity, sizeof(*identity)) == (ssize_t)sizeof(*identity) &&
                  fsync(fd) == 0 &&
                  renameat(directory->fd, "identity.new", directory->fd, "identity") == 0 &&
                  fsync(directory->fd) == 0;
    int status = stored ? WW_OK
                        : ww_fail_errno(error, ww_wal_errno_status(), "cannot store %s/identity",
                                        directory->path);
    close(fd);
    return status;
}

bool ww_wal_directory_volatile(const struct ww_wal_directory *directory)
{
    struct statfs status;
    return fstatfs(directory->fd, &status) == 0 &&
           (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC);
}
