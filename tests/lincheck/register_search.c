/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lincheck/register_search.h"

#include "engine/base/random.h"

#include <stdlib.h>

/* A call or a return, in a list of those that are not yet taken, in order of time. */
struct event {
    uint64_t time_ns;
    uint32_t candidate;
    bool returns;
    uint32_t before, after;
};

/*
 * What was tried: the set of operations taken, and the value then. Kept as a hash of 128 bits, the
 * sum of a random number for each: n of them are taken for each other with a chance of n^2 / 2^129,
 * and then a violation would be reported wrongly, but none missed.
 */
struct tried {
    uint64_t low, high;
};

struct taken {
    uint32_t call; /* event */
    uint64_t value_before;
};

struct state {
    const struct ww_register_candidate *candidates;
    struct event *events; /* and behind them the list's head */
    uint32_t *return_of;  /* by candidate: its event, or the head */
    struct taken *stack;
    size_t depth;
    size_t left; /* candidates that must be taken yet */
    uint32_t head;
    uint64_t value;
    struct tried sum;
    struct tried *table;
    size_t table_count;
    size_t table_size; /* a power of two */
};

static int by_time(const void *left, const void *right)
{
    const struct event *a = left, *b = right;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    if (a->returns != b->returns)
        return a->returns ? 1 : -1; /* equal times are side by side */
    return a->candidate < b->candidate ? -1 : a->candidate > b->candidate;
}

static void link_events(struct state *state, uint32_t count)
{
    state->head = count;
    for (uint32_t i = 0; i <= count; i++) {
        state->events[i].before = i == 0 ? count : i - 1;
        state->events[i].after = i == count ? 0 : i + 1;
        if (i < count && state->events[i].returns)
            state->return_of[state->events[i].candidate] = i;
    }
}

static int prepare(struct state *state, size_t count)
{
    uint32_t events = 0;

    state->events = calloc(2 * count + 1, sizeof(*state->events));
    state->return_of = calloc(count + 1, sizeof(*state->return_of));
    state->stack = calloc(count + 1, sizeof(*state->stack));
    state->table_size = 1024;
    state->table = calloc(state->table_size, sizeof(*state->table));
    if (state->events == NULL || state->return_of == NULL || state->stack == NULL ||
        state->table == NULL)
        return WW_ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        const struct ww_operation *operation = state->candidates[i].operation;
        state->events[events++] = (struct event){.time_ns = operation->invoked_ns, .candidate = i};
        if (state->candidates[i].may_skip)
            continue;
        state->events[events++] =
            (struct event){.time_ns = operation->returned_ns, .candidate = i, .returns = true};
        state->left++;
    }
    qsort(state->events, events, sizeof(*state->events), by_time);
    for (size_t i = 0; i < count; i++)
        state->return_of[i] = events;
    link_events(state, events);
    state->value = WW_HISTORY_NONE;
    return WW_OK;
}

/* The value after an operation; false: it cannot be next. */
static bool apply(const struct ww_operation *operation, uint64_t *value)
{
    switch (operation->kind) {
    case WW_OP_READ:
        return *value == operation->result;
    case WW_OP_WRITE:
        *value = operation->argument;
        return true;
    default: /* CAS */
        if (operation->outcome == WW_OP_FAILED)
            return *value != operation->expected;
        if (*value != operation->expected)
            return false;
        *value = operation->argument;
        return true;
    }
}

static struct tried with_candidate(struct tried sum, uint32_t candidate, int sign)
{
    uint64_t low = ww_random_mix(2ull * candidate + 1);
    uint64_t high = ww_random_mix(~(2ull * candidate));
    sum.low += sign > 0 ? low : -low;
    sum.high += sign > 0 ? high : -high;
    return sum;
}

static struct tried with_value(struct tried sum, uint64_t value)
{
    sum.low += ww_random_mix(value ^ 0x5851f42d4c957f2du);
    sum.high += ww_random_mix(value ^ 0x14057b7ef767814fu);
    sum.low |= 1; /* all zero is a free place */
    return sum;
}

static bool place(struct tried *table, size_t size, struct tried tried)
{
    size_t at = tried.high & (size - 1);
    while (table[at].low != 0) {
        if (table[at].low == tried.low && table[at].high == tried.high)
            return false;
        at = (at + 1) & (size - 1);
    }
    table[at] = tried;
    return true;
}

/* 1: new; 0: tried before; WW_ENOMEM. */
static int remember(struct state *state, struct tried tried)
{
    if (2 * state->table_count >= state->table_size) {
        size_t size = 4 * state->table_size;
        struct tried *table = calloc(size, sizeof(*table));
        if (table == NULL)
            return WW_ENOMEM;
        for (size_t i = 0; i < state->table_size; i++)
            if (state->table[i].low != 0)
                place(table, size, state->table[i]);
        free(state->table);
        state->table = table;
        state->table_size = size;
    }
    bool is_new = place(state->table, state->table_size, tried);
    state->table_count += is_new;
    return is_new;
}

static void unlink_event(struct state *state, uint32_t event)
{
    struct event *it = &state->events[event];
    state->events[it->before].after = it->after;
    state->events[it->after].before = it->before;
}

static void relink_event(struct state *state, uint32_t event)
{
    struct event *it = &state->events[event];
    state->events[it->before].after = event;
    state->events[it->after].before = event;
}

/* Takes the operation of a call if it fits and leads to something new: 1, 0 or WW_ENOMEM. */
static int take(struct state *state, uint32_t call)
{
    uint32_t candidate = state->events[call].candidate;
    uint64_t value = state->value;
    if (!apply(state->candidates[candidate].operation, &value))
        return 0;
    struct tried sum = with_candidate(state->sum, candidate, 1);
    int is_new = remember(state, with_value(sum, value));
    if (is_new <= 0)
        return is_new;
    state->stack[state->depth++] = (struct taken){.call = call, .value_before = state->value};
    state->value = value;
    state->sum = sum;
    unlink_event(state, call);
    if (state->return_of[candidate] != state->head) {
        unlink_event(state, state->return_of[candidate]);
        state->left--;
    }
    return 1;
}

/* Takes the last one back; returns its call. */
static uint32_t take_back(struct state *state)
{
    struct taken last = state->stack[--state->depth];
    uint32_t candidate = state->events[last.call].candidate;
    if (state->return_of[candidate] != state->head) {
        relink_event(state, state->return_of[candidate]);
        state->left++;
    }
    relink_event(state, last.call);
    state->sum = with_candidate(state->sum, candidate, -1);
    state->value = last.value_before;
    return last.call;
}

static int run(struct state *state, struct ww_register_search *search)
{
    uint32_t furthest = 0;
    uint32_t at = state->events[state->head].after;

    search->verdict = WW_LINEARIZABLE;
    while (state->left > 0) {
        if (search->steps == 0) {
            search->verdict = WW_UNDECIDED;
            return WW_OK;
        }
        search->steps--;
        const struct event *event = &state->events[at];
        if (!event->returns) {
            int taken = take(state, at);
            if (taken < 0)
                return taken;
            at = taken ? state->events[state->head].after : event->after;
            continue;
        }
        furthest = at > furthest ? at : furthest;
        if (state->depth == 0) {
            search->verdict = WW_NOT_LINEARIZABLE;
            search->stuck_ns = state->events[furthest].time_ns;
            return WW_OK;
        }
        at = state->events[take_back(state)].after;
    }
    return WW_OK;
}

int ww_register_search(const struct ww_register_candidate *candidates, size_t count,
                       struct ww_register_search *search)
{
    struct state state = {.candidates = candidates};
    int status = prepare(&state, count);
    if (status == WW_OK)
        status = run(&state, search);
    free(state.events);
    free(state.return_of);
    free(state.stack);
    free(state.table);
    return status;
}
