/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ww experiment codec`: what a batch costs in the engine's format, and what the same batch would
 * cost in Protobuf, JSON and XML. The program ww-codec measures; this one interleaves and reports.
 */
#include "bench/course.h"
#include "bench/experiment.h"
#include "bench/format.h"
#include "bench/helper.h"

#include <stdlib.h>
#include <string.h>

#define FORMATS 4u
#define KINDS 3u
#define COUNT_MAX 256u /* of WW_CODEC_ENTRIES_MAX */
#define ANSWER_NS UINT64_C(30000000000)

static const char *const format_names[FORMATS] = {"whitewater", "protobuf", "json", "xml"};
static const char *const missing[FORMATS] = {"", "libprotobuf-c-dev, protobuf-c-compiler", "",
                                             "libxml2-dev"};
static const struct {
    const char *name;
    uint32_t entry_bytes;
} kinds[KINDS] = {{"64B", 64}, {"1KiB", 1024}, {"fix", 0}};

static const struct ww_flag flags[] = {
    WW_EXPERIMENT_FLAGS_TIMING("20ms", "5ms", "7"),
    {"formats", 0, "LIST", NULL, "of whitewater,protobuf,json,xml (default: all that were built)"},
    {"entries", 0, "LIST", NULL, "of 64B,1KiB,fix (default: all)"},
    {"counts", 0, "LIST", "1,16,256", "entries of a batch"},
    {NULL},
};

static const char *const figures[] = {"encode_ns", "decode_ns", "bytes", "payload_bytes", NULL};

struct codec {
    struct ww_experiment_timing timing;
    struct ww_experiment_numbers counts;
    const char *formats, *entries;
    struct ww_bench_options progress;
    bool built[FORMATS];
    struct ww_helper program;
    struct ww_experiment_cell cells[KINDS][WW_EXPERIMENT_LIST_MAX][FORMATS];
};

/* ---- measuring ---- */

static int start(struct codec *codec, struct ww_error *error)
{
    char path[WW_HELPER_PATH_MAX];
    struct json_object *ready, *list;
    if (!ww_helper_built("ww-codec", path))
        return ww_fail(error, WW_EINVAL, "there is no ww-codec beside ww");
    const char *const words[] = {path, NULL};
    int status = ww_helper_start(&codec->program, "ww-codec", true, words, NULL, error);
    if (status == WW_OK)
        status = ww_helper_ask(&codec->program, NULL, ANSWER_NS, &ready, error);
    if (status != WW_OK)
        return status;
    list = json_object_object_get(ready, "formats");
    for (uint32_t format = 0; format < FORMATS; format++)
        for (size_t i = 0; i < json_object_array_length(list); i++)
            codec->built[format] |=
                strcmp(json_object_get_string(json_object_array_get_idx(list, i)),
                       format_names[format]) == 0;
    json_object_put(ready);
    return WW_OK;
}

static bool wanted(const struct codec *codec, uint32_t format)
{
    return codec->built[format] && ww_experiment_listed(codec->formats, format_names[format]);
}

static int run_cell(struct codec *codec, uint32_t kind, uint32_t place, uint32_t format,
                    struct ww_error *error)
{
    struct ww_experiment_cell *cell = &codec->cells[kind][place][format];
    struct json_object *answer;
    char line[160];
    snprintf(line, sizeof(line), "run %s %u %lu %lu %lu", format_names[format],
             kinds[kind].entry_bytes, codec->counts.of[place], codec->timing.warmup_ns,
             codec->timing.duration_ns);
    ww_progress(&codec->progress, "run %u of %u: %s, %lu entries of %s", cell->count + 1,
                codec->timing.repeats, format_names[format], codec->counts.of[place],
                kinds[kind].name);
    int status =
        ww_helper_ask(&codec->program, line,
                      2 * (codec->timing.warmup_ns + codec->timing.duration_ns) + ANSWER_NS,
                      &answer, error);
    if (status != WW_OK)
        return status;
    double values[sizeof(figures) / sizeof(figures[0]) - 1];
    for (uint32_t i = 0; figures[i] != NULL; i++)
        values[i] = ww_experiment_number(answer, figures[i]);
    ww_experiment_add_run(cell, values, sizeof(values) / sizeof(values[0]));
    json_object_put(answer);
    return WW_OK;
}

/* Neighbours in time differ in the format; each repeat begins with another. */
static int run_repeat(struct codec *codec, uint32_t repeat, struct ww_error *error)
{
    int status = WW_OK;
    for (uint32_t kind = 0; kind < KINDS && status == WW_OK; kind++) {
        if (!ww_experiment_listed(codec->entries, kinds[kind].name))
            continue;
        for (uint32_t i = 0; i < codec->counts.count * FORMATS && status == WW_OK; i++) {
            uint32_t format = (i + repeat) % FORMATS;
            if (wanted(codec, format))
                status = run_cell(codec, kind, i / FORMATS, format, error);
        }
    }
    return status;
}

/* ---- the result ---- */

static void put_cells(const struct codec *codec, struct json_object *result)
{
    struct json_object *cells = json_object_new_array();
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        for (uint32_t place = 0; place < codec->counts.count; place++) {
            for (uint32_t format = 0; format < FORMATS; format++) {
                const struct ww_experiment_cell *figures_of = &codec->cells[kind][place][format];
                if (figures_of->count == 0)
                    continue;
                struct json_object *cell = json_object_new_object();
                json_object_object_add(cell, "entries", json_object_new_string(kinds[kind].name));
                json_object_object_add(cell, "count",
                                       json_object_new_uint64(codec->counts.of[place]));
                json_object_object_add(cell, "format",
                                       json_object_new_string(format_names[format]));
                ww_experiment_put_cell(cell, figures_of, figures);
                json_object_array_add(cells, cell);
            }
        }
    }
    json_object_object_add(result, "cells", cells);
}

/* Encoding and decoding. */
static double both(struct json_object *cell)
{
    return ww_experiment_number(cell, "encode_ns") + ww_experiment_number(cell, "decode_ns");
}

static void put_plots(struct json_object *result)
{
    struct json_object *cells = json_object_object_get(result, "cells");
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        struct json_object *series = NULL;
        char title[64];
        snprintf(title, sizeof(title), "Encoding and decoding, entries: %s", kinds[kind].name);
        for (size_t i = 0; i < json_object_array_length(cells); i++) {
            struct json_object *cell = json_object_array_get_idx(cells, i);
            if (strcmp(ww_experiment_text(cell, "entries"), kinds[kind].name) != 0)
                continue;
            if (series == NULL)
                series =
                    ww_experiment_add_plot(result,
                                           &(struct ww_experiment_plot){title, "entries of a batch",
                                                                        "log", "ns per entry",
                                                                        "log"});
            ww_experiment_add_point(series, ww_experiment_text(cell, "format"),
                                    ww_experiment_number(cell, "count"), both(cell));
        }
    }
}

static struct json_object *result_of(const struct codec *codec)
{
    struct json_object *result = ww_experiment_result("codec", "/");
    struct json_object *config = json_object_new_object(), *left_out = json_object_new_array();
    json_object_object_add(config, "repeats", json_object_new_int64(codec->timing.repeats));
    json_object_object_add(config, "duration_s",
                           ww_json_new_number((double)codec->timing.duration_ns / 1e9));
    for (uint32_t format = 0; format < FORMATS; format++) {
        char why[160];
        snprintf(why, sizeof(why), "%s was not built: %s are missing", format_names[format],
                 missing[format]);
        if (!codec->built[format])
            json_object_array_add(left_out, json_object_new_string(why));
    }
    json_object_object_add(result, "config", config);
    json_object_object_add(result, "left_out", left_out);
    put_cells(codec, result);
    put_plots(result);
    return result;
}

/* ---- the command line ---- */

static int read_flags(const struct ww_cli *cli, struct codec *codec, struct ww_error *error)
{
    const char *names[KINDS];
    int status = ww_experiment_timing(cli, &codec->timing, error);
    for (uint32_t kind = 0; kind < KINDS; kind++)
        names[kind] = kinds[kind].name;
    codec->formats = ww_cli_text(cli, "formats");
    codec->entries = ww_cli_text(cli, "entries");
    codec->progress.progress = ww_cli_progress(cli);
    if (status == WW_OK)
        status = ww_experiment_counts(cli, "counts", 1, COUNT_MAX, &codec->counts, error);
    if (status == WW_OK)
        status = ww_experiment_check_list("formats", codec->formats, format_names, FORMATS, error);
    return status != WW_OK
               ? status
               : ww_experiment_check_list("entries", codec->entries, names, KINDS, error);
}

static int run(const struct ww_cli *cli, struct json_object **result, struct ww_error *error)
{
    struct codec *codec = calloc(1, sizeof(*codec));
    if (codec == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    int status = read_flags(cli, codec, error);
    if (status == WW_OK)
        status = start(codec, error);
    for (uint32_t repeat = 0; status == WW_OK && repeat < codec->timing.repeats; repeat++)
        status = run_repeat(codec, repeat, error);
    int stopped = ww_helper_stop(&codec->program, status == WW_OK ? error : NULL);
    ww_progress_end(&codec->progress);
    status = status != WW_OK ? status : stopped;
    if (status == WW_OK)
        *result = result_of(codec);
    free(codec);
    return status;
}

/* ---- the table ---- */

static bool same_batch(struct json_object *one, struct json_object *other)
{
    return strcmp(ww_experiment_text(one, "entries"), ww_experiment_text(other, "entries")) == 0 &&
           ww_experiment_number(one, "count") == ww_experiment_number(other, "count");
}

/* The same of our format; 0: it was not measured. */
static double both_of_ours(struct json_object *cells, struct json_object *cell)
{
    for (size_t i = 0; i < json_object_array_length(cells); i++) {
        struct json_object *other = json_object_array_get_idx(cells, i);
        if (strcmp(ww_experiment_text(other, "format"), format_names[0]) == 0 &&
            same_batch(other, cell))
            return both(other);
    }
    return 0;
}

static void print_cell(struct json_object *cells, struct json_object *cell, FILE *file)
{
    char a[32], b[32];
    double ours = both_of_ours(cells, cell);
    fprintf(file, "  %-22s%12s%12s%12.1f%12.1f", ww_experiment_text(cell, "format"),
            ww_show_ns(ww_experiment_number(cell, "encode_ns"), a),
            ww_show_ns(ww_experiment_number(cell, "decode_ns"), b),
            ww_experiment_number(cell, "bytes"),
            ww_experiment_number(cell, "bytes") - ww_experiment_number(cell, "payload_bytes"));
    if (ours > 0)
        fprintf(file, "%12.3g", both(cell) / ours);
    fprintf(file, "\n");
}

static void print(struct json_object *result, FILE *file)
{
    struct json_object *config = json_object_object_get(result, "config");
    struct json_object *cells = json_object_object_get(result, "cells");
    struct json_object *left_out = json_object_object_get(result, "left_out");
    fprintf(file,
            "Formats: batches of FIX text; per entry, %.3g s for each figure, medians of %.0f\n",
            ww_experiment_number(config, "duration_s"), ww_experiment_number(config, "repeats"));
    ww_experiment_print_head(result, file);
    fprintf(file, "  all      with a CRC32C over the message; every batch came back as it was\n");
    for (size_t i = 0; i < json_object_array_length(left_out); i++)
        fprintf(file, "  left out %s\n",
                json_object_get_string(json_object_array_get_idx(left_out, i)));
    for (size_t i = 0; i < json_object_array_length(cells); i++) {
        struct json_object *cell = json_object_array_get_idx(cells, i);
        char title[64];
        snprintf(title, sizeof(title), "%s, %.0f a batch", ww_experiment_text(cell, "entries"),
                 ww_experiment_number(cell, "count"));
        if (i == 0 || !same_batch(json_object_array_get_idx(cells, i - 1), cell))
            fprintf(file, "\n%-24s%12s%12s%12s%12s%12s\n", title, "encode", "decode", "bytes",
                    "overhead", "x ours");
        print_cell(cells, cell, file);
    }
}

const struct ww_experiment ww_experiment_codec = {
    WW_EXPERIMENT("codec", .flags = flags,
                  .summary = "the engine's batch format beside Protobuf, JSON and XML"),
    .run = run,
    .print = print,
};
