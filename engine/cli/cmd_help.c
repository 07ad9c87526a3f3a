/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/cli.h"

#include <stdio.h>
#include <string.h>

#ifdef WW_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

static const struct ww_flag no_flags[] = {{NULL}};

static int run_help(struct ww_cli *cli)
{
    (void)cli;
    ww_args_help_all(ww_commands, stdout);
    return WW_EXIT_DONE;
}

/* As the allocator in use names itself; the sanitizers bring their own. */
static const char *allocator(void)
{
    static char name[64] = "libc";
#ifdef WW_JEMALLOC
    const char *version;
    size_t size = sizeof(version);
    if (mallctl("version", &version, &size, NULL, 0) == 0)
        snprintf(name, sizeof(name), "jemalloc %.*s", (int)strcspn(version, "-"), version);
#endif
    return name;
}

static int run_version(struct ww_cli *cli)
{
    printf(ww_cli_json(cli) ? "{\"version\":\"%s\",\"allocator\":\"%s\"}\n" : "ww %s (%s)\n",
           WW_VERSION, allocator());
    return WW_EXIT_DONE;
}

const struct ww_command ww_command_help = {.verb = "help",
                                           .summary = "list the commands",
                                           .flags = no_flags,
                                           .run = run_help};

const struct ww_command ww_command_version = {.verb = "version",
                                              .summary = "print the version",
                                              .flags = no_flags,
                                              .run = run_version};
