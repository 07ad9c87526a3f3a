/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine did besides and around a measurement, by the kernel's account: where our own
 * threads ran, how often they were put off a core, who else took processor time, and whether the
 * processor throttled itself. Looked at when a slice of the measured phase begins and when it ends;
 * the slices add up.
 */
#ifndef WW_BENCH_WITNESS_H
#define WW_BENCH_WITNESS_H

#include "bench/environment.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WW_WITNESS_PROCESSES_MAX 32u /* of ours */
#define WW_WITNESS_THREADS_MAX 512u
#define WW_WITNESS_CORES_MAX 1024u
#define WW_WITNESS_OTHERS_MAX 4096u
#define WW_WITNESS_NAME 16u

/* One of our processes: "node 1", "load 1", "bench". */
struct ww_witness_process {
    pid_t pid;
    char title[WW_WITNESS_NAME];
};

struct ww_witness_thread {
    pid_t process, id;
    char name[WW_WITNESS_NAME];
    char allowed[64];                        /* cores, as "0-3,8" */
    uint8_t cores[WW_WITNESS_CORES_MAX / 8]; /* on which it was seen: a bit each */
    uint64_t ticks, preempted;               /* in the slices that are over */
    uint64_t begin_ticks, begin_preempted;   /* at the begin of this one */
    bool begun;                              /* it was there then */
};

/* A process that is not ours. */
struct ww_witness_other {
    pid_t id;
    char name[WW_WITNESS_NAME];
    bool kernel; /* a thread of the kernel: what it does may well be for us */
    uint64_t ticks, begin_ticks;
};

struct ww_witness {
    struct ww_witness_process processes[WW_WITNESS_PROCESSES_MAX];
    uint32_t process_count;
    struct ww_witness_thread threads[WW_WITNESS_THREADS_MAX];
    uint32_t thread_count;
    struct ww_witness_other others[WW_WITNESS_OTHERS_MAX];
    uint32_t other_count;
    struct ww_cpu_time sum, begin;
    uint64_t throttled, begin_throttled; /* events */
    uint32_t slices;
};

/* The processes that are ours; those of the last slice may be named again. */
void ww_witness_ours(struct ww_witness *witness, pid_t pid, const char *title);

void ww_witness_begin(struct ww_witness *witness);
void ww_witness_end(struct ww_witness *witness);

/* Cores' worth of time that others took: the kernel's sum, less what is ours and the kernel's. */
double ww_witness_others(const struct ww_witness *witness);

/* "others_cores", "others" and "throttle_events" into `cpu`; nothing without a slice. */
void ww_witness_put_cpu(const struct ww_witness *witness, struct json_object *cpu);

/* The threads that did something: [{"process", "thread", "allowed", "cores", "cpu_s",
 * "preempted"}]. */
struct json_object *ww_witness_placement(const struct ww_witness *witness);

#endif
