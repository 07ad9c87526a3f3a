/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load_internal.h"

#include "bench/run_directory.h"
#include "engine/base/limits.h"

#include <errno.h>
#include <stdlib.h>

#define WINDOW_MIN 64u    /* entries without an answer per group: at least so many may be */
#define WINDOW_MAX 65536u /* limits of the client library */
#define WINDOW_BYTES_MIN (1u * WW_MIB)
#define WINDOW_BYTES_MAX (256u * WW_MIB)
#define OPEN_TURN_NS 20000u

static uint32_t power_of_two(uint64_t value)
{
    uint32_t power = 1;
    while (power < value)
        power *= 2;
    return power;
}

/*
 * Room per group: a slow group may hold up to four times its share of what is in flight; then the
 * others go on without it. The open loop is bounded by the same rings, never by a drop.
 */
static uint32_t choose_window(const struct load *load)
{
    uint32_t groups = load->options->groups;
    uint64_t share = load->options->rate > 0 ? WINDOW_MAX / groups : 4ull * load->inflight / groups;
    return power_of_two(share < WINDOW_MIN ? WINDOW_MIN : share < WINDOW_MAX ? share : WINDOW_MAX);
}

static int open_client(struct load *load, struct ww_error *error)
{
    const struct ww_load_options *options = load->options;
    uint64_t entry_max = ww_payload_entry_max(load->payload);
    struct ww_client_options client;
    ww_client_options_init(&client);
    client.endpoint = options->endpoint;
    load->window = choose_window(load);
    client.window_entries = load->window;
    uint64_t bytes = 2 * load->window * (entry_max + WW_ENTRY_HEADER_BYTES);
    client.window_bytes = bytes < WINDOW_BYTES_MIN   ? WINDOW_BYTES_MIN
                          : bytes > WINDOW_BYTES_MAX ? WINDOW_BYTES_MAX
                                                     : (uint32_t)bytes;
    int status = ww_client_open(&client, &load->client, error);
    if (status != WW_OK)
        return status;
    if (ww_client_groups(load->client) != options->groups)
        return ww_fail(error, WW_EINVAL, "the cluster has %u groups, not %u",
                       ww_client_groups(load->client), options->groups);
    if (entry_max > ww_client_entry_max(load->client))
        return ww_fail(error, WW_ETOOBIG,
                       "an entry has %lu bytes, this cluster takes at most %u (net.mtu)", entry_max,
                       ww_client_entry_max(load->client));
    return WW_OK;
}

static int allocate(struct load *load, struct ww_error *error)
{
    uint32_t groups = load->options->groups;
    load->groups = calloc(groups, sizeof(*load->groups));
    load->ring_memory = calloc((size_t)groups * load->window, sizeof(uint64_t));
    load->measured = malloc(sizeof(*load->measured));
    load->interval = malloc(sizeof(*load->interval));
    load->commits = calloc(WW_LOAD_COMMITS_MAX, sizeof(*load->commits));
    if (load->groups == NULL || load->ring_memory == NULL || load->measured == NULL ||
        load->interval == NULL || load->commits == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for %u groups", groups);
    for (uint32_t i = 0; i < groups; i++)
        load->groups[i].sent_ns = load->ring_memory + (size_t)i * load->window;
    ww_histogram_reset(load->measured);
    ww_histogram_reset(load->interval);
    return WW_OK;
}

static int open_files(struct load *load, struct ww_error *error)
{
    const struct ww_load_options *options = load->options;
    char path[WW_RUN_PATH_MAX];
    ww_run_load_file(path, options->directory, options->client, WW_LOAD_INTERVALS);
    load->intervals = fopen(path, "wb");
    if (load->intervals == NULL)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    ww_run_load_file(path, options->directory, options->client, WW_LOAD_TRACE);
    int status = ww_load_trace_open(&load->trace, path, options->trace_every, error);
    if (status != WW_OK)
        return status;
    ww_run_load_file(path, options->directory, options->client, WW_GAPS);
    if (options->gaps && (load->gaps.file = fopen(path, "wb")) == NULL)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    ww_run_load_file(path, options->directory, options->client, WW_ACK_LOG);
    return ww_ack_writer_open(&load->acks, path, options->groups, error);
}

/* What this process does of the whole. */
static void take_share(struct load *load)
{
    const struct ww_load_options *options = load->options;
    load->base = options->client * WW_ACK_CLIENT_SEQUENCES;
    load->inflight = options->inflight / options->clients +
                     (options->client < options->inflight % options->clients);
    if (options->rate > 0)
        ww_arrivals_init(&load->arrivals, &(struct ww_arrivals_options){
                                              .kind = options->arrivals,
                                              .rate = options->rate,
                                              .client = options->client,
                                              .clients = options->clients,
                                              .seed = options->payload.seed,
                                          });
}

int ww_load_start(struct load *load, struct ww_error *error)
{
    ww_idle_init(&load->idle, ww_idle_resolve(WW_IDLE_AUTO, load->options->pollers));
    if (load->options->rate > 0)
        load->idle.turn_ns = OPEN_TURN_NS; /* at millions a second something is always due */
    take_share(load);
    int status = ww_payload_create(&load->options->payload, &load->payload, error);
    if (status == WW_OK)
        status = open_client(load, error);
    if (status == WW_OK)
        status = allocate(load, error);
    return status == WW_OK ? open_files(load, error) : status;
}

void ww_load_end(struct load *load)
{
    ww_client_close(load->client);
    ww_payload_destroy(load->payload);
    ww_gap_writer_close(&load->gaps, NULL);
    if (load->intervals != NULL)
        fclose(load->intervals);
    ww_load_trace_close(&load->trace, NULL);
    free(load->groups);
    free(load->ring_memory);
    free(load->measured);
    free(load->interval);
    free(load->commits);
}
