/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/interval.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct ww_histogram *latency_;
static struct ww_error error_;

/* What was visited: "round.phase.number:count in_flight begin-end;" each. */
static char visited_[1024];

static void visit(void *context, const struct ww_interval *interval,
                  const struct ww_histogram *latency)
{
    size_t used = strlen(visited_);
    cr_expect_str_eq(context, "context");
    snprintf(visited_ + used, sizeof(visited_) - used, "%u.%u.%lu:%lu %lu %lu-%lu;",
             interval->round, interval->phase, interval->number, latency->count,
             interval->in_flight, interval->begin_ns, interval->end_ns);
}

static struct ww_interval_merge merge_;

static void set_up(void)
{
    latency_ = malloc(sizeof(*latency_));
    ww_histogram_reset(latency_);
    visited_[0] = 0;
    merge_ = (struct ww_interval_merge){.processes = 2, .visit = visit, .context = "context"};
}

static void tear_down(void)
{
    ww_interval_merge_end(&merge_, 0);
    free(latency_);
}

TestSuite(interval, .init = set_up, .fini = tear_down);

static void add(uint32_t process, uint32_t round, uint32_t phase, uint64_t number, uint64_t count)
{
    ww_histogram_reset(latency_);
    ww_histogram_record(latency_, 100, count);
    struct ww_interval interval = {
        round, phase, number, 10 * number + process, 10 * number + 9 + process, 3};
    cr_assert_eq(ww_interval_merge_add(&merge_, process, &interval, latency_, &error_), WW_OK);
}

Test(interval, comes_back_from_a_file)
{
    struct ww_interval interval = {2, WW_LOAD_MEASURE, 3, 4, 5, 6}, back;
    struct ww_histogram *other = malloc(sizeof(*other));
    FILE *file = tmpfile();
    cr_assert_not_null(file);
    for (uint64_t i = 0; i < 5; i++) {
        ww_histogram_record(latency_, 1000 * i * i, i + 1);
        cr_assert_eq(ww_interval_write(file, &interval, latency_, &error_), WW_OK);
    }
    rewind(file);
    for (uint64_t i = 0; i < 5; i++) {
        memset(other, 0xff, sizeof(*other));
        cr_assert_eq(ww_interval_read(file, &back, other, &error_), WW_OK, "%s", error_.text);
        cr_expect_eq(memcmp(&back, &interval, sizeof(back)), 0);
        cr_expect_eq(other->count, (i + 1) * (i + 2) / 2);
    }
    cr_expect_eq(memcmp(other, latency_, sizeof(*other)), 0);
    cr_expect_eq(ww_interval_read(file, &back, other, &error_), WW_EIO, "there is no more");
    fclose(file);
    free(other);
}

Test(interval, a_second_is_complete_when_all_processes_have_it)
{
    add(0, 1, WW_LOAD_MEASURE, 0, 5);
    cr_expect_str_eq(visited_, "");
    add(1, 1, WW_LOAD_MEASURE, 0, 7);
    cr_expect_str_eq(visited_, "1.2.0:12 6 0-10;");
}

Test(interval, a_process_that_was_held_up_is_not_waited_for)
{
    add(1, 1, WW_LOAD_MEASURE, 0, 1);
    add(1, 1, WW_LOAD_MEASURE, 1, 1);
    add(1, 1, WW_LOAD_MEASURE, 2, 1);
    cr_expect_str_eq(visited_, "");
    add(0, 1, WW_LOAD_MEASURE, 0, 1);
    add(0, 1, WW_LOAD_MEASURE, 2, 1);
    cr_expect_str_eq(visited_, "1.2.0:2 6 0-10;1.2.1:1 3 11-20;1.2.2:2 6 20-30;");
}

Test(interval, phases_and_rounds_follow_each_other)
{
    add(0, 1, WW_LOAD_WARMUP, 9, 1);
    add(0, 1, WW_LOAD_MEASURE, 0, 1);
    add(0, 2, WW_LOAD_RAMP, 0, 1);
    add(1, 1, WW_LOAD_MEASURE, 0, 1);
    cr_expect_str_eq(visited_, "1.0.9:1 3 90-99;1.2.0:2 6 0-10;");
    visited_[0] = 0;
    ww_interval_merge_end(&merge_, 1);
    cr_expect_str_eq(visited_, "2.1.0:1 3 0-9;", "what is left, at the end");
}
