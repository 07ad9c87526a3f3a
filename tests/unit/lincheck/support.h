/* SPDX-License-Identifier: Apache-2.0 */
/* What the checker's tests share. */
#ifndef WW_TESTS_LINCHECK_SUPPORT_H
#define WW_TESTS_LINCHECK_SUPPORT_H

#include "tests/lincheck/lincheck.h"

/* Checks a history given as text. */
struct ww_lincheck_result check_text(const char *text);

/* It is linearizable, or not, and then these lines (ascending, from 1) are the witness. */
void expect_linearizable(const char *text);
void expect_violation(const char *text, const char *why, size_t count, const size_t *lines);
#define EXPECT_VIOLATION(text, why, ...)                                                           \
    expect_violation(text, why, sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t),                  \
                     (size_t[]){__VA_ARGS__})

void read_text(const char *text, struct ww_history *history);

#endif
