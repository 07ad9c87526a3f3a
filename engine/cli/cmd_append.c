/* SPDX-License-Identifier: Apache-2.0 */
/* ww append: proposes entries from a file or stdin, pipelined, and says where they stand. */
#include "engine/base/idle.h"
#include "engine/base/time_ns.h"
#include "engine/cli/cli.h"
#include "engine/cli/framing.h"

#include <whitewater/client.h>

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WINDOW_ENTRIES 4096u
#define COMPLETIONS 64u
#define INPUT_WAIT_MS 50
#define LOOKS_PER_SIGNAL_CHECK 64u
#define DRAW_INTERVAL_NS 500000000u

static const struct ww_flag flags[] = {
    {"file", 'f', "FILE", NULL, "read entries from FILE instead of stdin"},
    {"framing", 0, "lines|len32", "lines",
     "an entry per line, or each behind its length as a little-endian u32"},
    {"group", 'g', "GROUP", "0", "Raft group"},
    {"timeout", 0, "DURATION", "10s", "give up when nothing commits for so long"},
    {NULL},
};

struct append {
    struct ww_cli *cli;
    struct ww_client *client;
    struct ww_entry_reader reader;
    uint32_t group;
    uint64_t timeout_ns;
    struct ww_idle idle;

    const void *entry; /* read, not yet taken by the client; NULL: none */
    size_t entry_size;
    bool input_done;
    uint64_t proposed;
    uint32_t sizes[WINDOW_ENTRIES]; /* of the entries without an answer, by sequence */

    uint64_t acknowledged, bytes, first_index, last_index;
    uint64_t progress_ns; /* when something was last proposed or committed */
    uint64_t busy;        /* BUSY answers until then */
    uint64_t draw_ns;     /* when the next progress line is due; UINT64_MAX: never */
};

static int take_completions(struct append *append, uint32_t *work, struct ww_error *error)
{
    struct ww_completion completions[COMPLETIONS];
    size_t count = ww_client_poll(append->client, completions, COMPLETIONS);
    for (size_t i = 0; i < count; i++) {
        const struct ww_completion *run = &completions[i];
        if (run->status != WW_OK)
            return ww_fail(error, run->status, "entry %" PRIu64 " was refused: %s",
                           run->first_sequence + 1, ww_status_name(run->status));
        for (uint32_t k = 0; k < run->count; k++)
            append->bytes += append->sizes[(run->first_sequence + k) % WINDOW_ENTRIES];
        if (append->acknowledged == 0 || run->first_index < append->first_index)
            append->first_index = run->first_index;
        if (run->first_index + run->count - 1 > append->last_index)
            append->last_index = run->first_index + run->count - 1;
        append->acknowledged += run->count;
    }
    if (count > 0) {
        struct ww_client_stats stats;
        ww_client_stats(append->client, &stats);
        append->busy = stats.busy;
    }
    *work += (uint32_t)count;
    return WW_OK;
}

/* Proposes what is at hand until the window is full or the input must be waited for. */
static int propose_available(struct append *append, uint32_t *work, struct ww_error *error)
{
    while (true) {
        if (append->entry == NULL) {
            int result =
                ww_entry_reader_next(&append->reader, &append->entry, &append->entry_size, error);
            if (result != WW_READER_ENTRY) {
                append->input_done = result != WW_READER_EMPTY;
                return result < 0 ? result : WW_OK;
            }
        }
        int status =
            ww_client_propose(append->client, append->group, append->entry, append->entry_size);
        if (status == WW_EBUSY)
            return WW_OK;
        if (status != WW_OK)
            return ww_fail(error, status, "entry %" PRIu64 ": %s", append->proposed + 1,
                           ww_status_name(status));
        append->sizes[append->proposed++ % WINDOW_ENTRIES] = (uint32_t)append->entry_size;
        append->entry = NULL;
        ++*work;
    }
}

/* Reads when there is something to read, and waits for it when there is nothing else to do. */
static int read_input(struct append *append, uint32_t *work, struct ww_error *error)
{
    struct pollfd input = {.fd = append->reader.fd, .events = POLLIN};
    bool nothing_else = append->proposed == append->acknowledged;
    if (append->input_done || append->entry != NULL ||
        poll(&input, 1, nothing_else ? INPUT_WAIT_MS : 0) <= 0)
        return WW_OK;
    ++*work;
    return ww_entry_reader_fill(&append->reader, error);
}

static void draw_progress(struct append *append, uint64_t now)
{
    if (now < append->draw_ns)
        return;
    append->draw_ns = now + DRAW_INTERVAL_NS;
    ww_cli_draw("%" PRIu64 " entries appended, %" PRIu64 " bytes; %" PRIu64 " on the way",
                append->acknowledged, append->bytes, append->proposed - append->acknowledged);
}

/* WW_ECLOSED: interrupted. */
static int check_time(struct append *append, uint32_t work, struct ww_error *error)
{
    static uint32_t looks;
    uint64_t now = ww_time_ns(CLOCK_MONOTONIC);
    struct ww_client_stats stats;
    draw_progress(append, now);
    if (work != 0 || append->proposed == append->acknowledged) {
        append->progress_ns = now;
    } else if (now - append->progress_ns > append->timeout_ns) {
        ww_client_stats(append->client, &stats);
        return ww_fail(error, WW_ETIMEOUT, "nothing commits%s; asked through endpoint %s",
                       stats.busy > append->busy ? ": the leader answers BUSY, its log has no room"
                                                 : "",
                       ww_cli_endpoint(append->cli));
    }
    if ((work == 0 || ++looks % LOOKS_PER_SIGNAL_CHECK == 0) && ww_cli_interrupted(0))
        return ww_fail(error, WW_ECLOSED, "interrupted");
    return WW_OK;
}

/* Runs until every entry of the input is acknowledged. After an error in the input, what was
 * proposed before it is still waited for. */
static int run_append(struct append *append, struct ww_error *error)
{
    int input_status = WW_OK, status = WW_OK;
    struct ww_error ignored;
    append->progress_ns = ww_time_ns(CLOCK_MONOTONIC);
    append->draw_ns = ww_cli_progress(append->cli) ? append->progress_ns : UINT64_MAX;
    while (!append->input_done || append->acknowledged < append->proposed) {
        uint32_t work = 0;
        status = take_completions(append, &work, input_status == WW_OK ? error : &ignored);
        if (status == WW_OK && !append->input_done) {
            input_status = propose_available(append, &work, error);
            if (input_status == WW_OK)
                input_status = read_input(append, &work, error);
            append->input_done |= input_status != WW_OK;
        }
        if (status == WW_OK)
            status = check_time(append, work, input_status == WW_OK ? error : &ignored);
        if (status != WW_OK)
            break;
        ww_idle(&append->idle, work, true);
    }
    return input_status != WW_OK ? input_status : status;
}

static void report(const struct append *append)
{
    if (ww_cli_json(append->cli))
        printf("{\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"first_index\":%" PRIu64
               ",\"last_index\":%" PRIu64 "}\n",
               append->acknowledged, append->bytes, append->first_index, append->last_index);
    else if (!ww_cli_quiet(append->cli) && append->acknowledged == 0)
        fprintf(stderr, "appended 0 entries, 0 bytes\n");
    else if (!ww_cli_quiet(append->cli))
        fprintf(stderr,
                "appended %" PRIu64 " entries, %" PRIu64 " bytes, indexes %" PRIu64 "..%" PRIu64
                "\n",
                append->acknowledged, append->bytes, append->first_index, append->last_index);
}

static int open_input(const struct ww_cli *cli, int *fd, struct ww_error *error)
{
    const char *path = ww_cli_text(cli, "file");
    *fd = path == NULL ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    return *fd >= 0 ? WW_OK : ww_fail_errno(error, WW_EINVAL, "cannot read %s", path);
}

static int start(struct append *append, struct ww_error *error)
{
    struct ww_client_options options;
    uint32_t framing;
    uint64_t group;
    int fd;
    if (ww_cli_choice(append->cli, "framing", ww_framings, &framing, error) != WW_OK ||
        ww_cli_duration(append->cli, "timeout", 1000000, UINT64_MAX / 2, &append->timeout_ns,
                        error) != WW_OK ||
        ww_cli_count(append->cli, "group", 0, WW_GROUPS_MAX - 1, &group, error) != WW_OK ||
        open_input(append->cli, &fd, error) != WW_OK)
        return error->code;
    append->group = (uint32_t)group;
    ww_client_options_init(&options);
    options.endpoint = ww_cli_endpoint(append->cli);
    options.window_entries = WINDOW_ENTRIES;
    int status = ww_client_open(&options, &append->client, error);
    if (status == WW_OK && group >= ww_client_groups(append->client))
        status = ww_fail(error, WW_EINVAL, "group %u is not there; the cluster has groups 0 .. %u",
                         append->group, ww_client_groups(append->client) - 1);
    if (status == WW_OK)
        status = ww_entry_reader_open(&append->reader, fd, (enum ww_framing)framing,
                                      ww_client_entry_max(append->client), error);
    return status;
}

static int run(struct ww_cli *cli)
{
    struct ww_error error;
    struct append *append = calloc(1, sizeof(*append));
    if (append == NULL)
        return WW_EXIT_FAILED;
    append->cli = cli;
    ww_idle_init(&append->idle, WW_IDLE_ADAPTIVE);
    ww_cli_block_signals();
    int status = start(append, &error);
    if (status == WW_OK) {
        status = run_append(append, &error);
        ww_cli_draw_end();
        report(append);
    }
    int result = status == WW_OK ? WW_EXIT_DONE : ww_cli_fail(cli, &error);
    ww_client_close(append->client);
    ww_entry_reader_close(&append->reader);
    free(append);
    return result;
}

const struct ww_command ww_command_append = {
    .verb = "append",
    .summary = "append entries from stdin or a file to the log",
    .flags = flags,
    .run = run,
};
