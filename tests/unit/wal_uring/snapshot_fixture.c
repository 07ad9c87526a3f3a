/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot_fixture.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 100003u
#define PART 8900u

static void fill(uint8_t *piece, uint64_t at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        piece[i] = (uint8_t)((at + i) * 7 + ((at + i) >> 10));
}

static int produce_sessions(void *context, ww_state_write write, void *sink)
{
    struct test_state *state = context;
    state->calls++;
    return write(sink, "of sessions", TEST_SESSION_BYTES);
}

static int produce_machine(void *context, ww_state_write write, void *sink)
{
    static _Thread_local uint8_t piece[PIECE];
    struct test_state *state = context;
    while (state->wait)
        sched_yield();
    for (uint64_t at = 0; at < state->bytes; at += PIECE) {
        size_t bytes = state->bytes - at < PIECE ? (size_t)(state->bytes - at) : PIECE;
        fill(piece, at, bytes);
        state->calls++;
        state->refused = write(sink, piece, bytes);
        if (state->refused < 0)
            return state->refused;
    }
    return state->status;
}

static struct ww_snapshot_header about(uint32_t group, uint64_t index)
{
    return (struct ww_snapshot_header){
        .group = group,
        .cluster = TEST_CLUSTER,
        .index = index,
        .term = 3,
        .configuration = {.voters = 0xe},
    };
}

int test_snapshot_save(struct test_log *log, uint32_t group, uint64_t index,
                       struct test_state *state)
{
    struct ww_snapshot_save save = {
        .group = group,
        .about = about(group, index),
        .sessions = produce_sessions,
        .machine = produce_machine,
        .context = state,
    };
    return log->store->ops->snapshot_save(log->store, &save);
}

struct ww_log_event test_snapshot_event(struct test_log *log)
{
    struct ww_log_event event;
    while (log->store->ops->poll(log->store, &event, 1) == 0)
        sched_yield();
    cr_assert_eq(event.type, WW_LOG_SNAPSHOT_SAVED);
    cr_assert_eq(event.status == WW_OK, event.snapshot.data != NULL);
    return event;
}

void test_snapshot_contents(const struct ww_snapshot_blob *blob, uint32_t group, uint64_t index,
                            uint64_t bytes)
{
    static uint8_t piece[PIECE], expected[PIECE];
    struct ww_error error = {0};
    struct ww_snapshot_reader reader;
    cr_assert_eq(ww_snapshot_check(blob, TEST_CLUSTER, group, &error), WW_OK, "%s", error.text);
    cr_assert_eq(ww_snapshot_header(blob)->index, index);
    cr_assert_eq(ww_snapshot_header(blob)->machine_bytes, bytes);
    ww_snapshot_open_sessions(&reader, blob);
    cr_assert_eq(ww_snapshot_read(&reader, piece, PIECE), TEST_SESSION_BYTES);
    cr_assert_eq(memcmp(piece, "of sessions", TEST_SESSION_BYTES), 0);
    ww_snapshot_open_machine(&reader, blob);
    for (uint64_t at = 0; at < bytes; at += PIECE) {
        size_t size = bytes - at < PIECE ? (size_t)(bytes - at) : PIECE;
        fill(expected, at, size);
        cr_assert_eq(ww_snapshot_read(&reader, piece, PIECE), (int64_t)size);
        cr_assert_eq(memcmp(piece, expected, size), 0);
    }
}

struct ww_snapshot_blob test_snapshot_saved(struct test_log *log, uint32_t group, uint64_t index,
                                            uint64_t bytes)
{
    struct test_state state = {.bytes = bytes};
    cr_assert_eq(test_snapshot_save(log, group, index, &state), WW_OK);
    struct ww_log_event event = test_snapshot_event(log);
    cr_assert_eq(event.status, WW_OK, "%s", ww_status_name(event.status));
    cr_assert_eq(event.tag, group);
    cr_assert_eq(event.position, index);
    test_snapshot_contents(&event.snapshot, group, index, bytes);
    return event.snapshot;
}

struct output {
    uint8_t *data;
    size_t bytes, room;
};

static int append(void *context, const void *data, size_t bytes)
{
    struct output *output = context;
    cr_assert_leq(output->bytes + bytes, output->room);
    memcpy(output->data + output->bytes, data, bytes);
    output->bytes += bytes;
    return WW_OK;
}

struct ww_snapshot_blob test_snapshot_make(uint32_t group, uint64_t index, uint64_t bytes)
{
    struct ww_snapshot_header header = about(group, index);
    struct test_state state = {.bytes = bytes};
    struct ww_snapshot_writer writer;
    struct output output = {.room = 4096 + bytes + bytes / 1000};
    output.data = malloc(output.room);
    cr_assert_eq(ww_snapshot_begin(&writer, &header, append, &output), WW_OK);
    cr_assert_eq(produce_sessions(&state, ww_snapshot_write, &writer), WW_OK);
    ww_snapshot_end_sessions(&writer);
    cr_assert_eq(produce_machine(&state, ww_snapshot_write, &writer), WW_OK);
    cr_assert_eq(ww_snapshot_seal(&writer), WW_OK);
    memcpy(output.data, &writer.header, sizeof(writer.header));
    ww_snapshot_end(&writer);
    return (struct ww_snapshot_blob){output.data, output.bytes};
}

int test_snapshot_receive(struct test_log *log, const struct ww_snapshot_blob *blob, uint64_t from,
                          uint64_t to)
{
    const struct ww_snapshot_header *header = ww_snapshot_header(blob);
    int status = WW_OK;
    while (from < to) {
        uint32_t bytes = to - from < PART ? (uint32_t)(to - from) : PART;
        status = log->store->ops->snapshot_receive(log->store, header->group, header->index, from,
                                                   blob->data + from, bytes,
                                                   from + bytes == blob->bytes);
        if (status == WW_OK)
            from += bytes;
        else if (status == WW_EBUSY)
            sched_yield();
        else
            break;
    }
    return status;
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

const char *test_snapshot_files(struct test_log *log)
{
    static char files[1024];
    char path[128];
    struct dirent **entries = NULL; /* where there is no such directory */
    snprintf(path, sizeof(path), "%s/snapshots", log->directory);
    int count = scandir(path, &entries, not_hidden, alphasort);
    size_t used = 0;
    files[0] = '\0';
    for (int i = 0; i < count; i++) {
        used += (size_t)snprintf(files + used, sizeof(files) - used, " %s", entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return files;
}

void test_snapshot_wait_files(struct test_log *log, const char *files)
{
    while (strcmp(test_snapshot_files(log), files) != 0)
        sched_yield();
}

void test_limit_file_size(uint64_t bytes)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}
