/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine's disk can do, without any code of our log: some processes overwrite files of
 * their own, preallocated and written before, with io_uring (registered buffers and files), and
 * wait by polling with sched_yield between looks, the fastest way that we know (docs/wal.md).
 */
#ifndef WW_BENCH_PROBE_WAL_H
#define WW_BENCH_PROBE_WAL_H

#include "bench/probe_quiet.h"
#include "engine/base/error.h"
#include "engine/base/histogram.h"
#include "wal_uring/wal_uring.h"

#include <stdint.h>

#define WW_PROBE_WAL_WRITERS_MAX 16u

struct ww_probe_wal_options {
    const char *directory;         /* must exist, on the file system to measure */
    enum ww_durability durability; /* not MEMORY */
    uint32_t writers;              /* processes at the same time: 1..WW_PROBE_WAL_WRITERS_MAX */
    uint32_t size_bytes;           /* of one write: a multiple of WW_BLOCK_ALIGN, <= WW_WRITE_MAX */
    uint32_t depth;                /* writes in flight of one writer: 1..WW_WRITE_DEPTH_MAX */
    uint64_t file_bytes;           /* of each writer, overwritten again and again; >= size_bytes */
    uint64_t warmup_ns;            /* not counted */
    uint64_t duration_ns;
    const struct ww_probe_quiet *quiet; /* around both; NULL: nobody is to be told */
};

/* dsync, one writer, 4 KiB, one in flight, 16 MiB, 0.1 s of warm-up and 1 s. */
void ww_probe_wal_options_init(struct ww_probe_wal_options *options);

struct ww_probe_wal_result {
    struct ww_histogram latency; /* ns from the submission to the completion seen, all writers */
    uint64_t writes, bytes;      /* all writers together */
    uint64_t elapsed_ns;         /* of the slowest */
};

/* A file of file_bytes without a name, written all over, for such writes; -1 with `error`. It is
 * gone when the last process that holds it ends. */
int ww_probe_wal_file(const struct ww_probe_wal_options *options, struct ww_error *error);

/* Leaves no file and no process behind, however it ends. */
int ww_probe_wal(const struct ww_probe_wal_options *options, struct ww_probe_wal_result *result,
                 struct ww_error *error);

#endif
