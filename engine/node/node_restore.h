/* SPDX-License-Identifier: Apache-2.0 */
/* A data directory that begins with snapshots of another cluster, or of an earlier one. */
#ifndef WW_NODE_NODE_RESTORE_H
#define WW_NODE_NODE_RESTORE_H

#include "engine/node/config.h"
#include "engine/snapshot/snapshot.h"

/*
 * Makes config->data_dir of snapshots that were mapped and checked, one per group at most: cluster
 * and members are those of the configuration, all else is as it was. The directory must be missing
 * or empty, and is so again after a failure. Restored on all nodes, the same snapshots make a
 * cluster that goes on from them. WW_EINVAL, WW_ENOTFOUND (the group), WW_EFOREIGN (a directory in
 * use, another machine's), WW_ENOSPC, WW_EIO.
 */
int ww_node_restore(const struct ww_config *config, const struct ww_snapshot_blob *snapshots,
                    uint32_t count, struct ww_error *error);

/* The machine that saved it: "log", "kv", "other". */
const char *ww_node_snapshot_machine(const struct ww_snapshot_blob *snapshot);

#endif
