/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs scenarios (docs/scenarios.md):
 *
 *   script.c         words of a line
 *   scenario.c       the lines of a file, one after the other; the table of commands
 *   cluster*.c       the nodes, on the world of tests/sim: clocks, polls, messages, disks
 *   command_*.c      commands that make something happen
 *   expect*.c        commands that look
 *   invariants.c     what must hold after every command
 *   show.c           words for people: errors, --verbose
 */
#ifndef WW_TESTS_SCENARIO_SCENARIO_H
#define WW_TESTS_SCENARIO_SCENARIO_H

#include "script.h"

#include <stdbool.h>
#include <stddef.h>

struct scenario_result {
    bool passed;
    char error[SCRIPT_ERROR_MAX];
};

/* Runs the text of a file; `verbose` prints to stdout what each command caused. */
void scenario_run(const char *file, const char *text, size_t bytes, bool verbose,
                  struct scenario_result *result);

#endif
