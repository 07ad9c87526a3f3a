/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that notes how far the log of the disk was when each of its entries was acknowledged:
 *
 *   crash_client ENDPOINT WRITE_LOG RECORD SEED SECONDS PER_SECOND
 *
 * Bursts and pauses follow each other, so that writes are large and small, and alone or many. It
 * ends after so many seconds, when all is acknowledged; or, with what it knows, after SIGTERM.
 */
#include "engine/base/error.h"
#include "engine/base/time_ns.h"
#include "tests/crash/payload.h"
#include "tests/crash/write_log.h"

#include <whitewater/client.h>

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
#define DRAIN_NS (30 * SECOND_NS)
#define PAUSE_NS 50000
#define BURST_MAX 400u
#define COMPLETIONS 64u

struct recorder {
    struct ww_client *client;
    uint64_t seed;
    uint64_t random;
    int write_log;
    FILE *record;
    uint32_t groups;
    uint64_t *proposed; /* by group */
    uint64_t total;
    uint64_t per_second;
    uint64_t began_ns, deadline_ns;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    stopped = number;
}

static int take_completions(struct recorder *recorder, struct ww_error *error)
{
    struct ww_completion runs[COMPLETIONS];
    size_t count = ww_client_poll(recorder->client, runs, COMPLETIONS);
    uint64_t logged = 0;
    /* Only now: what made the entries durable is in the log before they are acknowledged. */
    if (count > 0 && ww_write_log_length(recorder->write_log, &logged) != WW_OK)
        return ww_fail(error, WW_EIO, "cannot read the log of writes");
    for (size_t i = 0; i < count; i++) {
        const struct ww_completion *run = &runs[i];
        if (run->status != WW_OK)
            return ww_fail(error, run->status, "an entry was refused: %s",
                           ww_status_name(run->status));
        fprintf(recorder->record, "ack %u %" PRIu64 " %u %" PRIu64 " %" PRIu64 "\n", run->group,
                run->first_sequence, run->count, run->first_index, logged);
    }
    return count > 0;
}

/* A burst of entries of one group; fewer when the window is full. */
static void propose(struct recorder *recorder)
{
    uint8_t entry[WW_CRASH_PAYLOAD_MAX];
    uint32_t group = (uint32_t)ww_crash_random_below(&recorder->random, recorder->groups);
    uint64_t burst = ww_crash_random_below(&recorder->random, 4) == 0
                         ? ww_crash_random_below(&recorder->random, BURST_MAX)
                         : ww_crash_random_below(&recorder->random, 8);
    for (uint64_t i = 0; i <= burst; i++) {
        struct ww_crash_payload payload = {recorder->seed, group, recorder->proposed[group]};
        size_t size = ww_crash_payload_write(payload, entry);
        if (ww_client_propose(recorder->client, group, entry, size) != WW_OK)
            return;
        recorder->proposed[group]++;
        recorder->total++;
    }
}

static int run(struct recorder *recorder, struct ww_error *error)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    while (stopped == 0) {
        uint64_t now_ns = ww_time_ns(CLOCK_MONOTONIC);
        bool more = now_ns < recorder->deadline_ns;
        uint64_t due = (now_ns - recorder->began_ns) / 1000 * recorder->per_second / 1000000;
        if (!more && ww_client_outstanding(recorder->client) == 0)
            return WW_OK;
        if (now_ns > recorder->deadline_ns + DRAIN_NS)
            return ww_fail(error, WW_ETIMEOUT, "%" PRIu64 " entries have no answer",
                           ww_client_outstanding(recorder->client));
        if (more && recorder->total < due)
            propose(recorder);
        int taken = take_completions(recorder, error);
        if (taken < 0)
            return taken;
        if (taken == 0)
            nanosleep(&pause, NULL);
    }
    return WW_OK;
}

static int open_all(struct recorder *recorder, char **arguments, struct ww_error *error)
{
    struct ww_client_options options;
    ww_client_options_init(&options);
    options.endpoint = arguments[1];
    recorder->write_log = open(arguments[2], O_RDONLY | O_CLOEXEC);
    recorder->record = fopen(arguments[3], "w");
    if (recorder->write_log < 0 || recorder->record == NULL)
        return ww_fail_errno(error, WW_EIO, "cannot open %s and %s", arguments[2], arguments[3]);
    int status = ww_client_open(&options, &recorder->client, error);
    if (status != WW_OK)
        return status;
    recorder->groups = ww_client_groups(recorder->client);
    recorder->proposed = calloc(recorder->groups, sizeof(*recorder->proposed));
    recorder->seed = recorder->random = strtoull(arguments[4], NULL, 10);
    recorder->per_second = strtoull(arguments[6], NULL, 10);
    recorder->began_ns = ww_time_ns(CLOCK_MONOTONIC);
    recorder->deadline_ns = recorder->began_ns + strtoull(arguments[5], NULL, 10) * SECOND_NS;
    return recorder->proposed != NULL ? WW_OK : ww_fail(error, WW_ENOMEM, "no memory");
}

int main(int count, char **arguments)
{
    struct ww_error error = {0};
    struct recorder recorder = {.write_log = -1};
    if (count != 7) {
        fprintf(stderr, "usage: crash_client ENDPOINT WRITE_LOG RECORD SEED SECONDS PER_SECOND\n");
        return 2;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    int status = open_all(&recorder, arguments, &error);
    if (status == WW_OK) {
        fprintf(recorder.record, "seed %" PRIu64 " %u\n", recorder.seed, recorder.groups);
        status = run(&recorder, &error);
        for (uint32_t i = 0; i < recorder.groups; i++)
            fprintf(recorder.record, "proposed %u %" PRIu64 "\n", i, recorder.proposed[i]);
    }
    if (recorder.record != NULL && fclose(recorder.record) != 0 && status == WW_OK)
        status = ww_fail(&error, WW_EIO, "cannot write %s", arguments[3]);
    ww_client_close(recorder.client);
    if (recorder.write_log >= 0)
        close(recorder.write_log);
    free(recorder.proposed);
    if (status != WW_OK)
        fprintf(stderr, "crash_client: %s\n", error.text);
    return status == WW_OK ? 0 : 1;
}
