/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log. Its position only grows, through every index, so each operation says in which range the
 * position was at a moment between its call and its return. A range is of ranks: rank 2 i is the
 * append at index i, rank 2 i + 1 what follows it, before index i + 1.
 *
 * Such moments exist when no operation returned before another one was called and yet needs a
 * higher rank than the other one allows: the position can be the highest rank that is needed by
 * what has returned, and moves through all ranks between. So a pair of operations tells every
 * violation, and sorting finds it.
 */
#include "tests/lincheck/models.h"

#include "engine/base/error.h"

#include <inttypes.h>
#include <stdlib.h>

#define INDEX_MAX (UINT64_MAX >> 2)
#define NOBODY SIZE_MAX

struct ranked {
    uint64_t rank;
    size_t place;
};

struct append {
    uint64_t index; /* 0: not known */
    size_t told_by; /* place of the operation that told the index */
};

struct log_view {
    const struct ww_lincheck_part *part;
    struct append *appends;  /* by place */
    struct ranked *by_value; /* appends */
    size_t append_count;
    struct ranked *by_index; /* appends whose index is known */
    size_t known_count;
    struct ranked *other; /* room for one more order */
};

static int by_rank(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

/* The first one of a rank, or NOBODY. */
static size_t find(const struct ranked *ranked, size_t count, uint64_t rank)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranked[middle].rank < rank)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && ranked[low].rank == rank ? ranked[low].place : NOBODY;
}

/* Returns true, so that what finds it can say so at once. */
static bool violation(const struct log_view *view, struct ww_lincheck_result *result,
                      const char *why, size_t one, size_t other)
{
    size_t first = one < other ? one : other;
    size_t second = one < other ? other : one;
    result->verdict = WW_NOT_LINEARIZABLE;
    result->why = why;
    result->witness_count = 0;
    result->witness[result->witness_count++] = view->part->operations[first];
    if (second != NOBODY && second != first)
        result->witness[result->witness_count++] = view->part->operations[second];
    return true;
}

static int check_input(struct log_view *view, struct ww_error *error)
{
    for (size_t i = 0; i < view->part->count; i++) {
        const struct ww_operation *operation = ww_lincheck_operation(view->part, i);
        bool is_index = operation->kind != WW_OP_ENTRY && operation->outcome == WW_OP_OK;
        uint64_t index = is_index ? operation->result : operation->argument;
        if (operation->kind == WW_OP_APPEND)
            view->by_value[view->append_count++] =
                (struct ranked){.rank = operation->argument, .place = i};
        if ((is_index || operation->kind == WW_OP_ENTRY) && index > INDEX_MAX)
            return ww_fail(error, WW_EINVAL, "key %" PRIu64 ": no index is above 2^62",
                           operation->key);
    }
    qsort(view->by_value, view->append_count, sizeof(view->by_value[0]), by_rank);
    for (size_t i = 1; i < view->append_count; i++)
        if (view->by_value[i].rank == view->by_value[i - 1].rank)
            return ww_fail(error, WW_EINVAL,
                           "key %" PRIu64 ": %" PRIu64 " is appended by two operations",
                           ww_lincheck_operation(view->part, 0)->key, view->by_value[i].rank);
    return WW_OK;
}

/* Where an append stands, as one operation (itself, or a read of the entry) tells. */
static bool tell(struct log_view *view, size_t place, uint64_t index, size_t teller,
                 struct ww_lincheck_result *result)
{
    struct append *append = &view->appends[place];
    if (append->index == 0) {
        *append = (struct append){.index = index, .told_by = teller};
        view->by_index[view->known_count++] = (struct ranked){.rank = index, .place = place};
        return false;
    }
    return append->index != index &&
           violation(view, result, "a value stands at two indexes", append->told_by, teller);
}

/* Gathers what is known of the appends' indexes. */
static bool values_wrong(struct log_view *view, struct ww_lincheck_result *result)
{
    for (size_t i = 0; i < view->part->count; i++) {
        const struct ww_operation *operation = ww_lincheck_operation(view->part, i);
        if (operation->outcome != WW_OP_OK || operation->kind != WW_OP_APPEND)
            continue;
        if (operation->result == 0)
            return violation(view, result, "no entry has index 0", i, NOBODY);
        if (tell(view, i, operation->result, i, result))
            return true;
    }
    for (size_t i = 0; i < view->part->count; i++) {
        const struct ww_operation *operation = ww_lincheck_operation(view->part, i);
        if (operation->outcome != WW_OP_OK || operation->kind != WW_OP_ENTRY ||
            operation->result == WW_HISTORY_NONE)
            continue;
        size_t place = find(view->by_value, view->append_count, operation->result);
        if (place == NOBODY)
            return violation(view, result, "nobody appended this value", i, NOBODY);
        if (ww_lincheck_operation(view->part, place)->outcome == WW_OP_FAILED)
            return violation(view, result, "a value is there that was refused", place, i);
        if (operation->argument == 0)
            return violation(view, result, "no entry has index 0", i, NOBODY);
        if (tell(view, place, operation->argument, i, result))
            return true;
    }
    qsort(view->by_index, view->known_count, sizeof(view->by_index[0]), by_rank);
    for (size_t i = 1; i < view->known_count; i++)
        if (view->by_index[i].rank == view->by_index[i - 1].rank)
            return violation(view, result, "two values stand at one index",
                             view->appends[view->by_index[i - 1].place].told_by,
                             view->appends[view->by_index[i].place].told_by);
    return false;
}

static bool digests_differ(struct log_view *view, struct ww_lincheck_result *result)
{
    size_t count = 0;
    for (size_t i = 0; i < view->part->count; i++) {
        const struct ww_operation *operation = ww_lincheck_operation(view->part, i);
        if (operation->kind == WW_OP_POSITION && operation->outcome == WW_OP_OK &&
            operation->digest != 0)
            view->other[count++] = (struct ranked){.rank = operation->result, .place = i};
    }
    qsort(view->other, count, sizeof(view->other[0]), by_rank);
    for (size_t i = 1; i < count; i++) {
        size_t one = view->other[i - 1].place, two = view->other[i].place;
        if (view->other[i].rank == view->other[i - 1].rank &&
            ww_lincheck_operation(view->part, one)->digest !=
                ww_lincheck_operation(view->part, two)->digest)
            return violation(view, result, "up to one index there are different entries", one, two);
    }
    return false;
}

/* The ranks at which an operation can be; false: at any, or it does not matter. */
static bool ranks(const struct log_view *view, size_t place, uint64_t *low, uint64_t *high)
{
    const struct ww_operation *operation = ww_lincheck_operation(view->part, place);
    *low = 0;
    *high = UINT64_MAX;
    switch (operation->kind) {
    case WW_OP_APPEND:
        *low = *high = 2 * view->appends[place].index;
        return *low != 0;
    case WW_OP_POSITION:
        *low = *high = 2 * operation->result + 1;
        return operation->outcome == WW_OP_OK;
    default: /* ENTRY */
        if (operation->outcome != WW_OP_OK)
            return false;
        if (operation->result != WW_HISTORY_NONE) {
            *low = 2 * operation->argument + 1;
            return true;
        }
        *high = 2 * operation->argument - 1;
        return find(view->by_index, view->known_count, operation->argument) != NOBODY;
    }
}

/* Goes through calls and returns in order of time, with the highest rank that was needed. */
static bool order_wrong(struct log_view *view, struct ww_lincheck_result *result)
{
    size_t returns = 0, next = 0, needed_by = NOBODY;
    uint64_t low, high, needed = 0;

    for (size_t i = 0; i < view->part->count; i++) {
        uint64_t returned_ns = ww_lincheck_operation(view->part, i)->returned_ns;
        if (returned_ns != WW_HISTORY_NEVER && ranks(view, i, &low, &high))
            view->other[returns++] = (struct ranked){.rank = returned_ns, .place = i};
    }
    qsort(view->other, returns, sizeof(view->other[0]), by_rank);
    for (size_t i = 0; i < view->part->count; i++) {
        uint64_t invoked_ns = ww_lincheck_operation(view->part, i)->invoked_ns;
        for (; next < returns && view->other[next].rank < invoked_ns; next++) {
            ranks(view, view->other[next].place, &low, &high);
            if (low > needed) {
                needed = low;
                needed_by = view->other[next].place;
            }
        }
        if (ranks(view, i, &low, &high) && high < needed)
            return violation(view, result,
                             "the first returned before the second was called, and yet is behind "
                             "it in the log",
                             needed_by, i);
    }
    return false;
}

int ww_lincheck_log(const struct ww_lincheck_part *part, struct ww_lincheck_result *result,
                    struct ww_error *error)
{
    struct log_view view = {
        .part = part,
        .appends = calloc(part->count, sizeof(struct append)),
        .by_value = calloc(part->count, sizeof(struct ranked)),
        .by_index = calloc(part->count, sizeof(struct ranked)),
        .other = calloc(part->count, sizeof(struct ranked)),
    };
    int status;

    if (view.appends == NULL || view.by_value == NULL || view.by_index == NULL ||
        view.other == NULL)
        status = ww_fail(error, WW_ENOMEM, "no memory for a log's %zu operations", part->count);
    else
        status = check_input(&view, error);
    result->verdict = WW_LINEARIZABLE;
    if (status == WW_OK && !values_wrong(&view, result) && !digests_differ(&view, result))
        order_wrong(&view, result);
    free(view.appends);
    free(view.by_value);
    free(view.by_index);
    free(view.other);
    return status;
}
