/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/loop_mount.h"

#include "engine/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#define ATTEMPTS 64 /* others may take the free device first */
#define UNMOUNT_ATTEMPTS 1000
#define UNMOUNT_WAIT_NS 10000000

static int attach(int image_fd, char path[32], struct ww_error *error)
{
    struct loop_config config = {.fd = (uint32_t)image_fd, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int device = -1;
    for (int i = 0; control >= 0 && device < 0 && i < ATTEMPTS; i++) {
        snprintf(path, 32, "/dev/loop%d", ioctl(control, LOOP_CTL_GET_FREE));
        device = open(path, O_RDWR | O_CLOEXEC);
        if (device >= 0 && ioctl(device, LOOP_CONFIGURE, &config) != 0) {
            close(device);
            device = -1;
        }
    }
    if (device < 0)
        ww_fail_errno(error, WW_EIO, "cannot attach a loop device");
    if (control >= 0)
        close(control);
    return device;
}

int ww_loop_mount(int image_fd, const char *mount_point, struct ww_error *error)
{
    char path[32] = "";
    int device = attach(image_fd, path, error);
    if (device < 0)
        return WW_EIO;
    int status = WW_OK;
    if (mount(path, mount_point, "ext4", MS_NOATIME, NULL) != 0)
        status = ww_fail_errno(error, WW_EDAMAGED, "cannot mount %s on %s", path, mount_point);
    close(device);
    return status;
}

int ww_loop_unmount(const char *mount_point, struct ww_error *error)
{
    const struct timespec pause = {.tv_nsec = UNMOUNT_WAIT_NS};
    int failed = umount(mount_point);
    /* io_uring lets go of its files a while after its process has ended. */
    for (int i = 0; failed != 0 && errno == EBUSY && i < UNMOUNT_ATTEMPTS; i++) {
        nanosleep(&pause, NULL);
        failed = umount(mount_point);
    }
    if (failed != 0)
        return ww_fail_errno(error, WW_EIO, "cannot unmount %s", mount_point);
    return WW_OK;
}
