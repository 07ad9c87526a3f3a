/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_io/slot.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

Test(slot, first_free_then_busy)
{
    char dir[] = "/tmp/ww-slot-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    uint32_t slot;
    struct ww_lock locks[3];
    struct ww_error error;
    for (uint32_t k = 0; k < 2; k++) {
        cr_assert_eq(ww_slot_take(&locks[k], dir, 2, &slot, &error), WW_OK, "%s", error.text);
        cr_assert_eq(slot, k);
    }
    cr_assert_eq(ww_slot_take(&locks[2], dir, 2, &slot, &error), WW_EBUSY);
    ww_lock_release(&locks[0]);
    cr_assert_eq(ww_slot_take(&locks[0], dir, 2, &slot, &error), WW_OK);
    cr_assert_eq(slot, 0);
    ww_lock_release(&locks[0]);
    ww_lock_release(&locks[1]);
    cr_assert_eq(rmdir(dir), 0, "no file is left");
}

Test(slot, death_releases)
{
    char dir[] = "/tmp/ww-slot-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    int ready[2];
    cr_assert_eq(pipe(ready), 0);
    pid_t child = fork();
    uint32_t slot;
    struct ww_lock lock;
    struct ww_error error;
    if (child == 0) {
        char byte = (char)(ww_slot_take(&lock, dir, 1, &slot, &error) == WW_OK);
        if (write(ready[1], &byte, 1) == 1)
            pause();
        _exit(1);
    }
    char byte = 0;
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    cr_assert_eq(byte, 1);
    cr_assert_eq(ww_slot_take(&lock, dir, 1, &slot, &error), WW_EBUSY);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cr_assert_eq(ww_slot_take(&lock, dir, 1, &slot, &error), WW_OK, "%s", error.text);
    ww_lock_release(&lock);
    cr_assert_eq(rmdir(dir), 0);
}
