/* SPDX-License-Identifier: Apache-2.0 */
/* An agent is a thread with a list of stages, an idle strategy, and counters of its own time. */
#ifndef WW_STAGES_AGENT_H
#define WW_STAGES_AGENT_H

#include "engine/base/idle.h"
#include "engine/stages/pipeline.h"

#include <pthread.h>

#define WW_AGENT_STAGES_MAX 3u

typedef uint32_t (*ww_stage_work)(struct ww_shard *shard);

struct ww_agent {
    char name[32]; /* "net+log+apply" */
    ww_stage_work stages[WW_AGENT_STAGES_MAX];
    uint32_t stage_count;
    int core; /* to pin to, or -1 */
    struct ww_shard *shard;
    struct ww_idle idle;
    pthread_t thread;
    bool started;
    _Atomic bool stop;
    /* Time stamp counter cycles; written by the thread, read relaxed by others. */
    _Atomic uint64_t work_cycles, empty_cycles;
    _Atomic uint64_t work_polls, empty_polls;
    _Atomic uint64_t stall_cycles_max; /* longest poll: a polling core must never block */
};

/* Starts the thread; it runs until ww_agent_stop, which joins it. */
int ww_agent_start(struct ww_agent *agent, struct ww_error *error);
void ww_agent_stop(struct ww_agent *agent);

#endif
