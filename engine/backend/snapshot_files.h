/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshots in a data directory, by their files; the node may be running. */
#ifndef WW_BACKEND_SNAPSHOT_FILES_H
#define WW_BACKEND_SNAPSHOT_FILES_H

#include "engine/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define WW_SNAPSHOT_PATH_MAX 512u

/* Where the one of this group and index lies, when it is there. Returns `path`. */
char *ww_snapshot_file_path(const char *directory, uint32_t group, uint64_t index,
                            char path[WW_SNAPSHOT_PATH_MAX]);

struct ww_snapshot_file {
    uint32_t group;
    uint64_t index;
};

/* Those that are there, by group and index: *files is to be freed, also when there are none.
 * WW_ENOTFOUND (no such directory), WW_EIO, WW_ENOMEM. */
int ww_snapshot_files(const char *directory, struct ww_snapshot_file **files, size_t *count,
                      struct ww_error *error);

#endif
