/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks as a crash may have left them, made of a disk and the log of what was written to it then.
 * A disk may lose, keep or tear each write that was not flushed yet, whatever their order.
 */
#ifndef WW_CRASH_DISK_IMAGE_H
#define WW_CRASH_DISK_IMAGE_H

#include "tests/crash/write_log.h"

struct ww_disk_image {
    const struct ww_write_log *log;
    const char *start_path; /* the disk before the first write */
    uint64_t bytes;
    uint8_t *settled; /* the disk with the first `applied` writes of the log */
    size_t applied;
    uint8_t *scratch; /* mapped: the file that is mounted */
    int scratch_fd;
};

/* What became of the writes behind the flush. */
struct ww_disk_variation {
    uint32_t writes;
    uint32_t kept, torn, dropped;
};

/* The log stays the caller's. ww_disk_image_close ends it. */
int ww_disk_image_open(struct ww_disk_image *image, const struct ww_write_log *log,
                       const char *start_path, const char *scratch_path, struct ww_error *error);
void ww_disk_image_close(struct ww_disk_image *image);

/*
 * Makes the scratch file the disk with all that was written up to flush number `flush` (counted
 * from 0), and of what follows up to the next flush a part that `seed` chooses; 0: nothing. Quick
 * when the flushes of successive calls ascend.
 */
int ww_disk_image_make(struct ww_disk_image *image, size_t flush, uint64_t seed,
                       struct ww_disk_variation *variation, struct ww_error *error);

#endif
