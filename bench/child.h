/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of an experiment, each in a session of its own (docs/decisions/0011). */
#ifndef WW_BENCH_CHILD_H
#define WW_BENCH_CHILD_H

#include "engine/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory that the processes share, zeroed; NULL: there is none. It ends with munmap. */
void *ww_child_memory(size_t bytes);

/* What process `number` does; a status other than WW_OK, with `error`, fails the whole run. */
typedef int ww_child_body(void *context, uint32_t number, struct ww_error *error);

/*
 * Runs `count` processes until the first of them, number 0, is done, and ends the others. None
 * outlives the caller. WW_ECLOSED when `interrupted` says so.
 */
int ww_children_run(uint32_t count, ww_child_body *body, void *context,
                    bool (*interrupted)(uint64_t wait_ns), struct ww_error *error);

#endif
