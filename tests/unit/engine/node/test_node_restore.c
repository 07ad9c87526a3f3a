/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/backend/snapshot_files.h"
#include "engine/groups/recovery.h"
#include "engine/node/backends.h"
#include "engine/node/node_restore.h"
#include "engine/snapshot/snapshot_map.h"
#include "engine/wire/checksum.h"
#include "tests/unit/engine/snapshot/snapshot_text.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ww_config config;
static struct ww_error error;
static struct ww_snapshot_blob snapshots[2]; /* of groups 0 and 2, by the log machine */
static char directory[64];

static const struct ww_snapshot_header about[] = {
    {.cluster = 5, .group = 0, .index = 100, .term = 7, .time_ns = 11, .configuration = {6}},
    {.cluster = 5, .group = 2, .index = 300, .term = 9, .time_ns = 12, .configuration = {6}},
};

static void setup(void)
{
    snprintf(directory, sizeof(directory), "/tmp/ww-test-restore-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    ww_config_init(&config);
    config.node_count = 3;
    for (uint32_t i = 0; i < 3; i++)
        config.nodes[i].id = i + 1;
    config.nodes[2].learner = true;
    config.node_id = 2;
    config.groups = 4;
    config.durability = WW_CONFIG_BUFFERED; /* the directory may lie in memory */
    config.segment_bytes = config.prepare_bytes = config.log_buffer_bytes = WW_SEGMENT_BYTES_MIN;
    snprintf(config.cluster_name, sizeof(config.cluster_name), "restored");
    snprintf(config.data_dir, sizeof(config.data_dir), "%s/data", directory);
    for (uint32_t i = 0; i < 2; i++)
        snapshots[i] = snapshot_of(&about[i], "sessions", "0123456789abcdef", 16);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static void teardown(void)
{
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    for (uint32_t i = 0; i < 2; i++)
        free((void *)snapshots[i].data);
}

TestSuite(node_restore, .init = setup, .fini = teardown);

static void expect_failure(uint32_t count, int status, const char *says)
{
    cr_assert_eq(ww_node_restore(&config, snapshots, count, &error), status, "%s", error.text);
    cr_assert_not_null(strstr(error.text, says), "'%s' does not say '%s'", error.text, says);
}

/* As a node that starts there: what recovery finds. */
static void recover(struct ww_group_recovery *recovery, struct ww_log_store **store)
{
    const struct iovec none[2] = {{0}};
    cr_assert_eq(ww_group_recovery_init(recovery, config.groups, config.segment_bytes), WW_OK);
    cr_assert_eq(ww_backend_log(&config, none, ww_group_recovery_visit, recovery, store, &error),
                 WW_OK, "%s", error.text);
}

Test(node_restore, each_group_begins_behind_its_snapshot)
{
    struct ww_group_recovery recovery;
    struct ww_log_store *store;
    struct ww_snapshot_blob blob;
    char path[WW_SNAPSHOT_PATH_MAX];
    cr_assert_eq(ww_node_restore(&config, snapshots, 2, &error), WW_OK, "%s", error.text);
    recover(&recovery, &store);
    for (uint32_t i = 0; i < 2; i++) {
        const struct ww_recovered_group *group = &recovery.groups[about[i].group];
        cr_assert_eq(group->base_index, about[i].index);
        cr_assert_eq(group->base_term, about[i].term);
        cr_assert_eq(group->term, about[i].term);
        cr_assert_eq(group->vote, 0);
        cr_assert_gt(group->known_position, 0, "it knows that it promised nothing");
        ww_snapshot_file_path(config.data_dir, about[i].group, about[i].index, path);
        cr_assert_eq(ww_snapshot_map(path, &blob, &error), WW_OK, "%s", error.text);
        const struct ww_snapshot_header *header = ww_snapshot_header(&blob);
        cr_assert_eq(header->cluster, ww_cluster_number("restored"), "the new cluster's");
        cr_assert_eq(header->configuration.voters, 6);
        cr_assert_eq(header->configuration.learners, 8, "the configuration's, not the old one's");
        cr_assert_eq(header->time_ns, about[i].time_ns);
        cr_assert_eq(blob.bytes, snapshots[i].bytes);
        size_t content = sizeof(*header) + sizeof(struct ww_snapshot_chunk);
        cr_assert_eq(memcmp(blob.data + content, snapshots[i].data + content, blob.bytes - content),
                     0, "sessions and state as they were");
        ww_snapshot_unmap(&blob);
    }
    cr_assert_eq(recovery.groups[1].term, 0, "a group without one begins anew");
    cr_assert_eq(recovery.groups[1].base_index, 0);
    cr_assert_eq(recovery.groups[1].known_position, 0);
    store->ops->close(store);
    ww_group_recovery_free(&recovery);
    expect_failure(2, WW_EFOREIGN, "is not empty");
}

Test(node_restore, an_empty_directory_will_do)
{
    cr_assert_eq(mkdir(config.data_dir, 0700), 0);
    cr_assert_eq(ww_node_restore(&config, snapshots, 1, &error), WW_OK, "%s", error.text);
}

Test(node_restore, what_does_not_fit_is_refused_and_leaves_nothing)
{
    config.groups = 2;
    expect_failure(2, WW_ENOTFOUND, "of group 2; raft.groups is 2");
    config.groups = 4;
    config.machine = WW_CONFIG_MACHINE_KV;
    expect_failure(1, WW_EFOREIGN, "of the machine 'log'; node.machine is 'kv'");
    config.machine = WW_CONFIG_MACHINE_LOG;
    config.durability = WW_CONFIG_MEMORY;
    expect_failure(1, WW_EINVAL, "memory");
    config.durability = WW_CONFIG_BUFFERED;
    config.nodes[1].join = true;
    expect_failure(1, WW_EINVAL, "join");
    config.nodes[1].join = false;
    free((void *)snapshots[1].data);
    snapshots[1] = snapshot_of(&about[0], "", "0123456789abcdef", 16);
    expect_failure(2, WW_EINVAL, "two snapshots of group 0");
    cr_assert_neq(access(config.data_dir, F_OK), 0);
}

Test(node_restore, a_failure_half_way_leaves_the_directory_empty)
{
    const struct rlimit small = {64 * WW_KIB, 64 * WW_KIB}; /* the identity fits, no segment */
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    expect_failure(1, WW_ENOSPC, config.data_dir);
    cr_assert_eq(rmdir(config.data_dir), 0);
}
