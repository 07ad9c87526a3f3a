/* SPDX-License-Identifier: Apache-2.0 */
/* ww bench: a local cluster, a load, the machine's limits, a verification, one report. */
#include "bench/bench.h"
#include "bench/trace.h"
#include "engine/cli/cli.h"
#include "engine/node/config_keys.h"

#include <string.h>

#define SECOND_NS UINT64_C(1000000000)
#define ROUNDS 3

static const struct ww_flag flags[] = {
    {"replicas", 0, "N", "3", "nodes: 1, 3, 5 or 7"},
    {"size", 0, "SIZES", "64B",
     "of random entries: BYTES, uniform:A-B, exponential:MEAN, "
     "mix:A=WEIGHT,..., file:PATH (a size a line)"},
    {"duration", 0, "T", "5s", "measured"},
    {"warmup", 0, "T", "1s", "before that, not measured"},
    {"rounds", 0, "N", NULL, "slices of the measured phase, default 3; 1 if it is under 1s"},
    {"clients", 0, "N", "1", "load processes; the load is divided over them"},
    {"inflight", 0, "N", "1", "closed loop: entries without an answer, over all groups"},
    {"rate", 0, "R", NULL, "open loop instead: entries per second, over all groups"},
    {"arrivals", 0, "KIND", "fixed", "open loop: fixed (equal intervals) poisson or burst"},
    {"inject", 0, "ACTION@TIME[:DURATION],...", NULL,
     "leader-kill, leader-pause, leader-transfer, follower-kill or follower-pause"},
    {"payload", 0, "random|itch|FILE", "random",
     "random bytes, an order flow of ITCH 5.0 messages, or the lines of a file"},
    {"seed", 0, "N", "1", "of the random bytes"},
    {"data", 0, "DIR", ".", "the logs are written below it and removed at the end"},
    {"keep", 0, NULL, NULL, "do not remove them"},
    {NULL},
};

/* How the load is divided: over load processes, and in time. */
static int read_division(const struct ww_cli *cli, struct ww_bench_options *options,
                         struct ww_error *error)
{
    const uint64_t slice_min_ns = SECOND_NS / 10;
    uint64_t clients, rounds = ROUNDS;
    if (options->duration_ns < SECOND_NS || options->injections.count > 0)
        rounds = 1;
    int status = ww_cli_count(cli, "clients", 1, WW_CLIENTS_MAX, &clients, error);
    if (status == WW_OK && ww_cli_text(cli, "rounds") != NULL)
        status = ww_cli_count(cli, "rounds", 1, WW_BENCH_ROUNDS_MAX, &rounds, error);
    if (status == WW_OK && options->duration_ns / rounds < slice_min_ns)
        status = ww_fail(error, WW_EINVAL, "--rounds %lu: a slice of --duration has at least 100ms",
                         rounds);
    if (status == WW_OK && options->injections.count > 0 && rounds > 1)
        status = ww_fail(error, WW_EINVAL,
                         "--rounds %lu: with --inject the measured phase is one piece", rounds);
    uint64_t load = options->rate > 0 ? options->rate : options->inflight;
    if (status == WW_OK && load < clients)
        status = ww_fail(error, WW_EINVAL,
                         "--clients %lu: --%s %lu is of all load processes together, and each "
                         "needs its share: at least %lu",
                         clients, options->rate > 0 ? "rate" : "inflight", load, clients);
    if (status != WW_OK)
        return status;
    options->clients = (uint32_t)clients;
    options->rounds = (uint32_t)rounds;
    return WW_OK;
}

static int read_load(const struct ww_cli *cli, struct ww_bench_options *options,
                     struct ww_error *error)
{
    uint64_t inflight, replicas;
    int status = ww_cli_count(cli, "replicas", 1, WW_NODES_MAX, &replicas, error);
    if (status == WW_OK && replicas % 2 == 0)
        status = ww_fail(error, WW_EINVAL, "--replicas %lu: must be 1, 3, 5 or 7", replicas);
    if (status == WW_OK)
        status = ww_cli_duration(cli, "duration", SECOND_NS / 10, 3600 * SECOND_NS,
                                 &options->duration_ns, error);
    if (status == WW_OK)
        status = ww_cli_duration(cli, "warmup", 0, 3600 * SECOND_NS, &options->warmup_ns, error);
    if (status == WW_OK)
        status = ww_cli_count(cli, "inflight", 1, 1u << 24, &inflight, error);
    if (status == WW_OK && ww_cli_text(cli, "rate") != NULL)
        status = ww_cli_count(cli, "rate", 1, 1u << 30, &options->rate, error);
    if (status == WW_OK)
        status = ww_cli_count(cli, "seed", 0, UINT64_MAX, &options->payload.seed, error);
    if (status == WW_OK)
        status = ww_cli_choice(cli, "arrivals", ww_arrivals_names, &options->arrivals, error);
    if (status == WW_OK && options->rate == 0 && ww_cli_given(cli, "arrivals"))
        status = ww_fail(error, WW_EINVAL, "--arrivals is of the open loop: give --rate too");
    options->inject = ww_cli_text(cli, "inject");
    if (status == WW_OK && options->inject != NULL)
        status = ww_inject_parse(options->inject, (uint32_t)replicas, options->duration_ns,
                                 &options->injections, error);
    ww_payload_choose(&options->payload, ww_cli_text(cli, "payload"), ww_cli_text(cli, "size"));
    if (status == WW_OK && options->payload.size == NULL && ww_cli_given(cli, "size"))
        status = ww_fail(error, WW_EINVAL, "--size is of random entries; those of %s have theirs",
                         ww_payload_name(&options->payload));
    if (status != WW_OK)
        return status;
    options->replicas = (uint32_t)replicas;
    options->inflight = (uint32_t)inflight;
    return read_division(cli, options, error);
}

/*
 * A log that has run for a while writes over recycled segments. A fresh one would zero new segments
 * beside the load, and a saturated run would measure that instead: so it is written ahead.
 */
static void write_ahead(struct ww_bench_options *options)
{
    const struct ww_config_key *key = ww_config_key_find("wal.prepare");
    bool saturating = options->rate != 0 || options->inflight > 64;
    if (saturating && options->config.durability != WW_CONFIG_MEMORY &&
        ww_config_origin_of(&options->config, key) == WW_ORIGIN_DEFAULT)
        options->config.prepare_bytes = WW_BENCH_PREPARE_BYTES;
}

/* Some entries tell where the time goes, few enough to cost nothing that shows. */
static void trace_some(struct ww_bench_options *options)
{
    const struct ww_config_key *key = ww_config_key_find("trace.every");
    bool durable = options->config.durability != WW_CONFIG_MEMORY;
    if (ww_config_origin_of(&options->config, key) == WW_ORIGIN_DEFAULT)
        options->config.trace_every =
            ww_trace_choose(options->rate, options->inflight, durable, options->duration_ns);
}

/* Over memif each client of a node has a link of its own, and there are only so many. */
static int make_links(struct ww_bench_options *options, struct ww_error *error)
{
    const struct ww_config_key *key = ww_config_key_find("net.clients");
    if (options->clients <= options->config.client_links)
        return WW_OK;
    if (ww_config_origin_of(&options->config, key) != WW_ORIGIN_DEFAULT)
        return ww_fail(error, WW_EINVAL,
                       "--clients %u: the nodes take %u clients at a time (net.clients)",
                       options->clients, options->config.client_links);
    options->config.client_links = options->clients;
    return WW_OK;
}

int ww_bench_options_read(const struct ww_cli *cli, struct ww_bench_options *options,
                          struct ww_error *error)
{
    int status = read_load(cli, options, error);
    if (status == WW_OK)
        status = ww_cli_config(cli, &options->config, error);
    if (status != WW_OK)
        return status;
    write_ahead(options);
    trace_some(options);
    status = make_links(options, error);
    if (status != WW_OK)
        return status;
    options->data = ww_cli_text(cli, "data");
    options->output = ww_cli_text(cli, "output");
    options->keep = ww_cli_switch(cli, "keep");
    options->json = ww_cli_json(cli);
    options->progress = ww_cli_progress(cli);
    return WW_OK;
}

int ww_cmd_bench(struct ww_cli *cli)
{
    struct ww_bench_options options = {0};
    struct ww_error error;
    if (ww_bench_options_read(cli, &options, &error) != WW_OK)
        return ww_cli_fail(cli, &error);
    ww_cli_block_signals();
    if (ww_bench_run(&options, &error) == WW_OK)
        return WW_EXIT_DONE;
    int code = ww_cli_fail(cli, &error);
    /* Damage that the verification meets is a failure of the run, not of someone's data. */
    return code == WW_EXIT_DAMAGED ? WW_EXIT_FAILED : code;
}

const struct ww_command ww_command_bench = {
    .verb = "bench",
    .summary = "measure a local cluster next to the machine's own limits",
    .flags = flags,
    .takes_config = true,
    .run = ww_cmd_bench,
};
