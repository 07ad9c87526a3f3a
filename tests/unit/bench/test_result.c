/* SPDX-License-Identifier: Apache-2.0 */
/* result.json and the report of made-up measurements, whose ratios are easy to see. */
#include "bench/result.h"

#include "engine/cli/local_files.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct ww_bench_options options_;
static struct ww_bench_result *result_;

static void set_node(uint32_t i, uint64_t scale)
{
    result_->change.nodes[i] = (struct ww_node_counts){
        .applied = 1000 * scale,
        .wal_bytes = 80000 * scale,
        .wal_writes = 10 * scale,
        .rx_frames = 50 * scale,
        .rx_bytes = 70000 * scale,
        .work_cycles = 200000 * scale,
        .empty_cycles = 600000 * scale,
        .cpu_ns = 100000 * scale,
    };
    result_->last.nodes[i] = (struct ww_node_sample){
        .pid = 1,
        .resident_bytes = 1 << 20,
        .status = json_tokener_parse("{\"memory\":{\"log_buffer\":4096}}"),
    };
}

static void set_up(void)
{
    options_ = (struct ww_bench_options){
        .replicas = 3,
        .inflight = 1,
        .payload = {.entry_bytes = 64, .seed = 1},
        .duration_ns = 2000000000,
    };
    ww_config_init(&options_.config);
    result_ = calloc(1, sizeof(*result_));
    result_->options = &options_;
    result_->entry_mean_bytes = 64;
    result_->environment = json_object_new_object();
    result_->load = json_tokener_parse(
        "{\"entries\":1000,\"bytes\":64000,\"elapsed_ns\":2000000000,\"cpu_ns\":500000,"
        "\"work_cycles\":1000,\"cycles\":10000,\"proposed\":1200,\"acknowledged\":1200,"
        "\"busy\":0,\"redirects\":0,\"resent\":3,\"drops\":0}");
    result_->intervals = json_tokener_parse("[{\"per_s\":1},{\"per_s\":2}]");
    ww_limits_init(&result_->limits);
    ww_histogram_reset(&result_->latency);
    ww_histogram_record(&result_->latency, 300, 990);
    ww_histogram_record(&result_->latency, 900, 10);
    ww_histogram_record(&result_->limits.wal_write, 200, 100);
    ww_histogram_record(&result_->limits.net_rtt, 50, 100);
    result_->limits.wal = (struct ww_limit_rate){1000000, 1};
    for (uint32_t i = 0; i < 3; i++)
        set_node(i, i + 1);
    result_->last.count = 3;
    result_->read_back = true;
    result_->verified = (struct ww_verified){true, 1200, 1200, 0, 0, ""};
}

static void tear_down(void)
{
    ww_cluster_sample_free(&result_->last);
    json_object_put(result_->environment);
    json_object_put(result_->load);
    json_object_put(result_->intervals);
    json_object_put(result_->injections);
    free(result_);
}

TestSuite(result, .init = set_up, .fini = tear_down);

static struct json_object *at(struct json_object *json, const char *part, const char *key)
{
    return json_object_object_get(json_object_object_get(json, part), key);
}

static double number(struct json_object *json, const char *part, const char *key)
{
    cr_assert_not_null(at(json, part, key), "%s.%s", part, key);
    return json_object_get_double(at(json, part, key));
}

Test(result, figures_have_their_denominators)
{
    struct json_object *json = ww_result_json(result_);
    cr_expect_float_eq(number(json, "commit", "per_s"), 500, 1e-9);
    cr_expect_float_eq(number(json, "commit", "bytes_per_s"), 32000, 1e-9);
    cr_expect_float_eq(number(json, "ratios", "commit_p50_over_wal_write_p50"), 1.5, 1e-9);
    cr_expect_float_eq(number(json, "ratios", "commit_p99_over_wal_write_p99"), 1.5, 1e-9);
    cr_expect_float_eq(number(json, "ratios", "wal_bytes_over_payload"), 1.25, 1e-9);
    cr_expect_float_eq(number(json, "ratios", "bandwidth_over_limit"), 0.096, 1e-9);
    cr_expect_float_eq(number(json, "wal", "bytes"), 480000, 1e-9);
    cr_expect_float_eq(number(json, "wal", "bytes_per_write_avg"), 8000, 1e-9);
    cr_expect_float_eq(number(json, "network", "overhead_bytes_per_entry"), 6, 1e-9);
    cr_expect_float_eq(number(json, "cpu", "work_cycles_per_entry_per_replica"), 200, 1e-9);
    cr_expect_float_eq(number(json, "cpu", "nodes_ns_per_entry"), 300, 1e-9);
    cr_expect_float_eq(number(json, "cpu", "load_ns_per_entry"), 500, 1e-9);
    cr_expect_float_eq(number(json, "cpu", "load_busy_fraction"), 0.1, 1e-9);
    struct json_object *busy = at(json, "cpu", "busy_fraction");
    cr_assert_eq(json_object_array_length(busy), 3);
    cr_expect_float_eq(json_object_get_double(json_object_array_get_idx(busy, 2)), 0.25, 1e-9);
    cr_expect_null(at(json, "ratios", "commit_p50_over_two_net_rtt_p50"));
    cr_expect_float_eq(number(json, "verified", "lost"), 0, 1e-9);
    json_object_put(json);
}

Test(result, what_was_not_measured_is_absent)
{
    options_.config.durability = WW_CONFIG_MEMORY;
    result_->read_back = false;
    ww_limits_init(&result_->limits);
    ww_histogram_record(&result_->limits.net_rtt, 50, 100);
    for (uint32_t i = 0; i < 3; i++)
        result_->change.nodes[i].wal_bytes = result_->change.nodes[i].wal_writes = 0;
    struct json_object *json = ww_result_json(result_);
    static const char *const ratios[] = {"commit_p50_over_wal_write_p50", "bandwidth_over_limit",
                                         "commit_p99_over_wal_write_p99", "wal_bytes_over_payload"};
    for (size_t i = 0; i < sizeof(ratios) / sizeof(ratios[0]); i++)
        cr_expect_null(at(json, "ratios", ratios[i]), "%s", ratios[i]);
    cr_expect_float_eq(number(json, "ratios", "commit_p50_over_two_net_rtt_p50"), 3, 1e-9);
    cr_expect_null(at(json, "limits", "wal_write"));
    cr_expect_null(at(json, "wal", "bytes_per_write_avg"));
    cr_expect_null(at(json, "verified", "lost"));
    cr_expect_not(json_object_get_boolean(at(json, "verified", "read_back")));
    cr_expect_null(json_object_object_get(json, "stages"));
    json_object_put(json);
}

Test(result, a_node_that_did_not_run_through_is_unknown)
{
    result_->last.nodes[1].pid = 0;
    result_->change.nodes[1] = (struct ww_node_counts){0};
    struct json_object *json = ww_result_json(result_);
    struct json_object *busy = at(json, "cpu", "busy_fraction");
    struct json_object *resident = at(json, "memory", "node_resident_bytes");
    for (size_t i = 0; i < 3; i++) {
        cr_expect_eq(json_object_array_get_idx(busy, i) == NULL, i == 1);
        cr_expect_eq(json_object_array_get_idx(resident, i) == NULL, i == 1);
    }
    cr_expect_float_eq(number(json, "ratios", "wal_bytes_over_payload"), 1.25, 1e-9,
                       "of the others alone");
    cr_expect_null(json_object_object_get(json, "injections"));
    json_object_put(json);
}

Test(result, commits_at_a_new_segment_stand_beside_the_others)
{
    struct json_object *json = ww_result_json(result_);
    cr_expect_null(json_object_object_get(json, "rotation"), "there was none");
    json_object_put(json);
    result_->rotations.measured = 2;
    ww_histogram_reset(&result_->rotations.crossing);
    ww_histogram_reset(&result_->rotations.others);
    ww_histogram_record(&result_->rotations.crossing, 600, 10);
    ww_histogram_record(&result_->rotations.others, 300, 990);
    json = ww_result_json(result_);
    cr_expect_float_eq(number(json, "rotation", "count"), 2, 1e-9);
    cr_expect_float_eq(number(json, "rotation", "crossing_commits"), 10, 1e-9);
    cr_expect_float_eq(number(json, "ratios", "rotation_p999_over_others_p999"), 2, 1e-9);
    json_object_put(json);
}

static void count_in_load(const char *key, uint64_t value)
{
    json_object_object_add(result_->load, key, json_object_new_uint64(value));
}

Test(result, open_loop_says_what_was_achieved)
{
    options_.rate = 1000;
    options_.clients = 2;
    count_in_load("behind_ns", 400000000);
    count_in_load("behind_max_ns", 30000000);
    count_in_load("pushed_back_ns", 2000000000);
    struct json_object *json = ww_result_json(result_);
    cr_expect_float_eq(number(json, "load", "behind_fraction"), 0.1, 1e-9);
    cr_expect_float_eq(number(json, "load", "behind_max_ns"), 30000000, 1e-9);
    cr_expect_float_eq(number(json, "load", "pushed_back_fraction"), 0.5, 1e-9);
    cr_expect_str_eq(json_object_get_string(at(json, "config", "loop")), "open");
    cr_expect_float_eq(number(json, "config", "achieved_rate"), 500, 1e-9);
    cr_expect_null(at(json, "config", "inflight"));
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    ww_report_print(json, file);
    fclose(file);
    cr_expect_not_null(strstr(text, "NOT REACHED"), "%s", text);
    cr_expect_not_null(strstr(text, "10.00 %  of the time it was late with an entry, by 30.0 ms"),
                       "%s", text);
    cr_expect_not_null(strstr(text, "50.00 %  of the time no more was taken"), "%s", text);
    free(text);
    json_object_put(json);
}

Test(result, report_shows_the_same_and_fits_a_terminal)
{
    options_.inject = "leader-kill@1500ms:2s,leader-transfer@2s";
    result_->injections = json_tokener_parse(
        "[{\"action\":\"leader-kill\",\"at_s\":1.5,\"node\":2,\"outage_ns\":450000000,"
        "\"outage_over_election_timeout\":0.75,\"down_ns\":2000000000},"
        "{\"action\":\"leader-transfer\",\"at_s\":2,\"node\":1,\"transfer_ns\":7000000}]");
    result_->verified.replicas_identical = false;
    result_->verified.lost = 7;
    strcpy(result_->verified.detail, "node 2: something");
    struct json_object *json = ww_result_json(result_);
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    ww_report_print(json, file);
    fclose(file);
    cr_expect_not_null(strstr(text, "VERIFICATION FAILED"), "%s", text);
    cr_expect_not_null(strstr(text, "7 lost"));
    cr_expect_not_null(strstr(text, "node 2: something"));
    cr_expect_not_null(strstr(text, "3 entries sent again"));
    cr_expect_not_null(strstr(text, "1.500"));
    cr_expect_not_null(strstr(text, "1.500 s         2    2.00 s    450 ms      0.75"), "%s", text);
    cr_expect_not_null(strstr(text, "2.000 s         1   7.00 ms   unknown"), "%s", text);
    cr_expect_not_null(strstr(text, "raft.election_max, 600ms"), "%s", text);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        cr_expect_leq(strlen(line), 100, "%s", line);
    free(text);
    json_object_put(json);
}

Test(result, files_agree)
{
    char directory[] = "result-test-XXXXXX", path[64], line[256];
    cr_assert_not_null(mkdtemp(directory));
    struct ww_error error;
    struct json_object *json = ww_result_json(result_);
    cr_assert_eq(ww_result_write(result_, json, directory, &error), WW_OK, "%s", error.text);
    json_object_put(json);

    snprintf(path, sizeof(path), "%s/result.json", directory);
    json = json_object_from_file(path);
    struct json_object *latency = at(json, "commit", "latency");
    double p50 = json_object_get_double(json_object_object_get(latency, "p50"));
    double p999 = json_object_get_double(json_object_object_get(latency, "p999"));

    snprintf(path, sizeof(path), "%s/commit.hgrm", directory);
    FILE *file = fopen(path, "r");
    double value, level, count, hgrm_p50 = 0, hgrm_p999 = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "%lf %lf %lf", &value, &level, &count) != 3)
            continue;
        hgrm_p50 = level <= 0.5 ? value : hgrm_p50;
        hgrm_p999 = value;
    }
    fclose(file);
    cr_expect_float_eq(p50, hgrm_p50, 1e-9);
    cr_expect_float_eq(p999, hgrm_p999, 1e-9);

    snprintf(path, sizeof(path), "%s/intervals.jsonl", directory);
    file = fopen(path, "r");
    int lines = 0;
    while (fgets(line, sizeof(line), file) != NULL)
        lines++;
    fclose(file);
    cr_expect_eq(lines, 2);
    json_object_put(json);
    ww_local_remove(directory);
}
