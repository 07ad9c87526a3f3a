/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The course of a sweep. A run works in runs/pPPP-rRR.part, which gets its name when the run is
 * over: so whatever has its name is whole, and everything else is done again.
 */
#include "bench/sweep_run.h"

#include "bench/run_directory.h"
#include "bench/sweep_child.h"
#include "bench/sweep_data.h"
#include "engine/base/time_ns.h"
#include "engine/cli/cli.h"
#include "engine/cli/local_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

struct course {
    const struct ww_sweep_options *options;
    struct ww_sweep sweep;
    struct ww_sweep_step *steps;
    uint32_t count, done, failed; /* of all steps; done: with those of earlier sessions */
    uint32_t here;                /* done in this session, which took elapsed_ns */
    uint64_t elapsed_ns, began_ns;
    bool drawn; /* the run under way */
    char label[256];
    char first_failure[300];
};

/* ---- the directory ---- */

/* All bytes of a file; NULL: it cannot be read. To be freed. */
static char *read_whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "re");
    char *bytes = NULL;
    if (file == NULL)
        return NULL;
    FILE *copy = open_memstream(&bytes, size);
    for (int c; copy != NULL && (c = fgetc(file)) != EOF;)
        fputc(c, copy);
    if (copy != NULL)
        fclose(copy);
    fclose(file);
    return bytes;
}

/* The copy of the sweep's file appears whole or not at all. */
static int write_copy(const char *path, const char *bytes, size_t size, struct ww_error *error)
{
    char part[PATH_MAX + 8];
    snprintf(part, sizeof(part), "%s.part", path);
    FILE *file = fopen(part, "we");
    if (file == NULL)
        return ww_fail_errno(error, WW_EINVAL, "%s", part);
    bool wrong = fwrite(bytes, 1, size, file) != size;
    wrong |= fclose(file) != 0;
    if (wrong || rename(part, path) != 0)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    return WW_OK;
}

static bool is_empty(const char *directory)
{
    DIR *entries = opendir(directory);
    int count = 0;
    while (entries != NULL && readdir(entries) != NULL)
        count++;
    if (entries != NULL)
        closedir(entries);
    return count <= 2; /* itself and its parent */
}

static int claim_directory(const struct ww_sweep_options *options, struct ww_error *error)
{
    char path[PATH_MAX];
    size_t size = 0, old_size = 0;
    snprintf(path, sizeof(path), "%s/%s", options->output, WW_SWEEP_FILE);
    char *bytes = read_whole(options->path, &size), *old = read_whole(path, &old_size);
    int status;
    if (bytes == NULL)
        status = ww_fail_errno(error, WW_EINVAL, "cannot read the sweep %s", options->path);
    else if (old != NULL && (size != old_size || memcmp(old, bytes, size) != 0))
        status = ww_fail(error, WW_EINVAL,
                         "--output %s holds another sweep: its %s differs from %s; choose another "
                         "directory",
                         options->output, WW_SWEEP_FILE, options->path);
    else if (old == NULL && !is_empty(options->output))
        status =
            ww_fail(error, WW_EINVAL, "--output %s is neither empty nor the directory of a sweep",
                    options->output);
    else
        status = old != NULL ? WW_OK : write_copy(path, bytes, size, error);
    free(bytes);
    free(old);
    snprintf(path, sizeof(path), "%s/runs", options->output);
    if (status == WW_OK && mkdir(path, 0755) != 0 && errno != EEXIST)
        status = ww_fail_errno(error, WW_EIO, "%s", path);
    return status;
}

/* Two at a time in one directory would measure each other. The lock goes with the process. */
static int lock_directory(const char *output, int *lock, struct ww_error *error)
{
    *lock = open(output, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0)
        return ww_fail_errno(error, WW_EINVAL, "--output %s", output);
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0)
        return WW_OK;
    return ww_fail(error, WW_EINVAL, "--output %s: a sweep is under way there", output);
}

/* ---- progress ---- */

/* "3 min 20 s" */
static const char *show_time(uint64_t ns, char out[32])
{
    uint64_t seconds = (ns + SECOND_NS / 2) / SECOND_NS;
    if (seconds < 60)
        snprintf(out, 32, "%lu s", seconds);
    else if (seconds < 3600)
        snprintf(out, 32, "%lu min %lu s", seconds / 60, seconds % 60);
    else
        snprintf(out, 32, "%lu h %lu min", seconds / 3600, seconds % 3600 / 60);
    return out;
}

/* The time left is what the runs of this session took on average, for each that is to come. Beside
 * a terminal one line a run is enough. */
static void draw(void *context)
{
    struct course *course = context;
    char left[32] = "unknown";
    bool again = course->drawn;
    course->drawn = true;
    if (!course->options->progress || (again && !isatty(STDERR_FILENO)))
        return;
    uint64_t under_way_ns = ww_time_ns(CLOCK_MONOTONIC) - course->began_ns;
    if (course->here > 0) {
        uint64_t each_ns = course->elapsed_ns / course->here;
        uint64_t all_ns = each_ns * (course->count - course->done);
        show_time(all_ns > under_way_ns ? all_ns - under_way_ns : 0, left);
    }
    ww_cli_draw("run %u of %u: %s; time left: %s%s", course->done + 1, course->count, course->label,
                left, course->failed > 0 ? " (some failed)" : "");
}

/* ---- runs ---- */

static bool exists(const char *directory, const char *name)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return access(path, F_OK) == 0;
}

static bool is_done(const char *directory)
{
    return exists(directory, "result.json") && !exists(directory, WW_SWEEP_FAILED);
}

static int note_failure(struct course *course, const char *directory, const struct ww_error *reason,
                        struct ww_error *error)
{
    char path[PATH_MAX + 32];
    struct json_object *failed = json_object_new_object();
    json_object_object_add(failed, "why", json_object_new_string(reason->text));
    snprintf(path, sizeof(path), "%s/%s", directory, WW_SWEEP_FAILED);
    int written = json_object_to_file_ext(path, failed, JSON_C_TO_STRING_PRETTY);
    json_object_put(failed);
    if (course->failed == 0)
        snprintf(course->first_failure, sizeof(course->first_failure), "%.290s", reason->text);
    course->failed++;
    return written == 0 ? WW_OK : ww_fail_errno(error, WW_EIO, "%s", path);
}

static int run_step(struct course *course, struct ww_sweep_step step, const char *directory,
                    struct ww_error *error)
{
    char part[PATH_MAX + 8];
    uint32_t count;
    struct ww_error reason = {0};
    snprintf(part, sizeof(part), "%s.part", directory);
    ww_local_remove(part);
    if (mkdir(part, 0755) != 0)
        return ww_fail_errno(error, WW_EIO, "%s", part);
    ww_sweep_label(json_object_array_get_idx(course->sweep.points, step.point), course->label,
                   sizeof(course->label));
    course->began_ns = ww_time_ns(CLOCK_MONOTONIC);
    course->drawn = false;
    const struct ww_sweep_child child = {
        .words = ww_sweep_words(&course->sweep, step.point, &count),
        .directory = part,
        .data = course->options->data,
        .tick = draw,
        .context = course,
    };
    int status = ww_sweep_child_run(&child, &reason);
    ww_sweep_words_free(child.words);
    if (status == WW_ECLOSED) {
        ww_local_remove(part);
        return ww_fail(error, WW_ECLOSED,
                       "interrupted after %u of %u runs; ww sweep %s -o %s goes on", course->done,
                       course->count, course->options->path, course->options->output);
    }
    status = status == WW_OK ? WW_OK : note_failure(course, part, &reason, error);
    ww_local_remove(directory); /* of an earlier attempt, which failed */
    if (status == WW_OK && rename(part, directory) != 0)
        status = ww_fail_errno(error, WW_EIO, "%s", directory);
    course->elapsed_ns += ww_time_ns(CLOCK_MONOTONIC) - course->began_ns;
    course->here++;
    course->done++;
    return status;
}

static int run_steps(struct course *course, struct ww_error *error)
{
    char directory[PATH_MAX], name[WW_SWEEP_RUN_NAME_MAX];
    int status = WW_OK;
    for (int pass = 0; pass < 2; pass++) {
        /* First what is done already, so that the time left is told right. */
        for (uint32_t i = 0; i < course->count && status == WW_OK; i++) {
            ww_sweep_run_name(course->steps[i], name);
            snprintf(directory, sizeof(directory), "%s/runs/%s", course->options->output, name);
            bool done = is_done(directory);
            if (pass == 0)
                course->done += done;
            else if (!done)
                status = run_step(course, course->steps[i], directory, error);
        }
    }
    ww_cli_draw_end();
    return status;
}

static int run_course(struct course *course, struct ww_error *error)
{
    const struct ww_sweep_options *options = course->options;
    int lock = -1, status = WW_OK;
    if (access(options->data, W_OK | X_OK) != 0)
        status = ww_fail_errno(error, WW_EINVAL, "--data %s", options->data);
    if (status == WW_OK)
        status = ww_run_output_make(options->output, error);
    if (status == WW_OK)
        status = lock_directory(options->output, &lock, error);
    if (status == WW_OK)
        status = claim_directory(options, error);
    course->count = ww_sweep_point_count(&course->sweep) * course->sweep.repeats;
    course->steps = ww_sweep_order(&course->sweep);
    if (status == WW_OK && course->steps == NULL)
        status = ww_fail(error, WW_ENOMEM, "no memory for %u runs", course->count);
    if (status == WW_OK)
        status = run_steps(course, error);
    if (status == WW_OK)
        status = ww_sweep_report(options->output, options->json, NULL, error);
    if (status == WW_OK && course->failed > 0)
        status = ww_fail(error, WW_EIO,
                         "%u of %u runs failed; the same command tries them again. The first: %s",
                         course->failed, course->count, course->first_failure);
    free(course->steps);
    if (lock >= 0)
        close(lock);
    return status;
}

int ww_sweep_run(const struct ww_sweep_options *options, struct ww_error *error)
{
    struct course course = {.options = options};
    int status = ww_sweep_read(&course.sweep, options->path, options->check, error);
    if (status == WW_OK)
        status = run_course(&course, error);
    ww_sweep_free(&course.sweep);
    return status;
}
