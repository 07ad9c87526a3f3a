/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A damaged log is cut where the damage begins; docs/wal.md, Repair, says why it never comes back.
 * What lies behind the cut is kept as `.cut` files until the node has recovered: when too many
 * nodes are damaged, it may be all that there is.
 */
#ifndef WW_WAL_CUT_H
#define WW_WAL_CUT_H

#include "wal_uring/directory.h"

/* Puts the segments from `segment` on aside. The identity no longer asks for them. */
int ww_wal_cut_aside(const struct ww_wal_directory *directory, uint64_t segment,
                     struct ww_error *error);

/* Forgets those that were put aside. What fails here is tried again at the next opening. */
void ww_wal_cut_drop(const struct ww_wal_directory *directory);

/*
 * Writes an empty block at `position`, durably, so that no block behind it belongs to the chain any
 * more. `link` is that of the block before, and then of this one; it takes WW_BLOCK_ALIGN bytes.
 */
int ww_wal_cut_seal(const struct ww_wal_directory *directory, int open_flags, uint64_t position,
                    uint32_t epoch, uint32_t *link, struct ww_error *error);

#endif
