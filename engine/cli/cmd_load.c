/* SPDX-License-Identifier: Apache-2.0 */
/* ww load: the load generator of `ww bench`, a process of its own. Not for people. */
#include "bench/load.h"
#include "engine/cli/cli.h"

#include <signal.h>
#include <unistd.h>

#define HOUR_NS (3600u * UINT64_C(1000000000))

static const struct ww_flag flags[] = {
    {"directory", 0, "DIR", NULL, "for the histogram and the acknowledged sequences"},
    {"client", 0, "K", "0", "this load process ..."},
    {"clients", 0, "N", "1", "... of so many"},
    {"groups", 0, "N", "1", "groups of the cluster"},
    {"pollers", 0, "N", "1", "polling threads on this machine"},
    {"payload", 0, "random|itch|FILE", "random", "what the entries are"},
    {"size", 0, "SIZES", "64B", "of random entries"},
    {"seed", 0, "N", "1", "of the random bytes"},
    {"inflight", 0, "N", "1", "closed loop: entries without an answer"},
    {"rate", 0, "R", NULL, "open loop: entries per second"},
    {"arrivals", 0, "KIND", "fixed", "open loop: fixed, poisson or burst"},
    {"trace", 0, "N", "0", "entries whose index is a multiple of it leave their times; 0: none"},
    {"gaps", 0, NULL, NULL, "write down the gaps between acknowledgements"},
    {"rounds", 0, "R", "1", "slices of the measured phase"},
    {"warmup", 0, "T", "1s", "not measured"},
    {"duration", 0, "T", "5s", "measured"},
    {NULL},
};

static volatile int stop;

static void on_signal(int number)
{
    stop = number;
}

static int read_flags(const struct ww_cli *cli, struct ww_load_options *options,
                      struct ww_error *error)
{
    uint64_t client, clients, groups, pollers, inflight, rounds, trace;
    int status;
    if ((status = ww_cli_count(cli, "clients", 1, WW_CLIENTS_MAX, &clients, error)) != WW_OK ||
        (status = ww_cli_count(cli, "client", 0, clients - 1, &client, error)) != WW_OK ||
        (status = ww_cli_count(cli, "rounds", 1, UINT32_MAX, &rounds, error)) != WW_OK ||
        (status = ww_cli_count(cli, "trace", 0, 1u << 30, &trace, error)) != WW_OK ||
        (status = ww_cli_choice(cli, "arrivals", ww_arrivals_names, &options->arrivals, error)) !=
            WW_OK ||
        (status = ww_cli_count(cli, "groups", 1, WW_GROUPS_MAX, &groups, error)) != WW_OK ||
        (status = ww_cli_count(cli, "pollers", 1, UINT32_MAX, &pollers, error)) != WW_OK ||
        (status = ww_cli_count(cli, "seed", 0, UINT64_MAX, &options->payload.seed, error)) !=
            WW_OK ||
        (status = ww_cli_count(cli, "inflight", 1, UINT32_MAX, &inflight, error)) != WW_OK ||
        (status = ww_cli_duration(cli, "warmup", 0, HOUR_NS, &options->warmup_ns, error)) !=
            WW_OK ||
        (status = ww_cli_duration(cli, "duration", 1, HOUR_NS, &options->duration_ns, error)) !=
            WW_OK)
        return status;
    if (ww_cli_text(cli, "rate") != NULL &&
        (status = ww_cli_count(cli, "rate", 1, UINT32_MAX, &options->rate, error)) != WW_OK)
        return status;
    options->endpoint = ww_cli_endpoint(cli);
    options->gaps = ww_cli_switch(cli, "gaps");
    options->directory = ww_cli_text(cli, "directory");
    ww_payload_choose(&options->payload, ww_cli_text(cli, "payload"), ww_cli_text(cli, "size"));
    options->client = (uint32_t)client;
    options->clients = (uint32_t)clients;
    options->groups = (uint32_t)groups;
    options->pollers = (uint32_t)pollers;
    options->inflight = (uint32_t)inflight;
    options->rounds = (uint32_t)rounds;
    options->trace_every = (uint32_t)trace;
    if (options->directory == NULL)
        return ww_fail(error, WW_EINVAL, "--directory is missing");
    return WW_OK;
}

int ww_cmd_load(struct ww_cli *cli)
{
    struct ww_load_options options = {0};
    struct ww_error error;
    if (read_flags(cli, &options, &error) != WW_OK)
        return ww_cli_fail(cli, &error);
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    if (ww_load_run(&options, &stop, STDIN_FILENO, stdout, &error) != WW_OK)
        return ww_cli_fail(cli, &error);
    return WW_EXIT_DONE;
}

const struct ww_command ww_command_load = {
    .verb = "load",
    .summary = "the load generator of `ww bench`",
    .flags = flags,
    .hidden = true,
    .run = ww_cmd_load,
};
