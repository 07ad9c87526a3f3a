/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/heartbeats.h"

#include "engine/cli/local_files.h"
#include "tests/unit/bench/interrupts.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define RUNS 4u

static struct ww_heartbeats_result *results;
static char directory[WW_LOCAL_DIRECTORY_MAX + 1];

static void set_up(void)
{
    struct ww_error error;
    results = calloc(RUNS, sizeof(*results));
    cr_assert_eq(ww_local_open_directory(NULL, 0, directory, sizeof(directory), &error), WW_OK,
                 "%s", error.text);
}

static void tear_down(void)
{
    ww_local_remove(directory);
    free(results);
}

TestSuite(heartbeats, .init = set_up, .fini = tear_down);

static struct ww_heartbeats_options options_of(enum ww_net_kind kind)
{
    static const struct ww_heartbeats_run runs[RUNS] = {
        {.per_datagram = 1},
        {.per_datagram = 32},
        {.per_datagram = 1, .load_percent = 20, .load_of = 0},
        {.per_datagram = 32, .window_ns = 1000000, .load_percent = 20, .load_of = 0},
    };
    return (struct ww_heartbeats_options){
        .kind = kind,
        .directory = directory,
        .groups = 300,
        .duration_ns = 60000000,
        .runs = runs,
        .run_count = RUNS,
    };
}

/* The cores assert that each heartbeat is one and is answered, in this process's children. */
static void check_results(void)
{
    for (uint32_t i = 0; i < RUNS; i++) {
        const struct ww_heartbeats_result *result = &results[i];
        cr_expect_gt(result->answered, 0);
        cr_expect_eq(result->latency.count, result->answered);
        cr_expect_gt(result->sent, 0);
        cr_expect_gt(result->leaders_ns, 0);
        cr_expect_gt(result->followers_ns, 0);
        cr_expect_geq(result->elapsed_ns, 60000000);
    }
    cr_expect_leq(results[0].sent, results[0].datagrams + 1, "one by one");
    cr_expect_leq(results[2].sent, results[2].datagrams + 1, "one by one");
    cr_expect_gt(results[1].sent, 8 * results[1].datagrams, "as many as fit");
    cr_expect_gt(results[3].sent, 2 * results[3].datagrams, "those of a millisecond");
}

Test(heartbeats, they_share_datagrams_over_memif)
{
    struct ww_heartbeats_options options = options_of(WW_NET_MEMIF);
    struct ww_error error = {0};
    cr_assert_eq(ww_heartbeats_run(&options, keep_waiting, results, &error), WW_OK, "%s",
                 error.text);
    check_results();
}

Test(heartbeats, and_over_the_sockets_of_the_kernel)
{
    struct ww_heartbeats_options options = options_of(WW_NET_UDP);
    struct ww_error error = {0};
    cr_assert_eq(ww_local_take_ports(true, 0, options.udp_ports, 2, &error), WW_OK);
    cr_assert_eq(ww_heartbeats_run(&options, keep_waiting, results, &error), WW_OK, "%s",
                 error.text);
    check_results();
}

Test(heartbeats, they_end_when_interrupted_or_without_a_place_for_sockets)
{
    struct ww_heartbeats_options options = options_of(WW_NET_MEMIF);
    struct ww_error error = {0};
    options.duration_ns = 60000000000u;
    cr_expect_eq(ww_heartbeats_run(&options, stop_at_once, results, &error), WW_ECLOSED);
    options.directory = "/nonexistent";
    cr_expect_neq(ww_heartbeats_run(&options, keep_waiting, results, &error), WW_OK);
    cr_expect_not_null(strstr(error.text, "/nonexistent"), "%s", error.text);
}
