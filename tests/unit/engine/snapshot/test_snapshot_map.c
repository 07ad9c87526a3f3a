/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/snapshot/snapshot_map.h"
#include "snapshot_text.h"

#include <stdio.h>
#include <unistd.h>

static char path[64];
static struct ww_snapshot_blob whole;

static void setup(void)
{
    const struct ww_snapshot_header about = {
        .cluster = 77, .group = 2, .index = 9, .term = 3, .configuration = {.voters = 2}};
    whole = snapshot_of(&about, "sessions", "the machine's", 13);
    snprintf(path, sizeof(path), "/tmp/ww-test-map-%d.snap", (int)getpid());
}

static void teardown(void)
{
    unlink(path);
    free((void *)whole.data);
}

TestSuite(snapshot_map, .init = setup, .fini = teardown);

static void store(size_t bytes)
{
    FILE *file = fopen(path, "wb");
    cr_assert_eq(fwrite(whole.data, 1, bytes, file), bytes);
    cr_assert_eq(fclose(file), 0);
}

Test(snapshot_map, a_whole_one_is_mapped_whoever_made_it)
{
    struct ww_snapshot_blob blob;
    struct ww_error error = {0};
    store(whole.bytes);
    cr_assert_eq(ww_snapshot_map(path, &blob, &error), WW_OK, "%s", error.text);
    cr_assert_eq(blob.bytes, whole.bytes);
    cr_assert_eq(memcmp(blob.data, whole.data, whole.bytes), 0);
    ww_snapshot_unmap(&blob);
    cr_assert_null(blob.data);
    ww_snapshot_unmap(&blob);
}

Test(snapshot_map, damage_is_named_with_file_and_place)
{
    struct ww_snapshot_blob blob;
    struct ww_error error = {0};
    for (size_t bytes = 0; bytes < whole.bytes; bytes++) {
        store(bytes);
        cr_assert_eq(ww_snapshot_map(path, &blob, &error), WW_EDAMAGED, "%zu bytes", bytes);
        cr_assert_null(blob.data);
        cr_assert_not_null(strstr(error.text, path));
    }
    ((uint8_t *)whole.data)[whole.bytes - 1] ^= 1;
    store(whole.bytes);
    cr_assert_eq(ww_snapshot_map(path, &blob, &error), WW_EDAMAGED);
    cr_assert_not_null(strstr(error.text, "offset 72"), "%s", error.text);
}

Test(snapshot_map, what_cannot_be_read_is_told)
{
    struct ww_snapshot_blob blob;
    struct ww_error error = {0};
    cr_assert_eq(ww_snapshot_map(path, &blob, &error), WW_ENOTFOUND);
    cr_assert_not_null(strstr(error.text, path));
    cr_assert_eq(ww_snapshot_map("/tmp", &blob, &error), WW_EIO);
    cr_assert_not_null(strstr(error.text, "/tmp is not a file"));
}
