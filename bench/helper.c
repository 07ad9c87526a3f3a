/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/helper.h"

#include "engine/base/time_ns.h"
#include "engine/cli/cli.h"
#include "engine/cli/local_files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLICE_MS 100 /* how long ^C may wait */
#define STOP_MS 5000
#define LAST_WORDS 300

/* ---- where programs are ---- */

bool ww_helper_built(const char *name, char path[WW_HELPER_PATH_MAX])
{
    char self[WW_HELPER_PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length < 0)
        return false;
    self[length] = 0;
    const char *slash = strrchr(self, '/');
    int needed = snprintf(path, WW_HELPER_PATH_MAX, "%.*s/%s",
                          slash == NULL ? 0 : (int)(slash - self), self, name);
    return needed < (int)WW_HELPER_PATH_MAX && access(path, X_OK) == 0;
}

bool ww_helper_installed(const char *name, char path[WW_HELPER_PATH_MAX])
{
    const char *folders = getenv("PATH");
    for (const char *at = folders; at != NULL; at = strchr(at, ':'), at += at != NULL) {
        int needed = snprintf(path, WW_HELPER_PATH_MAX, "%.*s/%s", (int)strcspn(at, ":"), at, name);
        if (needed < (int)WW_HELPER_PATH_MAX && access(path, X_OK) == 0)
            return true;
    }
    return false;
}

/* ---- starting ---- */

/* In the child: only calls that are safe after fork. `line`: its standard input and output. */
static _Noreturn void become(const char *const *words, pid_t parent, int line, int log)
{
    sigset_t none;
    sigemptyset(&none);
    if (setsid() >= 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
        dup2(line >= 0 ? line : open("/dev/null", O_RDONLY), STDIN_FILENO) >= 0 &&
        dup2(line >= 0 ? line : log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0 &&
        sigprocmask(SIG_SETMASK, &none, NULL) == 0)
        execv(words[0], (char *const *)words);
    dprintf(STDERR_FILENO, "cannot start %s: %s\n", words[0], strerror(errno));
    _exit(127);
}

int ww_helper_start(struct ww_helper *helper, const char *name, bool speaks,
                    const char *const *words, const char *log_path, struct ww_error *error)
{
    int line[2] = {-1, -1}; /* ours, theirs */
    *helper = (struct ww_helper){.name = name, .line = -1};
    snprintf(helper->log, sizeof(helper->log), "%s", log_path != NULL ? log_path : "");
    int log = log_path != NULL ? open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)
                               : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    if (log < 0)
        return ww_fail_errno(error, WW_EIO, "cannot write the log of %s", name);
    pid_t parent = getpid(), pid = -1;
    if (!speaks || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) == 0)
        pid = fork();
    if (pid == 0)
        become(words, parent, line[1], log);
    int status = pid > 0 ? WW_OK : ww_fail_errno(error, WW_EIO, "starting %s", name);
    close(log);
    if (line[1] >= 0)
        close(line[1]);
    if (status == WW_OK) {
        helper->pid = pid;
        helper->line = line[0];
    } else if (line[0] >= 0) {
        close(line[0]);
    }
    return status;
}

/* ---- its end ---- */

static void forget(struct ww_helper *helper)
{
    if (helper->line >= 0)
        close(helper->line);
    helper->pid = 0;
}

static int describe_end(struct ww_helper *helper, int how, struct ww_error *error)
{
    char words[LAST_WORDS];
    bool killed = WIFSIGNALED(how);
    ww_local_last_line(helper->log, words, sizeof(words));
    return ww_fail(error, WW_EIO, "%s ended with %s %d; it said last: %s", helper->name,
                   killed ? "signal" : "exit code", killed ? WTERMSIG(how) : WEXITSTATUS(how),
                   words);
}

int ww_helper_check(struct ww_helper *helper, struct ww_error *error)
{
    int how;
    if (helper->pid == 0 || waitpid(helper->pid, &how, WNOHANG) != helper->pid)
        return WW_OK;
    forget(helper);
    return describe_end(helper, how, error);
}

int ww_helper_stop(struct ww_helper *helper, struct ww_error *error)
{
    int how;
    if (helper->pid == 0)
        return WW_OK;
    struct pollfd end = {.fd = pidfd_open(helper->pid, 0), .events = POLLIN};
    kill(helper->pid, SIGTERM);
    uint64_t deadline_ns = ww_time_ns(CLOCK_MONOTONIC) + STOP_MS * UINT64_C(1000000);
    while (poll(&end, 1, STOP_MS) < 0 && errno == EINTR &&
           ww_time_ns(CLOCK_MONOTONIC) < deadline_ns)
        continue;
    close(end.fd);
    bool late = waitpid(helper->pid, &how, WNOHANG) != helper->pid;
    if (late) {
        kill(helper->pid, SIGKILL);
        waitpid(helper->pid, &how, 0);
    }
    forget(helper);
    if (late)
        return ww_fail(error, WW_EIO, "%s did not stop within %d s and was killed", helper->name,
                       STOP_MS / 1000);
    bool clean = WIFEXITED(how) ? WEXITSTATUS(how) == 0 : WTERMSIG(how) == SIGTERM;
    return clean ? WW_OK : describe_end(helper, how, error);
}

/* ---- speaking ---- */

static int say(struct ww_helper *helper, const char *line, struct ww_error *error)
{
    char text[WW_HELPER_LINE_MAX];
    int length = snprintf(text, sizeof(text), "%s\n", line);
    if (length >= (int)sizeof(text))
        return ww_fail(error, WW_ETOOBIG, "%s: a line of %d characters", helper->name, length);
    /* One that has ended is found by its silence. */
    return send(helper->line, text, (size_t)length, MSG_NOSIGNAL) == length || errno == EPIPE
               ? WW_OK
               : ww_fail_errno(error, WW_EIO, "speaking to %s", helper->name);
}

/* Takes the first whole line out of the buffer; NULL: there is none. */
static struct json_object *take_line(struct ww_helper *helper, struct ww_error *error, int *status)
{
    char *newline = memchr(helper->buffer, '\n', helper->used);
    if (newline == NULL)
        return NULL;
    *newline = 0;
    struct json_object *line = json_tokener_parse(helper->buffer);
    if (line == NULL)
        *status = ww_fail(error, WW_EIO, "%s said '%.100s'", helper->name, helper->buffer);
    helper->used -= (size_t)(newline + 1 - helper->buffer);
    memmove(helper->buffer, newline + 1, helper->used);
    return line;
}

static int hear(struct ww_helper *helper, struct ww_error *error)
{
    size_t room = sizeof(helper->buffer) - helper->used;
    if (room == 0)
        return ww_fail(error, WW_EIO, "%s does not answer in lines", helper->name);
    ssize_t got = read(helper->line, helper->buffer + helper->used, room);
    if (got > 0) {
        helper->used += (size_t)got;
        return WW_OK;
    }
    int how; /* it closed its line, and so ends; what it had not read is an error of the socket */
    waitpid(helper->pid, &how, 0);
    forget(helper);
    return describe_end(helper, how, error);
}

int ww_helper_ask(struct ww_helper *helper, const char *line, uint64_t timeout_ns,
                  struct json_object **answer, struct ww_error *error)
{
    uint64_t deadline_ns = ww_time_ns(CLOCK_MONOTONIC) + timeout_ns;
    int status = line != NULL ? say(helper, line, error) : WW_OK;
    *answer = NULL;
    while (status == WW_OK && (*answer = take_line(helper, error, &status)) == NULL) {
        struct pollfd wait = {.fd = helper->line, .events = POLLIN};
        if (status != WW_OK)
            break;
        if (poll(&wait, 1, SLICE_MS) > 0)
            status = hear(helper, error);
        else if (ww_cli_interrupted(0))
            status = ww_fail(error, WW_ECLOSED, "interrupted");
        else if (ww_time_ns(CLOCK_MONOTONIC) > deadline_ns)
            status = ww_fail(error, WW_ETIMEOUT, "%s does not answer", helper->name);
    }
    return status;
}
