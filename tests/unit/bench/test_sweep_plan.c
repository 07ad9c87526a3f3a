/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void read_four_by_three(const char *more)
{
    char text[200];
    snprintf(text, sizeof(text), "name: x\nvary: {inflight: [1, 2, 3, 4]}\nrepeat: 3\n%s", more);
    cr_assert_eq(sweep_read_text(text), WW_OK, "%s", error_.text);
}

Test(sweep_plan, every_round_holds_every_point_once)
{
    read_four_by_three("seed: 5\n");
    struct ww_sweep_step *steps = ww_sweep_order(&sweep_);
    for (uint32_t round = 0; round < 3; round++) {
        uint32_t seen = 0;
        for (uint32_t i = 0; i < 4; i++) {
            cr_expect_eq(steps[round * 4 + i].repeat, round);
            seen |= 1u << steps[round * 4 + i].point;
        }
        cr_expect_eq(seen, 15, "round %u", round);
    }
    free(steps);
    ww_sweep_free(&sweep_);
}

Test(sweep_plan, the_order_follows_from_the_seed)
{
    read_four_by_three("seed: 5\n");
    struct ww_sweep_step *one = ww_sweep_order(&sweep_), *same = ww_sweep_order(&sweep_);
    size_t size = 12 * sizeof(*one);
    cr_expect_eq(memcmp(one, same, size), 0);
    sweep_.seed = 6;
    struct ww_sweep_step *other = ww_sweep_order(&sweep_);
    cr_expect_neq(memcmp(one, other, size), 0);
    cr_expect(memcmp(one, one + 4, 4 * sizeof(*one)) != 0, "rounds differ");
    sweep_.random = false;
    struct ww_sweep_step *listed = ww_sweep_order(&sweep_);
    for (uint32_t i = 0; i < 12; i++)
        cr_expect_eq(listed[i].point, i % 4);
    free(one);
    free(same);
    free(other);
    free(listed);
    ww_sweep_free(&sweep_);
}

Test(sweep_plan, every_order_is_as_likely)
{
    uint32_t first[4] = {0};
    read_four_by_three("");
    for (uint64_t seed = 0; seed < 400; seed++) {
        sweep_.seed = seed;
        struct ww_sweep_step *steps = ww_sweep_order(&sweep_);
        first[steps[0].point]++;
        free(steps);
    }
    for (uint32_t i = 0; i < 4; i++)
        cr_expect(first[i] > 60 && first[i] < 140, "point %u first in %u of 400", i, first[i]);
    ww_sweep_free(&sweep_);
}

Test(sweep_plan, words_are_those_of_ww_bench)
{
    cr_assert_eq(sweep_read_text("name: x\nload: {size: 64B, quick: true, slow: false}\n"
                                 "config: {wal.fixed_buffers: false}\n"
                                 "vary: {inflight: [1, 64]}\n"),
                 WW_OK, "%s", error_.text);
    static const char *const wanted[] = {"--size=64B", "--quick", "--wal.fixed_buffers=false",
                                         "--inflight=64"};
    uint32_t count;
    char **words = ww_sweep_words(&sweep_, 1, &count);
    cr_assert_eq(count, 4);
    for (uint32_t i = 0; i < 4; i++)
        cr_expect_str_eq(words[i], wanted[i]);
    cr_expect_null(words[4]);
    ww_sweep_words_free(words);
    ww_sweep_free(&sweep_);
}

Test(sweep_plan, the_configuration_of_a_point_is_that_of_all_and_its_own)
{
    struct ww_config config;
    cr_assert_eq(sweep_read_text("name: x\nconfig: {wal.block: 64KiB}\n"
                                 "vary: {wal.depth: [1, 4], inflight: [1]}\n"),
                 WW_OK, "%s", error_.text);
    cr_assert_eq(ww_sweep_config(&sweep_, 1, &config, &error_), WW_OK, "%s", error_.text);
    cr_expect_eq(config.write_depth, 4);
    cr_expect_eq(config.block_bytes, 65536);
    ww_sweep_free(&sweep_);
}

Test(sweep_plan, names_sort_as_their_numbers)
{
    char name[WW_SWEEP_RUN_NAME_MAX];
    ww_sweep_run_name((struct ww_sweep_step){.point = 0, .repeat = 0}, name);
    cr_expect_str_eq(name, "p001-r01");
    ww_sweep_run_name((struct ww_sweep_step){.point = 499, .repeat = 24}, name);
    cr_expect_str_eq(name, "p500-r25");
    cr_expect_str_eq(ww_sweep_point_id(41, name), "p042");
}
