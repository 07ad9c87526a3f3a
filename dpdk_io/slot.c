/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_io/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Is the locked file still the one at `path`? The holder before us may have removed it. */
static int is_current(int fd, const char *path)
{
    struct stat held, named;
    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

int ww_lock_take(struct ww_lock *lock, const char *socket_dir, const char *name,
                 struct ww_error *error)
{
    lock->fd = -1;
    int length = snprintf(lock->path, sizeof(lock->path), "%s/%s.lock", socket_dir, name);
    if (length >= (int)sizeof(lock->path))
        return ww_fail(error, WW_EINVAL, "%s/%s.lock is too long (net.sockets)", socket_dir, name);
    for (;;) {
        int fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
            return ww_fail_errno(error, WW_EIO, "cannot open %s", lock->path);
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            int reason = errno;
            close(fd);
            errno = reason;
            return ww_fail_errno(error, reason == EWOULDBLOCK ? WW_ELOCKED : WW_EIO,
                                 "another process holds %s", lock->path);
        }
        if (is_current(fd, lock->path)) {
            lock->fd = fd;
            return WW_OK;
        }
        close(fd); /* removed between open and flock */
    }
}

void ww_lock_release(struct ww_lock *lock)
{
    if (lock->fd < 0)
        return;
    unlink(lock->path);
    close(lock->fd);
    lock->fd = -1;
}

int ww_slot_take(struct ww_lock *lock, const char *socket_dir, uint32_t count, uint32_t *slot,
                 struct ww_error *error)
{
    for (uint32_t k = 0; k < count; k++) {
        char name[32];
        snprintf(name, sizeof(name), "client-%u", k);
        *slot = k;
        int status = ww_lock_take(lock, socket_dir, name, error);
        if (status != WW_ELOCKED)
            return status;
    }
    return ww_fail(error, WW_EBUSY, "all %u client links of %s are taken (net.clients)", count,
                   socket_dir);
}
