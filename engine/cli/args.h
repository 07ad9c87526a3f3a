/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands and their flags as tables, and the one parser for all of them. Global flags stand before
 * or after the verb. A value comes from the flag, else from the environment (global flags, as
 * WW_ENDPOINT), else it is the default of the table.
 */
#ifndef WW_CLI_ARGS_H
#define WW_CLI_ARGS_H

#include "engine/base/error.h"
#include "engine/node/config.h"

#include <stdbool.h>
#include <stdint.h>

#define WW_CLI_FLAGS_MAX 48u     /* of one command, with the global ones */
#define WW_CLI_OVERRIDES_MAX 48u /* configuration keys given as flags */
#define WW_CLI_LISTS_MAX 2048u   /* characters of flags that were given again */

struct ww_cli;

struct ww_flag {
    const char *name; /* without the dashes; NULL ends a table */
    char letter;      /* the short form, or 0 */
    /* What the help calls its value; NULL: a switch, which takes none. With "..." at its end the
     * flag may be given again, and the values are joined by commas. */
    const char *value;
    const char *fallback; /* the default, or NULL for none */
    const char *help;
};

struct ww_command {
    const char *verb;    /* "append"; with a noun: "config show" */
    const char *summary; /* one line, for `ww help` */
    const struct ww_flag *flags;
    /* What the help calls the word or the two words behind the verb; in brackets: optional. */
    const char *operand;
    bool takes_config; /* every configuration key is a flag too: --wal.depth, --depth */
    bool hidden;       /* not in `ww help` */
    int (*run)(struct ww_cli *cli); /* returns the exit code */
};

/* A configuration key that was given as a flag. */
struct ww_override {
    const char *key, *value;
    char where[64];
};

struct ww_cli {
    const struct ww_command *command;
    const char *operand, *second;         /* the words behind the verb, or NULL */
    const char *values[WW_CLI_FLAGS_MAX]; /* as given: the global flags, then the command's */
    struct ww_override overrides[WW_CLI_OVERRIDES_MAX];
    uint32_t override_count;
    char lists[WW_CLI_LISTS_MAX]; /* flags that were given again: their values joined */
    uint32_t lists_used;
    bool help; /* --help was given */
};

/* `commands` ends with NULL. WW_EINVAL: `error` says what is wrong and what is near. */
int ww_args_parse(struct ww_cli *cli, const struct ww_command *const *commands, int count,
                  char **words, struct ww_error *error);

/* The help of one command, and the list of all. */
void ww_args_help(const struct ww_command *command, FILE *file);
void ww_args_help_all(const struct ww_command *const *commands, FILE *file);

/* The value of a flag of this command or a global one; NULL when it has none. */
const char *ww_cli_text(const struct ww_cli *cli, const char *flag);
bool ww_cli_switch(const struct ww_cli *cli, const char *flag);
bool ww_cli_given(const struct ww_cli *cli, const char *flag); /* on the command line */

/* The value in its unit and within [min, max], or WW_EINVAL and a sentence. */
int ww_cli_count(const struct ww_cli *cli, const char *flag, uint64_t min, uint64_t max,
                 uint64_t *value, struct ww_error *error);
int ww_cli_bytes(const struct ww_cli *cli, const char *flag, uint64_t min, uint64_t max,
                 uint64_t *value, struct ww_error *error);
int ww_cli_duration(const struct ww_cli *cli, const char *flag, uint64_t min_ns, uint64_t max_ns,
                    uint64_t *ns, struct ww_error *error);

/* The operand, which names a node. */
int ww_cli_node(const struct ww_cli *cli, uint32_t *node, struct ww_error *error);

/* The place of the value in `choices` (ended by NULL). */
int ww_cli_choice(const struct ww_cli *cli, const char *flag, const char *const *choices,
                  uint32_t *choice, struct ww_error *error);

/* Defaults, then the file of --config, the environment, and the flags. Not validated yet. */
int ww_cli_config(const struct ww_cli *cli, struct ww_config *config, struct ww_error *error);

#endif
