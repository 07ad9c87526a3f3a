/* SPDX-License-Identifier: Apache-2.0 */
/* Errors are values: a code, and on slow paths a sentence that gathers context on its way up. */
#ifndef WW_BASE_ERROR_H
#define WW_BASE_ERROR_H

#include <whitewater/status.h>

void ww_error_set(struct ww_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void ww_error_set_errno(struct ww_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Sets `error` (may be NULL) and gives `code`, so that a caller can `return ww_fail(...)`. A macro,
 * so that compiler and analyzer see that what comes back is the code, and thus not WW_OK.
 */
#define ww_fail(error, code, ...)                                                                  \
    ({                                                                                             \
        const int code_ = (code);                                                                  \
        ww_error_set((error), code_, __VA_ARGS__);                                                 \
        code_;                                                                                     \
    })

/* The same with ": " and strerror(errno) behind the sentence. */
#define ww_fail_errno(error, code, ...)                                                            \
    ({                                                                                             \
        const int code_ = (code);                                                                  \
        ww_error_set_errno((error), code_, __VA_ARGS__);                                           \
        code_;                                                                                     \
    })

/* Puts "context: " before the text and returns error->code. */
int ww_fail_context(struct ww_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
