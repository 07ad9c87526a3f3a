/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of one key. */
#ifndef WW_LINCHECK_MODELS_H
#define WW_LINCHECK_MODELS_H

#include "tests/lincheck/lincheck.h"

/* The operations of a key, in order of their calls. */
struct ww_lincheck_part {
    const struct ww_history *history;
    const size_t *operations; /* by place in the history */
    size_t count;
    uint64_t steps;
};

static inline const struct ww_operation *ww_lincheck_operation(const struct ww_lincheck_part *part,
                                                               size_t place)
{
    return &part->history->operations[part->operations[place]];
}

int ww_lincheck_register(const struct ww_lincheck_part *part, struct ww_lincheck_result *result,
                         struct ww_error *error);
int ww_lincheck_log(const struct ww_lincheck_part *part, struct ww_lincheck_result *result,
                    struct ww_error *error);

#endif
