/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot in a file of any name, whoever made it: for tools. */
#ifndef WW_SNAPSHOT_SNAPSHOT_MAP_H
#define WW_SNAPSHOT_SNAPSHOT_MAP_H

#include "engine/snapshot/snapshot.h"

/*
 * Maps a file to read and checks it whole, for the cluster and group that its header names.
 * WW_ENOTFOUND, WW_EIO, WW_ENOMEM, WW_EDAMAGED, WW_EVERSION: `error` says which file, and where.
 */
int ww_snapshot_map(const char *path, struct ww_snapshot_blob *blob, struct ww_error *error);
void ww_snapshot_unmap(struct ww_snapshot_blob *blob);

#endif
