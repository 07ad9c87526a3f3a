/* SPDX-License-Identifier: Apache-2.0 */
/* `ww bench`: cluster, load, limits, verification and report of one run. */
#ifndef WW_BENCH_BENCH_H
#define WW_BENCH_BENCH_H

#include "bench/arrivals.h"
#include "bench/inject.h"
#include "bench/payload.h"
#include "engine/node/config.h"

#include <stdbool.h>
#include <stdint.h>

#define WW_BENCH_SCHEMA "whitewater.bench/1"

struct ww_bench_options {
    struct ww_config config; /* of all nodes: groups, durability, transport, ... */
    uint32_t replicas;
    struct ww_payload_options payload;
    uint32_t clients;                /* load processes; what follows is of all together */
    uint32_t inflight;               /* closed loop */
    uint64_t rate;                   /* open loop, entries per second; 0: closed */
    enum ww_arrivals_kind arrivals;  /* open loop */
    uint32_t rounds;                 /* slices of the measured phase */
    struct ww_injections injections; /* faults while measured */
    const char *inject;              /* the same as text; NULL: none */
    uint64_t warmup_ns;
    uint64_t duration_ns;
    const char *data;   /* the cluster's directories are made below this one */
    const char *output; /* result.json and its companions go here; NULL: not written */
    bool keep;          /* leave the cluster's directories */
    bool json;          /* result.json on stdout instead of the table */
    bool progress;
};

/*
 * Runs it. Returns WW_OK; WW_EDAMAGED when the verification found something (the report says what);
 * WW_ECLOSED when it was interrupted. Nothing is left behind but `output` and what `keep` keeps.
 */
int ww_bench_run(const struct ww_bench_options *options, struct ww_error *error);

#endif
