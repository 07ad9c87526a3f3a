/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void ww_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "ww: %s:%d: assertion failed: %s\n", file, line, condition);
    abort();
}
