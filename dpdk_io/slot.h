/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client links of a directory of memif sockets: link K belongs to the process that holds the
 * lock on client-K.lock. The kernel lets go of it when the process dies.
 */
#ifndef WW_DPDK_IO_SLOT_H
#define WW_DPDK_IO_SLOT_H

#include "engine/base/error.h"

#include <stdint.h>

/* Takes the first free slot below `count` into *slot and its lock into *fd; ww_slot_release ends
 * it. WW_EBUSY when all are taken. */
int ww_slot_take(const char *socket_dir, uint32_t count, uint32_t *slot, int *fd,
                 struct ww_error *error);

void ww_slot_release(const char *socket_dir, uint32_t slot, int fd);

#endif
