/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/json_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The whole file with a zero behind it; NULL with `error` filled. */
static char *read_text(const char *path, struct ww_error *error)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;
    if (file == NULL) {
        ww_fail_errno(error, WW_EINVAL, "%s", path);
        return NULL;
    }
    ssize_t length = getdelim(&text, &size, 0, file); /* JSON holds no zero byte */
    if (length < 0 && ferror(file)) {
        ww_fail_errno(error, WW_EINVAL, "%s", path);
        free(text);
        text = NULL;
    } else if (length < 0) { /* empty */
        free(text);
        text = strdup("");
    } else if (!feof(file) && getc(file) != EOF) {
        ww_fail(error, WW_EDAMAGED, "%s: a zero byte at offset %zd", path, length - 1);
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

static size_t line_of(const char *text, const char *at)
{
    size_t line = 1;
    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

/* One value that takes all of text[0, length); `line` is that of its begin. */
static int parse(const char *path, size_t line, const char *text, size_t length,
                 struct json_object **json, struct ww_error *error)
{
    struct json_tokener *tokener = json_tokener_new();
    if (tokener == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        length--;
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    *json = json_tokener_parse_ex(tokener, text, (int)length);
    enum json_tokener_error why = json_tokener_get_error(tokener);
    line += line_of(text, text + json_tokener_get_parse_end(tokener)) - 1;
    json_tokener_free(tokener);
    if (why == json_tokener_success && *json != NULL)
        return WW_OK;
    return ww_fail(error, WW_EDAMAGED, "%s:%zu: %s", path, line,
                   why == json_tokener_success || why == json_tokener_continue
                       ? "the JSON ends early"
                       : json_tokener_error_desc(why));
}

int ww_json_read(const char *path, struct json_object **json, struct ww_error *error)
{
    char *text = read_text(path, error);
    *json = NULL;
    if (text == NULL)
        return error->code;
    int status = parse(path, 1, text, strlen(text), json, error);
    free(text);
    return status;
}

int ww_json_lines_read(const char *path, struct json_object **json, struct ww_error *error)
{
    char *text = read_text(path, error);
    *json = NULL;
    if (text == NULL)
        return error->code;
    struct json_object *list = json_object_new_array();
    int status = WW_OK;
    size_t line = 1;
    for (const char *at = text; *at != 0 && status == WW_OK; line++) {
        size_t length = strcspn(at, "\n");
        struct json_object *object = NULL;
        status = parse(path, line, at, length, &object, error);
        if (status == WW_OK)
            json_object_array_add(list, object);
        at += length + (at[length] == '\n');
    }
    free(text);
    if (status != WW_OK)
        json_object_put(list);
    else
        *json = list;
    return status;
}
