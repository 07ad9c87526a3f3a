/* SPDX-License-Identifier: Apache-2.0 */
/* ww VERB [NOUN] [flags]: docs/cli.md. */
#include "bench/experiment.h"
#include "engine/cli/cli.h"

#include <stdio.h>

const struct ww_command *const ww_commands[] = {
    &ww_command_bench,
    &ww_command_compare,
    &ww_command_report,
    &ww_command_experiment,
    &ww_experiment_backtracking.command,
    &ww_experiment_election.command,
    &ww_experiment_fsync.command,
    &ww_experiment_heartbeats.command,
    &ww_experiment_log_readers.command,
    &ww_experiment_bypass.command,
    &ww_experiment_codec.command,
    &ww_experiment_peers.command,
    &ww_experiment_trace_cost.command,
    &ww_experiment_vote_queue.command,
    &ww_command_sweep_recommend, /* before `sweep FILE`, which takes any word */
    &ww_command_sweep_default,
    &ww_command_sweep,
    &ww_command_up,
    &ww_command_node,
    &ww_command_append,
    &ww_command_tail,
    &ww_command_status,
    &ww_command_kv_put,
    &ww_command_kv_get,
    &ww_command_kv_del,
    &ww_command_kv_list,
    &ww_command_member_list,
    &ww_command_member_add,
    &ww_command_member_promote,
    &ww_command_member_demote,
    &ww_command_member_remove,
    &ww_command_leader_transfer,
    &ww_command_snapshot_save,
    &ww_command_snapshot_list,
    &ww_command_snapshot_restore,
    &ww_command_config_show,
    &ww_command_config_set,
    &ww_command_version,
    &ww_command_help,
    &ww_command_load,
    &ww_command_probe,
    &ww_command_wal_inspect,
    &ww_command_wal_verify,
    &ww_command_wal_dump,
    NULL,
};

static int check_global_flags(const struct ww_cli *cli, struct ww_error *error)
{
    static const char *const formats[] = {"table", "json", NULL};
    static const char *const progress[] = {"auto", "always", "never", NULL};
    uint32_t choice;
    int status = ww_cli_choice(cli, "format", formats, &choice, error);
    return status != WW_OK ? status : ww_cli_choice(cli, "progress", progress, &choice, error);
}

int main(int count, char **words)
{
    struct ww_cli cli;
    struct ww_error error;
    int status = ww_args_parse(&cli, ww_commands, count - 1, words + 1, &error);
    if (status == WW_OK && cli.help) {
        if (cli.command != NULL)
            ww_args_help(cli.command, stdout);
        else
            ww_args_help_all(ww_commands, stdout);
        return WW_EXIT_DONE;
    }
    if (status == WW_OK)
        status = check_global_flags(&cli, &error);
    if (status == WW_OK && cli.command != NULL)
        return cli.command->run(&cli);
    if (status == WW_OK)
        ww_fail(&error, WW_EINVAL, "no command given (help: ww --help)");
    return ww_cli_fail(&cli, &error);
}
