/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes of entries: all alike, drawn from a distribution, or read from a file.
 *
 *   64B                        all of that size
 *   uniform:64B-1KiB           each size of the range alike
 *   exponential:256B           with this mean; at least 1 byte, at most ten times the mean
 *   mix:64B=90,1KiB=9,4KiB=1   of each so many, by weight
 *   file:PATH                  one size a line, in this order, and again from the start
 */
#ifndef WW_BENCH_SIZES_H
#define WW_BENCH_SIZES_H

#include "engine/base/error.h"

#include <stdint.h>

struct ww_sizes {
    uint32_t *bytes; /* of the entries 0 .. count - 1, which repeat; NULL: all have `fixed` */
    uint64_t count;
    uint32_t fixed;
};

/* Every size is from 1 to `most`. WW_EINVAL says what is wrong and where. */
int ww_sizes_create(struct ww_sizes *sizes, const char *text, uint64_t seed, uint32_t most,
                    struct ww_error *error);
void ww_sizes_destroy(struct ww_sizes *sizes);

#endif
