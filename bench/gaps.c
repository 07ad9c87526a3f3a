/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/gaps.h"

#include "bench/run_directory.h"

#include <stdlib.h>
#include <sys/stat.h>

/* ---- the load process ---- */

static uint64_t length_of(const struct ww_gap *gap)
{
    return gap->end_ns - gap->begin_ns;
}

static void write_longest(struct ww_gap_writer *writer)
{
    if (length_of(&writer->longest) > 0)
        fwrite(&writer->longest, sizeof(writer->longest), 1, writer->file);
    writer->longest = (struct ww_gap){0};
}

void ww_gap_note(struct ww_gap_writer *writer, uint64_t now_ns)
{
    if (writer->file == NULL)
        return;
    const struct ww_gap gap = {writer->last_ns, now_ns};
    writer->last_ns = now_ns;
    if (gap.begin_ns == 0)
        return; /* the first acknowledgement */
    if (gap.begin_ns / WW_GAP_STEP_NS != writer->longest.begin_ns / WW_GAP_STEP_NS)
        write_longest(writer);
    if (length_of(&gap) > length_of(&writer->longest))
        writer->longest = gap;
}

int ww_gap_writer_close(struct ww_gap_writer *writer, struct ww_error *error)
{
    if (writer->file == NULL)
        return WW_OK;
    write_longest(writer);
    int failed = ferror(writer->file);
    failed |= fclose(writer->file);
    writer->file = NULL;
    return failed ? ww_fail_errno(error, WW_EIO, "writing the gaps") : WW_OK;
}

/* ---- all together ---- */

static int read_file(struct ww_gaps *gaps, const char *path, struct ww_error *error)
{
    FILE *file = fopen(path, "rb");
    struct stat about;
    if (file == NULL)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    int status = WW_OK;
    if (fstat(fileno(file), &about) != 0) {
        status = ww_fail_errno(error, WW_EIO, "%s", path);
        goto close;
    }
    gaps->count = (size_t)about.st_size / sizeof(*gaps->list);
    gaps->list = calloc(gaps->count + 1, sizeof(*gaps->list));
    if (gaps->list == NULL)
        status = ww_fail(error, WW_ENOMEM, "%s: no memory", path);
    else if (fread(gaps->list, sizeof(*gaps->list), gaps->count, file) != gaps->count)
        status = ww_fail(error, WW_EIO, "%s: cannot read", path);
close:
    fclose(file);
    return status;
}

/* What lies in a gap of both. */
static int intersect(struct ww_gaps *gaps, const struct ww_gaps *other, struct ww_error *error)
{
    struct ww_gap *both = calloc(gaps->count + other->count + 1, sizeof(*both));
    size_t count = 0, i = 0, k = 0;
    if (both == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for the gaps");
    while (i < gaps->count && k < other->count) {
        const struct ww_gap *a = &gaps->list[i], *b = &other->list[k];
        const struct ww_gap common = {
            .begin_ns = a->begin_ns > b->begin_ns ? a->begin_ns : b->begin_ns,
            .end_ns = a->end_ns < b->end_ns ? a->end_ns : b->end_ns,
        };
        if (common.begin_ns < common.end_ns)
            both[count++] = common;
        if (a->end_ns < b->end_ns)
            i++;
        else
            k++;
    }
    free(gaps->list);
    *gaps = (struct ww_gaps){both, count};
    return WW_OK;
}

int ww_gaps_read(struct ww_gaps *gaps, const char *directory, uint32_t clients,
                 struct ww_error *error)
{
    *gaps = (struct ww_gaps){0};
    int status = WW_OK;
    for (uint32_t i = 0; i < clients && status == WW_OK; i++) {
        struct ww_gaps one = {0};
        char path[WW_RUN_PATH_MAX];
        ww_run_load_file(path, directory, i, WW_GAPS);
        status = read_file(i == 0 ? gaps : &one, path, error);
        if (status == WW_OK && i > 0)
            status = intersect(gaps, &one, error);
        ww_gaps_free(&one);
    }
    if (status != WW_OK)
        ww_gaps_free(gaps);
    return status;
}

void ww_gaps_free(struct ww_gaps *gaps)
{
    free(gaps->list);
    *gaps = (struct ww_gaps){0};
}

const struct ww_gap *ww_gaps_longest(const struct ww_gaps *gaps, uint64_t from_ns,
                                     uint64_t until_ns)
{
    const struct ww_gap *longest = NULL;
    for (size_t i = 0; i < gaps->count; i++) {
        const struct ww_gap *gap = &gaps->list[i];
        if (gap->end_ns > from_ns && gap->begin_ns < until_ns &&
            (longest == NULL || length_of(gap) > length_of(longest)))
            longest = gap;
    }
    return longest;
}
