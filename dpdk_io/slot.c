/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_io/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void lock_path(char path[PATH_MAX], const char *socket_dir, uint32_t slot)
{
    snprintf(path, PATH_MAX, "%s/client-%u.lock", socket_dir, slot);
}

/* Is the locked file still the one at `path`? The holder before us may have removed it. */
static int is_current(int fd, const char *path)
{
    struct stat held, named;
    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

int ww_slot_take(const char *socket_dir, uint32_t count, uint32_t *slot, int *fd,
                 struct ww_error *error)
{
    char path[PATH_MAX];
    for (uint32_t k = 0; k < count;) {
        lock_path(path, socket_dir, k);
        int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (lock < 0)
            return ww_fail_errno(error, WW_EIO, "cannot open the client lock %s", path);
        if (flock(lock, LOCK_EX | LOCK_NB) == 0) {
            if (is_current(lock, path)) {
                *slot = k;
                *fd = lock;
                return WW_OK;
            }
            close(lock); /* removed between open and flock: try this slot again */
            continue;
        }
        int reason = errno;
        close(lock);
        if (reason != EWOULDBLOCK) {
            errno = reason;
            return ww_fail_errno(error, WW_EIO, "cannot lock %s", path);
        }
        k++;
    }
    return ww_fail(error, WW_EBUSY, "all %u client links of %s are taken (net.clients)", count,
                   socket_dir);
}

void ww_slot_release(const char *socket_dir, uint32_t slot, int fd)
{
    char path[PATH_MAX];
    lock_path(path, socket_dir, slot);
    unlink(path);
    close(fd);
}
