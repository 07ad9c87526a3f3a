/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/json.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json_object *ww_json_at(struct json_object *object, const char *path)
{
    char key[64];
    while (object != NULL && *path != 0) {
        size_t length = strcspn(path, ".");
        snprintf(key, sizeof(key), "%.*s", (int)length, path);
        struct json_object *value = NULL;
        object = json_object_object_get_ex(object, key, &value) ? value : NULL;
        path += length + (path[length] == '.');
    }
    return object;
}

double ww_json_number_at(struct json_object *object, const char *path)
{
    struct json_object *found = ww_json_at(object, path);
    bool is_number =
        json_object_is_type(found, json_type_double) || json_object_is_type(found, json_type_int);
    return is_number ? json_object_get_double(found) : (double)NAN;
}

double ww_json_number_or(struct json_object *object, const char *path, double otherwise)
{
    double value = ww_json_number_at(object, path);
    return isnan(value) ? otherwise : value;
}

const char *ww_json_text_or(struct json_object *object, const char *path, const char *otherwise)
{
    struct json_object *found = ww_json_at(object, path);
    return found != NULL ? json_object_get_string(found) : otherwise;
}

struct json_object *ww_json_new_number(double value)
{
    char text[32];
    snprintf(text, sizeof(text), "%.6g", value);
    return json_object_new_double_s(strtod(text, NULL), text);
}

void ww_json_put_text(struct json_object *object, const char *key, const char *text)
{
    json_object_object_add(object, key, json_object_new_string(text));
}

void ww_json_put_count(struct json_object *object, const char *key, uint64_t value)
{
    json_object_object_add(object, key, json_object_new_uint64(value));
}

void ww_json_put_number(struct json_object *object, const char *key, double value)
{
    json_object_object_add(object, key, ww_json_new_number(value));
}

struct json_object *ww_json_new_latency(const struct ww_histogram *histogram)
{
    static const struct {
        const char *name;
        double quantile;
    } rows[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"p9999", 0.9999}};
    struct json_object *latency = json_object_new_object();
    if (histogram->count == 0)
        return latency;
    ww_json_put_count(latency, "min", histogram->min);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ww_json_put_count(latency, rows[i].name,
                          ww_histogram_quantile(histogram, rows[i].quantile));
    ww_json_put_count(latency, "max", histogram->max);
    return latency;
}
