/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stages/agent.h"

#include <criterion/criterion.h>
#include <string.h>

static _Atomic uint32_t polls;

static uint32_t count_polls(struct ww_shard *shard)
{
    return atomic_fetch_add(&polls, 1) % 2;
}

static struct ww_agent agent_of(struct ww_shard *shard)
{
    struct ww_agent agent = {
        .name = "net", .stages = {count_polls}, .stage_count = 1, .core = -1, .shard = shard};
    ww_idle_init(&agent.idle, WW_IDLE_YIELD);
    return agent;
}

Test(agent, a4_starts_and_stops_a_thousand_times)
{
    struct ww_shard shard = {0};
    for (int i = 0; i < 1000; i++) {
        struct ww_agent agent = agent_of(&shard);
        struct ww_error error;
        cr_assert_eq(ww_agent_start(&agent, &error), WW_OK);
        ww_agent_stop(&agent);
        ww_agent_stop(&agent); /* twice is allowed */
    }
}

Test(agent, counts_polls_that_did_something_apart_from_empty_ones)
{
    struct ww_shard shard = {0};
    struct ww_agent agent = agent_of(&shard);
    struct ww_error error;
    atomic_store(&polls, 0);
    cr_assert_eq(ww_agent_start(&agent, &error), WW_OK);
    while (atomic_load(&polls) < 1000) {
    }
    ww_agent_stop(&agent);
    uint64_t work = atomic_load(&agent.work_polls), empty = atomic_load(&agent.empty_polls);
    cr_assert_eq(work + empty, atomic_load(&polls));
    cr_assert_leq(work > empty ? work - empty : empty - work, 1);
    cr_assert_gt(atomic_load(&agent.work_cycles), 0);
}

Test(agent, a_core_that_does_not_exist_is_named)
{
    struct ww_shard shard = {0};
    struct ww_agent agent = agent_of(&shard);
    agent.core = 1000;
    struct ww_error error;
    cr_assert_eq(ww_agent_start(&agent, &error), WW_EINVAL);
    cr_assert_not_null(strstr(error.text, "core 1000"));
    ww_agent_stop(&agent);
}
