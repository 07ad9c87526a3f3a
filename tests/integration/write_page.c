/* SPDX-License-Identifier: Apache-2.0 */
/* write_page bench|sweep|compare|experiment DATA.json PAGE.html: of data that a test made. */
#include "bench/html.h"
#include "bench/json_file.h"

#include <stdio.h>
#include <string.h>

int main(int count, char **words)
{
    static const char *const names[] = {
        [WW_HTML_BENCH] = "bench",
        [WW_HTML_SWEEP] = "sweep",
        [WW_HTML_COMPARE] = "compare",
        [WW_HTML_EXPERIMENT] = "experiment",
    };
    struct json_object *data = NULL;
    struct ww_error error = {.text = "usage: write_page bench|sweep|compare|experiment DATA PAGE"};
    enum ww_html_page page = WW_HTML_BENCH;
    while (count == 4 && page <= WW_HTML_EXPERIMENT && strcmp(words[1], names[page]) != 0)
        page++;
    if (count != 4 || page > WW_HTML_EXPERIMENT || ww_json_read(words[2], &data, &error) != WW_OK ||
        ww_html_write(words[3], page, data, &error) != WW_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    json_object_put(data);
    return 0;
}
