/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WW_BENCH_EXPONENTIAL_H
#define WW_BENCH_EXPONENTIAL_H

#include "engine/base/random.h"

#include <math.h>

/* Exponentially distributed with mean 1, by inversion: -log of a uniform number in (0, 1]. */
static inline double ww_exponential(struct ww_random *random)
{
    return -log((double)((ww_random_next(random) >> 11) + 1) * 0x1p-53);
}

#endif
