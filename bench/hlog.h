/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log format of HdrHistogram (.hlog, version 1.3): a line per interval, with its histogram in
 * the compressed V2 encoding, as the tools of that library read it. Source: the classes
 * HistogramLogWriter and AbstractHistogram of HdrHistogram 2.1. Values are ns.
 */
#ifndef WW_BENCH_HLOG_H
#define WW_BENCH_HLOG_H

#include "engine/base/error.h"
#include "engine/base/histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Kept in memory until the run is over. */
struct ww_hlog {
    FILE *stream;
    char *text;
    size_t size;
    uint64_t begin_ns; /* CLOCK_MONOTONIC: the time 0 of the lines */
    bool failed;       /* a line is missing */
};

/* Writes the head; WW_ENOMEM. */
int ww_hlog_begin(struct ww_hlog *log, uint64_t begin_ns, struct ww_error *error);

/* A line for the interval [from_ns, to_ns) of CLOCK_MONOTONIC. What fails shows at the end. */
void ww_hlog_add(struct ww_hlog *log, uint64_t from_ns, uint64_t to_ns,
                 const struct ww_histogram *latency);

/* Writes all of it to `path`, with the line `about` as a comment. WW_ENOMEM: a line of the log
 * could not be made. */
int ww_hlog_write(struct ww_hlog *log, const char *about, const char *path, struct ww_error *error);
void ww_hlog_free(struct ww_hlog *log);

/* The histogram in the compressed V2 encoding; NULL: no memory. The caller frees it. */
uint8_t *ww_hlog_encode(const struct ww_histogram *histogram, size_t *bytes);

#endif
