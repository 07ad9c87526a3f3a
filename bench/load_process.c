/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load_process.h"

#include "bench/run_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS 40
#define LAST_WORDS 300

/* "--name" and its value as text. */
struct arguments {
    char *list[ARGUMENTS + 1];
    char text[ARGUMENTS][512];
    int count;
};

static void add(struct arguments *arguments, const char *word)
{
    snprintf(arguments->text[arguments->count], sizeof(arguments->text[0]), "%s", word);
    arguments->list[arguments->count] = arguments->text[arguments->count];
    arguments->count++;
}

static void add_count(struct arguments *arguments, const char *flag, uint64_t value,
                      const char *unit)
{
    char text[32];
    snprintf(text, sizeof(text), "%lu%s", value, unit);
    add(arguments, flag);
    add(arguments, text);
}

static void make_arguments(struct arguments *arguments, const struct ww_load_options *options)
{
    add(arguments, "ww");
    add(arguments, "load");
    add(arguments, "--endpoint");
    add(arguments, options->endpoint);
    add(arguments, "--directory");
    add(arguments, options->directory);
    add(arguments, "--payload");
    add(arguments, ww_payload_name(&options->payload));
    if (options->payload.size != NULL) {
        add(arguments, "--size");
        add(arguments, options->payload.size);
    } else {
        add_count(arguments, "--size", options->payload.entry_bytes, "");
    }
    add_count(arguments, "--seed", options->payload.seed, "");
    add_count(arguments, "--client", options->client, "");
    add_count(arguments, "--clients", options->clients, "");
    add_count(arguments, "--groups", options->groups, "");
    add_count(arguments, "--pollers", options->pollers, "");
    if (options->rate > 0) {
        add_count(arguments, "--rate", options->rate, "");
        add(arguments, "--arrivals");
        add(arguments, ww_arrivals_names[options->arrivals]);
    } else {
        add_count(arguments, "--inflight", options->inflight, "");
    }
    add_count(arguments, "--trace", options->trace_every, "");
    if (options->gaps)
        add(arguments, "--gaps");
    add_count(arguments, "--rounds", options->rounds, "");
    add_count(arguments, "--warmup", options->warmup_ns, "ns");
    add_count(arguments, "--duration", options->duration_ns, "ns");
}

/* In the child: only calls that are safe after fork. */
static void become_load(struct arguments *arguments, pid_t parent, int go, int lines, int log)
{
    sigset_t none;
    sigemptyset(&none);
    if (setsid() >= 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
        dup2(go, STDIN_FILENO) >= 0 && dup2(lines, STDOUT_FILENO) >= 0 &&
        dup2(log, STDERR_FILENO) >= 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0)
        execv("/proc/self/exe", arguments->list);
    _exit(127);
}

/* Its standard input (a socket: writing to one raises no signal) and output. */
static int make_pipes(int go[2], int lines[2], struct ww_error *error)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go) != 0)
        return ww_fail_errno(error, WW_EIO, "a pipe to the load generator");
    if (pipe2(lines, O_CLOEXEC) == 0)
        return WW_OK;
    int status = ww_fail_errno(error, WW_EIO, "a pipe from the load generator");
    close(go[0]);
    close(go[1]);
    return status;
}

int ww_load_process_start(struct ww_load_process *process, const struct ww_load_options *options,
                          struct ww_error *error)
{
    *process = (struct ww_load_process){.lines = -1, .go = -1};
    ww_run_load_file(process->log, options->directory, options->client, "log");
    struct arguments arguments = {.count = 0};
    make_arguments(&arguments, options);
    int go[2], lines[2];
    int log = open(process->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (log < 0)
        return ww_fail_errno(error, WW_EIO, "%s", process->log);
    int status = make_pipes(go, lines, error);
    if (status != WW_OK) {
        close(log);
        return status;
    }
    pid_t parent = getpid();
    process->pid = fork();
    if (process->pid == 0)
        become_load(&arguments, parent, go[0], lines[1], log);
    if (process->pid < 0)
        status = ww_fail_errno(error, WW_EIO, "starting the load generator");
    close(log);
    close(go[0]);
    close(lines[1]);
    process->go = go[1];
    process->lines = lines[0];
    if (status != WW_OK) {
        process->pid = 0;
        close(process->go);
        close(process->lines);
    }
    return status;
}

/* The end of what it printed to its standard error. */
static void last_words(const struct ww_load_process *process, char words[LAST_WORDS])
{
    words[0] = 0;
    FILE *file = fopen(process->log, "r");
    if (file == NULL)
        return;
    if (fseek(file, -(LAST_WORDS - 1), SEEK_END) != 0)
        rewind(file);
    size_t size = fread(words, 1, LAST_WORDS - 1, file);
    while (size > 0 && words[size - 1] == '\n')
        size--;
    words[size] = 0;
    fclose(file);
}

static int ended(struct ww_load_process *process, struct ww_error *error)
{
    int how = 0;
    waitpid(process->pid, &how, 0);
    process->pid = 0;
    close(process->go);
    close(process->lines);
    if (WIFEXITED(how) && WEXITSTATUS(how) == 0)
        return WW_ENOTFOUND;
    char words[LAST_WORDS];
    last_words(process, words);
    const char *by = WIFSIGNALED(how) ? "signal" : "exit code";
    return ww_fail(error, WW_EIO, "the load generator ended with %s %d: %s", by,
                   WIFSIGNALED(how) ? WTERMSIG(how) : WEXITSTATUS(how), words);
}

/* Takes the first whole line out of the buffer. */
static struct json_object *take_line(struct ww_load_process *process)
{
    char *newline = memchr(process->buffer, '\n', process->used);
    if (newline == NULL)
        return NULL;
    *newline = 0;
    struct json_object *line = json_tokener_parse(process->buffer);
    process->used -= (size_t)(newline + 1 - process->buffer);
    memmove(process->buffer, newline + 1, process->used);
    return line;
}

int ww_load_process_next(struct ww_load_process *process, int timeout_ms, struct json_object **line,
                         struct ww_error *error)
{
    *line = take_line(process);
    if (*line != NULL)
        return WW_OK;
    struct pollfd wait = {.fd = process->lines, .events = POLLIN};
    if (poll(&wait, 1, timeout_ms) <= 0)
        return WW_OK;
    size_t room = sizeof(process->buffer) - process->used;
    ssize_t got = room == 0 ? 0 : read(process->lines, process->buffer + process->used, room);
    if (got <= 0)
        return ended(process, error);
    process->used += (size_t)got;
    *line = take_line(process);
    return WW_OK;
}

int ww_load_process_go(struct ww_load_process *process, uint64_t begin_ns, struct ww_error *error)
{
    char text[32];
    int size = snprintf(text, sizeof(text), "go %lu\n", begin_ns);
    /* If it has died, the end of its lines tells more. */
    if (send(process->go, text, (size_t)size, MSG_NOSIGNAL) != size && errno != EPIPE)
        return ww_fail_errno(error, WW_EIO, "telling the load generator to go on");
    return WW_OK;
}

void ww_load_process_stop(struct ww_load_process *process)
{
    if (process->pid == 0)
        return;
    kill(process->pid, SIGTERM);
    waitpid(process->pid, NULL, 0);
    close(process->go);
    close(process->lines);
    process->pid = 0;
}
