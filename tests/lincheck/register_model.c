/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A register. What may take effect at any time makes the search hard, so it is left out when it
 * cannot matter. A violation is told by few operations: the rest of them is relaxed (reads left
 * out, writes allowed at any time after their call, or never) as long as it stays a violation; a
 * history that is linearizable stays so when it is relaxed.
 */
#include "tests/lincheck/models.h"
#include "tests/lincheck/register_search.h"

#include "engine/base/error.h"
#include "engine/base/random.h"

#include <stdlib.h>
#include <string.h>

struct observed {
    uint64_t value;
    bool used;
};

struct view {
    const struct ww_lincheck_part *part;
    bool *bound; /* by place in the part: its return counts */
    /* The last trial: */
    struct ww_register_candidate *candidates;
    size_t count;
    struct observed *observed; /* values that a read or a CAS needs: a hash table */
    size_t observed_size;      /* a power of two */
};

static bool is_observed(const struct view *view, uint64_t value)
{
    size_t at = ww_random_mix(value) & (view->observed_size - 1);
    for (; view->observed[at].used; at = (at + 1) & (view->observed_size - 1))
        if (view->observed[at].value == value)
            return true;
    return false;
}

static void observe(struct view *view, uint64_t value)
{
    size_t at = ww_random_mix(value) & (view->observed_size - 1);
    while (view->observed[at].used && view->observed[at].value != value)
        at = (at + 1) & (view->observed_size - 1);
    view->observed[at] = (struct observed){.value = value, .used = true};
}

/* Unbound, it can only be left out: it changes nothing. */
static bool only_looks(const struct ww_operation *operation)
{
    return operation->kind == WW_OP_READ || operation->outcome == WW_OP_FAILED;
}

/* What the bound operations need. */
static void observe_bound(struct view *view)
{
    memset(view->observed, 0, view->observed_size * sizeof(view->observed[0]));
    for (size_t i = 0; i < view->part->count; i++) {
        const struct ww_operation *operation = ww_lincheck_operation(view->part, i);
        if (view->bound[i] && operation->kind == WW_OP_READ)
            observe(view, operation->result);
        else if (view->bound[i] && operation->kind == WW_OP_CAS)
            observe(view, operation->expected);
    }
}

/* And what an unbound CAS needs that matters itself (or all of them). */
static void observe_unbound(struct view *view, bool all)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = view->part->count; i-- > 0;) {
            const struct ww_operation *operation = ww_lincheck_operation(view->part, i);
            if (view->bound[i] || operation->kind != WW_OP_CAS || only_looks(operation) ||
                !(all || is_observed(view, operation->argument)) ||
                is_observed(view, operation->expected))
                continue;
            observe(view, operation->expected);
            changed = true;
        }
    }
}

/*
 * Unbound writes of a value that nobody needs can only make failed CAS true, one each; which of
 * them does not matter, but the earlier it was called the better. Unbound CAS to such a value do
 * not matter when no CAS failed.
 */
static void choose_candidates(struct view *view)
{
    size_t failed = 0, spare = 0;
    for (size_t i = 0; i < view->part->count; i++)
        failed += view->bound[i] && ww_lincheck_operation(view->part, i)->outcome == WW_OP_FAILED;
    observe_bound(view);
    observe_unbound(view, failed > 0);
    view->count = 0;
    for (size_t i = 0; i < view->part->count; i++) {
        const struct ww_operation *operation = ww_lincheck_operation(view->part, i);
        if (!view->bound[i]) {
            if (only_looks(operation))
                continue;
            bool needed = is_observed(view, operation->argument);
            if (!needed && operation->kind == WW_OP_CAS && failed == 0)
                continue;
            if (!needed && operation->kind == WW_OP_WRITE && spare++ >= failed)
                continue;
        }
        view->candidates[view->count++] =
            (struct ww_register_candidate){.operation = operation, .may_skip = !view->bound[i]};
    }
}

static int try(struct view *view, struct ww_register_search *search)
{
    choose_candidates(view);
    return ww_register_search(view->candidates, view->count, search);
}

/* Relaxes places [from, to) where `looks` says; returns whether it changed anything. */
static bool relax(struct view *view, bool *before, size_t from, size_t to, bool looks)
{
    bool changed = false;
    for (size_t i = from; i < to; i++) {
        before[i] = view->bound[i];
        if (before[i] && only_looks(ww_lincheck_operation(view->part, i)) == looks) {
            view->bound[i] = false;
            changed = true;
        }
    }
    return changed;
}

/* First with large steps, then one by one. `before` is room for a copy. */
static int shrink(struct view *view, bool *before, bool looks, struct ww_register_search *search)
{
    size_t count = view->part->count;
    size_t step = 1;
    while (step < count)
        step *= 2;
    for (; step > 0; step /= 2) {
        for (size_t from = 0; from < count; from += step) {
            size_t to = from + step < count ? from + step : count;
            if (!relax(view, before, from, to, looks))
                continue;
            int status = try(view, search);
            if (status != WW_OK)
                return status;
            if (search->verdict == WW_NOT_LINEARIZABLE)
                continue;
            for (size_t i = from; i < to; i++)
                view->bound[i] = before[i];
            if (search->verdict == WW_UNDECIDED)
                return WW_OK; /* the steps are used up */
        }
    }
    return WW_OK;
}

static void add_witness(const struct view *view, size_t place, struct ww_lincheck_result *result)
{
    if (result->witness_count == WW_LINCHECK_WITNESS_MAX)
        result->witness_cut = true;
    else
        result->witness[result->witness_count++] = view->part->operations[place];
}

static bool writes(const struct ww_operation *operation, uint64_t value)
{
    return operation->kind != WW_OP_READ && operation->outcome != WW_OP_FAILED &&
           operation->argument == value;
}

/* Does a bound operation, or one before `place`, write `value`? */
static bool written_else(const struct view *view, size_t place, uint64_t value)
{
    for (size_t i = 0; i < view->part->count; i++)
        if ((view->bound[i] || i < place) && writes(ww_lincheck_operation(view->part, i), value))
            return true;
    return false;
}

/* The operations that are bound; and for a value that none of them writes, the first that does. */
static void name_witness(struct view *view, struct ww_lincheck_result *result)
{
    observe_bound(view);
    for (size_t i = 0; i < view->part->count; i++) {
        const struct ww_operation *operation = ww_lincheck_operation(view->part, i);
        if (view->bound[i] || (!only_looks(operation) && is_observed(view, operation->argument) &&
                               !written_else(view, i, operation->argument)))
            add_witness(view, i, result);
    }
}

/* What was called after the search got stuck does not matter, nor do later returns. */
static void cut_off(struct view *view, uint64_t stuck_ns)
{
    for (size_t i = 0; i < view->part->count; i++)
        view->bound[i] &= ww_lincheck_operation(view->part, i)->returned_ns <= stuck_ns;
}

static int explain(struct view *view, struct ww_register_search *search,
                   struct ww_lincheck_result *result)
{
    bool *before = calloc(view->part->count, sizeof(*before));
    if (before == NULL)
        return WW_ENOMEM;
    cut_off(view, search->stuck_ns);
    search->steps = view->part->steps;
    int status = shrink(view, before, true, search);
    if (status == WW_OK)
        status = shrink(view, before, false, search);
    if (status == WW_OK)
        name_witness(view, result);
    free(before);
    result->verdict = WW_NOT_LINEARIZABLE;
    result->why = "these operations of a register fit no order";
    return status;
}

int ww_lincheck_register(const struct ww_lincheck_part *part, struct ww_lincheck_result *result,
                         struct ww_error *error)
{
    struct ww_register_search search = {.steps = part->steps};
    struct view view = {
        .part = part,
        .bound = calloc(part->count, sizeof(bool)),
        .candidates = calloc(part->count, sizeof(struct ww_register_candidate)),
        .observed_size = 4,
    };
    int status = WW_ENOMEM;

    while (view.observed_size < 2 * part->count + 2)
        view.observed_size *= 2;
    view.observed = calloc(view.observed_size, sizeof(struct observed));
    if (view.bound == NULL || view.candidates == NULL || view.observed == NULL)
        goto cleanup;
    for (size_t i = 0; i < part->count; i++) {
        const struct ww_operation *operation = ww_lincheck_operation(part, i);
        view.bound[i] = operation->outcome == WW_OP_OK ||
                        (operation->outcome == WW_OP_FAILED && operation->kind == WW_OP_CAS);
    }
    status = try(&view, &search);
    if (status == WW_OK && search.verdict == WW_NOT_LINEARIZABLE)
        status = explain(&view, &search, result);
    else if (status == WW_OK)
        result->verdict = search.verdict;
cleanup:
    free(view.bound);
    free(view.candidates);
    free(view.observed);
    return status == WW_OK
               ? WW_OK
               : ww_fail(error, status, "no memory for a register's %zu operations", part->count);
}
