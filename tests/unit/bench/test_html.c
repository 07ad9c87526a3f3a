/* SPDX-License-Identifier: Apache-2.0 */
/* The pages as files; test_report.py opens them in a browser. */
#include "bench/html.h"

#include "engine/cli/local_files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char directory_[] = "html-test-XXXXXX", path_[64];
static struct ww_error error_;

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(directory_));
    snprintf(path_, sizeof(path_), "%s/page.html", directory_);
}

static void tear_down(void)
{
    ww_local_remove(directory_);
}

TestSuite(html, .init = set_up, .fini = tear_down);

/* The page with this data in it; the caller frees it. */
static char *written(enum ww_html_page page, const char *data)
{
    struct json_object *json = json_tokener_parse(data);
    char *text = NULL;
    size_t size = 0;
    cr_assert_eq(ww_html_write(path_, page, json, &error_), WW_OK, "%s", error_.text);
    json_object_put(json);
    FILE *file = fopen(path_, "r");
    cr_assert_gt(getdelim(&text, &size, 0, file), 0);
    fclose(file);
    return text;
}

static unsigned times(const char *text, const char *part)
{
    unsigned count = 0;
    for (; (text = strstr(text, part)) != NULL; text += strlen(part))
        count++;
    return count;
}

Test(html, every_page_is_whole_and_names_no_other_place)
{
    static const char *const words[] = {"ww bench: ", "ww sweep: ", "ww compare", "ww experiment "};
    for (enum ww_html_page page = WW_HTML_BENCH; page <= WW_HTML_EXPERIMENT; page++) {
        char *text = written(page, "{}");
        cr_expect_eq(strncmp(text, "<!doctype html>", 15), 0);
        cr_expect_str_eq(text + strlen(text) - strlen("</body>\n</html>\n"), "</body>\n</html>\n");
        cr_expect_null(strstr(text, "{{"), "a marker is left");
        cr_expect_eq(times(text, "\npage("), 1, "one page's script");
        cr_expect_not_null(strstr(text, words[page]));
        cr_expect_eq(times(text, "://"), times(text, "http://www.w3.org/2000/svg"),
                     "the name of SVG is the only address");
        cr_expect_null(strstr(text, "innerHTML"), "text from the data becomes no element");
        free(text);
    }
}

Test(html, no_text_ends_the_element_that_holds_the_data)
{
    const char *data =
        "{\"result\":{\"payload\":\"a</script><script>alert(1)</script><!--<script>\"}}";
    char *text = written(WW_HTML_BENCH, data);
    cr_expect_eq(times(text, "</script"), 2, "of the data and of the code");
    cr_expect_eq(times(text, "<!--"), 1, "the licence");
    cr_expect_null(strstr(text, "<script>alert"));

    char *begin = strstr(text, "id=\"data\">") + strlen("id=\"data\">");
    *strstr(begin, "</script") = 0;
    struct json_object *read = json_tokener_parse(begin), *wanted = json_tokener_parse(data);
    cr_expect(json_object_equal(read, wanted), "%s", begin);
    json_object_put(read);
    json_object_put(wanted);
    free(text);
}

Test(html, what_cannot_be_written_is_named)
{
    struct json_object *json = json_object_new_object();
    cr_expect_eq(ww_html_write("/nonexistent/page.html", WW_HTML_SWEEP, json, &error_), WW_EIO);
    cr_expect_not_null(strstr(error_.text, "/nonexistent/page.html"), "%s", error_.text);
    cr_expect_eq(ww_html_write("/dev/full", WW_HTML_SWEEP, json, &error_), WW_EIO);
    cr_expect_not_null(strstr(error_.text, "/dev/full"), "%s", error_.text);
    json_object_put(json);
}
