/* SPDX-License-Identifier: Apache-2.0 */
/* ww node: one node, until it is told to stop or fences itself. */
#include "engine/base/units.h"
#include "engine/cli/cli.h"
#include "engine/node/config_keys.h"

#include <whitewater/node.h>

#include <stdio.h>

#define HEALTH_INTERVAL_NS 100000000u

static const struct ww_flag flags[] = {{NULL}};

static void print_summary(const struct ww_config *config)
{
    static const char *const shown[] = {
        "wal.durability", "net.transport", "net.mtu",     "memory.log_buffer",
        "wal.segment",    "wal.prepare",   "raft.groups", "stages.threads",
    };
    char value[512];
    fprintf(stderr, "node %u of %u in cluster %s:", config->node_id, config->node_count,
            config->cluster_name);
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        fprintf(stderr, " %s=%s", shown[i],
                ww_config_get(config, ww_config_key_find(shown[i]), value, sizeof(value)));
    fputc('\n', stderr);
}

static int run(struct ww_cli *cli)
{
    struct ww_config config;
    struct ww_error error;
    struct ww_node *node;
    if (ww_cli_config(cli, &config, &error) != WW_OK ||
        ww_config_validate(&config, &error) != WW_OK)
        return ww_cli_fail(cli, &error);
    ww_cli_block_signals();
    if (!ww_cli_quiet(cli))
        print_summary(&config);
    if (ww_node_start(&config, NULL, &node, &error) != WW_OK)
        return ww_cli_fail(cli, &error);
    if (!ww_cli_quiet(cli)) {
        char found[WW_NODE_RECOVERY_TEXT];
        ww_node_recovery_text(node, found, sizeof(found));
        fprintf(stderr, "%s\n", found);
    }
    int health = WW_OK;
    while (health == WW_OK && !ww_cli_interrupted(HEALTH_INTERVAL_NS))
        health = ww_node_health(node, &error);
    ww_node_stop(node);
    if (health != WW_OK) {
        fprintf(stderr, "ww node: fenced: %s\n", error.text);
        return WW_EXIT_FAILED;
    }
    return WW_EXIT_DONE;
}

const struct ww_command ww_command_node = {
    .verb = "node",
    .summary = "run one node of a cluster, from --config FILE",
    .flags = flags,
    .takes_config = true,
    .run = run,
};
