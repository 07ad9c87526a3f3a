/* SPDX-License-Identifier: Apache-2.0 */
/* The machines that come with the engine. */
#ifndef WW_MACHINE_MACHINE_H
#define WW_MACHINE_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* Whose saved state of `bytes` begins with `head` (at least min(bytes, 8) bytes): "log", "kv"; or
 * "other". */
const char *ww_machine_of_state(const uint8_t *head, uint64_t bytes);

#endif
