/* SPDX-License-Identifier: Apache-2.0 */
/* ww experiment [NAME]: lists the experiments, or runs one. */
#include "bench/experiment.h"
#include "engine/base/nearest.h"
#include "engine/base/units.h"
#include "engine/cli/cli.h"
#include "engine/node/config_keys.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MILLISECOND_NS UINT64_C(1000000)
#define HOUR_NS (3600000 * MILLISECOND_NS)

static const struct ww_flag flags[] = {
    {"duration", 0, "T", "1s", "measured, for each cell of the table"},
    {"warmup", 0, "T", "200ms", "before that, not measured"},
    {"repeats", 0, "N", "3", "of each cell, interleaved; the table has their medians"},
    {"size", 0, "BYTES", NULL, "of an entry (default 64B; log-readers: 1KiB)"},
    {"replicas", 0, "N", "3", "fsync: nodes, 1, 3, 5 or 7"},
    {"modes", 0, "LIST", NULL, "fsync: of dsync,fdatasync,buffered (default: all)"},
    {"windows", 0, "LIST", NULL, "fsync: of entry,self,50us,200us,1ms,16KiB (default: all)"},
    {"inflight", 0, "LIST", "1,64,1024", "fsync: entries without an answer"},
    {"data", 0, "DIR", ".", "fsync: the logs are written below it and removed"},
    {"readers", 0, "N", NULL, "log-readers: reading threads (default: all cores but one)"},
    {"rate", 0, "R", "100k", "log-readers: appends per second"},
    {NULL},
};

static int read_inflight(const struct ww_cli *cli, struct ww_experiment_options *options,
                         struct ww_error *error)
{
    const char *list = ww_cli_text(cli, "inflight"), *why = "";
    for (const char *at = list; at != NULL; at = strchr(at, ','), at += at != NULL) {
        char word[32];
        uint64_t value;
        snprintf(word, sizeof(word), "%.*s", (int)strcspn(at, ","), at);
        if (options->inflight_count == WW_EXPERIMENT_LIST_MAX)
            return ww_fail(error, WW_EINVAL, "--inflight: more than %u numbers",
                           WW_EXPERIMENT_LIST_MAX);
        if (ww_parse_count(word, &value, &why) != WW_OK || value < 1 || value > 1u << 20)
            return ww_fail(error, WW_EINVAL, "--inflight: '%s' is not a number from 1 to 1048576",
                           word);
        options->inflight[options->inflight_count++] = (uint32_t)value;
    }
    return WW_OK;
}

static int read_readers(const struct ww_cli *cli, struct ww_experiment_options *options,
                        struct ww_error *error)
{
    uint64_t readers = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    int status = WW_OK;
    if (ww_cli_text(cli, "readers") != NULL)
        status = ww_cli_count(cli, "readers", 1, 64, &readers, error);
    else
        readers = readers > 1 ? readers - 1 : 1;
    options->readers = (uint32_t)readers;
    return status;
}

/* Enough log is written ahead that most of a cluster's cells do not pay for zeroing more. */
static void write_ahead(struct ww_experiment_options *options)
{
    const struct ww_config_key *key = ww_config_key_find("wal.prepare");
    bool short_run = options->duration_ns < 500 * MILLISECOND_NS;
    if (ww_config_origin_of(&options->config, key) == WW_ORIGIN_DEFAULT && !short_run)
        options->config.prepare_bytes = WW_BENCH_PREPARE_BYTES;
}

static int read_flags(const struct ww_cli *cli, const struct ww_experiment *experiment,
                      struct ww_experiment_options *options, struct ww_error *error)
{
    uint64_t replicas, repeats, size = experiment == &ww_experiment_log_readers ? 1024 : 64;
    int status;
    if ((status = ww_cli_duration(cli, "duration", 10 * MILLISECOND_NS, HOUR_NS,
                                  &options->duration_ns, error)) != WW_OK ||
        (status = ww_cli_duration(cli, "warmup", 0, HOUR_NS, &options->warmup_ns, error)) !=
            WW_OK ||
        (status = ww_cli_count(cli, "repeats", 1, WW_EXPERIMENT_REPEATS_MAX, &repeats, error)) !=
            WW_OK ||
        (status = ww_cli_count(cli, "replicas", 1, WW_NODES_MAX, &replicas, error)) != WW_OK ||
        (status = ww_cli_count(cli, "rate", 1, 100000000, &options->rate, error)) != WW_OK ||
        (status = read_inflight(cli, options, error)) != WW_OK ||
        (status = read_readers(cli, options, error)) != WW_OK ||
        (status = ww_cli_config(cli, &options->config, error)) != WW_OK)
        return status;
    if (replicas % 2 == 0)
        return ww_fail(error, WW_EINVAL, "--replicas %lu: must be 1, 3, 5 or 7", replicas);
    if (ww_cli_text(cli, "size") != NULL &&
        (status = ww_cli_bytes(cli, "size", 1, WW_ENTRY_MAX(options->config.mtu), &size, error)) !=
            WW_OK)
        return status;
    options->replicas = (uint32_t)replicas;
    options->repeats = (uint32_t)repeats;
    options->entry_bytes = (uint32_t)size;
    options->modes = ww_cli_text(cli, "modes");
    options->windows = ww_cli_text(cli, "windows");
    options->data = ww_cli_text(cli, "data");
    options->output = ww_cli_text(cli, "output");
    options->json = ww_cli_json(cli);
    options->progress = ww_cli_progress(cli);
    write_ahead(options);
    return WW_OK;
}

static const struct ww_experiment *find(const char *name, struct ww_error *error)
{
    const char *nearest = NULL;
    size_t distance = SIZE_MAX;
    for (const struct ww_experiment *const *each = ww_experiments; *each != NULL; each++) {
        if (strcmp((*each)->name, name) == 0)
            return *each;
        ww_nearest_offer(name, (*each)->name, &nearest, &distance);
    }
    ww_fail(error, WW_EINVAL, "no experiment '%s'; did you mean '%s'? (ww experiment lists them)",
            name, nearest);
    return NULL;
}

static int run(struct ww_cli *cli)
{
    struct ww_experiment_options options = {0};
    struct ww_error error;
    for (const struct ww_experiment *const *each = ww_experiments;
         cli->operand == NULL && *each != NULL; each++)
        printf("%-14s %s\n", (*each)->name, (*each)->summary);
    if (cli->operand == NULL)
        return WW_EXIT_DONE;
    const struct ww_experiment *experiment = find(cli->operand, &error);
    if (experiment == NULL || read_flags(cli, experiment, &options, &error) != WW_OK)
        return ww_cli_fail(cli, &error);
    ww_cli_block_signals();
    return ww_experiment_run(experiment, &options, &error) == WW_OK ? (int)WW_EXIT_DONE
                                                                    : ww_cli_fail(cli, &error);
}

const struct ww_command ww_command_experiment = {
    .verb = "experiment",
    .summary = "answer a question about tuning with a table; without NAME: list them",
    .flags = flags,
    .operand = "[NAME]",
    .takes_config = true,
    .run = run,
};
