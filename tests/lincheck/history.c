/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lincheck/history.h"

#include "engine/base/assert.h"

#include <stdlib.h>

#define CAPACITY_MIN 64u

void ww_history_init(struct ww_history *history)
{
    *history = (struct ww_history){0};
}

void ww_history_free(struct ww_history *history)
{
    free(history->operations);
    ww_history_init(history);
}

void ww_history_clear(struct ww_history *history)
{
    history->count = 0;
    history->no_memory = false;
}

static bool grow(struct ww_history *history)
{
    size_t capacity = history->capacity == 0 ? CAPACITY_MIN : 2 * history->capacity;
    struct ww_operation *operations = realloc(history->operations, capacity * sizeof(*operations));
    if (operations == NULL)
        return false;
    history->operations = operations;
    history->capacity = capacity;
    return true;
}

size_t ww_history_begin(struct ww_history *history, const struct ww_operation *operation)
{
    if (history->count == history->capacity && !grow(history)) {
        history->no_memory = true;
        return SIZE_MAX;
    }
    struct ww_operation *added = &history->operations[history->count];
    *added = *operation;
    added->returned_ns = WW_HISTORY_NEVER;
    added->outcome = WW_OP_UNKNOWN;
    added->result = WW_HISTORY_NONE;
    added->digest = 0;
    return history->count++;
}

static struct ww_operation *answered(struct ww_history *history, size_t handle,
                                     uint64_t returned_ns)
{
    if (handle == SIZE_MAX)
        return NULL; /* begun without memory: no_memory says so */
    WW_ASSERT(handle < history->count);
    struct ww_operation *operation = &history->operations[handle];
    WW_ASSERT(operation->outcome == WW_OP_UNKNOWN && returned_ns >= operation->invoked_ns &&
              returned_ns != WW_HISTORY_NEVER);
    operation->returned_ns = returned_ns;
    return operation;
}

void ww_history_end(struct ww_history *history, size_t handle, uint64_t returned_ns,
                    uint64_t result, uint64_t digest)
{
    struct ww_operation *operation = answered(history, handle, returned_ns);
    if (operation == NULL)
        return;
    operation->outcome = WW_OP_OK;
    operation->result = result;
    operation->digest = digest;
}

void ww_history_fail(struct ww_history *history, size_t handle, uint64_t returned_ns)
{
    struct ww_operation *operation = answered(history, handle, returned_ns);
    if (operation != NULL)
        operation->outcome = WW_OP_FAILED;
}
