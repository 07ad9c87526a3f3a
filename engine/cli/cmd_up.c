/* SPDX-License-Identifier: Apache-2.0 */
/* ww up: a local cluster in the foreground. */
#include "engine/cli/cli.h"
#include "engine/cli/local_cluster.h"

#include <stdio.h>

#define READY_TIMEOUT_NS 60000000000u
#define CHECK_INTERVAL_NS 200000000u

static const struct ww_flag flags[] = {
    {"nodes", 'n', "N", "3", "nodes: 1, 3, 5 or 7"},
    {"spare", 0, "N", "0", "more nodes, which wait for `ww member add`"},
    {"data", 0, "DIR", NULL,
     "keep the cluster in DIR, and start it again from there; without it, a directory below "
     "$TMPDIR or /tmp that is removed at the end"},
    {"keep", 0, NULL, NULL, "do not remove the directory at the end"},
    {"port", 0, "PORT", "7201", "admin port of the first node; the others follow"},
    {NULL},
};

static void print_endpoints(const struct ww_local_cluster *cluster, uint32_t nodes, uint32_t spares)
{
    bool kv = ww_local_cluster_config(cluster, 1)->machine == WW_CONFIG_MACHINE_KV;
    printf("The cluster is up, in %s\n", ww_local_cluster_directory(cluster));
    for (uint32_t id = 1; id <= nodes + spares; id++)
        printf("  node %u: endpoint %s, process %d%s\n", id, ww_local_cluster_endpoint(cluster, id),
               (int)ww_local_cluster_pid(cluster, id), id > nodes ? ", spare" : "");
    const char *first = ww_local_cluster_endpoint(cluster, 1);
    const char *last = ww_local_cluster_endpoint(cluster, nodes);
    printf("Try, in another terminal:\n"
           "  ww status --endpoint %s\n",
           first);
    printf(kv ? "  ww kv put hello world --endpoint %s\n"
                "  ww kv list --endpoint %s\n"
              : "  echo hello | ww append --endpoint %s\n"
                "  ww tail --follow --endpoint %s\n",
           first, last);
    if (spares != 0)
        printf("  ww member add %u --endpoint %s\n"
               "  ww member promote %u --endpoint %s\n",
               nodes + 1, first, nodes + 1, first);
    printf("^C stops it.\n");
    fflush(stdout);
}

/* Until ^C, or until no node is left; returns how many ended by themselves. */
static uint32_t watch(struct ww_local_cluster *cluster, uint32_t nodes)
{
    struct ww_error error;
    uint32_t ended = 0;
    while (ended < nodes && !ww_cli_interrupted(CHECK_INTERVAL_NS)) {
        while (ww_local_cluster_check(cluster, &error) != WW_OK) {
            fprintf(stderr, "ww up: %s\n", error.text);
            ended++;
        }
    }
    return ended;
}

static int run(struct ww_cli *cli)
{
    struct ww_local_options options = {.directory = ww_cli_text(cli, "data"),
                                       .keep = ww_cli_switch(cli, "keep")};
    struct ww_local_cluster *cluster;
    struct ww_error error;
    uint64_t nodes, spares, port;
    if (ww_cli_config(cli, &options.config, &error) != WW_OK ||
        ww_cli_count(cli, "nodes", 1, WW_NODES_MAX, &nodes, &error) != WW_OK ||
        ww_cli_count(cli, "spare", 0, WW_NODES_MAX - 1, &spares, &error) != WW_OK ||
        ww_cli_count(cli, "port", 1, 65535 - WW_NODES_MAX, &port, &error) != WW_OK)
        return ww_cli_fail(cli, &error);
    options.nodes = (uint32_t)nodes;
    options.spares = (uint32_t)spares;
    options.admin_port = (uint32_t)port;
    ww_cli_block_signals();
    if (ww_local_cluster_start(&options, &cluster, &error) != WW_OK)
        return ww_cli_fail(cli, &error);
    int result = WW_EXIT_DONE;
    if (ww_local_cluster_wait_ready(cluster, READY_TIMEOUT_NS, ww_cli_interrupted, &error) ==
        WW_OK) {
        print_endpoints(cluster, options.nodes, options.spares);
        if (watch(cluster, options.nodes + options.spares) != 0)
            result = WW_EXIT_FAILED;
    } else if (!ww_cli_interrupted(0)) {
        result = ww_cli_fail(cli, &error);
    }
    if (ww_local_cluster_stop(cluster, &error) != WW_OK)
        result = ww_cli_fail(cli, &error);
    return result;
}

const struct ww_command ww_command_up = {
    .verb = "up",
    .summary = "run a local cluster in the foreground; ^C stops it",
    .flags = flags,
    .takes_config = true,
    .run = run,
};
