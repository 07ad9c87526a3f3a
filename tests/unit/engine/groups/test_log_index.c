/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/limits.h"
#include "engine/groups/log_index.h"

#include <criterion/criterion.h>

static bool add(struct ww_log_index *index, uint64_t first_index, uint64_t block, uint32_t offset,
                uint32_t bytes)
{
    struct ww_log_point batch = {first_index, block, first_index * 1000, offset};
    return ww_log_index_add(index, batch, bytes);
}

Test(log_index, a_point_every_stride_and_the_right_one_found)
{
    struct ww_log_index index = {0};
    uint64_t limit;
    cr_assert_null(ww_log_index_find(&index, 1, &limit));
    for (uint64_t i = 0; i < 1000; i++)
        cr_assert(add(&index, 1 + i * 10, i * 4096, 64, 4096));
    cr_assert_leq(index.count, 1 + 1000 * 4096 / WW_LOG_INDEX_STRIDE);
    for (uint64_t entry = 1; entry <= 10000; entry += 7) {
        const struct ww_log_point *point = ww_log_index_find(&index, entry, &limit);
        cr_assert_not_null(point);
        cr_assert_leq(point->first_index, entry);
        cr_assert_gt(limit, entry);
        cr_assert_eq(point->block, (point->first_index - 1) / 10 * 4096);
    }
    ww_log_index_free(&index);
}

Test(log_index, a_truncation_is_always_a_point)
{
    struct ww_log_index index = {0};
    uint64_t limit;
    add(&index, 1, 0, 64, 100);   /* 1..10 */
    add(&index, 11, 0, 164, 100); /* 11..20, of a term that loses */
    ww_log_index_truncate(&index, 15);
    add(&index, 15, 4096, 64, 100);
    const struct ww_log_point *point = ww_log_index_find(&index, 14, &limit);
    cr_assert_eq(point->block, 0);
    cr_assert_eq(limit, 15, "what is read from the old place ends before the new one");
    point = ww_log_index_find(&index, 15, &limit);
    cr_assert_eq(point->block, 4096);
    cr_assert_eq(limit, UINT64_MAX);
    ww_log_index_truncate(&index, 1);
    cr_assert_eq(index.count, 0);
    ww_log_index_free(&index);
}

Test(log_index, compaction_keeps_the_point_that_serves_the_first_entry)
{
    struct ww_log_index index = {0};
    uint64_t limit;
    ww_log_index_compact(&index, 10);
    for (uint64_t i = 0; i < 5; i++)
        cr_assert(add(&index, 1 + i * 10, i * 4096, 64, WW_LOG_INDEX_STRIDE));
    ww_log_index_compact(&index, 20);
    cr_assert_eq(index.count, 4);
    cr_assert_null(ww_log_index_find(&index, 10, &limit));
    cr_assert_eq(ww_log_index_find(&index, 20, &limit)->block, 1 * 4096);
    ww_log_index_compact(&index, 21);
    cr_assert_eq(index.count, 3);
    cr_assert_eq(ww_log_index_find(&index, 21, &limit)->block, 2 * 4096);
    ww_log_index_compact(&index, 1000);
    cr_assert_eq(ww_log_index_find(&index, 45, &limit)->block, 4 * 4096, "the last one stays");
    cr_assert(add(&index, 51, 5 * 4096, 64, 100));
    ww_log_index_free(&index);
}

Test(log_index, the_first_batch_in_a_segment_is_a_point)
{
    struct ww_log_index index = {.segment_bytes = 65536};
    for (uint64_t i = 0; i < 20; i++)
        cr_assert(add(&index, 1 + i, i * 16384, 64, 100));
    cr_assert_eq(index.count, 5);
    for (uint64_t i = 0; i < 5; i++)
        cr_assert_eq(index.points[i].block, i * 65536);
    ww_log_index_free(&index);
}

Test(log_index, a_cut_takes_what_lies_below_and_never_more)
{
    struct ww_log_index index = {.segment_bytes = 65536};
    cr_assert_eq(ww_log_index_cut(&index, 1000000, 0, 1), 1, "nothing is there");
    for (uint64_t i = 0; i < 10; i++) /* entry 1 + i at i * 32 KiB, of time (1 + i) us */
        cr_assert(add(&index, 1 + i, i * 32768, 64, WW_LOG_INDEX_STRIDE));
    cr_assert_eq(ww_log_index_cut(&index, 0, 0, 11), 1);
    cr_assert_eq(ww_log_index_cut(&index, 32768, 0, 11), 1, "its block may reach so far");
    cr_assert_eq(ww_log_index_cut(&index, 32768 + 64, 0, 11), 2);
    cr_assert_eq(ww_log_index_cut(&index, 4 * 32768 + 63, 0, 11), 4);
    cr_assert_eq(ww_log_index_cut(&index, 9 * 32768 + 64, 0, 11), 10);
    cr_assert_eq(ww_log_index_cut(&index, 10 * 32768 - 1, 0, 11), 10, "others may follow it");
    cr_assert_eq(ww_log_index_cut(&index, 10 * 32768, 0, 11), 11, "but not in the next segment");
    ww_log_index_free(&index);
}

Test(log_index, a_cut_takes_what_is_older)
{
    struct ww_log_index index = {.segment_bytes = 65536};
    for (uint64_t i = 0; i < 10; i++)
        cr_assert(add(&index, 1 + i, i * 4096, 64, WW_LOG_INDEX_STRIDE));
    cr_assert_eq(ww_log_index_cut(&index, 0, 999, 11), 1);
    cr_assert_eq(ww_log_index_cut(&index, 0, 4999, 11), 4);
    cr_assert_eq(ww_log_index_cut(&index, 0, 5000, 11), 5);
    cr_assert_eq(ww_log_index_cut(&index, 7 * 4096 + 64, 5000, 11), 8, "the farther limit counts");
    cr_assert_eq(ww_log_index_cut(&index, 0, UINT64_MAX, 11), 10, "not what may be the newest");
    ww_log_index_free(&index);
}
