/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stages/pipeline.h"

#include "engine/stages/stages_internal.h"

#include <stdio.h>
#include <stdlib.h>

static int create_rings(struct ww_shard *shard)
{
    struct {
        struct ww_ring *ring;
        const char *name;
        uint32_t item_bytes, slots;
    } rings[] = {
        {&shard->persist, "persist", sizeof(struct ww_log_range), WW_PERSIST_RING_SLOTS},
        {&shard->durable, "durable", sizeof(struct ww_log_event), WW_DURABLE_RING_SLOTS},
        {&shard->reads, "reads", sizeof(struct ww_read_request), 2 * WW_READ_BUFFERS},
        {&shard->committed, "committed", sizeof(struct ww_committed), WW_APPLY_RING_SLOTS},
        {&shard->applied, "applied", sizeof(struct ww_applied), WW_APPLY_RING_SLOTS},
    };
    for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
        int status =
            ww_ring_create(rings[i].ring, rings[i].name, rings[i].item_bytes, rings[i].slots);
        if (status != WW_OK)
            return status;
    }
    return WW_OK;
}

static const struct {
    const char *name;
    uint32_t slots;
} traces[WW_STAGES] = {
    [WW_STAGE_NET] = {"net trace", WW_TRACE_NET_SLOTS},
    [WW_STAGE_LOG] = {"log trace", WW_TRACE_SLOTS},
    [WW_STAGE_APPLY] = {"apply trace", WW_TRACE_SLOTS},
};

static int create_traces(struct ww_shard *shard)
{
    int status = WW_OK;
    for (uint32_t i = 0; i < WW_STAGES && status == WW_OK; i++)
        status = ww_trace_create(&shard->traces[i], shard->clock, traces[i].name, traces[i].slots);
    ww_shard_trace(shard, shard->options.trace_every);
    return status;
}

void ww_shard_trace(struct ww_shard *shard, uint32_t every)
{
    for (uint32_t i = 0; i < WW_STAGES; i++)
        ww_trace_set(&shard->traces[i], every);
}

/* The options, with every size that was left open at its limit. */
static int take_options(struct ww_shard *shard, const struct ww_shard_options *options,
                        struct ww_error *error)
{
    shard->options = *options;
    struct ww_shard_options *own = &shard->options;
    own->batch_slots = own->batch_slots != 0 ? own->batch_slots : WW_BATCH_TABLE_SLOTS;
    own->promises = own->promises != 0 ? own->promises : WW_PROMISES_MAX;
    own->pendings = own->pendings != 0 ? own->pendings : WW_PENDING_MAX;
    own->term_runs = own->term_runs != 0 ? own->term_runs : WW_RAFT_TERM_RUNS;
    if ((own->batch_slots & (own->batch_slots - 1)) != 0)
        return ww_fail(error, WW_EINVAL, "batch_slots: %u is not a power of two", own->batch_slots);
    if ((own->trace_every & (own->trace_every - 1)) != 0)
        return ww_fail(error, WW_EINVAL, "trace_every: %u is not a power of two", own->trace_every);
    if (!ww_configuration_valid(&own->configuration))
        return ww_fail(error, WW_EINVAL,
                       "configuration: voters and learners contradict each other");
    return WW_OK;
}

int ww_shard_create(const struct ww_shard_options *options, struct ww_transport *transport,
                    struct ww_log_store *store, struct ww_clock *clock,
                    struct ww_state_machine *machine, struct ww_group_recovery *recovered,
                    struct ww_shard **out, struct ww_error *error)
{
    *out = NULL;
    struct ww_shard *shard = calloc(1, sizeof(*shard));
    if (shard == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for the shard");
    shard->transport = transport;
    shard->store = store;
    shard->clock = clock;
    shard->machine = machine;
    int status = take_options(shard, options, error);
    if (status == WW_OK)
        status = create_rings(shard);
    if (status == WW_OK)
        status = create_traces(shard);
    if (status == WW_OK)
        status = ww_net_create(shard, recovered, error);
    if (status == WW_OK)
        status = ww_log_create(shard);
    if (status == WW_OK)
        status = ww_apply_create(shard);
    if (status != WW_OK) {
        ww_shard_destroy(shard);
        return status == WW_ENOMEM ? ww_fail(error, status, "no memory for the stages") : status;
    }
    *out = shard;
    return WW_OK;
}

void ww_shard_unmap(struct ww_shard *shard)
{
    if (shard != NULL)
        ww_net_unmap(shard->net);
}

void ww_shard_destroy(struct ww_shard *shard)
{
    if (shard == NULL)
        return;
    ww_apply_destroy(shard->apply);
    ww_log_destroy(shard->log);
    ww_net_destroy(shard->net);
    ww_ring_destroy(&shard->persist);
    ww_ring_destroy(&shard->durable);
    ww_ring_destroy(&shard->reads);
    ww_ring_destroy(&shard->committed);
    ww_ring_destroy(&shard->applied);
    for (uint32_t i = 0; i < WW_STAGES; i++)
        ww_trace_destroy(&shard->traces[i]);
    free(shard);
}

void ww_shard_fence(struct ww_shard *shard, int status, const char *what)
{
    int healthy = 0;
    if (atomic_compare_exchange_strong(&shard->fenced, &healthy, status))
        fprintf(stderr, "ww: fenced: %s (%s)\n", what, ww_status_name(status));
}
