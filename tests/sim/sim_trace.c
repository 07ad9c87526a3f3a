/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_trace.h"

#include "engine/base/random.h"

void sim_trace_reset(struct sim_trace *trace, uint64_t seed)
{
    trace->hash = ww_random_mix(seed);
    trace->count = 0;
}

void sim_trace_add(struct sim_trace *trace, uint64_t at_ns, const char *what, uint64_t a,
                   uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
    struct sim_trace_line *line = &trace->lines[trace->count++ % SIM_TRACE_EVENTS];
    *line = (struct sim_trace_line){.at_ns = at_ns, .what = what, .values = {a, b, c, d, e, f}};
    uint64_t mixed = at_ns + (uint8_t)what[0];
    for (uint32_t i = 0; i < 6; i++)
        mixed = (mixed ^ line->values[i]) * 0x9e3779b97f4a7c15u + (mixed >> 29);
    trace->hash = ww_random_mix(trace->hash ^ mixed);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
void sim_trace_print(const struct sim_trace *trace, uint64_t count, uint64_t begin_ns, FILE *to)
{
    uint64_t kept = trace->count < SIM_TRACE_EVENTS ? trace->count : SIM_TRACE_EVENTS;
    uint64_t shown = count < kept ? count : kept;
    for (uint64_t i = trace->count - shown; i < trace->count; i++) {
        const struct sim_trace_line *line = &trace->lines[i % SIM_TRACE_EVENTS];
        const uint64_t *v = line->values;
        fprintf(to, "%10.3f ms  ", (double)(line->at_ns - begin_ns) / 1e6);
        fprintf(to, line->what, v[0], v[1], v[2], v[3], v[4], v[5]);
        fputc('\n', to);
    }
}
#pragma GCC diagnostic pop
