/* SPDX-License-Identifier: Apache-2.0 */
/* An ext4 file system in a file, mounted through a loop device that goes away with the mount. */
#ifndef WW_CRASH_LOOP_MOUNT_H
#define WW_CRASH_LOOP_MOUNT_H

#include <whitewater/status.h>

/* `image_fd` is open for reading and writing; the journal is replayed. WW_EDAMAGED: no mount. */
int ww_loop_mount(int image_fd, const char *mount_point, struct ww_error *error);
int ww_loop_unmount(const char *mount_point, struct ww_error *error);

#endif
