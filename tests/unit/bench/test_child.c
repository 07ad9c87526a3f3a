/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/child.h"

#include "tests/unit/bench/interrupts.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <unistd.h>
#include <whitewater/status.h>

struct shared {
    _Atomic uint32_t ran;
    pid_t sessions[3];
};

/* Number 0 waits for the others, which do not end by themselves. */
static int meet(void *context, uint32_t number, struct ww_error *error)
{
    struct shared *shared = context;
    (void)error;
    shared->sessions[number] = getsid(0);
    atomic_fetch_add(&shared->ran, 1);
    while (number != 0 || atomic_load(&shared->ran) < 3)
        usleep(1000);
    return WW_OK;
}

static int fail(void *context, uint32_t number, struct ww_error *error)
{
    (void)context;
    if (number == 0)
        for (;;)
            pause();
    return ww_fail(error, WW_EDAMAGED, "number %u has enough", number);
}

static int end(void *context, uint32_t number, struct ww_error *error)
{
    (void)context;
    (void)error;
    _exit((int)number + 7);
}

Test(child, the_first_ends_all_and_each_has_a_session)
{
    struct shared *shared = ww_child_memory(sizeof(*shared));
    struct ww_error error;
    cr_assert_eq(ww_children_run(3, meet, shared, keep_waiting, &error), WW_OK, "%s", error.text);
    cr_expect_eq(shared->ran, 3);
    cr_expect_neq(shared->sessions[0], shared->sessions[1]);
    cr_expect_neq(shared->sessions[1], shared->sessions[2]);
    cr_expect_neq(shared->sessions[2], getsid(0));
}

Test(child, one_that_fails_fails_the_run_with_its_words)
{
    struct ww_error error = {0};
    cr_expect_eq(ww_children_run(2, fail, NULL, keep_waiting, &error), WW_EDAMAGED);
    cr_expect_str_eq(error.text, "number 1 has enough");
    cr_expect_eq(ww_children_run(1, end, NULL, keep_waiting, &error), WW_EIO);
    cr_expect_str_eq(error.text, "a process of the experiment ended early");
    cr_expect_eq(ww_children_run(2, meet, ww_child_memory(4096), stop_at_once, &error), WW_ECLOSED);
}
