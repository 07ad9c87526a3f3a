/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a follower waits before it stands for election.
 *
 * Section 9.3 and thesis 9.3: timeouts are drawn from a range, so that split votes are rare. After
 * a candidacy that failed the next one waits longer (exponential backoff, capped). A node that is
 * not the preferred leader lets the others go first. With `adaptive`, the range is narrowed to what
 * the heartbeats that arrived call for: their gap, its deviation (as in RFC 6298), their loss.
 */
#include "engine/raft/raft_internal.h"

#define BACKOFF_DOUBLINGS 2u
#define RANKS_MAX 2u
#define LOSSES_MAX 8u

struct range {
    uint64_t low_ns, high_ns;
};

/* So many heartbeats in a row are lost less often than once in a thousand times. */
static uint32_t losses_in_a_row(uint32_t loss_ppm)
{
    uint32_t losses = 0;

    for (uint64_t odds_ppm = WW_RAFT_MILLION; odds_ppm > 1000 && losses < LOSSES_MAX; losses++)
        odds_ppm = odds_ppm * loss_ppm / WW_RAFT_MILLION;
    return losses;
}

static struct range adaptive_range(const struct ww_raft *raft)
{
    const struct ww_raft_options *options = &raft->options;
    const struct ww_raft_arrivals *arrivals = &raft->arrivals;
    uint64_t middle_ns = (options->election_min_ns + options->election_max_ns) / 2;
    uint64_t gap_ns =
        arrivals->gap_ns > options->heartbeat_ns ? arrivals->gap_ns : options->heartbeat_ns;
    struct range range = {.low_ns = gap_ns * (1 + losses_in_a_row(arrivals->loss_ppm)) +
                                    4 * arrivals->deviation_ns};

    if (range.low_ns < options->election_min_ns)
        range.low_ns = options->election_min_ns;
    if (range.low_ns > middle_ns)
        range.low_ns = middle_ns;
    range.high_ns = range.low_ns + range.low_ns / 2 + 1;
    if (range.high_ns > options->election_max_ns)
        range.high_ns = options->election_max_ns;
    return range;
}

/* How many voters are preferred to us, as far as it matters. */
static uint32_t rank(const struct ww_raft *raft)
{
    const uint8_t *priorities = raft->options.priorities;
    uint32_t before = 0;

    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        before += ww_raft_is_voter(raft, id) && priorities[id] > priorities[raft->options.self];
    return before < RANKS_MAX ? before : RANKS_MAX;
}

void ww_raft_reset_election_timer(struct ww_raft *raft)
{
    const struct ww_raft_options *options = &raft->options;
    bool measured = options->adaptive && raft->arrivals.gap_ns != 0;
    struct range range = {options->election_min_ns, options->election_max_ns};
    uint32_t doublings =
        raft->candidacies < BACKOFF_DOUBLINGS ? raft->candidacies : BACKOFF_DOUBLINGS;

    if (measured)
        range = adaptive_range(raft);
    raft->election_timeout_ns =
        (ww_random_range(&raft->random, range.low_ns, range.high_ns) << doublings) +
        rank(raft) * (range.high_ns - range.low_ns);
    raft->election_at_ns = raft->now_ns + raft->election_timeout_ns;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* Rounds come in order or are late; those between two that came were lost, or will be late. */
void ww_raft_arrived(struct ww_raft *raft, uint32_t round)
{
    struct ww_raft_arrivals *arrivals = &raft->arrivals;
    uint32_t ahead = round - raft->round;
    uint64_t gap_ns = raft->now_ns - arrivals->last_ns;
    uint32_t lost;

    if (ahead == 0 || ahead > UINT32_MAX / 2)
        return;
    raft->round = round;
    if (arrivals->last_ns != 0) {
        lost = ahead - 1 < LOSSES_MAX ? ahead - 1 : LOSSES_MAX;
        gap_ns /= ahead;
        if (arrivals->gap_ns == 0)
            arrivals->gap_ns = gap_ns;
        arrivals->deviation_ns +=
            (int64_t)(distance(gap_ns, arrivals->gap_ns) - arrivals->deviation_ns) / 4;
        arrivals->gap_ns += (int64_t)(gap_ns - arrivals->gap_ns) / 8;
        for (uint32_t i = 0; i < lost; i++)
            arrivals->loss_ppm += (WW_RAFT_MILLION - arrivals->loss_ppm) / 32;
        arrivals->loss_ppm -= arrivals->loss_ppm / 32;
    }
    arrivals->last_ns = raft->now_ns;
}
