/* SPDX-License-Identifier: Apache-2.0 */
/* ww report DIR: prints what DIR holds once more, and writes its report.html anew. */
#include "bench/bench_files.h"
#include "bench/sweep_run.h"
#include "engine/cli/cli.h"

#include <limits.h>
#include <unistd.h>

static const struct ww_flag flags[] = {{NULL}};

static int report(const struct ww_cli *cli, const char *directory, struct ww_error *error)
{
    char path[PATH_MAX];
    if (access(directory, R_OK | X_OK) != 0)
        return ww_fail_errno(error, WW_EINVAL, "%s", directory);
    if (ww_sweep_is_directory(directory))
        return ww_sweep_report(directory, ww_cli_json(cli), NULL, error);
    snprintf(path, sizeof(path), "%s/result.json", directory);
    if (access(path, F_OK) == 0)
        return ww_bench_report(directory, ww_cli_json(cli), error);
    return ww_fail(error, WW_EINVAL,
                   "%s holds neither result.json (ww bench -o DIR writes it) nor sweep.yaml "
                   "(ww sweep FILE -o DIR)",
                   directory);
}

static int run(struct ww_cli *cli)
{
    struct ww_error error;
    return report(cli, cli->operand, &error) == WW_OK ? (int)WW_EXIT_DONE
                                                      : ww_cli_fail(cli, &error);
}

const struct ww_command ww_command_report = {
    .verb = "report",
    .summary = "print the report of a directory again, and write its report.html anew",
    .flags = flags,
    .operand = "DIR",
    .run = run,
};
