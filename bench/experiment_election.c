/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ww experiment election`: how the choice of the election timeout decides the time to a new leader
 * and how often votes are split. Thousands of elections for each cell, in virtual time.
 */
#include "bench/course.h"
#include "bench/election.h"
#include "bench/experiment.h"
#include "bench/format.h"

#include <stdlib.h>

#define SECOND_NS UINT64_C(1000000000)
#define TICK_NS 1000000u /* nodes look at their timers so often */
#define LOOKS_EVERY 64u  /* elections between two looks for ^C */
#define ELECTIONS_MAX 1000000u

static const struct ww_flag flags[] = {
    {"nodes", 0, "LIST", "3,5,7", "sizes of the group"},
    {"delays", 0, "LIST", "100us,1ms,10ms,50ms", "of a message one way, on average"},
    {"designs", 0, "LIST", NULL, "of fixed,random,backoff,engine,adaptive (default: all)"},
    {"elections", 0, "N", "2000", "for each cell"},
    {"disk", 0, "T", "200us", "until a vote is durable"},
    {"seed", 0, "N", "1", "of delays and timeouts"},
    {NULL},
};

struct setup {
    struct ww_config config;
    struct ww_experiment_numbers nodes, delays;
    const char *designs;
    uint64_t elections, disk_ns, seed;
    struct ww_bench_options bench; /* for the progress */
};

static struct json_object *cell_of(uint64_t nodes, uint64_t delay_ns, uint32_t design,
                                   const struct ww_election_result *result)
{
    struct json_object *cell = json_object_new_object();
    const struct ww_histogram *latency = &result->latency;
    double elections = (double)result->elections;
    ww_json_put_count(cell, "nodes", nodes);
    ww_json_put_count(cell, "delay_ns", delay_ns);
    ww_json_put_text(cell, "design", ww_election_designs[design]);
    ww_json_put_count(cell, "elections", result->elections);
    ww_json_put_count(cell, "unresolved", result->unresolved);
    ww_json_put_number(cell, "p50", (double)ww_histogram_quantile(latency, 0.5));
    ww_json_put_number(cell, "p99", (double)ww_histogram_quantile(latency, 0.99));
    ww_json_put_number(cell, "max", (double)latency->max);
    ww_json_put_number(cell, "mean", ww_histogram_mean(latency));
    ww_json_put_number(cell, "split_rate", (double)result->split / elections);
    ww_json_put_number(cell, "terms_per_election", (double)result->terms / elections);
    return cell;
}

static int run_cell(const struct setup *setup, uint64_t nodes, uint64_t delay_ns, uint32_t design,
                    struct json_object *cells, struct ww_error *error)
{
    const struct ww_virtual_options options = {
        .nodes = (uint32_t)nodes,
        .seed = setup->seed,
        .delay_ns = delay_ns,
        .disk_ns = setup->disk_ns,
        .tick_ns = TICK_NS,
        .heartbeat_ns = setup->config.heartbeat_ns,
        .election_min_ns = setup->config.election_min_ns,
        .election_max_ns = setup->config.election_max_ns,
        .retry_ns = setup->config.retry_ns,
    };
    struct ww_election_result *result = malloc(sizeof(*result));
    const char *why = "no memory";
    int status = result == NULL ? WW_ENOMEM : WW_OK;
    if (result != NULL)
        ww_election_result_reset(result);
    for (uint64_t i = 0; i < setup->elections && status == WW_OK; i++) {
        if (i % LOOKS_EVERY == 0 && ww_cli_interrupted(0)) {
            status = WW_ECLOSED;
            why = "interrupted";
        } else {
            status = ww_election_run(&options, (enum ww_election_design)design, i, result, &why);
        }
    }
    if (status == WW_OK && result->elections == 0) {
        status = WW_EINVAL;
        why = "with such a delay no leader stays: choose longer timeouts, as --profile wan";
    }
    if (status == WW_OK)
        json_object_array_add(cells, cell_of(nodes, delay_ns, design, result));
    else
        ww_fail(error, status, "%lu nodes: %s", nodes, why);
    free(result);
    return status;
}

static int run_cells(struct setup *setup, struct json_object *cells, struct ww_error *error)
{
    int status = WW_OK;
    for (uint32_t n = 0; n < setup->nodes.count; n++)
        for (uint32_t d = 0; d < setup->delays.count; d++)
            for (uint32_t design = 0; design < WW_ELECTION_DESIGNS && status == WW_OK; design++) {
                char delay[32];
                if (!ww_experiment_listed(setup->designs, ww_election_designs[design]))
                    continue;
                ww_progress(&setup->bench, "%lu nodes, %s one way: %s", setup->nodes.of[n],
                            ww_show_ns((double)setup->delays.of[d], delay),
                            ww_election_designs[design]);
                status =
                    run_cell(setup, setup->nodes.of[n], setup->delays.of[d], design, cells, error);
            }
    ww_progress_end(&setup->bench);
    return status;
}

static void plot(struct json_object *result, struct json_object *cells, uint64_t nodes)
{
    char title[2][64];
    snprintf(title[0], sizeof(title[0]), "Time to a leader, p99, %lu nodes", nodes);
    snprintf(title[1], sizeof(title[1]), "Elections with a split vote, %lu nodes", nodes);
    struct json_object *latency =
        ww_experiment_add_plot(result,
                               &(struct ww_experiment_plot){title[0], "one-way delay, milliseconds",
                                                            "log", "milliseconds", "log"});
    struct json_object *split =
        ww_experiment_add_plot(result,
                               &(struct ww_experiment_plot){title[1], "one-way delay, milliseconds",
                                                            "log", "percent", "linear"});
    for (size_t i = 0; i < json_object_array_length(cells); i++) {
        struct json_object *cell = json_object_array_get_idx(cells, i);
        const char *design = ww_experiment_text(cell, "design");
        double delay_ms = ww_experiment_number(cell, "delay_ns") / 1e6;
        if ((uint64_t)ww_experiment_number(cell, "nodes") != nodes)
            continue;
        ww_experiment_add_point(latency, design, delay_ms, ww_experiment_number(cell, "p99") / 1e6);
        ww_experiment_add_point(split, design, delay_ms,
                                100 * ww_experiment_number(cell, "split_rate"));
    }
}

static struct json_object *result_of(const struct setup *setup, struct json_object *cells)
{
    struct json_object *result = ww_experiment_result("election", "/");
    struct json_object *config = json_object_new_object();
    ww_json_put_count(config, "heartbeat_ns", setup->config.heartbeat_ns);
    ww_json_put_count(config, "election_min_ns", setup->config.election_min_ns);
    ww_json_put_count(config, "election_max_ns", setup->config.election_max_ns);
    ww_json_put_count(config, "disk_ns", setup->disk_ns);
    ww_json_put_count(config, "elections", setup->elections);
    ww_json_put_count(config, "seed", setup->seed);
    json_object_object_add(result, "config", config);
    json_object_object_add(result, "cells", cells);
    for (uint32_t n = 0; n < setup->nodes.count; n++)
        plot(result, cells, setup->nodes.of[n]);
    return result;
}

static int read_flags(const struct ww_cli *cli, struct setup *setup, struct ww_error *error)
{
    int status = ww_cli_config(cli, &setup->config, error);
    if (status == WW_OK)
        status = ww_experiment_counts(cli, "nodes", 3, WW_NODES_MAX, &setup->nodes, error);
    if (status == WW_OK)
        status =
            ww_experiment_durations(cli, "delays", 1000, 10 * SECOND_NS, &setup->delays, error);
    if (status == WW_OK)
        status = ww_cli_count(cli, "elections", 1, ELECTIONS_MAX, &setup->elections, error);
    if (status == WW_OK)
        status = ww_cli_duration(cli, "disk", 0, SECOND_NS, &setup->disk_ns, error);
    if (status == WW_OK)
        status = ww_cli_count(cli, "seed", 0, UINT64_MAX, &setup->seed, error);
    setup->designs = ww_cli_text(cli, "designs");
    setup->bench.progress = ww_cli_progress(cli);
    return status != WW_OK
               ? status
               : ww_experiment_check_list("designs", setup->designs, ww_election_designs,
                                          WW_ELECTION_DESIGNS, error);
}

static int run(const struct ww_cli *cli, struct json_object **result, struct ww_error *error)
{
    struct setup setup = {0};
    struct json_object *cells = json_object_new_array();
    int status = read_flags(cli, &setup, error);
    if (status == WW_OK)
        status = run_cells(&setup, cells, error);
    if (status == WW_OK)
        *result = result_of(&setup, json_object_get(cells));
    json_object_put(cells);
    return status;
}

/* ---- the table ---- */

static void print(struct json_object *result, FILE *file)
{
    struct json_object *config = json_object_object_get(result, "config");
    struct json_object *cells = json_object_object_get(result, "cells");
    double nodes = 0, delay_ns = 0;
    char a[32], b[32], c[32], d[32];
    fprintf(file, "Elections after the death of a leader: %s for each cell, in virtual time\n",
            ww_show_count(ww_experiment_number(config, "elections"), a));
    fprintf(file, "  heartbeat %s, election timeout %s to %s, a durable vote %s\n\n",
            ww_show_ns(ww_experiment_number(config, "heartbeat_ns"), a),
            ww_show_ns(ww_experiment_number(config, "election_min_ns"), b),
            ww_show_ns(ww_experiment_number(config, "election_max_ns"), c),
            ww_show_ns(ww_experiment_number(config, "disk_ns"), d));
    fprintf(file, "%5s  %-10s%-10s%10s%10s%10s%10s%10s\n", "nodes", "one way", "timeout", "p50",
            "p99", "max", "split", "terms");
    for (size_t i = 0; i < json_object_array_length(cells); i++) {
        struct json_object *cell = json_object_array_get_idx(cells, i);
        bool first = nodes != ww_experiment_number(cell, "nodes") ||
                     delay_ns != ww_experiment_number(cell, "delay_ns");
        nodes = ww_experiment_number(cell, "nodes");
        delay_ns = ww_experiment_number(cell, "delay_ns");
        if (first)
            fprintf(file, "%5.0f  %-10s", nodes, ww_show_ns(delay_ns, a));
        fprintf(file, "%*s%-10s%10s%10s%10s%9.1f%%%10.2f\n", first ? 0 : 17, "",
                ww_experiment_text(cell, "design"),
                ww_show_ns(ww_experiment_number(cell, "p50"), a),
                ww_show_ns(ww_experiment_number(cell, "p99"), b),
                ww_show_ns(ww_experiment_number(cell, "max"), c),
                100 * ww_experiment_number(cell, "split_rate"),
                ww_experiment_number(cell, "terms_per_election"));
    }
    fprintf(file,
            "\n  split: elections in which a term had several candidates and no leader; terms: "
            "per election\n");
}

const struct ww_experiment ww_experiment_election = {
    WW_EXPERIMENT("election", .flags = flags, .takes_config = true,
                  .summary = "time to a leader and split votes: fixed, random, backoff, adaptive"),
    .run = run,
    .print = print,
};
