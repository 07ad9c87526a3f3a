/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/nearest.h"

#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>

Test(nearest, distance_counts_changed_added_and_missing_letters)
{
    cr_assert_eq(ww_edit_distance("", ""), 0);
    cr_assert_eq(ww_edit_distance("wal", ""), 3);
    cr_assert_eq(ww_edit_distance("", "wal"), 3);
    cr_assert_eq(ww_edit_distance("durability", "durabilty"), 1);
    cr_assert_eq(ww_edit_distance("kitten", "sitting"), 3);
}

Test(nearest, long_words_are_compared_by_their_beginning)
{
    char long_word[200];
    memset(long_word, 'x', sizeof(long_word) - 1);
    long_word[sizeof(long_word) - 1] = 0;
    cr_assert_eq(ww_edit_distance(long_word, long_word), 0);
    cr_assert_eq(ww_edit_distance(long_word, ""), 63);
}

Test(nearest, the_first_of_the_nearest_is_taken)
{
    const char *nearest = NULL;
    size_t distance = SIZE_MAX;
    const char *const candidates[] = {"status", "start", "stat"};
    for (size_t i = 0; i < 3; i++)
        ww_nearest_offer("stats", candidates[i], &nearest, &distance);
    cr_assert_str_eq(nearest, "status");
    cr_assert_eq(distance, 1);
}
