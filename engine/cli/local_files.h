/* SPDX-License-Identifier: Apache-2.0 */
/* What a local cluster needs of the machine: a directory, free ports, the end of a log. */
#ifndef WW_CLI_LOCAL_FILES_H
#define WW_CLI_LOCAL_FILES_H

#include "engine/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Makes the directory of a cluster of `nodes` nodes, with DIR/sockets in it, and tells its absolute
 * path. `wanted` NULL: a fresh one. A directory that holds a cluster of another size is refused.
 */
int ww_local_open_directory(const char *wanted, uint32_t nodes, char *path, size_t size,
                            struct ww_error *error);

/* Finds `count` free ports of 127.0.0.1 from `first` on, or any when it is 0. */
int ww_local_take_ports(bool udp, uint32_t first, uint16_t *ports, uint32_t count,
                        struct ww_error *error);

/* The last line of a file that is not empty, or "nothing". */
void ww_local_last_line(const char *path, char *line, size_t size);

/* Removes a directory and all in it. */
void ww_local_remove(const char *path);

#endif
