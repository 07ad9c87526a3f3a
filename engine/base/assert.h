/* SPDX-License-Identifier: Apache-2.0 */
/* Assertions guard what the program itself guarantees, never input; they stay on in release. */
#ifndef WW_BASE_ASSERT_H
#define WW_BASE_ASSERT_H

_Noreturn void ww_assert_failed(const char *condition, const char *file, int line);

#define WW_ASSERT(condition)                                                                       \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            ww_assert_failed(#condition, __FILE__, __LINE__);                                      \
    } while (0)

#endif
