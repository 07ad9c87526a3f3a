/* SPDX-License-Identifier: Apache-2.0 */
/* JSON read back from result files, which may be damaged or of another kind. */
#ifndef WW_BENCH_JSON_FILE_H
#define WW_BENCH_JSON_FILE_H

#include "engine/base/error.h"

#include <json-c/json.h>

/*
 * *json is the caller's to put. WW_EINVAL: it cannot be read; WW_EDAMAGED: it is no JSON; with path
 * and line.
 */
int ww_json_read(const char *path, struct json_object **json, struct ww_error *error);

/* The same for a file with an object on each line: *json is an array of them. */
int ww_json_lines_read(const char *path, struct json_object **json, struct ww_error *error);

#endif
