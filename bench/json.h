/* SPDX-License-Identifier: Apache-2.0 */
/* json-c, a little shorter. */
#ifndef WW_BENCH_JSON_H
#define WW_BENCH_JSON_H

#include "engine/base/histogram.h"

#include <json-c/json.h>
#include <stdint.h>

/* What stands at "part.key" in `object`; NULL when it is not there. */
struct json_object *ww_json_at(struct json_object *object, const char *path);

/* The same as a number; NAN when it is none. */
double ww_json_number_at(struct json_object *object, const char *path);

/* The same with something in its place. */
double ww_json_number_or(struct json_object *object, const char *path, double otherwise);
const char *ww_json_text_or(struct json_object *object, const char *path, const char *otherwise);

/* With six significant digits: more than any measurement has. Its value is what is written. */
struct json_object *ww_json_new_number(double value);

/* {min, p50, p90, p99, p999, p9999, max}; empty when the histogram is. */
struct json_object *ww_json_new_latency(const struct ww_histogram *histogram);

void ww_json_put_text(struct json_object *object, const char *key, const char *text);
void ww_json_put_count(struct json_object *object, const char *key, uint64_t value);
void ww_json_put_number(struct json_object *object, const char *key, double value);

#endif
