/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/arrivals.h"

#include "bench/exponential.h"

#include <math.h>
#include <stddef.h>

#define SECOND_NS 1e9
#define BURST 12.0 /* arrivals, on average */
#define BURST_GAP_NS 1000.0

const char *const ww_arrivals_names[] = {"fixed", "poisson", "burst", NULL};

void ww_arrivals_init(struct ww_arrivals *arrivals, const struct ww_arrivals_options *options)
{
    double interval_ns = SECOND_NS / (double)options->rate;
    *arrivals = (struct ww_arrivals){
        .kind = options->kind,
        .interval_ns = interval_ns * options->clients,
        .offset_ns = interval_ns * options->client,
        .random = {ww_random_mix(options->seed + 1) + options->client},
    };
}

/* The gap to the next arrival: short within a burst, and behind it so long that the rate stays. */
static double burst_gap(struct ww_arrivals *arrivals)
{
    double within = fmin(BURST_GAP_NS, arrivals->interval_ns / 2);
    if (arrivals->burst > 0) {
        arrivals->burst--;
        return within;
    }
    /* Geometric, so that a burst of any length may go on as a new one. */
    arrivals->burst = (uint64_t)(ww_exponential(&arrivals->random) / -log1p(-1 / BURST));
    return (BURST * arrivals->interval_ns - (BURST - 1) * within) *
           ww_exponential(&arrivals->random);
}

/* Fixed arrivals are counted, so that no error adds up. */
static void set_due(struct ww_arrivals *arrivals)
{
    if (arrivals->kind == WW_ARRIVALS_POISSON)
        arrivals->at_ns += arrivals->interval_ns * ww_exponential(&arrivals->random);
    else if (arrivals->kind == WW_ARRIVALS_BURST)
        arrivals->at_ns += burst_gap(arrivals);
    else
        arrivals->at_ns = arrivals->offset_ns + (double)arrivals->count * arrivals->interval_ns;
    arrivals->due_ns = arrivals->start_ns + (uint64_t)arrivals->at_ns;
}

void ww_arrivals_start(struct ww_arrivals *arrivals, uint64_t start_ns)
{
    arrivals->start_ns = start_ns;
    arrivals->count = 0;
    arrivals->at_ns = 0;
    arrivals->burst = 0;
    set_due(arrivals);
}

void ww_arrivals_next(struct ww_arrivals *arrivals)
{
    arrivals->count++;
    set_due(arrivals);
}

void ww_lateness_note(struct ww_lateness *lateness, uint64_t due_ns, uint64_t now_ns, bool measured)
{
    uint64_t seen_ns = lateness->seen_ns;
    lateness->seen_ns = now_ns;
    if (!measured || seen_ns == 0 || due_ns > now_ns)
        return;
    bool left = due_ns <= seen_ns; /* it was due before, and did not go out */
    uint64_t late_ns = now_ns - (left ? seen_ns : due_ns);
    if (left && lateness->blocked) {
        lateness->pushed_back_ns += late_ns;
    } else if (left || late_ns >= WW_LATE_NS) {
        lateness->behind_ns += late_ns;
        if (late_ns > lateness->behind_max_ns)
            lateness->behind_max_ns = late_ns;
    }
}
