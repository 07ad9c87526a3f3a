/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/idle.h"

#include "engine/base/assert.h"
#include "engine/base/time_ns.h"

#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

/* Few: adaptive is for cores that are shared, and there each empty poll holds up whoever else has
 * something to do. Sleeping waits longer, since waking takes as long as half a durable write. */
#define SPIN_POLLS 2u
#define SLEEP_AFTER_NS 1000000u
#define SLEEP_NS 50000

static const char *const names[] = {"auto", "spin", "yield", "adaptive"};

void ww_idle_init(struct ww_idle *idle, enum ww_idle_kind kind)
{
    WW_ASSERT(kind != WW_IDLE_AUTO);
    *idle = (struct ww_idle){.kind = kind};
}

static void idle_sleep(struct ww_idle *idle)
{
    /* The kernel's default slack of 50 us would double the sleep. */
    if (idle->sleeps == 0)
        prctl(PR_SET_TIMERSLACK, 1000ul);
    __atomic_store_n(&idle->sleeps, idle->sleeps + 1, __ATOMIC_RELAXED); /* others read it */
    nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
}

static void give_way(struct ww_idle *idle)
{
    sched_yield();
    idle->turn_since_ns = 0;
}

static void take_turns(struct ww_idle *idle)
{
    uint64_t now = ww_time_ns(CLOCK_MONOTONIC);
    if (idle->turn_since_ns == 0)
        idle->turn_since_ns = now;
    if (now - idle->turn_since_ns >= idle->turn_ns)
        give_way(idle);
}

static void idle_adaptive(struct ww_idle *idle, bool busy)
{
    if (++idle->empty <= SPIN_POLLS) {
        __builtin_ia32_pause();
        return;
    }
    uint64_t now = ww_time_ns(CLOCK_MONOTONIC);
    if (idle->empty == SPIN_POLLS + 1 || busy)
        idle->idle_since_ns = now;
    if (now - idle->idle_since_ns >= SLEEP_AFTER_NS) {
        idle->empty = SPIN_POLLS + 1; /* must not wrap around into spinning */
        idle_sleep(idle);
    } else {
        give_way(idle);
    }
}

void ww_idle(struct ww_idle *idle, uint32_t work, bool busy)
{
    if (work != 0) {
        idle->empty = 0;
        if (idle->turn_ns > 0 && idle->kind == WW_IDLE_ADAPTIVE)
            take_turns(idle);
    } else if (idle->kind == WW_IDLE_ADAPTIVE)
        idle_adaptive(idle, busy);
    else if (idle->kind == WW_IDLE_YIELD)
        sched_yield();
    else
        __builtin_ia32_pause();
}

enum ww_idle_kind ww_idle_resolve(enum ww_idle_kind kind, uint32_t pollers)
{
    if (kind != WW_IDLE_AUTO)
        return kind;
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return WW_IDLE_ADAPTIVE;
    /* One core stays free for everything that does not poll. */
    return (uint32_t)CPU_COUNT(&allowed) > pollers ? WW_IDLE_SPIN : WW_IDLE_ADAPTIVE;
}

const char *ww_idle_name(enum ww_idle_kind kind)
{
    return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}
