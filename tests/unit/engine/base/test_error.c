/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/error.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

Test(error, every_status_has_its_own_name)
{
    for (int status = WW_ENOTFOUND; status <= WW_OK; status++) {
        cr_assert(strncmp(ww_status_name(status), "WW_", 3) == 0, "%d", status);
        for (int other = status + 1; other <= WW_OK; other++)
            cr_assert_str_neq(ww_status_name(status), ww_status_name(other));
    }
    cr_assert_str_eq(ww_status_name(WW_ENOTFOUND), "WW_ENOTFOUND");
    cr_assert_str_eq(ww_status_name(WW_EBUSY), "WW_EBUSY");
}

Test(error, unknown_statuses_have_a_name_too)
{
    cr_assert_str_eq(ww_status_name(1), "unknown status");
    cr_assert_str_eq(ww_status_name(WW_ENOTFOUND - 1), "unknown status");
}

Test(error, context_is_put_before_the_sentence)
{
    struct ww_error error;
    cr_assert_eq(ww_fail(&error, WW_EBUSY, "the window is %s", "full"), WW_EBUSY);
    cr_assert_eq(ww_fail_context(&error, "group %d", 7), WW_EBUSY);
    cr_assert_str_eq(error.text, "group 7: the window is full");
    cr_assert_eq(error.code, WW_EBUSY);
}

Test(error, errno_is_put_behind_the_sentence)
{
    struct ww_error error;
    errno = ENOENT;
    cr_assert_eq(ww_fail_errno(&error, WW_EIO, "open x"), WW_EIO);
    cr_assert_str_eq(error.text, "open x: No such file or directory");
}

Test(error, long_sentences_are_cut_and_terminated)
{
    struct ww_error error;
    char text[2 * sizeof(error.text)];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    ww_fail(&error, WW_EIO, "%s", text);
    cr_assert_eq(strlen(error.text), sizeof(error.text) - 1);
    ww_fail_context(&error, "%s", text);
    cr_assert_eq(strlen(error.text), sizeof(error.text) - 1);
}

Test(error, nobody_need_listen)
{
    cr_assert_eq(ww_fail(NULL, WW_EBUSY, "unheard"), WW_EBUSY);
    cr_assert_eq(ww_fail_errno(NULL, WW_EIO, "unheard"), WW_EIO);
}
