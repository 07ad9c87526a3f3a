/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/rotation.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define MS UINT64_C(1000000)

static struct ww_rotations *rotations_;

static void set_up(void)
{
    rotations_ = calloc(1, sizeof(*rotations_));
}

static void tear_down(void)
{
    free(rotations_);
}

TestSuite(rotation, .init = set_up, .fini = tear_down);

static struct ww_load_commit commit(uint64_t sent_ns, uint64_t answered_ns, uint32_t count)
{
    return (struct ww_load_commit){answered_ns, (uint32_t)(answered_ns - sent_ns), count};
}

Test(rotation, a_commit_crosses_when_it_was_under_way_or_began_just_behind)
{
    rotations_->times_ns[0] = 5000 * MS; /* not in order: they come node by node */
    rotations_->times_ns[1] = 1000 * MS;
    rotations_->times_ns[2] = 10 * MS; /* before the first commit */
    rotations_->count = 3;
    const struct ww_load_commit commits[] = {
        commit(990 * MS, 999 * MS, 1),                                  /* before it */
        commit(999 * MS, 1001 * MS, 10),                                /* under way */
        commit(1000 * MS, 1000 * MS, 100),                              /* at the same time */
        commit(1000 * MS + WW_ROTATION_WINDOW_NS, 1010 * MS, 1000),     /* still touched */
        commit(1000 * MS + WW_ROTATION_WINDOW_NS + 1, 1010 * MS, 2),    /* no more */
        commit(1000 * MS + 2 * WW_ROTATION_WINDOW_NS, 5001 * MS, 3000), /* the other */
        commit(6000 * MS, 6001 * MS, 4),
    };
    ww_rotations_sort(rotations_);
    ww_rotations_count(rotations_, 990 * MS, 4000 * MS);
    ww_rotations_count(rotations_, 4500 * MS, 6001 * MS);
    ww_rotations_divide(rotations_, commits, sizeof(commits) / sizeof(commits[0]));
    cr_expect_eq(rotations_->crossing.count, 4110);
    cr_expect_eq(rotations_->others.count, 7);
    cr_expect_eq(rotations_->measured, 2);
    cr_expect_eq(rotations_->others.max, 9 * MS);
}

Test(rotation, without_rotations_all_are_others)
{
    const struct ww_load_commit one = commit(100 * MS, 101 * MS, 5);
    ww_rotations_sort(rotations_);
    ww_rotations_divide(rotations_, &one, 1);
    cr_expect_eq(rotations_->crossing.count, 0);
    cr_expect_eq(rotations_->others.count, 5);
    cr_expect_eq(rotations_->measured, 0);
    ww_rotations_divide(rotations_, NULL, 0);
    cr_expect_eq(rotations_->others.count, 5);
}

Test(rotation, who_does_not_answer_is_said)
{
    struct ww_error error;
    cr_expect_eq(ww_rotations_ask(rotations_, "127.0.0.1:1", &error), WW_ETIMEOUT);
    cr_expect_eq(ww_rotations_read(rotations_, "/nonexistent", 1, &error), WW_EIO);
}
