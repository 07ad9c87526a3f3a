/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sweep_child.h"

#include "engine/base/time_ns.h"
#include "engine/cli/cli.h"
#include "engine/cli/local_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)
#define LOOK_NS (SECOND_NS / 20)
#define END_NS (30 * SECOND_NS) /* it ends its cluster and removes its files */
#define FIXED_WORDS 8u

/* ww bench -o DIRECTORY --data DATA --progress never WORDS...; an array to be freed. */
static const char **arguments_of(const struct ww_sweep_child *child)
{
    size_t count = 0;
    while (child->words[count] != NULL)
        count++;
    const char *const fixed[FIXED_WORDS] = {"ww",     "bench",     "-o",         child->directory,
                                            "--data", child->data, "--progress", "never"};
    const char **list = calloc(FIXED_WORDS + count + 1, sizeof(char *));
    if (list != NULL) {
        memcpy(list, fixed, sizeof(fixed));
        memcpy(list + FIXED_WORDS, child->words, count * sizeof(char *));
    }
    return list;
}

/* In the child: only calls that are safe after fork. SIGTERM lets it clean up when we die. */
static void become_bench(const char **arguments, pid_t parent, int out, int log)
{
    sigset_t none;
    sigemptyset(&none);
    if (setsid() >= 0 && prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent &&
        dup2(out, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0 &&
        sigprocmask(SIG_SETMASK, &none, NULL) == 0)
        execv("/proc/self/exe", (char *const *)arguments);
    _exit(127);
}

static pid_t start(const char **arguments, int out, int log)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become_bench(arguments, parent, out, log);
    return pid;
}

/* Ends it, giving it time to clean up. */
static void end(pid_t pid)
{
    uint64_t deadline_ns = ww_time_ns(CLOCK_MONOTONIC) + END_NS;
    kill(pid, SIGTERM);
    while (waitpid(pid, NULL, WNOHANG) == 0) {
        const struct timespec pause = {.tv_nsec = (long)LOOK_NS};
        if (ww_time_ns(CLOCK_MONOTONIC) > deadline_ns)
            kill(pid, SIGKILL);
        nanosleep(&pause, NULL);
    }
}

static int wait_for(const struct ww_sweep_child *child, pid_t pid, int *how, struct ww_error *error)
{
    uint64_t next_ns = 0;
    pid_t ended;
    while ((ended = waitpid(pid, how, WNOHANG)) == 0) {
        uint64_t now_ns = ww_time_ns(CLOCK_MONOTONIC);
        if (now_ns >= next_ns) {
            child->tick(child->context);
            next_ns = now_ns + SECOND_NS;
        }
        if (ww_cli_interrupted(LOOK_NS)) {
            end(pid);
            return ww_fail(error, WW_ECLOSED, "interrupted");
        }
    }
    return ended == pid ? WW_OK : ww_fail_errno(error, WW_EIO, "waiting for ww bench");
}

static int judge(int how, const char *log, struct ww_error *error)
{
    char words[300];
    if (WIFEXITED(how) && WEXITSTATUS(how) == 0)
        return WW_OK;
    ww_local_last_line(log, words, sizeof(words));
    return ww_fail(error, WW_EIO, "ww bench ended with %s %d: %s",
                   WIFSIGNALED(how) ? "signal" : "exit code",
                   WIFSIGNALED(how) ? WTERMSIG(how) : WEXITSTATUS(how), words);
}

static int open_output(const char *directory, const char *name, struct ww_error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        ww_fail_errno(error, WW_EIO, "%s", path);
    return fd;
}

int ww_sweep_child_run(const struct ww_sweep_child *child, struct ww_error *error)
{
    char path[PATH_MAX];
    int how = 0, status = WW_EIO, log = -1;
    const char **arguments = arguments_of(child);
    int out = open_output(child->directory, "bench.txt", error);
    if (out >= 0)
        log = open_output(child->directory, "bench.log", error);
    if (arguments == NULL) {
        status = ww_fail(error, WW_ENOMEM, "no memory");
    } else if (log >= 0) {
        pid_t pid = start(arguments, out, log);
        status = pid < 0 ? ww_fail_errno(error, WW_EIO, "starting ww bench")
                         : wait_for(child, pid, &how, error);
        snprintf(path, sizeof(path), "%s/bench.log", child->directory);
        if (status == WW_OK)
            status = judge(how, path, error);
    }
    if (out >= 0)
        close(out);
    if (log >= 0)
        close(log);
    free(arguments);
    return status;
}
