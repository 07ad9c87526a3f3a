/* SPDX-License-Identifier: Apache-2.0 */
/* The directory that `ww bench -o DIR` fills, read back: what reports are made of. */
#ifndef WW_BENCH_BENCH_FILES_H
#define WW_BENCH_BENCH_FILES_H

#include "engine/base/error.h"

#include <json-c/json.h>
#include <stdbool.h>

/*
 * *data becomes {"result": result.json, "intervals": the lines of intervals.jsonl, "percentiles":
 * [[ns, part, count], ...] of commit.hgrm}, the caller's to put. A companion that is not there is
 * absent. WW_EINVAL: there is no result.json; WW_EDAMAGED: a file is not what its name says, with
 * path and line or key.
 */
int ww_bench_files_read(const char *directory, struct json_object **data, struct ww_error *error);

/* DIRECTORY/report.html of what ww_bench_files_read made. */
int ww_bench_page_write(const char *directory, struct json_object *data, struct ww_error *error);

/* Reads DIRECTORY, writes its report.html anew, and prints the table, or result.json. */
int ww_bench_report(const char *directory, bool json, struct ww_error *error);

#endif
