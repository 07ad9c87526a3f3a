/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients did and saw: operations with the times of their calls and returns. A history is
 * linearizable when every operation can be given one moment between its call and its return, such
 * that all results are those of one object that does the operations at these moments, one by one
 * (Herlihy, Wing: Linearizability, 1990). docs/linearizability.md has the objects and the text
 * format.
 *
 * Keys are independent of each other. Every key holds one object: a register (READ, WRITE, CAS), or
 * a log (APPEND, POSITION, ENTRY).
 */
#ifndef WW_LINCHECK_HISTORY_H
#define WW_LINCHECK_HISTORY_H

#include <whitewater/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define WW_HISTORY_NONE UINT64_MAX  /* a value that is not there */
#define WW_HISTORY_NEVER UINT64_MAX /* the return time of what has no known outcome */

enum ww_operation_kind {
    WW_OP_READ,  /* result: the value, or NONE as long as nothing was written */
    WW_OP_WRITE, /* argument: the value */
    WW_OP_CAS,   /* argument: the new value, if the register holds `expected` */
    /* argument: the value, that no other append of the key has; result: its index. Indexes grow;
     * those that no append has are the log's own entries. */
    WW_OP_APPEND,
    WW_OP_POSITION, /* result: the index of the last entry; digest of all of them, or 0 */
    /* argument: an index; result: the value there, NONE: no value of a client is there. A value may
     * come from a replica that lags, it must only be committed; NONE must be linearizable. */
    WW_OP_ENTRY,
};

enum ww_operation_outcome {
    WW_OP_UNKNOWN, /* no answer: it may have taken effect, may yet, or never */
    WW_OP_OK,
    WW_OP_FAILED, /* CAS: the register did not hold `expected`. Others: it never takes effect */
};

struct ww_operation {
    uint64_t invoked_ns;
    uint64_t returned_ns; /* equal times count as side by side */
    uint64_t key;
    uint64_t argument;
    uint64_t expected;
    uint64_t result;
    uint64_t digest;
    uint32_t client; /* only named in reports: order in time is all that binds */
    uint8_t kind;
    uint8_t outcome;
};

struct ww_history {
    struct ww_operation *operations;
    size_t count;
    size_t capacity;
    bool no_memory; /* an operation is missing: the history cannot be checked */
};

void ww_history_init(struct ww_history *history);
void ww_history_free(struct ww_history *history);

/* Forgets all operations, keeps the memory. */
void ww_history_clear(struct ww_history *history);

/*
 * An operation begins: client, kind, key, argument, expected and invoked_ns of `operation` are
 * taken. Returns the handle to end it with. Its outcome is unknown until then.
 */
size_t ww_history_begin(struct ww_history *history, const struct ww_operation *operation);

/* It was answered, with `result`, and for a POSITION `digest`. */
void ww_history_end(struct ww_history *history, size_t handle, uint64_t returned_ns,
                    uint64_t result, uint64_t digest);

/* It was answered: it did not take effect, and never will. */
void ww_history_fail(struct ww_history *history, size_t handle, uint64_t returned_ns);

/* Adds the operations of a file. WW_EINVAL: `error` names the line. */
int ww_history_read(struct ww_history *history, FILE *file, struct ww_error *error);

/* One line, as in a file. */
void ww_history_write(const struct ww_operation *operation, FILE *file);

#endif
