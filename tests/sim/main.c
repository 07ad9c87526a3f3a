/* SPDX-License-Identifier: Apache-2.0 */
/* ww_sim: runs seeds of the simulator in one process per core, and says what it found. */
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 64u
#define FAILURES_MAX 20u
#define HANG_S 60

struct options {
    uint64_t seed, seeds, events, workers, trace;
    bool verbose, plant;
};

/* What a worker tells its parent, in shared memory. */
struct worker {
    pid_t pid;
    uint64_t seed; /* the one that runs */
    uint64_t seeds, events, commits, acknowledged, answers, gone, full, losses, cut_logs,
        begun_anew, crashes, changes, restored, released, simulated_ns;
    uint32_t failures;
    struct {
        uint64_t seed;
        struct sim_result result;
    } failed[FAILURES_MAX];
    time_t since; /* the parent's: when it saw the seed first */
    uint64_t seen;
    FILE *errors; /* what the engine says on stderr */
};

static void usage(FILE *to)
{
    fprintf(to, "Usage: ww_sim [FLAGS]\n\n"
                "  --seeds N      runs N seeds (1000)\n"
                "  --seed S       from S on (1); alone: just that one\n"
                "  --events N     events under faults, in each (2000)\n"
                "  --workers N    processes (one per core)\n"
                "  --trace[=N]    with one seed: its last N events (200)\n"
                "  --verbose      what the nodes say, and each seed's result\n"
                "  --plant        lets disks lie, to see that it is found\n");
}

static uint64_t number(const char *name, const char *text, uint64_t most)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 0);
    if (errno != 0 || end == text || *end != 0 || value > most || text[0] == '-') {
        fprintf(stderr, "ww_sim: --%s: '%s' is not a number up to %" PRIu64 "\n", name, text, most);
        exit(2);
    }
    return value;
}

static struct options parse(int argc, char **argv)
{
    enum { SEED = 1, SEEDS, EVENTS, WORKERS, TRACE, VERBOSE, PLANT, HELP };
    static const struct option names[] = {
        {"seed", required_argument, NULL, SEED},
        {"seeds", required_argument, NULL, SEEDS},
        {"events", required_argument, NULL, EVENTS},
        {"workers", required_argument, NULL, WORKERS},
        {"trace", optional_argument, NULL, TRACE},
        {"verbose", no_argument, NULL, VERBOSE},
        {"plant", no_argument, NULL, PLANT},
        {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0},
    };
    struct options options = {.seed = 1, .events = 2000};
    bool seed = false;
    for (int flag; (flag = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (flag == SEED) {
            options.seed = number("seed", optarg, UINT64_MAX / 2);
            seed = true;
        } else if (flag == SEEDS)
            options.seeds = number("seeds", optarg, UINT32_MAX);
        else if (flag == EVENTS)
            options.events = number("events", optarg, UINT32_MAX);
        else if (flag == WORKERS)
            options.workers = number("workers", optarg, WORKERS_MAX);
        else if (flag == TRACE)
            options.trace = optarg != NULL ? number("trace", optarg, SIM_TRACE_EVENTS) : 200;
        else if (flag == VERBOSE)
            options.verbose = true;
        else if (flag == PLANT)
            options.plant = true;
        else {
            usage(flag == HELP ? stdout : stderr);
            exit(flag == HELP ? 0 : 2);
        }
    }
    if (optind < argc) {
        usage(stderr);
        exit(2);
    }
    if (options.seeds == 0)
        options.seeds = seed ? 1 : 1000;
    if (options.workers == 0)
        options.workers = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    if (options.workers > WORKERS_MAX)
        options.workers = WORKERS_MAX;
    if (options.workers > options.seeds)
        options.workers = options.seeds;
    return options;
}

/* ---- a worker ---- */

static void note_failure(struct worker *worker, uint64_t seed, const struct sim_result *result)
{
    if (worker->failures < FAILURES_MAX) {
        worker->failed[worker->failures].seed = seed;
        worker->failed[worker->failures].result = *result;
    }
    worker->failures++;
}

static void account(struct worker *worker, const struct sim_result *result)
{
    worker->seeds++;
    worker->events += result->events;
    worker->commits += result->commits;
    worker->acknowledged += result->acknowledged;
    worker->crashes += result->crashes;
    worker->changes += result->changes;
    worker->restored += result->restored;
    worker->released += result->released;
    worker->answers += result->answers;
    worker->gone += result->gone;
    worker->full += result->full;
    worker->losses += result->losses;
    worker->cut_logs += result->cut_logs;
    worker->begun_anew += result->begun_anew;
    worker->simulated_ns += result->simulated_ns;
}

/* Seeds from `seed` on, every `workers`-th. */
static void work(struct worker *worker, const struct options *options, uint64_t seed)
{
    struct sim *sim = sim_create();
    if (sim == NULL) {
        fprintf(stderr, "ww_sim: no memory for the world\n");
        _exit(3);
    }
    sim->plant = options->plant;
    sim->report = options->trace > 0 ? stdout : NULL;
    for (; seed < options->seed + options->seeds; seed += options->workers) {
        struct sim_result result;
        worker->seed = seed;
        if (!options->verbose && ftruncate(STDERR_FILENO, 0) != 0)
            _exit(3);
        sim_run(sim, seed, options->events, &result);
        account(worker, &result);
        if (result.violation[0] != 0)
            note_failure(worker, seed, &result);
        if (options->verbose)
            printf("seed %" PRIu64 ": %" PRIu64 " events, %" PRIu64 " ms, %" PRIu64
                   " commits, %" PRIu64 " acknowledged, %" PRIu64 " crashes, hash %016" PRIx64
                   " %s\n",
                   seed, result.events, result.simulated_ns / WORLD_MS, result.commits,
                   result.acknowledged, result.crashes, result.hash, result.violation);
        if (options->trace > 0)
            sim_trace_print(&sim->trace, options->trace, WORLD_START_NS, stdout);
    }
    fflush(stdout);
    sim_destroy(sim);
    worker->seed = UINT64_MAX;
}

static void launch(struct worker *worker, const struct options *options, uint64_t seed)
{
    fflush(stdout);
    worker->seed = worker->seen = seed;
    worker->since = time(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        perror("ww_sim: fork");
        exit(3);
    }
    if (pid != 0) {
        worker->pid = pid; /* shared memory: the child must not write it */
        return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* it ends with its parent */
    /* Memory stays from run to run instead of going back to the kernel. */
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 64 << 20);
    if (!options->verbose && dup2(fileno(worker->errors), STDERR_FILENO) < 0)
        _exit(3);
    work(worker, options, seed);
    _exit(0);
}

/* ---- the parent ---- */

/* The last line that the worker wrote to stderr. */
static void last_words(const struct worker *worker, char *text, size_t size)
{
    char buffer[512];
    ssize_t got = pread(fileno(worker->errors), buffer, sizeof(buffer) - 1, 0);
    buffer[got > 0 ? got : 0] = 0;
    char *end = strrchr(buffer, '\n');
    if (end != NULL)
        *end = 0;
    const char *line = strrchr(buffer, '\n');
    snprintf(text, size, "%.200s", line != NULL ? line + 1 : buffer);
}

/* The process died in the middle of a seed, or hangs in it: that is a finding; the next goes on. */
static void on_death(struct worker *worker, const struct options *options, int status)
{
    struct sim_result result = {0};
    char words[256];
    uint64_t seed = worker->seed;
    last_words(worker, words, sizeof(words));
    snprintf(result.violation, sizeof(result.violation), "the process ended (%s %d): %.180s",
             WIFSIGNALED(status) ? "signal" : "exit code",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), words);
    worker->seeds++;
    note_failure(worker, seed, &result);
    worker->pid = 0;
    if (seed + options->workers < options->seed + options->seeds)
        launch(worker, options, seed + options->workers);
}

static void end_hanging(struct worker *worker)
{
    time_t now = time(NULL);
    if (worker->seen != worker->seed) {
        worker->seen = worker->seed;
        worker->since = now;
    } else if (now - worker->since > HANG_S) {
        kill(worker->pid, SIGKILL);
    }
}

static void wait_for_all(struct worker *workers, const struct options *options)
{
    for (uint32_t alive = 1; alive > 0;) {
        alive = 0;
        for (uint32_t i = 0; i < options->workers; i++) {
            struct worker *worker = &workers[i];
            int status;
            if (worker->pid == 0)
                continue;
            alive++;
            if (waitpid(worker->pid, &status, WNOHANG) == 0)
                end_hanging(worker);
            else if (worker->seed == UINT64_MAX)
                worker->pid = 0;
            else
                on_death(worker, options, status);
        }
        if (alive > 0)
            nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
}

static uint32_t print_failures(const struct worker *workers, const struct options *options)
{
    uint32_t failures = 0;
    for (uint32_t i = 0; i < options->workers; i++) {
        const struct worker *worker = &workers[i];
        for (uint32_t k = 0; k < worker->failures && k < FAILURES_MAX; k++)
            printf("FAILED: seed %" PRIu64 ": %s\n  trace hash %016" PRIx64
                   "; replay: ./dev sim --seed %" PRIu64 " --events %" PRIu64 "%s --trace\n",
                   worker->failed[k].seed, worker->failed[k].result.violation,
                   worker->failed[k].result.hash, worker->failed[k].seed, options->events,
                   options->plant ? " --plant" : "");
        failures += worker->failures;
    }
    return failures;
}

static int report(const struct worker *workers, const struct options *options, double seconds)
{
    struct worker sum = {0};
    for (uint32_t i = 0; i < options->workers; i++) {
        sum.seeds += workers[i].seeds;
        sum.events += workers[i].events;
        sum.commits += workers[i].commits;
        sum.acknowledged += workers[i].acknowledged;
        sum.crashes += workers[i].crashes;
        sum.changes += workers[i].changes;
        sum.restored += workers[i].restored;
        sum.released += workers[i].released;
        sum.answers += workers[i].answers;
        sum.gone += workers[i].gone;
        sum.full += workers[i].full;
        sum.losses += workers[i].losses;
        sum.cut_logs += workers[i].cut_logs;
        sum.begun_anew += workers[i].begun_anew;
        sum.simulated_ns += workers[i].simulated_ns;
    }
    uint32_t failures = print_failures(workers, options);
    printf("%" PRIu64 " seeds, %" PRIu64 " events in %.1f s (%.0f events/s, %.0f seeds/min): "
           "%.0f s simulated, %" PRIu64 " crashes, %" PRIu64 " membership changes, %" PRIu64
           " snapshots restored, %" PRIu64 " KiB of logs released, %" PRIu64 " commits, %" PRIu64
           " acknowledged, %" PRIu64 " reads, %" PRIu64
           " proposals in sessions that were gone, %" PRIu64 " full disks, %" PRIu64
           " lost ones, %" PRIu64 " logs cut at damage, %" PRIu64 " groups begun anew, %" PRIu32
           " failed\n",
           sum.seeds, sum.events, seconds, (double)sum.events / seconds,
           (double)sum.seeds * 60 / seconds, (double)sum.simulated_ns / 1e9, sum.crashes,
           sum.changes, sum.restored, sum.released / WW_KIB, sum.commits, sum.acknowledged,
           sum.answers, sum.gone, sum.full, sum.losses, sum.cut_logs, sum.begun_anew, failures);
    if (sum.seeds != options->seeds)
        printf("FAILED: %" PRIu64 " seeds were asked for\n", options->seeds);
    return failures > 0 || sum.seeds != options->seeds ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    struct worker *workers = mmap(NULL, sizeof(*workers) * options.workers, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (workers == MAP_FAILED) {
        perror("ww_sim: mmap");
        return 3;
    }
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (uint32_t i = 0; i < options.workers; i++) {
        workers[i].errors = tmpfile();
        if (workers[i].errors == NULL) {
            perror("ww_sim: a file for what the nodes say");
            return 3;
        }
        launch(&workers[i], &options, options.seed + i);
    }
    wait_for_all(workers, &options);
    clock_gettime(CLOCK_MONOTONIC, &end);
    return report(workers, &options,
                  (double)(end.tv_sec - begin.tv_sec) +
                      (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
}
