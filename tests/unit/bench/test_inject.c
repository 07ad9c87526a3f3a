/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/inject.h"

#include <criterion/criterion.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static struct ww_injections injections_;
static struct ww_error error_;

Test(inject, a_list_in_the_order_of_its_times)
{
    cr_assert_eq(ww_inject_parse("follower-pause@5s:2s,leader-kill@1500ms,leader-transfer@3s,"
                                 "follower-kill@6s:1s,leader-pause@0s:100ms",
                                 3, 10 * SECOND, &injections_, &error_),
                 WW_OK, "%s", error_.text);
    static const struct ww_injection wanted[] = {
        {WW_INJECT_LEADER_PAUSE, 0, SECOND / 10},
        {WW_INJECT_LEADER_KILL, 3 * SECOND / 2, 0},
        {WW_INJECT_LEADER_TRANSFER, 3 * SECOND, 0},
        {WW_INJECT_FOLLOWER_PAUSE, 5 * SECOND, 2 * SECOND},
        {WW_INJECT_FOLLOWER_KILL, 6 * SECOND, SECOND},
    };
    cr_assert_eq(injections_.count, 5);
    for (size_t i = 0; i < 5; i++) {
        cr_expect_eq(injections_.list[i].action, wanted[i].action, "%zu", i);
        cr_expect_eq(injections_.list[i].at_ns, wanted[i].at_ns, "%zu", i);
        cr_expect_eq(injections_.list[i].duration_ns, wanted[i].duration_ns, "%zu", i);
    }
}

Test(inject, what_is_wrong_is_named)
{
    static const struct {
        const char *text, *says;
        uint32_t replicas;
    } rows[] = {
        {"leader-kil@1s", "'leader-kil'; there are", 3},
        {"explode@1s", "follower-pause", 3},
        {"leader-kill", "ACTION@TIME", 3},
        {"leader-kill@", "time ''", 3},
        {"leader-kill@soon", "time 'soon'", 3},
        {"leader-kill@1s:", "duration ''", 3},
        {"leader-kill@1s:-1", "duration '-1'", 3},
        {"leader-kill@1s:0s", "duration is 0", 3},
        {"leader-kill@10s", "--duration", 3},
        {"leader-kill@9s:2s", "ends behind", 3},
        {"leader-pause@1s", "needs its length", 3},
        {"leader-transfer@1s:1s", "no duration", 3},
        {"follower-kill@1s", "--replicas 1", 1},
        {"leader-transfer@1s", "--replicas 1", 1},
        {"leader-kill@1s,", "--inject :", 3},
        {"", "ACTION@TIME", 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_eq(ww_inject_parse(rows[i].text, rows[i].replicas, 10 * SECOND, &injections_,
                                     &error_),
                     WW_EINVAL, "%s", rows[i].text);
        cr_expect_not_null(strstr(error_.text, rows[i].says), "%s: %s", rows[i].text, error_.text);
    }
    char many[64 * 20] = "leader-kill@0s";
    for (uint32_t i = 0; i < WW_BENCH_INJECTIONS_MAX; i++)
        strcat(many, ",leader-kill@1s");
    cr_expect_eq(ww_inject_parse(many, 3, 10 * SECOND, &injections_, &error_), WW_EINVAL);
    cr_expect_not_null(strstr(error_.text, "more than 16"), "%s", error_.text);
    memset(many, 'x', 100);
    cr_expect_eq(ww_inject_parse(many, 3, 10 * SECOND, &injections_, &error_), WW_EINVAL);
    cr_expect_not_null(strstr(error_.text, "too long"), "%s", error_.text);
}

/* ---- what came of them ---- */

static struct ww_injector injector_;

static void inject(uint32_t number, uint32_t node, uint64_t begin_ns, uint64_t end_ns)
{
    injector_.injected[number] = (struct ww_injected){node, begin_ns, end_ns};
}

static uint64_t count(struct json_object *row, const char *key)
{
    cr_assert(json_object_object_get_ex(row, key, NULL), "%s", key);
    return json_object_get_uint64(json_object_object_get(row, key));
}

Test(inject, the_outage_is_the_longest_gap_around_the_fault)
{
    cr_assert_eq(ww_inject_parse("leader-kill@1s:2s,follower-pause@4s:1s,leader-transfer@8s", 3,
                                 10 * SECOND, &injections_, &error_),
                 WW_OK);
    injector_ = (struct ww_injector){.injections = &injections_, .replicas = 3};
    ww_injector_start(&injector_, 100 * SECOND, 110 * SECOND);
    inject(0, 2, 101 * SECOND, 103 * SECOND);
    inject(1, 1, 104 * SECOND, 105 * SECOND);
    inject(2, 3, 108 * SECOND, 108 * SECOND + 7);
    struct ww_gap list[] = {
        {100 * SECOND, 100 * SECOND + SECOND / 2}, /* before all */
        {101 * SECOND - 5, 101 * SECOND + SECOND / 2},
        {102 * SECOND + SECOND / 2, 103 * SECOND + SECOND / 2}, /* too late to come of it */
        {104 * SECOND + 10, 104 * SECOND + 30},
    };
    const struct ww_gaps gaps = {list, sizeof(list) / sizeof(list[0])};
    struct json_object *rows = ww_injector_json(&injector_, &gaps, SECOND / 2);
    cr_assert_eq(json_object_array_length(rows), 3);
    struct json_object *row = json_object_array_get_idx(rows, 0);
    cr_expect_str_eq(json_object_get_string(json_object_object_get(row, "action")), "leader-kill");
    cr_expect_float_eq(json_object_get_double(json_object_object_get(row, "at_s")), 1, 1e-9);
    cr_expect_eq(count(row, "node"), 2);
    cr_expect_eq(count(row, "outage_ns"), SECOND / 2 + 5);
    cr_expect_eq(count(row, "down_ns"), 2 * SECOND);
    cr_expect_float_eq(json_object_get_double(
                           json_object_object_get(row, "outage_over_election_timeout")),
                       1, 1e-6);
    row = json_object_array_get_idx(rows, 1);
    cr_expect_eq(count(row, "outage_ns"), 20);
    cr_expect_eq(count(row, "pause_ns"), SECOND);
    row = json_object_array_get_idx(rows, 2);
    cr_expect_eq(count(row, "transfer_ns"), 7);
    cr_expect_not(json_object_object_get_ex(row, "outage_ns", NULL), "nobody saw any");
    json_object_put(rows);
}

Test(inject, an_outage_belongs_to_one_fault)
{
    cr_assert_eq(ww_inject_parse("leader-transfer@1s,leader-kill@1100ms", 3, 10 * SECOND,
                                 &injections_, &error_),
                 WW_OK);
    injector_ = (struct ww_injector){.injections = &injections_, .replicas = 3};
    ww_injector_start(&injector_, 100 * SECOND, 110 * SECOND);
    inject(0, 1, 101 * SECOND, 101 * SECOND + 1);
    inject(1, 2, 101 * SECOND + SECOND / 10, 105 * SECOND);
    struct ww_gap list[] = {{101 * SECOND + 1, 101 * SECOND + 50},
                            {101 * SECOND + SECOND / 10, 102 * SECOND}};
    const struct ww_gaps gaps = {list, 2};
    struct json_object *rows = ww_injector_json(&injector_, &gaps, SECOND);
    cr_expect_eq(count(json_object_array_get_idx(rows, 0), "outage_ns"), 49);
    cr_expect_eq(count(json_object_array_get_idx(rows, 1), "outage_ns"), 9 * SECOND / 10);
    json_object_put(rows);
}

Test(inject, nothing_is_due_before_the_measured_phase_has_begun)
{
    cr_assert_eq(ww_inject_parse("leader-kill@2s", 1, 10 * SECOND, &injections_, &error_), WW_OK);
    injector_ = (struct ww_injector){.injections = &injections_, .replicas = 1};
    cr_expect_eq(ww_injector_due_ns(&injector_), UINT64_MAX);
    cr_expect_eq(ww_injector_step(&injector_, UINT64_MAX, &error_), WW_OK);
    ww_injector_start(&injector_, 100 * SECOND, 110 * SECOND);
    cr_expect_eq(ww_injector_due_ns(&injector_), 102 * SECOND);
    cr_expect_eq(ww_injector_step(&injector_, 101 * SECOND, &error_), WW_OK);
    cr_expect_eq(ww_injector_step(&injector_, 110 * SECOND, &error_), WW_OK, "it is too late");
    cr_expect_eq(injector_.injected[0].begin_ns, 0);
    cr_expect_eq(ww_injector_finish(&injector_, &error_), WW_EIO, "it did not happen");
    cr_expect_not_null(strstr(error_.text, "leader-kill"));
}
