/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lincheck/lincheck.h"
#include "tests/lincheck/models.h"

#include "engine/base/error.h"

#include <inttypes.h>
#include <stdlib.h>

struct placed {
    uint64_t key;
    uint64_t invoked_ns;
    size_t place;
};

static int by_key_and_call(const void *left, const void *right)
{
    const struct placed *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    if (a->invoked_ns != b->invoked_ns)
        return a->invoked_ns < b->invoked_ns ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

static bool of_a_log(const struct ww_operation *operation)
{
    return operation->kind >= WW_OP_APPEND;
}

static int check_part(const struct ww_lincheck_part *part, uint64_t key,
                      struct ww_lincheck_result *result, struct ww_error *error)
{
    bool log = of_a_log(ww_lincheck_operation(part, 0));
    for (size_t i = 1; i < part->count; i++)
        if (of_a_log(ww_lincheck_operation(part, i)) != log)
            return ww_fail(error, WW_EINVAL, "key %" PRIu64 " is used as a register and as a log",
                           key);
    return log ? ww_lincheck_log(part, result, error) : ww_lincheck_register(part, result, error);
}

/* `sorted` by key, `operations` in the same order. */
static int check_keys(const struct ww_history *history, const struct placed *sorted,
                      const size_t *operations, uint64_t steps, struct ww_lincheck_result *result,
                      struct ww_error *error)
{
    bool undecided = false;
    size_t end;

    for (size_t begin = 0; begin < history->count; begin = end) {
        for (end = begin; end < history->count && sorted[end].key == sorted[begin].key;)
            end++;
        struct ww_lincheck_part part = {.history = history,
                                        .operations = operations + begin,
                                        .count = end - begin,
                                        .steps = steps};
        result->key = sorted[begin].key;
        int status = check_part(&part, result->key, result, error);
        if (status != WW_OK || result->verdict == WW_NOT_LINEARIZABLE)
            return status;
        undecided |= result->verdict == WW_UNDECIDED;
    }
    result->verdict = undecided ? WW_UNDECIDED : WW_LINEARIZABLE;
    return WW_OK;
}

int ww_lincheck(const struct ww_history *history, uint64_t steps, struct ww_lincheck_result *result,
                struct ww_error *error)
{
    *result = (struct ww_lincheck_result){.verdict = WW_UNDECIDED};
    if (history->no_memory)
        return ww_fail(error, WW_ENOMEM, "the history had no memory for all operations");
    struct placed *sorted = calloc(history->count + 1, sizeof(*sorted));
    size_t *operations = calloc(history->count + 1, sizeof(*operations));
    int status;

    if (sorted == NULL || operations == NULL) {
        status = ww_fail(error, WW_ENOMEM, "no memory for %zu operations", history->count);
        goto cleanup;
    }
    for (size_t i = 0; i < history->count; i++)
        sorted[i] = (struct placed){.key = history->operations[i].key,
                                    .invoked_ns = history->operations[i].invoked_ns,
                                    .place = i};
    qsort(sorted, history->count, sizeof(*sorted), by_key_and_call);
    for (size_t i = 0; i < history->count; i++)
        operations[i] = sorted[i].place;
    status = check_keys(history, sorted, operations, steps, result, error);
cleanup:
    free(sorted);
    free(operations);
    return status;
}
