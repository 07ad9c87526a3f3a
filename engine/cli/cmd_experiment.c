/* SPDX-License-Identifier: Apache-2.0 */
/* ww experiment: lists the experiments. Each is a command of its own: bench/experiment.h. */
#include "bench/experiment.h"

#include <stdio.h>

static const struct ww_flag no_flags[] = {{NULL}};

static int run(struct ww_cli *cli)
{
    (void)cli;
    for (const struct ww_experiment *const *each = ww_experiments; *each != NULL; each++)
        printf("%-14s %s\n", (*each)->name, (*each)->command.summary);
    return WW_EXIT_DONE;
}

const struct ww_command ww_command_experiment = {
    .verb = "experiment",
    .summary = "ask a question about tuning and get a table and a plot; alone: list them",
    .flags = no_flags,
    .run = run,
};
