/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sampled entries of a run (trace.every): what the nodes recorded of them is taken out while
 * the load is on, and joined with what the load generator saw when it is over.
 */
#ifndef WW_BENCH_TRACE_H
#define WW_BENCH_TRACE_H

#include "bench/load_trace.h"
#include "bench/trace_path.h"
#include "engine/base/error.h"
#include "engine/base/histogram.h"

#include <json-c/json.h>
#include <stddef.h>
#include <stdio.h>

/* What came out of it. */
struct ww_trace_summary {
    uint64_t samples; /* of which the whole way is known: what follows is of these */
    uint64_t incomplete, disordered;
    uint64_t by_leader;                      /* the quorum was completed by the leader's own disk */
    uint64_t by_follower[WW_NODES_MAX + 1];  /* or by this node */
    uint64_t way_ns[WW_WAY_STAGES];          /* of the stage, summed over all ways */
    uint64_t on_way[WW_WAY_STAGES];          /* ways that have it */
    struct ww_histogram took[WW_WAY_STAGES]; /* on the way or beside it: of every replica */
};

struct ww_traces {
    uint32_t every; /* of the nodes; 0: nothing is traced */
    char **texts;   /* the nodes' answers */
    size_t text_count, text_room;
    uint64_t text_bytes;
    uint64_t missed; /* times that a node did not answer */
    struct ww_trace_sample *samples;
    size_t sample_count, sample_room;
    struct ww_trace_summary *summary; /* NULL until ww_traces_join */
};

/* What trace.every should be for a load of `rate` entries a second, or (0) so many in flight, that
 * there are enough samples, and few to pay for. */
uint32_t ww_trace_choose(uint64_t rate, uint32_t inflight, bool durable, uint64_t duration_ns);

/* Takes out what a node recorded; that one does not answer (it may have been killed) is counted.
 * Does nothing where nothing is traced, as the following. */
int ww_traces_drain(struct ww_traces *traces, const char *endpoint, struct ww_error *error);

/* Adds an answer of a node, and entries of the load generator: what the calls around it read. */
int ww_traces_add_text(struct ww_traces *traces, char *text, struct ww_error *error); /* takes it */
int ww_traces_add_load(struct ww_traces *traces, const struct ww_load_trace_record *records,
                       size_t count, struct ww_error *error);

/* Reads a file of the load generator. */
int ww_traces_read_load(struct ww_traces *traces, const char *path, struct ww_error *error);

/* Fills in the summary; `replicas` nodes vote. */
int ww_traces_join(struct ww_traces *traces, uint32_t replicas, struct ww_error *error);

void ww_traces_free(struct ww_traces *traces);

/* result.json's `stages` and `critical_path`; absent where nothing was traced. */
void ww_trace_put_stages(struct json_object *json, const struct ww_traces *traces);

/* The part of the report about them. */
void ww_trace_print(struct json_object *json, FILE *file);

#endif
