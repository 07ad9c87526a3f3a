/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that writes down what it did and saw, as tests/lincheck reads it:
 *
 *   history_client append ENDPOINT CLIENT SECONDS PER_SECOND
 *   history_client query ENDPOINT CLIENT SECONDS PER_SECOND
 *   history_client read ENDPOINT CLIENT SECONDS NODE
 *
 * `append` appends numbers at that pace, a few at a time; `query` asks how far the log goes, one
 * question at a time; `read` follows the log on one node. Each ends after so many seconds, or with
 * SIGTERM. Times are those of CLOCK_MONOTONIC, which all processes of a machine share.
 */
#include "engine/base/time_ns.h"
#include "tests/lincheck/history.h"

#include <whitewater/client.h>

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_NS 1000000000ull
#define WINDOW 16u
#define DRAIN_NS (15 * SECOND_NS) /* what has no answer by then is unknown */
#define READ_TIMEOUT_NS (SECOND_NS / 5)
#define QUERY_TIMEOUT_NS (2 * SECOND_NS)
#define PAUSE_NS 100000

struct recorder {
    struct ww_client *client;
    struct ww_history history;
    uint32_t id;
    uint32_t node;
    uint64_t began_ns;
    uint64_t deadline_ns;
    uint64_t per_second;
    uint64_t appended;
    size_t handles[WINDOW]; /* of the appends without an answer, by sequence */
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    stopped = number;
}

static bool time_is_up(const struct recorder *recorder)
{
    return stopped != 0 || ww_time_ns(CLOCK_MONOTONIC) >= recorder->deadline_ns;
}

static void pause_shortly(void)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    nanosleep(&pause, NULL);
}

static bool append(struct recorder *recorder)
{
    uint64_t value = (uint64_t)recorder->id << 32 | recorder->appended;
    struct ww_operation operation = {.client = recorder->id,
                                     .kind = WW_OP_APPEND,
                                     .argument = value,
                                     .invoked_ns = ww_time_ns(CLOCK_MONOTONIC)};
    if (ww_client_propose(recorder->client, 0, &value, sizeof(value)) != WW_OK)
        return false;
    recorder->handles[recorder->appended++ % WINDOW] =
        ww_history_begin(&recorder->history, &operation);
    return true;
}

/* What was refused, for whatever reason, may have been taken by a leader that lost its office. */
static bool take_completions(struct recorder *recorder)
{
    struct ww_completion runs[WINDOW];
    size_t count = ww_client_poll(recorder->client, runs, WINDOW);
    uint64_t now_ns = ww_time_ns(CLOCK_MONOTONIC);
    for (size_t i = 0; i < count; i++)
        for (uint32_t k = 0; runs[i].status == WW_OK && k < runs[i].count; k++)
            ww_history_end(&recorder->history,
                           recorder->handles[(runs[i].first_sequence + k) % WINDOW], now_ns,
                           runs[i].first_index + k, 0);
    return count > 0;
}

/* How many operations the pace asks for by now. */
static uint64_t due(const struct recorder *recorder)
{
    uint64_t elapsed_ns = ww_time_ns(CLOCK_MONOTONIC) - recorder->began_ns;
    return elapsed_ns / 1000 * recorder->per_second / 1000000;
}

static int run_append(struct recorder *recorder)
{
    while (!time_is_up(recorder)) {
        uint64_t wanted = due(recorder);
        bool busy = take_completions(recorder);
        while (recorder->appended < wanted && append(recorder))
            busy = true;
        if (!busy)
            pause_shortly();
    }
    uint64_t give_up_ns = ww_time_ns(CLOCK_MONOTONIC) + DRAIN_NS;
    while (ww_client_outstanding(recorder->client) > 0 && ww_time_ns(CLOCK_MONOTONIC) < give_up_ns)
        if (!take_completions(recorder))
            pause_shortly();
    return WW_OK;
}

static int run_query(struct recorder *recorder)
{
    while (!time_is_up(recorder)) {
        uint64_t answer[2] = {0}, index;
        size_t size = sizeof(answer);
        struct ww_operation operation = {.client = recorder->id,
                                         .kind = WW_OP_POSITION,
                                         .invoked_ns = ww_time_ns(CLOCK_MONOTONIC)};
        if (recorder->history.count >= due(recorder)) {
            pause_shortly();
            continue;
        }
        size_t handle = ww_history_begin(&recorder->history, &operation);
        int status =
            ww_client_query(recorder->client, 0, NULL, 0, QUERY_TIMEOUT_NS, answer, &size, &index);
        if (status == WW_OK && size == sizeof(answer))
            ww_history_end(&recorder->history, handle, ww_time_ns(CLOCK_MONOTONIC), answer[0],
                           answer[1]);
        else if (status != WW_ETIMEOUT)
            return status != WW_OK ? status : WW_EDAMAGED;
    }
    return WW_OK;
}

static int visit(void *context, const struct ww_log_entry *entry)
{
    struct recorder *recorder = context;
    struct ww_operation operation = {.client = recorder->id,
                                     .kind = WW_OP_ENTRY,
                                     .argument = entry->index,
                                     .invoked_ns = recorder->began_ns};
    uint64_t value = WW_HISTORY_NONE;
    if (entry->is_data && entry->size != sizeof(value))
        return WW_EDAMAGED;
    if (entry->is_data)
        memcpy(&value, entry->data, sizeof(value));
    size_t handle = ww_history_begin(&recorder->history, &operation);
    ww_history_end(&recorder->history, handle, ww_time_ns(CLOCK_MONOTONIC), value, 0);
    return 0;
}

static int run_read(struct recorder *recorder)
{
    uint64_t next = 1;
    do {
        int status = ww_client_read(recorder->client, 0, recorder->node, next, READ_TIMEOUT_NS,
                                    visit, recorder, &next);
        if (status != WW_OK && status != WW_ETIMEOUT)
            return status;
        pause_shortly();
    } while (!time_is_up(recorder));
    return WW_OK;
}

static const struct {
    const char *name;
    int (*run)(struct recorder *);
} kinds[] = {{"append", run_append}, {"query", run_query}, {"read", run_read}};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int run(struct recorder *recorder, size_t kind, char **argv, struct ww_error *error)
{
    struct ww_client_options options;
    uint64_t last = strtoull(argv[5], NULL, 10);
    ww_client_options_init(&options);
    options.endpoint = argv[2];
    options.window_entries = WINDOW;
    int status = ww_client_open(&options, &recorder->client, error);
    if (status != WW_OK)
        return status;
    recorder->id = (uint32_t)strtoul(argv[3], NULL, 10);
    recorder->per_second = last;
    recorder->node = (uint32_t)last;
    recorder->began_ns = ww_time_ns(CLOCK_MONOTONIC);
    recorder->deadline_ns = recorder->began_ns + strtoull(argv[4], NULL, 10) * SECOND_NS;
    status = kinds[kind].run(recorder);
    ww_client_close(recorder->client);
    return recorder->history.no_memory ? WW_ENOMEM : status;
}

int main(int argc, char **argv)
{
    struct recorder recorder = {0};
    struct ww_error error = {0};
    size_t kind = 0;
    while (argc == 6 && kind < KINDS && strcmp(argv[1], kinds[kind].name) != 0)
        kind++;
    if (argc != 6 || kind == KINDS) {
        fprintf(stderr, "Usage: history_client append|query ENDPOINT CLIENT SECONDS PER_SECOND\n"
                        "       history_client read ENDPOINT CLIENT SECONDS NODE\n");
        return 2;
    }
    signal(SIGTERM, on_signal);
    ww_history_init(&recorder.history);
    int status = run(&recorder, kind, argv, &error);
    for (size_t i = 0; i < recorder.history.count; i++)
        ww_history_write(&recorder.history.operations[i], stdout);
    ww_history_free(&recorder.history);
    if (status != WW_OK)
        fprintf(stderr, "history_client: %s %s\n", ww_status_name(status), error.text);
    return status == WW_OK ? 0 : 1;
}
