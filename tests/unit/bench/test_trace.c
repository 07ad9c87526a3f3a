/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes and load generator say of sampled entries, joined and summed up. */
#include "bench/trace.h"

#include "engine/cli/local_files.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct ww_traces traces;
static struct ww_error error;

static void set_up(void)
{
    traces = (struct ww_traces){.every = 8};
}

static void tear_down(void)
{
    ww_traces_free(&traces);
}

TestSuite(trace_join, .init = set_up, .fini = tear_down);

/* [group, index, point, peer, ns] of both, one of three replicas beside them. `late` is what the
 * follower's write takes longer. */
static void add_texts(uint32_t group, uint64_t index, uint64_t late)
{
    static const char leader[] = "{\"node\":1,\"records\":["
                                 "[%u,%lu,0,0,1000],[%u,%lu,1,2,1010],[%u,%lu,2,0,1020],"
                                 "[%u,%lu,3,0,1030],[%u,%lu,4,0,1330],[%u,%lu,5,0,1350],"
                                 "[%u,%lu,7,2,%lu],[%u,%lu,8,0,%lu],[%u,%lu,9,0,2010],"
                                 "[%u,%lu,10,0,2020],[%u,%lu,11,0,2030],[%u,%lu,12,0,2040]]}";
    static const char follower[] = "{\"node\":2,\"records\":["
                                   "[%u,%lu,0,0,1050],[%u,%lu,2,0,1060],[%u,%lu,3,0,1070],"
                                   "[%u,%lu,4,0,%lu],[%u,%lu,6,0,%lu]]}";
    uint32_t g = group;
    uint64_t i = index, written = 1270 + late, acked = written + 30;
    uint64_t committed = acked > 1350 ? acked + 1 : 1351;
    char *text = NULL;
    cr_assert_geq(asprintf(&text, leader, g, i, g, i, g, i, g, i, g, i, g, i, g, i, acked, g, i,
                           committed, g, i, g, i, g, i, g, i),
                  0);
    cr_assert_eq(ww_traces_add_text(&traces, text, &error), WW_OK);
    cr_assert_geq(asprintf(&text, follower, g, i, g, i, g, i, g, i, written, g, i, written + 10),
                  0);
    cr_assert_eq(ww_traces_add_text(&traces, text, &error), WW_OK);
}

static void add_load(uint64_t group, uint64_t index)
{
    struct ww_load_trace_record record = {index, 800, 900, 2140, group};
    cr_assert_eq(ww_traces_add_load(&traces, &record, 1, &error), WW_OK);
}

static double number(struct json_object *json, const char *part, const char *key)
{
    struct json_object *value = json_object_object_get(json_object_object_get(json, part), key);
    cr_assert_not_null(value, "%s.%s", part, key);
    return json_object_get_double(value);
}

Test(trace_join, entries_are_joined_by_group_and_index)
{
    add_load(1, 16);
    add_load(0, 16);
    add_load(0, 8);
    add_texts(0, 8, 200);
    add_texts(1, 16, 0);
    add_texts(3, 8, 0); /* nobody saw its answer while it was measured */
    cr_assert_eq(ww_traces_join(&traces, 3, &error), WW_OK, "%s", error.text);
    const struct ww_trace_summary *summary = traces.summary;
    cr_expect_eq(summary->samples, 2);
    cr_expect_eq(summary->incomplete, 1, "the nodes told nothing of it");
    cr_expect_eq(summary->by_leader, 1);
    cr_expect_eq(summary->by_follower[2], 1);
    cr_expect_eq(summary->way_ns[WW_WAY_FOLLOWER_WRITE], 400);
    cr_expect_eq(summary->way_ns[WW_WAY_WAL_WRITE], 300);
    cr_expect_eq(summary->on_way[WW_WAY_WAL_WRITE], 1);
    cr_expect_eq(summary->took[WW_WAY_WAL_WRITE].count, 2, "on the way or beside it");
    cr_expect_eq(summary->took[WW_WAY_APPLY].count, 2);
    uint64_t all_ns = 0;
    for (uint32_t stage = 0; stage < WW_WAY_STAGES; stage++)
        all_ns += summary->way_ns[stage];
    cr_expect_eq(all_ns, 2 * (2140 - 800), "the stages of all ways add up to their latencies");
}

Test(trace_join, what_is_repeated_counts_from_the_first_time)
{
    add_load(0, 8);
    add_texts(0, 8, 200);
    cr_assert_eq(ww_traces_add_text(
                     &traces, strdup("{\"node\":1,\"records\":[[0,8,1,2,1500],[0,8,7,2,9999]]}"),
                     &error),
                 WW_OK);
    cr_assert_eq(ww_traces_join(&traces, 3, &error), WW_OK);
    cr_expect_eq(traces.summary->samples, 1);
    cr_expect_eq(traces.summary->way_ns[WW_WAY_LEADER_SEND], 10);
}

Test(trace_join, times_that_contradict_each_other_are_counted_apart)
{
    add_load(0, 8);
    cr_assert_eq(ww_traces_add_text(&traces, strdup("{\"node\":2,\"records\":[[0,8,0,0,1009]]}"),
                                    &error),
                 WW_OK);
    add_texts(0, 8, 200);
    cr_assert_eq(ww_traces_join(&traces, 3, &error), WW_OK);
    cr_expect_eq(traces.summary->disordered, 1, "it arrived before it was sent");
    cr_expect_eq(traces.summary->samples, 0);
    struct json_object *json = json_object_new_object();
    ww_trace_put_stages(json, &traces);
    cr_expect_null(json_object_object_get(json, "stages"));
    cr_expect_eq(number(json, "critical_path", "disordered"), 1);
    cr_expect_null(json_object_object_get(json_object_object_get(json, "critical_path"), "limit"));
    json_object_put(json);
}

Test(trace_join, answers_that_make_no_sense_are_refused)
{
    static const char *const bad[] = {
        "",
        "{}",
        "{\"node\":0,\"records\":[]}",
        "{\"node\":8,\"records\":[]}",
        "{\"node\":1,\"records\":3}",
        "{\"node\":1,\"records\":[[0,8,1,2]]}",
        "{\"node\":1,\"records\":[[0,8,13,0,5]]}",
        "{\"node\":1,\"records\":[[0,8,1,8,5]]}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ww_traces_free(&traces);
        set_up();
        add_load(0, 8);
        cr_assert_eq(ww_traces_add_text(&traces, strdup(bad[i]), &error), WW_OK);
        cr_expect_eq(ww_traces_join(&traces, 3, &error), WW_EIO, "%s", bad[i]);
    }
}

Test(trace_join, a_node_that_does_not_answer_is_counted)
{
    cr_assert_eq(ww_traces_drain(&traces, "127.0.0.1:1", &error), WW_OK);
    cr_expect_eq(traces.missed, 1);
    cr_assert_eq(ww_traces_join(&traces, 3, &error), WW_OK);
    struct json_object *json = json_object_new_object();
    ww_trace_put_stages(json, &traces);
    cr_expect_eq(number(json, "critical_path", "missed_answers"), 1);
    json_object_put(json);
}

Test(trace_join, nothing_is_said_where_nothing_was_traced)
{
    struct json_object *json = json_object_new_object();
    traces.every = 0;
    cr_assert_eq(ww_traces_drain(&traces, "127.0.0.1:1", &error), WW_OK);
    cr_assert_eq(ww_traces_read_load(&traces, "no-such-file", &error), WW_OK);
    cr_assert_eq(ww_traces_join(&traces, 3, &error), WW_OK);
    ww_trace_put_stages(json, &traces);
    cr_expect_eq(json_object_object_length(json), 0);
    cr_expect_eq(traces.missed, 0);
    json_object_put(json);
}

Test(trace_join, shares_add_up_and_the_largest_is_named)
{
    add_load(0, 8);
    add_load(0, 16);
    add_texts(0, 8, 200);
    add_texts(0, 16, 300);
    cr_assert_eq(ww_traces_join(&traces, 3, &error), WW_OK);
    struct json_object *json = json_object_new_object();
    ww_trace_put_stages(json, &traces);
    double share = 0;
    const char *before = "";
    json_object_object_foreach(json_object_object_get(json, "stages"), name, stage)
    {
        share += json_object_get_double(json_object_object_get(stage, "share"));
        cr_expect(strcmp(name, "wal_write") != 0 || strcmp(before, "wal_queue") == 0,
                  "in the order of the way");
        before = name;
    }
    cr_expect_float_eq(share, 1, 1e-4);
    cr_expect_str_eq(before, "leader_to_client");
    struct json_object *path = json_object_object_get(json, "critical_path");
    cr_expect_str_eq(json_object_get_string(json_object_object_get(path, "limit")),
                     "commit_to_apply");
    cr_expect_float_eq(number(json, "critical_path", "mean_ns"), 1340, 1e-9);
    cr_expect_float_eq(number(json, "critical_path", "limit_share"), 460 / 1340.0, 1e-5);
    cr_expect_eq(json_object_get_int(
                     json_object_object_get(json_object_object_get(path, "replica_paths"),
                                            "follower_2")),
                 2);
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    ww_trace_print(json, file);
    fclose(file);
    cr_expect_not_null(strstr(text, "commit_to_apply limits: 34 %"), "%s", text);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        cr_expect_leq(strlen(line), 100, "%s", line);
    free(text);
    json_object_put(json);
}

Test(trace_join, few_enough_are_chosen)
{
    const uint64_t second = 1000000000;
    cr_expect_eq(ww_trace_choose(0, 1, true, 5 * second), 32);
    cr_expect_eq(ww_trace_choose(0, 64, true, 5 * second), 1024);
    cr_expect_eq(ww_trace_choose(0, 1u << 24, true, 5 * second), 8192, "enough anyway");
    cr_expect_eq(ww_trace_choose(0, 1, false, 5 * second), 256);
    cr_expect_eq(ww_trace_choose(100, 1, true, second), 1, "every one");
    cr_expect_eq(ww_trace_choose(100000, 1, true, second), 512);
    cr_expect_eq(ww_trace_choose(100000, 1, true, 3600 * second), 8192, "longer runs: fewer");
    cr_expect_eq(ww_trace_choose(1u << 30, 1, true, UINT64_MAX), 1u << 30);
}

Test(trace_join, the_load_generators_file_is_read_back)
{
    char directory[] = "trace-test-XXXXXX", path[64];
    cr_assert_not_null(mkdtemp(directory));
    struct ww_load_trace out;
    snprintf(path, sizeof(path), "%s/trace", directory);
    cr_assert_eq(ww_load_trace_open(&out, path, 8, &error), WW_OK);
    struct ww_load_trace_record records[1000];
    for (uint64_t i = 0; i < 1000; i++)
        records[i] = (struct ww_load_trace_record){8 * (1000 - i), 1, 2, 3, 0};
    cr_assert_eq(fwrite(records, sizeof(records[0]), 1000, out.file), 1000);
    cr_assert_eq(ww_load_trace_close(&out, &error), WW_OK);
    cr_assert_eq(ww_traces_read_load(&traces, path, &error), WW_OK);
    cr_assert_eq(traces.sample_count, 1000);
    cr_expect_eq(traces.samples[999].index, 8);
    cr_expect_eq(traces.samples[999].answered_ns, 3);
    cr_expect_eq(ww_traces_read_load(&traces, "no-such-file", &error), WW_EIO);
    ww_local_remove(directory);
}
