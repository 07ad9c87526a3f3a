/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DPDK 22.11's memif accepts a connection and greets it. When the other end has died by then, the
 * greeting fails, and memif closes the socket without taking it out of what its control thread
 * waits for, which aborts the process (docs/decisions/0006). This file's sendmsg stands before
 * libc's: on a socket of memif's kind, sending to one who is gone succeeds, and memif hears of the
 * end in the way that it handles well: by receiving nothing.
 */
#ifndef WW_DPDK_IO_DEAD_PEER_H
#define WW_DPDK_IO_DEAD_PEER_H

/* Makes sure that this file is part of the program; it has no other effect. */
void ww_dead_peer_guard(void);

#endif
