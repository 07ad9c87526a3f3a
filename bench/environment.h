/* SPDX-License-Identifier: Apache-2.0 */
/* What the figures of a run depend on: processor, kernel, file system, device, libraries. */
#ifndef WW_BENCH_ENVIRONMENT_H
#define WW_BENCH_ENVIRONMENT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/* The object `environment` of result.json; what cannot be found out is absent. */
struct json_object *ww_environment_json(const char *directory);

/* Does the directory lie in memory (tmpfs, ramfs), where no write is durable? */
bool ww_environment_in_memory(const char *directory);

/* Time of all cores since the start, in ticks of /proc/stat: how much the hypervisor took, and how
 * much processes and threads of the kernel did. */
struct ww_cpu_time {
    uint64_t total, steal, busy;
};

struct ww_cpu_time ww_cpu_time(void);

#endif
