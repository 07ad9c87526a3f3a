/* SPDX-License-Identifier: Apache-2.0 */
#include "brute_force.h"

#include <criterion/criterion.h>

struct object {
    uint64_t value;                    /* register */
    uint64_t position;                 /* log */
    uint64_t indexes[BRUTE_FORCE_MAX]; /* of values[] */
    uint64_t values[BRUTE_FORCE_MAX];
    uint32_t count;
};

static bool next_operation(const struct ww_history *history, uint32_t done, struct object object);

static uint64_t value_at(const struct object *object, uint64_t index)
{
    for (uint32_t i = 0; i < object->count; i++)
        if (object->indexes[i] == index)
            return object->values[i];
    return WW_HISTORY_NONE;
}

static bool append(struct object *object, uint64_t index, uint64_t value)
{
    if (index <= object->position)
        return false;
    object->position = index;
    object->indexes[object->count] = index;
    object->values[object->count++] = value;
    return true;
}

/* One digest for a position, whoever asks and when. */
static bool digests_agree(const struct ww_history *history, const struct ww_operation *operation)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct ww_operation *other = &history->operations[i];
        if (other->kind == WW_OP_POSITION && other->outcome == WW_OP_OK && other->digest != 0 &&
            operation->digest != 0 && other->result == operation->result &&
            other->digest != operation->digest)
            return false;
    }
    return true;
}

/* Does the operation do on the object what its client saw? */
static bool fits(const struct ww_history *history, const struct ww_operation *operation,
                 struct object *object)
{
    bool known = operation->outcome == WW_OP_OK;
    switch (operation->kind) {
    case WW_OP_READ:
        return !known || operation->result == object->value;
    case WW_OP_WRITE:
        object->value = operation->argument;
        return true;
    case WW_OP_CAS:
        if (operation->outcome == WW_OP_FAILED)
            return object->value != operation->expected;
        if (object->value == operation->expected)
            object->value = operation->argument;
        else if (known)
            return false;
        return true;
    case WW_OP_APPEND:
        return append(object, operation->result, operation->argument);
    case WW_OP_POSITION:
        if (!known)
            return true;
        if (operation->result < object->position || !digests_agree(history, operation))
            return false;
        object->position = operation->result;
        return true;
    default:
        return !known || value_at(object, operation->argument) == operation->result;
    }
}

/* An append without an answer may stand at any index that a read asked for. */
static bool append_anywhere(const struct ww_history *history, size_t place, uint32_t done,
                            struct object object)
{
    for (size_t i = 0; i < history->count; i++) {
        struct object after = object;
        const struct ww_operation *asks = &history->operations[i];
        if (asks->kind == WW_OP_ENTRY &&
            append(&after, asks->argument, history->operations[place].argument) &&
            next_operation(history, done | 1u << place, after))
            return true;
    }
    return false;
}

static bool may_be_next(const struct ww_history *history, size_t place, uint32_t done)
{
    for (size_t i = 0; i < history->count; i++)
        if (!(done & 1u << i) &&
            history->operations[i].returned_ns < history->operations[place].invoked_ns)
            return false;
    return !(done & 1u << place);
}

static bool next_operation(const struct ww_history *history, uint32_t done, struct object object)
{
    bool complete = true;
    for (size_t i = 0; i < history->count; i++)
        complete &= (done & 1u << i) || history->operations[i].outcome == WW_OP_UNKNOWN;
    if (complete)
        return true;
    for (size_t i = 0; i < history->count; i++) {
        const struct ww_operation *operation = &history->operations[i];
        struct object after = object;
        if (!may_be_next(history, i, done))
            continue;
        if (operation->kind == WW_OP_APPEND && operation->outcome == WW_OP_UNKNOWN) {
            if (append_anywhere(history, i, done, object))
                return true;
        } else if (fits(history, operation, &after) &&
                   next_operation(history, done | 1u << i, after)) {
            return true;
        }
    }
    return false;
}

bool brute_force_linearizable(const struct ww_history *history)
{
    cr_assert_leq(history->count, BRUTE_FORCE_MAX);
    uint32_t done = 0; /* what was refused never takes effect */
    for (size_t i = 0; i < history->count; i++)
        if (history->operations[i].outcome == WW_OP_FAILED &&
            history->operations[i].kind != WW_OP_CAS)
            done |= 1u << i;
    return next_operation(history, done, (struct object){.value = WW_HISTORY_NONE});
}
