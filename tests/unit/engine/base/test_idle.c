/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/idle.h"

#include "engine/base/time_ns.h"

#include <criterion/criterion.h>

#include <sched.h>

/* Calls ww_idle for `ns`. */
static void idle_for(struct ww_idle *idle, uint64_t ns, bool busy)
{
    for (uint64_t end = ww_time_ns(CLOCK_MONOTONIC) + ns; ww_time_ns(CLOCK_MONOTONIC) < end;)
        ww_idle(idle, 0, busy);
}

Test(idle, adaptive_sleeps_only_after_a_millisecond_of_nothing)
{
    struct ww_idle idle;
    ww_idle_init(&idle, WW_IDLE_ADAPTIVE);
    uint64_t begin = ww_time_ns(CLOCK_MONOTONIC);
    while (idle.sleeps == 0)
        ww_idle(&idle, 0, false);
    cr_assert_geq(ww_time_ns(CLOCK_MONOTONIC) - begin, 1000000);
}

Test(idle, adaptive_never_sleeps_while_an_answer_is_on_its_way)
{
    struct ww_idle idle;
    ww_idle_init(&idle, WW_IDLE_ADAPTIVE);
    idle_for(&idle, 5000000, true);
    cr_assert_eq(idle.sleeps, 0);
}

Test(idle, work_starts_the_wait_anew)
{
    struct ww_idle idle;
    ww_idle_init(&idle, WW_IDLE_ADAPTIVE);
    while (idle.sleeps == 0)
        ww_idle(&idle, 0, false);
    ww_idle(&idle, 1, false);
    uint64_t begin = ww_time_ns(CLOCK_MONOTONIC);
    while (idle.sleeps == 1)
        ww_idle(&idle, 0, false);
    cr_assert_geq(ww_time_ns(CLOCK_MONOTONIC) - begin, 1000000);
}

Test(idle, a_turn_ends_in_the_midst_of_work)
{
    struct ww_idle idle;
    ww_idle_init(&idle, WW_IDLE_ADAPTIVE);
    ww_idle(&idle, 1, true);
    cr_assert_eq(idle.turn_since_ns, 0, "nobody asked for turns");
    idle.turn_ns = 100000;
    ww_idle(&idle, 1, true);
    uint64_t begin = idle.turn_since_ns;
    cr_assert_neq(begin, 0, "a turn has begun");
    while (idle.turn_since_ns == begin)
        ww_idle(&idle, 1, true);
    cr_assert_eq(idle.turn_since_ns, 0, "it has yielded");
    cr_assert_geq(ww_time_ns(CLOCK_MONOTONIC) - begin, 100000);
}

Test(idle, a_pause_ends_a_turn)
{
    struct ww_idle idle;
    ww_idle_init(&idle, WW_IDLE_ADAPTIVE);
    idle.turn_ns = UINT64_MAX;
    ww_idle(&idle, 1, true);
    cr_assert_neq(idle.turn_since_ns, 0);
    idle_for(&idle, 100000, true);
    cr_assert_eq(idle.turn_since_ns, 0);
}

Test(idle, spin_and_yield_never_sleep)
{
    for (enum ww_idle_kind kind = WW_IDLE_SPIN; kind <= WW_IDLE_YIELD; kind++) {
        struct ww_idle idle;
        ww_idle_init(&idle, kind);
        idle_for(&idle, 3000000, false);
        cr_assert_eq(idle.sleeps, 0, "%s", ww_idle_name(kind));
    }
}

Test(idle, auto_spins_only_with_a_core_to_spare)
{
    cpu_set_t allowed;
    cr_assert_eq(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
    uint32_t cores = (uint32_t)CPU_COUNT(&allowed);
    cr_assert_eq(ww_idle_resolve(WW_IDLE_AUTO, cores), WW_IDLE_ADAPTIVE);
    cr_assert_eq(ww_idle_resolve(WW_IDLE_AUTO, cores - 1), WW_IDLE_SPIN);
    cr_assert_eq(ww_idle_resolve(WW_IDLE_YIELD, 1), WW_IDLE_YIELD);
}

Test(idle, names)
{
    cr_assert_str_eq(ww_idle_name(WW_IDLE_AUTO), "auto");
    cr_assert_str_eq(ww_idle_name(WW_IDLE_SPIN), "spin");
    cr_assert_str_eq(ww_idle_name(WW_IDLE_YIELD), "yield");
    cr_assert_str_eq(ww_idle_name(WW_IDLE_ADAPTIVE), "adaptive");
}
