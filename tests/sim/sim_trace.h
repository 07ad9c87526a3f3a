/* SPDX-License-Identifier: Apache-2.0 */
/* What happened in a run: a hash over everything, and the last events for a reader. */
#ifndef WW_SIM_TRACE_H
#define WW_SIM_TRACE_H

#include <stdint.h>
#include <stdio.h>

#define SIM_TRACE_EVENTS 4096u

struct sim_trace_line {
    uint64_t at_ns;
    const char *what; /* a static string with up to 6 %lu, for the values */
    uint64_t values[6];
};

struct sim_trace {
    uint64_t hash;
    uint64_t count;
    struct sim_trace_line lines[SIM_TRACE_EVENTS]; /* the last ones */
};

void sim_trace_reset(struct sim_trace *trace, uint64_t seed);
void sim_trace_add(struct sim_trace *trace, uint64_t at_ns, const char *what, uint64_t a,
                   uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
/* Prints the last `count` lines. */
void sim_trace_print(const struct sim_trace *trace, uint64_t count, uint64_t begin_ns, FILE *to);

#endif
