/* SPDX-License-Identifier: Apache-2.0 */
/* Where a run keeps its cluster, and where its results go. */
#ifndef WW_BENCH_RUN_DIRECTORY_H
#define WW_BENCH_RUN_DIRECTORY_H

#include "engine/base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define WW_RUN_DIRECTORY_MAX 400u

/*
 * Makes DATA/ww-bench-XXXXXX and leaves its path in `directory`, or leaves that empty. A `durable`
 * run refuses a place in memory; WW_EINVAL in all cases, with what to choose instead.
 */
int ww_run_directory_make(const char *data, bool durable, char directory[WW_RUN_DIRECTORY_MAX],
                          struct ww_error *error);

/* Makes the directory of --output where it is missing. NULL: none is wanted. */
int ww_run_output_make(const char *output, struct ww_error *error);

/* DIRECTORY/load.CLIENT.WHAT, a file of one load process. */
#define WW_RUN_PATH_MAX (WW_RUN_DIRECTORY_MAX + 40u)
void ww_run_load_file(char path[WW_RUN_PATH_MAX], const char *directory, uint32_t client,
                      const char *what);

#endif
