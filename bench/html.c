/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/html.h"

#include "bench/html_sources.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define SCRIPTS_MAX 4 /* of one page, with a NULL behind them */

static const char *const shared_scripts[] = {ww_html_text_js, ww_html_axis_js, ww_html_plot_js,
                                             ww_html_rows_js, NULL};
static const char *const page_scripts[][SCRIPTS_MAX] = {
    [WW_HTML_BENCH] = {ww_html_bench_time_js, ww_html_bench_parts_js, ww_html_bench_js},
    [WW_HTML_SWEEP] = {ww_html_sweep_js},
    [WW_HTML_COMPARE] = {ww_html_compare_js},
    [WW_HTML_EXPERIMENT] = {ww_html_experiment_js},
};

/* The template up to the marker; returns what stands behind it. */
static const char *put_until(FILE *file, const char *template, const char *marker)
{
    const char *end = strstr(template, marker);
    assert(end != NULL);
    fwrite(template, 1, (size_t)(end - template), file);
    return end + strlen(marker);
}

/* In JSON a `<` stands in strings only; escaped, none can end the data's element. */
static void put_data(FILE *file, struct json_object *data)
{
    const char *text = json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN);
    for (size_t length; *text != 0; text += length) {
        length = strcspn(text, "<");
        if (length == 0)
            fputs("\\u003c", file);
        else
            fwrite(text, 1, length, file);
        length += length == 0;
    }
}

static void put_scripts(FILE *file, const char *const *scripts)
{
    for (; *scripts != NULL; scripts++)
        fputs(*scripts, file);
}

int ww_html_write(const char *path, enum ww_html_page page, struct json_object *data,
                  struct ww_error *error)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    const char *rest = put_until(file, ww_html_page_html, "{{style}}\n");
    fputs(ww_html_page_css, file);
    rest = put_until(file, rest, "{{data}}");
    put_data(file, data);
    rest = put_until(file, rest, "{{script}}\n");
    put_scripts(file, shared_scripts);
    put_scripts(file, page_scripts[page]);
    fputs(rest, file);
    int wrong = ferror(file);
    wrong |= fclose(file);
    return wrong != 0 ? ww_fail_errno(error, WW_EIO, "%s", path) : WW_OK;
}
