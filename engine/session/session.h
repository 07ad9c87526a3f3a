/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client sessions of one group (Ongaro's thesis, 6.3): what makes a proposal that is repeated,
 * to whatever leader, take effect once. It is replicated state: pure, changed by committed entries
 * alone, and equal on all replicas at equal positions. APPLY owns it; snapshots carry it.
 */
#ifndef WW_SESSION_SESSION_H
#define WW_SESSION_SESSION_H

#include "engine/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Entries with consecutive sequences at consecutive indexes: what answers a repeated proposal. */
struct ww_session_run {
    uint64_t first_sequence;
    uint64_t first_index;
    uint64_t count;
};

struct ww_session {
    uint64_t id; /* index of the entry that registered it; 0: no such session */
    uint64_t nonce;
    uint64_t next_sequence; /* those below are applied, or were given up by the client */
    uint64_t active_ns;     /* log time of its last entry */
    uint32_t run_count;
    uint32_t reserved;                           /* zero */
    struct ww_session_run runs[WW_SESSION_RUNS]; /* the newest ones, ascending */
};

struct ww_session_table {
    uint64_t time_ns; /* log time */
    uint32_t count;
    struct ww_session sessions[WW_SESSIONS_MAX]; /* by id, ascending */
};

/* Log time goes on; it never goes back. */
void ww_session_time(struct ww_session_table *table, uint64_t time_ns);

/*
 * The entry at `index` registers a session: returns its id, which is that of the session with this
 * nonce if there is one (the client asked twice). A full table makes room by letting go of those
 * that were silent for `timeout_ns`; 0: there are none.
 */
uint64_t ww_session_register(struct ww_session_table *table, uint64_t index, uint64_t nonce,
                             uint64_t timeout_ns);

/* The client needs it no longer. */
void ww_session_end(struct ww_session_table *table, uint64_t id);

/*
 * `count` entries of a session, from `sequence` on, stand at `index`: how many of the first ones
 * were applied before, and must not be again? False: there is no such session, none applies.
 */
bool ww_session_take(struct ww_session_table *table, uint64_t id, uint64_t sequence, uint64_t index,
                     uint32_t count, uint32_t *repeated);

/* NULL: there is no such session. */
const struct ww_session *ww_session_find(const struct ww_session_table *table, uint64_t id);

/*
 * Where the entries from `sequence` on stand, of which at most *count are asked for: returns the
 * index of the first and lowers *count to those that follow it; index 0: no longer known.
 */
uint64_t ww_session_index(const struct ww_session *session, uint64_t sequence, uint64_t *count);

/* Notes that those entries stand there. */
void ww_session_note(struct ww_session *session, uint64_t sequence, uint64_t index, uint64_t count);

/* The table as snapshots carry it (docs/formats.md): at most WW_SESSION_BYTES_MAX. */
#define WW_SESSION_BYTES_MAX sizeof(struct ww_session_table)
size_t ww_session_encode(const struct ww_session_table *table, void *to);
/* False: those are not the bytes of a table, which is then undefined. */
bool ww_session_decode(struct ww_session_table *table, const void *from, size_t bytes);

#endif
