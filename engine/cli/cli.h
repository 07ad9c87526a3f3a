/* SPDX-License-Identifier: Apache-2.0 */
/* What every subcommand shares: its table entry, exit codes, output and interruption. */
#ifndef WW_CLI_CLI_H
#define WW_CLI_CLI_H

#include "engine/cli/args.h"

enum ww_exit {
    WW_EXIT_DONE = 0,
    WW_EXIT_FAILED = 1,      /* failed, or missed its objective */
    WW_EXIT_USAGE = 2,       /* a flag, key or value is wrong */
    WW_EXIT_UNAVAILABLE = 3, /* no answer, no leader, no quorum */
    WW_EXIT_DAMAGED = 4,     /* stored data fail their check */
};

#define WW_ENDPOINT_DEFAULT "127.0.0.1:7201"

/* One per cmd_*.c; main.c lists them. */
extern const struct ww_command ww_command_append;
extern const struct ww_command ww_command_bench;
extern const struct ww_command ww_command_compare;
extern const struct ww_command ww_command_config_set;
extern const struct ww_command ww_command_config_show;
extern const struct ww_command ww_command_experiment;
extern const struct ww_command ww_command_help;
extern const struct ww_command ww_command_kv_del;
extern const struct ww_command ww_command_kv_get;
extern const struct ww_command ww_command_kv_list;
extern const struct ww_command ww_command_kv_put;
extern const struct ww_command ww_command_leader_transfer;
extern const struct ww_command ww_command_load; /* hidden: the load generator of `ww bench` */
extern const struct ww_command ww_command_member_add;
extern const struct ww_command ww_command_member_demote;
extern const struct ww_command ww_command_member_list;
extern const struct ww_command ww_command_member_promote;
extern const struct ww_command ww_command_member_remove;
extern const struct ww_command ww_command_node;
extern const struct ww_command ww_command_probe; /* hidden: measures the limits for `ww bench` */
extern const struct ww_command ww_command_report;
extern const struct ww_command ww_command_snapshot_list;
extern const struct ww_command ww_command_snapshot_restore;
extern const struct ww_command ww_command_snapshot_save;
extern const struct ww_command ww_command_status;
extern const struct ww_command ww_command_sweep;
extern const struct ww_command ww_command_sweep_default;
extern const struct ww_command ww_command_sweep_recommend;
extern const struct ww_command ww_command_tail;
extern const struct ww_command ww_command_up;
extern const struct ww_command ww_command_version;
extern const struct ww_command ww_command_wal_dump;
extern const struct ww_command ww_command_wal_inspect;
extern const struct ww_command ww_command_wal_verify;

/* All commands, ended by NULL. */
extern const struct ww_command *const ww_commands[];

int ww_cmd_bench(struct ww_cli *cli);
/* The flags of `ww bench`, checked. */
struct ww_bench_options;
int ww_bench_options_read(const struct ww_cli *cli, struct ww_bench_options *options,
                          struct ww_error *error);
int ww_cmd_load(struct ww_cli *cli);
int ww_cmd_probe(struct ww_cli *cli);

enum ww_exit ww_exit_code(int status);

/* Prints "ww VERB: sentence" to stderr; returns the exit code that belongs to error->code. */
int ww_cli_fail(const struct ww_cli *cli, const struct ww_error *error);

bool ww_cli_json(const struct ww_cli *cli);     /* --format json */
bool ww_cli_quiet(const struct ww_cli *cli);    /* --quiet: errors only */
bool ww_cli_progress(const struct ww_cli *cli); /* draw progress on stderr? */
/* A line of progress on stderr: drawn over the last one on a terminal, until ww_cli_draw_end. */
void ww_cli_draw(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ww_cli_draw_end(void);

const char *ww_cli_endpoint(const struct ww_cli *cli);

/*
 * ^C and SIGTERM as something to look at: block them before the first thread starts, then ask.
 * ww_cli_interrupted waits up to `wait_ns` for one, and stays true from then on.
 */
void ww_cli_block_signals(void);
bool ww_cli_interrupted(uint64_t wait_ns);

#endif
