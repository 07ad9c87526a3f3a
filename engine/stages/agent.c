/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stages/agent.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <x86intrin.h>

/* Adds to a counter of which this thread is the only writer. */
static void add(_Atomic uint64_t *counter, uint64_t value)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + value, memory_order_relaxed);
}

static void account(struct ww_agent *agent, uint32_t work, uint64_t cycles)
{
    if (work == 0) {
        add(&agent->empty_cycles, cycles);
        add(&agent->empty_polls, 1);
        return;
    }
    add(&agent->work_cycles, cycles);
    add(&agent->work_polls, 1);
    if (cycles > atomic_load_explicit(&agent->stall_cycles_max, memory_order_relaxed))
        atomic_store_explicit(&agent->stall_cycles_max, cycles, memory_order_relaxed);
}

static void *run(void *context)
{
    struct ww_agent *agent = context;
    pthread_setname_np(pthread_self(), agent->stage_count > 1 ? "ww-shard" : agent->name);
    while (!atomic_load_explicit(&agent->stop, memory_order_relaxed)) {
        uint64_t begin = __rdtsc();
        uint32_t work = 0;
        for (uint32_t i = 0; i < agent->stage_count; i++)
            work += agent->stages[i](agent->shard);
        account(agent, work, __rdtsc() - begin);
        ww_idle(&agent->idle, work,
                atomic_load_explicit(&agent->shard->busy, memory_order_relaxed));
    }
    return NULL;
}

static int pin(struct ww_agent *agent, struct ww_error *error)
{
    if (agent->core < 0)
        return WW_OK;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)agent->core, &set);
    errno = pthread_setaffinity_np(agent->thread, sizeof(set), &set);
    if (errno != 0)
        return ww_fail_errno(error, WW_EINVAL, "stages.cores: cannot run %s on core %d",
                             agent->name, agent->core);
    return WW_OK;
}

int ww_agent_start(struct ww_agent *agent, struct ww_error *error)
{
    /* Signals are the main thread's business. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = pthread_create(&agent->thread, NULL, run, agent);
    int failed = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0)
        return ww_fail(error, WW_ENOMEM, "cannot start thread %s: %s", agent->name,
                       strerror(failed));
    agent->started = true;
    return pin(agent, error);
}

void ww_agent_stop(struct ww_agent *agent)
{
    if (!agent->started)
        return;
    atomic_store(&agent->stop, true);
    pthread_join(agent->thread, NULL);
    agent->started = false;
}
