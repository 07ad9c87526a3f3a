/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search for an order of a register's operations: Wing and Gong's (Testing and verifying
 * concurrent objects, 1993) with Lowe's memory of what was tried (Testing for linearizability,
 * 2017). It takes, again and again, an operation that was called before the first return among
 * those that are left, and goes back when none fits.
 */
#ifndef WW_LINCHECK_REGISTER_SEARCH_H
#define WW_LINCHECK_REGISTER_SEARCH_H

#include "tests/lincheck/lincheck.h"

/* An operation in a search. */
struct ww_register_candidate {
    const struct ww_operation *operation;
    bool may_skip; /* it may take effect at any time after its call, or never */
};

struct ww_register_search {
    enum ww_lincheck_verdict verdict;
    uint64_t steps;    /* in: how many it may take; out: how many are left */
    uint64_t stuck_ns; /* NOT_LINEARIZABLE: nothing fits the operations that returned by then */
};

/* The candidates come in order of their calls. WW_OK or WW_ENOMEM. */
int ww_register_search(const struct ww_register_candidate *candidates, size_t count,
                       struct ww_register_search *search);

#endif
