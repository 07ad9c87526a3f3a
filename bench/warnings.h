/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes the figures of a run worth less than they look. Every rule looks at the result alone,
 * so that whoever has the file can apply it again; docs/benchmark.md explains each.
 */
#ifndef WW_BENCH_WARNINGS_H
#define WW_BENCH_WARNINGS_H

#include <json-c/json.h>

/* `intervals`: the lines of intervals.jsonl. Returns [{"code", "text"}], worst first. */
struct json_object *ww_warnings_find(struct json_object *result, struct json_object *intervals);

#define WW_CONDITIONS_MAX 512u

/* One sentence with what stands behind every figure: durability, device, transport, load, cores.
 * Returns `text`. */
const char *ww_conditions_text(struct json_object *result, char text[WW_CONDITIONS_MAX]);

#endif
