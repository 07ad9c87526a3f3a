/* SPDX-License-Identifier: Apache-2.0 */
/* The table of `ww compare`, made of its JSON alone. */
#include "bench/compare.h"
#include "bench/format.h"
#include "bench/json.h"

#include <math.h>
#include <string.h>

#define FACTOR_FROM 9.995 /* a change beyond it is shown as a factor */

static struct json_object *element(struct json_object *found, const char *list, size_t i)
{
    struct json_object *all = json_object_object_get(found, list);
    return i < json_object_array_length(all) ? json_object_array_get_idx(all, i) : NULL;
}

static const char *show_value(struct json_object *metric, const char *key, char out[32])
{
    const char *unit = ww_json_text_or(metric, "unit", "");
    double value = ww_json_number_at(metric, key);
    if (isnan(value))
        return "-";
    if (strcmp(unit, "ns") == 0)
        return ww_show_ns(value, out);
    if (strcmp(unit, "1/s") == 0 || value >= 100)
        return ww_show_count(value, out);
    snprintf(out, 32, "%.3f", value);
    return out;
}

static const char *show_percent(struct json_object *metric, const char *key, char out[32])
{
    double value = ww_json_number_at(metric, key);
    if (isnan(value))
        return "-";
    if (value < FACTOR_FROM)
        snprintf(out, 32, "%+.1f %%", 100 * value);
    else
        snprintf(out, 32, "x %.0f", 1 + value);
    return out;
}

static void print_side(struct json_object *found, const char *name, FILE *file)
{
    struct json_object *side = json_object_object_get(found, name);
    int runs = (int)ww_json_number_or(side, "runs", 0);
    fprintf(file, "  %s  %s\n     %d run%s, Whitewater %s, %s%s\n     ", name[0] == 'a' ? "A" : "B",
            ww_json_text_or(side, "path", ""), runs, runs == 1 ? "" : "s",
            ww_json_text_or(side, "version", ""), ww_json_text_or(side, "started_at", ""),
            runs == 1 ? "" : "; the first:");
    ww_show_words(ww_json_text_or(side, "conditions", ""), 5, file);
}

void ww_compare_print_differences(struct json_object *found, FILE *file)
{
    struct json_object *each;
    for (size_t i = 0; (each = element(found, "differences", i)) != NULL; i++)
        fprintf(file, "  %-32s A: %s  B: %s%s\n", ww_json_text_or(each, "key", ""),
                ww_json_text_or(each, "a", ""), ww_json_text_or(each, "b", ""),
                json_object_get_boolean(ww_json_at(each, "allowed")) ? "  (allowed)" : "");
}

/* "p003  inflight=64 wal.depth=2" */
static void print_point(struct json_object *metric, FILE *file)
{
    struct json_object *settings = ww_json_at(metric, "settings");
    fprintf(file, "%s ", ww_json_text_or(metric, "point", ""));
    if (json_object_is_type(settings, json_type_object)) {
        json_object_object_foreach(settings, key, value)
            fprintf(file, " %s=%s", key, json_object_get_string(value));
    }
    fprintf(file, "\n");
}

static void print_metrics(struct json_object *found, FILE *file)
{
    const char *point = "";
    struct json_object *each;
    char a[32], b[32], change[32], low[32], high[32], range[72];
    snprintf(range, sizeof(range), "%g %% interval",
             100 * ww_json_number_or(found, "confidence", 0));
    fprintf(file, "%-30s%13s%13s%10s%23s\n", "", "A", "B", "change", range);
    for (size_t i = 0; (each = element(found, "metrics", i)) != NULL; i++) {
        if (strcmp(ww_json_text_or(each, "point", ""), point) != 0) {
            point = ww_json_text_or(each, "point", "");
            print_point(each, file);
        }
        bool known = ww_json_at(each, "low") != NULL;
        range[0] = 0;
        if (known)
            snprintf(range, sizeof(range), "%s .. %s", show_percent(each, "low", low),
                     show_percent(each, "high", high));
        fprintf(file, "  %-28s%13s%13s%10s%23s  %s\n", ww_json_text_or(each, "title", ""),
                show_value(each, "a", a), show_value(each, "b", b),
                show_percent(each, "change", change), range, ww_json_text_or(each, "verdict", ""));
    }
}

static void print_gates(struct json_object *found, FILE *file)
{
    struct json_object *each;
    for (size_t i = 0; (each = element(found, "gates", i)) != NULL; i++)
        fprintf(file, "%s  %-26s%-11s%s\n", i == 0 ? "\nGates\n" : "",
                ww_json_text_or(each, "gate", ""), ww_json_text_or(each, "verdict", ""),
                ww_json_text_or(each, "point", ""));
}

void ww_compare_print(struct json_object *found, FILE *file)
{
    print_side(found, "a", file);
    print_side(found, "b", file);
    struct json_object *each;
    for (size_t i = 0; (each = element(found, "warnings", i)) != NULL; i++) {
        fprintf(file, "%s  %-13s", i == 0 ? "\nWARNINGS\n" : "", ww_json_text_or(each, "code", ""));
        ww_show_words(ww_json_text_or(each, "text", ""), 15, file);
    }
    ww_compare_print_differences(found, file);
    fprintf(file, "\n");
    print_metrics(found, file);
    print_gates(found, file);
}
