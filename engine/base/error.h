/* SPDX-License-Identifier: Apache-2.0 */
/* Errors are values: a code, and on slow paths a sentence that gathers context on its way up. */
#ifndef WW_BASE_ERROR_H
#define WW_BASE_ERROR_H

#include <whitewater/status.h>

/* Sets `error` (may be NULL) and returns `code`, so that a caller can `return ww_fail(...)`. */
int ww_fail(struct ww_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with ": " and strerror(errno) behind the sentence. */
int ww_fail_errno(struct ww_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the text and returns error->code. */
int ww_fail_context(struct ww_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
