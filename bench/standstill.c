/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/standstill.h"

#include "engine/base/time_ns.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define RESTS 2 /* heartbeats */

uint64_t ww_standstill_window(const struct ww_config *config)
{
    uint64_t half_ns = config->election_min_ns / 2;
    uint64_t window_ns = half_ns > config->heartbeat_ns ? half_ns - config->heartbeat_ns : 0;
    if (window_ns > WW_STANDSTILL_MAX_NS)
        window_ns = WW_STANDSTILL_MAX_NS;
    return window_ns < WW_STANDSTILL_MIN_NS ? 0 : window_ns;
}

/* Stopped by somebody else, who will let it go (proc(5): stat). */
static bool stands_already(pid_t pid)
{
    char path[64], text[256];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    bool read = file != NULL && fgets(text, sizeof(text), file) != NULL;
    if (file != NULL)
        fclose(file);
    const char *close = read ? strrchr(text, ')') : NULL;
    return close != NULL && strncmp(close, ") T", 3) == 0;
}

static void begin(void *context)
{
    struct ww_standstill *standstill = context;
    uint64_t rested_ns = ww_time_ns(CLOCK_MONOTONIC) - standstill->resumed_ns;
    if (rested_ns < standstill->rest_ns)
        nanosleep(&(struct timespec){.tv_nsec = (long)(standstill->rest_ns - rested_ns)}, NULL);
    for (uint32_t id = 1; id <= standstill->nodes; id++) {
        pid_t pid = ww_local_cluster_pid(standstill->cluster, id);
        /* One that just ended is met by the next check of the cluster. */
        standstill->stopped[id - 1] = pid != 0 && !stands_already(pid) && kill(pid, SIGSTOP) == 0;
    }
}

static void end(void *context)
{
    struct ww_standstill *standstill = context;
    for (uint32_t id = 1; id <= standstill->nodes; id++)
        if (standstill->stopped[id - 1])
            kill(ww_local_cluster_pid(standstill->cluster, id), SIGCONT);
    standstill->resumed_ns = ww_time_ns(CLOCK_MONOTONIC);
}

void ww_standstill_init(struct ww_standstill *standstill, struct ww_local_cluster *cluster,
                        uint32_t nodes, const struct ww_config *config)
{
    *standstill = (struct ww_standstill){
        .cluster = cluster,
        .nodes = nodes,
        .window_ns = ww_standstill_window(config),
        .rest_ns = RESTS * config->heartbeat_ns,
        .quiet = {.begin = begin, .end = end, .context = standstill},
    };
    if (standstill->rest_ns > WW_STANDSTILL_MAX_NS)
        standstill->rest_ns = WW_STANDSTILL_MAX_NS;
}
