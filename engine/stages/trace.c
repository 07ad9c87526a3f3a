/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stages/trace.h"

#include "engine/wire/batch.h"
#include "engine/wire/block.h"

#include <whitewater/status.h>

#include <x86intrin.h>

const char *ww_trace_point_name(enum ww_trace_point point)
{
    static const char *const names[WW_TRACE_POINTS] = {
        [WW_TRACE_APPENDED] = "appended",   [WW_TRACE_SENT] = "sent",
        [WW_TRACE_CLOSED] = "closed",       [WW_TRACE_SUBMITTED] = "submitted",
        [WW_TRACE_WRITTEN] = "written",     [WW_TRACE_DURABLE] = "durable",
        [WW_TRACE_ACK_SENT] = "ack_sent",   [WW_TRACE_ACKED] = "acked",
        [WW_TRACE_COMMITTED] = "committed", [WW_TRACE_FED] = "fed",
        [WW_TRACE_TAKEN] = "taken",         [WW_TRACE_APPLIED] = "applied",
        [WW_TRACE_ANSWERED] = "answered",
    };
    return names[point];
}

int ww_trace_create(struct ww_trace *trace, struct ww_clock *clock, const char *name,
                    uint32_t slots)
{
    trace->clock = clock;
    return ww_ring_create(&trace->ring, name, sizeof(struct ww_trace_record), slots);
}

void ww_trace_destroy(struct ww_trace *trace)
{
    ww_ring_destroy(&trace->ring);
}

void ww_trace_set(struct ww_trace *trace, uint32_t every)
{
    uint64_t mask = every == 0 ? 0 : ~((uint64_t)every - 1);
    atomic_store_explicit(&trace->mask, mask, memory_order_relaxed);
}

uint32_t ww_trace_take(struct ww_trace *trace, struct ww_trace_record *records, uint32_t max)
{
    return ww_ring_pop(&trace->ring, records, max);
}

/* This thread is the counter's only writer. */
static void add(_Atomic uint64_t *counter, uint64_t value)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + value, memory_order_relaxed);
}

void ww_trace_record(struct ww_trace *trace, struct ww_trace_record place, uint64_t from,
                     uint64_t to)
{
    uint64_t begin = __rdtsc(), mask = ww_trace_mask(trace), every = ~mask + 1, last = to & mask;
    if (mask == 0)
        return; /* a moment ago it was not */
    if (place.ns == 0)
        place.ns = ww_clock_now(trace->clock);
    for (place.index = (from + every - 1) & mask; place.index <= last; place.index += every)
        if (!ww_ring_push(&trace->ring, &place)) {
            add(&trace->dropped, (last - place.index) / every + 1);
            break;
        }
    add(&trace->cycles, __rdtsc() - begin);
}

uint32_t ww_trace_block(struct ww_trace *trace, const void *block, uint32_t at, uint32_t batches,
                        const struct ww_trace_stamp *stamps, uint32_t count)
{
    const struct ww_block_header *header = block;
    while (batches > 0 && at < header->used_bytes) {
        const struct ww_batch_header *batch = ww_batch_header((const uint8_t *)block + at);
        uint64_t last = ww_batch_last_index(batch);
        at += batch->size_bytes;
        if (batch->kind != WW_BATCH_ENTRIES || !ww_trace_holds(trace, batch->first_index, last))
            continue;
        for (uint32_t i = 0; i < count; i++) {
            struct ww_trace_record place = {.group = batch->group,
                                            .point = (uint16_t)stamps[i].point,
                                            .ns = stamps[i].ns};
            ww_trace_record(trace, place, batch->first_index, last);
        }
        batches--;
    }
    return batches;
}
