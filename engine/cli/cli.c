/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/cli.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum ww_exit ww_exit_code(int status)
{
    switch (status) {
    case WW_OK:
        return WW_EXIT_DONE;
    case WW_EINVAL:
        return WW_EXIT_USAGE;
    case WW_ETIMEOUT:
    case WW_ENOTLEADER:
    case WW_EBUSY:
        return WW_EXIT_UNAVAILABLE;
    case WW_EDAMAGED:
        return WW_EXIT_DAMAGED;
    default:
        return WW_EXIT_FAILED;
    }
}

int ww_cli_fail(const struct ww_cli *cli, const struct ww_error *error)
{
    fprintf(stderr, "ww%s%s: %s\n", cli->command != NULL ? " " : "",
            cli->command != NULL ? cli->command->verb : "", error->text);
    return (int)ww_exit_code(error->code);
}

bool ww_cli_json(const struct ww_cli *cli)
{
    return strcmp(ww_cli_text(cli, "format"), "json") == 0;
}

bool ww_cli_quiet(const struct ww_cli *cli)
{
    return ww_cli_switch(cli, "quiet");
}

bool ww_cli_progress(const struct ww_cli *cli)
{
    const char *wanted = ww_cli_text(cli, "progress");
    if (strcmp(wanted, "auto") == 0)
        return !ww_cli_quiet(cli) && isatty(STDERR_FILENO);
    return strcmp(wanted, "always") == 0;
}

static bool drawn_over; /* a line stands on the terminal without its end */

void ww_cli_draw(const char *format, ...)
{
    va_list arguments;
    drawn_over = isatty(STDERR_FILENO);
    fputs(drawn_over ? "\r\033[K" : "", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fputs(drawn_over ? "" : "\n", stderr);
    va_end(arguments);
}

void ww_cli_draw_end(void)
{
    fputs(drawn_over ? "\r\033[K" : "", stderr);
    drawn_over = false;
}

const char *ww_cli_endpoint(const struct ww_cli *cli)
{
    return ww_cli_text(cli, "endpoint");
}

static void stop_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGHUP);
}

void ww_cli_block_signals(void)
{
    sigset_t signals;
    stop_signals(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

bool ww_cli_interrupted(uint64_t wait_ns)
{
    static bool interrupted;
    sigset_t signals;
    stop_signals(&signals);
    const struct timespec wait = {.tv_sec = (time_t)(wait_ns / 1000000000u),
                                  .tv_nsec = (long)(wait_ns % 1000000000u)};
    if (!interrupted)
        interrupted = sigtimedwait(&signals, NULL, &wait) > 0;
    return interrupted;
}
