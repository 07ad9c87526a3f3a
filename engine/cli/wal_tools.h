/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands `ww wal ...` share. */
#ifndef WW_CLI_WAL_TOOLS_H
#define WW_CLI_WAL_TOOLS_H

#include "engine/cli/cli.h"

/* The data directory that the operand names, or else the configuration (which is read to
 * `config`). */
int ww_wal_directory_name(const struct ww_cli *cli, struct ww_config *config, const char **name,
                          struct ww_error *error);

/* ww wal verify --peers; returns the exit code. */
int ww_wal_verify_peers(struct ww_cli *cli);

#endif
