/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/node/config_keys.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct ww_error error;

static const char three_nodes[] = "cluster:\n  nodes: [{id: 1}, {id: 2}, {id: 3}]\n"
                                  "node: {id: 2, data: /tmp/x}\n";

static int read_text(struct ww_config *config, const char *text)
{
    char path[] = "/tmp/ww-test-config-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    ww_config_init(config);
    int status = ww_config_read(config, path, &error);
    unlink(path);
    return status;
}

static void read_valid(struct ww_config *config)
{
    cr_assert_eq(read_text(config, three_nodes), WW_OK, "%s", error.text);
    cr_assert_eq(ww_config_validate(config, &error), WW_OK, "%s", error.text);
}

static void expect_text(const char *part)
{
    cr_assert(strstr(error.text, part) != NULL, "'%s' does not say '%s'", error.text, part);
}

static void expect_bad_file(const char *text, const char *part)
{
    struct ww_config config;
    cr_assert_eq(read_text(&config, text), WW_EINVAL, "taken: %s", text);
    expect_text(part);
}

/* Applies one key to a valid configuration and expects the check to refuse it. */
static void expect_invalid(const char *key, const char *value, const char *part)
{
    struct ww_config config;
    cr_assert_eq(read_text(&config, three_nodes), WW_OK);
    if (ww_config_set(&config, key, value, WW_ORIGIN_FLAG, "--test", &error) == WW_OK)
        cr_assert_eq(ww_config_validate(&config, &error), WW_EINVAL, "%s=%s", key, value);
    expect_text(part);
}

Test(config, defaults)
{
    struct ww_config config;
    ww_config_init(&config);
    cr_assert_eq(config.groups, 1);
    cr_assert_eq(config.heartbeat_ns, 50000000);
    cr_assert_eq(config.election_min_ns, 300000000);
    cr_assert_eq(config.election_max_ns, 600000000);
    cr_assert_eq(config.window_bytes, WW_RAFT_WINDOW_DEFAULT);
    cr_assert_eq(config.durability, WW_CONFIG_DSYNC);
    cr_assert_eq(config.segment_bytes, WW_SEGMENT_BYTES_DEFAULT);
    cr_assert_eq(config.log_buffer_bytes, WW_LOG_BUFFER_DEFAULT);
    cr_assert_eq(config.block_bytes, WW_BLOCK_MAX);
    cr_assert_eq(config.transport, WW_CONFIG_MEMIF);
    cr_assert_eq(config.mtu, WW_MTU_DEFAULT);
    cr_assert_eq(config.idle, WW_IDLE_AUTO);
}

Test(config, what_is_not_given_for_a_node_is_derived_from_its_id)
{
    struct ww_config config;
    read_valid(&config);
    cr_assert_str_eq(config.nodes[1].address, "10.77.0.2");
    cr_assert_str_eq(config.nodes[1].admin, "127.0.0.1:7202");
    cr_assert_str_eq(config.nodes[1].mac, "02:57:57:00:00:02");
    cr_assert_eq(config.nodes[1].port, WW_UDP_PORT_DEFAULT);
    cr_assert_str_eq(config.socket_dir, "/tmp/ww-whitewater");
    cr_assert_eq(read_text(&config, three_nodes), WW_OK);
    config.transport = WW_CONFIG_UDP;
    cr_assert_eq(ww_config_validate(&config, &error), WW_OK, "%s", error.text);
    cr_assert_str_eq(config.nodes[2].address, "127.0.0.1");
    cr_assert_eq(config.nodes[2].port, WW_UDP_PORT_DEFAULT + 3);
}

Test(config, a_file_sets_keys_and_their_origin)
{
    struct ww_config config;
    cr_assert_eq(read_text(&config, "wal: {durability: fdatasync, segment: 8MiB}\n"
                                    "raft:\n  heartbeat: 20ms\n  groups: 8\nnet:\n"
                                    "stages.idle: yield\n"),
                 WW_OK, "%s", error.text);
    cr_assert_eq(config.durability, WW_CONFIG_FDATASYNC);
    cr_assert_eq(config.segment_bytes, 8 * WW_MIB);
    cr_assert_eq(config.heartbeat_ns, 20000000);
    cr_assert_eq(config.groups, 8);
    cr_assert_eq(config.idle, WW_IDLE_YIELD);
    cr_assert_eq(ww_config_origin_of(&config, ww_config_key_find("wal.segment")), WW_ORIGIN_FILE);
    cr_assert_eq(ww_config_origin_of(&config, ww_config_key_find("wal.max")), WW_ORIGIN_DEFAULT);
}

Test(config, an_unknown_key_is_named_with_its_line_and_the_nearest_one)
{
    expect_bad_file("wal:\n  durabilty: dsync\n", "line 2: unknown key 'wal.durabilty'; did you "
                                                  "mean 'wal.durability'?");
    expect_bad_file("\nhartbeat: 3ms\n", "line 2: unknown key 'hartbeat'; did you mean "
                                         "'raft.heartbeat'?");
    expect_bad_file("cluster:\n  nodes:\n    - idd: 3\n",
                    "line 3: unknown key 'idd' in cluster.nodes; did you mean 'id'?");
    expect_bad_file("wall: {depth: 1}\n", "unknown key 'wall'");
}

Test(config, a_wrong_value_is_named_with_what_is_accepted)
{
    expect_bad_file("wal: {segment: 64MB}\n", "wal.segment: '64MB': unknown unit; use B, KiB");
    expect_bad_file("raft: {heartbeat: 50}\n", "raft.heartbeat: '50': unknown unit; use ns");
    expect_bad_file("wal: {durability: fsync}\n",
                    "wal.durability: 'fsync' is not one of dsync, fdatasync, buffered, memory; did "
                    "you mean 'dsync'?");
    expect_bad_file("net: {mtu: 100}\n", "net.mtu: '100' is outside 1280 .. 9KiB");
    expect_bad_file("raft: {groups: [1]}\n", "raft.groups needs a single value");
    expect_bad_file("cluster: {nodes: [{id: 8}]}\n", "'8' is outside 1 .. 7");
    expect_bad_file("cluster: {nodes: 3}\n", "must be a list");
    expect_bad_file("cluster: {nodes: [{port: 3}]}\n", "has no id");
}

Test(config, what_is_no_configuration_is_refused)
{
    struct ww_config config;
    expect_bad_file("- a\n- b\n", "must be a map");
    expect_bad_file("wal: {depth: 1\n", "not YAML");
    expect_bad_file("wal: {depth: 1}\nwal.depth: 2\n", "line 2: wal.depth was given before, in "
                                                       "line 1");
    ww_config_init(&config);
    cr_assert_eq(ww_config_read(&config, "/nonexistent/ww.yaml", &error), WW_EINVAL);
    expect_text("/nonexistent/ww.yaml");
}

Test(config, keys_have_short_names_where_one_key_ends_so)
{
    cr_assert_eq(ww_config_key_find("durability"), ww_config_key_find("wal.durability"));
    cr_assert_not_null(ww_config_key_find("durability"));
    cr_assert_null(ww_config_key_find("wal"));
    cr_assert_null(ww_config_key_find(""));
}

Test(config, the_environment_sets_keys)
{
    struct ww_config config;
    ww_config_init(&config);
    setenv("WW_WAL_DURABILITY", "memory", 1);
    setenv("WW_RAFT_ELECTION_MIN", "400ms", 1);
    setenv("WW_ENDPOINT", "127.0.0.1:1", 1);
    cr_assert_eq(ww_config_environment(&config, &error), WW_OK, "%s", error.text);
    cr_assert_eq(config.durability, WW_CONFIG_MEMORY);
    cr_assert_eq(config.election_min_ns, 400000000);
    cr_assert_eq(ww_config_origin_of(&config, ww_config_key_find("wal.durability")),
                 WW_ORIGIN_ENVIRONMENT);
    setenv("WW_WAL_DURABILTY", "memory", 1);
    cr_assert_eq(ww_config_environment(&config, &error), WW_EINVAL);
    expect_text("'WW_WAL_DURABILTY'; did you mean 'WW_WAL_DURABILITY'?");
    unsetenv("WW_WAL_DURABILTY");
    setenv("WW_WAL_DEPTH", "many", 1);
    cr_assert_eq(ww_config_environment(&config, &error), WW_EINVAL);
    expect_text("WW_WAL_DEPTH: wal.depth: 'many': not a number");
}

Test(config, a_log_must_not_be_full_before_anything_leaves_it)
{
    static const char text[] = "wal: {max: 1GiB, retain: 832MiB}\n";
    struct ww_config config;
    char all[512];
    snprintf(all, sizeof(all), "%s%s", three_nodes, text);
    cr_assert_eq(read_text(&config, all), WW_OK);
    cr_assert_eq(ww_config_validate(&config, &error), WW_OK, "%s", error.text);
    cr_assert_eq(config.retain_bytes, 832u << 20);
    config.retain_bytes++;
    cr_assert_eq(ww_config_validate(&config, &error), WW_EINVAL);
    expect_text("must be at least wal.retain");
}

Test(config, sizes_and_times_must_fit_together)
{
    expect_invalid("wal.segment", "3MiB", "power of two");
    expect_invalid("wal.segment", "256MiB", "wal.prepare (128MiB) must be at least");
    expect_invalid("wal.max", "1MiB", "wal.max (1MiB)");
    expect_invalid("wal.block", "5000", "multiple of 4KiB");
    expect_invalid("wal.block", "8KiB", "must hold the largest batch");
    expect_invalid("wal.block", "1MiB", "outside 4KiB .. 256KiB");
    expect_invalid("wal.depth", "17", "outside 1 .. 16");
    expect_invalid("memory.log_buffer", "96MiB", "divide wal.segment");
    expect_invalid("wal.retain_time", "87601h", "outside 0 .. 87600h");
    expect_invalid("raft.heartbeat", "201ms", "at least one and a half of raft.heartbeat");
    expect_invalid("raft.retry", "601ms", "at most raft.election_max (600ms)");
    expect_invalid("raft.clock_drift", "100001", "outside 0 .. 100000");
    expect_invalid("raft.profile", "van",
                   "'van' is not one of local, wan, lan, fast; did you mean "
                   "'wan'?");
    expect_invalid("raft.adaptive", "yes", "'yes' is not one of false, true");
    expect_invalid("raft.session_timeout", "10ms", "outside 1s .. 24h");
    expect_invalid("raft.election_max", "300ms", "raft.election_max (300ms)");
    expect_invalid("stages.threads", "2", "1 or 3");
    expect_invalid("stages.cores", "0,1", "one core for each");
    expect_invalid("stages.cores", "x", "one core for each");
    expect_invalid("trace.every", "1000", "trace.every (1000) must be a power of two, or 0");
    expect_invalid("net.transport", "af_packet", "net.interface");
    expect_invalid("node.id", "4", "node.id 4 is not in cluster.nodes");
    expect_invalid("node.id", "0", "node.id is missing");
    expect_invalid("node.data", "", "node.data is missing");
    expect_invalid("cluster.name", "", "cluster.name");
}

Test(config, a_buffer_may_divide_a_segment_or_hold_several)
{
    struct ww_config config;
    read_valid(&config);
    config.log_buffer_bytes = 16 * WW_MIB;
    cr_assert_eq(ww_config_validate(&config, &error), WW_OK, "%s", error.text);
    config.log_buffer_bytes = 192 * WW_MIB;
    cr_assert_eq(ww_config_validate(&config, &error), WW_OK, "%s", error.text);
}

Test(config, clusters_have_odd_sizes)
{
    struct ww_config config;
    cr_assert_eq(read_text(&config, "node: {id: 1, data: x}\n"), WW_OK);
    cr_assert_eq(ww_config_validate(&config, &error), WW_EINVAL);
    expect_text("lists 0 nodes that vote from the beginning; a cluster has 1, 3, 5 or 7");
    cr_assert_eq(read_text(&config, "cluster: {nodes: [{id: 1}, {id: 2}]}\n"), WW_OK);
    cr_assert_eq(ww_config_validate(&config, &error), WW_EINVAL);
    expect_text("lists 2 nodes that vote");
    cr_assert_eq(read_text(&config, "cluster: {nodes: [{id: 1, join: true}, {id: 2}, {id: 3}]}\n"),
                 WW_OK);
    cr_assert_eq(ww_config_validate(&config, &error), WW_EINVAL);
    expect_text("lists 2 nodes that vote");
    expect_bad_file("cluster: {nodes: [{id: 1},{id: 2},{id: 3},{id: 4},{id: 5},{id: 6},{id: 7},"
                    "{id: 1}]}\n",
                    "more than 7");
}

Test(config, nodes_may_begin_as_learners_or_wait_to_be_added)
{
    struct ww_config config;
    cr_assert_eq(read_text(&config, "cluster:\n  nodes:\n    - {id: 1, priority: 255}\n"
                                    "    - {id: 2, voter: false}\n    - {id: 3, join: true}\n"
                                    "    - {id: 4, voter: true, join: false, priority: 0}\n"
                                    "    - {id: 5}\nnode: {id: 3, data: x}\n"),
                 WW_OK, "%s", error.text);
    cr_assert_eq(ww_config_validate(&config, &error), WW_OK, "%s", error.text);
    cr_assert_eq(config.nodes[0].priority, 255);
    cr_assert(!config.nodes[0].learner && !config.nodes[0].join);
    cr_assert(config.nodes[1].learner && !config.nodes[1].join);
    cr_assert(!config.nodes[2].learner && config.nodes[2].join);
    cr_assert(!config.nodes[3].learner && !config.nodes[3].join);
    expect_bad_file("cluster: {nodes: [{id: 1, join: yes}]}\n", "join must be true or false");
    expect_bad_file("cluster: {nodes: [{id: 1, voter: 0}]}\n", "voter must be true or false");
    expect_bad_file("cluster: {nodes: [{id: 1, priority: 256}]}\n", "'256' is outside 0 .. 255");
    expect_bad_file("cluster: {nodes: [{id: 1, prio: 1}]}\n", "did you mean");
}

static void expect_time(const struct ww_config *config, const char *name, const char *value,
                        enum ww_config_origin origin)
{
    const struct ww_config_key *key = ww_config_key_find(name);
    char text[64];
    cr_assert_str_eq(ww_config_get(config, key, text, sizeof(text)), value, "%s", name);
    cr_assert_eq(ww_config_origin_of(config, key), origin, "%s", name);
}

Test(config, a_profile_sets_the_times_that_are_not_given_and_says_so)
{
    struct ww_config config;
    cr_assert_eq(read_text(&config, "raft: {heartbeat: 90ms, profile: lan}\n"), WW_OK);
    expect_time(&config, "raft.heartbeat", "90ms", WW_ORIGIN_FILE);
    expect_time(&config, "raft.election_min", "150ms", WW_ORIGIN_PROFILE);
    expect_time(&config, "raft.election_max", "500ms", WW_ORIGIN_PROFILE);
    expect_time(&config, "raft.retry", "20ms", WW_ORIGIN_PROFILE);
    cr_assert_eq(ww_config_set(&config, "profile", "wan", WW_ORIGIN_FLAG, "", &error), WW_OK);
    cr_assert_eq(ww_config_set(&config, "retry", "1s", WW_ORIGIN_FLAG, "", &error), WW_OK);
    expect_time(&config, "raft.heartbeat", "90ms", WW_ORIGIN_FILE);
    expect_time(&config, "raft.election_min", "2s", WW_ORIGIN_PROFILE);
    expect_time(&config, "raft.retry", "1s", WW_ORIGIN_FLAG);
    cr_assert_eq(ww_config_set(&config, "profile", "local", WW_ORIGIN_FLAG, "", &error), WW_OK);
    expect_time(&config, "raft.election_min", "300ms", WW_ORIGIN_DEFAULT);
}

Test(config, every_profile_is_valid)
{
    const char *const names[] = {"local", "wan", "lan", "fast"};
    for (size_t i = 0; i < 4; i++) {
        struct ww_config config;
        read_valid(&config);
        cr_assert_eq(ww_config_set(&config, "profile", names[i], WW_ORIGIN_FLAG, "", &error), 0);
        cr_assert_eq(ww_config_validate(&config, &error), WW_OK, "%s", error.text);
    }
}

Test(config, nodes_must_differ)
{
    const char *const texts[][2] = {
        {"{id: 1}, {id: 1}, {id: 3}", "id 1 stands there twice"},
        {"{id: 1}, {id: 2, admin: '127.0.0.1:7201'}, {id: 3}", "share admin"},
        {"{id: 1}, {id: 2, address: 10.77.0.1}, {id: 3}", "share 10.77.0.1 port"},
        {"{id: 1, address: nowhere}, {id: 2}, {id: 3}", "not an IPv4 address"},
        {"{id: 1, admin: '127.0.0.1'}, {id: 2}, {id: 3}", "admin '127.0.0.1'"},
        {"{id: 1, mac: '03:00:00:00:00:01'}, {id: 2}, {id: 3}", "not a MAC address"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ww_config config;
        char text[256];
        snprintf(text, sizeof(text), "cluster: {nodes: [%s]}\nnode: {id: 1, data: x}\n",
                 texts[i][0]);
        cr_assert_eq(read_text(&config, text), WW_OK, "%s", error.text);
        cr_assert_eq(ww_config_validate(&config, &error), WW_EINVAL, "%s", text);
        expect_text(texts[i][1]);
    }
}

Test(config, what_is_written_reads_back_the_same)
{
    struct ww_config config, again;
    char *text;
    size_t size;
    read_valid(&config);
    cr_assert_eq(ww_config_set(&config, "data", "/tmp/it's: #odd", WW_ORIGIN_FLAG, "", &error), 0);
    cr_assert_eq(ww_config_set(&config, "depth", "7", WW_ORIGIN_FLAG, "", &error), 0);
    cr_assert_eq(ww_config_set(&config, "idle", "spin", WW_ORIGIN_FLAG, "", &error), 0);
    cr_assert_eq(ww_config_set(&config, "profile", "wan", WW_ORIGIN_FLAG, "", &error), 0);
    config.nodes[0].priority = 9;
    config.nodes[1].learner = true;
    config.nodes[2].join = true;
    FILE *file = open_memstream(&text, &size);
    cr_assert_eq(ww_config_write(&config, file), WW_OK);
    fclose(file);
    cr_assert_eq(read_text(&again, text), WW_OK, "%s\n%s", error.text, text);
    memcpy(again.origins, config.origins, sizeof(again.origins));
    cr_assert_eq(memcmp(&config, &again, sizeof(config)), 0, "%s", text);
    free(text);
}

Test(config, text_that_cannot_be_kept_is_refused)
{
    struct ww_config config;
    char long_text[400];
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = 0;
    ww_config_init(&config);
    cr_assert_eq(ww_config_set(&config, "node.data", long_text, WW_ORIGIN_FLAG, "--data", &error),
                 WW_EINVAL);
    expect_text("longer than 255 characters");
    cr_assert_eq(ww_config_set(&config, "node.data", "a\nb", WW_ORIGIN_FLAG, "--data", &error),
                 WW_EINVAL);
    expect_text("control character");
}

/* The page is written by hand; this keeps it whole. */
Test(config, the_documentation_names_every_key_with_its_default)
{
    static char page[65536];
    FILE *file = fopen(WW_SOURCE_ROOT "/docs/configuration.md", "r");
    cr_assert_not_null(file);
    page[fread(page, 1, sizeof(page) - 1, file)] = 0;
    fclose(file);
    for (uint32_t i = 0; i < ww_config_key_count; i++) {
        const struct ww_config_key *key = &ww_config_keys[i];
        char row[128];
        snprintf(row, sizeof(row), "| `%s` | %s%s%s |", key->name, *key->fallback ? "`" : "",
                 *key->fallback ? key->fallback : "none", *key->fallback ? "`" : "");
        cr_assert(strstr(page, row) != NULL, "docs/configuration.md lacks: %s", row);
    }
}
