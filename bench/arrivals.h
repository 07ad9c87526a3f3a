/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the entries of an open loop are meant to be sent: at fixed intervals, or as a Poisson
 * process (independent arrivals at the same mean rate, so that the gaps between them are
 * exponential), or in bursts (of 12 on average, 1 us apart, that begin as a Poisson process), as
 * orders reach an exchange. The times follow from the seed. Several load processes share one
 * schedule: of fixed arrivals, process k of n takes every n-th from the k-th on; random ones of a
 * part of the rate each add up to the whole.
 */
#ifndef WW_BENCH_ARRIVALS_H
#define WW_BENCH_ARRIVALS_H

#include "engine/base/random.h"

#include <stdbool.h>
#include <stdint.h>

enum ww_arrivals_kind { WW_ARRIVALS_FIXED, WW_ARRIVALS_POISSON, WW_ARRIVALS_BURST };

/* For flags and result.json, ended by NULL. */
extern const char *const ww_arrivals_names[];

struct ww_arrivals_options {
    enum ww_arrivals_kind kind;
    uint64_t rate;            /* entries per second of all processes together, at least 1 */
    uint32_t client, clients; /* this process of so many */
    uint64_t seed;
};

struct ww_arrivals {
    enum ww_arrivals_kind kind;
    double interval_ns; /* the mean one of this process */
    double offset_ns;   /* fixed: of its first arrival */
    uint64_t start_ns;
    uint64_t count;  /* fixed: arrivals that are over */
    double at_ns;    /* the next one, behind start_ns */
    uint64_t burst;  /* of this one, still to come */
    uint64_t due_ns; /* the next one */
    struct ww_random random;
};

void ww_arrivals_init(struct ww_arrivals *arrivals, const struct ww_arrivals_options *options);

/* Begins at `start_ns`, also again after a pause. */
void ww_arrivals_start(struct ww_arrivals *arrivals, uint64_t start_ns);

/* The next one is over: moves `due_ns` on. */
void ww_arrivals_next(struct ww_arrivals *arrivals);

/*
 * Why entries leave later than they were meant to: the generator was held up or too slow, or the
 * cluster pushed back, so that the window of its client was full. Only the former says that the
 * machine was too small for the load.
 */
#define WW_LATE_NS 100000u /* a look that comes this late counts; the loop takes a microsecond */

struct ww_lateness {
    uint64_t behind_ns; /* time in which an entry was due and the generator did not look */
    uint64_t behind_max_ns;
    uint64_t pushed_back_ns; /* time in which an entry was due and the window was full */
    uint64_t seen_ns;        /* when it looked last */
    bool blocked;            /* the window was full then */
};

/* The generator looks at `now_ns`; the first entry that it has not proposed is due at `due_ns`. The
 * time since it looked last counts if `measured`. The caller sets `blocked` by what comes of it. */
void ww_lateness_note(struct ww_lateness *lateness, uint64_t due_ns, uint64_t now_ns,
                      bool measured);

#endif
