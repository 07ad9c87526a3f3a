/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times without an acknowledged entry, by which the outage behind an injected fault is measured as
 * clients see it. Each load process notes the gaps between its acknowledgements of group 0; of
 * those that begin in the same millisecond the longest alone. What lies in a gap of every process
 * was a gap of all of them together: exact for one process, and from a millisecond on for several.
 */
#ifndef WW_BENCH_GAPS_H
#define WW_BENCH_GAPS_H

#include "engine/base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define WW_GAPS "gaps" /* load.CLIENT.gaps, a file of each load process */
#define WW_GAP_STEP_NS UINT64_C(1000000)

struct ww_gap {
    uint64_t begin_ns, end_ns; /* acknowledgements, on CLOCK_MONOTONIC */
};

struct ww_gap_writer {
    FILE *file; /* NULL: nothing is noted */
    uint64_t last_ns;
    struct ww_gap longest; /* of those that begin in this millisecond */
};

/* Something was acknowledged at `now_ns`. */
void ww_gap_note(struct ww_gap_writer *writer, uint64_t now_ns);
/* Writes what is left and closes; fails if any write did. */
int ww_gap_writer_close(struct ww_gap_writer *writer, struct ww_error *error);

struct ww_gaps {
    struct ww_gap *list; /* in their order */
    size_t count;
};

/* The gaps that are common to the `clients` load processes of a run. */
int ww_gaps_read(struct ww_gaps *gaps, const char *directory, uint32_t clients,
                 struct ww_error *error);
void ww_gaps_free(struct ww_gaps *gaps);

/* The longest one that begins before `until_ns` and is not over at `from_ns`; NULL: there is none.
 */
const struct ww_gap *ww_gaps_longest(const struct ww_gaps *gaps, uint64_t from_ns,
                                     uint64_t until_ns);

#endif
