/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many questions a new leader asks until it knows where a follower's log agrees with its own.
 * Both logs begin with the same entries of term 1. Behind them the leader has entries of one newer
 * term; the follower has `terms` runs of `entries` each, of terms that the leader never saw: what
 * it got from leaders that failed before they committed (DIVERGED), or nothing (MISSING).
 *
 *   ENGINE    the core's own messages: a rejection carries the conflicting term and its first
 *             index, so that a question goes back by a term
 *   ONE       the Raft paper's figure 2: one entry back for each rejection
 *   HALVES    halves what is left of the whole log: a rejection says no more than that
 */
#ifndef WW_BENCH_BACKTRACKING_H
#define WW_BENCH_BACKTRACKING_H

#include <stdint.h>

enum ww_backtracking_shape {
    WW_BACKTRACKING_DIVERGED,
    WW_BACKTRACKING_MISSING,
    WW_BACKTRACKING_SHAPES,
};

struct ww_backtracking_case {
    enum ww_backtracking_shape shape;
    uint64_t common; /* entries that both have */
    uint64_t terms, entries;
};

struct ww_backtracking_result {
    uint64_t engine, one, halves; /* questions until it knows */
    double engine_rtts;           /* the time that the engine's took, in round trips of the link */
};

/* WW_EINVAL, WW_ENOMEM with the reason in *why. */
int ww_backtracking_run(const struct ww_backtracking_case *logs,
                        struct ww_backtracking_result *result, const char **why);

#endif
