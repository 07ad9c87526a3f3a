/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/backend/snapshot_files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = {
    "00000001-00000000000000ff.snap", "00000000-0000000000000100.snap",
    "00000000-00000000000000ff.snap", "00000000-0000000000000200.snap.new",
    "00000000-0000000000000200.part", "notes.snap",
};

Test(snapshot_files, those_that_are_whole_are_listed_in_order)
{
    char directory[] = "/tmp/ww-test-files-XXXXXX", path[128];
    struct ww_snapshot_file *files;
    struct ww_error error = {0};
    size_t count;
    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(ww_snapshot_files(directory, &files, &count, &error), WW_ENOTFOUND);
    cr_assert_not_null(strstr(error.text, directory));
    snprintf(path, sizeof(path), "%s/snapshots", directory);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(ww_snapshot_files(directory, &files, &count, &error), WW_OK);
    cr_assert_eq(count, 0);
    free(files);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/snapshots/%s", directory, names[i]);
        fclose(fopen(path, "w"));
    }
    cr_assert_eq(ww_snapshot_files(directory, &files, &count, &error), WW_OK, "%s", error.text);
    static const struct ww_snapshot_file wanted[] = {{0, 0xff}, {0, 0x100}, {1, 0xff}};
    cr_assert_eq(count, 3);
    for (size_t i = 0; i < count; i++) {
        char found[WW_SNAPSHOT_PATH_MAX];
        cr_assert_eq(files[i].group, wanted[i].group);
        cr_assert_eq(files[i].index, wanted[i].index);
        ww_snapshot_file_path(directory, files[i].group, files[i].index, found);
        cr_assert_eq(access(found, F_OK), 0, "%s", found);
    }
    free(files);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/snapshots/%s", directory, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/snapshots", directory);
    rmdir(path);
    rmdir(directory);
}
