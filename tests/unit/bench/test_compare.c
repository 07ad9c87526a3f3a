/* SPDX-License-Identifier: Apache-2.0 */
/* Comparisons of made-up results. */
#include "bench/compare.h"

#include "bench/compare_internal.h"
#include "bench/json.h"
#include "engine/base/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct ww_compare_options options_;
static struct ww_random random_;

static void set_up(void)
{
    options_ = (struct ww_compare_options){.confidence = 0.95, .seed = 1};
    random_ = (struct ww_random){42};
}

TestSuite(compare, .init = set_up);

/* Evenly spread by a twentieth around the value. */
static double about(double value)
{
    return value * (0.95 + 0.1 * (double)ww_random_range(&random_, 0, 1000) / 1000);
}

static struct json_object *interval(double per_s, double p99)
{
    char text[200];
    snprintf(text, sizeof(text),
             "{\"phase\":\"measure\",\"seconds\":1,\"per_s\":%f,\"p50\":%f,\"p99\":%f}", per_s,
             p99 / 3, p99);
    return json_tokener_parse(text);
}

static struct json_object *run(double per_s, double p99, uint32_t intervals)
{
    char text[1000];
    snprintf(
        text, sizeof(text),
        "{\"path\":\"x\",\"intervals\":[],\"result\":{\"version\":\"1\",\"conditions\":"
        "\"dsync on ext4, /dev/vda (write cache write back, no FUA); memif; 3 replicas; closed "
        "loop, 64 in flight, 22,968/s achieved; 4 polling threads on 2 cores\",\"config\":"
        "{\"durability\":\"dsync\",\"replicas\":3,\"seed\":%u},"
        "\"environment\":{\"cpu\":\"fast\",\"cores\":2},"
        "\"commit\":{\"per_s\":%f,\"latency\":{\"p50\":%f,\"p99\":%f}},"
        "\"limits\":{\"rounds\":[{\"counts\":true,\"wal_write\":{\"p50\":100}},"
        "{\"counts\":true,\"wal_write\":{\"p50\":102}},"
        "{\"counts\":false,\"wal_write\":{\"p50\":900}}]},"
        "\"cpu\":{\"work_cycles_per_entry_per_replica\":300},"
        "\"ratios\":{\"commit_p50_over_wal_write_p50\":%f},"
        "\"verified\":{\"replicas_identical\":true,\"lost\":0}}}",
        (unsigned)ww_random_range(&random_, 0, 100), per_s, p99 / 3, p99, p99 / 300);
    struct json_object *made = json_tokener_parse(text);
    cr_assert_not_null(made, "%s", text);
    for (uint32_t i = 0; i < intervals; i++)
        json_object_array_add(json_object_object_get(made, "intervals"),
                              interval(about(per_s), about(p99)));
    return made;
}

static struct json_object *side(uint32_t runs, double per_s, double p99)
{
    struct json_object *made = json_tokener_parse("{\"path\":\"x\",\"kind\":\"runs\",\"points\":"
                                                  "[{\"id\":\"\",\"settings\":null,\"runs\":[]}]}");
    struct json_object *point =
        json_object_array_get_idx(json_object_object_get(made, "points"), 0);
    for (uint32_t i = 0; i < runs; i++)
        json_object_array_add(json_object_object_get(point, "runs"),
                              runs == 1 ? run(per_s, p99, 8) : run(about(per_s), about(p99), 8));
    return made;
}

static struct json_object *result_of(struct json_object *made, size_t i)
{
    struct json_object *point =
        json_object_array_get_idx(json_object_object_get(made, "points"), 0);
    return json_object_object_get(json_object_array_get_idx(json_object_object_get(point, "runs"),
                                                            i),
                                  "result");
}

static struct json_object *metric(struct json_object *found, const char *name)
{
    struct json_object *metrics = json_object_object_get(found, "metrics");
    for (size_t i = 0; i < json_object_array_length(metrics); i++) {
        struct json_object *each = json_object_array_get_idx(metrics, i);
        if (strcmp(ww_json_text_or(each, "name", ""), name) == 0)
            return each;
    }
    cr_assert_fail("no %s", name);
    return NULL;
}

static struct json_object *compared(struct json_object *a, struct json_object *b, int expected,
                                    struct ww_error *error)
{
    struct json_object *found;
    cr_assert_eq(ww_compare(a, b, &options_, &found, error), expected, "%s", error->text);
    json_object_put(a);
    json_object_put(b);
    return found;
}

static const char *verdict_of(struct json_object *found, const char *name)
{
    return ww_json_text_or(metric(found, name), "verdict", "");
}

Test(compare, runs_of_one_program_are_mostly_the_same)
{
    struct ww_error error = {0};
    int same = 0;
    for (int i = 0; i < 40; i++) {
        struct json_object *found = compared(side(5, 1000, 300), side(5, 1000, 300), WW_OK, &error);
        same += strcmp(verdict_of(found, "p99"), "same") == 0;
        json_object_put(found);
    }
    cr_expect_geq(same, 35);
}

Test(compare, a_shift_is_found_on_both_sides_and_said_the_right_way_round)
{
    struct ww_error error = {0};
    struct json_object *found = compared(side(5, 1000, 300), side(5, 1300, 400), WW_OK, &error);
    cr_expect_str_eq(verdict_of(found, "throughput"), "better");
    cr_expect_str_eq(verdict_of(found, "p99"), "worse");
    cr_expect_str_eq(ww_json_text_or(metric(found, "p99"), "from", ""), "runs");
    cr_expect_float_eq(ww_json_number_at(metric(found, "p99"), "samples_b"), 5, 0);
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    ww_compare_print(found, file);
    fclose(file);
    cr_expect_not_null(strstr(text, "5 runs, Whitewater 1"), "%s", text);
    cr_expect_null(strstr(text, "WARNINGS"), "%s", text);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        cr_expect_leq(strlen(line), 100, "%s", line);
    free(text);
    double low = ww_json_number_at(metric(found, "throughput"), "low");
    double high = ww_json_number_at(metric(found, "throughput"), "high");
    cr_expect(low < 0.3 && high > 0.3, "%f..%f", low, high);
    json_object_put(found);
}

Test(compare, single_runs_are_held_against_each_other_by_their_intervals)
{
    struct ww_error error = {0};
    struct json_object *found = compared(side(1, 1000, 300), side(1, 1300, 300), WW_OK, &error);
    cr_expect_str_eq(ww_json_text_or(metric(found, "throughput"), "from", ""), "intervals");
    cr_expect_float_eq(ww_json_number_at(metric(found, "throughput"), "samples_a"), 8, 0);
    cr_expect_str_eq(verdict_of(found, "throughput"), "better");
    cr_expect_str_eq(verdict_of(found, "p99"), "same");
    cr_expect_str_eq(verdict_of(found, "p50_over_write"), "same");
    cr_expect_str_eq(verdict_of(found, "cycles"), "unknown", "there are none by the second");
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    ww_compare_print(found, file);
    fclose(file);
    cr_expect_not_null(strstr(text, "one run a side"), "%s", text);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        cr_expect_leq(strlen(line), 100, "%s", line);
    free(text);
    json_object_put(found);
}

Test(compare, a_single_run_is_given_the_spread_of_the_others)
{
    struct ww_error error = {0};
    struct json_object *found = compared(side(5, 1000, 300), side(1, 1030, 600), WW_OK, &error);
    cr_expect_str_eq(verdict_of(found, "throughput"), "same");
    cr_expect_str_eq(verdict_of(found, "p99"), "worse");
    json_object_put(found);
}

Test(compare, unlike_runs_are_refused_unless_that_is_meant)
{
    struct ww_error error = {0};
    static const struct {
        const char *allow;
        bool force;
        int status;
    } cases[] = {{NULL, false, WW_EINVAL},
                 {"config.replicas", false, WW_EINVAL},
                 {"durability,cpu", false, WW_OK},
                 {"config.durability,environment.cpu", false, WW_OK},
                 {NULL, true, WW_OK}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_object *a = side(2, 1000, 300), *b = side(2, 1000, 300);
        ww_json_put_text(ww_json_at(result_of(b, 1), "config"), "durability", "memory");
        ww_json_put_text(ww_json_at(result_of(b, 0), "environment"), "cpu", "slow");
        options_.allow = cases[i].allow;
        options_.force = cases[i].force;
        struct json_object *found = compared(a, b, cases[i].status, &error);
        struct json_object *differences = json_object_object_get(found, "differences");
        cr_assert_eq(json_object_array_length(differences), 2, "%zu", i);
        char *text = NULL;
        size_t size;
        FILE *file = open_memstream(&text, &size);
        ww_compare_print_differences(found, file);
        fclose(file);
        cr_expect_not_null(strstr(text, "environment.cpu"), "%s", text);
        cr_expect_not_null(strstr(text, "A: fast  B: slow"), "%s", text);
        free(text);
        json_object_put(found);
    }
}

Test(compare, keys_that_one_side_lacks_and_failed_verifications_are_differences)
{
    struct ww_error error = {0};
    struct json_object *a = side(1, 1000, 300), *b = side(1, 1000, 300);
    ww_json_put_text(ww_json_at(result_of(b, 0), "config"), "arrivals", "poisson");
    ww_json_put_count(ww_json_at(result_of(b, 0), "verified"), "lost", 1);
    struct json_object *found = compared(a, b, WW_EINVAL, &error);
    struct json_object *differences = json_object_object_get(found, "differences");
    cr_assert_eq(json_object_array_length(differences), 2);
    struct json_object *first = json_object_array_get_idx(differences, 0);
    cr_expect_str_eq(ww_json_text_or(first, "a", ""), "absent");
    cr_expect_str_eq(ww_json_text_or(first, "b", ""), "poisson");
    cr_expect_not_null(strstr(error.text, "--allow"));
    json_object_put(found);
    options_.allow = "colour";
    found = compared(side(1, 1, 1), side(1, 1, 1), WW_EINVAL, &error);
    cr_expect_not_null(strstr(error.text, "colour"), "%s", error.text);
    json_object_put(found);
}

Test(compare, gates_are_read_by_the_grammar)
{
    static const struct {
        const char *text, *wrong;
        double bound;
    } cases[] = {
        {"p99>+5%", NULL, 0.05},
        {"p99.9>+0.5%", NULL, 0.005},
        {"throughput<-3%", NULL, -0.03},
        {"p99>+100us", NULL, 100000},
        {"p99>2ms", NULL, 2000000},
        {"throughput<900k", NULL, 900000},
        {"p50_over_write>1.15", NULL, 1.15},
        {"cycles>+20", NULL, 20},
        {"p99", "METRIC>BOUND", 0},
        {"p98>+5%", "did you mean 'p9", 0},
        {"p99>5%", "has a sign", 0},
        {"p99>+5", "unknown unit", 0},
        {"p99>++5%", "has a sign", 0},
        {"p99>", "not a number", 0},
        {"p50_over_write>nan", "not a number", 0},
        {"throughput<many", "not a number", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ww_gate gate;
        struct ww_error error = {0};
        int status = ww_gate_parse(cases[i].text, &gate, &error);
        cr_assert_eq(status, cases[i].wrong == NULL ? WW_OK : WW_EINVAL, "%s: %s", cases[i].text,
                     error.text);
        if (cases[i].wrong != NULL)
            cr_expect_not_null(strstr(error.text, cases[i].wrong), "%s", error.text);
        else
            cr_expect_float_eq(gate.bound, cases[i].bound, 1e-9, "%s", cases[i].text);
    }
}

Test(compare, a_gate_fails_when_the_whole_interval_lies_behind_it)
{
    static const struct {
        const char *gate, *verdict;
        double change, low, high;
    } cases[] = {
        {"p99>+5%", "passed", 0.04, 0.01, 0.09},
        {"p99>+5%", "undecided", 0.06, 0.04, 0.09},
        {"p99>+5%", "failed", 0.08, 0.051, 0.12},
        {"p99>+5%", "undecided", 0.08, NAN, NAN},
        {"p99>+5%", "passed", -0.5, NAN, NAN},
        {"throughput<-3%", "failed", -0.05, -0.06, -0.04},
        {"throughput<-3%", "undecided", -0.05, -0.06, -0.02},
        {"throughput<-3%", "passed", 0.05, 0.02, 0.06},
        {"p99>+100ns", "failed", 0.2, 0.11, 0.3},
        {"p99>+100ns", "undecided", 0.2, 0.09, 0.3},
        {"p99>1us", "failed", 0.08, 0.05, 0.12},
        {"p99>1050ns", "undecided", 0.08, 0.05, 0.12},
        {"p99>2us", "passed", 0.08, 0.05, 0.12},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ww_gate gate;
        cr_assert_eq(ww_gate_parse(cases[i].gate, &gate, NULL), WW_OK);
        const struct ww_change change = {
            .metric = gate.metric,
            .a = 1000,
            .b = 1000 * (1 + cases[i].change),
            .change = cases[i].change,
            .low = cases[i].low,
            .high = cases[i].high,
            .b_low = 1000 * (1 + cases[i].low),
            .b_high = 1000 * (1 + cases[i].high),
        };
        cr_expect_str_eq(ww_gate_judge(&gate, &change), cases[i].verdict, "%zu", i);
    }
}

Test(compare, failed_gates_are_said_and_strict_ones_fail_undecided)
{
    struct ww_error error = {0};
    options_.gates = "p99>+5%,throughput<-50%,cycles>200";
    struct json_object *found = compared(side(5, 1000, 300), side(5, 1000, 400), WW_OK, &error);
    cr_expect(ww_compare_failed(found));
    struct json_object *gates = json_object_object_get(found, "gates");
    cr_assert_eq(json_object_array_length(gates), 3);
    static const char *const verdicts[] = {"passed", "failed", "failed"}; /* as metrics stand */
    for (size_t i = 0; i < 3; i++)
        cr_expect_str_eq(ww_json_text_or(json_object_array_get_idx(gates, i), "verdict", ""),
                         verdicts[i], "%zu", i);
    json_object_put(found);
    options_.gates = "cycles>200";
    for (int strict = 0; strict < 2; strict++) {
        options_.strict = strict;
        found = compared(side(1, 1000, 300), side(1, 1000, 300), WW_OK, &error);
        cr_expect_eq(ww_compare_failed(found), strict == 1);
        json_object_put(found);
    }
    options_.gates = "p99>5%";
    found = compared(side(1, 1000, 300), side(1, 1000, 300), WW_EINVAL, &error);
    json_object_put(found);
}
