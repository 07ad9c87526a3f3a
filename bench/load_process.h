/* SPDX-License-Identifier: Apache-2.0 */
/* A load process seen from `ww bench`: starts `ww load`, reads its lines, ends it. */
#ifndef WW_BENCH_LOAD_PROCESS_H
#define WW_BENCH_LOAD_PROCESS_H

#include "bench/load.h"

#include <json-c/json.h>
#include <sys/types.h>

#define WW_LOAD_LINE_MAX 4096u

struct ww_load_process {
    pid_t pid;     /* 0: not running */
    int lines;     /* its standard output */
    int go;        /* its standard input */
    char log[512]; /* its standard error */
    char buffer[WW_LOAD_LINE_MAX];
    size_t used;
};

/* Starts it in a process group of its own; the kernel ends it with the caller. */
int ww_load_process_start(struct ww_load_process *process, const struct ww_load_options *options,
                          struct ww_error *error);

/*
 * The next line, or *line NULL when none came within `timeout_ms`. When it has ended: WW_ENOTFOUND
 * if it did so well, else WW_EIO with its last words. The line is the caller's to put.
 */
int ww_load_process_next(struct ww_load_process *process, int timeout_ms, struct json_object **line,
                         struct ww_error *error);

/* Lets it go on behind a pause: its next slice begins at `begin_ns`. */
int ww_load_process_go(struct ww_load_process *process, uint64_t begin_ns, struct ww_error *error);

/* Ends it if it still runs. */
void ww_load_process_stop(struct ww_load_process *process);

#endif
