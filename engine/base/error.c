/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const status_names[] = {
    "WW_OK",       "WW_EINVAL",   "WW_ENOMEM",   "WW_EIO",       "WW_EBUSY",    "WW_ENOTLEADER",
    "WW_EDAMAGED", "WW_EVERSION", "WW_EFOREIGN", "WW_ELOCKED",   "WW_ETIMEOUT", "WW_ETOOBIG",
    "WW_ENOSPC",   "WW_ECLOSED",  "WW_EGONE",    "WW_ENOTFOUND",
};

const char *ww_status_name(int status)
{
    int count = (int)(sizeof(status_names) / sizeof(status_names[0]));
    return status <= 0 && -status < count ? status_names[-status] : "unknown status";
}

void ww_error_set(struct ww_error *error, int code, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->text, sizeof(error->text), format, arguments);
        va_end(arguments);
        error->code = code;
    }
}

void ww_error_set_errno(struct ww_error *error, int code, const char *format, ...)
{
    int saved = errno;
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->text, sizeof(error->text), format, arguments);
        va_end(arguments);
        size_t used = strlen(error->text);
        snprintf(error->text + used, sizeof(error->text) - used, ": %s", strerror(saved));
        error->code = code;
    }
}

int ww_fail_context(struct ww_error *error, const char *format, ...)
{
    if (error == NULL)
        return WW_EINVAL;
    char before[sizeof(error->text)];
    memcpy(before, error->text, sizeof(before));
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    size_t used = strlen(error->text);
    snprintf(error->text + used, sizeof(error->text) - used, ": %.400s", before);
    return error->code;
}
