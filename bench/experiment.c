/* SPDX-License-Identifier: Apache-2.0 */
/* The list of the experiments, and what happens around each. */
#include "bench/experiment.h"

#include "bench/html.h"
#include "bench/run_directory.h"

#include <limits.h>

/* clang-format off */
const struct ww_experiment *const ww_experiments[] = {
    &ww_experiment_backtracking,
    &ww_experiment_bypass,
    &ww_experiment_codec,
    &ww_experiment_election,
    &ww_experiment_fsync,
    &ww_experiment_heartbeats,
    &ww_experiment_log_readers,
    &ww_experiment_peers,
    &ww_experiment_trace_cost,
    &ww_experiment_vote_queue,
    NULL,
};
/* clang-format on */

static const struct ww_experiment *experiment_of(const struct ww_command *command)
{
    const struct ww_experiment *const *each = ww_experiments;
    while (&(*each)->command != command)
        each++;
    return *each;
}

static int write_files(const struct ww_experiment *experiment, struct json_object *result,
                       const char *output, struct ww_error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s.json", output, experiment->name);
    if (json_object_to_file_ext(path, result, JSON_C_TO_STRING_PRETTY) != 0)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    snprintf(path, sizeof(path), "%s/%s.html", output, experiment->name);
    return ww_html_write(path, WW_HTML_EXPERIMENT, result, error);
}

int ww_experiment_main(struct ww_cli *cli)
{
    const struct ww_experiment *experiment = experiment_of(cli->command);
    const char *output = ww_cli_text(cli, "output");
    struct json_object *result = NULL;
    struct ww_error error;
    ww_cli_block_signals();
    int status = ww_run_output_make(output, &error);
    if (status == WW_OK)
        status = experiment->run(cli, &result, &error);
    if (status == WW_OK && ww_cli_json(cli))
        puts(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PRETTY));
    else if (status == WW_OK)
        experiment->print(result, stdout);
    if (status == WW_OK && output != NULL)
        status = write_files(experiment, result, output, &error);
    json_object_put(result);
    return status == WW_OK ? (int)WW_EXIT_DONE : ww_cli_fail(cli, &error);
}
