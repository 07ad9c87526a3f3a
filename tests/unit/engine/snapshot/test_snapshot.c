/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/snapshot/snapshot.h"
#include "engine/wire/checksum.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTER 0x1122334455667788u
#define GROUP 5u

static struct ww_snapshot_builder builder;

static void setup(void)
{
    struct ww_snapshot_header about = {
        .cluster = CLUSTER,
        .group = GROUP,
        .index = 100,
        .term = 7,
        .time_ns = 1234,
        .configuration = {.voters = 0xe, .learners = 0x10},
    };
    cr_assert_eq(ww_snapshot_begin(&builder), WW_OK);
    cr_assert_eq(ww_snapshot_write(&builder, "sessions", 8), WW_OK);
    ww_snapshot_end_sessions(&builder);
    cr_assert_eq(ww_snapshot_write(&builder, "the ", 4), WW_OK);
    cr_assert_eq(ww_snapshot_write(&builder, "machine", 7), WW_OK);
    ww_snapshot_seal(&builder, &about);
}

static void teardown(void)
{
    ww_snapshot_discard(&builder);
}

TestSuite(snapshot, .init = setup, .fini = teardown);

static int check(struct ww_error *error)
{
    struct ww_snapshot snapshot;
    return ww_snapshot_check(builder.data, builder.bytes, CLUSTER, GROUP, &snapshot, error);
}

/* After a header was changed as a wrong program would: with a right checksum. */
static void seal_again(void)
{
    struct ww_snapshot_header *header = (void *)builder.data;
    header->crc32c = ww_crc32c(builder.data + 4, builder.bytes - 4);
}

Test(snapshot, what_was_written_comes_back)
{
    struct ww_snapshot snapshot;
    cr_assert_eq(ww_snapshot_check(builder.data, builder.bytes, CLUSTER, GROUP, &snapshot, NULL),
                 WW_OK);
    cr_assert_eq(snapshot.header->index, 100);
    cr_assert_eq(snapshot.header->term, 7);
    cr_assert_eq(snapshot.header->time_ns, 1234);
    cr_assert_eq(snapshot.header->configuration.voters, 0xe);
    cr_assert_eq(snapshot.header->configuration.learners, 0x10);
    cr_assert_eq(snapshot.header->session_bytes, 8);
    cr_assert_eq(snapshot.header->machine_bytes, 11);
    cr_assert_eq(memcmp(snapshot.sessions, "sessions", 8), 0);
    cr_assert_eq(memcmp(snapshot.machine, "the machine", 11), 0);
}

Test(snapshot, every_flipped_byte_is_found)
{
    struct ww_error error;
    for (size_t at = 0; at < builder.bytes; at++) {
        builder.data[at] ^= 0x41;
        int status = check(&error);
        cr_assert(status == WW_EDAMAGED || status == WW_EVERSION, "byte %zu", at);
        cr_assert_neq(error.text[0], 0);
        builder.data[at] ^= 0x41;
    }
    cr_assert_eq(check(&error), WW_OK);
}

Test(snapshot, every_cut_and_what_is_behind_the_end_are_found)
{
    struct ww_snapshot snapshot;
    for (size_t bytes = 0; bytes < builder.bytes; bytes++) {
        /* A copy of just so many bytes, so that a look behind them is seen by the sanitizers. */
        uint8_t *copy = malloc(bytes + 1);
        memcpy(copy, builder.data, bytes);
        cr_assert_eq(ww_snapshot_check(copy, bytes, CLUSTER, GROUP, &snapshot, NULL), WW_EDAMAGED,
                     "%zu bytes", bytes);
        free(copy);
    }
    cr_assert_eq(ww_snapshot_write(&builder, "", 1), WW_OK);
    cr_assert_eq(check(NULL), WW_EDAMAGED);
}

Test(snapshot, of_another_cluster_group_or_version)
{
    struct ww_error error;
    struct ww_snapshot_header *header = (void *)builder.data;
    header->cluster++;
    seal_again();
    cr_assert_eq(check(&error), WW_EFOREIGN);
    cr_assert_not_null(strstr(error.text, "another cluster"));
    header->cluster--;
    header->group++;
    seal_again();
    cr_assert_eq(check(&error), WW_EFOREIGN);
    cr_assert_not_null(strstr(error.text, "group 6, not 5"));
    header->group--;
    header->version++;
    seal_again();
    cr_assert_eq(check(&error), WW_EVERSION);
    cr_assert_not_null(strstr(error.text, "version 2"));
}

Test(snapshot, a_right_checksum_over_what_cannot_be)
{
    struct ww_snapshot_header *header = (void *)builder.data;
    struct ww_snapshot_header good = *header;
    header->session_bytes = UINT64_MAX;
    seal_again();
    cr_assert_eq(check(NULL), WW_EDAMAGED);
    *header = good;
    header->session_bytes++;
    seal_again();
    cr_assert_eq(check(NULL), WW_EDAMAGED);
    *header = good;
    header->index = 0;
    seal_again();
    cr_assert_eq(check(NULL), WW_EDAMAGED);
    *header = good;
    header->configuration.learners = 2;
    seal_again();
    cr_assert_eq(check(NULL), WW_EDAMAGED);
    header->configuration = (struct ww_configuration){0};
    seal_again();
    cr_assert_eq(check(NULL), WW_EDAMAGED, "nobody votes");
    *header = good;
    seal_again();
    cr_assert_eq(check(NULL), WW_OK);
}

Test(snapshot, it_grows_to_its_limit_and_not_beyond)
{
    struct ww_snapshot_builder large;
    size_t piece = WW_SNAPSHOT_MAX / 64;
    uint8_t *bytes = calloc(1, piece);
    cr_assert_eq(ww_snapshot_begin(&large), WW_OK);
    for (int i = 0; i < 63; i++)
        cr_assert_eq(ww_snapshot_write(&large, bytes, piece), WW_OK);
    cr_assert_eq(ww_snapshot_write(&large, bytes, piece), WW_ETOOBIG, "the header takes some");
    cr_assert_eq(ww_snapshot_write(&large, bytes, WW_SNAPSHOT_MAX - large.bytes), WW_OK);
    cr_assert_eq(ww_snapshot_write(&large, bytes, 1), WW_ETOOBIG);
    ww_snapshot_discard(&large);
    free(bytes);
}
