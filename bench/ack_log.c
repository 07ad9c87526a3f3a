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

/* Sets the runs without an index apart, with what their neighbours say of it. */
static int set_loose_apart(struct ww_ack_log *log, struct ww_error *error)
{
    size_t loose = 0, known = 0;
    for (size_t i = 0; i < log->count; i++)
        loose += log->runs[i].first_index == 0;
    if (loose == 0)
        return WW_OK;
    log->loose = calloc(loose, sizeof(*log->loose));
    if (log->loose == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for %zu acknowledged runs", loose);
    qsort(log->runs, log->count, sizeof(*log->runs), by_sequence);
    struct ww_ack_loose *open = NULL; /* the last one, as long as it may grow */
    for (size_t i = 0; i < log->count; i++) {
        struct ww_ack_run run = log->runs[i];
        const struct ww_ack_run *before = known > 0 ? &log->runs[known - 1] : NULL;
        if (open != NULL && !same_stream(&open->run, &run))
            open = NULL;
        if (run.first_index != 0) {
            if (open != NULL)
                open->high = run.first_index;
            open = NULL;
            log->runs[known++] = run;
        } else if (open != NULL) {
            open->run.count += run.count;
        } else {
            bool follows = before != NULL && same_stream(before, &run);
            open = &log->loose[log->loose_count++];
            *open = (struct ww_ack_loose){run, follows ? before->first_index + before->count : 1,
                                          UINT64_MAX};
        }
    }
    log->count = known;
    return WW_OK;
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
    for (size_t i = 0; i < log->count; i++)
        log->acknowledged += log->runs[i].count;
    if (status == WW_OK)
        status = set_loose_apart(log, error);
    if (status != WW_OK) {
        ww_ack_log_free(log);
        return status;
    }
    qsort(log->runs, log->count, sizeof(*log->runs), by_index);
    return WW_OK;
}

void ww_ack_log_free(struct ww_ack_log *log)
{
    free(log->runs);
    free(log->loose);
    *log = (struct ww_ack_log){0};
}
