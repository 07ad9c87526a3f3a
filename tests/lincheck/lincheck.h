/* SPDX-License-Identifier: Apache-2.0 */
/* Is a history linearizable? */
#ifndef WW_LINCHECK_LINCHECK_H
#define WW_LINCHECK_LINCHECK_H

#include "tests/lincheck/history.h"

#define WW_LINCHECK_WITNESS_MAX 64u

/* Steps of a register's search that are enough for any history that is not built to be hard. */
#define WW_LINCHECK_STEPS (100u * 1000 * 1000)

enum ww_lincheck_verdict {
    WW_LINEARIZABLE,
    WW_NOT_LINEARIZABLE,
    WW_UNDECIDED, /* a register's search took more than the steps it was given */
};

struct ww_lincheck_result {
    enum ww_lincheck_verdict verdict;
    uint64_t key;    /* of the violation */
    const char *why; /* of the violation: a static sentence about the witness */
    /* Operations (by their place in the history) that no order fits: of a log one or two, of a
     * register as few as removing one by one leaves, in order of their calls. */
    size_t witness[WW_LINCHECK_WITNESS_MAX];
    size_t witness_count;
    bool witness_cut; /* there are more than the array holds */
};

/*
 * Checks every key, up to the first violation. WW_OK: *result holds the verdict. WW_EINVAL: the
 * history is not one of registers and logs (`error` says why); WW_ENOMEM.
 */
int ww_lincheck(const struct ww_history *history, uint64_t steps, struct ww_lincheck_result *result,
                struct ww_error *error);

#endif
