/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule, just on this side of its bound and just on the other. */
#include "bench/warnings.h"

#include "bench/json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct json_object *result_, *intervals_;

/* A run that has nothing to be warned of. */
static void set_up(void)
{
    result_ = json_tokener_parse(
        "{\"config\":{\"durability\":\"dsync\",\"loop\":\"closed\",\"inflight\":64,"
        "\"transport\":\"memif\",\"replicas\":3,\"pollers\":4},"
        "\"environment\":{\"cores\":8,\"cores_allowed\":\"0-7\",\"filesystem\":\"ext4\",\"device\":"
        "\"/dev/x\","
        "\"device_write_cache\":\"write back\",\"device_fua\":true},"
        "\"commit\":{\"count\":1000000,\"per_s\":5000},"
        "\"wal\":{\"prepared_bytes\":0},"
        "\"limits\":{\"rounds\":[]},"
        "\"load\":{\"resent\":0,\"drops\":0,\"node_drops\":0,\"redirects\":0},"
        "\"cpu\":{\"steal_fraction\":0,\"others_cores\":0,\"others\":[],\"throttle_events\":0}}");
    intervals_ = json_object_new_array();
}

static void tear_down(void)
{
    json_object_put(result_);
    json_object_put(intervals_);
}

TestSuite(warnings, .init = set_up, .fini = tear_down);

/* "part.key" becomes a JSON value. */
static void set(const char *path, const char *value)
{
    char part[64];
    size_t length = strcspn(path, ".");
    snprintf(part, sizeof(part), "%.*s", (int)length, path);
    json_object_object_add(json_object_object_get(result_, part), path + length + 1,
                           json_tokener_parse(value));
}

static void add_interval(const char *phase, double per_s, double seconds)
{
    struct json_object *interval = json_object_new_object();
    ww_json_put_text(interval, "phase", phase);
    ww_json_put_number(interval, "per_s", per_s);
    ww_json_put_number(interval, "seconds", seconds);
    json_object_array_add(intervals_, interval);
}

static void add_round(bool between, double p50, double ghz)
{
    char text[200];
    snprintf(text, sizeof(text),
             "{\"between\":%s,\"wal_write\":{\"p50\":%f},\"cycles_per_ns\":%f,"
             "\"memcpy_bytes_per_s\":%f}",
             between ? "true" : "false", p50, ghz, p50);
    json_object_array_add(ww_json_at(result_, "limits.rounds"), json_tokener_parse(text));
}

/* The text of the only warning, which has this code; NULL: there must be none at all. */
static void expect(const char *code, const char *says)
{
    struct json_object *found = ww_warnings_find(result_, intervals_);
    const char *all = json_object_to_json_string(found);
    cr_assert_eq(json_object_array_length(found), code != NULL, "%s", all);
    if (code != NULL) {
        struct json_object *first = json_object_array_get_idx(found, 0);
        cr_expect_str_eq(ww_json_text_or(first, "code", ""), code);
        cr_expect_not_null(strstr(ww_json_text_or(first, "text", ""), says), "%s", all);
    }
    json_object_put(found);
}

Test(warnings, a_clean_run_has_none)
{
    expect(NULL, "");
}

Test(warnings, single_values_on_both_sides_of_their_bounds)
{
    static const struct {
        const char *path, *good, *bad, *again, *code, *says;
    } cases[] = {
        {"cpu.steal_fraction", "0.01", "0.011", "0", "steal", "1.1 %"},
        {"cpu.others_cores", "0.05", "0.06", "0", "other_processes", "0.06 cores"},
        {"cpu.throttle_events", "0", "2", "0", "throttled", "2 times"},
        {"config.pollers", "8", "9", "4", "few_cores", "9 threads poll on 8 cores"},
        {"environment.cpu_governor", "\"performance\"", "\"powersave\"", "\"performance\"",
         "governor", "'powersave'"},
        {"environment.device_fua", "true", "false", "true", "no_fua", "/dev/x"},
        {"environment.device_write_cache", "\"write through\"", "\"\"", "\"write back\"",
         "unknown_device", "ext4"},
        {"config.durability", "\"fdatasync\"", "\"buffered\"", "\"dsync\"", "not_durable", "power"},
        {"wal.prepared_bytes", "0", "268435456", "0", "zeroing", "268 MB"},
        {"commit.count", "100000", "99999", "1000000", "few_samples", "p99.99"},
        {"commit.count", "100000", "9999", "1000000", "few_samples", "p99.9:"},
        {"commit.count", "100000", "999", "1000000", "few_samples", "above the p99:"},
        {"load.behind_fraction", "0.01", "0.02", "0", "late_generator", "2.0 %"},
        {"load.resent", "0", "3", "0", "losses", "3 entries"},
        {"load.node_drops", "0", "1", "0", "losses", "1 datagrams"},
        {"load.redirects", "0", "1", "0", "leader_changed", "1 redirects"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set(cases[i].path, cases[i].good);
        expect(NULL, "");
        set(cases[i].path, cases[i].bad);
        expect(cases[i].code, cases[i].says);
        set(cases[i].path, cases[i].again);
    }
}

Test(warnings, a_device_without_fua_is_nothing_to_memory_or_to_a_cache_that_is_safe)
{
    set("environment.device_fua", "false");
    set("environment.device_write_cache", "\"write through\"");
    expect(NULL, "");
    set("environment.device_write_cache", "\"write back\"");
    set("config.durability", "\"memory\"");
    expect(NULL, "");
    json_object_object_del(ww_json_at(result_, "environment"), "device_write_cache");
    expect(NULL, "");
}

Test(warnings, others_are_named)
{
    set("cpu.others_cores", "0.5");
    set("cpu.others", "[{\"name\":\"cc1\",\"pid\":77,\"cores\":0.4}]");
    expect("other_processes", "cc1 (77)");
}

Test(warnings, a_rate_that_was_not_reached)
{
    set("config.rate", "1000");
    set("config.achieved_rate", "990");
    expect(NULL, "");
    set("config.achieved_rate", "989");
    expect("rate_missed", "1,000 entries/s were offered, 989 came");
}

Test(warnings, a_leader_that_was_killed_on_purpose_is_no_news)
{
    set("load.redirects", "5");
    json_object_object_add(result_, "injections", json_object_new_array());
    expect(NULL, "");
}

Test(warnings, drift_is_looked_for_among_rounds_of_one_kind)
{
    add_round(false, 100, 3);
    add_round(true, 1000, 1); /* idle nodes beside it: another kind */
    add_round(true, 1100, 1);
    add_round(false, 119, 3.1);
    expect(NULL, "");
}

Test(warnings, drift_of_device_and_cores)
{
    add_round(false, 100, 3);
    add_round(false, 119, 2.84);
    expect("core_drift", "2.84 to 3.00 GHz");
    tear_down();
    set_up();
    add_round(true, 100, 3);
    add_round(true, 121, 3);
    expect("core_drift", "copying memory");
}

Test(warnings, drift_of_the_device)
{
    static const struct {
        double p50;
        bool drifts;
    } cases[] = {{124, false}, {126, true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tear_down();
        set_up();
        for (int k = 0; k < 2; k++) {
            char text[64];
            snprintf(text, sizeof(text), "{\"between\":true,\"wal_write\":{\"p50\":%f}}",
                     k == 0 ? 100 : cases[i].p50);
            json_object_array_add(ww_json_at(result_, "limits.rounds"), json_tokener_parse(text));
        }
        expect(cases[i].drifts ? "device_drift" : NULL, "between 100 ns and 126 ns");
    }
}

Test(warnings, a_first_interval_that_stands_out)
{
    static const struct {
        double first, later[4];
        bool warns;
    } cases[] = {
        {1000, {1000, 1010, 990, 1000}, false},
        {905, {1000, 1010, 990, 1000}, false}, /* less than a tenth */
        {880, {1000, 1010, 990, 1000}, true},  /* more */
        {1200, {1000, 1010, 990, 1000}, true}, /* a burst into an empty log, say */
        {800, {1000, 1150, 880, 1000}, false}, /* no further than twice what others do */
        {600, {1000, 1150, 880, 1000}, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tear_down();
        set_up();
        add_interval("warmup", 1, 1);
        add_interval("measure", cases[i].first, 1);
        for (int k = 0; k < 4; k++) {
            add_interval("measure", cases[i].later[k], 1);
            add_interval("measure", 10, 0.1); /* the scrap at the end of a round */
        }
        expect(cases[i].warns ? "warmup" : NULL, "--warmup");
    }
}

Test(warnings, three_intervals_are_too_few_to_tell)
{
    add_interval("measure", 1, 1);
    add_interval("measure", 1000, 1);
    add_interval("measure", 1000, 1);
    expect(NULL, "");
}

Test(warnings, conditions_say_what_the_figures_stand_on)
{
    char text[WW_CONDITIONS_MAX];
    ww_conditions_text(result_, text);
    cr_expect_str_eq(text,
                     "dsync on ext4, /dev/x (write cache write back, FUA); memif; 3 replicas; "
                     "closed loop, 64 in flight, 5,000/s achieved; 4 polling threads on 8 "
                     "cores (0-7)");
    set("config.durability", "\"memory\"");
    set("config.loop", "\"open\"");
    set("config.rate", "1000");
    set("config.achieved_rate", "999");
    ww_conditions_text(result_, text);
    cr_expect_str_eq(text, "memory; memif; 3 replicas; open loop, 1,000/s offered, 999/s achieved; "
                           "4 polling threads on 8 cores (0-7)");
}
