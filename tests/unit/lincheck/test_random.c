/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories: those of a real object pass; changed ones fare as with every order tried. */
#include "brute_force.h"
#include "support.h"

#include "engine/base/random.h"

#include <criterion/criterion.h>

#define HISTORIES 30000

struct simulated {
    uint64_t value;
    uint64_t values[64]; /* of a log, by index */
    uint64_t position;
};

static void operate(struct simulated *object, struct ww_operation *operation,
                    struct ww_random *random)
{
    bool log = operation->kind >= WW_OP_APPEND;
    operation->outcome = WW_OP_OK;
    if (log && ww_random_range(random, 0, 4) == 0)
        object->values[++object->position] = WW_HISTORY_NONE; /* the log's own */
    switch (operation->kind) {
    case WW_OP_WRITE:
        object->value = operation->argument;
        break;
    case WW_OP_CAS:
        if (object->value == operation->expected)
            object->value = operation->argument;
        else
            operation->outcome = WW_OP_FAILED;
        break;
    case WW_OP_READ:
        operation->result = object->value;
        break;
    case WW_OP_APPEND:
        operation->result = ++object->position;
        object->values[operation->result] = operation->argument;
        break;
    case WW_OP_POSITION:
        operation->result = object->position;
        operation->digest = 1000 + object->position;
        break;
    default:
        operation->result = operation->argument <= object->position
                                ? object->values[operation->argument]
                                : WW_HISTORY_NONE;
        break;
    }
}

/* Each operation takes effect at 10, 20, 30 ..., somewhere between its call and its return. */
static void generate(struct ww_history *history, bool log, struct ww_random *random)
{
    struct simulated object = {.value = WW_HISTORY_NONE};
    uint64_t count = ww_random_range(random, 1, BRUTE_FORCE_MAX + 1);
    ww_history_clear(history);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t now_ns = 10 * (i + 1);
        struct ww_operation operation = {.client = (uint32_t)i,
                                         .kind = (uint8_t)ww_random_range(random, 0, 3) +
                                                 (log ? WW_OP_APPEND : WW_OP_READ),
                                         .argument = log ? 100 + i : ww_random_range(random, 1, 4),
                                         .expected = ww_random_range(random, 1, 4)};
        if (operation.kind == WW_OP_ENTRY)
            operation.argument = ww_random_range(random, 1, 8);
        operation.invoked_ns = now_ns - ww_random_range(random, 0, now_ns < 40 ? now_ns : 40);
        size_t handle = ww_history_begin(history, &operation);
        bool answered = ww_random_range(random, 0, 5) != 0;
        bool takes_effect = answered || ww_random_range(random, 0, 2) == 0;
        if (takes_effect)
            operate(&object, &operation, random);
        uint64_t returned_ns = now_ns + ww_random_range(random, 0, 40);
        if (answered && operation.outcome == WW_OP_FAILED)
            ww_history_fail(history, handle, returned_ns);
        else if (answered)
            ww_history_end(history, handle, returned_ns, operation.result, operation.digest);
    }
}

static void change(struct ww_history *history, struct ww_random *random)
{
    struct ww_operation *operation =
        &history->operations[ww_random_range(random, 0, history->count)];
    const struct ww_operation *other =
        &history->operations[ww_random_range(random, 0, history->count)];
    if (operation->outcome == WW_OP_UNKNOWN)
        return;
    switch (ww_random_range(random, 0, 4)) {
    case 0: /* another moment */
        operation->invoked_ns = ww_random_range(random, 0, 90);
        operation->returned_ns = operation->invoked_ns + ww_random_range(random, 0, 20);
        break;
    case 1: /* shorter */
        operation->returned_ns =
            ww_random_range(random, operation->invoked_ns, operation->returned_ns + 1);
        break;
    case 2: /* another result */
        if (operation->kind != WW_OP_WRITE && operation->kind != WW_OP_CAS &&
            operation->outcome == WW_OP_OK)
            operation->result = other->kind == operation->kind && other->outcome == WW_OP_OK
                                    ? other->result
                                    : ww_random_range(random, 1, 4);
        break;
    default:
        operation->outcome = ww_random_range(random, 0, 2) ? WW_OP_FAILED : WW_OP_OK;
        if (operation->outcome == WW_OP_OK && operation->kind >= WW_OP_APPEND &&
            operation->result == WW_HISTORY_NONE)
            operation->result = ww_random_range(random, 1, 8);
        break;
    }
}

static enum ww_lincheck_verdict verdict_of(const struct ww_history *history,
                                           struct ww_lincheck_result *result)
{
    struct ww_error error = {0};
    cr_assert_eq(ww_lincheck(history, WW_LINCHECK_STEPS, result, &error), WW_OK, "%s", error.text);
    return result->verdict;
}

static void print(const struct ww_history *history)
{
    for (size_t i = 0; i < history->count; i++)
        ww_history_write(&history->operations[i], stderr);
}

static void run(bool log, uint64_t seed)
{
    struct ww_history history;
    struct ww_lincheck_result result;
    struct ww_random random = {.state = seed};
    int bad = 0;

    ww_history_init(&history);
    for (int i = 0; i < HISTORIES; i++) {
        generate(&history, log, &random);
        if (verdict_of(&history, &result) != WW_LINEARIZABLE) {
            print(&history);
            cr_assert_fail("history %d of seed %lu: %s", i, seed, result.why);
        }
        for (int changes = 0; changes < 3; changes++) {
            change(&history, &random);
            bool good = verdict_of(&history, &result) == WW_LINEARIZABLE;
            bad += !good;
            if (good != brute_force_linearizable(&history)) {
                print(&history);
                cr_assert_fail("history %d of seed %lu is told %s", i, seed,
                               good ? "linearizable" : result.why);
            }
        }
    }
    cr_assert_gt(bad, HISTORIES / 10); /* else it tests nothing */
    ww_history_free(&history);
}

Test(random_histories, of_a_register)
{
    run(false, 1);
}

Test(random_histories, of_a_log)
{
    run(true, 2);
}
