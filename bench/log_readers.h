/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One writer that appends to a log in memory, and readers that follow it, under one of three
 * designs. The log is the engine's own (engine/groups/log_buffer.h, batch_table.h):
 *
 *   MUTEX, RWLOCK  readers look batches up in the writer's table and copy them out of its buffer,
 *                  both under the lock
 *   OWNED          the engine's way: the table is the writer's alone. It hands each reader a
 *                  bounded ring of batches (as NET does for APPLY and LOG), and keeps what was
 *                  handed out until the reader says how far it came; nobody waits for anybody
 */
#ifndef WW_BENCH_LOG_READERS_H
#define WW_BENCH_LOG_READERS_H

#include "engine/base/error.h"
#include "engine/base/histogram.h"

#include <stdbool.h>
#include <stdint.h>

#define WW_LOG_CURSORS_MAX 16u

enum ww_log_design { WW_LOG_MUTEX, WW_LOG_RWLOCK, WW_LOG_OWNED, WW_LOG_DESIGNS };

struct ww_log_readers_options {
    enum ww_log_design design;
    uint32_t cursors;     /* each reads every batch once: reads per append; 0: nobody reads */
    uint32_t threads;     /* that share the cursors; at most as many take part */
    uint32_t entry_bytes; /* a batch is one entry */
    uint64_t rate;        /* appends per second: an open loop */
    uint64_t warmup_ns, duration_ns;
};

struct ww_log_readers_result {
    struct ww_log_readers_options options;
    struct ww_histogram latency; /* ns, from when an append was due until it was done */
    struct ww_histogram took;    /* ns, by the append itself: waiting for its turn is left out */
    uint64_t appends, reads;     /* while measured */
    uint64_t refused;            /* appends for which there was no room */
    uint64_t skipped;            /* batches that left memory before a cursor came to them */
    uint64_t wrong;              /* batches that were not the expected one */
    uint64_t elapsed_ns;
};

/*
 * Measures in a process and session of its own, which ends with the caller. WW_ECLOSED when
 * `interrupted` says so.
 */
int ww_log_readers_run(const struct ww_log_readers_options *options,
                       bool (*interrupted)(uint64_t wait_ns), struct ww_log_readers_result *result,
                       struct ww_error *error);

#endif
