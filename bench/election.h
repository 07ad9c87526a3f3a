/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elections after the death of a leader, in virtual time (virtual_group.h), under one of several
 * ways to choose the election timeout. The consensus core is the engine's in all of them.
 *
 *   FIXED     every node waits election_min
 *   RANDOM    from [election_min, election_max), anew each time: the Raft paper's way
 *   BACKOFF   election_min, and on top a random part of a slot that begins as an eighth of the
 *             range and doubles with every candidacy that failed, up to eight times the range
 *   ENGINE    the core's own: RANDOM, doubled after a failure, up to four times
 *   ADAPTIVE  the core's own with raft.adaptive: from a part of the range, by the heartbeats seen
 */
#ifndef WW_BENCH_ELECTION_H
#define WW_BENCH_ELECTION_H

#include "bench/virtual_group.h"
#include "engine/base/histogram.h"

enum ww_election_design {
    WW_ELECTION_FIXED,
    WW_ELECTION_RANDOM,
    WW_ELECTION_BACKOFF,
    WW_ELECTION_ENGINE,
    WW_ELECTION_ADAPTIVE,
    WW_ELECTION_DESIGNS,
};

extern const char *const ww_election_designs[]; /* their names */

struct ww_election_result {
    struct ww_histogram latency; /* ns, from the death of a leader until another one leads */
    uint64_t elections;
    uint64_t split;      /* elections in which a term had several candidates and no leader */
    uint64_t terms;      /* begun in all of them */
    uint64_t unresolved; /* elections without a leader after a hundred times election_max */
};

void ww_election_result_reset(struct ww_election_result *result);

/*
 * Adds the election with this number: a leader is heard for ten rounds of heartbeats, and dies.
 * `options` has nodes, times and the seed; the rest follows from the design. An election does not
 * count when the group had no leader that stayed: its delays are too long for its timeouts.
 */
int ww_election_run(const struct ww_virtual_options *options, enum ww_election_design design,
                    uint64_t number, struct ww_election_result *result, const char **why);

#endif
