/* SPDX-License-Identifier: Apache-2.0 */
/* Tries every order of a few operations of one key: slow, and too simple to be wrong. */
#ifndef WW_TESTS_LINCHECK_BRUTE_FORCE_H
#define WW_TESTS_LINCHECK_BRUTE_FORCE_H

#include "tests/lincheck/history.h"

#define BRUTE_FORCE_MAX 8u

bool brute_force_linearizable(const struct ww_history *history);

#endif
