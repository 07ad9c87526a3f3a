/* SPDX-License-Identifier: Apache-2.0 */
/* How a polling thread waits when there is nothing to do. */
#ifndef WW_BASE_IDLE_H
#define WW_BASE_IDLE_H

#include <stdbool.h>
#include <stdint.h>

enum ww_idle_kind {
    WW_IDLE_AUTO,     /* spin when every polling thread has a core of its own, else adaptive */
    WW_IDLE_SPIN,     /* never leaves the core */
    WW_IDLE_YIELD,    /* sched_yield at once: several pollers share a core at microsecond cost */
    WW_IDLE_ADAPTIVE, /* spin, then yield, then sleep */
};

struct ww_idle {
    enum ww_idle_kind kind; /* not AUTO */
    uint32_t empty;         /* idle calls in a row */
    uint64_t idle_since_ns;
    /* Adaptive: yields after so much work without a pause too, for a thread that always has some:
     * else the kernel's tick takes its core away, and the others there have waited milliseconds.
     * 0: does not. Set after ww_idle_init. */
    uint64_t turn_ns;
    uint64_t turn_since_ns; /* 0: it has just yielded */
    uint64_t sleeps;
};

void ww_idle_init(struct ww_idle *idle, enum ww_idle_kind kind);

/*
 * Called after every poll iteration with what it did. `busy` says that an answer is on its way (a
 * write in flight, say): then the thread yields but never sleeps.
 */
void ww_idle(struct ww_idle *idle, uint32_t work, bool busy);

/* Resolves AUTO: `pollers` threads will poll on this machine. */
enum ww_idle_kind ww_idle_resolve(enum ww_idle_kind kind, uint32_t pollers);

const char *ww_idle_name(enum ww_idle_kind kind);

#endif
