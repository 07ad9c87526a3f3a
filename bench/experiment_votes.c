/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ww experiment vote-queue`: how long a vote request waits behind a queue that is full of append
 * work, with a queue that blocks and with bounded ones that do not.
 */
#include "bench/course.h"
#include "bench/experiment.h"
#include "bench/format.h"
#include "bench/vote_queue.h"

#include <stdlib.h>
#include <unistd.h>

static const char *const design_names[WW_VOTE_QUEUE_DESIGNS] = {
    [WW_VOTE_QUEUE_BLOCKING] = "blocking",
    [WW_VOTE_QUEUE_BOUNDED] = "bounded",
    [WW_VOTE_QUEUE_VOTES_FIRST] = "votes-first",
};

static const struct ww_flag flags[] = {
    WW_EXPERIMENT_FLAGS_TIMING("3s", "200ms", "3"),
    {"slots", 0, "N", "511", "messages that a queue holds; a power of two less one"},
    {"data", 0, "DIR", ".", "a file on the disk that is written is made there and removed"},
    {"seed", 0, "N", "1", "of when votes arrive"},
    {NULL},
};

static const char *const figures[] = {"p50",           "p90",           "max",
                                      "votes",         "votes_refused", "appends_per_s",
                                      "refused_per_s", "network_still", NULL};

struct setup {
    struct ww_experiment_timing timing;
    uint64_t slots, seed;
    const char *data;
    struct ww_bench_options bench; /* for the progress */
};

static int run_cell(const struct setup *setup, enum ww_vote_queue_design design, uint32_t repeat,
                    struct ww_experiment_cell *cell, struct ww_error *error)
{
    const struct ww_vote_queue_options options = {
        .design = design,
        .slots = (uint32_t)setup->slots,
        .data = setup->data,
        .warmup_ns = setup->timing.warmup_ns,
        .duration_ns = setup->timing.duration_ns,
        .seed = setup->seed + repeat,
    };
    struct ww_vote_queue_result *result = malloc(sizeof(*result));
    if (result == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    int status = ww_vote_queue_run(&options, ww_cli_interrupted, result, error);
    double seconds = (double)result->elapsed_ns / 1e9;
    const double values[] = {
        (double)ww_histogram_quantile(&result->latency, 0.5),
        (double)ww_histogram_quantile(&result->latency, 0.9),
        (double)result->latency.max,
        (double)result->votes,
        (double)result->votes_refused,
        (double)result->appended / seconds,
        (double)result->appends_refused / seconds,
        (double)result->blocked_ns,
    };
    ww_experiment_add_run(cell, values, sizeof(values) / sizeof(values[0]));
    free(result);
    return status;
}

static void plot(struct json_object *result, struct json_object *cells)
{
    static const struct {
        const char *figure;
        double percent;
    } places[] = {{"p50", 50}, {"p90", 90}, {"max", 100}};
    struct json_object *series =
        ww_experiment_add_plot(result,
                               &(struct ww_experiment_plot){"From a vote request until its answer",
                                                            "percentile", "linear", "milliseconds",
                                                            "log"});
    for (size_t i = 0; i < json_object_array_length(cells); i++) {
        struct json_object *cell = json_object_array_get_idx(cells, i);
        for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++)
            ww_experiment_add_point(series, ww_experiment_text(cell, "queue"), places[k].percent,
                                    ww_experiment_number(cell, places[k].figure) / 1e6);
    }
}

static struct json_object *result_of(const struct setup *setup,
                                     const struct ww_experiment_cell *cells)
{
    struct json_object *result = ww_experiment_result("vote-queue", setup->data);
    struct json_object *config = json_object_new_object(), *list = json_object_new_array();
    ww_json_put_count(config, "slots", setup->slots);
    ww_json_put_count(config, "seed", setup->seed);
    ww_json_put_count(config, "repeats", setup->timing.repeats);
    ww_json_put_number(config, "duration_s", (double)setup->timing.duration_ns / 1e9);
    for (uint32_t design = 0; design < WW_VOTE_QUEUE_DESIGNS; design++) {
        struct json_object *cell = json_object_new_object();
        ww_json_put_text(cell, "queue", design_names[design]);
        ww_experiment_put_cell(cell, &cells[design], figures);
        json_object_array_add(list, cell);
    }
    json_object_object_add(result, "config", config);
    json_object_object_add(result, "cells", list);
    plot(result, list);
    return result;
}

static int read_flags(const struct ww_cli *cli, struct setup *setup, struct ww_error *error)
{
    int status = ww_experiment_timing(cli, &setup->timing, error);
    if (status == WW_OK)
        status = ww_cli_count(cli, "slots", 1, WW_VOTE_QUEUE_SLOTS_MAX - 1, &setup->slots, error);
    if (status == WW_OK)
        status = ww_cli_count(cli, "seed", 0, UINT64_MAX, &setup->seed, error);
    if (status == WW_OK && (setup->slots & (setup->slots + 1)) != 0)
        status =
            ww_fail(error, WW_EINVAL, "--slots %lu: must be a power of two less one", setup->slots);
    setup->data = ww_cli_text(cli, "data");
    if (status == WW_OK && access(setup->data, W_OK) != 0)
        status = ww_fail_errno(error, WW_EINVAL, "--data %s", setup->data);
    setup->bench.progress = ww_cli_progress(cli);
    return status;
}

static int run(const struct ww_cli *cli, struct json_object **result, struct ww_error *error)
{
    static struct ww_experiment_cell cells[WW_VOTE_QUEUE_DESIGNS];
    struct setup setup = {0};
    int status = read_flags(cli, &setup, error);
    for (uint32_t repeat = 0; status == WW_OK && repeat < setup.timing.repeats; repeat++)
        for (uint32_t i = 0; i < WW_VOTE_QUEUE_DESIGNS && status == WW_OK; i++) {
            uint32_t design = (i + repeat) % WW_VOTE_QUEUE_DESIGNS;
            ww_progress(&setup.bench, "run %u of %u: %s", repeat + 1, setup.timing.repeats,
                        design_names[design]);
            status =
                run_cell(&setup, (enum ww_vote_queue_design)design, repeat, &cells[design], error);
        }
    ww_progress_end(&setup.bench);
    if (status == WW_OK)
        *result = result_of(&setup, cells);
    return status;
}

/* ---- the table ---- */

static void print(struct json_object *result, FILE *file)
{
    struct json_object *config = json_object_object_get(result, "config");
    struct json_object *cells = json_object_object_get(result, "cells");
    char a[32], b[32], c[32], d[32], e[32], f[32];
    fprintf(file,
            "Votes behind a queue of %.0f AppendEntries, each a durable write; %.3g s for each\n"
            "cell, medians of %.0f\n",
            ww_experiment_number(config, "slots"), ww_experiment_number(config, "duration_s"),
            ww_experiment_number(config, "repeats"));
    ww_experiment_print_head(result, file);
    fprintf(file, "\n%-12s%11s%10s%10s%7s%9s%11s%11s%14s\n", "queue", "answer p50", "p90", "max",
            "votes", "refused", "appends/s", "refused/s", "stands still");
    for (size_t i = 0; i < json_object_array_length(cells); i++) {
        struct json_object *cell = json_object_array_get_idx(cells, i);
        fprintf(file, "%-12s%11s%10s%10s%7.0f%9.0f%11s%11s%14s\n",
                ww_experiment_text(cell, "queue"), ww_show_ns(ww_experiment_number(cell, "p50"), a),
                ww_show_ns(ww_experiment_number(cell, "p90"), b),
                ww_show_ns(ww_experiment_number(cell, "max"), c),
                ww_experiment_number(cell, "votes"), ww_experiment_number(cell, "votes_refused"),
                ww_show_count(ww_experiment_number(cell, "appends_per_s"), d),
                ww_show_count(ww_experiment_number(cell, "refused_per_s"), e),
                ww_show_ns(ww_experiment_number(cell, "network_still"), f));
    }
    fprintf(file,
            "\n  answer: from the arrival of a vote request until its answer may leave; stands "
            "still: how long\n  the network's thread was stopped by a full queue, at most\n");
}

const struct ww_experiment ww_experiment_vote_queue = {
    WW_EXPERIMENT("vote-queue", .flags = flags,
                  .summary =
                      "how long a vote waits behind append work: blocking and bounded queues"),
    .run = run,
    .print = print,
};
