/* SPDX-License-Identifier: Apache-2.0 */
/* What a switch to the next segment costs: commits that it touched against all others. */
#ifndef WW_BENCH_ROTATION_H
#define WW_BENCH_ROTATION_H

#include "bench/load.h"
#include "engine/base/histogram.h"
#include "engine/base/limits.h"

#include <stddef.h>
#include <stdint.h>

/* A commit crosses a rotation when it was under way at the switch of any node, or in this time
 * behind it, in which the node opens the next file and may begin to prepare another. */
#define WW_ROTATION_WINDOW_NS UINT64_C(5000000)

struct ww_rotations {
    uint64_t times_ns[WW_NODES_MAX * WW_WAL_ROTATIONS]; /* of all nodes */
    size_t count;
    uint32_t measured; /* of them in the slices */
    struct ww_histogram crossing, others;
};

/* Adds what a node tells of itself. */
int ww_rotations_ask(struct ww_rotations *rotations, const char *endpoint, struct ww_error *error);

/* Before the first division: the times in their order, empty histograms. */
void ww_rotations_sort(struct ww_rotations *rotations);

/* Counts those of a slice of the measured phase. */
void ww_rotations_count(struct ww_rotations *rotations, uint64_t begin_ns, uint64_t end_ns);

/* Sorts the commits into the two histograms. */
void ww_rotations_divide(struct ww_rotations *rotations, const struct ww_load_commit *commits,
                         size_t count);

/* The same for the commits that the load processes left in the directory. */
int ww_rotations_read(struct ww_rotations *rotations, const char *directory, uint32_t clients,
                      struct ww_error *error);

#endif
