/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/ack_log.h"

#include "bench/run_directory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

int ww_ack_writer_open(struct ww_ack_writer *writer, const char *path, uint32_t groups,
                       struct ww_error *error)
{
    *writer = (struct ww_ack_writer){.groups = groups};
    writer->open = calloc(groups, sizeof(*writer->open));
    if (writer->open == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for %u groups", groups);
    for (uint32_t i = 0; i < groups; i++)
        writer->open[i].group = i;
    writer->file = fopen(path, "wb");
    if (writer->file == NULL) {
        free(writer->open);
        return ww_fail_errno(error, WW_EIO, "%s", path);
    }
    return WW_OK;
}

void ww_ack_writer_add(struct ww_ack_writer *writer, uint32_t group, uint64_t first_sequence,
                       uint64_t first_index, uint32_t count)
{
    struct ww_ack_run *run = &writer->open[group];
    if (run->count > 0 && run->first_sequence + run->count == first_sequence &&
        run->first_index + run->count == first_index) {
        run->count += count;
        return;
    }
    if (run->count > 0)
        fwrite(run, sizeof(*run), 1, writer->file);
    *run = (struct ww_ack_run){group, count, first_sequence, first_index};
}

int ww_ack_writer_close(struct ww_ack_writer *writer, struct ww_error *error)
{
    for (uint32_t i = 0; i < writer->groups; i++) {
        if (writer->open[i].count > 0)
            fwrite(&writer->open[i], sizeof(writer->open[i]), 1, writer->file);
    }
    int failed = ferror(writer->file);
    failed |= fclose(writer->file);
    free(writer->open);
    return failed ? ww_fail_errno(error, WW_EIO, "writing the acknowledged sequences") : WW_OK;
}

static int by_index(const void *left, const void *right)
{
    const struct ww_ack_run *a = left, *b = right;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return a->first_index < b->first_index ? -1 : a->first_index > b->first_index;
}

static int by_sequence(const void *left, const void *right)
{
    const struct ww_ack_run *a = left, *b = right;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return a->first_sequence < b->first_sequence ? -1 : a->first_sequence > b->first_sequence;
}

static bool same_stream(const struct ww_ack_run *a, const struct ww_ack_run *b)
{
    return a->group == b->group && a->first_sequence / WW_ACK_CLIENT_SEQUENCES ==
                                       b->first_sequence / WW_ACK_CLIENT_SEQUENCES;
}

/*
 * A leader that no longer knows where an entry stands acknowledges it with index 0. Sequences stand
 * in their order, so it is expected where it follows from the run before, or else the one behind.
 */
static void place_unknown(struct ww_ack_log *log)
{
    struct ww_ack_run *runs = log->runs;
    qsort(runs, log->count, sizeof(*runs), by_sequence);
    for (size_t i = 1; i < log->count; i++) {
        if (runs[i].first_index == 0 && same_stream(&runs[i], &runs[i - 1]) &&
            runs[i - 1].first_index != 0)
            runs[i].first_index =
                runs[i - 1].first_index + (runs[i].first_sequence - runs[i - 1].first_sequence);
    }
    for (size_t i = log->count; i-- > 1;) {
        if (runs[i - 1].first_index == 0 && same_stream(&runs[i], &runs[i - 1]))
            runs[i - 1].first_index =
                runs[i].first_index - (runs[i].first_sequence - runs[i - 1].first_sequence);
    }
}

/* Adds the runs of one file to those that are there. */
static int read_file(struct ww_ack_log *log, const char *path, struct ww_error *error)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    struct stat about;
    int status = WW_OK;
    if (fstat(fileno(file), &about) != 0) {
        status = ww_fail_errno(error, WW_EIO, "%s", path);
        goto close;
    }
    size_t count = (size_t)about.st_size / sizeof(*log->runs);
    struct ww_ack_run *more = realloc(log->runs, (log->count + count + 1) * sizeof(*more));
    if (more == NULL) {
        status = ww_fail(error, WW_ENOMEM, "%s: no memory", path);
        goto close;
    }
    log->runs = more;
    if (fread(more + log->count, sizeof(*more), count, file) != count)
        status = ww_fail(error, WW_EIO, "%s: cannot read", path);
    else
        log->count += count;
close:
    fclose(file);
    return status;
}

int ww_ack_log_read(struct ww_ack_log *log, const char *directory, uint32_t clients,
                    struct ww_error *error)
{
    *log = (struct ww_ack_log){0};
    int status = WW_OK;
    for (uint32_t i = 0; i < clients && status == WW_OK; i++) {
        char path[WW_RUN_PATH_MAX];
        ww_run_load_file(path, directory, i, WW_ACK_LOG);
        status = read_file(log, path, error);
    }
    if (status != WW_OK) {
        ww_ack_log_free(log);
        return status;
    }
    place_unknown(log);
    qsort(log->runs, log->count, sizeof(*log->runs), by_index);
    for (size_t i = 0; i < log->count; i++)
        log->acknowledged += log->runs[i].count;
    return WW_OK;
}

void ww_ack_log_free(struct ww_ack_log *log)
{
    free(log->runs);
    *log = (struct ww_ack_log){0};
}
