/* SPDX-License-Identifier: Apache-2.0 */
/* ww sweep FILE, ww sweep recommend DIR, ww sweep default DIR: docs/sweeps.md. */
#include "bench/bench.h"
#include "bench/sweep_run.h"
#include "engine/cli/cli.h"
#include "engine/cli/cluster_status.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct ww_flag sweep_flags[] = {
    {"data", 0, "DIR", ".", "the logs are written below it and removed after each run"},
    {"plan", 0, NULL, NULL, "print the points, check them, and run nothing"},
    {NULL},
};

static const struct ww_flag recommend_flags[] = {
    {"slo", 0, "LIMITS", NULL, "such as 'p99<1ms' (default: the sweep's)"},
    {"objective", 0, "GOAL", NULL, "such as 'max per_s' (default: the sweep's)"},
    {NULL},
};

static const struct ww_flag no_flags[] = {{NULL}};

/* What belongs to the sweep as a whole, or would hide what a run does. */
static const char *const not_in_a_sweep[] = {"data",   "keep",  "config",   "endpoint", "output",
                                             "format", "quiet", "progress", "help"};

/* Its file is there, and its entries fit into a datagram. */
static int check_payload(const struct ww_bench_options *options, struct ww_error *error)
{
    struct ww_payload *payload;
    int status = ww_payload_create(&options->payload, &payload, error);
    if (status != WW_OK)
        return status;
    uint32_t size = ww_payload_entry_max(payload);
    ww_payload_destroy(payload);
    if (size <= WW_ENTRY_MAX(options->config.mtu))
        return WW_OK;
    return ww_fail(error, WW_EINVAL,
                   "an entry has %u bytes; the largest may have %lu (net.mtu %lu)", size,
                   WW_ENTRY_MAX(options->config.mtu), options->config.mtu);
}

static int check_words(const char *const *words, uint32_t count, struct ww_error *error)
{
    struct ww_bench_options options = {0};
    struct ww_cli cli;
    const char **list = calloc(count + 1, sizeof(*list));
    if (list == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    list[0] = "bench";
    memcpy(list + 1, words, count * sizeof(*list));
    int status = ww_args_parse(&cli, ww_commands, (int)count + 1, (char **)list, error);
    for (size_t i = 0; i < sizeof(not_in_a_sweep) / sizeof(not_in_a_sweep[0]); i++)
        if (status == WW_OK && ww_cli_given(&cli, not_in_a_sweep[i]))
            status =
                ww_fail(error, WW_EINVAL, "--%s cannot be given in a sweep", not_in_a_sweep[i]);
    for (uint32_t i = 0; i < cli.override_count && status == WW_OK; i++)
        if (strchr(cli.overrides[i].where, '.') == NULL)
            status = ww_fail(error, WW_EINVAL,
                             "'%s' is no flag of ww bench; the configuration key is %s",
                             cli.overrides[i].where + 2, cli.overrides[i].key);
    if (status == WW_OK)
        status = ww_bench_options_read(&cli, &options, error);
    if (status == WW_OK)
        status = check_payload(&options, error);
    free(list);
    return status;
}

static int print_plan(const struct ww_sweep_options *options, struct ww_error *error)
{
    struct ww_sweep sweep;
    char label[512], id[WW_SWEEP_RUN_NAME_MAX];
    int status = ww_sweep_read(&sweep, options->path, options->check, error);
    uint32_t points = status == WW_OK ? ww_sweep_point_count(&sweep) : 0;
    for (uint32_t i = 0; i < points; i++)
        printf("%s  %s\n", ww_sweep_point_id(i, id),
               ww_sweep_label(json_object_array_get_idx(sweep.points, i), label, sizeof(label)));
    if (status == WW_OK)
        printf("%u points, %u repeats: %u runs\n", points, sweep.repeats, points * sweep.repeats);
    ww_sweep_free(&sweep);
    return status;
}

/* The file alone says what a run does: the variables of `ww` do not reach it. */
static void drop_variables(void)
{
    for (char **each = environ; *each != NULL;) {
        char name[128];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(*each, "="), *each);
        if (strncmp(name, "WW_", 3) == 0 && unsetenv(name) == 0)
            each = environ;
        else
            each++;
    }
}

/* Without -o: sweep-NAME of a file NAME.yaml. */
static const char *output_of(const struct ww_cli *cli, char *made, size_t size)
{
    const char *given = ww_cli_text(cli, "output"), *slash = strrchr(cli->operand, '/');
    const char *file = slash != NULL ? slash + 1 : cli->operand;
    if (given != NULL)
        return given;
    snprintf(made, size, "sweep-%.*s", (int)strcspn(file, "."), file);
    return made;
}

static int run_sweep(struct ww_cli *cli)
{
    char made[NAME_MAX + 1];
    struct ww_error error;
    const struct ww_sweep_options options = {
        .path = cli->operand,
        .output = output_of(cli, made, sizeof(made)),
        .data = ww_cli_text(cli, "data"),
        .check = check_words,
        .json = ww_cli_json(cli),
        .progress = ww_cli_progress(cli),
    };
    int status;
    if (ww_cli_given(cli, "config"))
        status = ww_fail(&error, WW_EINVAL, "--config: keys stand in the sweep, under config");
    else {
        drop_variables();
        ww_cli_block_signals();
        status = ww_cli_switch(cli, "plan") ? print_plan(&options, &error)
                                            : ww_sweep_run(&options, &error);
    }
    return status == WW_OK ? (int)WW_EXIT_DONE : ww_cli_fail(cli, &error);
}

static int run_recommend(struct ww_cli *cli)
{
    struct ww_error error;
    int status =
        ww_sweep_recommend(cli->operand, ww_cli_text(cli, "slo"), ww_cli_text(cli, "objective"),
                           ww_cli_text(cli, "output"), &error);
    return status == WW_OK ? (int)WW_EXIT_DONE : ww_cli_fail(cli, &error);
}

static int run_default(struct ww_cli *cli)
{
    struct ww_error error;
    struct json_object *json = NULL, *found;
    int status = ww_sweep_report(cli->operand, ww_cli_json(cli), &json, &error);
    if (status == WW_OK && !json_object_object_get_ex(json, "default", &found))
        status = ww_fail(&error, WW_EINVAL,
                         "%s has no load under which the default configuration (a point without "
                         "configuration keys) and another one were measured",
                         cli->operand);
    else if (status == WW_OK && !json_object_get_boolean(json_object_object_get(found, "holds")))
        status = ww_fail(&error, WW_EIO,
                         "the default configuration misses commits/s >= %s or p99 <= %s of the "
                         "best under some load",
                         ww_json_text(found, "throughput_goal"), ww_json_text(found, "p99_goal"));
    json_object_put(json);
    return status == WW_OK ? (int)WW_EXIT_DONE : ww_cli_fail(cli, &error);
}

const struct ww_command ww_command_sweep = {
    .verb = "sweep",
    .summary = "measure many settings, as a file says; the same command goes on",
    .flags = sweep_flags,
    .operand = "FILE",
    .run = run_sweep,
};

const struct ww_command ww_command_sweep_recommend = {
    .verb = "sweep recommend",
    .summary = "write the configuration of a sweep's best point",
    .flags = recommend_flags,
    .operand = "DIR",
    .run = run_recommend,
};

const struct ww_command ww_command_sweep_default = {
    .verb = "sweep default",
    .summary = "a sweep's default configuration against the best of the others",
    .flags = no_flags,
    .operand = "DIR",
    .run = run_default,
};
