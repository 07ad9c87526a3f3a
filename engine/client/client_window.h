/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client has proposed to one group and has no completion for: the encoded entries, cut into
 * runs that each travel as one PROPOSE message, and the answers that came before their turn.
 *
 * Sequences go from oldest to next. Entries lie in a ring of bytes; a run is contiguous in it, so
 * that it can be sent by reference, again, and from any of its entries on.
 */
#ifndef WW_CLIENT_WINDOW_H
#define WW_CLIENT_WINDOW_H

#include "engine/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ww_client_run {
    uint64_t first_sequence;
    uint32_t offset; /* in the ring of bytes */
    uint32_t bytes;
    uint32_t count;
    uint32_t skipped; /* bytes left unused at the end of the ring, before this run */
};

/* `count` consecutive entries that committed (index 0: where is not known) or were refused. */
struct ww_client_answer {
    uint64_t sequence;
    uint64_t index;
    uint32_t count;
    int status;
};

struct ww_client_window {
    uint64_t oldest; /* the first sequence without a completion */
    uint64_t next;   /* the sequence of the next proposal */
    uint32_t entries_max;
    uint32_t run_bytes_max;
    uint8_t *bytes;
    uint32_t capacity;
    uint32_t tail; /* where the next entry goes */
    uint32_t used;
    bool open; /* the last run was not sent yet and takes more */
    struct ww_client_run *runs;
    uint32_t run_mask;
    uint32_t run_head, run_tail; /* counted without end, masked on use */
    uint32_t answer_count;
    struct ww_client_answer *answers; /* by sequence, WW_CLIENT_ANSWERS_MAX; not overlapping */
};

/* Entries of one run, to be sent. */
struct ww_client_slice {
    const uint8_t *body;
    uint32_t bytes;
    uint32_t count;
};

/* The memory is reserved, not touched. WW_ENOMEM leaves nothing behind. */
int ww_client_window_init(struct ww_client_window *window, uint32_t entries_max, uint32_t capacity,
                          uint32_t run_bytes_max);
void ww_client_window_free(struct ww_client_window *window);

/* Copies one entry in, or WW_EBUSY. */
int ww_client_window_append(struct ww_client_window *window, const void *data, uint32_t size_bytes);

/* The entries from `sequence` (oldest <= sequence < next) to the end of their run, which closes. */
struct ww_client_slice ww_client_window_slice(struct ww_client_window *window, uint64_t sequence);

/* Does `sequence` stand in the run that still takes entries? */
bool ww_client_window_fills(const struct ww_client_window *window, uint64_t sequence);

/* How many runs hold what has no completion and stands before `sequence`. */
uint32_t ww_client_window_runs_before(const struct ww_client_window *window, uint64_t sequence);

/* Takes note of what is new in an answer. False when nothing was, or there is no room for it. */
bool ww_client_window_answer(struct ww_client_window *window, struct ww_client_answer answer);

/* Is there an answer for the oldest entry? */
static inline bool ww_client_window_ready(const struct ww_client_window *window)
{
    return window->answer_count > 0 && window->answers[0].sequence == window->oldest;
}

/* Takes the answer for the oldest entries out, and releases their memory. */
struct ww_client_answer ww_client_window_take(struct ww_client_window *window);

#endif
