/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports as HTML: each is one file that needs no network, draws its plots itself, and holds the
 * data they are made of.
 */
#ifndef WW_BENCH_HTML_H
#define WW_BENCH_HTML_H

#include "engine/base/error.h"

#include <json-c/json.h>

enum ww_html_page {
    WW_HTML_BENCH,   /* {"result", "intervals", "percentiles"}: as ww_bench_files_read makes it */
    WW_HTML_SWEEP,   /* sweep.json, schema whitewater.sweep/1 */
    WW_HTML_COMPARE, /* schema whitewater.compare/1 */
    WW_HTML_EXPERIMENT, /* schema whitewater.experiment/1, with "plots" where it has some */
};

/* Writes the page, over what is at `path`. `data` stays the caller's. WW_EIO, with the path. */
int ww_html_write(const char *path, enum ww_html_page page, struct json_object *data,
                  struct ww_error *error);

#endif
